package sim

import (
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/runtime/memo"
)

// send sends a message with the real kind of channel. Its time counts against no
// budget.
func (w *world) send(k interp.Key, c interp.Call) (interp.Result, error) {
	kind, known := w.rt.channels[c.Kind]
	if !known {
		return memo.NoChannel(c.Kind), nil
	}
	if err := w.turn(k); err != nil {
		return interp.Result{}, err
	}
	w.emit(k, journal.AttemptStarted, c.Step, journal.AttemptStartedData{Role: c.Role, Kind: c.Kind, Request: memo.Shown(map[string]any{"channel": c.Options["channel"]})})
	c.Options = memo.Masked(w.rt.opts.Masker, c.Options)
	w.budget.leave(w.rt.clock.now)
	res := w.execute(k, c, kind)
	w.budget.enter(w.rt.clock.now)
	err := w.ended()
	w.emit(k, journal.AttemptFinished, c.Step, memo.Attempt(res, err))
	if died := w.rt.memo.Err(); died != nil {
		err = died
	}
	return res, err
}
