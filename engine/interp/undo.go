package interp

import (
	"errors"
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
	due    bool // the runbook that owes it was broken off
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

// undoAll offers what is owed, the last first. Where nobody is there to ask, a
// failed run leaves it owed in the journal, and what was done before it with it;
// any other waits. What was not offered stays owed: a runbook that runs this one
// may still fail.
func (r *run) undoAll(w World, out *Outcome) error {
	var kept []owed
	for len(r.owed) > 0 {
		o := r.owed[len(r.owed)-1]
		if !o.step.Undo.Always && !o.due && !out.bad() {
			kept = append(kept, o)
			r.owed = r.owed[:len(r.owed)-1]
			continue
		}
		in, err := r.worldOf(w, o.run)
		if err != nil {
			return err
		}
		err = o.run.undo(in, o)
		var fail *failed
		switch {
		case err == nil:
		case errors.Is(err, ErrPaused) && out.bad():
			return nil
		case errors.As(err, &fail):
			if !out.bad() {
				out.Outcome, out.Failed, out.Reason = "failed", fail.key, fail.reason
			}
		default:
			return err
		}
		r.owed = r.owed[:len(r.owed)-1]
	}
	slices.Reverse(kept)
	r.owed = kept
	return nil
}

func (r *run) undo(w World, o owed) error {
	at := o.key + ">undo"
	title := o.step.ID
	if o.step.Title != nil {
		title = r.text(o.step.Title, r.env(w, o.frame))
	}
	wanted := o.step.Undo.Auto
	if !wanted {
		a, err := w.Ask(at+"#undo", Question{Step: o.step.ID, ApprovalRequestedData: journal.ApprovalRequestedData{
			Kind: "undo", Title: title, Text: "Undo this?", Choices: approveOrRefuse,
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
	} else if failure = r.steps(w, o.frame.below(at), o.step.Undo.Steps); failure != nil {
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
	w.Emit(at, Event{Type: journal.UndoSettled, Step: o.step.ID, Data: journal.UndoData{Title: title, Action: string(o.action), How: how, Auto: o.step.Undo.Auto}})
	return failure
}
