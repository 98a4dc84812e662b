package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
)

// edited is a run that has gone through a bit of everything, and waits at `wait`.
const edited = `
apiVersion: runbook/v1
name: edited
inputs: {n: {type: int, default: 1}}
facts: {f: {type: string, default: none}}
permissions: {}
outputs: {word: {expr: '"hello"', type: string}}
steps:
  - group: g
    steps:
      - {check: a, shell: echo 1}
      - {check: b, shell: echo 2, if: inputs.n == 2}
  - action: act
    shell: echo acts
    on_failure: {steps: [{message: never, text: never}], continue: true}
    undo: {when: always, steps: [{message: back, text: back}]}
  - each: hosts
    in: '["x", "y"]'
    as: h
    steps: [{check: look, shell: echo 4}]
  - decide: which
    branches:
      - {id: no, when: inputs.n == 2, steps: [{message: other, text: other}]}
      - {id: yes, when: inputs.n == 1, then: proc}
      - {id: later, when: inputs.n == 3, steps: [{message: third, text: third}]}
  - parallel: last
    steps:
      - {manual: wait, instructions: Wait}
      - {check: beside, shell: echo 5}
  - {message: told, text: told}
procedures:
  proc:
    facts: {f: found}
    steps: [{check: inner, shell: echo 6}, {message: said, text: said}]
  unused:
    steps: [{message: unsaid, text: unsaid}]
finally: [{message: bye, text: bye}]
`

// TestEditedSince: a run goes on with a runbook that was edited where nothing that
// has begun is touched, and only where it is accepted.
func TestEditedSince(t *testing.T) {
	for _, c := range []struct{ was, is, touched string }{
		// What has begun is what it was.
		{"echo 1", "echo 9", "g/a has begun, and says something else now"},
		{"if: inputs.n == 2}", "if: inputs.n == 3}", "g/b has begun, and says something else now"},
		{"- {check: a, shell: echo 1}", "- {check: z, shell: echo 1}", "g/a has begun, and is gone"},
		{"      - {check: b, ", "      - {check: new, shell: echo 7}\n      - {check: b, ", "g/b has begun, or a step behind it, and new stands before it now"},
		{"if: inputs.n == 2}", "if: inputs.n == 2}\n      - {check: new, shell: echo 7}", "g/b is the last of what is over, and new stands behind it now"},
		{"  - group: g\n", "  - group: g\n    timeout: 5s\n", "g has begun, and says something else now"},
		{"continue: true", "continue: false", "act has begun, and says something else now"},
		{"when: always", "when: failure", "act has begun, and says something else now"},
		{`["x", "y"]`, `["x"]`, "hosts has begun, and says something else now"},
		{"echo 4", "echo 9", "hosts/look has begun, and says something else now"},
		{"id: no, when: inputs.n == 2", "id: no, when: inputs.n == 5", "which has begun, and says something else now"},
		{"then: proc}", "then: unused}", "which has begun, and says something else now"},
		{"facts: {f: found}", "facts: {f: other}", "which>yes has begun, and the procedure proc declares something else now"},
		{"echo 6", "echo 9", "which>yes/inner has begun, and says something else now"},
		{"{message: said, text: said}", "{message: said, text: said}, {message: more, text: more}", "which>yes/said is the last of what is over, and more stands behind it now"},
		{"instructions: Wait", "instructions: Wait more", "last/wait has begun, and says something else now"},
		{"default: none", "default: other", "the fact f is declared otherwise"},
		{"inputs: {n: {type: int, default: 1}}", "inputs: {n: {type: int, default: 1}, m: {type: int, required: true}}", "the input m is new and has no default"},
		// What has not begun may be another.
		{"text: told", "text: another", ""},
		{"  - {message: told, text: told}\n", "  - {message: first, text: first}\n  - {message: told, text: told}\n  - {message: more, text: more}\n", ""},
		{"  - {message: told, text: told}\n", "", ""},
		{"text: other", "text: another", ""},
		{"      - {id: later, when: inputs.n == 3, steps: [{message: third, text: third}]}\n", "", ""},
		{"inputs.n == 3", "inputs.n == 4", ""},
		{"text: never", "text: not yet", ""},
		{"text: back", "text: another way back", ""},
		{"text: unsaid", "text: another", ""},
		{"text: bye", "text: goodbye", ""},
		{`'"hello"'`, `'"bye"'`, ""},
		{"permissions: {}", "permissions: {hosts: [example.com]}", ""},
		{"inputs: {n: {type: int, default: 1}}", "inputs: {n: {type: int, default: 2}, m: {type: int, default: 3}}", ""},
		{"shell: echo 5", "shell: {script: echo 5}", ""},
		{"{check: a, shell: echo 1}", `{shell: "echo 1", check: a} # and why`, ""},
	} {
		if strings.Count(edited, c.was) != 1 {
			t.Fatalf("%q stands %d times", c.was, strings.Count(edited, c.was))
		}
		now := load(t, strings.Replace(edited, c.was, c.is, 1))
		store := &journal.Store{Dir: t.TempDir()}
		s := engine.Session{Store: store, User: "ada"}
		first, err := load(t, edited).Run(context.Background(), engine.RunOptions{Session: s})
		if err != nil || first.Code != engine.ExitPaused {
			t.Fatal(first, err)
		}
		before, err := store.Read(first.Run)
		if err != nil {
			t.Fatal(err)
		}
		s.Ask = choose("done")
		var changed *engine.ChangedError
		if _, err := now.Resume(context.Background(), first.Run, engine.RunOptions{Session: s}); !errors.As(err, &changed) || changed.Files[0].Diff == "" {
			t.Fatalf("%q: it went on: %v", c.is, err)
		}
		if got := strings.Join(changed.Executed, "; "); (c.touched == "") != (got == "") || !strings.Contains(got, c.touched) {
			t.Errorf("%q: touched %q, want %q", c.is, got, c.touched)
			continue
		}
		s.Ask = func(ctx context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
			if q.Kind == "undo" {
				return interp.Answer{Choice: "approve", By: "ada"}, nil, nil
			}
			return interp.Answer{Choice: "done", By: "ada"}, nil, nil
		}
		out, err := now.Resume(context.Background(), first.Run, engine.RunOptions{Session: s, AcceptChanges: true})
		after, readErr := store.Read(first.Run)
		if readErr != nil || after.Verify() != nil {
			t.Fatal(readErr, after.Verify())
		}
		if c.touched != "" {
			if !errors.As(err, &changed) || len(after.Events) != len(before.Events) {
				t.Errorf("%q: it went on: %v", c.is, err)
			}
			continue
		}
		if err != nil || out.Outcome != "completed" {
			t.Errorf("%q: %+v %v", c.is, out, err)
			continue
		}
		accepted := after.Events[len(before.Events)+1]
		d, err := journal.Decode[journal.ChangesAcceptedData](accepted)
		if err != nil || accepted.Type != journal.ChangesAccepted || d.By != "ada" || d.Runbook.Digest != now.Plan.Digest || !strings.Contains(d.Changed[0].Diff, "\n+") && !strings.Contains(d.Changed[0].Diff, "\n-") {
			t.Errorf("%q: %s %+v %v", c.is, accepted.Type, d, err)
		}
	}
}

