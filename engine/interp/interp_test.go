package interp

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"

	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/permit"
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

// script is a runbook, and the world that it runs in. Time passes only as it says.
type script struct {
	text   string            // behind apiVersion and name
	beside map[string]string // other runbooks, whole
	inputs map[string]any
	calls  map[Key]string // "!word" is an error of that kind, "=late", "=doubt" and "=died" what they say
	fields map[Key]map[string]any
	asks   map[Key]Answer
	takes  map[Key]time.Duration // how long a call, an answer or what is in a scope takes
	ends   map[Key]error         // what a call, an answer, a wait, a scope or another runbook ends with
	absent map[string]bool       // secrets that have no value
	policy *permit.Policy        // with one, what the kind says is a host
	begun  func(Key) (bool, []Demanded)
	undo   int // how often what it owes is offered once it is over
}

func (s script) kind() kind.Kind {
	k := say()
	if s.policy != nil {
		k.Effects = func(u kind.Use) []kind.Effect {
			text, _ := u.Text("text")
			return []kind.Effect{{Host: text}}
		}
	}
	return k
}

// told is what came of a script.
type told struct {
	Outcome
	err    error
	log    []string
	events map[string]any // by "type key"
	asked  map[Key]Question
	made   map[Key]Call
	now    time.Duration // how long it all took

	entered map[Key]bool
}

// finished is how a step ended.
func (d *told) finished(k Key) journal.StepFinishedData {
	f, _ := d.events["step.finished "+string(k)].(journal.StepFinishedData)
	return f
}

// text is what a message said.
func (d *told) text(k Key) string {
	m, _ := d.events["message.rendered "+string(k)].(journal.MessageRenderedData)
	return m.Text
}

// world answers from a script, and writes down what it is asked.
type world struct {
	*script
	told *told
	now  time.Time
	dead bool
	t    *testing.T
}

func (w *world) note(what string, k Key) error {
	if w.dead {
		w.t.Errorf("%s %s after the runtime died", what, k)
	}
	w.told.log = append(w.told.log, what+" "+string(k))
	w.now = w.now.Add(w.takes[k])
	return w.ends[k]
}

func (w *world) Call(k Key, c Call) (Result, error) {
	w.told.made[k] = c
	if err := w.note("call", k); err != nil {
		return Result{}, err
	}
	text, ok := w.calls[k]
	if !ok {
		text = types.Format(c.Options["text"])
	}
	res := Result{Fields: map[string]any{"value": text, "code": 0}, Duration: w.takes[k]}
	if word, isError := strings.CutPrefix(text, "!"); isError {
		return Result{Fields: map[string]any{}, Error: &journal.Error{Kind: word, Message: "told to"}}, nil
	}
	switch text {
	case "=late":
		res.Fields["value"] = "late"
		return res, &Timeout{Scope: "p"}
	case "=cut", "=slow", "=answered":
		word := map[string]string{"=cut": "canceled", "=slow": "timeout", "=answered": "refused"}[text]
		return Result{Fields: map[string]any{}, Error: &journal.Error{Kind: word, Message: "told to"}}, ErrCancelled
	case "=doubt":
		if c.Settled == 0 {
			return Result{}, &InDoubt{}
		}
	case "=died":
		w.dead = true
		return Result{}, errors.New("the disk is full")
	}
	maps.Copy(res.Fields, w.fields[k])
	return res, nil
}

func (w *world) Ask(k Key, q Question) (Answer, error) {
	w.told.asked[k] = q
	if err := w.note("ask", k); err != nil {
		return Answer{}, err
	}
	a, ok := w.asks[k]
	if !ok {
		if q.Leave {
			return a, ErrNobody
		}
		return a, ErrPaused
	}
	return a, nil
}

func (w *world) Sleep(k Key, d time.Duration) error {
	err := w.note("sleep", k)
	w.now = w.now.Add(d)
	return err
}

func (w *world) Now() time.Time { return w.now }

func (w *world) Emit(k Key, e Event) {
	id := string(e.Type) + " " + string(k)
	if _, twice := w.told.events[id]; twice {
		w.t.Errorf("%s is emitted twice", id)
	}
	w.told.events[id] = e.Data
	if w.dead {
		w.t.Errorf("%s after the runtime died", id)
	}
}

// Enter fails by the key behind `>`, or `>>` where it is entered again.
func (w *world) Enter(k Key, _ Sub) (World, error) {
	at := ">" + k
	if w.told.entered[k] {
		at = ">" + at
	}
	w.told.entered[k] = true
	if err := w.ends[at]; err != nil {
		return nil, err
	}
	return w, nil
}

func (w *world) Within(k Key, _ time.Duration, f func(World) error) error {
	if err := f(w); err != nil {
		return err
	}
	return w.ends[k]
}

// Each begins nothing where its scope has ended before.
func (w *world) Each(k Key, branches []Key, _ int, f func(int, World) error, stop func(int, error) bool) []error {
	errs := make([]error, len(branches))
	for i := range errs {
		if errs[i] = w.ends[k]; errs[i] != nil {
			continue
		}
		if errs[i] = f(i, w); errs[i] != nil && stop(i, errs[i]) {
			break
		}
	}
	return errs
}

// compile makes the plan of a script, and its inputs.
func compile(t *testing.T, s script) (*plan.Plan, map[string]any) {
	t.Helper()
	var found source.Diagnostics
	open := func(_ *source.File, name string) (*source.File, error) {
		text, ok := s.beside[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return source.NewFile(name, []byte("apiVersion: runbook/v1\n"+text)), nil
	}
	p := plan.Compile(source.NewFile("x.yaml", []byte("apiVersion: runbook/v1\nname: x\n"+s.text)), plan.Options{Kinds: []kind.Kind{s.kind()}, Beside: open, Policy: s.policy}, func(d source.Diagnostic) { found = append(found, d) })
	if p == nil {
		for _, d := range found {
			t.Errorf("%d: %s %s", d.Span.Position().Line, d.Summary, d.Detail)
		}
		t.FailNow()
	}
	inputs := map[string]any{}
	for _, in := range p.Inputs {
		inputs[in.Name] = in.Default
	}
	maps.Copy(inputs, s.inputs)
	return p, inputs
}

// play runs a script.
func play(t *testing.T, s script) *told {
	t.Helper()
	p, inputs := compile(t, s)
	out := &told{events: map[string]any{}, asked: map[Key]Question{}, made: map[Key]Call{}, entered: map[Key]bool{}}
	w := &world{script: &s, told: out, now: time.Unix(0, 0), t: t}
	out.Outcome, out.err = Run(w, p, Options{Run: "r1", User: "tester", Inputs: inputs, Present: func(name string) bool { return !s.absent[name] }, Begun: s.begun, Undo: s.undo})
	out.now = w.now.Sub(time.Unix(0, 0))
	return out
}

func walk(t *testing.T, text string, calls map[Key]string, asks map[Key]Answer) (Outcome, []string, error) {
	t.Helper()
	d := play(t, script{text: text, calls: calls, asks: asks})
	return d.Outcome, d.log, d.err
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
	if d := next(48*time.Hour, &plan.Retry{Backoff: 1}); d != 48*time.Hour {
		t.Error(d)
	}
	if d := next(time.Duration(1<<62), &plan.Retry{Backoff: 1e9}); d != 24*time.Hour {
		t.Error(d)
	}
}
