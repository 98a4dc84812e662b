package plan_test

import (
	"testing"
	"time"

	"runbook/engine/plan"
)

// TestPatience: a check that waits for a server gives up by itself; what changes
// the world, and a script, are not cut.
func TestPatience(t *testing.T) {
	p, found := compile("patient.yaml", []byte(`apiVersion: runbook/v1
name: patient
title: Patient
permissions: {hosts: [api.example.com], observe: [uptime]}
steps:
  - {check: default, http: {url: "https://api.example.com"}}
  - {check: own, http: {url: "https://api.example.com"}, timeout: 5m}
  - {check: again, repeat: own}
  - {check: script, shell: uptime}
  - action: act
    http: {url: "https://api.example.com", method: POST}
    verify: {http: {url: "https://api.example.com"}}
`))
	if p == nil {
		t.Fatal(found)
	}
	want := map[string]time.Duration{"default": 30 * time.Second, "own": 5 * time.Minute, "again": 5 * time.Minute, "script": 0, "act": 0}
	for _, s := range p.Steps {
		if s.Timeout != want[s.ID] {
			t.Errorf("%s is given %s, not %s", s.ID, s.Timeout, want[s.ID])
		}
		if s.Role == plan.Action && s.Verify.Timeout != 30*time.Second {
			t.Errorf("what verifies it is given %s", s.Verify.Timeout)
		}
	}
}
