package interp

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

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

// group runs steps in order or side by side, as one unit.
func (r *run) group(w World, f *frame, s *plan.Step, key Key) done {
	in := f.below(key)
	var err error
	if s.Role == plan.Group {
		err = r.within(w, key, s.Timeout, func(w World) error { return r.steps(w, in, s.Steps) })
	} else {
		err = r.sideBySide(w, in, s, key)
	}
	if err != nil {
		return up(err)
	}
	d := ok()
	out, err := outputs(r.env(w, f), s.Outputs)
	if err != nil {
		return erred(err)
	}
	if len(out) > 0 {
		d.fields, d.data.Outputs = maps.Clone(out), encoded(out)
	}
	return d
}

// sideBySide runs siblings at once. When one fails the others finish; an end, a
// timeout and a cancel stop them.
func (r *run) sideBySide(w World, f *frame, s *plan.Step, key Key) error {
	all := func(w World) error {
		errs := w.Each(key, len(s.Steps), s.Max, func(i int, w World) error { return r.step(w, f, s.Steps[i]) }, func(_ int, err error) bool {
			var end *ended
			return errors.As(err, &end)
		})
		return worst(errs)
	}
	if s.Timeout <= 0 {
		return all(w)
	}
	err := w.Within(key, s.Timeout, all)
	t := (*Timeout)(nil)
	switch {
	case !errors.As(err, &t) || t.Scope != key:
		return err
	case checksOnly(s.Steps):
		return r.required(f, s)
	}
	return &failed{key, fmt.Sprintf("not done within its budget of %s", s.Timeout)}
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
