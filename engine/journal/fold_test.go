package journal

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

func TestFoldTellsWhatHappened(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var events []Event
	add := func(typ Type, step, key string, data any) {
		raw, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, Event{Seq: int64(len(events) + 1), Time: begin.Add(time.Duration(len(events)) * time.Second), Run: "r", Type: typ, Step: step, Key: key, Data: raw})
	}
	ask := func(key, kind string) { add(ApprovalRequested, "store", key, ApprovalRequestedData{Kind: kind}) }
	say := func(key, kind, by string) {
		add(ApprovalAnswered, "store", key, ApprovalAnsweredData{Kind: kind, Choice: "approve", By: by})
	}
	add(RunStarted, "", "", RunStartedData{Facts: map[string]any{"severity": "P3"}})
	add(StepStarted, "store", "fix/store", StepStartedData{Role: "action"})
	ask("fix/store#confirm", "confirm")
	say("fix/store#confirm", "confirm", "ann")
	add(AttemptStarted, "store", "fix/store#p1.a1", AttemptStartedData{})
	add(WaitStarted, "store", "fix/store#p1.poll", WaitStartedData{For: "poll", Length: 10})
	add(FactSet, "store", "fix/store#fact.severity", FactSetData{Name: "severity", Value: "P1", Was: "P3"})
	add(StepFinished, "store", "fix/store", StepFinishedData{Role: "action", Verdict: "passed"})
	add(UndoOwed, "store", "fix/store>undo", UndoData{Action: "fix/store"})
	ask("fix/store>undo#undo", "undo")
	for range 2 {
		add(ProcedureStarted, "store", "fix/store>on_failure#procedure", ProcedureStartedData{Escalation: "call them"})
	}

	s := Fold(events[:6])
	st := s.Step("fix/store")
	if st == nil || st.Waiting == nil || !st.Since.Equal(events[5].Time) || st.Polls != 1 || st.Attempts != 1 || st.Open() != nil {
		t.Fatalf("while it waits: %+v", st)
	}

	s = Fold(events)
	st = s.Step("fix/store")
	if len(st.Questions) != 2 || st.Questions[0].Answered.By != "ann" || !st.Questions[0].When.Equal(events[3].Time) || st.Open().Asked.Kind != "undo" {
		t.Errorf("the offer to undo belongs to the action: %+v", st.Questions)
	}
	if st.Waiting != nil || s.Facts["severity"] != "P1" || !slices.Equal(s.Escalation, []string{"call them"}) {
		t.Errorf("%+v %+v", st, s)
	}
	var types []Type
	for _, m := range s.Moments {
		types = append(types, m.Type)
		if m.Type != RunStarted && m.Step != st {
			t.Errorf("%s at %s belongs to %v", m.Type, m.Key, m.Step)
		}
	}
	want := []Type{RunStarted, ApprovalRequested, ApprovalAnswered, FactSet, StepFinished, UndoOwed, ApprovalRequested, ProcedureStarted, ProcedureStarted}
	if !slices.Equal(types, want) {
		t.Errorf("moments are %v", types)
	}
	if d, ok := s.Moments[3].Data.(FactSetData); !ok || d.Was != "P3" || !s.Moments[3].At.Equal(events[6].Time) {
		t.Errorf("%+v", s.Moments[3])
	}
}

func TestFoldIsPatient(t *testing.T) {
	for _, typ := range []Type{RunStarted, StepStarted, StepFinished, AttemptStarted, WaitStarted, DecisionMade, FactSet, MessageRendered, ApprovalRequested, ApprovalAnswered, UndoOwed, UndoSettled, ProcedureStarted, SecretReplaced, RunPaused, RunResumed, RunFinished, "later.type"} {
		for _, data := range []string{"", "null", "[]", `{"role": 1}`, `{"facts": "x"}`} {
			for _, key := range []string{"", "#", ">", "a/b>c#d"} {
				Fold([]Event{{Type: typ, Key: key, Data: json.RawMessage(data)}}).Status(false)
			}
		}
	}
}
