package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGlance: both ends of a journal say what the whole of it says.
func TestGlance(t *testing.T) {
	started := RunStartedData{Runbook: Runbook{Name: "payments"}, Mode: "drill"}
	for _, x := range []struct {
		name string
		last []any
		torn string
		want string
	}{
		{"over", []any{RunFinished, RunFinishedData{Outcome: "resolved"}}, "", "resolved"},
		{"paused", []any{RunPaused, RunPausedData{Waiting: []string{"store"}}}, "", "paused"},
		{"resumed, then broken off", []any{RunResumed, RunResumedData{}}, "", "interrupted"},
		{"in a step", []any{FactSet, FactSetData{Name: "a", Value: strings.Repeat("long ", 1000)}}, "", "interrupted"},
		{"over, messages sent since", []any{RunFinished, RunFinishedData{Outcome: "resolved"}, RunResumed, RunResumedData{}, AttemptStarted, AttemptStartedData{}, AttemptFinished, AttemptFinishedData{}, MessageSent, MessageSentData{}}, "", "resolved"},
		{"broken off at a message", []any{StepStarted, StepStartedData{}, AttemptFinished, AttemptFinishedData{}, MessageUnsent, MessageUnsentData{}}, "", "interrupted"},
		{"torn", []any{RunFinished, RunFinishedData{Outcome: "failed"}}, `{"seq": 9, "ti`, "failed"},
	} {
		store := &Store{Dir: t.TempDir()}
		w, err := Create(store.Path("r1"), "r1", Options{})
		if err != nil {
			t.Fatal(err)
		}
		events := [][]any{{RunStarted, started}, {FactSet, FactSetData{Name: "b", Value: strings.Repeat("x", glanced)}}}
		for i := 0; i < len(x.last); i += 2 {
			events = append(events, x.last[i:i+2])
		}
		for _, e := range events {
			if _, err := w.Append(e[0].(Type), "", "", e[1], false); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(store.Path("r1"), FileName)
		data, _ := os.ReadFile(path)
		if err := os.WriteFile(path, append(data, x.torn...), 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := store.Glance("r1")
		if err != nil || g.Runbook != "payments" || g.Mode != "drill" || g.Status != x.want || g.Began.IsZero() {
			t.Errorf("%s: %+v, %v", x.name, g, err)
		}
	}
}

// TestGlanceAtRubbish: what is no journal is an error, not a guess.
func TestGlanceAtRubbish(t *testing.T) {
	store := &Store{Dir: t.TempDir()}
	for i, text := range []string{"", "\n", "{}", "null\n", "[1]\n", "{\"data\": 3}\n", strings.Repeat("x", glanced+1) + "\n", "{\"data\": {}}\n" + strings.Repeat("y", glanced+1) + "\n"} {
		id := fmt.Sprint("r", i)
		if err := os.MkdirAll(store.Path(id), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(store.Path(id), FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if g, err := store.Glance(id); err == nil {
			t.Errorf("%.20q is %+v", text, g)
		}
	}
	if _, err := store.Glance("missing"); err == nil {
		t.Error("a run that is not there is glanced at")
	}
}
