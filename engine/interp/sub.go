package interp

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"runbook/engine/journal"
	"runbook/engine/plan"
)

// leftover is a runbook that was broken off by the end of a scope around it: what
// it has to do whatever happened, the run around it does.
type leftover struct {
	run   *run
	frame *frame
}

// worldOf is the World of a run that was entered from this one, whose World is w.
func (r *run) worldOf(w World, in *run) (World, error) {
	if in == r {
		return w, nil
	}
	w, err := r.worldOf(w, in.up)
	if err != nil {
		return nil, err
	}
	return w.Enter(in.key, in.as)
}

// runbook is the step that runs another runbook. Its facts, secrets and steps are
// its own; its `end` ends it alone.
func (r *run) runbook(w World, f *frame, s *plan.Step, key Key) done {
	given, err := compute(r.env(w, f), s.Sub.Inputs)
	if err != nil {
		return erred(err)
	}
	o := r.opts
	o.Inputs = map[string]any{}
	for _, d := range s.Sub.Plan.Inputs {
		o.Inputs[d.Name] = d.Default
	}
	maps.Copy(o.Inputs, given)
	in, frame := begin(s.Sub.Plan, o, key)
	frame.item = key // what is collected there has names of its own
	frame.why, in.found = f.why, r.found
	in.up, in.key, in.as = r, key, Sub{Step: s.ID, Plan: s.Sub.Plan, Inputs: o.Inputs}
	inner, err := w.Enter(key, in.as)
	if err != nil {
		d := erred(err)
		d.data.Error = &journal.Error{Kind: "denied", Message: err.Error()}
		return d
	}
	in.openIn(inner, frame, key, s)
	err = in.within(inner, key, s.Timeout, func(w World) error { return in.steps(w, frame, in.plan.Steps) })
	return r.came(in, inner, frame, s, key, err)
}

// openIn records that another runbook begins.
func (r *run) openIn(w World, f *frame, key Key, s *plan.Step) {
	p := r.plan
	w.Emit(key, Event{Type: journal.RunbookStarted, Step: s.ID, Data: journal.RunbookStartedData{
		Runbook: journal.Runbook{Name: p.Name, Title: p.Title, Version: p.Version, Path: p.File.Name, Digest: p.Digest},
		Inputs:  encoded(r.opts.Inputs), Facts: encoded(r.facts), Links: links(p.Links, r.env(w, f)),
	}})
	r.started = w.Now()
}

// came takes what comes back of another runbook.
func (r *run) came(in *run, w World, f *frame, s *plan.Step, key Key, err error) done {
	out, err := in.end(w, f, err)
	if err != nil {
		if !errors.Is(err, ErrPaused) {
			var left *leftover
			if in.final == "" {
				left = &leftover{in, f} // its `finally` has not begun
			}
			r.takeOver(in, left)
		}
		return done{err: err}
	}
	r.takeOver(in, nil)
	w.Emit(key, Event{Type: journal.RunbookFinished, Step: s.ID, Data: journal.RunbookFinishedData{
		Outcome: out.Outcome, Summary: out.Summary, Error: out.Reason, Failed: string(out.Failed), Facts: encoded(in.facts), Outputs: encoded(out.Outputs),
	}})
	d := ok()
	d.fields = map[string]any{"outcome": out.Outcome, "summary": out.Summary}
	for _, o := range in.plan.Outputs {
		d.fields[o.Name] = out.Outputs[o.Name]
	}
	d.data.Outputs = encoded(out.Outputs)
	if out.bad() {
		d.verdict, d.reason = notPassed, badReason(s, &out)
		d.inner = &failed{out.Failed, out.Reason}
		if out.Failed == "" {
			d.inner = &failed{key, d.reason}
		}
	}
	return d
}

func badReason(s *plan.Step, out *Outcome) string {
	switch {
	case out.Failed != "":
		return "because of " + string(out.Failed)
	case out.Reason != "":
		return out.Reason
	}
	text := fmt.Sprintf("%s ended with the outcome %s", s.Sub.Path, out.Outcome)
	if out.Summary != "" {
		text += ": " + out.Summary
	}
	return text
}

// takeOver makes what another runbook still owes this one's. Of one that was
// broken off everything is due.
func (r *run) takeOver(in *run, left *leftover) {
	for _, o := range in.owed {
		o.due = o.due || left != nil
		r.owed = append(r.owed, o)
	}
	r.left = append(r.left, in.left...)
	if left != nil {
		r.left = append(r.left, *left)
	}
}

// leftovers runs the `finally` of runbooks that were broken off, the last first.
// How those steps end changes nothing any more.
func (r *run) leftovers(w World) error {
	for _, l := range slices.Backward(r.left) {
		in, err := r.worldOf(w, l.run)
		if err != nil {
			return err
		}
		out := Outcome{Outcome: "cancelled"}
		if err := l.run.finally(in, l.frame, &out); err != nil {
			return err
		}
	}
	r.left = nil
	return nil
}
