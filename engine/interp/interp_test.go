package interp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/plan"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

func say() kind.Kind {
	return kind.Kind{
		Name: "say", Doc: "Says something.", Options: &spec.Shape{Form: spec.Object, Name: "say", Fields: []spec.Field{{Key: "text", Shape: &spec.Shape{Form: spec.Template}, Doc: "text"}}},
		Result: &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "value", Type: &types.Type{Kind: types.String}, Late: true}, {Name: "code", Type: &types.Type{Kind: types.Int}, Late: true}}},
		States: []kind.State{{Name: "none", Ranges: map[string]kind.Range{"code": {Min: -1, Max: -1}}, Error: true}},
	}
}

// world answers from a table by key, and writes down what it is asked. Time
// passes only in Sleep.
type world struct {
	now   time.Time
	calls map[Key]string // "!word" is an error of that kind, "=err" ends the scope
	asks  map[Key]Answer
	log   *[]string
	seen  map[string]bool
	dead  bool
	t     *testing.T
}

func (w *world) note(what string, k Key) {
	if w.dead {
		w.t.Errorf("%s %s after the runtime died", what, k)
	}
	*w.log = append(*w.log, what+" "+string(k))
}

func (w *world) Call(k Key, c Call) (Result, error) {
	w.note("call", k)
	text, ok := w.calls[k]
	if !ok {
		text = types.Format(c.Options["text"])
	}
	if word, isError := strings.CutPrefix(text, "!"); isError {
		return Result{Fields: map[string]any{}, Error: &journal.Error{Kind: word, Message: "told to"}}, nil
	}
	if text == "=late" {
		return Result{Fields: map[string]any{"value": "late", "code": 0}}, &Timeout{Scope: "p"}
	}
	if text == "=died" {
		w.dead = true
		return Result{}, errors.New("the disk is full")
	}
	return Result{Fields: map[string]any{"value": text, "code": 0}}, nil
}

func (w *world) Ask(k Key, _ Question) (Answer, error) {
	w.note("ask", k)
	a, ok := w.asks[k]
	if !ok {
		return a, ErrPaused
	}
	return a, nil
}

func (w *world) Sleep(k Key, d time.Duration) error {
	w.note("sleep", k)
	w.now = w.now.Add(d)
	return nil
}

func (w *world) Now() time.Time { return w.now }

func (w *world) Emit(k Key, e Event) {
	id := string(e.Type) + " " + string(k)
	if w.seen[id] {
		w.t.Errorf("%s is emitted twice", id)
	}
	w.seen[id] = true
	if w.dead {
		w.t.Errorf("%s after the runtime died", id)
	}
}

func (w *world) Enter(Key, Sub) (World, error) { return w, nil }

func (w *world) Within(_ Key, _ time.Duration, f func(World) error) error { return f(w) }

func (w *world) Each(_ Key, n, _ int, f func(int, World) error, stop func(int, error) bool) []error {
	errs := make([]error, n)
	for i := range n {
		if errs[i] = f(i, w); errs[i] != nil && stop(i, errs[i]) {
			break
		}
	}
	return errs
}

func walk(t *testing.T, text string, calls map[Key]string, asks map[Key]Answer) (Outcome, []string, error) {
	t.Helper()
	var found source.Diagnostics
	p := plan.Compile(source.NewFile("x.yaml", []byte("apiVersion: runbook/v1\nname: x\n"+text)), plan.Options{Kinds: []kind.Kind{say()}}, func(d source.Diagnostic) { found = append(found, d) })
	if p == nil {
		t.Fatal(found)
	}
	var log []string
	w := &world{now: time.Unix(0, 0), calls: calls, asks: asks, log: &log, seen: map[string]bool{}, t: t}
	out, err := Run(w, p, Options{Run: "r1", Inputs: map[string]any{}, Present: func(string) bool { return true }})
	return out, log, err
}

