package journal

import (
	"encoding/json"
	"testing"
	"time"
)

// TestFactsOfAnotherRunbookAreItsOwn: what a runbook finds that a step runs is not
// a fact of the run, and an item's events belong to its step.
func TestFactsOfAnotherRunbookAreItsOwn(t *testing.T) {
	s := NewState()
	add := func(typ Type, step, key string, data any) {
		raw, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		s.Apply(Event{Time: time.Now(), Type: typ, Step: step, Key: key, Data: raw})
	}
	add(RunStarted, "", "", RunStartedData{Facts: map[string]any{"level": "low"}})
	add(StepStarted, "hosts", "hosts", StepStartedData{Role: "each"})
	add(ItemStarted, "hosts", "hosts[0]", ItemStartedData{Name: "host", Value: "a"})
	add(StepStarted, "other", "hosts[0]/other", StepStartedData{Role: "run"})
	add(RunbookStarted, "other", "hosts[0]/other", RunbookStartedData{Facts: map[string]any{"level": "x"}})
	add(FactSet, "look", "hosts[0]/other/look#fact.level", FactSetData{Name: "level", Value: "theirs"})
	if s.Facts["level"] != "low" {
		t.Errorf("the fact is %v", s.Facts["level"])
	}
	add(FactSet, "other", "hosts[0]/other#fact.level", FactSetData{Name: "level", Value: "ours"})
	if s.Facts["level"] != "ours" {
		t.Errorf("the fact is %v", s.Facts["level"])
	}
	for _, m := range s.Moments {
		if m.Type == ItemStarted && (m.Step == nil || m.Step.Key != "hosts") {
			t.Errorf("the item belongs to %v", m.Step)
		}
	}
}
