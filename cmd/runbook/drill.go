package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/report"
	"runbook/engine/scenario"
	"runbook/engine/source/render"
)

// drill runs a runbook in a scenario's world. People answer at the terminal;
// where nobody is there, the scenario's people do.
func (p *program) drill(c *cli.Context, rb *engine.Runbook, found *engine.Found, name string) error {
	sc, err := p.scenario(rb, found, name, c.Bool("no-color"))
	if err != nil {
		return err
	}
	s, err := p.session(c)
	if err != nil {
		return err
	}
	if err := s.answers.check(rb.Plan); err != nil {
		return err
	}
	s.drill, s.scenario = engine.NewPeople(sc), sc
	if s.prompter != nil {
		s.prompter.script = s.drill
	}
	values, err := p.drillInputs(c, rb, sc)
	if err != nil {
		return failure(err)
	}
	out, err := rb.Run(s.ctx, engine.RunOptions{Session: s.engine(), Inputs: values, Scenario: sc, Origin: found.Origin()})
	ended := s.finish(out, err)
	if err != nil || out.Code == engine.ExitPaused {
		return ended
	}
	return p.debrief(s, out, ended)
}

// scenario finds the scenario beside the runbook.
func (p *program) scenario(rb *engine.Runbook, found *engine.Found, name string, plain bool) (*scenario.Scenario, error) {
	f, err := found.Beside(scenario.Suffix)
	if err != nil {
		return nil, usage("%s has no scenarios: %w", found.File.Name, err)
	}
	file, diags := rb.Scenarios(f)
	if file == nil {
		color := !plain && p.env("NO_COLOR") == "" && isTerminal(p.err)
		_ = render.Text(p.err, diags, render.Options{Color: color}) // what cannot be shown is said below
		return nil, &codeError{engine.ExitInvalid, fmt.Errorf("%s is not sound, so nothing was run", f.Name)}
	}
	sc := file.Find(name)
	if sc == nil {
		return nil, usage("%s has no scenario %q; it has %s", f.Name, name, strings.Join(file.Names(), ", "))
	}
	return sc, nil
}

// drillInputs are the scenario's, with what the command line says instead.
func (p *program) drillInputs(c *cli.Context, rb *engine.Runbook, sc *scenario.Scenario) (map[string]any, error) {
	in, err := p.inputs(c, nil)
	if err != nil {
		return nil, err
	}
	in.Env = nil // a drill is the same on every machine
	given := maps.Clone(sc.Inputs)
	if given == nil {
		given = map[string]any{}
	}
	maps.Copy(given, in.File)
	in.File = given
	return in.Resolve(rb.Plan)
}

// debrief holds the drill against what the scenario expects.
func (p *program) debrief(s *session, out *engine.Outcome, ended error) error {
	sc := s.scenario
	met, failures := sc.Expect.Hold(out.State, out.World)
	if s.prompter != nil { // whoever reads and thinks takes their time: it is told, and is no fault
		failures = slices.DeleteFunc(failures, func(f scenario.Failure) bool {
			return f.What == "duration" || strings.HasPrefix(f.What, "duration of ")
		})
	}
	failures = append(failures, s.drill.Wrong()...)
	for _, m := range out.Missed {
		fmt.Fprintf(p.err, "the scenario has no answer: %s\n", report.Clean(m))
	}
	for _, f := range s.drill.Otherwise() {
		fmt.Fprintf(p.err, "answered otherwise than the scenario: %s\n", report.Clean(f.String()))
	}
	for _, f := range failures {
		fmt.Fprintf(p.err, "not as expected: %s\n", report.Clean(f.String()))
		for _, why := range f.Why {
			fmt.Fprintf(p.err, "  %s\n", report.Clean(why))
		}
	}
	p.lasted(sc, out)
	if len(failures)+len(out.Missed) > 0 {
		fmt.Fprintf(p.err, "DRILL %s: %s as expected, %d not\n", sc.Name, count(met, "point"), len(failures)+len(out.Missed))
		if out.Code == engine.ExitCancelled {
			return ended // somebody stopped it
		}
		return &codeError{code: engine.ExitFailed}
	}
	fmt.Fprintf(p.err, "DRILL %s: as expected in all of %s\n", sc.Name, count(met, "point"))
	if sc.Expect.Outcome == out.Outcome && (out.Outcome == "failed" || out.Outcome == "cancelled" && sc.Cancel.Step != "") {
		return nil // it had to end so, and did
	}
	return ended
}

// lasted says how long the drill took, and each step of which the scenario says how
// long it may.
func (p *program) lasted(sc *scenario.Scenario, out *engine.Outcome) {
	fmt.Fprintf(p.err, "it took %s\n", duration(journal.SecondsOf(out.State.Last.Sub(out.State.Began))))
	for _, id := range slices.Sorted(maps.Keys(sc.Expect.Duration)) {
		for _, st := range out.State.Steps {
			if st.ID == id && st.Done != nil {
				fmt.Fprintf(p.err, "%s took %s; expected %s\n", report.Clean(id), duration(journal.SecondsOf(st.Ended.Sub(st.Began))), sc.Expect.Duration[id])
			}
		}
		if id == "" {
			fmt.Fprintf(p.err, "expected of the whole: %s\n", sc.Expect.Duration[id])
		}
	}
}
