package coverage_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"runbook/engine"
	"runbook/engine/coverage"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// probe is a kind that says what it is told to: the words of `says`, one an
// attempt, the last again and again; `!connect` is an error.
type probe struct {
	mu    sync.Mutex
	calls map[string]int
}

func (p *probe) kind() exec.Kind {
	return exec.Kind{Kind: kind.Kind{
		Name: "probe", Doc: "Says what it is told.", Status: "value", Expect: `value != ""`, Errors: []string{"connect"},
		Options: &spec.Shape{Form: spec.Object, Name: "probe", Fields: []spec.Field{{Key: "says", Shape: &spec.Shape{Form: spec.Template}, Doc: "answers"}}},
		Result:  &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "value", Type: &types.Type{Kind: types.String}, Late: true}}},
	}, Executor: p}
}

func (p *probe) Execute(_ context.Context, r exec.Request) exec.Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	says := types.Format(r.Options["says"])
	words := strings.Fields(says)
	n := p.calls[says]
	p.calls[says]++
	word := words[min(n, len(words)-1)]
	if bad, is := strings.CutPrefix(word, "!"); is {
		return exec.Result{Fields: map[string]any{"value": ""}, Error: &exec.Error{Kind: bad, Message: "told to"}}
	}
	return exec.Result{Fields: map[string]any{"value": word}}
}

// world is one run: its inputs, and what people answer, by step.
type world struct {
	name    string
	inputs  map[string]any
	answers map[string]string
}

type files map[string]string

func (f files) open(_ *source.File, name string) (*source.File, error) {
	text, ok := f[name]
	if !ok {
		return nil, os.ErrNotExist
	}
	return source.NewFile(name, []byte(text)), nil
}

// played loads a runbook, and runs it in each world.
func played(t testing.TB, beside files, text string, worlds ...world) (*engine.Runbook, []coverage.Run) {
	t.Helper()
	p := &probe{}
	rb, found := engine.Load(source.NewFile("x.yaml", []byte(text)), engine.With(p.kind()), engine.WithFiles(beside.open))
	if rb == nil {
		for _, d := range found {
			t.Errorf("%d: %s", d.Span.Position().Line, d.Summary)
		}
		t.FailNow()
	}
	var runs []coverage.Run
	for _, w := range worlds {
		p.calls = map[string]int{}
		r := coverage.Run{Name: w.name}
		_, err := rb.Run(context.Background(), engine.RunOptions{Inputs: w.inputs, Session: engine.Session{
			User: "tester", Watch: []func(journal.Event){func(e journal.Event) { r.Events = append(r.Events, e) }}, Ask: w.ask,
		}})
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
	}
	return rb, runs
}

func (w world) ask(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
	name := q.Step
	if q.Kind == "undo" {
		name += ">undo"
	}
	choice, ok := w.answers[name]
	if !ok {
		return interp.Answer{}, nil, engine.ErrNobody
	}
	by := fmt.Sprintf("person %d", len(q.Given)+1)
	return interp.Answer{Choice: choice, By: by, How: "test", Values: map[string]any{}}, nil, nil
}

const head = "apiVersion: runbook/v1\nname: x\n"

