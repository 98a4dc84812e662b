package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/runtime/sim"
	"runbook/engine/scenario"
)

// TestOptions are what a test is given.
type TestOptions struct {
	Scenario *scenario.Scenario
	Watch    []func(journal.Event) // told of every event, in order
	User     string                // who runs; "" is a tester
}

// TestResult is what came of a test. It passed where there are no Failures.
type TestResult struct {
	Outcome
	Events []journal.Event
	// Failures are expectations that were not met, calls that no stub answers,
	// questions that no answer answers, and secrets that were shown.
	Failures []scenario.Failure
	Met      int           // expectations that held
	Elapsed  time.Duration // on the simulated clock
}

// Test plays a scenario on a simulated clock: nothing real is touched, no socket
// is opened and no process started. The kinds, the guard and the shell are those
// of a real run. The error is for what kept it from beginning, as in a run; a
// scenario that does not come out as it should has Failures. A cancel of ctx ends
// the steps, as in a run. A runbook may be tested by many goroutines at a time.
func (rb *Runbook) Test(ctx context.Context, o TestOptions) (*TestResult, error) {
	return rb.test(ctx, o, RunOptions{})
}

// test plays a scenario in a world of which more may be said.
func (rb *Runbook) test(ctx context.Context, o TestOptions, world RunOptions) (*TestResult, error) {
	t, err := rb.newTest(ctx, o, world)
	if err != nil {
		return nil, err
	}
	defer t.run.close()
	return t.play(ctx)
}

// test is a test that is ready to go.
type test struct {
	opts   TestOptions
	run    *running
	people *People
	clock  *sim.Clock
	start  time.Time
	result *TestResult
}

func (rb *Runbook) newTest(ctx context.Context, o TestOptions, world RunOptions) (*test, error) {
	inputs, err := Inputs{File: o.Scenario.Inputs}.Resolve(rb.Plan)
	if err != nil {
		return nil, err
	}
	if o.User == "" {
		o.User = "tester"
	}
	world.Session, world.Inputs, world.Scenario, world.simulated = Session{User: o.User}, inputs, o.Scenario, true
	r, err := rb.prepare(ctx, world)
	if err != nil {
		return nil, err
	}
	t := &test{opts: o, run: r, people: NewPeople(o.Scenario), start: o.Scenario.Start, result: &TestResult{Events: make([]journal.Event, 0, 128)}}
	t.clock = sim.NewClock(t.start)
	r.world.Clock = t.clock.Now
	return t, nil
}

// play runs the scenario and holds what came of it against what was expected.
func (t *test) play(ctx context.Context) (*TestResult, error) {
	state, r := journal.NewState(), t.run
	keep := func(e journal.Event) { t.result.Events = append(t.result.Events, e) }
	id := "test-" + t.opts.Scenario.Name
	w, err := journal.Create("", id, journal.Options{Mask: r.masker, Memory: true, Now: t.clock.Now, State: state, Watch: append([]func(journal.Event){keep}, t.opts.Watch...)})
	if err != nil {
		return nil, err
	}
	out, open, err := sim.Run(ctx, r.rb.Plan, sim.Options{
		Clock: t.clock, Journal: w, Kinds: r.kinds, Channels: r.channels(), Guard: r.guard, Narrow: r.narrowed(ctx), Secrets: r.store, Masker: r.masker, Ask: t.ask, Begins: r.world.Begins,
	}, interp.Options{
		Run: id, Mode: string(ModeTest), Scenario: t.opts.Scenario.Name, Engine: Version(), User: t.opts.User, Inputs: r.opts.Inputs, Present: r.store.Present,
		Policy: r.rb.policy.told(),
	})
	t.result.Outcome = Outcome{Run: id, Outcome: out.Outcome, State: state, Missed: r.missed(), World: r.world}
	switch {
	case errors.Is(err, interp.ErrPaused):
		err = pause(w, open, &t.result.Outcome)
	case errors.Is(err, sim.ErrForever):
		t.fail(scenario.Failure{What: "the run", Want: "an end", Got: "none: " + err.Error()})
		err = nil
	case err == nil:
		t.result.Code = code(out, state)
	}
	if err != nil {
		return nil, err
	}
	t.judge(open)
	return t.result, w.Close()
}

// ask lets the scenario's people answer, on the simulated clock.
func (t *test) ask(q interp.Question) (interp.Answer, map[string]string, time.Duration, error) {
	r, err := t.people.Answer(q)
	if errors.Is(err, ErrNobody) {
		err = sim.ErrNobody
	}
	return r.Answer, r.Secrets, r.After, err
}

func (t *test) fail(f scenario.Failure) { t.result.Failures = append(t.result.Failures, f) }

// judge finds all that is not as it should be.
func (t *test) judge(open []interp.Question) {
	res, sc := t.result, t.opts.Scenario
	res.Elapsed = t.clock.Now().Sub(t.start)
	met, failures := sc.Expect.Hold(res.State, t.run.world)
	res.Met = met
	res.Failures = append(res.Failures, failures...)
	missed := slices.Clone(res.Missed)
	slices.Sort(missed)
	for _, m := range slices.Compact(missed) {
		t.fail(scenario.Failure{What: "a call", Want: "a stub that answers it", Got: "none: " + m})
	}
	res.Failures = append(res.Failures, t.people.Wrong()...)
	if sc.Expect.Outcome != "paused" {
		for _, q := range open {
			t.fail(unanswered(q))
		}
	}
	res.Failures = append(res.Failures, shown(res.Events, t.secrets())...)
}
