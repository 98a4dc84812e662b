package interp

import (
	"errors"
	"fmt"
	"time"

	"runbook/engine/journal"
	"runbook/engine/plan"
	"runbook/engine/source"
	"runbook/engine/types"
)

// The verdicts of steps.
const (
	passed    = "passed"
	notPassed = "failed"
	errored   = "error"
	skipped   = "skipped"
)

// steps walks a list in order.
func (r *run) steps(w World, f *frame, steps []*plan.Step) error {
	for _, s := range steps {
		if err := r.step(w, f, s); err != nil {
			return err
		}
	}
	return nil
}

// done is how a step came out of its role.
type done struct {
	verdict string
	reason  string
	fields  map[string]any // what stands under steps.ID besides ran, verdict, duration
	notRun  bool           // it did not come to run: refused
	data    journal.StepFinishedData
	err     error // what goes up: an end, a scope that ended, or the failure of an inner step
	inner   *failed
	final   bool // it was denied, so nothing repeats it
}

func ok() done { return done{verdict: passed} }

func fail(format string, args ...any) done {
	return done{verdict: notPassed, reason: fmt.Sprintf(format, args...)}
}

func erred(err error) done { return done{verdict: errored, reason: err.Error()} }

// up is what an inner list of steps ended with.
func up(err error) done {
	var inner *failed
	if errors.As(err, &inner) {
		return done{verdict: notPassed, reason: "because of " + string(inner.key), inner: inner}
	}
	return done{verdict: passed, err: err}
}

func (r *run) step(w World, f *frame, s *plan.Step) error {
	key := f.key(s.ID)
	began := w.Now()
	run, d := r.wanted(w, f, s)
	if d != nil {
		return r.finish(w, f, s, key, began, *d)
	}
	if !run {
		w.Emit(key, Event{Type: journal.StepFinished, Step: s.ID, Data: journal.StepFinishedData{
			Role: string(s.Role), Verdict: skipped, Reason: "`if: " + s.If.Source + "` does not hold",
		}})
		return nil
	}
	r.start(w, f, s, key)
	if s.Delay > 0 {
		if err := w.Sleep(key+"#delay", s.Delay); err != nil {
			return r.finish(w, f, s, key, began, done{err: err})
		}
	}
	return r.finish(w, f, s, key, began, r.role(w, f, s, key))
}

// wanted evaluates a step's `if`; one that errs is an error of the step.
func (r *run) wanted(w World, f *frame, s *plan.Step) (bool, *done) {
	if s.If == nil {
		return true, nil
	}
	v, _, err := s.If.Bool(r.env(w, f))
	if err != nil {
		r.start(w, f, s, f.key(s.ID))
		d := erred(fmt.Errorf("`if` cannot be computed: %w", err))
		d.notRun = true
		return false, &d
	}
	return v, nil
}

func (r *run) start(w World, f *frame, s *plan.Step, key Key) {
	env := r.env(w, f)
	d := journal.StepStartedData{Role: string(s.Role), Title: r.text(s.Title, env), Budget: journal.SecondsOf(s.Timeout), Place: place(s.Span), Links: links(s.Links, env)}
	if s.Kind != nil {
		d.Kind = s.Kind.Name
	}
	w.Emit(key, Event{Type: journal.StepStarted, Step: s.ID, Data: d})
	r.found.begin(s, key, d.Title)
}

func place(at source.Span) journal.Place {
	p := at.Position()
	return journal.Place{File: at.File.Name, Line: p.Line, Column: p.Column}
}

func (r *run) role(w World, f *frame, s *plan.Step, key Key) done {
	if s.Confirm != nil || r.plan.MayDemand(s) {
		in, d := r.confirm(w, f, s, key)
		if d != nil {
			return *d
		}
		f = in
	}
	switch s.Role {
	case plan.Check, plan.Action:
		return r.observed(w, f, s, key)
	case plan.Decide:
		return r.decide(w, f, s, key)
	case plan.Manual:
		return r.manual(w, f, s, key)
	case plan.Message:
		return r.message(w, f, s, key)
	case plan.Group, plan.Parallel:
		return r.group(w, f, s, key)
	case plan.Each:
		return r.each(w, f, s, key)
	case plan.Run:
		if s.Sub != nil {
			return r.runbook(w, f, s, key)
		}
		return r.procedure(w, f, s, key)
	case plan.End:
		return done{verdict: passed, err: &ended{s.Outcome, r.text(s.Summary, r.env(w, f))}}
	}
	return erred(fmt.Errorf("a step of the role %q cannot run", s.Role))
}

