package plan

import (
	"fmt"
	"slices"

	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// observed compiles a check or an action.
func (c *compiler) observed(f *flow, st *Step, n *syntax.Node) {
	merged := c.inherit(f, n)
	if merged == nil {
		return
	}
	k, block := c.oneKind(merged)
	if k == nil {
		return
	}
	st.Kind = k
	st.Options = c.options(k, block, st.Role != Action, f.scope())
	if st.Timeout == 0 {
		st.Timeout = durationOf(merged.Get("timeout"))
	}
	if st.Timeout == 0 && st.Role == Check {
		st.Timeout = k.Patience
	}
	own := c.ownVars(k, f)
	c.reserved(n.Get("outputs"), append([]string{"ran", "verdict", "duration", "error"}, k.Result.Names()...)...)
	st.Outputs = c.outputs(own, merged, fieldOf(f, st.ID))
	own = own.Add(outputVars(st.Outputs)...)
	st.Expect = c.expectations(k, merged.Get("expect"), own)
	if n.Get("expect") != nil {
		c.proofs = append(c.proofs, proof{flow: f.place(), step: st, own: &ownNames{k, st.Outputs, st.Expect}})
	}
	c.repetition(st, n, own)
	c.evidence(st, k, n)
	found := append(slices.Clone(k.Result.Fields), outputVars(st.Outputs)...)
	if n.Get("check_after") != nil {
		found = maybe(found)
	}
	c.ownFacts(f, st, n, found)
	if st.Role == Check {
		st.Required = flag(n, "required") || n.Get("required") == nil && (st.Poll != nil || stops(n))
		return
	}
	c.action(f, st, n)
}

// stops reports whether a step says itself that nothing goes on behind its failure.
func stops(n *syntax.Node) bool {
	return str(n, "on_failure") == "stop" || n.Get("on_failure").Get("continue") != nil && !flag(n.Get("on_failure"), "continue")
}

// ownVars are the names that stand alone in a step's own expressions.
func (c *compiler) ownVars(k *kind.Kind, f *flow) *lang.Scope {
	vars := make([]types.Field, 0, len(k.Result.Fields)+2)
	for _, r := range k.Result.Fields {
		r.Late = false
		vars = append(vars, r)
	}
	vars = append(vars, types.Field{Name: "duration", Type: &types.Type{Kind: types.Duration}}, types.Field{Name: "error", Type: errorType(k)})
	return f.scope().Add(vars...)
}

// oneKind is the step's only kind; Check reports none and two.
func (c *compiler) oneKind(n *syntax.Node) (*kind.Kind, *syntax.Node) {
	var have []*kind.Kind
	var block *syntax.Node
	for i := range c.opts.Kinds {
		if b := n.Get(c.opts.Kinds[i].Name); b != nil {
			have = append(have, &c.opts.Kinds[i])
			block = b
		}
	}
	if len(have) != 1 {
		return nil, nil
	}
	return have[0], block
}

// repeated is the check that a step repeats, anywhere in the file or in the
// procedure, or nil.
func (c *compiler) repeated(n *syntax.Node) *syntax.Node {
	id := str(n, "repeat")
	if id == "" {
		return nil
	}
	found := findStep(c.root.Get("steps"), id)
	for _, p := range c.procOrder {
		if found == nil {
			found = findStep(p.node.Get("steps"), id)
		}
	}
	return found
}

// findStep looks for a step by id in a list, however deep.
func findStep(l *syntax.Node, id string) *syntax.Node {
	for _, s := range items(l) {
		if _, sid := roleOf(s); sid.Value == id {
			return s
		}
		for _, i := range partsOf(s).all() {
			if x := findStep(i, id); x != nil {
				return x
			}
		}
	}
	return nil
}

// inherited are the keys that `repeat` takes over.
var inherited = []string{"expect", "outputs", "timeout"}

// inherit is the step with what it repeats; the step itself where it repeats
// nothing, nil where it repeats what cannot be.
func (c *compiler) inherit(f *flow, n *syntax.Node) *syntax.Node {
	r := n.Get("repeat")
	if r == nil || r.Kind != syntax.Scalar {
		return n
	}
	if k, _ := c.kindOf(n); k != nil {
		return nil // reported by Check
	}
	if h := f.hidden["steps."+r.Text.Value]; h.Code == insideEach {
		c.error("bad-repeat", r.Span, fmt.Sprintf("`%s` cannot be repeated here: %s", r.Text.Value, h.Why), "Repeat it inside, or write the check out.")
		return nil
	}
	base := c.repeated(n)
	role, _ := roleOf(base)
	visible := f.steps.Field(r.Text.Value) != nil
	if (base == nil || !visible) && (f.steps.Open || r.Reported) {
		return nil // it may be there
	}
	if base == nil || !visible {
		c.unknown(r.Span, "check", r.Text.Value, f.steps.Names())
		return nil
	}
	k, block := c.kindOf(base)
	if role != Check || k == nil {
		c.error("bad-repeat", r.Span, fmt.Sprintf("`%s` cannot be repeated", r.Text.Value), "Only a check with a kind of its own can.")
		return nil
	}
	out := *n
	out.Entries = append(slices.Clone(n.Entries), syntax.Entry{Key: source.Plain(k.Name), Value: block})
	for _, key := range inherited {
		if v := base.Get(key); v != nil && n.Get(key) == nil {
			out.Entries = append(out.Entries, syntax.Entry{Key: source.Plain(key), Value: v})
		}
	}
	return &out
}

// expectations are the author's, and the kind's own unless one of them reads the
// kind's status.
func (c *compiler) expectations(k *kind.Kind, n *syntax.Node, s *lang.Scope) []*lang.Expr {
	out := c.conditions(n, s)
	replaced := slices.ContainsFunc(out, func(x *lang.Expr) bool { return slices.Contains(x.Reads, k.Status) })
	if k.Expect != "" && !replaced {
		if x := lang.CompileExpr(source.Plain(k.Expect), s, lang.WantBool, c.report); x != nil {
			out = append([]*lang.Expr{x}, out...)
		}
	}
	return out
}

func number(n *syntax.Node, otherwise int) int {
	if i, ok := syntax.Literal(n).(int); ok {
		return i
	}
	return otherwise
}

func decimal(n *syntax.Node, otherwise float64) float64 {
	switch x := syntax.Literal(n).(type) {
	case int:
		return float64(x)
	case float64:
		return x
	}
	return otherwise
}

// evidence names outputs or results.
func (c *compiler) evidence(st *Step, k *kind.Kind, n *syntax.Node) {
	have := k.Result.Names()
	for _, o := range st.Outputs {
		have = append(have, o.Name)
	}
	for _, e := range items(n.Get("evidence")) {
		if e.Kind != syntax.Scalar {
			continue
		}
		if !slices.Contains(have, e.Text.Value) {
			if n.Doubtful("outputs") || e.Reported {
				continue
			}
			c.unknown(e.Span, "output or result", e.Text.Value, have)
			continue
		}
		st.Evidence = append(st.Evidence, e.Text.Value)
	}
}

// action compiles what only actions have.
func (c *compiler) action(f *flow, st *Step, n *syntax.Node) {
	st.Idempotent = flag(n, "idempotent")
	ran := f.fork().know(st.ID)
	delete(ran.never, st.ID)
	if v := n.Get("check_after"); v != nil && v.Kind == syntax.Mapping {
		st.CheckAfter = c.ownCheck(f.fork(), v, "check_after")
		st.CheckAfter.Required = false // its verdict is what counts
		c.mayBeUnknown(f, st)
	}
	if v := n.Get("verify"); v != nil && v.Kind == syntax.Mapping {
		st.Verify = c.ownCheck(ran, v, "verify")
		st.Verify.Required = true
	}
	if u := n.Get("undo"); u != nil && u.Kind == syntax.Mapping {
		later := ran.fork()
		// The run is at its end: whatever held may have changed, and whatever was
		// still to come may have run.
		later.held, later.never = nil, map[string]string{}
		st.Undo = &Undo{Always: str(u, "when") == "always", Auto: flag(u, "auto"), Steps: c.list(later, u.Get("steps"))}
		c.noEnd(st.Undo.Steps)
		c.forget(f, u)
	}
}

// noEnd reports an `end` among the steps of an undo.
func (c *compiler) noEnd(steps []*Step) {
	walk(steps, func(s *Step) {
		if s.Role == End {
			c.error("misplaced-step", s.Span, "an undo cannot end the runbook: it has ended before", "Remove the `end`.")
		}
	})
}

// mayBeUnknown: an action with a check_after may count as done though nobody saw
// what it found.
func (c *compiler) mayBeUnknown(f *flow, st *Step) {
	for _, o := range st.Outputs {
		if x := fieldOf(f, st.ID).Field(o.Name); x != nil {
			x.Type = maybeNil(o.Type)
		}
	}
}

// ownCheck compiles a check of an action. Its id is the key that it stands under;
// nothing else can read it.
func (c *compiler) ownCheck(f *flow, n *syntax.Node, id string) *Step {
	v := &Step{ID: id, Role: Check, Span: keyOf(n), Timeout: durationOf(n.Get("timeout"))}
	v.Title = c.shown(n.Get("title"), f.scope())
	private := f.fork()
	private.steps = f.steps
	c.observed(private, v, n)
	return v
}