// cases are small runbooks with all that is said of them.
var cases = []struct {
	name   string
	beside files
	text   string
	worlds []world
	want   string
}{
	{name: "nothing ran", text: `
steps:
  - decide: a
    branches: [{id: yes_, when: run.user == "x"}]
    else: {id: no_}
`, want: `
coverage 0% (0 of 3): branches 0% (0 of 2), steps 0% (0 of 1)
  x.yaml:4: no scenario runs the decision ~a~ (and 2 more inside it)
`},
	{name: "branches and procedures", text: `
inputs: {which: {default: one}}
steps:
  - decide: a
    branches:
      - {id: one, when: inputs.which == "one", then: fix}
      - id: two
        when: inputs.which == "two"
        steps:
          - {end: over, outcome: resolved}
    else: {id: none_}
procedures:
  fix: {steps: [{run: inner, procedure: deep}]}
  deep: {steps: [{message: done, text: done}]}
`, worlds: []world{{name: "w1"}}, want: `
coverage 66% (6 of 9): branches 33% (1 of 3), steps 75% (3 of 4), procedures 100% (2 of 2)
  x.yaml:8: no scenario takes the branch ~two~ of ~a~ (and 1 more inside it)
  x.yaml:12: no scenario takes the branch ~none_~ (its ~else~) of ~a~
`},
	{name: "if", text: `
inputs: {n: {type: int, default: 1}}
steps:
  - {message: one, if: inputs.n == 1, text: one}
  - {message: two, if: inputs.n == 2, text: two}
  - {message: three, if: "inputs.n < 3", text: three}
`, worlds: []world{{name: "w1"}, {name: "w2", inputs: map[string]any{"n": 2}}}, want: `
coverage 88% (8 of 9): steps 100% (3 of 3), if 83% (5 of 6)
  x.yaml:7: in no scenario is the ~if~ of ~three~ false
`},
	{name: "an if that errs is neither", text: `
inputs: {s: {default: x}}
steps:
  - {check: one, if: int(inputs.s) == 1, probe: {says: ok}}
`, worlds: []world{{name: "w1"}}, want: `
coverage 0% (0 of 3): steps 0% (0 of 1), if 0% (0 of 2)
  x.yaml:5: no scenario runs the check ~one~ (and 2 more inside it)
`},
	{name: "expectations, of earlier attempts too", text: `
steps:
  - check: one
    probe: {says: a}
    expect: [value == "a", value != "b"]
  - check: two
    probe: {says: a b !connect}
    expect: [value == "b" or value == "a", value == "c"]
    poll: {every: 20ms, for: 200ms}
    required: false
`, worlds: []world{{name: "w1"}}, want: `
coverage 58% (7 of 12): steps 100% (2 of 2), expect 50% (4 of 8), poll 50% (1 of 2)
  x.yaml:6: in no scenario does ~one~ find that ~value == "a"~ does not hold
  x.yaml:6: in no scenario does ~one~ find that ~value != "b"~ does not hold
  x.yaml:7: in no scenario does the poll of ~two~ succeed
  x.yaml:9: in no scenario does ~two~ find that ~value == "b" or value == "a"~ does not hold
  x.yaml:9: in no scenario does ~two~ find that ~value == "c"~ holds
`},
	{name: "on_failure", text: `
inputs: {says: {default: ok}}
steps:
  - {action: one, probe: {says: "{{ .inputs.says }}"}, on_failure: continue}
  - action: two
    probe: {says: "{{ .inputs.says }} "}
    on_failure: {continue: true, steps: [{message: sorry, text: sorry}]}
  - action: three
    probe: {says: "{{ .inputs.says }}  "}
    on_failure: {continue: true, then: fix}
procedures:
  fix: {steps: [{message: fixed, if: inputs.says == "x", text: fixed}]}
`, worlds: []world{{name: "w1"}}, want: `
coverage 27% (3 of 11): steps 60% (3 of 5), procedures 0% (0 of 1), on_failure 0% (0 of 3), if 0% (0 of 2)
  x.yaml:5: in no scenario does ~one~ fail, so its ~on_failure~ is not tried
  x.yaml:8: in no scenario does ~two~ fail, so its ~on_failure~ is not tried (and 1 more inside it)
  x.yaml:11: in no scenario does ~three~ fail, so its ~on_failure~ is not tried
  x.yaml:13: no scenario goes into the procedure ~fix~ (and 3 more inside it)
`},
	{name: "undo, approvals and finally", text: `
inputs: {says: {default: "!connect"}}
steps:
  - action: one
    confirm: {ask: "Really?", count: 2}
    probe: {says: ok}
    undo: {when: failure, steps: [{action: back, probe: {says: ok}}]}
  - action: two
    probe: {says: ok}
    undo: {auto: true, when: always, steps: [{action: back2, probe: {says: ok}}]}
  - {action: three, probe: {says: "{{ .inputs.says }}"}}
finally:
  - {message: bye, if: 'run.outcome == "failed"', text: bye}
`, worlds: []world{{name: "w1", answers: map[string]string{"one": "approve", "one>undo": "refuse"}}}, want: `
coverage 71% (10 of 14): steps 83% (5 of 6), undo 66% (2 of 3), finally 100% (1 of 1), if 50% (1 of 2), approvals 50% (1 of 2)
  x.yaml:6: no scenario refuses ~one~
  x.yaml:8: no scenario undoes ~one~ (and 1 more inside it)
  x.yaml:14: in no scenario is the ~if~ of ~bye~ false
`},
	{name: "refused", text: `
steps:
  - {action: one, confirm: "Really?", probe: {says: ok}, on_failure: continue}
`, worlds: []world{{name: "w1", answers: map[string]string{"one": "refuse"}}}, want: `
coverage 50% (2 of 4): steps 0% (0 of 1), on_failure 100% (1 of 1), approvals 50% (1 of 2)
  x.yaml:4: no scenario runs the action ~one~ (and 1 more inside it)
`},
	{name: "failed, and nothing of an each", text: `
inputs: {says: {default: "!connect"}, l: {type: list, default: []}}
steps:
  - {each: e, in: inputs.l, as: x, steps: [{message: m, text: m}]}
  - {action: one, probe: {says: "{{ .inputs.says }}"}, on_failure: continue}
  - action: two
    probe: {says: "{{ .inputs.says }} "}
    on_failure: {continue: true, steps: [{message: sorry, if: inputs.says == "x", text: sorry}]}
  - action: three
    probe: {says: "{{ .inputs.says }}  "}
    on_failure: {then: fix}
procedures:
  fix: {steps: [{message: fixed, text: fixed}]}
`, worlds: []world{{name: "w1"}}, want: `
coverage 73% (11 of 15): steps 71% (5 of 7), procedures 100% (1 of 1), on_failure 100% (3 of 3), if 50% (1 of 2), each 50% (1 of 2)
  x.yaml:5: no scenario gives ~e~ an item
  x.yaml:5: no scenario runs the message ~m~
  x.yaml:9: no scenario runs the message ~sorry~ (and 1 more inside it)
`},
	{name: "cut off by a budget", text: `
steps:
  - group: g
    timeout: 60ms
    on_failure: continue
    steps:
      - {check: c, probe: {says: no}, expect: value == "yes", poll: {every: 20ms, for: 1h}, on_failure: continue}
`, worlds: []world{{name: "w1"}}, want: `
coverage 50% (4 of 8): steps 100% (2 of 2), on_failure 50% (1 of 2), expect 50% (1 of 2), poll 0% (0 of 2)
  x.yaml:8: in no scenario does ~c~ fail, so its ~on_failure~ is not tried
  x.yaml:8: in no scenario does the poll of ~c~ give up
  x.yaml:8: in no scenario does the poll of ~c~ succeed
  x.yaml:8: in no scenario does ~c~ find that ~value == "yes"~ holds
`},
	{name: "a person chooses, and does not", text: `
steps:
  - decide: d
    ask: Which?
    branches: [{id: undo, when: "true"}, {id: on_failure, when: "true"}]
  - {manual: m, instructions: do it}
  - {message: told, text: told}
`, worlds: []world{{name: "w1", answers: map[string]string{"d": "on_failure"}}}, want: `
coverage 60% (3 of 5): branches 50% (1 of 2), steps 66% (2 of 3)
  x.yaml:6: no scenario takes the branch ~undo~ of ~d~
  x.yaml:8: no scenario runs the message ~told~
`},
	{name: "an each over what stands in the runbook", text: `
steps:
  - {each: e, in: '["a", "b"]', as: x, steps: [{message: m, text: m}]}
`, worlds: []world{{name: "w1"}}, want: `
coverage 100% (3 of 3): steps 100% (2 of 2), each 100% (1 of 1)
`},
	{name: "each and rounds", text: `
inputs: {l: {type: list, default: [a, b]}}
steps:
  - each: host
    in: inputs.l
    as: h
    steps:
      - group: g
        poll: {every: 5ms, for: 1s}
        expect: steps.c.value == "two"
        steps:
          - {check: c, probe: {says: one two}, expect: value != "x"}
      - decide: d
        branches: [{id: first, when: h == "a"}, {id: second, when: h == "b"}]
        else: {id: other}
`, worlds: []world{{name: "w1"}}, want: `
coverage 73% (11 of 15): branches 66% (2 of 3), steps 100% (4 of 4), expect 75% (3 of 4), each 50% (1 of 2), poll 50% (1 of 2)
  x.yaml:6: no scenario gives ~host~ an empty list
  x.yaml:9: in no scenario does the poll of ~g~ give up
  x.yaml:13: in no scenario does ~c~ find that ~value != "x"~ does not hold
  x.yaml:16: no scenario takes the branch ~other~ (its ~else~) of ~d~
`},
	{name: "an alias", text: `
inputs: {x: {type: int, default: 1}}
steps:
  - decide: d
    branches:
      - {id: a, when: inputs.x == 1, steps: [&tell {message: told, if: inputs.x > 0, text: told}]}
      - {id: b, when: inputs.x == 2, then: fix}
    else: {id: c}
procedures:
  fix: {steps: [*tell, &over {end: over, outcome: resolved}]}
  more: {steps: [*over]}
`, worlds: []world{{name: "w1"}}, want: `
coverage 40% (4 of 10): branches 33% (1 of 3), steps 66% (2 of 3), procedures 0% (0 of 2), if 50% (1 of 2)
  x.yaml:7: in no scenario is the ~if~ of ~told~ false
  x.yaml:8: no scenario takes the branch ~b~ of ~d~
  x.yaml:9: no scenario takes the branch ~c~ (its ~else~) of ~d~
  x.yaml:11: no scenario goes into the procedure ~fix~ (and 1 more inside it)
  x.yaml:12: no scenario goes into the procedure ~more~
`},
	{name: "verify", text: `
steps:
  - check: look
    probe: {says: no yes_}
    expect: value == "yes_"
  - action: one
    probe: {says: ok}
    verify: {repeat: look, poll: {every: 5ms, for: 1s}}
`, worlds: []world{{name: "w1"}}, want: `
coverage 85% (6 of 7): steps 100% (3 of 3), expect 100% (2 of 2), poll 50% (1 of 2)
  x.yaml:9: in no scenario does the poll of ~verify~ give up
`},
	{name: "another runbook", beside: files{"y.yaml": `apiVersion: runbook/v1
name: y
inputs: {deep: {type: bool, default: false}}
steps:
  - decide: a
    branches: [{id: deep, when: inputs.deep}]
    else: {id: flat}
finally:
  - {message: bye, text: bye}
`}, text: `
inputs: {deep: {type: bool, default: false}}
steps:
  - {run: first, runbook: y.yaml, inputs: {deep: inputs.deep}}
  - {run: again, if: inputs.deep, runbook: y.yaml}
`, worlds: []world{{name: "w1"}}, want: `
coverage 66% (6 of 9): branches 50% (1 of 2), steps 75% (3 of 4), finally 100% (1 of 1), if 50% (1 of 2)
  x.yaml:6: no scenario runs the ~run~ step ~again~ (and 1 more inside it)
  y.yaml:6: no scenario takes the branch ~deep~ of ~a~
`},
}

func TestFigures(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rb, runs := played(t, c.beside, head+strings.TrimPrefix(c.text, "\n"), c.worlds...)
			var out bytes.Buffer
			if err := coverage.Of(rb.Plan, runs...).Text(&out, 0); err != nil {
				t.Fatal(err)
			}
			want := strings.ReplaceAll(strings.TrimPrefix(c.want, "\n"), "~", "`")
			if out.String() != want {
				t.Errorf("got\n%swant\n%s", out.String(), want)
			}
		})
	}
}
