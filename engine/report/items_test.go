package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"runbook/engine/journal"
)

// TestItemsRunbooksAndAttachmentsAreTold: what an `each`, another runbook and a
// manual step with options bring into a journal stands in the lines and in the
// reports.
func TestItemsRunbooksAndAttachmentsAreTold(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var events []journal.Event
	add := func(typ journal.Type, step, key string, data any) {
		raw, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, journal.Event{Seq: int64(len(events) + 1), Time: begin, Run: "r", Type: typ, Step: step, Key: key, Data: raw})
	}
	add(journal.RunStarted, "", "", journal.RunStartedData{})
	add(journal.StepStarted, "hosts", "hosts", journal.StepStartedData{Role: "each"})
	add(journal.ItemStarted, "hosts", "hosts[0]", journal.ItemStartedData{Name: "host", Value: "web-1\x1b[31m"})
	add(journal.StepStarted, "other", "hosts[0]/other", journal.StepStartedData{Role: "run"})
	add(journal.RunbookStarted, "other", "hosts[0]/other", journal.RunbookStartedData{Runbook: journal.Runbook{Name: "o", Title: "The other", Path: "sub/o.yaml"}})
	add(journal.StepStarted, "pick", "hosts[0]/other/pick", journal.StepStartedData{Role: "manual"})
	add(journal.ApprovalRequested, "pick", "hosts[0]/other/pick#manual", journal.ApprovalRequestedData{
		Kind: "manual", Text: "Which?", Fields: []journal.AnswerField{{Name: "pod", Type: "string", Required: true, Options: []any{"a", "b"}}},
		Attached: []journal.Attachment{{Name: "how", Title: "How to", File: "how.txt", Text: "look\nthere", Cut: true}},
	})
	add(journal.RunbookFinished, "other", "hosts[0]/other", journal.RunbookFinishedData{Outcome: "mitigated", Summary: "it is"})
	add(journal.StepFinished, "other", "hosts[0]/other", journal.StepFinishedData{Role: "run", Verdict: "passed"})
	add(journal.StepFinished, "hosts", "hosts", journal.StepFinishedData{Role: "each", Verdict: "passed", Items: 2, FailedItems: []int{1}})
	add(journal.RunFinished, "", "", journal.RunFinishedData{Outcome: "completed", Outputs: map[string]any{"pod": "a"}})
	text := lines(events, LineOptions{})
	for _, want := range []string{
		"· hosts[0]  host = web-1", "▸ The other  runbook sub/o.yaml", "how  How to  (how.txt)  the beginning:\n", "│ look\n", "asks for pod (string), from: a, b",
		"mitigated  it is\n", "(2 items, 1 failed)", "outputs\n    pod  a\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the lines lack %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("an item's value steers the terminal")
	}
	var md, page bytes.Buffer
	state := journal.Fold(events)
	if err := Markdown(&md, state); err != nil {
		t.Fatal(err)
	}
	if err := HTML(&page, state); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"each passed (2 items, 1 failed)", "runbook sub/o.yaml: The other", "the runbook ended: mitigated: it is", "## Outputs"} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("Markdown lacks %q:\n%s", want, md.String())
		}
	}
	if !strings.Contains(page.String(), "<h2>Outputs</h2>") {
		t.Error("HTML has no outputs")
	}
}
