//go:build unix

package guard

import (
	"context"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"runbook/engine/permit"
)

// TestRuns: a program runs until the last of its group has ended, and what was
// given its number is another one.
func TestRuns(t *testing.T) {
	started := make(chan Process, 1)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	over := make(chan error, 1)
	go func() {
		_, err := New(permit.Set{Act: []string{"sh"}}, Options{}).RunProgram(ctx, Program{Argv: []string{"sh", "-c", "sleep 60"}, Action: true, Started: func(p Process) { started <- p }})
		over <- err
	}()
	p := <-started
	if !Runs(p) {
		t.Errorf("%v does not run", p)
	}
	for what, other := range map[string]Process{
		"another program with its number": {PID: p.PID, Group: p.Group, Started: p.Started.Add(-time.Hour)},
		"one of no group":                 {PID: p.PID},
	} {
		if Runs(other) && what == "one of no group" || runtime.GOOS == "linux" && Runs(other) {
			t.Errorf("%s runs", what)
		}
	}
	stop()
	<-over
	if Runs(p) {
		t.Errorf("%v runs after its end", p)
	}
}

// TestRunsWithoutItsLeader: a child that outlives the program counts.
func TestRunsWithoutItsLeader(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sleep 60 & exit 0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	p := Process{PID: cmd.Process.Pid, Group: cmd.Process.Pid, Started: time.Now()}
	if !Runs(p) {
		t.Error("its child does not count")
	}
	if err := syscall.Kill(-p.Group, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); Runs(p); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it runs after its end")
		}
	}
}
