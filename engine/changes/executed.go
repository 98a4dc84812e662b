package changes

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine/journal"
	"runbook/engine/plan"
)

// executed is what a run did, by places: keys without rounds, attempts and items.
type executed struct {
	begun    map[string]bool
	finished map[string]bool
	took     map[string][]string // the branches that a decision took, "" for none
	closing  map[string]bool     // runbooks whose undo or finally has begun, by the way to them
	touched  []string
}

// executedBy reads a run's events.
func executedBy(events []journal.Event) *executed {
	e := &executed{begun: map[string]bool{}, finished: map[string]bool{}, took: map[string][]string{}, closing: map[string]bool{}}
	for _, ev := range events {
		at := place(ev.Key)
		for i := range at {
			if at[i] == '/' || at[i] == '>' {
				e.begun[at[:i]] = true
			}
		}
		e.begun[at] = true
		switch ev.Type {
		case journal.StepFinished:
			e.finished[at] = true
		case journal.DecisionMade:
			d, _ := journal.Decode[journal.DecisionMadeData](ev) // what cannot be read took no branch, so that all count
			e.took[at] = append(e.took[at], d.Branch)
		case journal.UndoSettled:
			e.closing[""] = true
		case journal.ApprovalRequested:
			if d, _ := journal.Decode[journal.ApprovalRequestedData](ev); d.Kind == "undo" {
				e.closing[""] = true
			}
		}
		if i := strings.LastIndex("/"+at, "/finally/"); i >= 0 {
			e.closing[at[:i]] = true
		}
	}
	return e
}

// place is a key without what tells one time from another: rounds, attempts, items.
func place(key string) string {
	var b strings.Builder
	skip := false
	for _, r := range key {
		switch r {
		case '/', '>':
			skip = false
		case '#', '[':
			skip = true
		}
		if !skip {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (e *executed) touch(at, format string, args ...any) {
	e.touched = append(e.touched, at+" "+fmt.Sprintf(format, args...))
}

// runbook compares a runbook that has begun. In is the way to it, with its `/`.
func (e *executed) runbook(was, is *plan.Plan, in string) {
	for _, f := range was.Facts {
		i := slices.IndexFunc(is.Facts, func(x *plan.Fact) bool { return x.Name == f.Name })
		if i < 0 || print(f) != print(is.Facts[i]) {
			e.touch("the fact "+in+f.Name, "is declared otherwise than when the run began")
		}
	}
	for _, f := range is.Inputs {
		known := slices.ContainsFunc(was.Inputs, func(x *plan.Input) bool { return x.Name == f.Name })
		if in == "" && !known && f.Required && f.Default == nil {
			e.touch("the input "+f.Name, "is new and has no default: the run was begun without it")
		}
	}
	if in != "" && print(was.Inputs) != print(is.Inputs) {
		e.touch("the inputs of "+strings.TrimSuffix(in, "/"), "are declared otherwise than when it began")
	}
	e.list(was.Steps, is.Steps, in, e.closing[in])
	e.list(was.Finally, is.Finally, in+"finally/", false)
}

// list compares steps that stand behind one another, from the first to the last that
// has begun. Where what they stand in is over, none may be added either: it would be
// run behind the end. At is what stands before their ids.
func (e *executed) list(was, is []*plan.Step, at string, over bool) {
	last := -1
	for i, s := range was {
		if e.begun[at+s.ID] {
			last = i
		}
	}
	for i, s := range was[:last+1] {
		now := slices.IndexFunc(is, func(x *plan.Step) bool { return x.ID == s.ID })
		switch {
		case now < 0 && e.begun[at+s.ID]:
			e.touch(at+s.ID, "has begun, and is gone")
			return
		case now < 0:
			e.touch(at+s.ID, "is gone, and a step behind it has begun")
			return
		case now > i: // those before it stand where they stood
			e.touch(at+s.ID, "has begun, or a step behind it, and %s stands before it now", is[i].ID)
			return
		case e.begun[at+s.ID]:
			e.step(s, is[now], at+s.ID)
		}
	}
	if over && last >= 0 && len(is) > len(was) {
		e.touch(at+was[last].ID, "is the last of what is over, and %s stands behind it now", is[len(was)].ID)
	}
}

// step compares a step that has begun, and what was executed in it.
func (e *executed) step(was, is *plan.Step, at string) {
	branches := e.weighed(was, at)
	if print(own(was, branches)) != print(own(is, branches)) {
		e.touch(at, "has begun, and says something else now")
		return
	}
	over := e.finished[at]
	e.list(was.Steps, is.Steps, at+"/", over)
	for i, b := range was.Branches {
		if i >= len(is.Branches) || !e.begun[at+">"+b.ID] {
			continue
		}
		e.list(b.Steps, is.Branches[i].Steps, at+">"+b.ID+"/", over)
		e.called(b.Call, is.Branches[i].Call, at+">"+b.ID, over)
	}
	e.list(was.Failure.Steps, is.Failure.Steps, at+">on_failure/", false)
	e.called(was.Failure.Call, is.Failure.Call, at+">on_failure", false)
	if was.Undo != nil && is.Undo != nil {
		e.list(was.Undo.Steps, is.Undo.Steps, at+">undo/", false)
	}
	e.called(was.Call, is.Call, at, over)
	if was.Sub != nil && is.Sub != nil {
		e.runbook(was.Sub.Plan, is.Sub.Plan, at+"/")
		if over && print(was.Sub.Plan.Outputs) != print(is.Sub.Plan.Outputs) {
			e.touch(at, "has begun, and the runbook gives other outputs now")
		}
	}
}

// weighed is how many branches of a decision count: those up to the last that was
// taken, and all where it is not made, took none, or asks a person.
func (e *executed) weighed(s *plan.Step, at string) int {
	took := e.took[at]
	if s.Ask != nil || len(took) == 0 {
		return len(s.Branches)
	}
	last := 0
	for _, id := range took {
		i := slices.IndexFunc(s.Branches, func(b *plan.Branch) bool { return b.ID == id })
		if i < 0 {
			return len(s.Branches)
		}
		last = max(last, i+1)
	}
	return last
}

// called compares a procedure that was gone into.
func (e *executed) called(was, is *plan.Call, at string, over bool) {
	if was == nil || is == nil || !e.begun[at] {
		return
	}
	if print(header(was.Procedure)) != print(header(is.Procedure)) {
		e.touch(at, "has begun, and the procedure %s declares something else now", was.Procedure.Name)
		return
	}
	e.list(was.Procedure.Steps, is.Procedure.Steps, at+"/", over)
}
