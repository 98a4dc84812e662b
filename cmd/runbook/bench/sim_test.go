package bench

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/scenario"
	"runbook/engine/source"
	"runbook/engine/types"
)

// load gives a runbook of the library with its scenarios.
func load(b *testing.B, name string) (*engine.Runbook, []*scenario.Scenario) {
	b.Helper()
	open := func(name string) *source.File {
		data, err := os.ReadFile(filepath.Join("..", "..", "..", "runbooks", name))
		if err != nil {
			b.Fatal(err)
		}
		return source.NewFile(name, data)
	}
	rb, _ := engine.Load(open(name + ".yaml"))
	if rb == nil {
		b.Fatal(name + " is not sound")
	}
	file, _ := rb.Scenarios(open(name + scenario.Suffix))
	if file == nil {
		b.Fatal("the scenarios of " + name + " are not sound")
	}
	return rb, file.Scenarios
}

func test(b *testing.B, rb *engine.Runbook, s *scenario.Scenario) *engine.TestResult {
	b.Helper()
	res, err := rb.Test(context.Background(), engine.TestOptions{Scenario: s})
	if err != nil {
		b.Fatal(err)
	}
	return res
}

// BenchmarkTest plays all scenarios of the HubSpot runbook on the simulated clock.
// The floor writes the events that come of it, each chained to the one before, and
// nothing else: what is known to be read of a test is its journal.
func BenchmarkTest(b *testing.B) {
	rb, scenarios := load(b, "hubspot")
	type event struct {
		journal.Event
		data any
	}
	var all [][]event
	for _, s := range scenarios {
		var events []event
		for _, e := range test(b, rb, s).Events {
			data, err := types.DecodeJSON(e.Data)
			if err != nil {
				b.Fatal(err)
			}
			events = append(events, event{e, data})
		}
		all = append(all, events)
	}
	var took time.Duration
	n := 0
	pair(b, 1, "scenario", float64(len(scenarios)), func() {
		began := time.Now()
		for _, s := range scenarios {
			test(b, rb, s)
			n++
		}
		took += time.Since(began)
	}, func() {
		for _, events := range all {
			w, err := journal.Create("", "floor", journal.Options{Memory: true})
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range events {
				if _, err := w.Append(e.Type, e.Step, e.Key, e.data, false); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.ReportMetric(float64(n)/took.Seconds(), "scenarios/s")
}

const patient = `apiVersion: runbook/v1
name: patient
permissions: {hosts: [api.example.com]}
steps: [{check: up, http: {url: "https://api.example.com/"}, poll: {every: 1m, for: 2h}}]
`

const patience = `runbook: patient.yaml
scenarios:
  never:
    http: [{on: GET https://api.example.com/, reply: {status: 503}}]
    expect: {outcome: completed}
`

// BenchmarkTestLongPoll waits two simulated hours, in 120 polls. The floor is one
// of them.
func BenchmarkTestLongPoll(b *testing.B) {
	rb, _ := engine.Load(source.NewFile("patient.yaml", []byte(patient)))
	file, _ := rb.Scenarios(source.NewFile("patient.scenarios.yaml", []byte(patience)))
	once, _ := engine.Load(source.NewFile("patient.yaml", []byte(patient[:len(patient)-len(", poll: {every: 1m, for: 2h}}]\n")]+"}]\n")))
	if file == nil || once == nil {
		b.Fatal("the runbook is not sound")
	}
	pair(b, 20, "run", 1, func() { test(b, rb, file.Scenarios[0]) }, func() { test(b, once, file.Scenarios[0]) })
}
