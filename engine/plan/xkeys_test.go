package plan_test

import "testing"

// TestNamesThatBeginWithX: `x-` makes a key the author's own where a mapping has
// keys of its own. Where the author chooses the names, it is a name as any other.
func TestNamesThatBeginWithX(t *testing.T) {
	p, found := compile("x.yaml", []byte(`apiVersion: runbook/v1
name: x
x-note: mine
permissions: {hosts: [example.com]}
inputs: {x-team: {type: string, default: crm, x-note: mine}}
steps:
  - check: a
    x-note: mine
    http: {url: "https://example.com", headers: {x-api-version: "7"}, x-note: mine}
    outputs: {x-code: status}
`))
	if p == nil {
		t.Fatal(found)
	}
	if len(p.Inputs) != 1 || p.Inputs[0].Name != "x-team" {
		t.Errorf("the inputs are %v", p.Inputs)
	}
	s := p.Steps[0]
	if h := s.Options.Get("headers").Get("x-api-version"); h == nil || h.Const != "7" {
		t.Errorf("the header is %v", h)
	}
	if s.Options.Get("x-note") != nil {
		t.Error("a key of the author's own became an option")
	}
	if len(s.Outputs) != 1 {
		t.Errorf("the outputs are %v", s.Outputs)
	}
}