// finish records how a step ended, sets its facts, and lets its on_failure
// decide what goes up.
func (r *run) finish(w World, f *frame, s *plan.Step, key Key, began time.Time, d done) error {
	var end *ended
	if d.err != nil && !errors.As(d.err, &end) {
		return r.interrupted(w, f, s, key, began, d)
	}
	if d.inner != nil && d.inner.key == key {
		d.reason = d.inner.reason // its own budget
	}
	r.remember(w, f, s, began, &d)
	if d.verdict == passed {
		if err := r.setFacts(w, f, key, s); err != nil {
			d.verdict, d.reason = errored, err.Error()
			r.remember(w, f, s, began, &d)
		}
	}
	r.emitFinished(w, s, key, began, d)
	if d.err != nil {
		return d.err
	}
	return r.onFailure(w, f, s, key, d)
}

// remember puts what a step found under steps.ID.
func (r *run) remember(w World, f *frame, s *plan.Step, began time.Time, d *done) {
	m := map[string]any{}
	for k, v := range d.fields {
		m[k] = v
	}
	m["ran"], m["verdict"] = !d.notRun, d.verdict
	if _, has := m["duration"]; !has && !d.notRun {
		m["duration"] = w.Now().Sub(began)
	}
	f.steps[s.ID] = m
}

func (r *run) emitFinished(w World, s *plan.Step, key Key, began time.Time, d done) {
	data := d.data
	data.Role, data.Verdict, data.Reason = string(s.Role), d.verdict, d.reason
	if data.Duration == 0 {
		data.Duration = journal.SecondsOf(w.Now().Sub(began))
	}
	w.Emit(key, Event{Type: journal.StepFinished, Step: s.ID, Data: data})
	r.found.end(s, key, data)
}

// interrupted is a step whose scope ended around it. A check that was under way
// keeps what it knows; everything but a pause is recorded.
func (r *run) interrupted(w World, f *frame, s *plan.Step, key Key, began time.Time, d done) error {
	if !errors.Is(d.err, ErrTimeout) && !errors.Is(d.err, ErrCancelled) && !errors.Is(d.err, ErrStopped) {
		return d.err // a pause, or the runtime died: nothing more can be said
	}
	complete := d.verdict == passed && d.fields != nil // it came back just before
	if d.verdict == "" || d.verdict == passed && d.fields == nil {
		d.verdict = errored
	}
	if d.reason == "" && d.verdict != passed {
		d.reason = d.err.Error()
	}
	if s.Role == plan.Check && errors.Is(d.err, ErrTimeout) && !complete {
		r.cutOff(s, &d)
	}
	d.notRun = d.notRun || d.fields == nil && (s.Role == plan.Check || s.Role == plan.Action || s.Role == plan.Manual)
	r.remember(w, f, s, began, &d)
	r.emitFinished(w, s, key, began, d)
	return d.err
}

// cutOff makes a check that was under way when the time of a scope was up one
// that had a timeout, whether it was at an attempt or waited for the next. What
// the attempts before found stays.
func (r *run) cutOff(s *plan.Step, d *done) {
	d.verdict = errored
	if d.data.Error == nil || d.data.Error.Kind != "timeout" {
		d.data.Error = &journal.Error{Kind: "timeout", Message: d.err.Error()}
	}
	known := fields(s, Result{Error: d.data.Error})
	for name, v := range d.fields {
		if name != "error" {
			known[name] = v
		}
	}
	d.fields = known
}

// onFailure decides what a failure means for the steps around.
func (r *run) onFailure(w World, f *frame, s *plan.Step, key Key, d done) error {
	if d.verdict == passed {
		return nil
	}
	soft := s.Role == plan.Check && !s.Required || s.Role == plan.Message
	failure := d.inner
	if failure == nil {
		failure = &failed{key: key, reason: d.reason}
	}
	switch s.Failure.Mode {
	case plan.FailContinue:
		return nil
	case plan.FailSteps:
		in := f.below(key + ">on_failure")
		in.why = f.came(journal.Why{Key: string(key), Failed: d.reason})
		if err := r.steps(w, in, s.Failure.Steps); err != nil {
			return err
		}
		if s.Failure.Call != nil {
			if _, err := r.call(w, in, in.path, s.ID, s.Failure.Call); err != nil {
				return err
			}
		}
		if s.Failure.Continue {
			return nil
		}
	}
	if soft {
		return nil
	}
	return failure
}

// setFacts sets a step's facts.
func (r *run) setFacts(w World, f *frame, key Key, s *plan.Step) error {
	env := r.env(w, f)
	if own, ok := f.steps[s.ID].(map[string]any); ok {
		for k, v := range own {
			if k != "ran" && k != "verdict" {
				env[k] = v
			}
		}
	}
	return r.set(w, env, key, s.ID, s.Facts)
}

// set computes all values before it sets any.
func (r *run) set(w World, env map[string]any, key Key, id string, settings []plan.Setting) error {
	values, err := compute(env, settings)
	if err != nil {
		return err
	}
	for _, s := range settings {
		was := r.facts[s.Name]
		r.facts[s.Name] = values[s.Name]
		w.Emit(key+"#fact."+Key(s.Name), Event{Type: journal.FactSet, Step: id, Data: journal.FactSetData{Name: s.Name, Value: types.Encode(values[s.Name]), Was: types.Encode(was)}})
	}
	return nil
}
