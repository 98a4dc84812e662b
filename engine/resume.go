package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	if o.Store == nil {
		return nil, errors.New("a run goes on from its journal, and Session.Store does not say where that is")
	}
	state := journal.NewState()
	watch := o.Watch
	var sent *[]journal.Event // what is appended while the outbox is sent
	w, past, err := journal.Open(o.Store.Path(id), id, journal.Options{Through: o.through(), Watch: []func(journal.Event){func(e journal.Event) {
		state.Apply(e)
		if sent != nil {
			*sent = append(*sent, e)
		}
		for _, f := range watch {
			f(e)
		}
	}}})
	if err != nil {
		return nil, err
	}
	for _, e := range past {
		state.Apply(e)
	}
	fail := func(err error) (*Outcome, error) {
		_ = w.Close() // nothing was written
		return nil, err
	}
	switch {
	case state.Finished != nil && len(state.Outbox()) == 0:
		return fail(fmt.Errorf("the run %s is over: %s", id, state.Finished.Outcome))
	case state.Started.Scenario != scenarioName(o.Scenario):
		return fail(fmt.Errorf("the run %s is a drill of the scenario %q, and not of %q; go on with the one it began with", id, state.Started.Scenario, scenarioName(o.Scenario)))
	case state.Policy != nil && rb.policy == nil:
		return fail(&PolicyError{id, *state.Policy})
	}
	edited, err := rb.changed(o.Store, id, state, past)
	if err != nil {
		return fail(err)
	}
	if edited != nil && (!o.AcceptChanges || len(edited.Executed) > 0 || state.Finished != nil) {
		return fail(edited)
	}
	if o.Inputs, err = recall(rb.Plan, state.Started.Inputs); err != nil {
		return fail(err)
	}
	if state.Finished != nil {
		return rb.deliverLate(ctx, o, w, past, state)
	}
	r, err := rb.prepare(ctx, o)
	if err != nil {
		return fail(err)
	}
	defer r.close()
	if err := r.refetch(ctx, past); err != nil {
		return fail(err)
	}
	if err := r.goOn(w, past); err != nil {
		return fail(err)
	}
	sent = &[]journal.Event{}
	if edited != nil {
		if err := r.accept(w, state, edited.Changes); err != nil {
			return fail(err)
		}
	}
	if err := r.outbox(ctx, w, past, state); err != nil {
		return fail(err)
	}
	past, sent = append(past[:len(past):len(past)], *sent...), nil
	return r.walk(ctx, id, w, past, state)
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
