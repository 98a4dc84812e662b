package engine

import (
	"slices"
	"strings"

	"runbook/engine/plan"
	"runbook/engine/scenario"
	"runbook/engine/secret"
)

// known is what a scenario of the runbook may speak of.
func (rb *Runbook) known() scenario.Known {
	var k scenario.Known
	for _, x := range rb.Plan.Inputs {
		k.Inputs = append(k.Inputs, &x.Decl)
	}
	for _, x := range rb.secrets() {
		k.Secrets = append(k.Secrets, x.Name)
	}
	for _, x := range rb.Plan.Facts {
		k.Facts = append(k.Facts, &x.Decl)
	}
	for _, x := range rb.Plan.Outputs {
		k.Outputs = append(k.Outputs, x.Name)
	}
	rb.Plan.Walk(func(s *plan.Step) {
		if s.Role == plan.End && s.Outcome != "" && !slices.Contains(k.Outcomes, s.Outcome) {
			k.Outcomes = append(k.Outcomes, s.Outcome)
		}
	})
	late, private := afterwards(rb.Plan), privates(rb.Plan)
	rb.Plan.WalkNamed(func(name string, s *plan.Step) {
		step := knownStep(rb.Plan, name, s)
		step.Late, step.Private, step.At = late[s], private[s], s.Span
		k.Steps = append(k.Steps, step)
		if s.Kind != nil && !slices.Contains(k.Kinds, s.Kind.Name) {
			k.Kinds = append(k.Kinds, s.Kind.Name)
		}
	})
	for _, p := range rb.Plan.Plans() {
		k.Posts = k.Posts || len(p.Channels) > 0
		for _, entry := range append(slices.Clone(p.Permissions.Static.Observe), p.Permissions.Static.Act...) {
			name, _, _ := strings.Cut(entry, " ")
			k.Programs = append(k.Programs, name)
		}
	}
	return k
}

// afterwards are the steps that run when the others are over.
func afterwards(p *plan.Plan) map[*plan.Step]bool {
	late := map[*plan.Step]bool{}
	note := func(s *plan.Step) { late[s] = true }
	plan.WalkSteps(p.Finally, note)
	p.Walk(func(s *plan.Step) {
		if s.Undo != nil {
			plan.WalkSteps(s.Undo.Steps, note)
		}
	})
	return late
}

// privates are the steps of procedures.
func privates(p *plan.Plan) map[*plan.Step]bool {
	out := map[*plan.Step]bool{}
	for _, p := range p.Plans() {
		for _, proc := range p.Procedures {
			plan.WalkSteps(proc.Steps, func(s *plan.Step) { out[s] = true })
		}
	}
	return out
}

func knownStep(p *plan.Plan, name string, s *plan.Step) scenario.Step {
	out := scenario.Step{ID: s.ID, Name: name, Role: string(s.Role), Evidence: s.Evidence, Undo: s.Undo != nil}
	if s.Kind != nil {
		out.Kind = s.Kind.Name
	}
	for _, b := range s.Branches {
		out.Branches = append(out.Branches, b.ID)
	}
	for _, c := range s.Collect {
		out.Collects = append(out.Collects, scenario.Collected{Decl: &c.Decl, Secret: c.Secret, Least: secret.MinLength})
	}
	switch {
	case s.Role == plan.Manual:
		out.Choices = []string{"done", "could_not"}
	case s.Ask != nil:
		out.Choices = out.Branches
	case s.Confirm != nil || p.MayDemand(s):
		out.Choices = []string{"approve", "refuse"}
	}
	return out
}