// TestKeys: a key is the path of frames, and no two things have the same.
func TestKeys(t *testing.T) {
	out, log, err := walk(t, `
steps:
  - group: g
    confirm: Begin?
    steps:
      - parallel: p
        steps: [{check: a, delay: 1s, say: {text: a}}, {check: b, say: {text: b}, retry: {attempts: 2, delay: 1s}}]
  - action: act
    say: {text: done}
    verify: {say: {text: yes}, expect: value == "yes", poll: {every: 1s, for: 10s}}
    undo: {when: always, steps: [{action: back, say: {text: back}}]}
  - decide: d
    branches: [{when: "true", then: proc}]
  - action: fails
    say: {text: x}
    on_failure: {then: proc, continue: true}
  - {run: r, procedure: proc}
  - {manual: m, instructions: Do it}
finally: [{check: last, say: {text: last}}]
procedures:
  proc: {steps: [{check: in, say: {text: in}}]}
`, map[Key]string{"g/p/b#a1": "!broken", "act/verify#p1.a1": "no", "fails#a1": "!broken"},
		map[Key]Answer{"g#confirm": {Choice: "approve"}, "m#manual": {Choice: "done"}, "act>undo#undo": {Choice: "approve"}})
	if err != nil || out.Outcome != "completed" {
		t.Fatal(out, err)
	}
	want := "ask g#confirm, sleep g/p/a#delay, call g/p/a#a1, call g/p/b#a1, sleep g/p/b#a1.retry, call g/p/b#a2, call act#a1, call act/verify#p1.a1, sleep act/verify#p1.poll, call act/verify#p2.a1, " +
		"call d>proc/in#a1, call fails#a1, call fails>on_failure/in#a1, call r/in#a1, ask m#manual, ask act>undo#undo, call act>undo/back#a1, call finally/last#a1"
	if got := strings.Join(log, ", "); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

// TestWhatTheRuntimeDiesOfEndsAll: nothing is called, asked or said any more.
func TestWhatTheRuntimeDiesOfEndsAll(t *testing.T) {
	_, log, err := walk(t, `
steps:
  - action: one
    say: {text: x}
    on_failure: {steps: [{message: m, text: m}], continue: true}
    undo: {when: always, steps: [{message: n, text: n}]}
  - action: two
    say: {text: x}
    on_failure: continue
finally: [{check: last, say: {text: last}}]
`, map[Key]string{"two#a1": "=died"}, nil)
	if err == nil || err.Error() != "the disk is full" || len(log) != 2 {
		t.Errorf("got %v, %v", err, log)
	}
}

// TestNothingCameBack: results that did not come are empty and of their type, so
// that conditions can be computed.
func TestNothingCameBack(t *testing.T) {
	out, _, err := walk(t, `
steps:
  - {check: c, say: {text: x}}
  - decide: d
    branches:
      - {id: none, when: 'steps.c.code < 0 and steps.c.value + "" == "" and steps.c.error.kind == "timeout"', steps: [{end: yes_, outcome: resolved}]}
`, map[Key]string{"c#a1": "!timeout"}, nil)
	if err != nil || out.Outcome != "resolved" {
		t.Errorf("got %v %v", out, err)
	}
}

// TestAResultThatCameInTimeStays: a check that came back just before the time was
// up is what it is; one that did not pass was still under way.
func TestAResultThatCameInTimeStays(t *testing.T) {
	out, _, err := walk(t, `
steps:
  - parallel: p
    timeout: 1s
    steps: [{check: a, say: {text: x}}, {check: b, say: {text: x}, expect: value == "other", retry: {attempts: 2}}]
  - decide: d
    branches:
      - {id: kept, when: 'steps.a.verdict == "passed" and steps.a.value == "late" and steps.b.error.kind == "timeout" and steps.b.value == "late"', steps: [{end: yes_, outcome: resolved}]}
`, map[Key]string{"p/a#a1": "=late", "p/b#a1": "=late"}, nil)
	if err != nil || out.Outcome != "resolved" {
		t.Errorf("got %v %v", out, err)
	}
}

func TestWorst(t *testing.T) {
	order := []error{nil, ErrStopped, &failed{"a", "b"}, ErrPaused, ErrTimeout, &ended{"resolved", ""}, ErrCancelled, errors.New("died")}
	for i, a := range order {
		for _, b := range order[:i] {
			if worst([]error{a, b}) != a || worst([]error{b, a}) != a {
				t.Errorf("%v is not worse than %v", a, b)
			}
		}
	}
}

func TestDelaysGrow(t *testing.T) {
	r := &plan.Retry{Backoff: 2, MaxDelay: 5 * time.Second}
	var got []time.Duration
	for d := capped(time.Second, r); len(got) < 5; d = next(d, r) {
		got = append(got, d)
	}
	if fmt.Sprint(got) != "[1s 2s 4s 5s 5s]" {
		t.Error(got)
	}
	if d := next(time.Duration(1<<62), &plan.Retry{Backoff: 1e9}); d != 24*time.Hour {
		t.Error(d)
	}
}
