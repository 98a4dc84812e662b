package find_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"runbook/engine/find"
)

var library = []find.Entry{
	{
		Name: "hubspot", Title: "HubSpot integration incident", Tags: []string{"saas", "crm"},
		Triggers:    []string{"hubspot down", "hubspot 401", "crm sync stopped"},
		Description: "For calls to HubSpot that fail. Looks at the status page.",
		Steps:       []string{"Does the API answer our token?", "Roll the new token out"},
	},
	{
		Name: "payments", Title: "Payments incident response", Tags: []string{"saas"},
		Triggers: []string{"payments down", "payments outage"}, Steps: []string{"Is the token valid?"},
	},
	{Name: "störung", Title: "Ausfälle der Straße", Triggers: []string{"Café geschlossen"}},
	{Name: "disk-full", Title: "A disk is full", Triggers: []string{"no space left on device"}, Steps: []string{"List the queries", "Count crashes"}},
	{Name: "bare"},
}

// TestRank: a query finds these, in this order, first of all because of this.
func TestRank(t *testing.T) {
	for _, x := range []struct{ query, want, why string }{
		{"hubspot is down", "hubspot payments", "trigger hubspot down"},
		{"HUBSPOT IS DOWN!!", "hubspot payments", "trigger hubspot down"},
		{"payment outage", "payments", "trigger payments outage"},
		{"the sync of our crm has stopped", "hubspot", "trigger crm sync stopped"},
		{"401", "hubspot", "trigger hubspot 401"},
		{"crm", "hubspot", "trigger crm sync stopped"},
		{"saas", "hubspot payments", "tag saas"},
		{"hub", "hubspot", "trigger hubspot down"}, // the beginning of a word
		{"hu", "", ""}, // too short to be one
		{"tokens", "hubspot payments", "step Does the API answer our token?"},
		{"query", "disk-full", "step List the queries"},
		{"crash", "disk-full", "step Count crashes"},
		{"status", "hubspot", "description For calls to HubSpot that fail. Looks at the status page."},
		{"stoerung", "", ""},
		{"STORUNG", "störung", "name störung"},
		{"sto\u0308rungs", "störung", "name störung"}, // a mark of its own, and an s
		{"cafe", "störung", "trigger Café geschlossen"},
		{"strasse", "störung", "title Ausfälle der Straße"},
		{"full disks", "disk-full", "name disk-full"},
		{"bare", "bare", "name bare"},
		{"is the", "disk-full payments hubspot", "title A disk is full"}, // nothing else was said
		{"the hubspot", "hubspot", "name hubspot"},
		{"kafka", "", ""},
		{"", "", ""},
		{" \t\n!?", "", ""},
		{"\xff\xfe hubspot \x00", "hubspot", "name hubspot"},
		{"$(touch x) `hubspot`; rm -rf /", "hubspot", "name hubspot"},
		{".*", "", ""},
		{"%s %d {{ .x }}", "", ""},
		{strings.Repeat("x", 1<<20) + " hubspot", "", ""}, // beyond what is read
		{strings.Repeat("hubspot ", 1<<16), "hubspot", "name hubspot"},
	} {
		got, why := []string{}, ""
		for _, m := range find.Rank(x.query, library) {
			got = append(got, library[m.Entry].Name)
			if why == "" {
				why = m.Why[0].Field + " " + m.Why[0].Text
			}
		}
		if strings.Join(got, " ") != x.want || x.why != "" && why != x.why {
			t.Errorf("%.40q finds %q because of %q, not %q because of %q", x.query, got, why, x.want, x.why)
		}
	}
}

// TestRankOrder: what was written to be found by counts more than what was not.
func TestRankOrder(t *testing.T) {
	entries := []find.Entry{
		{Name: "e", Steps: []string{"Look for a leak"}},
		{Name: "d", Description: "When there is a leak."},
		{Name: "c", Title: "A leak"},
		{Name: "b", Tags: []string{"leak"}},
		{Name: "a", Triggers: []string{"a big leak"}},
		{Name: "leak"},
		{Name: "z", Triggers: []string{"leak"}},
	}
	var got []string
	for _, m := range find.Rank("leaks", entries) {
		got = append(got, entries[m.Entry].Name)
	}
	if want := []string{"z", "leak", "a", "b", "c", "d", "e"}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, not %v", got, want)
	}
}

// TestReasons: a reason names the words as they were written, and says whether
// the whole text was said; there are few of them, the best first.
func TestReasons(t *testing.T) {
	m := find.Rank("HubSpot is DOWN", library[:1])[0]
	if r := m.Why[0]; r.Field != "trigger" || !r.Whole || fmt.Sprint(r.Words) != "[HubSpot DOWN]" {
		t.Errorf("the first reason is %+v", r)
	}
	if len(m.Why) != 4 {
		t.Errorf("%d reasons", len(m.Why))
	}
}

// TestHostileEntries: what a file says cannot make it slow or break it.
func TestHostileEntries(t *testing.T) {
	long := "words " + strings.Repeat("xä", 1<<20)
	entries := []find.Entry{
		{Name: "\x00\xff", Title: long, Description: strings.Repeat("word ", 1<<18), Steps: []string{"\u0308\u0308", "", "word"}},
		{Name: strings.Repeat("s", 100), Triggers: make([]string, 10_000)},
	}
	for _, m := range find.Rank("word s ss ies es", entries) {
		for _, r := range m.Why {
			if len(r.Text) > 8<<10 || !utf8.ValidString(r.Text) {
				t.Errorf("a reason's text has %d bytes", len(r.Text))
			}
		}
	}
}

func FuzzRank(f *testing.F) {
	f.Add("hubspot is down", "HubSpot", "the tokens")
	f.Add("\xff\u0308", "\u0308", "ß")
	f.Fuzz(func(t *testing.T, query, title, trigger string) {
		for _, m := range find.Rank(query, []find.Entry{{Name: "x", Title: title, Triggers: []string{trigger}}}) {
			if m.Score <= 0 || len(m.Why) == 0 || len(m.Why[0].Words) == 0 {
				t.Errorf("a match without a reason: %+v", m)
			}
		}
	})
}