// TestEditedLibrary: a new version of the program may have another runbook under the
// same name; the run is not switched over to it silently.
func TestEditedLibrary(t *testing.T) {
	library := fstest.MapFS{"lib.yaml": {Data: []byte("apiVersion: runbook/v1\nname: lib\nsteps:\n  - {manual: wait, instructions: Wait}\n  - {message: told, text: told}\n")}}
	places := engine.Places{Dir: t.TempDir(), Library: library}
	found, err := places.Open("lib")
	if err != nil {
		t.Fatal(err)
	}
	rb, _ := engine.Load(found.File)
	store := &journal.Store{Dir: t.TempDir()}
	s := engine.Session{Store: store, User: "ada"}
	first, err := rb.Run(context.Background(), engine.RunOptions{Session: s, Origin: found.Origin()})
	if err != nil || first.Code != engine.ExitPaused {
		t.Fatal(first, err)
	}
	again := func(accept bool) (*engine.Outcome, error) {
		log, err := store.Read(first.Run)
		if err != nil {
			t.Fatal(err)
		}
		file, beside, err := places.Of(store, first.Run, journal.Fold(log.Events))
		if err != nil {
			t.Fatal(err)
		}
		rb, found := engine.Load(file, engine.WithFiles(beside))
		if rb == nil {
			t.Fatal(found)
		}
		return rb.Resume(context.Background(), first.Run, engine.RunOptions{Session: s, AcceptChanges: accept})
	}
	if out, err := again(false); err != nil || out.Code != engine.ExitPaused {
		t.Fatal(out, err)
	}
	library["lib.yaml"].Data = []byte(strings.Replace(string(library["lib.yaml"].Data), "text: told", "text: another", 1))
	var changed *engine.ChangedError
	if _, err := again(false); !errors.As(err, &changed) || changed.Files[0].Path != "library:lib.yaml" {
		t.Fatal(err)
	}
	s.Ask = choose("done")
	out, err := again(true)
	if err != nil || out.State.Step("told").Message.Text != "another" {
		t.Fatal(out, err)
	}
}
