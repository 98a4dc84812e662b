package plan

import (
	"slices"
	"strings"

	"runbook/engine/lang"
	"runbook/engine/plan/prove"
	"runbook/engine/types"
)

// passage is what comes of walking steps with a case.
type passage int

const (
	lost    passage = iota // the run ends there, or nobody knows
	past                   // the run can go on behind
	reached                // the decision is reached
)

// list walks steps in order. What does not depend on the case may come out as
// the way needs it; what does is evaluated.
func (e *example) list(steps []*Step) passage {
	for _, s := range steps {
		if p := e.step(s); p != past {
			return p
		}
	}
	return past
}

// pinWay enters into the case what decides, before the decision, whether it is
// reached. What cannot be entered is left to list, which then finds no way.
func (e *example) pinWay(steps []*Step) {
	for _, s := range steps {
		inside := e.holds(s)
		if !inside && e.plain(s) {
			continue
		}
		if inside {
			e.pinConditions(s)
			e.pinInside(s)
			return
		}
		walk([]*Step{s}, e.pinConditions)
		e.hint(s)
	}
}

// pinConditions enters what a step's conditions read.
func (e *example) pinConditions(s *Step) {
	conditions := []*lang.Expr{s.If}
	for _, b := range s.Branches {
		if s != e.target {
			conditions = append(conditions, b.When)
		}
	}
	for _, x := range conditions {
		if x != nil && e.pin(x.Reads, false) {
			e.apart = append(e.apart, x.Formula())
		}
	}
	clear(e.free) // what is pinned is not plain
}

// hint notes what the way behind a decision without an `else` needs: a branch
// that is taken.
func (e *example) hint(s *Step) {
	if s.Role != Decide || s.If != nil || s.Ask != nil {
		return
	}
	taken := &lang.Formula{Op: "const"}
	for _, b := range s.Branches {
		if b.When == nil {
			return
		}
		taken = &lang.Formula{Op: "or", Args: []*lang.Formula{taken, b.When.Formula()}}
	}
	e.way = append(e.way, prove.Condition{Formula: taken, Holds: true})
}

func (e *example) pinInside(s *Step) {
	e.pinWay(s.Steps)
	calls := []*Call{s.Call}
	for _, b := range s.Branches {
		calls = append(calls, b.Call)
		if e.within(b.Steps) {
			e.pinWay(b.Steps)
		}
	}
	for _, c := range calls {
		if c != nil && e.within(c.Procedure.Steps) {
			e.pinWay(c.Procedure.Steps)
		}
	}
}

func (e *example) step(s *Step) passage {
	inside := e.holds(s)
	if s.If != nil {
		v, known := e.truth(s.If)
		switch {
		case !known && !inside && e.plain(s):
			return past
		case !known, !v && inside:
			return lost
		case !v:
			return past
		}
	}
	switch {
	case s == e.target:
		return reached
	case !inside && e.plain(s):
		return past
	case !e.ran(s):
		return lost
	}
	switch s.Role {
	case Check, Action:
		return e.observed(s)
	case Manual, Message:
		return past
	case Group, Parallel:
		if p := e.list(s.Steps); p != past || !e.judged(s) {
			return p
		}
		return lost
	case Decide:
		return e.decided(s, inside)
	case Run:
		if s.Call == nil {
			return lost // how another runbook ends, nobody knows here
		}
		return e.called(s.Call)
	}
	return lost
}

// ran notes that the walk has come by a step. A case that has it not run can
// only be where it is skipped.
func (e *example) ran(s *Step) bool {
	e.seen[s] = true
	prefix, pinned := e.pinned[s]
	return !pinned || e.now[prefix+"ran"] == true
}

// agrees: the steps that have run in the case are those that the walk has come
// by.
func (e *example) agrees() bool {
	for s, prefix := range e.pinned {
		if e.now[prefix+"ran"] == true && !e.seen[s] {
			return false
		}
	}
	return true
}

// observed: a pinned step that has to pass does pass, or the case was refused.
func (e *example) observed(s *Step) passage {
	if len(s.Failure.Steps) > 0 || s.Failure.Call != nil {
		return lost
	}
	return past
}

