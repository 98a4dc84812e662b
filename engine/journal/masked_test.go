package journal

import (
	"slices"
	"testing"

	"runbook/engine/secret"
)

const hidden = "hunter-2-hunter"

// whole masks as the real masker does: a text that is nothing but the secret is
// the secret's name.
func masksToken(t *testing.T) *secret.Masker {
	t.Helper()
	m := secret.NewMasker()
	if err := m.Add("token", hidden); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMaskedTextsAreRead: a text of an event that was nothing but a secret is read
// as a mask, and a value stays what it is.
func TestMaskedTextsAreRead(t *testing.T) {
	w, err := Create("", "r1", Options{Memory: true, Mask: masksToken(t)})
	if err != nil {
		t.Fatal(err)
	}
	e, err := w.Append(ApprovalAnswered, "s", "s", ApprovalAnsweredData{Kind: "manual", Choice: "done", By: "me", Note: hidden, Values: map[string]any{"v": hidden}}, false)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Decode[ApprovalAnsweredData](e)
	if v, ok := a.Values["v"].(map[string]any); err != nil || a.Note != secret.Mask || a.By != "me" || !ok || v[secret.MaskedKey] != "token" {
		t.Errorf("%+v, %v", a, err)
	}
	e, err = w.Append(ProcessStarted, "s", "s", ProcessStartedData{PID: 7, Argv: []string{"curl", hidden, hidden + "!"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Decode[ProcessStartedData](e)
	if err != nil || p.PID != 7 || !slices.Equal(p.Argv, []string{"curl", secret.Mask, secret.Mask + "!"}) {
		t.Errorf("%+v, %v", p, err)
	}
	e, err = w.Append(ApprovalRequested, "s", "s", ApprovalRequestedData{Kind: "ask", Title: hidden, Choices: []Choice{{ID: "a", Title: "x"}, {ID: "b", Title: hidden}}}, false)
	if err != nil {
		t.Fatal(err)
	}
	q, err := Decode[ApprovalRequestedData](e)
	if err != nil || q.Title != secret.Mask || q.Choices[1].Title != secret.Mask || q.Choices[0].Title != "x" {
		t.Errorf("%+v, %v", q, err)
	}
}

// TestWrongDataIsAnError: what is no mask is not made one.
func TestWrongDataIsAnError(t *testing.T) {
	for _, data := range []string{`{"name": {}}`, `{"name": {"$masked": "a", "b": 1}}`, `{"name": 3}`, `{"name": ["x"]}`, `[]`, `{`} {
		if _, err := Decode[FactSetData](Event{Data: []byte(data)}); err == nil {
			t.Errorf("%s is read", data)
		}
	}
}
