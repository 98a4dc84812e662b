package plan

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// insideEach is the code of what can be read only inside an `each`.
const insideEach = "inside-each"

// hideItems makes the steps inside an `each` unreadable: outside it there is no
// saying which item's is meant. Those of an `each` further in stay as they are.
func (c *compiler) hideItems(f *flow, id string, list *syntax.Node) {
	h := lang.Hiding{Code: insideEach, Why: fmt.Sprintf("it runs once for each item of `%s`", id),
		Remedy: fmt.Sprintf("Give `%s` an output, and read `steps.%s.NAME`: a list with an entry for each item.", id, id)}
	for _, inner := range c.itemIDs(list) {
		f.hidden["steps."+inner] = h
	}
}

// itemIDs are the steps of an `each` that are not in another `each` inside it.
func (c *compiler) itemIDs(list *syntax.Node) []string {
	var out []string
	for _, s := range items(list) {
		role, id := roleOf(s)
		if role == "" {
			continue
		}
		out = append(out, id.Value)
		p := partsOf(s)
		if role == Each {
			p.lists = slices.DeleteFunc(p.lists, func(l *syntax.Node) bool { return l == s.Get("steps") })
		}
		for _, l := range p.all() {
			out = append(out, c.itemIDs(l)...)
		}
	}
	return out
}

// perItem makes outputs lists. The entry of an item that failed is nil, where
// items may fail.
func perItem(late func(string, *types.Type), failing bool) func(string, *types.Type) {
	return func(name string, t *types.Type) { late(name, listOf(t, failing)) }
}

func listOf(t *types.Type, failing bool) *types.Type {
	if t == nil {
		t = &types.Type{Kind: types.Any}
	}
	elem := *t
	elem.Nil = elem.Nil || failing
	return &types.Type{Kind: types.List, Elem: &elem}
}

// each compiles the steps for every item. What they find is forgotten behind
// it, but for the outputs.
func (c *compiler) each(f *flow, st *Step, n *syntax.Node) {
	st.Max, st.MaxFailures = number(n.Get("max"), 1), number(n.Get("max_failures"), 0)
	st.In = c.expr(n.Get("in"), f.scope(), lang.WantList)
	item := types.Field{Type: &types.Type{Kind: types.Any}}
	if st.In != nil && st.In.Type != nil {
		if st.In.Type.Nil {
			c.error("may-be-nil", n.Get("in").Span, "the list may be nil", "Write `"+st.In.Source+" ?? []`.")
		}
		if st.In.Type.Elem != nil {
			item.Type = st.In.Type.Elem
		}
	}
	st.As = c.itemName(f, n)
	item.Name = st.As
	if st.Max > 1 {
		c.factsOfItems(st, n)
	}
	in := f.fork()
	in.vars = append(slices.Clone(f.vars), item)
	for _, id := range c.itemIDs(n.Get("steps")) {
		delete(in.hidden, "steps."+id)
	}
	st.Steps = c.list(in, n.Get("steps"))
	c.reserved(n.Get("outputs"), "ran", "verdict", "duration")
	st.Outputs = c.outputs(in.scope(), n, nil)
	vars := make([]types.Field, len(st.Outputs))
	for i, o := range st.Outputs {
		vars[i] = types.Field{Name: o.Name, Type: listOf(o.Type, st.MaxFailures > 0)}
		if x := fieldOf(f, st.ID).Field(o.Name); x != nil {
			x.Type = vars[i].Type
		}
	}
	c.ownFacts(f, st, n, vars)
}

var variable = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// itemName is the name of the item. It has to be one that expressions can read,
// and no name that means something else there.
func (c *compiler) itemName(f *flow, n *syntax.Node) string {
	as := n.Get("as")
	c.unnamedItem = c.unnamedItem || n.Doubtful("as")
	if as == nil || as.Kind != syntax.Scalar {
		return "item"
	}
	name := as.Text.Value
	if as.Reported {
		return name
	}
	own := &lang.Scope{Vars: []types.Field{{Name: name, Type: &types.Type{Kind: types.Any}}}}
	readable := variable.MatchString(name)
	if readable {
		e := lang.CompileExpr(source.Plain(name), own, lang.WantAny, func(source.Diagnostic) {})
		readable = e != nil && slices.Equal(e.Reads, []string{name})
	}
	switch taken := append(f.scope().Vars, types.Field{Name: "steps"}); {
	case slices.ContainsFunc(taken, func(v types.Field) bool { return v.Name == name }):
		c.error("reserved-name", as.Span, fmt.Sprintf("`%s` is there already", name), "Give the item a name of its own.")
	case !readable:
		c.error("bad-name", as.Span, fmt.Sprintf("`%s` cannot be the name of an item: expressions read it as something else", name), "Use letters, digits and `_`, and no word of the language.")
	}
	return name
}

// factsOfItems: items that run side by side would each set the fact.
func (c *compiler) factsOfItems(st *Step, n *syntax.Node) {
	set := map[string]source.Span{}
	for _, s := range items(n.Get("steps")) {
		c.setBy(s, nil, map[string]bool{}, set)
	}
	for _, fact := range slices.Sorted(maps.Keys(set)) {
		c.error("same-fact", set[fact], fmt.Sprintf("the items of `%s` run side by side, and each would set `%s`", st.ID, fact), fmt.Sprintf("Set it from the outputs, in the `facts` of `%s`, or leave out `max`.", st.ID))
	}
}
