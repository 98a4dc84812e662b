package plan

import (
	"fmt"
	"strings"
)

// MayDo is all that the file may do, as it is written, by list: observe, act,
// hosts, env, read, write, messages. Empty lists are left out.
func (p *Plan) MayDo() map[string][]string {
	s := p.Permissions.Static
	hosts := append([]string{}, s.Hosts...)
	for _, h := range p.Permissions.Hosts {
		hosts = append(hosts, strings.TrimSpace(h.Text.Value))
	}
	out := map[string][]string{}
	for name, list := range map[string][]string{"observe": s.Observe, "act": s.Act, "hosts": hosts, "env": s.Env, "read": s.Read, "write": s.Write, "messages": p.channels()} {
		if len(list) > 0 {
			out[name] = list
		}
	}
	return out
}

// Needs are the programs that have to be installed, in words: those of the file,
// and those of the runbooks that it runs.
func (p *Plan) Needs() []string {
	var out []string
	for _, x := range p.Plans() {
		for _, q := range x.Requires {
			need := q.Command
			if q.If != nil {
				need += " (if " + q.If.Source + ")"
			}
			if x != p {
				need += fmt.Sprintf(" (for %s)", x.File.Name)
			}
			out = append(out, need)
		}
	}
	return out
}

// Walk visits every step of the plan, however deep, in the order of the file:
// the steps, what they hold, the procedures, then finally.
func (p *Plan) Walk(visit func(*Step)) {
	walk(p.Steps, visit)
	for _, proc := range p.Procedures {
		walk(proc.Steps, visit)
	}
	walk(p.Finally, visit)
}

// WalkSteps visits steps and those that stand in them, checks of their own included.
func WalkSteps(steps []*Step, visit func(*Step)) { walk(steps, visit) }

func walk(steps []*Step, visit func(*Step)) {
	for _, s := range steps {
		visit(s)
		walk(s.Steps, visit)
		for _, b := range s.Branches {
			walk(b.Steps, visit)
		}
		for _, check := range []*Step{s.Verify, s.CheckAfter} {
			if check != nil {
				walk([]*Step{check}, visit)
			}
		}
		walk(s.Failure.Steps, visit)
		if s.Undo != nil {
			walk(s.Undo.Steps, visit)
		}
	}
}
