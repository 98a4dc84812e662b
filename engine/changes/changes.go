// Package changes says what an edit of a runbook means for a run of it that has
// begun: what the files say otherwise, which steps those are, and which of them the
// run has executed already.
package changes

import (
	"maps"
	"slices"

	"runbook/engine/journal"
	"runbook/engine/plan"
)

// Changes are what became of a runbook since a run began. Executed is empty where
// the run can go on with the runbook as it is now.
type Changes struct {
	Files []File
	// Steps are those that are new, gone, or say something else, by the names by
	// which people call them; then the other parts, such as permissions.
	Steps []journal.StepChange
	Parts []string
	// Executed says of each step that the run has begun, and each declaration that
	// it stands on, why it is not what it was.
	Executed []string
}

// File is one file that changed. Was and Is are the hex SHA-256 of its bytes, ""
// where it is not part of the runbook; Diff is a unified diff.
type File struct {
	Path, Was, Is string
	Diff          string
}

// Compare holds a runbook as a run has it against what it is now. Events are the
// run's.
func Compare(was, is *plan.Plan, events []journal.Event) *Changes {
	c := &Changes{Files: files(was, is)}
	before, after := inventory(was), inventory(is)
	for _, name := range before.order {
		switch text, there := after.steps[name]; {
		case !there:
			c.Steps = append(c.Steps, journal.StepChange{Step: name, How: "removed"})
		case text != before.steps[name]:
			c.Steps = append(c.Steps, journal.StepChange{Step: name, How: "changed"})
		}
	}
	for _, name := range after.order {
		if _, there := before.steps[name]; !there {
			c.Steps = append(c.Steps, journal.StepChange{Step: name, How: "added"})
		}
	}
	for _, part := range slices.Sorted(maps.Keys(before.parts)) {
		if before.parts[part] != after.parts[part] {
			c.Parts = append(c.Parts, part)
		}
	}
	e := executedBy(events)
	e.runbook(was, is, "")
	c.Executed = e.touched
	return c
}

// stock is what a runbook holds, each with what it says: its steps, those of the
// runbooks that it runs included, and its other parts.
type stock struct {
	order []string
	steps map[string]string
	parts map[string]string
}

func inventory(p *plan.Plan) *stock {
	s := &stock{steps: map[string]string{}, parts: map[string]string{}}
	s.add(p, "")
	return s
}

func (s *stock) add(p *plan.Plan, in string) {
	s.list(p.Steps, in)
	for _, x := range p.Procedures {
		s.list(x.Steps, in+x.Name+": ")
		s.parts["procedures"] += print(header(x))
	}
	s.list(p.Finally, in)
	for name, v := range map[string]any{
		"permissions": []any{p.Permissions.Static, p.Permissions.Hosts}, "requires": p.Requires, "inputs": p.Inputs, "secrets": p.Secrets, "channels": p.Channels,
		"facts": p.Facts, "outputs": p.Outputs, "attachments": p.Attachments, "texts": []any{p.Name, p.Title, p.Description, p.Version, p.Triggers, p.Tags, p.Links},
	} {
		s.parts[name] += print(v)
	}
}

func (s *stock) list(steps []*plan.Step, in string) {
	for _, x := range steps {
		s.step(x, in)
	}
}

func (s *stock) step(x *plan.Step, in string) {
	name := in + x.ID
	s.order = append(s.order, name)
	s.steps[name] = print(own(x, len(x.Branches)))
	s.list(x.Steps, in)
	for _, b := range x.Branches {
		s.list(b.Steps, in)
	}
	s.list(x.Failure.Steps, in)
	if x.Undo != nil {
		s.list(x.Undo.Steps, in)
	}
	if x.Sub != nil {
		s.add(x.Sub.Plan, in+x.ID+"/")
	}
}
