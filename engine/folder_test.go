package engine_test

import (
	"context"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
)

// TestElsewhere: a program that resumes a run in another folder than its own is told
// so, and nothing is written down.
func TestElsewhere(t *testing.T) {
	state, began := t.TempDir(), t.TempDir()
	t.Chdir(began)
	rb := load(t, "apiVersion: runbook/v1\nname: asks\nsteps: [{manual: m, instructions: Look}]\n")
	s := engine.Session{Store: &journal.Store{Dir: state}, User: "ada"}
	out, err := rb.Run(context.Background(), engine.RunOptions{Session: s})
	if err != nil || out.State.Started.Dir == "" {
		t.Fatal(err, out)
	}
	t.Chdir(t.TempDir())
	if _, err := rb.Resume(context.Background(), out.Run, engine.RunOptions{Session: s}); err == nil || !strings.Contains(err.Error(), began) {
		t.Errorf("got %v", err)
	}
	if log, err := s.Store.Read(out.Run); err != nil || log.Events[len(log.Events)-1].Type != journal.RunPaused {
		t.Error(err, log)
	}
	t.Chdir(began)
	s.Ask = func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
		return interp.Answer{Choice: "done", By: "ada"}, nil, nil
	}
	if out, err = rb.Resume(context.Background(), out.Run, engine.RunOptions{Session: s}); err != nil || out.Outcome != "completed" {
		t.Error(err, out)
	}
}
