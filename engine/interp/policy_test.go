package interp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/engine/journal"
	"runbook/engine/permit"
)

// demanding wants what acts on a host approved: on `one` by anybody, on `two` by ada
// within a minute, on `three` by two people always, with a text typed.
func demanding() *permit.Policy {
	return &permit.Policy{Name: "p", File: "p.yaml", Approve: []permit.Rule{
		{Hosts: []string{"one", "both"}, Demand: permit.Demand{Count: 1}},
		{Hosts: []string{"two", "both"}, Demand: permit.Demand{By: []string{"ada"}, Count: 1, Timeout: time.Minute}},
		{Hosts: []string{"three", "both"}, Reason: "why", Demand: permit.Demand{Count: 2, Always: true, Retype: "yes"}},
	}}
}

const acts = `
inputs: {host: {default: one}}
permissions: {hosts: [one, two, three, both, none]}
steps:
  - {check: look, say: {text: one}}
  - {action: act, CONFIRM say: {text: "{{ .inputs.host }}"}, on_failure: {continue: true, steps: [{message: m, text: "{{ .steps.act.ran }} {{ .steps.act.error.kind }} {{ .steps.act.code }}"}]}}
`

// actsWith is that runbook with a confirm, or with none: then what is behind the
// action may read what it found.
func actsWith(confirm string) string {
	text := strings.Replace(acts, "CONFIRM", confirm, 1)
	if confirm != "" {
		text = strings.Replace(text, " {{ .steps.act.error.kind }} {{ .steps.act.code }}", "", 1)
	}
	return text
}

// policyKeys are the keys of the questions that were put for a policy.
func policyKeys(d *told) []Key {
	var out []Key
	for _, l := range d.log {
		if k, ok := strings.CutPrefix(l, "ask "); ok {
			out = append(out, Key(k))
		}
	}
	return out
}

// answered plays until all questions have the answers that by gives, one after the
// other.
func answered(t *testing.T, s script, by ...string) (*told, []Key) {
	t.Helper()
	s.asks = map[Key]Answer{}
	for _, name := range by {
		d := play(t, s)
		keys := policyKeys(d)
		if len(keys) == 0 || s.asks[keys[len(keys)-1]].By != "" {
			break
		}
		a := Answer{Choice: "approve", By: name}
		if name == "no" {
			a.Choice = "refuse"
		}
		s.asks[keys[len(keys)-1]] = a
	}
	d := play(t, s)
	return d, policyKeys(d)
}

// TestPolicyQuestions: what a policy demands is asked before an action, by what its
// options come to; its own confirm is joined with it, and what cannot be one
// question is several.
func TestPolicyQuestions(t *testing.T) {
	for _, c := range []struct {
		host, confirm string
		by            []string
		approved      string // what the call was granted
		asked         int
		first         string // of the first question: its policy, by, count, always, retype, own, text
	}{
		{"none", "", nil, "[]", 0, ""},
		{"one", "", []string{"eve"}, "[0]", 1, "[p (p.yaml)] [] 0 false  false Do this?"},
		{"two", "", []string{"ada"}, "[1]", 1, "[p (p.yaml)] [ada] 0 false  false Do this?"},
		{"three", "", []string{"eve", "ada"}, "[2]", 2, "[p (p.yaml: why)] [] 2 true yes false Do this?"},
		{"both", "", []string{"ada", "eve", "ada"}, "[0 1 2]", 3, "[p (p.yaml) p (p.yaml)] [ada] 0 false  false Do this?"},
		{"one", "confirm: Sure,", []string{"eve"}, "[0]", 1, "[p (p.yaml)] [] 0 false  true Sure"},
		{"three", "confirm: {ask: Sure, retype: other},", []string{"eve", "eve", "ada"}, "[2]", 3, "[] [] 0 false other false Sure"},
		{"none", "confirm: Sure,", []string{"eve"}, "[]", 1, "[] [] 0 false  false Sure"},
	} {
		d, keys := answered(t, script{text: actsWith(c.confirm), inputs: map[string]any{"host": c.host}, policy: demanding()}, c.by...)
		call, made := d.made["act#a1"]
		if !made || fmt.Sprint(call.Approved) != c.approved || len(keys) != c.asked || d.made["look#a1"].Approved != nil {
			t.Errorf("%s %s: made %v with %v, asked %v", c.host, c.confirm, made, call.Approved, keys)
			continue
		}
		if c.asked == 0 {
			continue
		}
		q := d.asked[keys[0]]
		if got := fmt.Sprint(q.Policy, q.By, q.Count, q.Always) + " " + q.Retype + fmt.Sprint(" ", q.Own, " ", q.Text); got != c.first {
			t.Errorf("%s %s: the question is %s, want %s", c.host, c.confirm, got, c.first)
		}
		if strings.HasSuffix(string(keys[0]), "#confirm") != (len(q.Policy) == 0) {
			t.Errorf("the key of the question is %s", keys[0])
		}
		slices.Sort(keys)
		if len(slices.Compact(keys)) != c.asked {
			t.Errorf("two questions have one key: %v", keys)
		}
	}
}

// TestPolicyRefused: what is refused did not run, and what it would have found may be
// read, since nothing in the file says that it may be refused.
func TestPolicyRefused(t *testing.T) {
	d, _ := answered(t, script{text: actsWith(""), policy: demanding()}, "no")
	if d.err != nil || d.finished("act").Reason != "refused by no" || d.text("act>on_failure/m") != "false canceled -1" || len(d.made) != 1 {
		t.Errorf("%v %+v %q %v", d.err, d.finished("act"), d.text("act>on_failure/m"), d.made)
	}
}

// TestPolicyBegun: of a step that was begun before, the questions are those of then,
// and grant what they are still about.
func TestPolicyBegun(t *testing.T) {
	s := script{text: actsWith(""), policy: demanding()}
	_, keys := answered(t, s, "eve")
	was := Demanded{At: keys[0], Asked: journal.ApprovalRequestedData{Policy: []string{"then"}, Own: false}}
	other := Demanded{At: "act#policy-other", Asked: journal.ApprovalRequestedData{Policy: []string{"then"}, Count: 2, By: []string{"ada", "eve"}}}
	confirm := actsWith("confirm: Sure,")
	joined := Demanded{At: "act#policy-joined", Asked: journal.ApprovalRequestedData{Policy: []string{"then"}, Own: true}}
	for _, c := range []struct {
		text  string
		was   []Demanded
		asked string
		grant string
	}{
		{s.text, nil, "[]", "[]"}, {s.text, []Demanded{was}, fmt.Sprint(keys), "[0]"}, {s.text, []Demanded{other}, "[act#policy-other act#policy-other-2]", "[]"},
		{confirm, nil, "[act#confirm]", "[]"}, {confirm, []Demanded{joined}, "[act#policy-joined]", "[]"}, {confirm, []Demanded{was}, "[act#confirm " + string(keys[0]) + "]", "[]"},
	} {
		s := s
		s.text, s.begun = c.text, func(k Key) (bool, []Demanded) { return k == "act", c.was }
		d, asked := answered(t, s, "ada", "eve", "ada")
		if fmt.Sprint(asked) != c.asked || fmt.Sprint(d.made["act#a1"].Approved) != c.grant {
			t.Errorf("%v: asked %v, granted %v; want %s, %s", c.was, asked, d.made["act#a1"].Approved, c.asked, c.grant)
		}
	}
}
