package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/engine/permit"
	"runbook/engine/source"
)

const head = "apiVersion: runbook/v1\npolicy: acme\n"

func parse(t testing.TB, text string) (*permit.Policy, []string) {
	t.Helper()
	var found []string
	p := Parse(source.NewFile("p.yaml", []byte(text)), func(d source.Diagnostic) {
		if d.Span.IsZero() || d.Summary == "" || d.Detail == "" {
			t.Errorf("%+v has no place, or says nothing", d)
		}
		at := d.Span.Position()
		found = append(found, fmt.Sprintf("%d:%d %s %s %s", at.Line, at.Column, d.Code, d.Summary, d.Detail))
	})
	return p, found
}

func TestParse(t *testing.T) {
	p, found := parse(t, head+`title: What on-call may do
permissions:
  observe: [kubectl get]
  act: []
  files: {write: [/tmp]}
deny:
  - run: kubectl delete
    reason: Ask the platform team
  - {hosts: [169.254.169.254, "*.internal.example.com"], read: /etc/shadow, write: [/etc]}
approve:
  - {run: "* *prod*", by: [ada, grace], count: 2, always: true, timeout: 30m, retype: production}
  - {methods: DELETE}
`)
	if p == nil || len(found) > 0 {
		t.Fatal(found)
	}
	if p.Name != "acme" || len(p.Digest) != 64 || p.Most.Act == nil || p.Most.Hosts != nil || p.Most.Read != nil || !slices.Equal(p.Most.Write, []string{"/tmp"}) {
		t.Errorf("%+v", p)
	}
	if got := p.Place(p.Lists["act"]); got != "p.yaml:6" {
		t.Error(got)
	}
	if len(p.Deny) != 2 || p.Deny[0].Reason != "Ask the platform team" || p.Place(p.Deny[1].At) != "p.yaml:11" || len(p.Deny[1].Hosts) != 2 || p.Deny[1].Read[0] != "/etc/shadow" {
		t.Errorf("%+v", p.Deny)
	}
	want := permit.Demand{By: []string{"ada", "grace"}, Count: 2, Always: true, Timeout: 30 * time.Minute, Retype: "production"}
	if got := p.Approve[0].Demand; fmt.Sprint(got) != fmt.Sprint(want) || p.Approve[1].Demand.Count != 1 {
		t.Errorf("%+v", p.Approve)
	}
}

// TestBad: each fault is said once, at its place, with what to write instead.
func TestBad(t *testing.T) {
	for text, want := range map[string]string{
		"apiVersion: runbook/v1\n":                                    "missing-key the file needs `policy`",
		"apiVersion: runbook/v2\npolicy: x\n":                         "1:13 ",
		head + "aprove: []\n":                                         "3:1 unknown-key the file has no key `aprove` Did you mean `approve`?",
		head + "deny: []\ndeny: []\n":                                 "4:1 duplicate-key",
		head + "deny: [{reason: x}]\n":                                "one-of",
		head + "deny: [{run: []}]\n":                                  "too-few",
		head + "deny: [{run: ''}]\n":                                  "bad-permission",
		head + "deny: [{run: 'sh -c \"x\"'}]\n":                       "quotes and shell syntax",
		head + "deny: [{hosts: '*'}]\n":                               "`*` is no host",
		head + "deny: [{hosts: 'a.*.com'}]\n":                         "`a.*.com` is no host",
		head + "deny: [{hosts: 'https://x/y'}]\n":                     "is no host",
		head + "permissions: {hosts: ['{{ .inputs.x }}']}\n":          "a policy has no templates",
		head + "permissions: {observe: ['*']}\n":                      "A list that is left out narrows nothing",
		head + "approve: [{run: x, count: 3, by: [a, b]}]\n":          "3 people cannot approve it",
		head + "approve: [{run: x, by: [a, a]}]\n":                    "named twice",
		head + "approve: [{run: x, retype: ' '}]\n":                   "nothing to type",
		head + "approve: [{run: x, methods: [STEAL]}]\n":              "STEAL",
		head + "approve: [{run: x, timeout: soon}]\n":                 "soon",
		head + "approve: [{read: /etc}]\n":                            "unknown-key",
		head + "approve: [{run: x, count: 0}]\n":                      "count",
		"steps: []\n":                                                 "unknown-key",
		"- a\n":                                                       "1:1",
		"":                                                            "",
		head + "x-own: {any: thing}\ndeny: [{read: '', reason: x}]\n": "4:15 empty-value",
	} {
		p, found := parse(t, text)
		if p != nil || len(found) == 0 || !strings.Contains(strings.Join(found, "\n"), want) {
			t.Errorf("%q gives %v and %q, not %q", text, p, found, want)
		}
	}
}

// FuzzParse: whatever stands in a policy, it is read without a panic, each finding
// has a place, and one that is taken can be asked anything.
func FuzzParse(f *testing.F) {
	f.Add(head, "kubectl delete x", "api.example.com", "/etc/passwd")
	f.Add(head+"permissions: {observe: [kubectl get], hosts: ['*.example.com'], files: {read: ['/var/*']}}\ndeny: [{run: '* *prod*', hosts: [::1], read: /etc, write: [a, b]}]\n", "sh -c x", "::1", "/var/x")
	f.Add(head+"approve: [{run: kubectl, hosts: a.b:80, methods: [GET], by: [a], count: 1, retype: x, timeout: 1m, always: true}]\n", "env -i kubectl=x", "[::1]", "..")
	f.Add("apiVersion: &a runbook/v1\npolicy: *a\n<<: {deny: 1}\n", "", "", "")
	f.Fuzz(func(t *testing.T, text, command, host, path string) {
		p, found := parse(t, text)
		if (p == nil) != (len(found) > 0) && p == nil {
			t.Fatalf("it was not taken, and nothing says why: %q", text)
		}
		if p == nil {
			return
		}
		s := permit.Set{Observe: []string{"kubectl"}, Hosts: []string{host}, Read: []string{"/"}}.Under(p)
		argv := strings.Fields(command)
		whole := s.Command(argv, true)
		if !whole.OK && whole.Reason == "" {
			t.Errorf("%q is refused, and nothing says why", command)
		}
		if len(argv) > 0 && p.Denies(argv) != nil && whole.OK {
			t.Errorf("%q is denied and permitted", command)
		}
		for n := range argv {
			if p.Denies(argv[:n]) != nil && s.Partly(argv[:n], false, true) != permit.No {
				t.Errorf("%q is denied whatever follows, and not told so", argv[:n])
			}
		}
		if d := s.Host(host, 443); d.OK && p.DeniesHost(host, 443) != nil {
			t.Errorf("%q is denied and permitted", host)
		}
		s.File(path, "/", true)
		s.Names(host)
		p.NeedsRun(argv, false)
		p.NeedsHost(host, 0, "GET", true)
	})
}
