package plan

import (
	"fmt"
	"maps"
	"slices"

	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// repetition compiles retry and poll, whose expressions read the step's own
// names.
func (c *compiler) repetition(st *Step, n *syntax.Node, own *lang.Scope) {
	c.retry(st, n.Get("retry"), own)
	c.poll(st, n.Get("poll"), own)
	for _, key := range repeats {
		if k, ok := n.Key(key); ok && st.Role == Action && !flag(n, "idempotent") && !n.Doubtful("idempotent") {
			c.error("not-idempotent", k.Span, fmt.Sprintf("`%s` would do this action again", key), "If it may be done twice, say `idempotent: true`; else use `verify`.")
		}
	}
}

// repeats are the keys that repeat a step.
var repeats = []string{"retry", "poll"}

func (c *compiler) retry(st *Step, r *syntax.Node, s *lang.Scope) {
	if r == nil {
		return
	}
	st.Retry = &Retry{Attempts: number(r.Get("attempts"), 1), Delay: durationOf(r.Get("delay")), Backoff: decimal(r.Get("backoff"), 1), MaxDelay: durationOf(r.Get("max_delay"))}
	st.Retry.On = c.expr(r.Get("on"), s, lang.WantBool)
	if st.Retry.Backoff < 1 {
		c.error("bad-value", r.Get("backoff").Span, "`backoff` makes the delay grow, it cannot be below 1", "Write `backoff: 2` to double it each time.")
	}
}

func (c *compiler) poll(st *Step, p *syntax.Node, s *lang.Scope) {
	if p == nil {
		return
	}
	st.Poll = &Poll{Every: durationOf(p.Get("every")), For: durationOf(p.Get("for")), While: c.expr(p.Get("while"), s, lang.WantBool)}
	if st.Poll.Every <= 0 && !p.Doubtful("every") && p.Kind == syntax.Mapping {
		c.error("bad-value", p.Span, "`poll` needs a time between attempts", "Write `every: 10s`.")
	}
}

// repeatable compiles what a group is repeated by. Behind its steps `expect` and
// `while` read them and the group's outputs; `retry.on` is asked where they may not
// have run.
func (c *compiler) repeatable(f, before *flow, st *Step, n *syntax.Node) {
	own := f.scope().Add(outputVars(st.Outputs)...)
	st.Expect = c.conditions(n.Get("expect"), own)
	if k, ok := n.Get("poll").Key("while"); ok && n.Get("expect") == nil {
		c.error("misplaced-key", k.Span, "`while` is asked where the group's steps passed and its `expect` did not hold, and there is none", "Give the group an `expect`, or remove `while`.")
	}
	c.poll(st, n.Get("poll"), own)
	c.retry(st, n.Get("retry"), before.scope().Add(maybe(outputVars(st.Outputs))...))
	for _, key := range repeats {
		if k, ok := n.Key(key); ok {
			c.idempotent(k, st.Role, n.Get("steps"), map[string]bool{})
		}
	}
	if n.Get("on_failure") != nil && str(n, "on_failure") != "stop" {
		for _, o := range st.Outputs { // a group that failed has none
			if x := fieldOf(f, st.ID).Field(o.Name); x != nil {
				x.Type = maybeNil(o.Type)
			}
		}
	}
}

// idempotent reports the actions in a group that is repeated, however deep and in
// the procedures that run with it, that must not be done twice.
func (c *compiler) idempotent(key source.Text, around Role, list *syntax.Node, seen map[string]bool) {
	for _, s := range items(list) {
		role, id := roleOf(s)
		if role == Action && !flag(s, "idempotent") && !s.Doubtful("idempotent") {
			c.report(source.Diagnostic{Code: "not-idempotent", Span: key.Span, Summary: fmt.Sprintf("`%s` would do the action `%s` again", key.Value, id.Value),
				Detail:  "If it may be done twice, say `idempotent: true` there; else put it behind the " + string(around) + ".",
				Related: []source.Note{{Span: id.Span, Text: "the action"}}})
		}
		p := partsOf(s)
		for _, l := range p.lists {
			c.idempotent(key, around, l, seen)
		}
		for _, name := range p.calls {
			if proc := c.procs[name.Text.Value]; proc != nil && !seen[name.Text.Value] {
				seen[name.Text.Value] = true
				c.idempotent(key, around, proc.node.Get("steps"), seen)
			}
		}
	}
}

// conditions compiles one condition, or a list of them.
func (c *compiler) conditions(n *syntax.Node, s *lang.Scope) []*lang.Expr {
	list := items(n)
	if n != nil && n.Kind == syntax.Scalar {
		list = []*syntax.Node{n}
	}
	var out []*lang.Expr
	for _, e := range list {
		if x := c.expr(e, s, lang.WantBool); x != nil {
			out = append(out, x)
		}
	}
	return out
}

// maybe are fields that may be nil.
func maybe(fields []types.Field) []types.Field {
	out := slices.Clone(fields)
	for i := range out {
		out[i].Type = maybeNil(out[i].Type)
	}
	return out
}

func maybeNil(t *types.Type) *types.Type {
	if t == nil {
		return nil
	}
	out := *t
	out.Nil = true
	return &out
}

// behindGroup is a flow in front of a group, as `retry.on` reads it: the group's
// steps can be asked about, and none has certainly run.
func behindGroup(f *flow, n *syntax.Node) *flow {
	g := f.fork()
	ids := map[string]bool{}
	idsIn(n, ids)
	maps.DeleteFunc(g.never, func(id, _ string) bool { return ids[id] })
	return g
}
