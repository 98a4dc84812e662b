package plan

// Walk visits every step of the plan, however deep, in the order of the file:
// the steps, what they hold, the procedures, then finally.
func (p *Plan) Walk(visit func(*Step)) {
	walk(p.Steps, visit)
	for _, proc := range p.Procedures {
		walk(proc.Steps, visit)
	}
	walk(p.Finally, visit)
}

func walk(steps []*Step, visit func(*Step)) {
	for _, s := range steps {
		visit(s)
		walk(s.Steps, visit)
		for _, b := range s.Branches {
			walk(b.Steps, visit)
		}
		if s.Verify != nil {
			walk([]*Step{s.Verify}, visit)
		}
		walk(s.Failure.Steps, visit)
		if s.Undo != nil {
			walk(s.Undo.Steps, visit)
		}
	}
}
