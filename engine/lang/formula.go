package lang

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

// Formula is the structure of a condition as far as the proof of decisions
// understands it. Op is "and", "or", "not" (over Args), "const" (Const), "atom"
// (a comparison of Path with Literals by Compare), or "opaque": a condition that
// is not understood, the same wherever its Text is the same.
type Formula struct {
	Op         string
	Args       []*Formula
	Const      bool
	Path       string // of an atom: steps.api.status
	Compare    string // of an atom: == != < <= > >= in; or "is" for a bool that stands alone
	Literals   []any  // of an atom: int, float64, string, bool, nil
	Default    any    // of an atom: what stands behind ?? on the left, where HasDefault
	HasDefault bool
	Text       string
}

// formula reads a tree. What it cannot read is opaque, never wrong.
func formula(n ast.Node) *Formula {
	switch n := n.(type) {
	case *ast.BoolNode:
		return &Formula{Op: "const", Const: n.Value, Text: n.String()}
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return &Formula{Op: "not", Args: []*Formula{formula(n.Node)}, Text: n.String()}
		}
	case *ast.MemberNode, *ast.ChainNode, *ast.IdentifierNode:
		if path, ok := pathOf(n); ok {
			return &Formula{Op: "atom", Path: strings.Join(path, "."), Compare: "is", Literals: []any{true}, Text: n.String()}
		}
	case *ast.BinaryNode:
		return binaryFormula(n)
	}
	return &Formula{Op: "opaque", Text: n.String()}
}

func binaryFormula(n *ast.BinaryNode) *Formula {
	switch n.Operator {
	case "and", "&&":
		return &Formula{Op: "and", Args: []*Formula{formula(n.Left), formula(n.Right)}, Text: n.String()}
	case "or", "||":
		return &Formula{Op: "or", Args: []*Formula{formula(n.Left), formula(n.Right)}, Text: n.String()}
	case "==", "!=", "<", "<=", ">", ">=", "in":
		if f := atom(n.Left, n.Operator, n.Right, n.String()); f != nil {
			return f
		}
		if op, ok := mirrored[n.Operator]; ok {
			if f := atom(n.Right, op, n.Left, n.String()); f != nil {
				return f
			}
		}
	}
	return &Formula{Op: "opaque", Text: n.String()}
}

var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// atom reads `path OP literal`, with a default on the path.
func atom(left ast.Node, op string, right ast.Node, text string) *Formula {
	f := &Formula{Op: "atom", Compare: op, Text: text}
	if b, ok := left.(*ast.BinaryNode); ok && b.Operator == "??" {
		if f.Default, f.HasDefault = literalOf(b.Right); !f.HasDefault {
			return nil
		}
		left = b.Left
	}
	path, ok := pathOf(left)
	if !ok {
		return nil
	}
	f.Path = strings.Join(path, ".")
	if op == "in" {
		return f.among(right)
	}
	v, ok := literalOf(right)
	f.Literals = []any{v}
	if !ok {
		return nil
	}
	return f
}

func (f *Formula) among(right ast.Node) *Formula {
	if r, ok := right.(*ast.BinaryNode); ok && r.Operator == ".." {
		lo, ok1 := literalOf(r.Left)
		hi, ok2 := literalOf(r.Right)
		if !ok1 || !ok2 {
			return nil
		}
		f.Compare, f.Literals = "range", []any{lo, hi}
		return f
	}
	a, ok := right.(*ast.ArrayNode)
	if !ok {
		return nil
	}
	for _, n := range a.Nodes {
		v, ok := literalOf(n)
		if !ok {
			return nil
		}
		f.Literals = append(f.Literals, v)
	}
	return f
}

func literalOf(n ast.Node) (any, bool) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return n.Value, true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.StringNode:
		return n.Value, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.NilNode:
		return nil, true
	case *ast.UnaryNode:
		if v, ok := literalOf(n.Node); ok && n.Operator == "-" {
			switch v := v.(type) {
			case int:
				return -v, true
			case float64:
				return -v, true
			}
		}
	}
	return nil, false
}
