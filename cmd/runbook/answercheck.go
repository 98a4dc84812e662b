package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/engine/interp"
	"runbook/engine/plan"
	"runbook/engine/source"
)

// check holds the answers against the runbook before anything runs: a slip would
// leave a question open at the worst time. An id may stand for several steps,
// in procedures; an answer has to fit one of them.
func (a *answers) check(p *plan.Plan) error {
	steps := map[string][]*plan.Step{}
	p.WalkNamed(func(name string, s *plan.Step) { steps[name] = append(steps[name], s) })
	for id := range a.approve {
		byKey(steps, id)
	}
	for name := range a.whole {
		byKey(steps, strings.TrimSuffix(name, ">undo"))
	}
	for _, id := range slices.Sorted(maps.Keys(a.approve)) {
		if err := a.known(p, steps, id); err != nil {
			return err
		}
		if err := fitsOne(steps[id], func(s *plan.Step) error { return approvalFits(p, s, a.approve[id]) }); err != nil {
			return usage("--approve %s: %w", id, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.whole)) {
		id, undo := strings.CutSuffix(name, ">undo")
		if err := a.known(p, steps, id); err != nil {
			return err
		}
		if err := fitsOne(steps[id], func(s *plan.Step) error { return wholeFits(p, s, undo, a.whole[name]) }); err != nil {
			return usage("--answer %s=%s: %w", name, a.whole[name], err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(a.fields)) {
		if err := a.known(p, steps, id); err != nil {
			return err
		}
		for _, field := range slices.Sorted(maps.Keys(a.fields[id])) {
			if err := fitsOne(steps[id], func(s *plan.Step) error { return fieldFits(s, field, a.fields[id][field]) }); err != nil {
				return usage("--answer %s.%s: %w", id, field, err)
			}
		}
	}
	return nil
}

// byKey enters the steps that a key may be of: that of one item or one round
// (`hosts[1]/restart`, `repair#p2/mark`), or of a step of a group (`repair/mark`).
func byKey(steps map[string][]*plan.Step, key string) {
	parts := strings.FieldsFunc(key, func(r rune) bool { return r == '/' || r == '>' })
	if len(steps[key]) > 0 || len(parts) == 0 {
		return
	}
	for i, part := range parts {
		id, _, _ := strings.Cut(part, "[")
		id, _, _ = strings.Cut(id, "#")
		var of []*plan.Step
		for _, name := range slices.Sorted(maps.Keys(steps)) {
			if name == id || strings.HasSuffix(name, "/"+id) {
				of = append(of, steps[name]...)
			}
		}
		switch last := i == len(parts)-1; {
		case last && len(of) > 0:
			steps[key] = of
		case len(of) == 0 && !strings.Contains(key, ">"): // what stands before `>` may be a branch or an `on_failure`
			return
		}
	}
}

func (a *answers) known(p *plan.Plan, steps map[string][]*plan.Step, id string) error {
	if len(steps[id]) > 0 {
		return nil
	}
	s := source.Suggest(id, slices.Sorted(maps.Keys(steps)))
	for _, name := range slices.Sorted(maps.Keys(steps)) {
		if strings.HasSuffix(name, "/"+id) {
			s = name // of a runbook that a step runs
		}
	}
	if s != "" {
		return usage("%s has no step %q to answer; did you mean %q?", p.Name, id, s)
	}
	return usage("%s has no step %q to answer", p.Name, id)
}

// fitsOne gives the first step's reason where an answer fits none.
func fitsOne(steps []*plan.Step, fits func(*plan.Step) error) error {
	var first error
	for _, s := range steps {
		err := fits(s)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// wholeFits reports whether a choice is one that a step may be answered with.
func wholeFits(p *plan.Plan, s *plan.Step, undo bool, choice string) error {
	var ids []string
	switch {
	case undo:
		ids = approvals
	case s.Role == plan.Manual:
		ids = doneOrNot
	case s.Ask != nil:
		for _, b := range s.Branches {
			ids = append(ids, b.ID)
		}
	default:
		if s.Confirm != nil || p.MayDemand(s) {
			ids = append(ids, approvals...)
		}
		if s.Role == plan.Action {
			ids = append(ids, doubts...)
		}
	}
	switch {
	case len(ids) == 0:
		return errors.New("the step asks nothing")
	case !slices.Contains(ids, choice):
		return fmt.Errorf("the answers are %s", strings.Join(ids, ", "))
	}
	return nil
}

// fieldFits reports whether a value is one that a manual step takes.
func fieldFits(s *plan.Step, field string, g given) error {
	var names []string
	for _, c := range s.Collect {
		if c.Name != field {
			names = append(names, c.Name)
			continue
		}
		if c.Secret && g.direct {
			return errors.New("a secret must not stand on the command line, where others can read it: give @-, @FILE or @env:NAME")
		}
		_, err := (&interp.Collect{Decl: c.Decl, Secret: c.Secret}).Parse(g.text)
		return err
	}
	if len(names) == 0 {
		return errors.New("the step collects nothing")
	}
	return fmt.Errorf("the step collects %s", strings.Join(names, ", "))
}

// approvalFits reports whether a step can be approved, and asks for a text where
// one was typed.
func approvalFits(p *plan.Plan, s *plan.Step, typed string) error {
	switch {
	case p.MayDemand(s): // what is to be typed is known when it is asked
		return nil
	case s.Confirm == nil:
		return errors.New("it does not ask for approval")
	case s.Confirm.Retype != nil && typed == "":
		return fmt.Errorf("a text has to be typed to approve it: --approve '%s=TEXT'", s.ID)
	case s.Confirm.Retype == nil && typed != "":
		return fmt.Errorf("there is nothing to type: write --approve %s", s.ID)
	}
	return nil
}
