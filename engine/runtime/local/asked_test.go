package local_test

import (
	"context"
	"slices"
	"testing"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/runtime/local"
)

// approval is a step that two people approve, of what it says.
func approval(says string) string {
	return "steps: [{action: act, confirm: {ask: Sure, count: 2}, say: {text: " + says + "}}]"
}

// asks answers as ada and alan, as far as they are there, and notes what was asked.
func asks(seen *[]interp.Question, names ...string) func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
	return func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		*seen = append(*seen, q)
		if len(names) == 0 {
			return interp.Answer{}, nil, local.ErrNobody
		}
		a := interp.Answer{Choice: "approve", By: names[0]}
		names = names[1:]
		return a, nil, nil
	}
}

// TestWhatIsApprovedIsWhatRuns: where a run goes on with something else to be done
// than what was shown, everybody is asked again, with what is different; an answer
// to what was shown before counts no more, in this process and in the next. What had
// begun stays approved.
func TestWhatIsApprovedIsWhatRuns(t *testing.T) {
	var seen []interp.Question
	first := (&part{text: approval("one"), ask: asks(&seen, "ada")}).run(t)
	if len(first.open) != 1 || len(seen) != 2 {
		t.Fatal(first.err, seen)
	}
	seen = nil
	second := (&part{text: approval("two"), past: first.events, ask: asks(&seen)}).run(t)
	if len(second.say.heard) > 0 || len(seen) != 1 || seen[0].Before == nil || len(seen[0].Given) > 0 {
		t.Fatalf("%v: asked %+v, said %v", second.err, seen, second.say.heard)
	}
	if was, is := seen[0].Before.Shown.(map[string]any)["text"], seen[0].Shown.(map[string]any)["text"]; was != "one" || is != "two" {
		t.Error("shown were", was, is)
	}
	seen = nil
	third := (&part{text: approval("two"), past: second.events, ask: asks(&seen, "ada", "alan")}).run(t)
	if third.err != nil || !slices.Equal(third.say.heard, []string{"two"}) || len(seen) != 2 || seen[0].Before != nil {
		t.Fatalf("%v: asked %+v, said %v", third.err, seen, third.say.heard)
	}
	seen = nil
	fourth := (&part{text: approval("three"), past: third.events, ask: asks(&seen)}).run(t)
	if len(seen) > 0 || len(fourth.say.heard) > 0 {
		t.Errorf("what is done was asked again: %+v, said %v", seen, fourth.say.heard)
	}
	state := journal.Fold(third.events)
	if st := state.Step("act"); len(st.Questions) != 3 || st.Open() != nil {
		t.Errorf("the journal tells of %+v", st.Questions)
	}
}

// TestWhatWasShownStays: an action does what was shown, also where its template
// would give something else by the time that it is approved.
func TestWhatWasShownStays(t *testing.T) {
	var seen []interp.Question
	p := (&part{text: `steps: [{action: act, confirm: Sure, say: {text: "after {{ .run.elapsed }}"}}]`, ask: asks(&seen, "ada")}).run(t)
	if p.err != nil || len(p.say.heard) != 1 || seen[0].Shown.(map[string]any)["text"] != p.say.heard[0] {
		t.Errorf("%v: shown %v, done %v", p.err, seen, p.say.heard)
	}
}
