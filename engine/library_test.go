package engine_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/coverage"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/scenario"
	"runbook/engine/source"
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

// people answers as the scenario says. Nobody takes minutes over it.
func people(sc *scenario.Scenario) func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
	p := engine.NewPeople(sc)
	return func(ctx context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		r, err := p.Answer(q)
		select {
		case <-time.After(min(r.After, 2*time.Second)):
		case <-ctx.Done():
			return interp.Answer{}, nil, ctx.Err()
		}
		return r.Answer, r.Secrets, err
	}
}

// drilled is how long a scenario may take on the simulated clock to be drilled too:
// a drill takes as long as it says. -drill-all drills all of them, which takes as
// long as the longest.
const drilled = 10 * time.Second

var drillAll = flag.Bool("drill-all", false, "drill the scenarios of the library that take long, too")

// staged is a scenario of the library that is tested, and drilled where it is short.
type staged struct {
	name    string
	rb      *engine.Runbook
	sc      *scenario.Scenario
	test    *engine.TestResult
	long    bool
	drilled chan []string
}

// TestLibrary tests every scenario of every runbook of the library in memory, and
// runs it as a drill, over real connections: both must come out as the scenario
// expects, and alike. Those that wait for long have the connections and the processes
// of a drill and the clock of a test; which those are is told, and the others must by
// themselves take nearly all branches. Most of a drill is waiting, so they run side by side, more than -parallel would have it, and those
// that wait longest begin.
func TestLibrary(t *testing.T) {
	t.Parallel()
	plays := plays(t)
	order := slices.SortedStableFunc(slices.Values(plays), func(a, b *staged) int { return cmp.Compare(b.test.Elapsed, a.test.Elapsed) })
	room := make(chan struct{}, 40)
	for _, p := range order {
		if p.long {
			continue
		}
		go func() {
			room <- struct{}{}
			defer func() { <-room }()
			p.drilled <- drill(p)
		}()
	}
	for _, p := range plays {
		t.Run(p.name, func(t *testing.T) {
			if !reflect.DeepEqual(p.test.State, journal.Fold(p.test.Events)) {
				t.Error("the state that a test keeps is not the one that its journal gives")
			}
			for _, f := range p.test.Failures {
				t.Error("the test:", f)
			}
			var problems []string
			if p.long {
				problems = overLoopback(p)
			} else {
				problems = <-p.drilled
			}
			for _, problem := range problems {
				t.Error(problem)
			}
		})
	}
	tellLong(t, plays)
	if spoken.Load() == 0 {
		t.Error("no process said anything")
	}
}

// plays tests all scenarios of the library.
func plays(t *testing.T) (out []*staged) {
	t.Helper()
	names, err := filepath.Glob("../runbooks/*" + scenario.Suffix)
	if err != nil || len(names) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, path := range names {
		name := strings.TrimSuffix(filepath.Base(path), scenario.Suffix)
		rb, file := library(t, name)
		for _, sc := range file.Scenarios {
			res, err := rb.Test(context.Background(), engine.TestOptions{Scenario: sc, User: "drill"})
			if err != nil {
				t.Fatalf("%s/%s: %v", name, sc.Name, err)
			}
			out = append(out, &staged{name + "/" + sc.Name, rb, sc, res, res.Elapsed > drilled && !*drillAll, make(chan []string, 1)})
		}
	}
	return out
}

// tellLong tells which scenarios were tested only, and holds the others against the
// branches of their runbooks.
func tellLong(t *testing.T, plays []*staged) {
	var long []string
	runs := map[*engine.Runbook][]coverage.Run{}
	for _, p := range plays {
		if p.long {
			long = append(long, fmt.Sprintf("%s (%s)", p.name, p.test.Elapsed))
			continue
		}
		runs[p.rb] = append(runs[p.rb], coverage.Run{Name: p.name, Events: p.test.Events})
	}
	t.Logf("%d of %d scenarios take longer than %s and have the clock of a test:\n%s", len(long), len(plays), drilled, strings.Join(long, "\n"))
	var all []*coverage.Coverage
	for rb, runs := range runs {
		all = append(all, coverage.Of(rb.Plan, runs...))
	}
	if f := coverage.Union(all...).Figure(coverage.Branches); f.Percent() < 90 {
		t.Errorf("drills take %d of %d branches only: the library waits too much", f.Taken, f.Of)
	}
}

// overLoopback plays a scenario that waits for long on the simulated clock, over
// the connections of a drill and with real processes, and says what is not as it
// should be.
func overLoopback(p *staged) (problems []string) {
	res, err := p.rb.TestOverLoopback(context.Background(), engine.TestOptions{Scenario: p.sc, User: "drill"}, process)
	if err != nil {
		return []string{err.Error()}
	}
	for _, f := range res.Failures {
		problems = append(problems, f.String())
	}
	return append(append(problems, differences(p.test, &res.Outcome)...), mistakesOf(res.State)...)
}

// drill runs a scenario and says what is not as it should be.
func drill(p *staged) (problems []string) {
	rb, sc := p.rb, p.sc
	ctx, stop := context.WithTimeout(context.Background(), max(time.Minute, 2*p.test.Elapsed))
	defer stop()
	inputs, err := engine.Inputs{File: sc.Inputs}.Resolve(rb.Plan)
	if err != nil {
		return []string{err.Error()}
	}
	out, err := rb.Drill(ctx, engine.RunOptions{Session: engine.Session{User: "drill", Ask: people(sc)}, Inputs: inputs, Scenario: sc}, process)
	if err != nil {
		return []string{err.Error()}
	}
	if ctx.Err() != nil {
		problems = append(problems, "the drill took far longer than it should")
	}
	problems = append(problems, differences(p.test, out)...)
	met, failures := sc.Expect.Hold(out.State, out.World)
	for _, f := range failures {
		problems = append(problems, f.String())
	}
	if met == 0 {
		problems = append(problems, "the scenario expects nothing")
	}
	return append(append(problems, out.Missed...), mistakesOf(out.State)...)
}

// differences are where a scenario's test comes out otherwise than its drill.
func differences(tested *engine.TestResult, drilled *engine.Outcome) (problems []string) {
	if tested.Code != drilled.Code {
		problems = append(problems, fmt.Sprintf("the test ends with code %d, the drill with %d", tested.Code, drilled.Code))
	}
	test, drill := account(&tested.Outcome), account(drilled)
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

// mistakesOf are those of a whole run, its end included.
func mistakesOf(s *journal.State) (out []string) {
	if f := s.Finished; f == nil || strings.HasPrefix(f.Summary, "(") {
		out = append(out, fmt.Sprintf("the end says %+v", f))
	}
	for _, st := range s.Steps {
		out = append(out, mistakes(st)...)
	}
	return out
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
