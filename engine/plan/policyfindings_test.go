package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"runbook/engine/permit"
	"runbook/engine/plan"
	"runbook/engine/source"
)

// TestBeyondPolicy: each place that goes beyond a policy is one warning; what is
// within it, or only the run can know, is none.
func TestBeyondPolicy(t *testing.T) {
	p := &permit.Policy{Name: "p", File: "p.yaml",
		Most:    permit.Set{Observe: []string{"argv get"}, Hosts: []string{"*.example.com:443"}, Env: []string{"PAGER"}, Read: []string{"/srv"}, Write: []string{"/srv/out"}},
		Deny:    []permit.Rule{{Run: []string{"argv delete"}}, {Hosts: []string{"bad.example.com"}}, {Read: []string{"/srv/key"}}},
		Approve: []permit.Rule{{Run: []string{"argv get all"}}}}
	text := `apiVersion: runbook/v1
name: x
inputs: {host: {default: api.example.com}}
permissions:
  observe: [argv get, argv]
  act: [argv restart, argv delete now, argv]
  hosts: ["api.example.com:443", "api.example.com", "bad.example.com", "{{ .inputs.host }}"]
  env: [PAGER, PATH]
  files: {read: [/srv/data, /srv/key/old, /etc, own], write: [/srv/out/x, /srv]}
secrets:
  one: {command: [argv, get]}
  two: {command: [other]}
  three: {file: /srv/secret}
  four: {file: /srv2/secret}
channels:
  chat: {webhook: {url: "https://other.org/x", json: {a: "{{ .secrets.one }}{{ .secrets.two }}{{ .secrets.three }}{{ .secrets.four }}"}}}
steps:
  - {check: a, shell: argv get pods}
  - {check: b, shell: argv get all}
  - {action: c, shell: argv -n x delete now}
  - {action: d, shell: "argv restart; argv anything"}
  - {check: e, http: {url: "https://bad.example.com/"}}
  - {check: f, http: {url: "https://{{ .inputs.host }}/"}}
  - {check: g, file: {path: /srv/key/old}}
  - {check: h, file: {path: /srv/data/x}}
  - {message: m, to: chat, text: x}
`
	var got []string
	made := plan.Compile(source.NewFile("x.yaml", []byte(text)), plan.Options{Kinds: kinds(), Policy: p}, func(d source.Diagnostic) {
		switch {
		case d.Code == plan.PolicyCode && d.Severity == source.Warning:
			got = append(got, fmt.Sprint(d.Span.Position().Line, ":", d.Span.Position().Column))
		case d.Severity == source.Error:
			t.Errorf("%+v", d)
		}
	})
	if made == nil || made.Policy != p {
		t.Fatal(made)
	}
	want := []string{"5:23", "6:23", "7:34", "7:53", "8:16", "9:29", "9:43", "9:75", "12:18", "14:16", "16:3", "19:23", "20:24"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("beyond are\n%v\nand not\n%v", got, want)
	}
}
