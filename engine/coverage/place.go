package coverage

import (
	"strings"

	"runbook/engine/plan"
)

// place is the step that a key leads to, and the plan that it stands in.
type place struct {
	plan *plan.Plan
	step *plan.Step
	// last says that the step is one of the plan's `finally` itself.
	last bool
}

// list are steps that one frame of a key can name.
type list struct {
	plan  *plan.Plan
	steps []*plan.Step
	last  bool
}

// frame is one part of a key: a step's id or, behind `>`, the word of what the
// step leads to.
type frame struct {
	word   string
	behind bool // behind `>`
}

// frames cuts a key into its parts. Attempts, rounds and the numbers of items are
// left out: `hosts[4]/triage#p3/api#a1` is hosts, triage, api.
func frames(key string) []frame {
	var out []frame
	for behind := false; key != ""; {
		end := strings.IndexAny(key, "/>")
		part, rest, sep := key, "", byte('/')
		if end >= 0 {
			part, rest, sep = key[:end], key[end+1:], key[end]
		}
		if cut := strings.IndexAny(part, "#["); cut >= 0 {
			part = part[:cut]
		}
		out = append(out, frame{part, behind})
		key, behind = rest, sep == '>'
	}
	return out
}

// find follows a key from a plan to a step. A key may end behind the step, at a
// branch or an undo: then the step is whose they are.
func find(p *plan.Plan, key string) (place, bool) {
	lists := []list{{plan: p, steps: p.Steps}}
	at, known := place{}, false
	ends := []*plan.Plan{p} // whose `finally` may come next
	for _, f := range frames(key) {
		switch {
		case f.behind && known:
			lists, ends = led(at, f.word), nil
			continue
		case f.behind:
			return place{}, false
		}
		next, ok := named(lists, f.word)
		if !ok && f.word == "finally" && len(ends) > 0 {
			lists = nil
			for _, p := range ends {
				lists = append(lists, list{p, p.Finally, true})
			}
			ends = nil
			continue
		}
		if !ok {
			return place{}, false
		}
		at, known = next, true
		lists, ends = inside(at)
	}
	return at, known
}

func named(lists []list, id string) (place, bool) {
	for _, l := range lists {
		for _, s := range l.steps {
			if s.ID == id {
				return place{l.plan, s, l.last}, true
			}
		}
	}
	return place{}, false
}

// inside are the steps whose keys stand directly below a step's.
func inside(at place) ([]list, []*plan.Plan) {
	s := at.step
	own := append([]*plan.Step{}, s.Steps...)
	for _, check := range []*plan.Step{s.Verify, s.CheckAfter} {
		if check != nil {
			own = append(own, check)
		}
	}
	out := []list{{plan: at.plan, steps: own}}
	if s.Call != nil {
		out = append(out, list{plan: at.plan, steps: s.Call.Procedure.Steps})
	}
	if s.Sub == nil {
		return out, nil
	}
	return append(out, list{plan: s.Sub.Plan, steps: s.Sub.Plan.Steps}), []*plan.Plan{s.Sub.Plan}
}

// led are the steps that a step leads to by a word: a branch, on_failure, undo.
// Ids are unique, so that a branch that is called so does no harm.
func led(at place, word string) []list {
	var out []list
	add := func(steps []*plan.Step, call *plan.Call) {
		out = append(out, list{plan: at.plan, steps: steps})
		if call != nil {
			out = append(out, list{plan: at.plan, steps: call.Procedure.Steps})
		}
	}
	if b := branch(at.step, word); b != nil {
		add(b.Steps, b.Call)
	}
	switch {
	case word == "on_failure":
		add(at.step.Failure.Steps, at.step.Failure.Call)
	case word == "undo" && at.step.Undo != nil:
		add(at.step.Undo.Steps, nil)
	}
	return out
}

func branch(s *plan.Step, id string) *plan.Branch {
	for _, b := range s.Branches {
		if b.ID == id {
			return b
		}
	}
	return nil
}
