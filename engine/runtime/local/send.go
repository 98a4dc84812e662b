package local

import (
	"context"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind/exec"
	"runbook/engine/runtime/memo"
)

// Send sends one message, whatever the journal says of it: what it appends there
// takes the place of what stands there.
func Send(ctx context.Context, o Options, d interp.Delivery) error {
	rt := newRuntime(ctx, o, nil)
	rt.baton.Take()
	defer rt.baton.Give()
	w := &world{rt: rt, ctx: ctx, clock: &clock{}, guard: o.Guard}
	_, err := interp.Deliver(w, d)
	if died := rt.memo.Err(); died != nil {
		return died
	}
	return err
}

// send sends a message, or recalls what became of it. It is no part of the time
// of the run: it uses up no budget, and the clock of its scope stands still, so
// that a message that is sent later changes nothing that was computed before.
func (w *world) send(k interp.Key, c interp.Call) (interp.Result, error) {
	kind, known := w.rt.channels[c.Kind]
	if !known {
		return memo.NoChannel(c.Kind), nil
	}
	if e, ok := w.rt.memo.Find(journal.AttemptFinished, string(k)); ok {
		return w.recallSent(kind, k, e)
	}
	if err := w.turn(k); err != nil {
		return interp.Result{}, err
	}
	started := journal.AttemptStartedData{Role: c.Role, Kind: c.Kind, Request: memo.Shown(map[string]any{"channel": c.Options["channel"]})}
	w.rt.memo.Record(journal.AttemptStarted, c.Step, string(k), started, true)
	if err := w.rt.memo.Err(); err != nil {
		return interp.Result{}, err
	}
	c.Options = memo.Masked(w.rt.opts.Masker, c.Options)
	w.budget.leave()
	w.rt.baton.Give()
	res := w.execute(k, c, kind)
	err := w.ended()
	w.rt.memo.Record(journal.AttemptFinished, c.Step, string(k), memo.Attempt(res, err), true)
	w.rt.baton.Take()
	w.budget.enter()
	if died := w.rt.memo.Err(); died != nil {
		err = died
	}
	return res, err
}

// recallSent is what became of a message. It may have been sent again since: what
// came of that counts, at the place of the first time.
func (w *world) recallSent(kind exec.Kind, k interp.Key, last journal.Event) (interp.Result, error) {
	first := w.rt.memo.First(journal.AttemptFinished, string(k))
	w.rt.baton.Yield(first.Seq)
	res, err := memo.Recall(kind.Kind, last)
	if first.Seq != last.Seq {
		_, err = memo.Recall(kind.Kind, first)
	}
	return res, w.over(err)
}

// aside are the events that do not move a scope's clock.
func aside(typ journal.Type) bool { return typ == journal.MessageSent || typ == journal.MessageUnsent }

func newRuntime(ctx context.Context, o Options, past []journal.Event) *runtime {
	return &runtime{opts: o, memo: memo.New(o.Journal, past), cancel: ctx, kinds: exec.ByName(o.Kinds), channels: exec.ByName(o.Channels), asking: make(chan struct{}, 1)}
}
