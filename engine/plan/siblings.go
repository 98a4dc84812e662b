package plan

import (
	"fmt"
	"maps"
	"slices"

	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/syntax"
)

// sibling is one of the steps that run side by side: the steps in it, and the
// facts that it sets.
type sibling struct {
	id    string
	ids   map[string]bool
	facts map[string]source.Span
}

// sideBySide: siblings can neither read each other, nor the facts that another
// sets, nor set the same fact; in which order they come is nobody's to say.
func (c *compiler) sideBySide(f *flow, st *Step, n *syntax.Node) []*Step {
	nodes := items(n.Get("steps"))
	siblings := c.siblings(nodes)
	c.sameFact(siblings)
	var out []*Step
	beside := f.fork()
	beside.disturb(n)
	learnt := make([]*flow, len(nodes))
	for i, s := range nodes {
		in := beside.fork()
		for j, other := range siblings {
			if i != j {
				in.hide(other)
			}
		}
		if inner := c.step(in, s); inner != nil {
			out, learnt[i] = append(out, inner), in
		}
	}
	for i, in := range learnt {
		if in == nil {
			continue
		}
		begins := !c.mayEndEarly(st, out) || st.Max == 0 || i < st.Max
		for id := range siblings[i].ids {
			if in.present[id] && begins {
				f.know(id)
			}
			delete(f.never, id)
		}
	}
	return out
}

// mayEndEarly: a parallel of checks alone whose budget runs out goes on, and
// those that had to wait for their turn have not run.
func (c *compiler) mayEndEarly(st *Step, steps []*Step) bool {
	return st.Timeout > 0 && !slices.ContainsFunc(steps, func(s *Step) bool { return s.Role != Check })
}

func (c *compiler) siblings(nodes []*syntax.Node) []sibling {
	out := make([]sibling, len(nodes))
	for i, n := range nodes {
		_, id := roleOf(n)
		out[i] = sibling{id: id.Value, ids: map[string]bool{}, facts: map[string]source.Span{}}
		idsIn(n, out[i].ids)
		c.setBy(n, nil, map[string]bool{}, out[i].facts)
	}
	return out
}

func (c *compiler) sameFact(siblings []sibling) {
	first := map[string]string{}
	for _, s := range siblings {
		for _, fact := range slices.Sorted(maps.Keys(s.facts)) {
			if by, twice := first[fact]; twice {
				c.error("same-fact", s.facts[fact], fmt.Sprintf("`%s` and `%s` run side by side and both set `%s`", by, s.id, fact), "Set it in one of them, or behind the `parallel`.")
				continue
			}
			first[fact] = s.id
		}
	}
}

// hide makes a sibling's steps and facts unreadable.
func (f *flow) hide(s sibling) {
	for id := range s.ids {
		f.hidden["steps."+id] = besideIt("it runs beside this step, in the same `parallel`")
	}
	for fact := range s.facts {
		f.hidden["facts."+fact] = besideIt(fmt.Sprintf("`%s` sets it, beside this step in the same `parallel`", s.id))
	}
}

func besideIt(why string) lang.Hiding {
	return lang.Hiding{Code: "beside", Why: why, Remedy: "Read it behind the `parallel`."}
}
