package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/plan"
	"runbook/engine/scenario"
	"runbook/engine/source"
	"runbook/engine/types"
)

// read reads a file of the library.
func read(t *testing.T, name string) *source.File {
	t.Helper()
	path := filepath.Join("..", "runbooks", name)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return source.NewFile(path, data)
}

// library is a runbook with its scenarios, both sound.
func library(t *testing.T, name string) (*engine.Runbook, *scenario.File) {
	t.Helper()
	f := read(t, name+".yaml")
	rb, found := engine.Load(f, engine.WithFiles(engine.OnDisk(f)))
	for _, d := range found {
		t.Errorf("%s:%d: %s. %s", name, d.Span.Position().Line, d.Summary, d.Detail)
	}
	if rb == nil {
		t.FailNow()
	}
	file, found := rb.Scenarios(read(t, name+scenario.Suffix))
	for _, d := range found {
		t.Errorf("%s:%d: %s. %s", name, d.Span.Position().Line, d.Summary, d.Detail)
	}
	if file == nil {
		t.FailNow()
	}
	return rb, file
}

// people answers as the scenario says.
func people(sc *scenario.Scenario) func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
	return func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		name := q.In + q.Step
		if q.Kind == "undo" {
			name += ">undo"
		}
		given, ok := sc.Answers[name]
		if !ok {
			return interp.Answer{}, nil, fmt.Errorf("the scenario %s has no answer to %s", sc.Name, name)
		}
		a, secrets := interp.Answer{Choice: given.Choice, By: "the scenario", How: "scenario", Values: map[string]any{}, Retyped: q.Retype}, map[string]string{}
		for _, c := range q.Collect {
			switch v, there := given.Values[c.Name]; {
			case there && c.Secret:
				secrets[c.Name] = types.Format(v)
			case there:
				a.Values[c.Name] = v
			}
		}
		return a, secrets, nil
	}
}

