package lang

import (
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
)

// unshadow lets a function be called although a value has its name. In a step's
// own expressions `duration` is how long it took, and duration("5m") is still
// five minutes: no value can be called, so nobody can mean it.
type unshadow struct{}

// Visit makes the call one of the function again.
func (unshadow) Visit(n *ast.Node) {
	call, ok := (*n).(*ast.CallNode)
	if !ok {
		return
	}
	name, ok := call.Callee.(*ast.IdentifierNode)
	if !ok {
		return
	}
	if _, is := builtin.Index[name.Value]; is {
		ast.Patch(n, &ast.BuiltinNode{Name: name.Value, Arguments: call.Arguments})
	}
}
