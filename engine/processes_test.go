//go:build linux

package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/source"
)

// stubborn are programs that do not want to end: all ignore TERM, or have children
// that do, which hold the pipe of their output.
var stubborn = map[string]string{
	"holder":  "trap '' TERM\nsh -c 'trap \"\" TERM; sleep 300; true' &\nwait; sleep 300",
	"polite":  "sh -c 'trap \"\" TERM; sleep 300; true' &\nwait",
	"leaves":  "(sh -c 'trap \"\" TERM; sleep 300; true' & ) \n(trap '' TERM; sleep 300; true) &\nexit 0",
	"twice":   "(sh -c '(trap \"\" TERM; sleep 300; true) & exit 0' &)\ntrap '' TERM\nsleep 300; sleep 300",
	"stopped": "trap '' TERM\nsleep 300 &\nkill -STOP $!\nkill -STOP $$",
	"forks":   "trap '' TERM\nn=0\nwhile :; do n=$((n+1)); sleep 300 & test $n -lt 40 || sleep 0.2; done",
}

// TestProcesses runs 100 steps that time out, side by side, over programs that do
// not want to end: when the engine has returned, none of what they started runs, no
// file of theirs is left, and it has not waited for any of them to end by itself.
func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	t.Setenv("TMPDIR", filepath.Join(dir, "tmp"))
	mark := fmt.Sprintf("stubborn-%d-%d", os.Getpid(), time.Now().UnixNano())
	t.Setenv("RUNBOOK_MARK", mark)
	for _, name := range []string{"bin", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range stubborn {
		if err := os.WriteFile(filepath.Join(dir, "bin", name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// 30 branches of their own, and 70 items in two lists.
	var b strings.Builder
	b.WriteString("apiVersion: runbook/v1\nname: stubborn\npermissions: {act: [holder, polite, leaves, twice, stopped, forks, cat]}\nsteps:\n  - parallel: all\n    steps:\n")
	scripts := []string{"holder", "polite", "holder | cat", "leaves; leaves & wait; holder", "twice", "stopped", "holder & polite & wait", "echo \"$(polite)\"", "polite > \"$TMPDIR/x\"", "forks"}
	for i := range 30 {
		fmt.Fprintf(&b, "      - {action: s%d, on_failure: continue, timeout: 1s, shell: '%s'}\n", i, scripts[min(i%10, 9-i/10)])
	}
	for i, script := range []string{"holder", "twice | cat"} {
		fmt.Fprintf(&b, "      - {each: e%d, in: '1..35', as: n, max: 35, steps: [{action: x%d, on_failure: continue, timeout: 1s, shell: '%s'}]}\n", i, i, script)
	}
	rb, found := engine.Load(source.NewFile("stubborn.yaml", []byte(b.String())))
	if rb == nil {
		t.Fatal(found)
	}
	began := time.Now()
	out, err := rb.Run(context.Background(), engine.RunOptions{Session: engine.Session{Store: &journal.Store{Dir: filepath.Join(dir, "state")}}})
	took := time.Since(began)
	alive := living(mark)
	if err != nil || out.Outcome != "completed" {
		t.Fatal(err, out)
	}
	for end := time.Now().Add(10 * time.Second); len(alive) > 0 && time.Now().Before(end); alive = living(mark) {
		time.Sleep(10 * time.Millisecond) // what was killed is about to end; by itself it would not
	}
	if len(alive) > 0 {
		t.Errorf("still there: %v", alive)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	timedOut := 0
	for _, st := range out.State.Steps {
		if st.Info.Role == "action" && st.Done != nil && st.Done.Error != nil && st.Done.Error.Kind == "timeout" {
			timedOut++
		}
	}
	if timedOut != 100 {
		t.Errorf("%d steps timed out, not 100", timedOut)
	}
	// A second and the grace period is what it takes; by themselves they take 300.
	if took > 120*time.Second {
		t.Errorf("it took %s", took)
	}
	t.Logf("100 steps took %s", took)
}

// living are the processes with a mark in their environment that have not ended.
func living(mark string) (out []string) {
	folders, _ := os.ReadDir("/proc") // none, and none is found
	for _, f := range folders {
		pid, err := strconv.Atoi(f.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", f.Name(), "environ"))
		if err != nil || !bytes.Contains(env, []byte(mark)) {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", f.Name(), "stat"))
		if _, rest, ok := strings.Cut(string(stat), ") "); err == nil && ok && rest[0] != 'Z' && rest[0] != 'X' {
			cmd, _ := os.ReadFile(filepath.Join("/proc", f.Name(), "cmdline")) // one that has just ended has none
			out = append(out, f.Name()+" "+strings.ReplaceAll(string(cmd), "\x00", " "))
		}
	}
	return out
}
