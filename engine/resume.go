package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"runbook/engine/journal"
	"runbook/engine/plan"
	"runbook/engine/scenario"
	"runbook/engine/types"
)

// Resume goes on with a run that waits or broke off. What is in its journal is
// not done again; messages that were not sent are. Of a run that is over nothing
// else is done. Where the runbook is not what the run has of it, the error is a
// ChangedError, unless the changes are accepted.
func (rb *Runbook) Resume(ctx context.Context, id string, o RunOptions) (*Outcome, error) {
	b, err := rb.reopen(id, &o)
	switch {
	case err != nil:
		return nil, err
	case b.state.Finished != nil && (o.cancel || len(b.state.Outbox()) == 0):
		return nil, b.fail(fmt.Errorf("the run %s is over: %s", id, b.state.Finished.Outcome))
	}
	if dir := b.state.Started.Dir; dir != "" && !here(dir) {
		return nil, b.fail(elsewhere(id, dir))
	}
	if b.state.Finished != nil {
		return rb.deliverLate(ctx, o, b.w, b.past, b.state)
	}
	o.cancel = o.cancel || b.state.Cancelled
	return rb.goOn(ctx, id, o, b)
}

// Cancel ends a run that waits for a person or broke off, as an interrupt ends one
// that goes on: no step of it begins any more, what it owes is offered, and its
// `finally` steps run, all as the runbook was. Where an undo or a doubt about one waits for a person, so does
// the run; it stays cancelled.
func (rb *Runbook) Cancel(ctx context.Context, id string, o RunOptions) (*Outcome, error) {
	o.cancel = true
	return rb.Resume(ctx, id, o)
}

// Undo offers once more what a run that is over still owes, the last first: its
// steps and `finally` are not gone through again. The Outcome has the code 0 where
// nothing is owed any more.
func (rb *Runbook) Undo(ctx context.Context, id string, o RunOptions) (*Outcome, error) {
	b, err := rb.reopen(id, &o)
	switch {
	case err != nil:
		return nil, err
	case b.state.Finished == nil:
		return nil, b.fail(fmt.Errorf("the run %s is not over; Resume goes on with it, and offers what it owes at its end", id))
	case len(b.state.Owed()) == 0:
		return &Outcome{Run: id, Outcome: b.state.Finished.Outcome, State: b.state}, b.fail(nil)
	}
	if dir := b.state.Started.Dir; dir != "" && !here(dir) {
		return nil, b.fail(elsewhere(id, dir))
	}
	o.undo = 1
	for _, e := range b.past {
		if e.Type == journal.UndoFinished {
			o.undo++
		}
	}
	return rb.goOn(ctx, id, o, b)
}

// broken is a run that is gone on with: its journal, open to be written to.
type broken struct {
	w      *journal.Writer
	past   []journal.Event
	state  *journal.State
	edited *ChangedError    // how the runbook differs from what the run has of it; nil where it does not
	sent   *[]journal.Event // what is appended while the outbox is sent; nil: not now
}

// fail closes the journal, to which nothing was written.
func (b *broken) fail(err error) error {
	_ = b.w.Close() // nothing was written
	return err
}

// reopen opens the journal of a run that began with this runbook, and completes
// the options with its inputs.
func (rb *Runbook) reopen(id string, o *RunOptions) (*broken, error) {
	if o.Store == nil {
		return nil, errors.New("a run goes on from its journal, and Session.Store does not say where that is")
	}
	b := &broken{state: journal.NewState()}
	watch := o.Watch
	var err error
	b.w, b.past, err = journal.Open(o.Store.Path(id), id, journal.Options{User: o.User, Through: o.through(), Watch: []func(journal.Event){func(e journal.Event) {
		b.state.Apply(e)
		if b.sent != nil {
			*b.sent = append(*b.sent, e)
		}
		for _, f := range watch {
			f(e)
		}
	}}})
	if err != nil {
		return nil, err
	}
	for _, e := range b.past {
		b.state.Apply(e)
	}
	began := &b.state.Started
	switch {
	case began.Scenario != scenarioName(o.Scenario):
		return nil, b.fail(fmt.Errorf("the run %s is a drill of the scenario %q, and not of %q; go on with the one it began with", id, began.Scenario, scenarioName(o.Scenario)))
	case b.state.Policy != nil && rb.policy == nil:
		return nil, b.fail(&PolicyError{id, *b.state.Policy})
	}
	if b.edited, err = rb.changed(o.Store, id, b.state, b.past); err != nil {
		return nil, b.fail(err)
	}
	if b.edited != nil && (!o.AcceptChanges || len(b.edited.Executed) > 0 || b.state.Finished != nil) {
		return nil, b.fail(b.edited)
	}
	if o.Inputs, err = recall(rb.Plan, began.Inputs); err != nil {
		return nil, b.fail(err)
	}
	return b, nil
}

