package lang

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"runbook/engine/source"
)

// Variable is one that a script sets for the programs that it starts.
type Variable struct {
	Name string
	Span source.Span
}

// variables are those that are set for programs beyond doubt: before the name of a
// program, by `export` and the like, and PATH, which is exported from the beginning.
func (c *scriptChecker) variables() []Variable {
	var out []Variable
	add := func(assigns ...*syntax.Assign) {
		for _, a := range assigns {
			if a.Name != nil && !a.Naked && a.Index == nil {
				out = append(out, Variable{a.Name.Value, c.text.Sub(c.back(int(a.Pos().Offset())), c.back(int(a.End().Offset())))})
			}
		}
	}
	syntax.Walk(c.file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			if len(n.Args) == 0 {
				for _, a := range n.Assigns {
					if a.Name != nil && a.Name.Value == "PATH" {
						add(a)
					}
				}
			} else if name, known := literalWord(n.Args[0]); known && !IsBuiltin(name) {
				add(n.Assigns...)
			}
		case *syntax.DeclClause:
			exports := n.Variant.Value == "export" || slices.ContainsFunc(n.Args, func(a *syntax.Assign) bool {
				flags, _ := flagWord(a)
				return strings.HasPrefix(flags, "-") && strings.Contains(flags, "x")
			})
			if exports {
				add(n.Args...)
			}
		}
		return true
	})
	return out
}
