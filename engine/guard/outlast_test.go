//go:build unix

package guard

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"runbook/engine/permit"
)

// TestTheRestOfAGroupHasItsGrace: a child that outlives its program, and holds no
// pipe, may still clean up behind a TERM, when the step has finished as when it was
// ended.
func TestTheRestOfAGroupHasItsGrace(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	for what, end := range map[string]string{"it has finished": "", "it is ended": "sleep 300"} {
		dir := t.TempDir()
		const child = `trap "sleep 0.3; echo > cleaned; exit 0" TERM; echo > ready; while :; do sleep 0.05; done`
		ctx, stop := context.WithCancel(context.Background())
		go func() {
			for _, err := os.Stat(filepath.Join(dir, "ready")); err != nil; _, err = os.Stat(filepath.Join(dir, "ready")) {
				time.Sleep(time.Millisecond)
			}
			if end != "" {
				stop()
			}
		}()
		_, _ = New(permit.Set{Act: []string{"sh"}}, Options{Grace: time.Minute}).RunProgram(ctx, Program{ // how it ends is not what counts
			Argv: []string{"sh", "-c", `sh -c '` + child + `' > /dev/null 2>&1 & until test -e ready; do sleep 0.01; done; ` + end}, Action: true, Dir: dir,
		})
		stop()
		if _, err := os.Stat(filepath.Join(dir, "cleaned")); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestNothingBeginsBehindTheEnd: what runs beside a script does not know when the
// script ends, and starts no program afterwards.
func TestNothingBeginsBehindTheEnd(t *testing.T) {
	g := New(permit.Set{Act: []string{"cat"}}, Options{Grace: time.Second})
	for i := range 150 {
		var over atomic.Bool
		late := make(chan Process, 8)
		_, err := g.RunScript(context.Background(), ScriptRun{
			Script: Script{Text: `true < <(for ((i = 0; i < ` + strconv.Itoa(i) + `; i++)); do :; done; cat < /dev/null)`}, Dir: t.TempDir(), Action: true,
			Started: func(p Process) {
				if over.Load() {
					late <- p
				}
			},
		})
		over.Store(true)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case p := <-late:
			t.Fatalf("round %d: process %d began behind the end", i, p.PID)
		case <-time.After(time.Millisecond):
		}
	}
}
