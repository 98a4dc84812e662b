package local_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"runbook/engine/interp"
	"runbook/engine/journal"
)

const undoing = `
steps:
  - {action: first, say: {text: first}, undo: {when: failure, steps: [{action: back_first, say: {text: back_first}}]}}
  - {action: second, say: {text: second}, undo: {when: failure, steps: [{action: back_second, say: {text: back_second}}]}}
  - {check: breaks, required: true, say: {text: x}, expect: value == "y"}
finally: [{action: last, say: {text: last}}]
`

// TestUndoOfARunThatIsOver makes what nobody answered for, the last first, and
// nothing else; wherever it breaks off, it goes on and makes nothing twice.
func TestUndoOfARunThatIsOver(t *testing.T) {
	was := (&part{text: undoing}).run(t)
	if was.out.Outcome != "failed" || strings.Join(was.say.heard, " ") != "first second x last" {
		t.Fatal(was.out, was.err, was.say.heard)
	}
	whole := (&part{text: undoing, past: was.events, undo: 1, ask: answer("approve")}).run(t)
	if got := strings.Join(whole.say.heard, " "); whole.err != nil || got != "back_second back_first" || len(journal.Fold(whole.events).Owed()) > 0 {
		t.Fatalf("%v, heard %s", whole.err, got)
	}
	for k := len(was.events) + 1; k < len(whole.events); k++ {
		if e := whole.events[k-1]; e.Type == journal.AttemptStarted {
			continue // in doubt
		}
		again := (&part{text: undoing, past: whole.events[:k], undo: 1, ask: answer("approve")}).run(t)
		heard := append(said(whole.events[:k]), again.say.heard...)
		if again.err != nil || strings.Join(heard, " ") != "first second x last back_second back_first" || len(journal.Fold(again.events).Owed()) > 0 {
			t.Errorf("cut behind %s %s: %v, heard %v", whole.events[k-1].Type, whole.events[k-1].Key, again.err, heard)
		}
	}
}

// said are the texts of the attempts that a journal holds.
func said(events []journal.Event) (out []string) {
	for _, e := range events {
		if d, err := journal.Decode[journal.AttemptFinishedData](e); err == nil && e.Type == journal.AttemptFinished {
			text, _ := d.Fields["value"].(string)
			out = append(out, text)
		}
	}
	return out
}

// TestNothingElseIsDoneOfARunThatIsOver: where its journal does not say what became
// of a step, nothing is done.
func TestNothingElseIsDoneOfARunThatIsOver(t *testing.T) {
	was := (&part{text: undoing}).run(t)
	for _, lost := range []string{"second#a1", "finally/last#a1", "second>undo#undo"} {
		past := slices.DeleteFunc(slices.Clone(was.events), func(e journal.Event) bool { return e.Key == lost })
		got := (&part{text: undoing, past: past, undo: 1, ask: answer("approve")}).run(t)
		if got.err == nil || !strings.Contains(got.err.Error(), lost) || len(got.say.heard) > 0 {
			t.Errorf("without %s: %v, heard %v", lost, got.err, got.say.heard)
		}
	}
}

// TestUndoBehindEverything: what an undo has to pass before it comes to what is owed
// may be of any form: side by side, item by item, and settled by a person or a
// check_after after it was in doubt.
func TestUndoBehindEverything(t *testing.T) {
	const owes = "\n  - {action: first, say: {text: first}, undo: {when: failure, steps: [{action: back, say: {text: back}}]}}"
	const breaks = "\n  - {check: breaks, required: true, say: {text: x}, expect: value == \"y\"}\n"
	for what, form := range map[string]string{
		"parallel":     "\n  - {parallel: p, steps: [{check: a, say: {text: a}}, {check: b, say: {text: b}}]}",
		"each":         "\n  - {each: e, in: '[1, 2]', as: n, steps: [{action: a, say: {text: a}}]}",
		"each at once": "\n  - {each: e, in: '[1, 2]', as: n, max: 2, steps: [{action: a, say: {text: a}}]}",
		"nested":       "\n  - {parallel: p, steps: [{group: g, steps: [{each: e, in: '[1]', as: n, steps: [{check: a, say: {text: a}}]}]}, {check: b, say: {text: b}}]}",
		"poll":         "\n  - {check: p, say: {text: a}, poll: {every: 1ms, for: 3ms}, required: false, expect: value == \"b\"}",
		"retry":        "\n  - {action: r, say: {text: a}, idempotent: true, retry: {attempts: 2, delay: 1ms}}",
	} {
		was := (&part{text: "\nsteps:" + owes + form + breaks}).run(t)
		if was.out.Outcome != "failed" {
			t.Fatal(what, was.out, was.err)
		}
		got := (&part{text: "\nsteps:" + owes + form + breaks, past: was.events, undo: 1, ask: answer("approve")}).run(t)
		if got.err != nil || strings.Join(got.say.heard, " ") != "back" {
			t.Errorf("%s: %v, heard %v", what, got.err, got.say.heard)
		}
	}
	for settled, way := range map[string][2]string{
		"done": {"", "done"}, "failed": {"", "failed"}, "again": {"", "again"},
		"by itself": {", check_after: {say: {text: seen}}", "done"},
	} {
		text := "\nsteps:" + owes + "\n  - {action: doubtful, say: {text: doubtful}, on_failure: continue" + way[0] + "}" + breaks
		was := (&part{text: text}).run(t)
		broke := until(t, was.events, journal.AttemptStarted, "doubtful#a1", 1)
		went := (&part{text: text, past: broke, ask: func(ctx context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
			if q.Kind != "in_doubt" {
				return nobody(ctx, q)
			}
			return answer(way[1])(ctx, q)
		}}).run(t)
		if went.out.Outcome != "failed" {
			t.Fatal(settled, went.out, went.err)
		}
		got := (&part{text: text, past: went.events, undo: 1, ask: answer("approve")}).run(t)
		if got.err != nil || strings.Join(got.say.heard, " ") != "back" {
			t.Errorf("%s: %v, heard %v", settled, got.err, got.say.heard)
		}
	}
}