// decided takes the branch that the case takes.
func (e *example) decided(s *Step, inside bool) passage {
	for _, b := range s.Branches {
		v, known := true, true
		if b.When != nil {
			v, known = e.truth(b.When)
		}
		in := e.within(b.Steps) || b.Call != nil && e.within(b.Call.Procedure.Steps)
		switch {
		case !known:
			return lost
		case s.Ask != nil && inside && in && (v && b.When != nil):
			return e.branch(b)
		case s.Ask != nil && v:
			if !inside {
				return lost
			}
		case v:
			return e.branch(b)
		}
	}
	return lost
}

func (e *example) branch(b *Branch) passage {
	if p := e.list(b.Steps); p != past {
		return p
	}
	if b.Call == nil {
		return past
	}
	return e.called(b.Call)
}

// called walks a procedure where the decision stands in it. In any other, names
// may mean something else.
func (e *example) called(c *Call) passage {
	if e.within(c.Procedure.Steps) {
		return e.list(c.Procedure.Steps)
	}
	return lost
}

// truth evaluates a condition, where the case gives all that it reads. One that
// errs is not known.
func (e *example) truth(x *lang.Expr) (value, known bool) {
	for _, r := range x.Reads {
		if _, ok := e.now[r]; !ok {
			return false, false
		}
	}
	v, _, err := x.Bool(e.env)
	return v, err == nil
}

// holds reports whether the decision stands in a step.
func (e *example) holds(s *Step) bool {
	in, asked := e.on[s]
	if !asked {
		in = e.contains(s)
		e.on[s] = in
	}
	return in
}

func (e *example) contains(s *Step) bool {
	if s == e.target || e.within(s.Steps) || s.Call != nil && e.within(s.Call.Procedure.Steps) {
		return true
	}
	return slices.ContainsFunc(s.Branches, func(b *Branch) bool {
		return e.within(b.Steps) || b.Call != nil && e.within(b.Call.Procedure.Steps)
	})
}

func (e *example) within(steps []*Step) bool { return slices.ContainsFunc(steps, e.holds) }

// plain reports whether a run can go on behind a step whatever the case is: it
// ends nothing, decides nothing without an `else`, and gives none of the case's
// results.
func (e *example) plain(s *Step) bool {
	is, asked := e.free[s]
	if !asked {
		is = e.harmless(s)
		e.free[s] = is
	}
	return is
}

func (e *example) harmless(s *Step) bool {
	if _, pinned := e.pinned[s]; pinned || s.Role == End || s.Sub != nil || e.dependent(s) {
		return false
	}
	switch s.Role {
	case Check, Action, Manual, Message, Group, Parallel, Run:
	case Each:
		if !givesList(s.In) {
			return false
		}
	case Decide:
		if len(s.Branches) == 0 || s.Branches[len(s.Branches)-1].When != nil {
			return false
		}
	default:
		return false
	}
	if s.Call != nil && !e.plainAll(s.Call.Procedure.Steps) || !e.plainAll(s.Steps) {
		return false
	}
	return !slices.ContainsFunc(s.Branches, func(b *Branch) bool {
		return !e.plainAll(b.Steps) || b.Call != nil && !e.plainAll(b.Call.Procedure.Steps)
	})
}

func (e *example) plainAll(steps []*Step) bool {
	return !slices.ContainsFunc(steps, func(s *Step) bool { return !e.plain(s) })
}

// judged: a group that has to pass, and that expects something of its steps.
func (e *example) judged(s *Step) bool { return s.Kind == nil && len(s.Expect) > 0 && e.stops(s) }

// dependent: a step that has to pass, and whose expectations read more than its
// own results, may depend on the case.
func (e *example) dependent(s *Step) bool {
	return e.judged(s) || e.stops(s) && slices.ContainsFunc(s.Expect, func(x *lang.Expr) bool {
		return slices.ContainsFunc(x.Reads, func(r string) bool {
			return strings.HasPrefix(r, "inputs.") || strings.HasPrefix(r, "steps.") || strings.HasPrefix(r, "facts.")
		})
	})
}

// givesList: an expression that is a declared list and nothing else has no way
// to fail.
func givesList(x *lang.Expr) bool {
	return x != nil && x.Type != nil && x.Type.Kind == types.List && !x.Type.Nil && len(x.Reads) == 1 && x.Reads[0] == strings.TrimSpace(x.Source)
}
