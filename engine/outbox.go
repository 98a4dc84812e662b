package engine

import (
	"context"
	"errors"
	"net/url"
	"path"
	"slices"
	"time"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/plan"
	"runbook/engine/runtime/local"
	"runbook/engine/scenario"
	"runbook/engine/secret"
)

// stubbed tells the methods and hosts for which a scenario has an answer.
func stubbed(s *scenario.Scenario) func(method, host string) bool {
	return func(method, host string) bool {
		return slices.ContainsFunc(s.HTTP, func(h *scenario.HTTPStub) bool {
			u, err := url.Parse(h.URL)
			if err != nil {
				return false
			}
			fits, err := path.Match(u.Hostname(), host)
			does, bad := path.Match(h.Method, method)
			return fits && does && err == nil && bad == nil
		})
	}
}

// goOn records that another process goes on with the run.
func (r *running) goOn(w *journal.Writer, past []journal.Event) error {
	w.SetMask(r.masker)
	d := journal.RunResumedData{User: r.opts.User, Identity: r.opts.identity(), From: past[len(past)-1].Seq, Policy: r.rb.policy.told()}
	switch {
	case r.opts.undo > 0:
		d.For = journal.Undoing
	case r.opts.cancel:
		d.For = journal.Cancelling
	}
	_, err := w.Append(journal.RunResumed, "", "", d, true)
	return err
}

// deliverLate sends what a run that is over left in its outbox.
func (rb *Runbook) deliverLate(ctx context.Context, o RunOptions, w *journal.Writer, past []journal.Event, state *journal.State) (*Outcome, error) {
	r, err := rb.open(o)
	if err == nil {
		defer r.close()
		if err = r.goOn(w, past); err == nil {
			err = r.outbox(ctx, w, past, state)
		}
	}
	out := &Outcome{Run: state.Run, Outcome: state.Finished.Outcome, State: state}
	switch {
	case ctx.Err() != nil:
		out.Code = ExitCancelled
	case len(state.Outbox()) > 0:
		out.Code = ExitFailed
	}
	if closed := w.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// apart is how long a channel is left alone between two messages.
const apart = time.Second

// outbox sends the messages that were not sent, in order. A channel that does not
// answer is not tried again with the next one.
func (r *running) outbox(ctx context.Context, w *journal.Writer, past []journal.Event, state *journal.State) error {
	down := map[string]bool{} // by channel, once it was tried
	for _, l := range state.Outbox() {
		if ctx.Err() != nil {
			break
		}
		if l.Why == nil && state.Finished == nil {
			continue // its step has not ended, and sends it itself
		}
		in, err := r.letterOf(ctx, state, l)
		if err != nil {
			return err
		}
		if gone, tried := down[in.channel]; in.plan == nil || gone || tried && !rest(ctx, apart) {
			continue
		}
		if err := r.late(ctx, w, past, in); err != nil {
			return err
		}
		why := l.Step.Missed(l.Channel)
		down[in.channel] = why != nil && why.Error.Kind != "refused"
	}
	return nil
}

// rest waits; false is that the run was cancelled meanwhile.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// letter is a message that is sent late, with the runbook that wrote it.
type letter struct {
	interp.Delivery
	plan    *plan.Plan // nil: the runbook does not know it
	guard   *guard.Guard
	channel string // the channel, among those of all runbooks
}

// letterOf finds the runbook that wrote a message: the run's own, or another one
// that a step of it ran.
func (r *running) letterOf(ctx context.Context, state *journal.State, l journal.Letter) (letter, error) {
	out := letter{plan: r.rb.Plan, guard: r.guard}
	out.Inputs = r.opts.Inputs
	for _, a := range state.Around(l.Step.Key) {
		i := slices.IndexFunc(r.rb.Plan.Plans(), func(p *plan.Plan) bool { return p.File.Name == a.Runbook.Path })
		if i < 0 {
			return letter{}, nil
		}
		out.plan = r.rb.Plan.Plans()[i]
		var err error
		if out.Inputs, err = recall(out.plan, a.Inputs); err != nil {
			return letter{}, err
		}
		if out.guard, err = r.inside(ctx, out.guard, out.plan, out.Inputs); err != nil {
			return letter{}, err
		}
		out.channel = a.Key + "/"
	}
	out.channel += l.Channel
	out.Channel = out.plan.Channel(l.Channel)
	if out.Channel == nil {
		return letter{}, nil
	}
	m := l.Step.Message
	out.Key, out.Step, out.Run, out.Plan = interp.Key(l.Step.Key), l.Step.ID, state.Run, out.plan
	out.Title, out.Text, out.Status, out.Secrets = m.Title, m.Text, m.Status, r.present(out.plan)
	out.onPage(state, l)
	return out, nil
}

// present are a runbook's secrets as its channels read them.
func (r *running) present(p *plan.Plan) map[string]any {
	out := map[string]any{}
	for _, s := range p.Secrets {
		out[s.Name] = secret.Value{Name: s.Key, Present: r.store.Present(s.Key)}
	}
	return out
}

// onPage finds the incident on a status page that a message belongs to. Where
// something later stands there already, the message does not change what the
// incident is.
func (x *letter) onPage(state *journal.State, l journal.Letter) {
	around := len(state.Around(l.Step.Key))
	behind := false
	for _, st := range state.Steps {
		behind = behind || st == l.Step
		others := state.Around(st.Key)
		if len(others) != around || around > 0 && others[around-1].Key != state.Around(l.Step.Key)[around-1].Key {
			continue
		}
		if got := st.Reached(l.Channel); got != nil && got.Incident != "" {
			x.Incident = got.Incident
			if behind {
				x.Status = ""
			}
		}
	}
}

// late sends a message. One that the channel took, of which only the last word is
// missing in the journal, is not sent again.
func (r *running) late(ctx context.Context, w *journal.Writer, past []journal.Event, x letter) error {
	key := string(x.At())
	for _, e := range slices.Backward(past) {
		if e.Key != key || e.Type != journal.AttemptFinished {
			continue
		}
		d, err := journal.Decode[journal.AttemptFinishedData](e)
		if err == nil && d.Error == nil {
			incident, _ := d.Fields["incident"].(string)
			_, err := w.Append(journal.MessageSent, x.Step, key, journal.MessageSentData{Channel: x.Channel.Name, Kind: x.Channel.Kind, Incident: incident}, true)
			return err
		}
		break
	}
	parts := r.parts(ctx, w)
	parts.Guard = x.guard
	err := local.Send(ctx, parts, x.Delivery)
	if errors.Is(err, interp.ErrCancelled) {
		return nil // it stays where it was, and what comes behind sees to the rest
	}
	return err
}
