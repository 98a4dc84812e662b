package interp

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"runbook/engine/lang"
	"runbook/engine/plan"
)

// Timeout is the end of a scope whose time is up; Scope says whose. It is an
// ErrTimeout.
type Timeout struct{ Scope Key }

// Error says which scope's time is up.
func (t *Timeout) Error() string { return "the time of " + string(t.Scope) + " is up" }

// Is makes it an ErrTimeout.
func (t *Timeout) Is(target error) bool { return target == ErrTimeout }

// within gives f a budget, where there is one. A scope whose own time is up has
// failed; the end of one around it goes on up.
func (r *run) within(w World, key Key, budget time.Duration, f func(World) error) error {
	if budget <= 0 {
		return f(w)
	}
	err := w.Within(key, budget, f)
	if t := (*Timeout)(nil); errors.As(err, &t) && t.Scope == key {
		return &failed{key, fmt.Sprintf("not done within its budget of %s", budget)}
	}
	return err
}

// group runs steps in order or side by side, as one unit, which may be repeated
// as a whole. Its budget is for all of that.
func (r *run) group(w World, f *frame, s *plan.Step, key Key) done {
	in := f
	round := func(w World, f *frame, s *plan.Step, path Key) (done, bool) {
		in = f.below(path)
		return r.round(w, f, in, s)
	}
	if s.Timeout <= 0 {
		return r.polled(w, f, s, key, round)
	}
	var d done
	err := w.Within(key, s.Timeout, func(w World) error {
		d = r.polled(w, f, s, key, round)
		return d.err
	})
	t := (*Timeout)(nil)
	switch {
	case err == nil:
		return d
	case !errors.As(err, &t) || t.Scope != key:
		d.err = err
		return d
	case s.Role == plan.Parallel && checksOnly(s.Steps):
		if err := r.required(in, s); err != nil {
			return up(err)
		}
		return r.concluded(r.env(w, f), s)
	}
	return up(&failed{key: key, reason: fmt.Sprintf("not done within its budget of %s", s.Timeout)})
}

// round goes once through the steps of a group. What an earlier round found is
// forgotten before.
func (r *run) round(w World, f, in *frame, s *plan.Step) (done, bool) {
	if s.Poll != nil || s.Retry != nil {
		in.rounds = &rounds{outer: f.rounds}
		fresh(f.steps, s.Steps)
	}
	var err error
	if s.Role == plan.Group {
		err = r.steps(w, in, s.Steps)
	} else {
		err = r.sideBySide(w, in, s)
	}
	d := up(err)
	if err == nil {
		d = r.concluded(r.env(w, f), s)
	}
	if s.Poll != nil || s.Retry != nil {
		d.final = in.rounds.denied
	}
	return d, r.again(r.env(w, f), s, d)
}

// concluded is a group behind its steps: its outputs, and whether what it expects
// holds.
func (r *run) concluded(env lang.Env, s *plan.Step) done {
	d := ok()
	out, err := outputs(env, s.Outputs)
	if err != nil {
		return erred(err)
	}
	d.fields, d.data.Outputs = out, encoded(out)
	expect(env, s.Expect, &d)
	return d
}

// sideBySide runs siblings at once. When one fails the others finish; an end, a
// timeout and a cancel stop them.
func (r *run) sideBySide(w World, f *frame, s *plan.Step) error {
	branches := make([]Key, len(s.Steps))
	for i, child := range s.Steps {
		branches[i] = f.key(child.ID)
	}
	errs := w.Each(f.path, branches, s.Max, func(i int, w World) error { return r.step(w, f, s.Steps[i]) }, func(_ int, err error) bool {
		var end *ended
		return errors.As(err, &end)
	})
	return worst(errs)
}

// required: a parallel of checks whose time is up goes on with what it knows,
// unless it misses one that must pass.
func (r *run) required(f *frame, s *plan.Step) error {
	for _, c := range s.Steps {
		m, _ := f.steps[c.ID].(map[string]any)
		if c.Required && c.Failure.Mode == plan.FailStop && m["verdict"] != passed {
			return &failed{f.key(c.ID), fmt.Sprintf("not done within the budget of %s", s.Timeout)}
		}
	}
	return nil
}

func checksOnly(steps []*plan.Step) bool {
	return !slices.ContainsFunc(steps, func(s *plan.Step) bool { return s.Role != plan.Check })
}

// worst is what siblings together end with: what ends the run before what fails
// it.
func worst(errs []error) error {
	rank := func(err error) int {
		var end *ended
		var fail *failed
		switch {
		case err == nil:
			return 0
		case errors.As(err, &fail):
			return 2
		case errors.Is(err, ErrStopped):
			return 1
		case errors.Is(err, ErrPaused):
			return 3
		case errors.Is(err, ErrTimeout):
			return 4
		case errors.As(err, &end):
			return 5
		case errors.Is(err, ErrCancelled):
			return 6
		}
		return 7
	}
	var out error
	for _, err := range errs {
		if rank(err) > rank(out) {
			out = err
		}
	}
	return out
}
