package plan_test

import "testing"

// TestNumbersOfAllForms: numbers that the language takes are read as YAML 1.2
// reads them, wherever they count.
func TestNumbersOfAllForms(t *testing.T) {
	p, found := compile("x.yaml", []byte(`apiVersion: runbook/v1
name: x
permissions: {hosts: [example.com]}
inputs: {hosts: {type: list, default: [a]}}
steps:
  - check: a
    http: {url: "https://example.com", redirects: 0x5, max_body: 0x400}
    retry: {attempts: 0o14, backoff: 0x2}
  - parallel: b
    max: 0o3
    steps: [{message: c, text: hi}]
  - each: d
    in: inputs.hosts
    max: 0x10
    max_failures: 0x2
    steps: [{message: e, text: hi}]
`))
	if p == nil {
		t.Fatal(found)
	}
	a, b, d := p.Steps[0], p.Steps[1], p.Steps[2]
	if a.Retry.Attempts != 12 || a.Retry.Backoff != 2 || b.Max != 3 || d.Max != 16 || d.MaxFailures != 2 {
		t.Errorf("attempts %d, backoff %v, max %d and %d, failures %d", a.Retry.Attempts, a.Retry.Backoff, b.Max, d.Max, d.MaxFailures)
	}
	if r, m := a.Options.Get("redirects"), a.Options.Get("max_body"); r.Const != 5 || m.Const != int64(1024) {
		t.Errorf("redirects %v, max_body %v", r.Const, m.Const)
	}
}
