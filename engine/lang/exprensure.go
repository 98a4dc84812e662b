package lang

import (
	"fmt"

	"github.com/expr-lang/expr/ast"
)

// ensures are the steps that have certainly run where n is the given truth, and
// the lists that certainly have entries.
func ensures(n ast.Node, truth bool) map[string]bool {
	out := map[string]bool{}
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return ensures(n.Node, !truth)
		}
	case *ast.MemberNode, *ast.ChainNode:
		if path, ok := pathOf(n); ok && truth && len(path) == 3 && path[0] == "steps" && path[2] == "ran" {
			out[path[1]] = true
		}
	case *ast.BinaryNode:
		return ensuresBinary(n, truth)
	}
	return out
}

func ensuresBinary(n *ast.BinaryNode, truth bool) map[string]bool {
	out := map[string]bool{}
	isAnd, isOr := n.Operator == "and" || n.Operator == "&&", n.Operator == "or" || n.Operator == "||"
	switch {
	case isAnd && truth, isOr && !truth:
		for _, side := range []ast.Node{n.Left, n.Right} {
			for s := range ensures(side, truth) {
				out[s] = true
			}
		}
	case isAnd, isOr:
		left, right := ensures(n.Left, truth), ensures(n.Right, truth)
		for s := range left {
			if right[s] {
				out[s] = true
			}
		}
	case n.Operator == "==" || n.Operator == "!=":
		ensuresVerdict(n, truth, out)
		ensuresLength(n, truth, out)
	case n.Operator == ">" || n.Operator == ">=" || n.Operator == "<" || n.Operator == "<=":
		ensuresLength(n, truth, out)
	}
	return out
}

// ensuresVerdict: a verdict other than skipped is one of a step that ran.
func ensuresVerdict(n *ast.BinaryNode, truth bool, out map[string]bool) {
	path, ok := pathOf(n.Left)
	word, isWord := n.Right.(*ast.StringNode)
	if b, isBool := n.Right.(*ast.BoolNode); ok && isBool && len(path) == 3 && path[0] == "steps" && path[2] == "ran" {
		if ((n.Operator == "==") == truth) == b.Value {
			out[path[1]] = true
		}
		return
	}
	if !ok || !isWord || len(path) != 3 || path[0] != "steps" || path[2] != "verdict" {
		return
	}
	if equal := (n.Operator == "==") == truth; equal != (word.Value == "skipped") {
		out[path[1]] = true
	}
}

// entriesFor is how many entries a list needs for an index: one where that is
// computed.
func entriesFor(index ast.Node) int {
	v, _ := literalOf(index)
	switch i, _ := v.(int); {
	case i < 0:
		return -i
	default:
		return i + 1
	}
}

// lengthKey is the knowledge that a list has so many entries.
func lengthKey(list string, entries int) string { return fmt.Sprintf("len:%d:%s", entries, list) }

// maxEntries bounds the lengths that are kept in mind.
const maxEntries = 64

// ensuresLength: len(x) > 2 says that x[0], x[1] and x[2] are there.
func ensuresLength(n *ast.BinaryNode, truth bool, out map[string]bool) {
	left, op, right := n.Left, n.Operator, n.Right
	if _, swapped := literalOf(left); swapped {
		left, op, right = right, mirrored[op], left
	}
	b, ok := left.(*ast.BuiltinNode)
	v, _ := literalOf(right)
	i, isInt := v.(int)
	if !ok || !isInt || b.Name != "len" || len(b.Arguments) != 1 {
		return
	}
	arg := b.Arguments[0]
	if d, ok := arg.(*ast.BinaryNode); ok && d.Operator == "??" {
		arg = d.Left
	}
	for entries := 1; entries <= min(atLeast(op, i, truth), maxEntries); entries++ {
		out[lengthKey(arg.String(), entries)] = true
	}
}

// atLeast is the least number for which `number OP i` has the given truth.
func atLeast(op string, i int, truth bool) int {
	switch {
	case op == ">" && truth, op == "<=" && !truth:
		return i + 1
	case op == ">=" && truth, op == "<" && !truth, op == "==" && truth, op == "!=" && !truth:
		return i
	case (op == "!=" && truth || op == "==" && !truth) && i == 0:
		return 1
	}
	return 0
}
