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

// TestNumbersStayExact: a reply's JSON says what stands in the file, however
// large a number is.
func TestNumbersStayExact(t *testing.T) {
	f := scenario.Parse(source.NewFile("x.scenarios.yaml", []byte(`runbook: x.yaml
scenarios:
  one:
    http:
      - on: POST https://example.com/
        body: {json: {id: 12345678901234567890}}
        reply: {json: {id: 12345678901234567890, part: 0.1234567890123456789, h: 0x10, few: 1.10, no: [null, true, "1"]}}
`)), func(d source.Diagnostic) { t.Error(d.Summary) })
	if f == nil {
		t.Fatal("the file is refused")
	}
	h := f.Scenarios[0].HTTP[0]
	got := h.Replies[0].Body
	if want := `{"few":1.1,"h":16,"id":12345678901234567890,"no":[null,true,"1"],"part":0.1234567890123456789}`; got != want {
		t.Error(got)
	}
	if p := h.Body.Problem(`{"id": 12345678901234567890}`); p != "" {
		t.Error(p)
	}
	if p := h.Body.Problem(`{"id": 12345678901234567891}`); p == "" {
		t.Error("another number fits")
	}
}
