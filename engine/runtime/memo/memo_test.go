package memo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/runtime/memo"
	"runbook/engine/secret"
	"runbook/engine/types"
)

func writer(t *testing.T, events *[]journal.Event) *journal.Writer {
	t.Helper()
	w, err := journal.Create("", "r1", journal.Options{Memory: true, Watch: []func(journal.Event){func(e journal.Event) { *events = append(*events, e) }}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestRecordedOnce(t *testing.T) {
	var events []journal.Event
	m := memo.New(writer(t, &events), nil)
	for range 3 {
		m.Record(journal.StepStarted, "a", "a", journal.StepStartedData{Role: "check"}, false)
	}
	m.Record(journal.StepStarted, "a", "p/a", journal.StepStartedData{Role: "check"}, false)
	m.Again(journal.StepStarted, "a", "a", journal.StepStartedData{Role: "action"}, true)
	if len(events) != 3 {
		t.Errorf("%d events, want 3", len(events))
	}
	if e, ok := m.Find(journal.StepStarted, "a"); !ok || e.Seq != events[2].Seq {
		t.Errorf("found %v", e)
	}
	m.Fail(errors.New("full"))
	if _, ok := m.Record(journal.StepFinished, "a", "a", journal.StepFinishedData{}, false); ok || m.Err() == nil || len(events) != 3 {
		t.Error("a memory that failed takes more")
	}
}

func TestAnotherDecisionFails(t *testing.T) {
	var past, events []journal.Event
	memo.New(writer(t, &past), nil).Record(journal.DecisionMade, "d", "d", journal.DecisionMadeData{Branch: "one"}, false)
	m := memo.New(writer(t, &events), past)
	if m.Record(journal.DecisionMade, "d", "d", journal.DecisionMadeData{Branch: "one"}, false); m.Err() != nil {
		t.Error(m.Err())
	}
	if m.Record(journal.DecisionMade, "d", "d", journal.DecisionMadeData{Branch: "two"}, false); m.Err() == nil {
		t.Error("another branch is accepted")
	}
}

// TestRecallGivesWhatWasThere: what expressions saw comes back from the journal as
// it was.
func TestRecallGivesWhatWasThere(t *testing.T) {
	f := func(name string, k types.Kind) types.Field {
		return types.Field{Name: name, Type: &types.Type{Kind: k}}
	}
	k := kind.Kind{Result: &types.Type{Kind: types.Object, Fields: []types.Field{
		f("status", types.Int), f("body", types.String), {Name: "json"}, f("at", types.Time), f("whole", types.String),
		{Name: "timing", Type: &types.Type{Kind: types.Object, Fields: []types.Field{f("dns", types.Duration)}}}, {Name: "headers", Type: &types.Type{Kind: types.Object, Headers: true}},
	}}}
	want := interp.Result{
		Fields: map[string]any{
			"status": 200, "body": "<é\x01>", "json": map[string]any{"n": 12345678901234567, "big": json.Number("123456789012345678901234567890"), "f": 1.5, "l": []any{nil, true}},
			"at": time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC), "timing": map[string]any{"dns": 1234567 * time.Nanosecond}, "headers": map[string]any{"x-a": "b"},
			"whole": secret.Value{Name: "key", Present: true},
		},
		Error: &journal.Error{Kind: "timeout", Message: "late"}, Duration: 1234567891 * time.Nanosecond,
	}
	var events []journal.Event
	m := memo.New(writer(t, &events), nil)
	m.Record(journal.AttemptFinished, "a", "a#a1", memo.Attempt(want, &interp.Timeout{Scope: "g/h"}), false)
	got, err := memo.Recall(k, events[0])
	var end *interp.Timeout
	if !errors.As(err, &end) || end.Scope != "g/h" {
		t.Errorf("ended with %v", err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%#v, want\n%#v", got, want)
	}
}

func TestScopesHaveWords(t *testing.T) {
	for _, err := range []error{nil, interp.ErrStopped, interp.ErrCancelled, interp.ErrNobody, &interp.Timeout{Scope: "a/b"}} {
		if got := memo.Scope(memo.Word(err), "k"); fmt.Sprint(got) != fmt.Sprint(err) {
			t.Errorf("%v came back as %v", err, got)
		}
	}
}

func TestAnswersComeBack(t *testing.T) {
	q := interp.Question{Collect: []interp.Collect{
		{Decl: types.Decl{Name: "wait", Type: &types.Type{Kind: types.Duration}}}, {Decl: types.Decl{Name: "n", Type: &types.Type{Kind: types.Int}}},
		{Decl: types.Decl{Name: "key", Type: &types.Type{Kind: types.String}}, Secret: true, SecretName: "step.key"}, {Decl: types.Decl{Name: "none", Type: &types.Type{Kind: types.Int}}},
	}}
	want := interp.Answer{Choice: "done", By: "me", How: "terminal", Note: "n", Values: map[string]any{"wait": time.Minute, "n": 3, "key": secret.Value{Name: "step.key", Present: true}}}
	var events []journal.Event
	memo.New(writer(t, &events), nil).Record(journal.ApprovalAnswered, "s", "s#manual", memo.Answered(q, want), true)
	if got, err := memo.RecallAnswer(q, events[0]); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v %v", got, err)
	}
}

func TestAValueThatLooksLikeAHole(t *testing.T) {
	b := lang.Bound{Text: "echo \"${__rb0}\" \"${__rb1}\" <<X\n${__rb2}\nX", Values: []any{"${__rb1}", `"${__rb0}"`, "it's"}}
	got := memo.Shown(map[string]any{"script": b})["script"]
	if want := "echo '${__rb1}' '\"${__rb0}\"' <<X\nit's\nX"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPrepareAndShown(t *testing.T) {
	options := map[string]any{
		"script": lang.Bound{Text: `echo "${__rb0}" "${__rb1[@]}"`, Values: []any{secret.Text{Parts: []secret.Part{{Text: "a "}, {Secret: "key"}}}, []any{1, "it's"}}},
		"n":      3, "header": secret.Value{Name: "key", Present: true}, "list": []any{secret.Text{Parts: []secret.Part{{Secret: "key"}}}},
	}
	got, err := memo.Prepare(options, func(name string) (string, error) { return "bytes of " + name, nil })
	want := map[string]any{
		"script": guard.Script{Text: `echo "${__rb0}" "${__rb1[@]}"`, Values: []any{"a bytes of key", []string{"1", "it's"}}},
		"n":      3, "header": "bytes of key", "list": []any{"bytes of key"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v %v", got, err)
	}
	b, err := json.Marshal(memo.Shown(options))
	if want := `{"header":"‹***›","list":["‹***›"],"n":3,"script":"echo 'a ‹***›' 1 'it'\\''s'"}`; err != nil || string(b) != want {
		t.Errorf("shown as %s %v, want %s", b, err, want)
	}
	if _, err := memo.Prepare(options, func(string) (string, error) { return "", errors.New("not there") }); err == nil {
		t.Error("a secret that is not there is no error")
	}
}

// TestBatonKeepsOrder: branches go in the order in which they asked, and those
// that recall in the order of the journal, when no other can go.
func TestBatonKeepsOrder(t *testing.T) {
	var b memo.Baton
	var order []string
	var done sync.WaitGroup
	b.Take()
	for i, seq := range []int64{30, 10, 20} {
		wait := b.Join()
		done.Add(1)
		go func() {
			defer done.Done()
			wait()
			order = append(order, fmt.Sprint("start ", i))
			b.Yield(seq)
			order = append(order, fmt.Sprint("seq ", seq))
			b.Give()
		}()
	}
	b.Give()
	done.Wait()
	if got := strings.Join(order, ", "); got != "start 0, start 1, start 2, seq 10, seq 20, seq 30" {
		t.Error(got)
	}
}