// TestLibrary runs every scenario of every runbook of the library as a drill, over
// real connections, and as a test, in memory: both must come out as the scenario
// expects, and alike. Most of a drill is waiting, so they run side by side, more
// than -parallel would have it.
func TestLibrary(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../runbooks/*" + scenario.Suffix)
	if err != nil || len(names) == 0 {
		t.Fatal("no scenarios", err)
	}
	room := make(chan struct{}, 48)
	for _, path := range names {
		name := strings.TrimSuffix(filepath.Base(path), scenario.Suffix)
		rb, file := library(t, name)
		results := make([]chan []string, len(file.Scenarios))
		for i, sc := range file.Scenarios {
			results[i] = make(chan []string, 1)
			go func() {
				room <- struct{}{}
				defer func() { <-room }()
				results[i] <- drill(rb, sc)
			}()
		}
		for i, sc := range file.Scenarios {
			t.Run(name+"/"+sc.Name, func(t *testing.T) {
				for _, problem := range <-results[i] {
					t.Error(problem)
				}
			})
		}
	}
}

// drill runs a scenario and says what is not as it should be.
func drill(rb *engine.Runbook, sc *scenario.Scenario) (problems []string) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	inputs, err := engine.Inputs{File: sc.Inputs}.Resolve(rb.Plan)
	if err != nil {
		return []string{err.Error()}
	}
	out, err := rb.Run(ctx, engine.RunOptions{Session: engine.Session{User: "drill", Ask: people(sc)}, Inputs: inputs, Scenario: sc})
	if err != nil {
		return []string{err.Error()}
	}
	if ctx.Err() != nil {
		problems = append(problems, "the drill took longer than a minute")
	}
	problems = append(problems, simulate(rb, sc, out)...)
	met, failures := sc.Expect.Hold(out.State, out.World)
	for _, f := range failures {
		problems = append(problems, f.String())
	}
	if met == 0 {
		problems = append(problems, "the scenario expects nothing")
	}
	problems = append(problems, out.Missed...)
	if f := out.State.Finished; f == nil || strings.HasPrefix(f.Summary, "(") {
		problems = append(problems, fmt.Sprintf("the end says %+v", f))
	}
	for _, st := range out.State.Steps {
		problems = append(problems, mistakes(st)...)
	}
	return problems
}

// simulate tests a scenario, and says where it comes out otherwise than its drill.
func simulate(rb *engine.Runbook, sc *scenario.Scenario, drilled *engine.Outcome) (problems []string) {
	res, err := rb.Test(context.Background(), engine.TestOptions{Scenario: sc, User: "drill"})
	if err != nil {
		return []string{"the test: " + err.Error()}
	}
	for _, f := range res.Failures {
		problems = append(problems, "the test: "+f.String())
	}
	if res.Code != drilled.Code {
		problems = append(problems, fmt.Sprintf("the test ends with code %d, the drill with %d", res.Code, drilled.Code))
	}
	test, drill := account(&res.Outcome), account(drilled)
	for i := range max(len(test), len(drill)) {
		if i >= len(test) || i >= len(drill) || test[i] != drill[i] {
			return append(problems, fmt.Sprintf("from here on they differ:\ntest:  %s\ndrill: %s", strings.Join(test[min(i, len(test)):min(i+1, len(test))], ""), strings.Join(drill[min(i, len(drill)):min(i+1, len(drill))], "")))
		}
	}
	return problems
}

// moments are times as servers and texts write them, and lengths that were measured.
var moments = regexp.MustCompile(`[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?|\b\d+(\.\d+)?(ns|µs|ms|s)\b`)

// account is what came of a run, line by line, without what depends on the clock
// and the run's id.
func account(o *engine.Outcome) (lines []string) {
	say := func(key string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			text = []byte(err.Error())
		}
		lines = append(lines, key+" "+moments.ReplaceAllString(strings.ReplaceAll(string(text), o.Run, "RUN"), "THEN"))
	}
	for _, st := range o.State.Steps {
		if st.Decision != nil {
			say(st.Key+" took", []any{st.Decision.Branch, st.Decision.Because, st.Decision.Uncertain})
		}
		if st.Message != nil {
			say(st.Key+" said", st.Message.Text)
		}
		for _, q := range st.Questions {
			say(st.Key+" asked", q.Asked)
		}
		if d := st.Done; d != nil {
			say(st.Key+" came to", []any{d.Verdict, d.Reason, d.Error, d.Outputs})
		}
	}
	say("facts", o.State.Facts)
	if f := o.State.Finished; f != nil {
		say("end", []any{f.Outcome, f.Summary, f.Error, f.Failed, f.Outputs})
	}
	return lines
}

// mistakes are what no scenario may bring about: texts and outputs that cannot
// be computed, decisions that are uncertain.
func mistakes(st *journal.Step) (out []string) {
	if st.Decision != nil && st.Decision.Uncertain {
		out = append(out, fmt.Sprintf("%s is uncertain: %v", st.Key, st.Decision.Because))
	}
	for _, text := range append(asked(st), st.Info.Title) {
		if strings.HasPrefix(text, "(") || strings.Contains(text, "<no value>") {
			out = append(out, fmt.Sprintf("%s shows %q", st.Key, text))
		}
	}
	switch d := st.Done; {
	case d == nil:
		out = append(out, st.Key+" has no end")
	case d.Role == "message" && d.Verdict == "error":
		out = append(out, st.Key+": "+d.Reason)
	case d.Error != nil && (d.Error.Kind == "output" || d.Error.Kind == "render"):
		out = append(out, st.Key+": "+d.Error.Message)
	}
	return out
}

func asked(st *journal.Step) (out []string) {
	for _, q := range st.Questions {
		if q.Asked.Kind == "confirm" && strings.Contains(q.Asked.Text, "unknown") {
			out = append(out, "(a person is asked to approve something unknown: "+q.Asked.Text)
		}
		out = append(out, q.Asked.Title, q.Asked.Text)
	}
	return out
}

// TestEveryBranchIsPractised holds the scenarios of the library against its
// decisions: a branch that no scenario expects is a branch that nobody has seen.
func TestEveryBranchIsPractised(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hubspot", "web-down", "certificate", "postgres-full", "rollout-failed", "target-gone"} {
		rb, file := library(t, name)
		seen := map[string]bool{}
		for _, sc := range file.Scenarios {
			for id, branch := range sc.Expect.Decisions {
				seen[id+">"+branch] = true
			}
		}
		rb.Plan.Walk(func(s *plan.Step) {
			for _, b := range s.Branches {
				switch {
				case seen[s.ID+">"+b.ID], name == "hubspot" && b.ID == "unclear":
				case s.ID == "webhook" && seen["webhook>signature"]: // its branches are one list of words
				default:
					t.Errorf("%s: no scenario takes the branch %s of %s", name, b.ID, s.ID)
				}
			}
		})
	}
}
