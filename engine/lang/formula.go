package lang

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

// Formula is the structure of a condition as far as the proof of decisions
// understands it; it is data, and knows nothing of the library that parsed it.
// Op is one of
//
//	and, or, not, if   over Args; `if` has three: condition, then, else
//	const              Const
//	atom               what stands at Path, compared with Literals by Compare
//	opaque             a condition that is not understood: true, false or an error
//
// Opaque conditions and computed values are known by their text alone: the same
// text has the same value wherever it stands in one decision.
type Formula struct {
	Op       string
	Args     []*Formula
	Const    bool
	Path     string // of an atom: steps.api.status, or the text of what is computed
	Computed bool   // Path is a text: len(steps.pods.items), steps.a.n + 1
	Length   bool   // Path is len(...): an int that is not negative
	Optional bool   // Path is read with ?.
	Compare  string // of an atom: == != < <= > >= in range; or "is" for a bool that stands alone
	Literals []any  // of an atom: int, float64, string, bool, nil; of range: its first and last
	Default  any    // of an atom: what stands behind ??, where HasDefault
	// HasDefault tells `x ?? nil` from `x`.
	HasDefault bool
	Text       string // of an atom or an opaque: the author's words
}

// maxExact bounds the numbers that a proof compares: above, expr's comparison of
// an int with a float is not exact.
const maxExact = 1 << 52

// formula reads a tree. What it cannot read is opaque, never wrong.
func formula(n ast.Node) *Formula {
	switch n := n.(type) {
	case *ast.BoolNode:
		return &Formula{Op: "const", Const: n.Value}
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return &Formula{Op: "not", Args: []*Formula{formula(n.Node)}}
		}
	case *ast.ConditionalNode:
		return &Formula{Op: "if", Args: []*Formula{formula(n.Cond), formula(n.Exp1), formula(n.Exp2)}}
	case *ast.MemberNode, *ast.ChainNode, *ast.IdentifierNode:
		return comparison(n, "is", &ast.BoolNode{Value: true}, n.String())
	case *ast.BinaryNode:
		return binaryFormula(n)
	}
	return &Formula{Op: "opaque", Text: n.String()}
}

func binaryFormula(n *ast.BinaryNode) *Formula {
	switch n.Operator {
	case "and", "&&":
		return &Formula{Op: "and", Args: []*Formula{formula(n.Left), formula(n.Right)}}
	case "or", "||":
		return &Formula{Op: "or", Args: []*Formula{formula(n.Left), formula(n.Right)}}
	case "??":
		return comparison(n, "is", &ast.BoolNode{Value: true}, n.String())
	case "==", "!=", "<", "<=", ">", ">=", "in":
		if f := comparison(n.Left, n.Operator, n.Right, n.String()); f.Op == "atom" {
			return f
		}
		if op, ok := mirrored[n.Operator]; ok {
			return comparison(n.Right, op, n.Left, n.String())
		}
	}
	return &Formula{Op: "opaque", Text: n.String()}
}

var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// comparison reads `VALUE OP literal`, with a default on the value. It is opaque
// where the right side is no literal, or the left side is one.
func comparison(left ast.Node, op string, right ast.Node, text string) *Formula {
	opaque := &Formula{Op: "opaque", Text: text}
	f := &Formula{Op: "atom", Compare: op, Text: text}
	if b, ok := left.(*ast.BinaryNode); ok && b.Operator == "??" {
		if f.Default, f.HasDefault = literalOf(b.Right); f.HasDefault {
			left = b.Left
		}
	}
	if _, ok := literalOf(left); ok || !f.compared(right) {
		return opaque
	}
	f.subject(left)
	if op == "is" && f.Computed {
		return opaque
	}
	return f
}

// subject names what is compared.
func (f *Formula) subject(n ast.Node) {
	if path, ok := pathOf(n); ok && named(path) {
		f.Path, f.Optional = strings.Join(path, "."), optional(n)
		return
	}
	f.Path, f.Computed = n.String(), true
	b, ok := n.(*ast.BuiltinNode)
	f.Length = ok && b.Name == "len"
}

// named reports whether a path can be joined by dots and still be told from
// every other.
func named(path []string) bool {
	for _, p := range path {
		if p == "" || strings.ContainsAny(p, ".()[] ?") {
			return false
		}
	}
	return true
}

func optional(n ast.Node) bool {
	for {
		switch x := n.(type) {
		case *ast.ChainNode:
			return true
		case *ast.MemberNode:
			if x.Optional {
				return true
			}
			n = x.Node
		default:
			return false
		}
	}
}

// compared reads the right side.
func (f *Formula) compared(n ast.Node) bool {
	if f.Compare != "in" {
		v, ok := literalOf(n)
		f.Literals = []any{v}
		return ok
	}
	var nodes []ast.Node
	switch r := n.(type) {
	case *ast.BinaryNode:
		if r.Operator != ".." {
			return false
		}
		f.Compare, nodes = "range", []ast.Node{r.Left, r.Right}
	case *ast.ArrayNode:
		nodes = r.Nodes
	default:
		return false
	}
	for _, n := range nodes {
		v, ok := literalOf(n)
		if _, isInt := v.(int); !ok || f.Compare == "range" && !isInt {
			return false
		}
		f.Literals = append(f.Literals, v)
	}
	return true
}

func literalOf(n ast.Node) (any, bool) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return n.Value, n.Value < maxExact && n.Value > -maxExact
	case *ast.FloatNode:
		return n.Value, n.Value < maxExact && n.Value > -maxExact
	case *ast.StringNode:
		return n.Value, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.NilNode:
		return nil, true
	case *ast.UnaryNode:
		v, ok := literalOf(n.Node)
		if !ok || n.Operator != "-" {
			return nil, false
		}
		switch v := v.(type) {
		case int:
			return -v, true
		case float64:
			return -v, true
		}
	}
	return nil, false
}
