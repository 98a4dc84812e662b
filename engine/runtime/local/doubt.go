package local

import (
	"fmt"
	"strings"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
)

// mayBegin says whether an action that an earlier process began can be begun
// again. While what it started still runs, nothing is repeated and nobody can say
// how it came out: the run waits.
func (w *world) mayBegin(k interp.Key, c interp.Call, started journal.AttemptStartedData) error {
	if p, runs := w.rt.stillRuns(k); runs {
		w.rt.open = append(w.rt.open, interp.Question{Key: k + ".doubt", Step: c.Step, ApprovalRequestedData: journal.ApprovalRequestedData{
			Kind: "in_doubt", Text: fmt.Sprintf("The process %d (%s) that it started still runs. Wait for its end, or end it; then resume.", p.PID, strings.Join(p.Argv, " ")),
		}})
		return interp.ErrPaused
	}
	switch {
	case c.Idempotent:
	case w.doubted(k, c):
		return &interp.InDoubt{}
	default:
		w.rt.memo.Again(journal.AttemptStarted, c.Step, string(k), started, true)
	}
	return nil
}

// doubted reports an action that was begun more often than it was settled that it is
// to be done again.
func (w *world) doubted(k interp.Key, c interp.Call) bool {
	return c.Role == "action" && !c.Idempotent && w.rt.memo.Times(journal.AttemptStarted, string(k)) > c.Settled
}

// stillRuns finds a process of an attempt of the past that has not ended.
func (rt *runtime) stillRuns(k interp.Key) (guard.Process, bool) {
	for _, e := range rt.opts.Past {
		if e.Type != journal.ProcessStarted || e.Key != string(k) {
			continue
		}
		d, err := journal.Decode[journal.ProcessStartedData](e)
		p := guard.Process{PID: d.PID, Group: d.Group, Argv: d.Argv, Started: d.Started}
		if err == nil && guard.Runs(p) {
			return p, true
		}
	}
	return guard.Process{}, false
}
