package plan

import (
	"maps"
	"slices"

	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// flow is what is known at one place: which steps there are, which have
// certainly run, and which cannot have run.
type flow struct {
	vars    []types.Field
	steps   *types.Type // shared by all places of one list of steps
	present map[string]bool
	never   map[string]string
	hidden  map[string]lang.Hiding // steps.ID and facts.NAME that cannot be read here, with the reason
	proc    *procedure
	held    *held           // the innermost condition around this place
	beside  map[string]bool // the steps that run side by side with it
	// In a procedure, what holds of the file's own steps, those included whose
	// ids the procedure uses itself: the procedures that it calls read them.
	filePresent map[string]bool
	fileHidden  map[string]lang.Hiding
}

// scope is the flow as the language package wants it.
func (f *flow) scope() *lang.Scope {
	return &lang.Scope{Vars: append(slices.Clone(f.vars), types.Field{Name: "steps", Type: f.steps}), Present: f.present, Never: f.never, Hidden: f.hidden}
}

// fork is a flow of its own: what it learns is forgotten behind it.
func (f *flow) fork() *flow {
	g := *f
	g.present, g.never, g.hidden = maps.Clone(f.present), maps.Clone(f.never), maps.Clone(f.hidden)
	return &g
}

func (f *flow) know(ids ...string) *flow {
	for _, id := range ids {
		f.present[id] = true
	}
	return f
}

// parts are what a step's node holds besides its own keys.
type parts struct {
	lists []*syntax.Node // steps that run with it: its own, its branches', those of on_failure
	undo  *syntax.Node   // steps that run at the end, if at all
	facts []*syntax.Node // what it and its branches set
	calls []*syntax.Node // the names of procedures that run with it
}

// partsOf finds them; nil where there are none.
func partsOf(s *syntax.Node) parts {
	p := parts{undo: s.Get("undo").Get("steps")}
	p.add(s)
	if s.Get("run") != nil {
		p.call(s)
	}
	p.add(s.Get("on_failure"))
	p.add(s.Get("verify"))
	p.add(s.Get("check_after"))
	for _, b := range append(slices.Clone(items(s.Get("branches"))), s.Get("else")) {
		p.add(b)
	}
	return p
}

// add takes the steps, facts and procedure of a step, a branch or an on_failure.
func (p *parts) add(n *syntax.Node) {
	if l := n.Get("steps"); l != nil {
		p.lists = append(p.lists, l)
	}
	if f := n.Get("facts"); f != nil {
		p.facts = append(p.facts, f)
	}
	switch then := n.Get("then"); {
	case then == nil:
	case then.Kind == syntax.Mapping:
		p.call(then)
	case then.Kind == syntax.Scalar:
		p.calls = append(p.calls, then)
	}
}

func (p *parts) call(n *syntax.Node) {
	if name := n.Get("procedure"); name != nil && name.Kind == syntax.Scalar {
		p.calls = append(p.calls, name)
	}
}

// all are the lists of steps, those of undo included.
func (p parts) all() []*syntax.Node {
	if p.undo == nil {
		return p.lists
	}
	return append(slices.Clone(p.lists), p.undo)
}

// idsIn are the ids of a step and of all inside it.
func idsIn(n *syntax.Node, out map[string]bool) {
	if role, id := roleOf(n); role != "" {
		out[id.Value] = true
	}
	for _, l := range partsOf(n).all() {
		for _, s := range items(l) {
			idsIn(s, out)
		}
	}
}

// callsIn are the procedures that a list of steps calls, however deep.
func callsIn(list *syntax.Node) []string {
	var out []string
	for _, s := range items(list) {
		p := partsOf(s)
		for _, name := range p.calls {
			out = append(out, name.Text.Value)
		}
		for _, l := range p.all() {
			out = append(out, callsIn(l)...)
		}
	}
	return out
}

// setBy adds the facts that a step may set while it runs, however deep and in
// the procedures that it calls, with the place that says so in the step itself.
func (c *compiler) setBy(s *syntax.Node, at *source.Span, seen map[string]bool, out map[string]source.Span) {
	p := partsOf(s)
	for _, f := range p.facts {
		addFacts(f, at, out)
	}
	for _, l := range p.lists {
		for _, inner := range items(l) {
			c.setBy(inner, at, seen, out)
		}
	}
	for _, name := range p.calls {
		proc := c.procs[name.Text.Value]
		if proc == nil || seen[name.Text.Value] {
			continue
		}
		seen[name.Text.Value] = true
		place := at
		if place == nil {
			place = &name.Span
		}
		addFacts(proc.node.Get("facts"), place, out)
		for _, inner := range items(proc.node.Get("steps")) {
			c.setBy(inner, place, seen, out)
		}
	}
}

func addFacts(n *syntax.Node, at *source.Span, out map[string]source.Span) {
	for _, e := range entries(n) {
		if _, has := out[e.Key.Value]; has {
			continue
		}
		out[e.Key.Value] = e.Key.Span
		if at != nil {
			out[e.Key.Value] = *at
		}
	}
}
