package engine_test

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/scenario"
	"runbook/engine/source"
)

// FuzzScenario: whatever stands in a file of scenarios, it is read, held against a
// runbook and played without a panic, and each finding has a place.
func FuzzScenario(f *testing.F) {
	files, err := filepath.Glob("testdata/scenarios/*.scenarios.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	data, err := os.ReadFile("testdata/scenarios/shop.yaml")
	if err != nil {
		f.Fatal(err)
	}
	rb, found := engine.Load(source.NewFile("shop.yaml", data))
	if rb == nil {
		f.Fatal(found)
	}
	at, err := url.Parse("https://shop.example.com/a?x=1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, found := rb.Scenarios(source.NewFile("x.scenarios.yaml", data))
		for _, d := range found {
			if d.Span.IsZero() || d.Summary == "" {
				t.Errorf("%+v has no place, or says nothing", d)
			}
		}
		if file == nil {
			return
		}
		for _, s := range file.Scenarios {
			play(t, rb, s, at)
		}
	})
}

func play(t *testing.T, rb *engine.Runbook, s *scenario.Scenario, at *url.URL) {
	w := scenario.Play(s)
	for range 3 {
		w.HTTP(scenario.Request{Method: "GET", URL: at, Header: func(string) string { return "" }, Body: `{"a": [1]}`})
		w.Command(scenario.Command{Argv: []string{"kubectl", "get", "pods"}, Stdin: "x"})
		w.KindCall(scenario.Call{Kind: "file", Line: "/var/lock/deploy"}, map[string]any{"path": "/var/lock/deploy"})
		for _, step := range []string{"page", "lock", "pods"} {
			if k := rb.Plan.Steps[0].Kind; step == "page" {
				w.Result(k, step, step+"#a1")
			}
			w.Answer(step)
		}
		w.Answer("ticket")
	}
	met, failures := s.Expect.Hold(journal.NewState(), w)
	for _, f := range failures {
		if f.String() == "" || f.At.IsZero() {
			t.Errorf("%+v says nothing, or has no place", f)
		}
	}
	if met < 0 {
		t.Error(met)
	}
}
