package interp

import (
	"testing"

	"runbook/engine/journal"
)

func TestNameOfAQuestion(t *testing.T) {
	for _, c := range []struct {
		q    Question
		want string
	}{
		{Question{Step: "a"}, "a"},
		{Question{Step: "a", In: "b/"}, "b/a"},
		{Question{Step: "a", In: "b/", ApprovalRequestedData: journal.ApprovalRequestedData{Kind: "undo"}}, "b/a>undo"},
		{Question{Step: "a", ApprovalRequestedData: journal.ApprovalRequestedData{Kind: "confirm"}}, "a"},
	} {
		if got := c.q.Name(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// TestStander: somebody who may, and not twice the same.
func TestStander(t *testing.T) {
	for _, c := range []struct {
		by, given []string
		want      string
	}{
		{nil, nil, "the scenario"},
		{nil, []string{"the scenario"}, "the scenario (2)"},
		{nil, []string{"the scenario", "the scenario (2)"}, "the scenario (3)"},
		{[]string{"ada", "bob"}, nil, "ada"},
		{[]string{"ada", "bob"}, []string{"ada"}, "bob"},
		{[]string{"ada"}, []string{"ada"}, "the scenario (2)"},
	} {
		q := Question{ApprovalRequestedData: journal.ApprovalRequestedData{Kind: "confirm", By: c.by, Given: c.given}}
		if got := q.Stander(); got != c.want {
			t.Errorf("by %v, given %v: got %s, want %s", c.by, c.given, got, c.want)
		}
	}
}