// dir is the folder in which a real run goes: what is relative in it starts there.
func (r *running) dir() string {
	if r.opts.Scenario != nil {
		return ""
	}
	dir, _ := os.Getwd() // a folder that is gone has no name, and nothing relative is found there
	return dir
}

// elsewhere refuses to go on with a run in another folder than the one in which it
// began: what is relative in its steps would be something else.
func elsewhere(id, dir string) error {
	return fmt.Errorf("the run %s began in the folder %s, and goes on only there", id, dir)
}

// here reports whether the process is in a folder.
func here(dir string) bool {
	now, err := os.Stat(".")
	if err != nil {
		return false
	}
	began, err := os.Stat(dir)
	return err == nil && os.SameFile(now, began)
}

// goOn walks on from where a run broke off.
func (rb *Runbook) goOn(ctx context.Context, id string, o RunOptions, b *broken) (*Outcome, error) {
	r, err := rb.prepare(ctx, o)
	if err != nil {
		return nil, b.fail(err)
	}
	defer r.close()
	if err := r.refetch(ctx, b.past); err != nil {
		return nil, b.fail(err)
	}
	if err := r.goOn(b.w, b.past); err != nil {
		return nil, b.fail(err)
	}
	b.sent = &[]journal.Event{}
	if b.edited != nil {
		if err := r.accept(b.w, b.state, b.edited.Changes); err != nil {
			return nil, b.fail(err)
		}
	}
	if o.undo == 0 {
		if err := r.outbox(ctx, b.w, b.past, b.state); err != nil {
			return nil, b.fail(err)
		}
	}
	return r.walk(ctx, id, b.w, b.past, b.state)
}

// refetch fetches the declared secrets that the earlier part of the run used: what
// they touched may show them now, and only what is known is masked.
func (r *running) refetch(ctx context.Context, past []journal.Event) error {
	attempted := map[string]bool{}
	for _, e := range past {
		if e.Type == journal.AttemptStarted {
			attempted[e.Step] = true
		}
	}
	used := map[string]bool{}
	for _, p := range r.rb.Plan.Plans() {
		keys := map[string]string{}
		for _, x := range p.Secrets {
			keys[x.Name] = x.Key
		}
		p.Walk(func(s *plan.Step) {
			// A verify is journalled under its own id, as are all steps of that id.
			for _, path := range s.Options.Reads() {
				if name, ok := strings.CutPrefix(path, "secrets."); ok && attempted[s.ID] {
					used[keys[name]] = true
				}
			}
		})
	}
	for _, s := range r.rb.secrets() {
		if !used[s.Key] || !r.store.Present(s.Key) {
			continue
		}
		if _, err := r.store.Get(ctx, s.Key); err != nil {
			return &MissingError{[]string{err.Error()}}
		}
	}
	return nil
}

func scenarioName(s *scenario.Scenario) string {
	if s == nil {
		return ""
	}
	return s.Name
}

// recall types the inputs that a journal holds.
func recall(p *plan.Plan, was map[string]any) (map[string]any, error) {
	out := maps.Clone(was)
	for _, in := range p.Inputs {
		v, ok := was[in.Name]
		if !ok || v == nil {
			out[in.Name] = in.Default
			continue
		}
		got, err := types.Decode(in.Type, types.Exact(v))
		if err != nil {
			return nil, fmt.Errorf("the input %s cannot be read back: %w", in.Name, err)
		}
		out[in.Name] = got
	}
	return out, nil
}
