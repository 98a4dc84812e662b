package journal

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// settles holds what data of a type settles to against what is read back.
func settles[T any](t *testing.T, d T, data any) (spared bool) {
	t.Helper()
	raw, err := encode(data)
	if err != nil {
		t.Fatal(err)
	}
	e := Event{Data: raw}
	want, err := Decode[T](e)
	if err != nil {
		t.Fatal(err)
	}
	got := said[T](&State{data: data}, e)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\ngot  %#v\nwant %#v", raw, got, want)
	}
	return settleStruct(reflect.ValueOf(&d).Elem())
}

// TestSaidAsItIsReadBack: a state that takes events as they are written, without
// reading them back, is the one that a reader of the journal has.
func TestSaidAsItIsReadBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	spared := map[bool]int{}
	for range 20_000 {
		switch d := random(r).(type) {
		case RunStartedData:
			spared[settles(t, d, d)]++
		case RunFinishedData:
			spared[settles(t, d, d)]++
		case StepStartedData:
			spared[settles(t, d, d)]++
		case StepFinishedData:
			spared[settles(t, d, d)]++
		case WaitStartedData:
			spared[settles(t, d, d)]++
		case DecisionMadeData:
			spared[settles(t, d, d)]++
		case FactSetData:
			spared[settles(t, d, d)]++
		case ApprovalRequestedData:
			spared[settles(t, d, d)]++
		case ApprovalAnsweredData:
			spared[settles(t, d, d)]++
		case ItemStartedData:
			spared[settles(t, d, d)]++
		case RunbookStartedData:
			spared[settles(t, d, d)]++
		}
	}
	if spared[true] < 1000 || spared[false] < 100 {
		t.Errorf("spared %v: one of the two ways is not tested", spared)
	}
}

// TestStateSharesNothing: what a run does with its values later is not seen in
// the state.
func TestStateSharesNothing(t *testing.T) {
	s := NewState()
	w, err := Create("", "r", Options{Memory: true, State: s})
	if err != nil {
		t.Fatal(err)
	}
	inner := map[string]any{"list": []any{"a"}}
	fault := &Error{Kind: "timeout", Message: "late"}
	if _, err := w.Append(StepFinished, "a", "a", StepFinishedData{Results: map[string]any{"json": inner}, Error: fault, FailedItems: nil}, false); err != nil {
		t.Fatal(err)
	}
	inner["list"].([]any)[0] = "b"
	inner["more"] = true
	fault.Message = "another"
	got := s.Step("a").Done
	if want := map[string]any{"json": map[string]any{"list": []any{"a"}}}; !reflect.DeepEqual(got.Results, want) || got.Error.Message != "late" {
		t.Errorf("the state has %v %v", got.Results, got.Error)
	}
}

// TestStateOfMaskedEvents: what was masked is read back, as a reader of the
// journal reads it.
func TestStateOfMaskedEvents(t *testing.T) {
	s := NewState()
	var events []Event
	w, err := Create("", "r", Options{Memory: true, State: s, Mask: upper{}, Watch: []func(Event){func(e Event) { events = append(events, e) }}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{"a secret", "plain", 3} {
		if _, err := w.Append(FactSet, "a", "a", FactSetData{Name: "f", Value: v, Was: "secret"}, false); err != nil {
			t.Fatal(err)
		}
		if want := Fold(events); !reflect.DeepEqual(s, want) {
			t.Errorf("the state is %#v, want %#v", s, want)
		}
	}
}
