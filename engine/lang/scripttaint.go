package lang

import (
	"mvdan.cc/sh/v3/syntax"

	"runbook/engine/source"
)

// unquoted warns of `$v` and `$(...)` without quotes where they carry a hole: the
// shell splits them at blanks and takes * and ? for patterns.
func (c *scriptChecker) unquoted() {
	if len(c.holes) == 0 {
		return
	}
	carrying := c.carrying
	syntax.Walk(c.file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			for _, a := range n.Args {
				c.splits(a, carrying)
			}
		case *syntax.WordIter:
			for _, a := range n.Items {
				c.splits(a, carrying)
			}
		case *syntax.ArrayExpr:
			for _, e := range n.Elems {
				if e.Value != nil {
					c.splits(e.Value, carrying)
				}
			}
		}
		return true
	})
}

// splits looks at the parts of a word that stand outside quotes.
func (c *scriptChecker) splits(w *syntax.Word, carrying map[string]bool) {
	for _, p := range w.Parts {
		switch p := p.(type) {
		case *syntax.ParamExp:
			if p.Param != nil && carrying[p.Param.Value] && !p.Length {
				c.atNode(source.Warning, "unquoted", p, "`$"+p.Param.Value+"` holds a value of this run, and is split into words here", "Quote it: \"$"+p.Param.Value+"\".")
			}
		case *syntax.CmdSubst:
			if c.carries(p, carrying) {
				c.atNode(source.Warning, "unquoted", p, "what this prints depends on a value of this run, and is split into words here", "Quote it: \"$(...)\".")
			}
		}
	}
}

// carries reports whether a hole, or a variable that carries one, stands in a
// node.
func (c *scriptChecker) carries(n syntax.Node, carrying map[string]bool) bool {
	if len(c.in(n)) > 0 {
		return true
	}
	found := false
	syntax.Walk(n, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil && carrying[p.Param.Value] {
			found = true
		}
		return !found
	})
	return found
}

// carriers are the variables that hold a hole's value, or one made of it.
func (c *scriptChecker) carriers() map[string]bool {
	out := map[string]bool{}
	for before := -1; before < len(out); {
		before = len(out)
		syntax.Walk(c.file, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Assign:
				if n.Name != nil && (n.Value != nil && c.carries(n.Value, out) || n.Array != nil && c.carries(n.Array, out)) {
					out[n.Name.Value] = true
				}
			case *syntax.WordIter:
				for _, w := range n.Items {
					if c.carries(w, out) {
						out[n.Name.Value] = true
					}
				}
			}
			return true
		})
	}
	return out
}
