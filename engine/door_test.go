package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
)

const backlog = `apiVersion: runbook/v1
name: backlog
inputs: {queue: {default: orders}}
steps:
  - check: backlog
    queue: {name: "{{ .inputs.queue }}"}
    expect: waiting < 100
    retry: {attempts: 2, on: error.kind == "missing"}
  - {message: told, text: "{{ .steps.backlog.waiting }} wait."}
`

// TestOwnKind: a kind that a program brings is proven, rehearsed, run and
// described as those of the program are.
func TestOwnKind(t *testing.T) {
	own := engine.With(queue{"orders": 3}.kind())
	f := source.NewFile("backlog.yaml", []byte(backlog))
	if rb, found := engine.Load(f); rb != nil || !strings.Contains(summaries(found), "no key `queue`") {
		t.Errorf("without the kind the file is sound: %v", found)
	}
	rb, found := engine.Load(f, own)
	if rb == nil || len(found) > 0 {
		t.Fatal(found)
	}
	session := engine.Session{User: "tester"}
	out, err := rb.Run(context.Background(), engine.RunOptions{Session: session})
	if err != nil || out.State.Step("backlog").Done.Verdict != "passed" {
		t.Errorf("the run gave %+v, %v", out, err)
	}
	out, err = rb.Run(context.Background(), engine.RunOptions{Session: session, Inputs: map[string]any{"queue": "lost"}})
	if err != nil || out.State.Step("backlog").Done.Error.Kind != "missing" || out.State.Step("backlog").Done.Attempts != 2 {
		t.Errorf("the run without the queue gave %+v, %v", out, err)
	}
	steps := 0
	session.Watch = []func(journal.Event){func(e journal.Event) {
		if e.Type == journal.StepRehearsed {
			steps++
		}
	}}
	for _, observe := range []bool{false, true} {
		if err := rb.Rehearse(context.Background(), engine.RehearseOptions{Session: session, Observe: observe}); err != nil {
			t.Error(err)
		}
	}
	if steps != 4 {
		t.Errorf("%d steps were rehearsed", steps)
	}
}

func summaries(found source.Diagnostics) string {
	var out []string
	for _, d := range found {
		out = append(out, d.Summary)
	}
	return strings.Join(out, "\n")
}

// TestOwnKindIsProven: what the kind declares is what files are held against.
func TestOwnKindIsProven(t *testing.T) {
	own := engine.With(queue{}.kind())
	for text, want := range map[string]string{
		strings.Replace(backlog, "waiting < 100", "wating < 100", 1):                           "unknown name `wating`",
		strings.Replace(backlog, "waiting < 100", `waiting < "100"`, 1):                        "`<`",
		strings.Replace(backlog, "{name:", "{nam:", 1):                                         "`nam`",
		strings.Replace(backlog, `"missing"`, `"mising"`, 1):                                   `is never "mising"`,
		strings.Replace(backlog, "expect: waiting < 100", "if: steps.backlog.waiting == 0", 1): "is never there",
	} {
		found := engine.Validate(source.NewFile("x.yaml", []byte(text)), own)
		if !found.Failed() || !strings.Contains(summaries(found), want) {
			t.Errorf("%s\nis found to be %v, not %q", text, found, want)
		}
	}
	schema, err := engine.Schema(own)
	if err != nil || !json.Valid(schema) || !strings.Contains(string(schema), "The queue's name.") {
		t.Errorf("the schema does not know the kind: %v", err)
	}
	page, err := engine.Reference(own)
	if err != nil || !strings.Contains(string(page), "### `queue`") {
		t.Errorf("the reference does not know the kind: %v", err)
	}
	plain, err := engine.Schema()
	if err != nil || strings.Contains(string(plain), "The queue's name.") {
		t.Errorf("the kind stays behind: %v", err)
	}
}

// TestOwnKindInPlace: a kind takes the place of the one of its name.
func TestOwnKindInPlace(t *testing.T) {
	k := queue{"orders": 3}.kind()
	k.Name = "http"
	text := strings.Replace(backlog, "queue: {name:", "http: {name:", 1)
	rb, found := engine.Load(source.NewFile("x.yaml", []byte(text)), engine.With(k))
	if rb == nil {
		t.Fatal(found)
	}
	out, err := rb.Run(context.Background(), engine.RunOptions{})
	if err != nil || out.State.Step("backlog").Done.Results["waiting"] == nil {
		t.Errorf("the run gave %+v, %v", out, err)
	}
}

// TestKindsThatCannotBe are said, and nothing panics.
func TestKindsThatCannotBe(t *testing.T) {
	whole := func(change func(*exec.Kind)) exec.Kind {
		k := queue{}.kind()
		change(&k)
		return k
	}
	for want, k := range map[string]exec.Kind{
		`cannot be named ""`:                            {},
		`cannot be named "a b"`:                         whole(func(k *exec.Kind) { k.Name = "a b" }),
		"cannot be named title: that is a key of steps": whole(func(k *exec.Kind) { k.Name = "title" }),
		"cannot be named check: that is a key of steps": whole(func(k *exec.Kind) { k.Name = "check" }),
		"queue does not say what its options are":       whole(func(k *exec.Kind) { k.Options = nil }),
		"queue does not say what its results are":       whole(func(k *exec.Kind) { k.Result = nil }),
		"queue has nothing that executes it":            whole(func(k *exec.Kind) { k.Executor = nil }),
	} {
		f := source.NewFile("small.yaml", []byte(small))
		rb, found := engine.Load(f, engine.With(k))
		if rb != nil || len(found) != 1 || !strings.Contains(found[0].Summary, want) || found[0].Span.File != f {
			t.Errorf("%q: %v", want, found)
		}
		if _, err := engine.Schema(engine.With(k)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the schema says %v, not %q", err, want)
		}
		if _, err := engine.Reference(engine.With(k)); err == nil {
			t.Errorf("the reference is drawn although %q", want)
		}
	}
}

// TestRunWithoutInputs: what a caller leaves out has its default, and what has none
// is named.
func TestRunWithoutInputs(t *testing.T) {
	rb := load(t, small)
	out, err := rb.Run(context.Background(), engine.RunOptions{})
	if err != nil || out.Outcome != "resolved" {
		t.Errorf("the run gave %+v, %v", out, err)
	}
	rb = load(t, strings.Replace(small, ", default: eu", "", 1))
	_, err = rb.Run(context.Background(), engine.RunOptions{})
	var missing *engine.MissingError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "input region is missing") {
		t.Errorf("the run without an input gave %v", err)
	}
	if err := rb.Rehearse(context.Background(), engine.RehearseOptions{Observe: true}); !errors.As(err, &missing) {
		t.Errorf("the rehearsal without an input gave %v", err)
	}
	if _, err := rb.Resume(context.Background(), "x", engine.RunOptions{}); err == nil || !strings.Contains(err.Error(), "Session.Store") {
		t.Errorf("a resume from nowhere gave %v", err)
	}
}
