package local_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/permit"
	"runbook/engine/plan"
	"runbook/engine/runtime/local"
	"runbook/engine/secret"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// say is a kind that answers with its text after a while, and counts.
type say struct {
	mu    sync.Mutex
	heard []string
}

func (s *say) kind() exec.Kind {
	return exec.Kind{Kind: kind.Kind{
		Name: "say", Doc: "Says something.", Options: &spec.Shape{Form: spec.Object, Name: "say", Fields: []spec.Field{
			{Key: "text", Shape: &spec.Shape{Form: spec.Template}, Doc: "text"}, {Key: "after", Shape: &spec.Shape{Form: spec.Duration}, Doc: "delay"}}},
		Result: &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "value", Type: &types.Type{Kind: types.String}, Late: true}}},
	}, Executor: s}
}

func (s *say) Execute(ctx context.Context, r exec.Request) exec.Result {
	text := types.Format(r.Options["text"])
	s.mu.Lock()
	s.heard = append(s.heard, text)
	s.mu.Unlock()
	after, _ := r.Options["after"].(time.Duration)
	select {
	case <-time.After(after):
		return exec.Result{Fields: map[string]any{"value": text}}
	case <-ctx.Done():
		return exec.Result{Fields: map[string]any{"value": ""}, Error: &exec.Error{Kind: "canceled", Message: "cancelled"}}
	}
}

// part is one process's part of a run.
type part struct {
	text string // the runbook
	past []journal.Event
	ask  func(context.Context, interp.Question) (interp.Answer, map[string]string, error)
	say  *say

	undo   int // the run is over, and what it owes is undone
	ctx    context.Context
	events []journal.Event // past and new
	out    interp.Outcome
	open   []interp.Question
	err    error
}

func nobody(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
	return interp.Answer{}, nil, local.ErrNobody
}

func answer(choice string) func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
	return func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
		return interp.Answer{Choice: choice, By: "tester"}, nil, nil
	}
}

