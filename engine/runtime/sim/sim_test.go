package sim_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/permit"
	"runbook/engine/plan"
	"runbook/engine/runtime/sim"
	"runbook/engine/secret"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

func say() kind.Kind {
	return kind.Kind{
		Name: "say", Doc: "Says something.", Options: &spec.Shape{Form: spec.Object, Name: "say", Fields: []spec.Field{
			{Key: "text", Shape: &spec.Shape{Form: spec.Template}, Doc: "text"}, {Key: "after", Shape: &spec.Shape{Form: spec.Duration}, Doc: "delay"}}},
		Result: &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "value", Type: &types.Type{Kind: types.String}, Late: true}, {Name: "code", Type: &types.Type{Kind: types.Int}, Late: true}}},
		States: []kind.State{{Name: "none", Ranges: map[string]kind.Range{"code": {Min: -1, Max: -1}}, Error: true}},
	}
}

// sayer says its text, after a while.
type sayer struct{}

func (sayer) Execute(ctx context.Context, r exec.Request) exec.Result {
	after, _ := r.Options["after"].(time.Duration)
	if guard.Wait(ctx, after) == nil {
		return exec.Result{Fields: map[string]any{"value": types.Format(r.Options["text"]), "code": 0}}
	}
	res := exec.Result{Fields: map[string]any{"value": "", "code": -1}, Error: &exec.Error{Kind: "canceled", Message: "the run was cancelled"}}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		res.Error = &exec.Error{Kind: "timeout", Message: "no complete answer in time"}
	}
	return res
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// run gives the outcome and, for each event, its time since the start, its type
// and its key.
func run(t *testing.T, text string, ask func(interp.Question) (interp.Answer, map[string]string, time.Duration, error)) (interp.Outcome, []string, error) {
	t.Helper()
	var found source.Diagnostics
	k := say()
	p := plan.Compile(source.NewFile("x.yaml", []byte("apiVersion: runbook/v1\nname: x\n"+text)), plan.Options{Kinds: []kind.Kind{k}}, func(d source.Diagnostic) { found = append(found, d) })
	if p == nil {
		t.Fatal(found)
	}
	var lines []string
	m := secret.NewMasker()
	store := secret.NewStore(m, nil, func(string) (string, bool) { return "", false }, nil)
	clock := sim.NewClock(start)
	w, err := journal.Create("", "r1", journal.Options{Memory: true, Mask: m, Now: clock.Now, Watch: []func(journal.Event){func(e journal.Event) {
		lines = append(lines, fmt.Sprintf("%s %s %s %s", e.Time.Sub(start), e.Type, e.Key, e.Data))
	}}})
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := sim.Run(context.Background(), p, sim.Options{
		Clock: clock, Journal: w, Kinds: []exec.Kind{{Kind: k, Executor: sayer{}}}, Guard: guard.New(permit.Set{}, guard.Options{}), Secrets: store, Masker: m, Ask: ask,
	}, interp.Options{Run: "r1", User: "tester", Inputs: map[string]any{}, Present: store.Present})
	return out, lines, err
}

func after(d time.Duration) func(interp.Question) (interp.Answer, map[string]string, time.Duration, error) {
	return func(interp.Question) (interp.Answer, map[string]string, time.Duration, error) {
		return interp.Answer{Choice: "done", By: "tester"}, nil, d, nil
	}
}

func has(lines []string, want string) bool {
	for _, l := range lines {
		if strings.HasPrefix(l, want) {
			return true
		}
	}
	return false
}

func TestLongPollsTakeNoTime(t *testing.T) {
	began := time.Now()
	out, lines, err := run(t, `steps: [{check: c, say: {text: no}, expect: value == "yes", poll: {every: 1m, for: 2h}}]`, nil)
	if err != nil || out.Outcome != "failed" || !has(lines, "1h59m0s step.finished c ") {
		t.Errorf("got %v %v %v", out, err, lines[len(lines)-2:])
	}
	if time.Since(began) > 5*time.Second {
		t.Errorf("it took %s", time.Since(began))
	}
}

func TestBudgetsDoNotCountPeople(t *testing.T) {
	out, _, err := run(t, `
steps:
  - group: g
    timeout: 1m
    steps: [{manual: m, instructions: Do it}, {check: c, say: {text: fine, after: 50s}}]
`, after(24*time.Hour))
	if err != nil || out.Outcome != "completed" {
		t.Errorf("alone: got %v %v", out, err)
	}
	out, lines, err := run(t, `
steps:
  - parallel: p
    timeout: 1m
    steps: [{manual: m, instructions: Do it}, {check: c, say: {text: fine, after: 5m}}]
`, after(24*time.Hour))
	if err != nil || out.Failed != "p" || !has(lines, "1m0s wait.finished p/m#manual ") {
		t.Errorf("beside work: got %v %v\n%s", out, err, strings.Join(lines, "\n"))
	}
}

func TestWhatIsCutOffKnowsNothing(t *testing.T) {
	_, lines, err := run(t, `steps: [{check: c, timeout: 10s, say: {text: late, after: 1m}}]`, nil)
	if err != nil || !has(lines, `10s attempt.finished c#a1 {"fields":{"code":-1,"value":""},"error":{"kind":"timeout","message":"no complete answer in time"},"duration":10}`) {
		t.Errorf("%v\n%s", err, strings.Join(lines, "\n"))
	}
}

func TestAtMostSoManyAtOnce(t *testing.T) {
	_, lines, err := run(t, `
steps:
  - parallel: p
    max: 2
    steps: [{check: a, say: {after: 10s}}, {check: b, say: {after: 30s}}, {check: c, say: {after: 15s}}, {check: d, say: {after: 1s}}]
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0s step.started p/a ", "0s step.started p/b ", "10s step.started p/c ", "25s step.started p/d ", "26s step.finished p/d ", "30s step.finished p "} {
		if !has(lines, want) {
			t.Errorf("no %q in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	_, lines, err := run(t, `steps: [{parallel: p, steps: [{manual: m, instructions: Do it}, {check: c, say: {after: 1h}}]}, {message: never, text: never}]`,
		func(interp.Question) (interp.Answer, map[string]string, time.Duration, error) {
			return interp.Answer{}, nil, 0, sim.ErrNobody
		})
	if !errors.Is(err, interp.ErrPaused) || !has(lines, "1h0m0s step.finished p/c ") || has(lines, "1h0m0s message") {
		t.Errorf("got %v\n%s", err, strings.Join(lines, "\n"))
	}
	broken := errors.New("the scenario has no answer")
	if _, _, err := run(t, `steps: [{manual: m, instructions: Do it}]`, func(interp.Question) (interp.Answer, map[string]string, time.Duration, error) {
		return interp.Answer{}, nil, 0, broken
	}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
