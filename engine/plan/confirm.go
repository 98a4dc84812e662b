package plan

import (
	"fmt"
	"slices"

	"runbook/engine/lang"
	"runbook/engine/syntax"
)

// confirm compiles the question before an action or a group: its text alone, or a
// mapping.
func (c *compiler) confirm(n *syntax.Node, s *lang.Scope) *Confirm {
	switch {
	case n == nil:
		return nil
	case n.Kind == syntax.Scalar:
		if ask := c.shown(n, s); ask != nil {
			return &Confirm{Ask: ask, Count: 1}
		}
		return nil
	}
	out := &Confirm{Ask: c.shown(n.Get("ask"), s), By: strs(n.Get("by")), Count: number(n.Get("count"), 1),
		Timeout: durationOf(n.Get("timeout")), Always: flag(n, "always"), Retype: c.shown(n.Get("retype"), s)}
	for _, e := range entries(n.Get("changes")) {
		if from, to := c.expr(e.Value.Get("from"), s, lang.WantAny), c.expr(e.Value.Get("to"), s, lang.WantAny); from != nil && to != nil {
			out.Changes = append(out.Changes, Change{Name: e.Key.Value, From: from, To: to})
		}
	}
	for i, name := range items(n.Get("by")) {
		if i < len(out.By) && slices.Contains(out.By[:i], out.By[i]) {
			c.error("duplicate-name", name.Span, fmt.Sprintf("`%s` is named twice", out.By[i]), "Name everybody once.")
		}
	}
	if k, ok := n.Key("count"); ok && n.Get("count").Sound() && len(out.By) > 0 && out.Count > len(out.By) {
		c.error("bad-value", k.Span, fmt.Sprintf("%d people cannot approve it: `by` names %d", out.Count, len(out.By)), "Name more people, or ask for fewer.")
	}
	if out.Retype != nil {
		if text, known := out.Retype.Const(); known && text == "" {
			c.error("empty-value", n.Get("retype").Span, "there is nothing to type", "Write what has to be typed, or remove `retype`.")
		}
	}
	return out
}
