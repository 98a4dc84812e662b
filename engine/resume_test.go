package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/scenario"
)

func choose(choice string) func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
	return func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
		return interp.Answer{Choice: choice, By: "tester"}, nil, nil
	}
}

// TestResumeMasksWhatTheRunKnew: a secret that only the first part used is known
// to the second, which meets it again.
func TestResumeMasksWhatTheRunKnew(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept")
	rb := load(t, `
apiVersion: runbook/v1
name: masks
permissions: {observe: [cat], act: [cp], files: {write: [`+kept+`]}}
secrets:
  key: {env: KEY}
  unused: {command: [/nothing/that/is/there], optional: true}
steps:
  - action: keeps
    shell: {script: "printf '%s and more' \"$K\" > `+kept+`", env: {K: "{{ .secrets.key }}"}}
  - {manual: wait, instructions: Wait}
  - check: shows
    shell: cat `+kept+`
    outputs: {text: stdout}
`)
	store := &journal.Store{Dir: dir}
	s := engine.Session{Store: store, User: "tester", Env: func(string) string { return "secret-number-1" }}
	first, err := rb.Run(context.Background(), engine.RunOptions{Session: s, Inputs: map[string]any{}})
	if err != nil || first.Code != engine.ExitPaused {
		t.Fatal(first, err)
	}
	if b, err := os.ReadFile(kept); err != nil || string(b) != "secret-number-1 and more" {
		t.Fatal(string(b), err)
	}
	log, err := store.Read(first.Run)
	if err != nil {
		t.Fatal(err)
	}
	state := journal.Fold(log.Events)
	if strings.Join(state.Paused, " ") != "wait" || state.Status(false) != "paused" {
		t.Errorf("waits for %v, is %s", state.Paused, state.Status(false))
	}
	s.Ask = choose("done")
	second, err := rb.Resume(context.Background(), first.Run, engine.RunOptions{Session: s})
	if err != nil || second.Outcome != "completed" {
		t.Fatalf("a secret that was never used kept it from going on: %v %v", second, err)
	}
	if got := second.State.Step("shows").Done.Outputs["text"]; got != "‹***› and more" {
		t.Errorf("the journal shows %v", got)
	}
}

// TestResumeWaits: a run waits for each question that is open, also for one about
// an undo; and a run does not become a drill.
func TestResumeWaits(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept")
	rb := load(t, `
apiVersion: runbook/v1
name: shows
permissions: {observe: [cat], files: {write: [`+kept+`]}}
secrets: {key: {env: KEY}}
steps:
  - action: keeps
    shell: {script: "printf '%s and more' \"$K\" > `+kept+`", env: {K: "{{ .secrets.key }}"}}
    undo: {when: always, steps: [{message: back, text: back}]}
  - {manual: wait, instructions: Wait}
  - check: shows
    shell: cat `+kept+`
    outputs: {text: stdout}
`)
	store := &journal.Store{Dir: dir}
	s := engine.Session{Store: store, User: "tester", Env: func(string) string { return "secret-number-1" }}
	first, err := rb.Run(context.Background(), engine.RunOptions{Session: s, Inputs: map[string]any{}})
	if err != nil || first.Code != engine.ExitPaused {
		t.Fatal(first, err)
	}
	if _, err := rb.Resume(context.Background(), first.Run, engine.RunOptions{Session: s, Scenario: &scenario.Scenario{Name: "drill"}}); err == nil || !strings.Contains(err.Error(), "drill") {
		t.Errorf("a run went on as a drill: %v", err)
	}
	s.Ask = func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		if q.Kind == "undo" {
			return interp.Answer{}, nil, engine.ErrNobody
		}
		return interp.Answer{Choice: "done", By: "tester"}, nil, nil
	}
	second, err := rb.Resume(context.Background(), first.Run, engine.RunOptions{Session: s})
	if err != nil || second.Code != engine.ExitPaused {
		t.Fatal(second, err)
	}
	log, err := store.Read(first.Run)
	if err != nil {
		t.Fatal(err)
	}
	state := journal.Fold(log.Events)
	if got := state.Step("shows").Done.Outputs["text"]; got != "‹***› and more" {
		t.Errorf("the journal shows %v", got)
	}
	if strings.Join(state.Paused, " ") != "keeps>undo" || state.Status(false) != "paused" {
		t.Errorf("waits for %v, is %s", state.Paused, state.Status(false))
	}
	s.Ask = choose("approve")
	third, err := rb.Resume(context.Background(), first.Run, engine.RunOptions{Session: s})
	if err != nil || third.Outcome != "completed" {
		t.Fatal(third, err)
	}
	if log, err = store.Read(first.Run); err != nil || log.Verify() != nil {
		t.Error(err, log.Verify())
	}
}

