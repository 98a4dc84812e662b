package report

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/engine/journal"
)

// ending is a run that owes two undos and knows whom to turn to, with an outcome.
func ending(outcome string) []journal.Event {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	say := func(typ journal.Type, key string, data any) journal.Event { return event(typ, key, at, data) }
	return []journal.Event{
		say(journal.RunStarted, "", journal.RunStartedData{Runbook: journal.Runbook{Name: "x"}, Mode: "run", User: "ann"}),
		say(journal.ProcedureStarted, "p#procedure", journal.ProcedureStartedData{Name: "p", Escalation: "Call the vendor"}),
		say(journal.StepStarted, "block", journal.StepStartedData{Role: "action"}),
		say(journal.StepFinished, "block", journal.StepFinishedData{Role: "action", Verdict: "passed"}),
		say(journal.UndoOwed, "block>undo", journal.UndoData{Title: "Block all", When: "always", Action: "block"}),
		say(journal.UndoOwed, "scale>undo", journal.UndoData{Title: "Scale up", When: "failure", Action: "scale"}),
		say(journal.UndoOwed, "flag>undo", journal.UndoData{Title: "Set a flag", When: "failure", Action: "flag"}),
		say(journal.UndoSettled, "flag>undo", journal.UndoData{Title: "Set a flag", Action: "flag", How: "declined"}),
		say(journal.UndoSettled, "block>undo", journal.UndoData{Title: "Block all", Action: "block", How: "failed"}),
		say(journal.RunFinished, "", journal.RunFinishedData{Outcome: outcome, Summary: "It was <b>", Duration: 61}),
	}
}

func TestEndings(t *testing.T) {
	for outcome, want := range map[string]struct {
		sign         string
		always, fail bool // is the undo still owed
		advice       bool
	}{
		"resolved":  {"✓ resolved", true, false, false},
		"completed": {"✓ completed", true, false, false},
		"escalated": {"! escalated", true, false, true},
		"failed":    {"✗ failed", true, true, true},
		"cancelled": {"✗ cancelled", true, true, false},
	} {
		text := lines(ending(outcome), LineOptions{})
		_, tail, _ := strings.Cut(text, want.sign+" after 1m1s  It was <b>\n")
		if tail == "" || strings.Contains(text, "DRILL") || !strings.HasSuffix(text, "runbook show \n") {
			t.Errorf("%s:\n%s", outcome, text)
		}
		if strings.Contains(tail, "still to be undone: Block all") != want.always || strings.Contains(tail, "still to be undone: Scale up") != want.fail || strings.Contains(tail, "Set a flag") {
			t.Errorf("%s owes:\n%s", outcome, tail)
		}
		if strings.Contains(tail, "Call the vendor") != want.advice {
			t.Errorf("%s advises:\n%s", outcome, tail)
		}
		md := drawn(t, Markdown, ending(outcome))
		_, owes, _ := strings.Cut(md, "## Still to be undone")
		if strings.Contains(owes, "Block all") != want.always || strings.Contains(owes, "Scale up") != want.fail {
			t.Errorf("%s owes in Markdown:\n%s", outcome, md)
		}
	}
}

func TestPostmortemLeavesNothingToOverlook(t *testing.T) {
	for _, name := range []string{"payments", "orders", "resumed"} {
		text := drawn(t, Postmortem, fixture(t, name))
		for _, bad := range []string{"TODO", "TBD", "FIXME", "XXX", "lorem", "<!--", "fill in", "___"} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(bad)) {
				t.Errorf("%s holds a placeholder: %s", name, bad)
			}
		}
		if !strings.Contains(text, "## What this page does not know") {
			t.Errorf("%s takes itself for complete", name)
		}
	}
	text := drawn(t, Postmortem, fixture(t, "orders"))
	for _, want := range []string{
		"| what>down/scale>undo/scale_back | passed | dana (approved) |",
		"| what>down/scale: Scale to 3 | failed | dana (approved) |",
		"| look/api.trace | tr-1 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the postmortem does not say %s:\n%s", want, text)
		}
	}
	if !strings.Contains(drawn(t, Postmortem, ending("failed")), "whether what is still to be undone has been undone by hand since") {
		t.Error("an undo is owed, and nobody is asked about it")
	}
}

func TestNoState(t *testing.T) {
	for name, f := range map[string]func(io.Writer, *journal.State) error{"md": Markdown, "postmortem": Postmortem, "html": HTML, "junit": JUnit} {
		var b strings.Builder
		if err := f(&b, nil); err != nil || b.Len() == 0 {
			t.Errorf("%s: %v", name, err)
		}
		if err := f(gone{}, journal.Fold(ending("failed"))); err == nil {
			t.Errorf("%s: what could not be written is no error", name)
		}
	}
}

func TestOperands(t *testing.T) {
	got := operands([]any{1, nil, map[string]any{"expr": 3}, map[string]any{"expr": "a"}, map[string]any{"expr": "b", "value": map[string]any{"$masked": "tok"}}})
	if !slices.Equal(got, []string{"a", "b = ‹secret tok›"}) {
		t.Errorf("%q", got)
	}
	if got := operands("nothing"); got != nil {
		t.Errorf("%q", got)
	}
}
