package main

import (
	"strings"
	"testing"

	"runbook/engine/interp"
	"runbook/engine/journal"
)

// TestNothingGivenBeforehandApprovesWhatChanged: neither --yes nor --approve is a word
// on what is not what was shown before.
func TestNothingGivenBeforehandApprovesWhatChanged(t *testing.T) {
	for _, given := range []*answers{
		{yes: true},
		{approve: map[string]string{"act": ""}, open: map[string][]string{"act": {"act"}}, took: map[string]string{}},
		{whole: map[string]string{"act": "approve"}, open: map[string][]string{}, took: map[string]string{}},
	} {
		q := interp.Question{Key: "act#confirm", Step: "act", ApprovalRequestedData: journal.ApprovalRequestedData{Kind: "confirm"}}
		if a, _, ok, err := given.to(q, "ada"); !ok || err != nil || a.Choice != "approve" {
			t.Fatalf("%+v does not approve: %v", given, err)
		}
		q.Before = &journal.ApprovalRequestedData{Kind: "confirm"}
		if _, _, _, err := given.to(q, "ada"); err == nil || !strings.Contains(err.Error(), "not what was asked before") {
			t.Errorf("%+v: %v", given, err)
		}
	}
}
