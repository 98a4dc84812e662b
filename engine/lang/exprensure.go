package lang

import (
	"fmt"
	"maps"

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

// denies are the steps that have certainly run where a condition is not true: it
// is false, or broke off at something that has no value.
func denies(n ast.Node) map[string]bool {
	if hasValue(n) {
		return ensures(n, false)
	}
	b, ok := n.(*ast.BinaryNode)
	if !ok {
		return nil
	}
	out := map[string]bool{}
	switch b.Operator {
	case "or", "||":
		if !hasValue(b.Left) {
			return denies(b.Left)
		}
		maps.Copy(out, ensures(b.Left, false))
		maps.Copy(out, denies(b.Right))
	case "and", "&&":
		right := denies(b.Right)
		for k := range denies(b.Left) {
			if right[k] {
				out[k] = true
			}
		}
	}
	return out
}

// hasValue reports whether a condition certainly comes to true or false.
func hasValue(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BoolNode, *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.NilNode:
		return true
	case *ast.UnaryNode:
		return (n.Operator == "not" || n.Operator == "!") && hasValue(n.Node)
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&", "or", "||":
			return hasValue(n.Left) && hasValue(n.Right)
		case "==", "!=":
			return isPlain(n.Left) && isPlain(n.Right)
		}
	case *ast.MemberNode, *ast.ChainNode:
		path, ok := pathOf(n)
		return ok && len(path) == 3 && path[0] == "steps" && path[2] == "ran"
	}
	return false
}

// isPlain reports a literal, or a path that can always be followed.
func isPlain(n ast.Node) bool {
	if path, ok := pathOf(n); ok {
		return len(path) <= 2 || len(path) == 3 && path[0] == "steps"
	}
	_, ok := literalOf(n)
	return ok
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