func (p *part) run(t *testing.T) *part {
	t.Helper()
	p.say = &say{}
	if p.ctx == nil {
		p.ctx = context.Background()
	}
	if p.ask == nil {
		p.ask = nobody
	}
	var found source.Diagnostics
	book := plan.Compile(source.NewFile("x.yaml", []byte("apiVersion: runbook/v1\nname: x\n"+p.text)), plan.Options{Kinds: []kind.Kind{p.say.kind().Kind}}, func(d source.Diagnostic) { found = append(found, d) })
	if book == nil {
		t.Fatal(found)
	}
	m := secret.NewMasker()
	store := secret.NewStore(m, nil, func(string) (string, bool) { return "", false }, nil)
	w, err := journal.Create("", "r1", journal.Options{Memory: true, Mask: m, Watch: []func(journal.Event){func(e journal.Event) {
		p.events = append(p.events, e)
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for range p.past { // so that events are counted on, as in a file
		if _, err := w.Append("test.past", "", "", nil, false); err != nil {
			t.Fatal(err)
		}
	}
	p.events = slices.Clone(p.past)
	p.out, p.open, p.err = local.Run(p.ctx, book, local.Options{Journal: w, Past: p.past, Kinds: []exec.Kind{p.say.kind()}, Guard: guard.New(permit.Set{}, guard.Options{}), Secrets: store, Masker: m, Ask: p.ask},
		interp.Options{Undo: p.undo, Run: "r1", User: "tester", Inputs: map[string]any{}, Present: store.Present})
	return p
}

// until is the journal up to the first event of a type and key, that one
// included.
func until(t *testing.T, events []journal.Event, typ journal.Type, key string, nth int) []journal.Event {
	t.Helper()
	for i, e := range events {
		if e.Type == typ && e.Key == key {
			if nth--; nth == 0 {
				return events[:i+1]
			}
		}
	}
	t.Fatalf("no %s %s in the journal", typ, key)
	return nil
}

func TestInDoubtAgainAndAgain(t *testing.T) {
	const text = "steps: [{action: a, say: {text: done}}]"
	first := (&part{text: text}).run(t)
	broke := until(t, first.events, journal.AttemptStarted, "a#a1", 1)

	paused := (&part{text: text, past: broke}).run(t)
	if !errors.Is(paused.err, interp.ErrPaused) || len(paused.open) != 1 || paused.open[0].Key != "a#a1.doubt" || len(paused.say.heard) > 0 {
		t.Fatalf("got %v, open %v, heard %v", paused.err, paused.open, paused.say.heard)
	}
	second := (&part{text: text, past: broke, ask: answer("again")}).run(t)
	if second.out.Outcome != "completed" || len(second.say.heard) != 1 {
		t.Fatalf("got %v %v, heard %v", second.out, second.err, second.say.heard)
	}
	// It broke off again in the repeated attempt: who said "again" once has not
	// said it for ever.
	again := (&part{text: text, past: until(t, second.events, journal.AttemptStarted, "a#a1", 2)}).run(t)
	if !errors.Is(again.err, interp.ErrPaused) || again.open[0].Key != "a#a1.doubt2" || len(again.say.heard) > 0 {
		t.Fatalf("got %v, open %v, heard %v", again.err, again.open, again.say.heard)
	}
	// It broke off between the answer and the repetition: the answer counts.
	answered := (&part{text: text, past: until(t, second.events, journal.ApprovalAnswered, "a#a1.doubt", 1)}).run(t)
	if answered.out.Outcome != "completed" || len(answered.say.heard) != 1 {
		t.Fatalf("got %v %v, heard %v", answered.out, answered.err, answered.say.heard)
	}
	left := (&part{text: text, past: broke, ask: answer("failed")}).run(t)
	if left.out.Outcome != "failed" || len(left.say.heard) > 0 {
		t.Fatalf("got %v, heard %v", left.out, left.say.heard)
	}
}

// TestInDoubtBesideAnEnd: an action that was under way when the run broke off is
// not forgotten because a step beside it ends the run.
func TestInDoubtBesideAnEnd(t *testing.T) {
	const text = `
steps:
  - parallel: p
    steps:
      - group: g
        steps: [{check: c, say: {text: quick, after: 20ms}}, {end: e, outcome: resolved}]
      - action: a
        say: {text: slow, after: 3s}
`
	first := (&part{text: text}).run(t)
	broke := until(t, first.events, journal.AttemptFinished, "p/g/c#a1", 1)
	second := (&part{text: text, past: broke, ask: func(ctx context.Context, _ interp.Question) (interp.Answer, map[string]string, error) {
		<-ctx.Done()
		return interp.Answer{}, nil, ctx.Err()
	}}).run(t)
	var asked, told bool
	for _, e := range second.events[len(broke):] {
		asked = asked || e.Type == journal.ApprovalRequested && e.Key == "p/a#a1.doubt"
		told = told || e.Type == journal.StepFinished && e.Key == "p/a" && strings.Contains(string(e.Data), "nobody said whether it took effect")
	}
	if !asked || !told || second.out.Outcome != "resolved" {
		t.Errorf("asked %v, told %v, outcome %v", asked, told, second.out)
	}
}

func TestOnlyLostSecretsAreAskedAgain(t *testing.T) {
	const text = `
steps:
  - manual: token
    instructions: Make one
    collect: {value: {type: string, secret: true}, note: {type: string}}
  - action: use
    say: {text: "{{ .steps.token.value }} {{ .steps.token.note }}"}
`
	give := func(note, value string, fields *[]string) func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
		return func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
			for _, f := range q.Fields {
				*fields = append(*fields, f.Name)
			}
			return interp.Answer{Choice: "done", By: "tester", Values: map[string]any{"note": note}}, map[string]string{"value": value}, nil
		}
	}
	var fields []string
	first := (&part{text: text, ask: give("first", "secret-number-1", &fields)}).run(t)
	broke := until(t, first.events, journal.ApprovalAnswered, "token#manual", 1)

	fields = nil
	second := (&part{text: text, past: broke, ask: give("second", "secret-number-1", &fields)}).run(t)
	if fmt.Sprint(fields) != "[value]" || fmt.Sprint(second.say.heard) != "[secret-number-1 first]" {
		t.Errorf("asked for %v, heard %v", fields, second.say.heard)
	}
	paused := (&part{text: text, past: broke}).run(t)
	if !errors.Is(paused.err, interp.ErrPaused) || len(paused.open) != 1 || paused.open[0].Key != "token#manual" || paused.open[0].Problem == "" {
		t.Errorf("got %v, open %v", paused.err, paused.open)
	}
	refused := (&part{text: text, past: broke, ask: answer("could_not")}).run(t)
	if !errors.Is(refused.err, interp.ErrPaused) || len(refused.say.heard) > 0 {
		t.Errorf("got %v, heard %v", refused.err, refused.say.heard)
	}
}

func TestCancelEndsStepsThenUndoThenFinally(t *testing.T) {
	const text = `
steps:
  - action: change
    say: {text: changed}
    undo: {when: failure, steps: [{action: back, say: {text: back}}]}
  - check: long
    say: {text: long, after: 10s}
  - {message: unreached, text: never}
finally:
  - action: last
    say: {text: "{{ .run.outcome }}"}
`
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	got := (&part{text: text, ctx: ctx, ask: answer("approve")}).run(t)
	if got.out.Outcome != "cancelled" || fmt.Sprint(got.say.heard) != "[changed long back cancelled]" {
		t.Errorf("got %v %v, heard %v", got.out, got.err, got.say.heard)
	}
}

// TestCancelledStaysCancelled: a run that was cancelled while it asked, and then
// waits in its finally steps, does not ask the old question on resume.
func TestCancelledStaysCancelled(t *testing.T) {
	const text = `
steps:
  - {manual: first, instructions: Do it}
  - {action: next, say: {text: never}}
finally:
  - {manual: clean, instructions: Clean up}
`
	ctx, cancel := context.WithCancel(context.Background())
	first := (&part{text: text, ctx: ctx, ask: func(ctx context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		if q.Step == "clean" {
			return interp.Answer{}, nil, local.ErrNobody
		}
		cancel()
		<-ctx.Done()
		return interp.Answer{}, nil, ctx.Err()
	}}).run(t)
	if !errors.Is(first.err, interp.ErrPaused) {
		t.Fatal(first.err)
	}
	second := (&part{text: text, past: first.events, ask: answer("done")}).run(t)
	if second.out.Outcome != "cancelled" || len(second.say.heard) > 0 {
		t.Errorf("got %v, heard %v", second.out, second.say.heard)
	}
}

func TestBudgetsDoNotCountPeople(t *testing.T) {
	const text = `
steps:
  - group: g
    timeout: 150ms
    steps:
      - {manual: m, instructions: Do it}
      - {check: c, say: {text: fine, after: 20ms}}
  - parallel: p
    timeout: 150ms
    steps:
      - {manual: n, instructions: Do it}
      - {check: d, say: {text: slow, after: 5s}}
`
	got := (&part{text: text, ask: func(ctx context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		select {
		case <-time.After(400 * time.Millisecond):
			return interp.Answer{Choice: "done", By: "tester"}, nil, nil
		case <-ctx.Done(): // of the second: a step beside it is at work, so time goes on
			return interp.Answer{}, nil, ctx.Err()
		}
	}}).run(t)
	if got.out.Failed != "p" || !strings.Contains(got.out.Reason, "budget") {
		t.Errorf("got %v %v", got.out, got.err)
	}
}

// TestWaitsGoOn: a wait that an earlier process began does not begin again.
func TestWaitsGoOn(t *testing.T) {
	const text = "steps: [{check: c, delay: 1h, say: {text: x}}]"
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	first := (&part{text: text, ctx: ctx}).run(t)
	past := slices.Clone(until(t, first.events, journal.WaitStarted, "c#delay", 1))
	for i := range past {
		past[i].Time = past[i].Time.Add(-time.Hour)
	}
	if got := (&part{text: text, past: past}).run(t); got.out.Outcome != "completed" || len(got.say.heard) != 1 {
		t.Errorf("got %v %v, heard %v", got.out, got.err, got.say.heard)
	}
}

// TestAnotherDecisionIsRefused: what a decision comes to on resume must be what
// the journal says.
func TestAnotherDecisionIsRefused(t *testing.T) {
	const text = `
steps:
  - check: c
    say: {text: x}
  - decide: d
    branches: [{id: one, when: 'steps.c.value == "x"'}]
    else: {id: two}
  - {action: a, say: {text: a}}
`
	first := (&part{text: text}).run(t)
	past := slices.Clone(until(t, first.events, journal.DecisionMade, "d", 1))
	last := &past[len(past)-1]
	last.Data = []byte(strings.Replace(string(last.Data), `"branch":"one"`, `"branch":"two"`, 1))
	got := (&part{text: text, past: past}).run(t)
	if got.err == nil || !strings.Contains(got.err.Error(), `was "two" and would now be "one"`) || len(got.say.heard) > 0 {
		t.Errorf("got %v, heard %v", got.err, got.say.heard)
	}
}
