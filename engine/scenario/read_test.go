package scenario_test

import (
	"testing"

	"runbook/engine/scenario"
	"runbook/engine/source"
)

// TestHeadersThatBeginWithX: a stub demands and gives them as it does others.
func TestHeadersThatBeginWithX(t *testing.T) {
	f := scenario.Parse(source.NewFile("x.scenarios.yaml", []byte(`runbook: x.yaml
x-note: mine
scenarios:
  one:
    http:
      - {on: GET https://example.com/, headers: {x-key: a}, reply: {headers: {x-left: "3"}, x-note: mine}}
`)), func(d source.Diagnostic) { t.Error(d.Summary) })
	if f == nil {
		t.Fatal("the file is refused")
	}
	h := f.Scenarios[0].HTTP[0]
	if h.Headers["x-key"] != "a" || h.Replies[0].Headers["x-left"] != "3" {
		t.Errorf("demanded %v, given %v", h.Headers, h.Replies[0].Headers)
	}
}
