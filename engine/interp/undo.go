package interp

import (
	"errors"
	"fmt"
	"slices"

	"runbook/engine/journal"
	"runbook/engine/plan"
)

// owed is an undo that a succeeded action left. Key is the action's without the
// rounds of the groups around it: what may be done twice is undone once.
type owed struct {
	key    Key
	action Key
	step   *plan.Step
	frame  *frame
	run    *run
	due    bool // whatever becomes of the run: it should have been made before
	times  int  // how often it was offered
	failed bool // it was made, and failed: nobody tries it again within the run
}

// owe notes that an action succeeded that has an undo.
func (r *run) owe(w World, f *frame, s *plan.Step, key Key) {
	once := Key(journal.Once(string(key)))
	if i := slices.IndexFunc(r.owed, func(o owed) bool { return o.key == once }); i >= 0 {
		again := owed{key: once, action: r.owed[i].action, step: s, frame: f, run: r}
		r.owed = append(slices.Delete(r.owed, i, i+1), again)
		return
	}
	when := "failure"
	if s.Undo.Always {
		when = "always"
	}
	w.Emit(once+">undo", Event{Type: journal.UndoOwed, Step: s.ID, Data: journal.UndoData{Title: r.text(s.Title, r.env(w, f)), When: when, Action: string(key), Auto: s.Undo.Auto}})
	r.owed = append(r.owed, owed{key: once, action: key, step: s, frame: f, run: r})
}

// wanted says whether an undo is to be offered where the run ends with out.
func (o *owed) wanted(out *Outcome) bool { return o.step.Undo.Always || o.due || out.bad() }

// undoAll offers what is owed, the last first. Where nobody is there to ask, a
// failed run leaves it owed, and what was done before it with it; any other waits.
// An undo that fails fails the run, so that all is owed that a failure owes. What
// was not offered stays owed: a runbook that runs this one may still fail.
func (r *run) undoAll(w World, out *Outcome) error {
	for i := len(r.owed) - 1; i >= 0; i-- {
		o := &r.owed[i]
		if o.failed || !o.wanted(out) {
			continue
		}
		err := r.offer(w, o, out.bad())
		var fail *failed
		switch {
		case errors.Is(err, ErrNobody):
			for j := range i + 1 {
				r.owed[j].due = true
			}
			return nil
		case errors.As(err, &fail):
			o.failed, o.due = true, true
			if !out.bad() {
				out.Outcome, out.Failed, out.Reason = "failed", fail.key, fail.reason
				i = len(r.owed)
			}
		case err != nil:
			return err
		default:
			r.owed = slices.Delete(r.owed, i, i+1)
		}
	}
	return nil
}

// undoLater offers what a run that is over still owes, the last first, as often as
// the journal says and once more. What fails stays owed, and does not keep what was
// done before from being offered.
func (r *run) undoLater(w World, out *Outcome, times int) error {
	for n := range times {
		for i := range r.owed {
			r.owed[i].failed = false
		}
		for i := len(r.owed) - 1; i >= 0; i-- {
			o := &r.owed[i]
			if !o.wanted(out) {
				continue
			}
			err := r.offer(w, o, false)
			var fail *failed
			switch {
			case errors.As(err, &fail):
				o.failed, o.due = true, true
			case err != nil:
				return err
			default:
				r.owed = slices.Delete(r.owed, i, i+1)
			}
		}
		w.Emit(Key(fmt.Sprintf(">undo#%d", n+1)), Event{Type: journal.UndoFinished, Data: journal.UndoFinishedData{Owed: r.still(out)}})
	}
	return nil
}

// still is how many undos a run still owes.
func (r *run) still(out *Outcome) int {
	n := 0
	for _, o := range r.owed {
		if o.wanted(out) {
			n++
		}
	}
	return n
}

// offer offers an undo in the World of the runbook that owes it. With leave, it
// stays owed where nobody is there.
func (r *run) offer(w World, o *owed, leave bool) error {
	in, err := r.worldOf(w, o.run)
	if err != nil {
		return err
	}
	o.times++
	// Once an undo has failed, what it leaves behind may be what an earlier one
	// stands on: nothing more is done without asking.
	asks := !o.step.Undo.Auto || slices.ContainsFunc(r.owed, func(o owed) bool { return o.failed })
	return o.run.undo(in, *o, asks, leave)
}

func (r *run) undo(w World, o owed, asks, leave bool) error {
	at, question := o.key+">undo", o.key+">undo#undo"
	if o.times > 1 {
		at += Key(fmt.Sprintf("#%d", o.times))
		question = at + ".undo"
	}
	title := o.step.ID
	if o.step.Title != nil {
		title = r.text(o.step.Title, r.env(w, o.frame))
	}
	wanted := !asks
	in := o.frame.below(at)
	if asks {
		steps, more := r.undoing(w, in, o.step)
		a, err := w.Ask(question, Question{Step: o.step.ID, Leave: leave, ApprovalRequestedData: journal.ApprovalRequestedData{
			Kind: "undo", Title: title, Text: "Undo this?", Choices: approveOrRefuse, Steps: steps, More: more,
		}})
		if err != nil {
			return err
		}
		wanted = a.Choice == "approve"
	}
	how := "done"
	var failure error
	if !wanted {
		how = "declined"
	} else if failure = r.steps(w, in, o.step.Undo.Steps); failure != nil {
		var end *ended
		var fail *failed
		switch {
		case errors.As(failure, &end): // of a procedure: the undo is done
			failure = nil
		case errors.As(failure, &fail):
			how = "failed"
		default:
			return failure
		}
	}
	w.Emit(at, Event{Type: journal.UndoSettled, Step: o.step.ID, Data: journal.UndoData{Title: title, Action: string(o.action), How: how, Auto: !asks}})
	return failure
}