// TestASecretThatCameBackIsHandedOn: what a check reads, and is nothing but a
// secret, reaches the action as it is, and nobody else.
func TestASecretThatCameBackIsHandedOn(t *testing.T) {
	dir := t.TempDir()
	kept, read := filepath.Join(dir, "kept"), filepath.Join(dir, "read")
	if err := os.WriteFile(read, []byte("secret-number-1"), 0o600); err != nil {
		t.Fatal(err)
	}
	rb := load(t, `
apiVersion: runbook/v1
name: handed
permissions: {observe: [cat], files: {write: [`+kept+`]}}
secrets: {key: {env: KEY}}
steps:
  - check: first
    shell: {script: "true", env: {K: "{{ .secrets.key }}"}}
  - check: reads
    shell: cat `+read+`
  - action: writes
    shell: "printf '%s' {{ .steps.reads.stdout }} > `+kept+`"
  - {message: told, text: "{{ .steps.reads.stdout }}"}
`)
	var told string
	out, err := rb.Run(context.Background(), engine.RunOptions{Inputs: map[string]any{}, Session: engine.Session{
		Env: func(string) string { return "secret-number-1" },
		Watch: []func(journal.Event){func(e journal.Event) {
			if strings.Contains(string(e.Data), "secret-number") {
				t.Errorf("the journal has the secret: %s", e.Data)
			}
			if e.Type == journal.MessageRendered {
				told = string(e.Data)
			}
		}},
	}})
	if err != nil || out.Outcome != "completed" {
		t.Fatal(out, err)
	}
	if b, err := os.ReadFile(kept); err != nil || string(b) != "secret-number-1" {
		t.Errorf("the action wrote %q %v", b, err)
	}
	if told != `{"text":"‹***›"}` {
		t.Errorf("told %s", told)
	}
}

// TestCancelStays: a run that somebody began to cancel is cancelled, wherever that broke
// off, and whoever goes on with it.
func TestCancelStays(t *testing.T) {
	dir := t.TempDir()
	rb := load(t, `
apiVersion: runbook/v1
name: waits
steps:
  - {manual: wait, instructions: Wait}
  - {message: never, text: It goes on}
finally:
  - {message: told, text: "It is {{ .run.outcome }}"}
`)
	store := &journal.Store{Dir: dir}
	s := engine.Session{Store: store, User: "tester"}
	first, err := rb.Run(context.Background(), engine.RunOptions{Session: s, Inputs: map[string]any{}})
	if err != nil || first.Code != engine.ExitPaused {
		t.Fatal(first, err)
	}
	out, err := rb.Cancel(context.Background(), first.Run, engine.RunOptions{Session: s})
	if err != nil || out.Code != engine.ExitCancelled || out.State.Step("never") != nil || out.State.Step("finally/told") == nil {
		t.Fatalf("%+v %v", out, err)
	}
	path := filepath.Join(store.Path(first.Run), journal.FileName)
	lines, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(lines), `"run.resumed"`)
	resumed, _, _ := strings.Cut(rest, "\n")
	if err := os.Truncate(path, int64(len(before)+len(`"run.resumed"`)+len(resumed)+1)); err != nil {
		t.Fatal(err)
	}
	s.Ask = choose("done")
	out, err = rb.Resume(context.Background(), first.Run, engine.RunOptions{Session: s})
	if err != nil || out.Code != engine.ExitCancelled || out.State.Step("never") != nil || out.State.Step("finally/told") == nil {
		t.Errorf("%+v %v", out, err)
	}
	if _, err = rb.Cancel(context.Background(), first.Run, engine.RunOptions{Session: s}); err == nil || !strings.Contains(err.Error(), "is over: cancelled") {
		t.Error(err)
	}
}
