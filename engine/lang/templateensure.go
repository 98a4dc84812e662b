package lang

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	"runbook/engine/types"
)

// valueKey is the knowledge that a path has a value.
func valueKey(path []string) string { return "val:" + strings.Join(path, ".") }

// there is the value where it is known not to be nil.
func (v value) there() value {
	if v.typ != nil && v.typ.Nil {
		t := *v.typ
		t.Nil = false
		v.typ = &t
	}
	return v
}

// printable refuses a hole that has no value: all steps at once, or what may be
// nil. Facts are left to the run: which branch has set one is not followed.
func (c *templateChecker) printable(p *parse.PipeNode, v value) {
	if len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return
	}
	from := int(p.Cmds[0].Args[0].Position())
	text := p.Cmds[0].Args[0].String()
	if i := strings.Index(c.text.Value[max(from-len(text), 0):], text); i >= 0 {
		from = max(from-len(text), 0) + i
	}
	to := min(from+len(text), len(c.text.Value))
	if v.root || c.scope.whole(v.path) != nil {
		c.add("bad-template", from, to, "this is everything at once", "Name what you want to show: `{{ .steps.ID.status }}`.")
		return
	}
	if v.typ != nil && v.typ.Nil && len(v.path) > 0 && v.path[0] != "facts" {
		c.add("may-be-nil", from, to, fmt.Sprintf("`%s` may be nil", strings.Join(v.path, ".")), fmt.Sprintf("Write `{{ %s | default ... }}`, or `{{ if %s }}` around it.", text, text))
	}
}

// index checks `index LIST 0`, and makes the names of headers lower case.
func (c *templateChecker) index(holder value, last parse.Node, from, to int) {
	s, isString := last.(*parse.StringNode)
	switch {
	case holder.typ == nil:
	case holder.typ.Headers && isString:
		s.Text = strings.ToLower(s.Text)
		s.Quoted = strconv.Quote(s.Text)
	case holder.typ.Kind == types.List:
		c.add("may-be-empty", from, to, fmt.Sprintf("`%s` may have no entry there", strings.Join(holder.path, ".")), "Write `{{ first LIST | default ... }}`, or go through it with `range`.")
	}
}

// pipeEnsures are the steps that have run, and the paths that have a value, where
// a condition is the given truth.
func pipeEnsures(p *parse.PipeNode, truth bool) map[string]bool {
	if len(p.Cmds) == 1 {
		return commandEnsures(p.Cmds[0].Args, truth)
	}
	return nil
}

func commandEnsures(args []parse.Node, truth bool) map[string]bool {
	if len(args) == 1 {
		return nodeEnsures(args[0], truth)
	}
	id, ok := args[0].(*parse.IdentifierNode)
	if !ok {
		return nil
	}
	switch id.Ident {
	case "not":
		return nodeEnsures(args[1], !truth)
	case "and", "or":
		return manyEnsure(args[1:], truth, (id.Ident == "and") == truth)
	case "eq", "ne":
		return verdictEnsures(args[1:], (id.Ident == "eq") == truth)
	}
	return nil
}

// manyEnsure joins what conditions ensure: of all of them, or of any one.
func manyEnsure(args []parse.Node, truth, all bool) map[string]bool {
	out := map[string]bool{}
	for i, a := range args {
		one := nodeEnsures(a, truth)
		if all || i == 0 {
			for k := range one {
				out[k] = true
			}
			continue
		}
		for k := range out {
			if !one[k] {
				delete(out, k)
			}
		}
	}
	return out
}

// verdictEnsures: a verdict other than skipped is one of a step that ran.
func verdictEnsures(args []parse.Node, equal bool) map[string]bool {
	if len(args) != 2 {
		return nil
	}
	path, word := rootPath(args[0]), args[1]
	if path == nil {
		path, word = rootPath(args[1]), args[0]
	}
	s, ok := word.(*parse.StringNode)
	if !ok || len(path) != 3 || path[0] != "steps" || path[2] != "verdict" || equal == (s.Text == "skipped") {
		return nil
	}
	return map[string]bool{path[1]: true}
}

func nodeEnsures(n parse.Node, truth bool) map[string]bool {
	if p, ok := n.(*parse.PipeNode); ok {
		return pipeEnsures(p, truth)
	}
	path := rootPath(n)
	switch {
	case path == nil || !truth:
		return nil
	case len(path) == 3 && path[0] == "steps" && path[2] == "ran":
		return map[string]bool{path[1]: true}
	}
	return map[string]bool{valueKey(path): true}
}

// rootPath is the path of a field below the scope: of `.a.b` where the dot is the
// scope, or `$.a.b`.
func rootPath(n parse.Node) []string {
	switch n := n.(type) {
	case *parse.FieldNode:
		return slices.Clone(n.Ident)
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			return slices.Clone(n.Ident[1:])
		}
	}
	return nil
}
