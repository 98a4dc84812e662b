package plan

import (
	"maps"
	"slices"

	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// lateOutputs enters the outputs of a node into a step's type. One that declares
// its type has it; those of the others are known once they are compiled.
func (c *compiler) lateOutputs(n *syntax.Node, late func(string, *types.Type)) {
	for _, e := range entries(n.Get("outputs")) {
		t := &types.Type{Kind: types.Any}
		if d := c.quietly(e); d != nil {
			t = d.Type
		}
		late(e.Key.Value, t)
	}
}

// quietly is what a typed output declares, without a word on what is wrong with
// it; nil where it declares nothing.
func (c *compiler) quietly(e syntax.Entry) *types.Decl {
	if e.Value.Get("type") == nil {
		return nil
	}
	d := (&compiler{report: func(source.Diagnostic) {}}).decl(e, false)
	return &d
}

// outputs compiles a step's outputs in order; each sees those before it. Holder
// is the type under `steps` that has them, or nil.
func (c *compiler) outputs(s *lang.Scope, n *syntax.Node, holder *types.Type) []Output {
	var out []Output
	for _, e := range entries(n.Get("outputs")) {
		o, ok := c.output(s, e)
		if !ok {
			continue
		}
		if f := holder.Field(o.Name); f != nil {
			f.Type = o.Type
		}
		out = append(out, o)
		s = s.Add(types.Field{Name: o.Name, Type: o.Type})
	}
	return out
}

// output is `name: EXPR`, or `name: {expr, type, ...}`.
func (c *compiler) output(s *lang.Scope, e syntax.Entry) (Output, bool) {
	o, n := Output{Name: e.Key.Value}, e.Value
	if n.Kind == syntax.Mapping {
		if n.Get("type") != nil {
			d := c.decl(e, false)
			o.Decl = &d
		}
		n = n.Get("expr")
	}
	if o.Expr = c.expr(n, s, lang.WantAny); o.Expr == nil {
		return o, false
	}
	o.Type = o.Expr.Type
	if o.Decl != nil {
		c.fits(n, o.Type, o.Decl)
		o.Type = o.Decl.Type
	}
	return o, true
}

func outputVars(outs []Output) []types.Field {
	vars := make([]types.Field, len(outs))
	for i, o := range outs {
		vars[i] = types.Field{Name: o.Name, Type: o.Type}
	}
	return vars
}

// results compiles what the run itself gives. It is computed behind the steps, or
// behind the `end` that was reached: only what has run before each of those has
// certainly run.
func (c *compiler) results(f *flow) {
	n := c.root
	if n.Get("outputs") == nil {
		return
	}
	c.reserved(n.Get("outputs"), "ran", "verdict", "duration", "outcome", "summary")
	at := f.fork()
	// Ends in procedures are known only when those are compiled.
	c.later = append(c.later, func() {
		for _, end := range c.ends {
			maps.DeleteFunc(at.present, func(id string, _ bool) bool { return !end.ranInFile(id) })
		}
		c.plan.Outputs = c.outputs(at.scope(), n, nil)
	})
	for _, s := range items(n.Get("finally")) {
		ids := map[string]bool{}
		idsIn(s, ids)
		for _, id := range slices.Sorted(maps.Keys(ids)) {
			at.never[id] = "it runs at the very end, behind the outputs"
		}
	}
}
