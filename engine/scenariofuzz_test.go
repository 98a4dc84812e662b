package engine_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/interp"
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

// TestHugeScenarios: a file that is made to take long does not.
func TestHugeScenarios(t *testing.T) {
	rb, _ := shop(t, "")
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "N", strconv.Itoa(i)))
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"stubs":   "  a:\n    shell:\n" + many(15000, "      - {on: kubectl zN, stdout: x}\n"),
		"unknown": many(10000, "  aN: {extends: bN}\n"),
		"globs":   "  a:\n    shell:\n" + many(500, "      - {on: 'N"+strings.Repeat("*a", 300)+"b', stdout: x}\n"),
	} {
		began := time.Now()
		rb.Scenarios(source.NewFile("x.scenarios.yaml", []byte("runbook: shop.yaml\nscenarios:\n"+text)))
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s take %v", name, took)
		}
	}
}

func play(t *testing.T, rb *engine.Runbook, s *scenario.Scenario, at *url.URL) {
	w, people := scenario.Play(s), engine.NewPeople(s)
	for range 3 {
		w.HTTP(scenario.Request{Method: "GET", URL: at, Header: func(string) string { return "" }, Body: `{"a": [1]}`})
		w.Command(scenario.Command{Argv: []string{"kubectl", "get", "pods"}, Stdin: "x"})
		w.KindCall(scenario.Call{Kind: "file", Line: "/var/lock/deploy"}, map[string]any{"path": "/var/lock/deploy"})
		for _, step := range []string{"page", "lock", "pods"} {
			if k := rb.Plan.Steps[0].Kind; step == "page" {
				w.Result(k, step, step+"#a1")
			}
			people.Next(interp.Question{Step: step})
			w.Begins(step)
		}
		people.Next(interp.Question{Step: "ticket"})
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
