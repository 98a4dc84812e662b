package local_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"runbook/engine/interp"
	"runbook/engine/journal"
)

// TestWhatDidNotBeginNeverBegins: a run that was cancelled between two steps, and
// breaks off behind that, begins no other step when it goes on.
func TestWhatDidNotBeginNeverBegins(t *testing.T) {
	for what, next := range map[string]string{
		"an action":     "{action: next, say: {text: next}}",
		"a delay":       "{action: next, delay: 1h, say: {text: next}}",
		"a question":    "{manual: next, instructions: x}",
		"steps at once": "{parallel: next, steps: [{action: a, say: {text: next}}, {action: b, say: {text: next}}]}",
	} {
		ctx, cancel := context.WithCancel(context.Background())
		text := "steps: [{manual: first, instructions: x}, " + next + "]\nfinally: [{action: last, say: {text: last}}]"
		was := (&part{text: text, ctx: ctx, ask: func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
			cancel()
			time.Sleep(50 * time.Millisecond) // the scope of the steps has ended by then
			return interp.Answer{Choice: "done", By: "tester"}, nil, nil
		}}).run(t)
		if was.out.Outcome != "cancelled" || strings.Join(was.say.heard, " ") != "last" {
			t.Fatalf("%s: %v, heard %v", what, was.out, was.say.heard)
		}
		turned := false
		for k, e := range was.events[:len(was.events)-1] {
			turned = turned || e.Type == journal.WaitFinished
			if !turned {
				continue
			}
			got := (&part{text: text, past: was.events[:k+1], ask: answer("done")}).run(t)
			if got.out.Outcome != "cancelled" || strings.Contains(strings.Join(got.say.heard, " "), "next") {
				t.Errorf("%s, cut behind %s %s: %v %v, heard %v", what, e.Type, e.Key, got.out, got.err, got.say.heard)
			}
		}
		if !turned {
			t.Errorf("%s: nothing is written down", what)
		}
	}
}
