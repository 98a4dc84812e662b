package lang

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"

	"runbook/engine/types"
)

// shallow refuses an expression that nests too deeply: every later stage walks
// it, and its text is made anew at each level.
func (c *exprChecker) shallow(n ast.Node) bool {
	if depth(n) <= maxExprDepth {
		return true
	}
	c.whole("too-deep", "the expression nests too deeply", fmt.Sprintf("At most %d levels are allowed; put parts of it into `outputs`, or ask `x in [...]`.", maxExprDepth))
	return false
}

// depth is how many levels a tree has.
func depth(n ast.Node) int {
	deepest := 0
	for _, below := range children(n) {
		if below != nil {
			deepest = max(deepest, depth(below))
		}
	}
	return deepest + 1
}

func children(n ast.Node) []ast.Node {
	switch n := n.(type) {
	case *ast.UnaryNode:
		return []ast.Node{n.Node}
	case *ast.BinaryNode:
		return []ast.Node{n.Left, n.Right}
	case *ast.ChainNode:
		return []ast.Node{n.Node}
	case *ast.MemberNode:
		return []ast.Node{n.Node, n.Property}
	case *ast.SliceNode:
		return []ast.Node{n.Node, n.From, n.To}
	case *ast.CallNode:
		return append([]ast.Node{n.Callee}, n.Arguments...)
	case *ast.BuiltinNode:
		return n.Arguments
	case *ast.PredicateNode:
		return []ast.Node{n.Node}
	case *ast.VariableDeclaratorNode:
		return []ast.Node{n.Value, n.Expr}
	case *ast.SequenceNode:
		return n.Nodes
	case *ast.ConditionalNode:
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.ArrayNode:
		return n.Nodes
	case *ast.MapNode:
		return n.Pairs
	case *ast.PairNode:
		return []ast.Node{n.Key, n.Value}
	}
	return nil
}

// maxString bounds a string that an expression makes. What expr makes of lists
// it bounds itself; a string that doubles forty times would end the process.
const maxString = 16 << 20

var (
	errLongString = errors.New("it makes a string longer than 16 MiB")
	errLargeValue = errors.New("it makes a value larger than 16 MiB")
)

// boundedNames are the functions whose result has no order, or can be much longer than their
// arguments, with the names under which they are called instead.
var boundedNames = map[string]string{"repeat": "__repeat", "replace": "__replace", "join": "__join", "toJSON": "__toJSON", "string": "__string",
	"keys": "__keys", "values": "__values", "toPairs": "__toPairs"}

// addFunc stands for `+` in a program that runs.
const addFunc = "__add"

// boundStrings puts the bounded functions in the place of expr's own.
func boundStrings(n *ast.Node) { ast.Walk(n, bounder{}) }

type bounder struct{}

// Visit replaces one node.
func (bounder) Visit(n *ast.Node) {
	switch t := (*n).(type) {
	case *ast.BinaryNode:
		if t.Operator == "+" {
			*n = &ast.CallNode{Callee: &ast.IdentifierNode{Value: addFunc}, Arguments: []ast.Node{t.Left, t.Right}}
		}
	case *ast.BuiltinNode:
		if name, ok := boundedNames[t.Name]; ok {
			*n = &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: t.Arguments}
		}
	}
}

var boundedFuncs = []expr.Option{
	expr.Function(addFunc, func(args ...any) (any, error) {
		a, ok := args[0].(string)
		b, both := args[1].(string)
		if ok && both && len(a)+len(b) > maxString {
			return nil, errLongString
		}
		return runtime.Add(args[0], args[1]), nil
	}),
	expr.Function("__repeat", func(args ...any) (any, error) {
		s, n := args[0].(string), runtime.ToInt(args[1])
		if n < 0 {
			return nil, fmt.Errorf("repeat cannot repeat %d times", n)
		}
		if len(s) > 0 && n > maxString/len(s) {
			return nil, errLongString
		}
		return strings.Repeat(s, n), nil
	}),
	expr.Function("__replace", func(args ...any) (any, error) {
		s, old, to, n := args[0].(string), args[1].(string), args[2].(string), -1
		if len(args) == 4 {
			n = runtime.ToInt(args[3])
		}
		if strings.Count(s, old)*max(0, len(to)-len(old))+len(s) > maxString {
			return nil, errLongString
		}
		return strings.Replace(s, old, to, n), nil
	}),
	expr.Function("__toJSON", func(args ...any) (any, error) {
		if !fits(args[0]) {
			return nil, errLargeValue
		}
		b, err := json.MarshalIndent(args[0], "", "  ") // as expr writes it
		return string(b), err
	}),
	expr.Function("__string", func(args ...any) (any, error) {
		if !fits(args[0]) {
			return nil, errLargeValue
		}
		return fmt.Sprintf("%v", args[0]), nil
	}),
	expr.Function("__join", func(args ...any) (any, error) {
		glue := ""
		if len(args) == 2 {
			glue = args[1].(string)
		}
		words, size := []string{}, 0
		for _, w := range normal(args[0]).([]any) {
			text, ok := w.(string)
			if !ok {
				return nil, fmt.Errorf("join wants strings, not %s", types.Format(w))
			}
			if size += len(text) + len(glue); size > maxString {
				return nil, errLongString
			}
			words = append(words, text)
		}
		return strings.Join(words, glue), nil
	}),
}
