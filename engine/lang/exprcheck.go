package lang

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"runbook/engine/source"
	"runbook/engine/types"
)

// exprChecker walks an expression's tree and finds what expr's own checker
// cannot: fields that may be absent, words that an enum does not have, secrets.
type exprChecker struct {
	text   source.Text
	scope  *Scope
	report source.Report
	failed bool
	reads  []string
	lets   []string // names declared by `let`
}

func (c *exprChecker) add(code string, from, to int, summary, detail string) {
	c.failed = true
	c.report(source.Diagnostic{Code: code, Span: c.text.Sub(from, to), Summary: summary, Detail: detail})
}

func (c *exprChecker) whole(code, summary, detail string) {
	c.add(code, 0, len(c.text.Value), summary, detail)
}

// at reports at a node.
func (c *exprChecker) at(n ast.Node, p *problem) {
	l := n.Location()
	c.add(p.code, runeOffset(c.text.Value, l.From), runeOffset(c.text.Value, l.To), p.summary, p.detail)
}

// warn reports what is sound and yet not meant.
func (c *exprChecker) warn(n ast.Node, p *problem) {
	l := n.Location()
	at := c.text.Sub(runeOffset(c.text.Value, l.From), runeOffset(c.text.Value, l.To))
	c.report(source.Diagnostic{Code: p.code, Severity: source.Warning, Span: at, Summary: p.summary, Detail: p.detail})
}

// known is what holds at a place inside an expression.
type known struct {
	present   map[string]bool // steps that have run, and `len:N:TEXT` for lists that have N entries
	defaulted bool            // on the left of ??
}

func (k known) and(more map[string]bool) known {
	out := known{present: map[string]bool{}, defaulted: k.defaulted}
	for s := range k.present {
		out.present[s] = true
	}
	for s := range more {
		out.present[s] = true
	}
	return out
}

func (k known) strict() known { k.defaulted = false; return k }

func (c *exprChecker) run(n ast.Node) {
	c.walk(n, known{present: c.scope.Present})
}

func (c *exprChecker) local(name string) bool { return slices.Contains(c.lets, name) }

func (c *exprChecker) walk(n ast.Node, k known) {
	switch n := n.(type) {
	case *ast.IdentifierNode, *ast.MemberNode, *ast.ChainNode, *ast.SliceNode:
		c.chain(n, k)
	case *ast.BinaryNode:
		c.binary(n, k)
	case *ast.UnaryNode:
		c.walk(n.Node, k.strict())
	case *ast.ConditionalNode:
		c.walk(n.Cond, k.strict())
		c.walk(n.Exp1, k.and(ensures(n.Cond, true)))
		c.walk(n.Exp2, k.and(ensures(n.Cond, false)))
	case *ast.BuiltinNode:
		c.builtin(n, k.strict())
	case *ast.CallNode:
		c.call(n, k.strict())
	case *ast.PredicateNode:
		c.walk(n.Node, k.strict())
	case *ast.VariableDeclaratorNode:
		c.walk(n.Value, k.strict())
		c.lets = append(c.lets, n.Name)
		c.walk(n.Expr, k)
		c.lets = c.lets[:len(c.lets)-1]
	case *ast.SequenceNode:
		c.each(n.Nodes, k.strict())
	case *ast.ArrayNode:
		c.each(n.Nodes, k.strict())
	case *ast.MapNode:
		c.each(n.Pairs, k.strict())
	case *ast.PairNode:
		c.walk(n.Value, k.strict())
	}
}

func (c *exprChecker) each(ns []ast.Node, k known) {
	for _, n := range ns {
		c.walk(n, k)
	}
}

// call checks a call of a name: expr reports unknown ones itself, save those
// that are disabled here.
func (c *exprChecker) call(n *ast.CallNode, k known) {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		c.at(n, &problem{"bad-expression", "values have no methods here", "Use a function: lower(x), len(x)."})
	} else if c.scope.root(id.Value) != nil {
		c.at(n, &problem{"bad-expression", "`" + id.Value + "` is a value, not a function", "Remove the parentheses."})
	}
	c.each(n.Arguments, k)
}

// nilSafe are the functions that take nil.
var nilSafe = []string{"type", "toJSON", "string"}

func (c *exprChecker) builtin(n *ast.BuiltinNode, k known) {
	if isDisabled(n.Name) || n.Name == "date" && len(n.Arguments) == 0 {
		c.at(n, &problem{"bad-expression", "`" + n.Name + "` is not available", "Expressions read no clock and no environment: a run must be the same when it is resumed. Use `run.started`, `run.elapsed`, or an output of a step."})
	}
	for i, a := range n.Arguments {
		c.walk(a, k)
		if i == 0 && !slices.Contains(nilSafe, n.Name) {
			c.mayBeNil(a, fmt.Sprintf("`%s` needs a value", n.Name))
		}
	}
}

// comparing are the operators that fail on nil.
var comparing = []string{"<", "<=", ">", ">=", "+", "-", "*", "/", "%", "**", "^", "contains", "startsWith", "endsWith", "matches", ".."}

func (c *exprChecker) binary(n *ast.BinaryNode, k known) {
	switch n.Operator {
	case "??":
		left := k
		left.defaulted = true
		c.walk(n.Left, left)
		c.walk(n.Right, k)
		return
	case "and", "&&":
		c.walk(n.Left, k.strict())
		c.walk(n.Right, k.strict().and(ensures(n.Left, true)))
		return
	case "or", "||":
		c.walk(n.Left, k.strict())
		c.walk(n.Right, k.strict().and(ensures(n.Left, false)))
		return
	}
	c.walk(n.Left, k.strict())
	c.walk(n.Right, k.strict())
	if slices.Contains(comparing, n.Operator) {
		c.mayBeNil(n.Left, "`"+n.Operator+"` needs a value on both sides")
		c.mayBeNil(n.Right, "`"+n.Operator+"` needs a value on both sides")
	}
	if n.Operator == "in" {
		c.mayBeNil(n.Right, "`in` needs a list")
	}
	if n.Operator == "==" || n.Operator == "!=" || n.Operator == "in" {
		c.words(n.Left, n.Right)
		c.words(n.Right, n.Left)
	}
}

// mayBeNil reports a chain whose value may be nil where a value is needed.
func (c *exprChecker) mayBeNil(n ast.Node, why string) {
	nilable := false
	switch x := n.(type) {
	case *ast.ChainNode:
		nilable = true
	case *ast.MemberNode, *ast.IdentifierNode:
		if path, ok := pathOf(x); ok && !c.local(path[0]) {
			r, p := c.scope.resolve(path)
			nilable = p == nil && (r.typ != nil && r.typ.Nil || r.typ == nil && len(path) > 0 && c.scope.root(path[0]) != nil && path[len(path)-1] == "json")
		}
	}
	if nilable {
		text := n.String()
		c.at(n, &problem{"may-be-nil", fmt.Sprintf("`%s` may be nil: %s", text, why), fmt.Sprintf("Give it a default: `(%s ?? ...)`.", text)})
	}
}

// words holds string literals against the enum of what they are compared with.
func (c *exprChecker) words(n, literal ast.Node) {
	if b, ok := n.(*ast.BinaryNode); ok && b.Operator == "??" {
		n = b.Left
	}
	path, ok := pathOf(n)
	if !ok || c.local(path[0]) {
		return
	}
	r, p := c.scope.resolve(path)
	if p != nil || r.typ == nil || len(r.typ.Enum) == 0 {
		return
	}
	nodes := []ast.Node{literal}
	if a, ok := literal.(*ast.ArrayNode); ok {
		nodes = a.Nodes
	}
	for _, l := range nodes {
		s, ok := l.(*ast.StringNode)
		if !ok || slices.Contains(r.typ.Enum, s.Value) {
			continue
		}
		detail := "It is one of " + strings.Join(slices.DeleteFunc(slices.Clone(r.typ.Enum), func(w string) bool { return w == "" }), ", ") + "."
		if near := source.Suggest(s.Value, r.typ.Enum); near != "" {
			detail = "Did you mean " + strconv.Quote(near) + "? " + detail
		}
		c.at(l, &problem{"never-equal", fmt.Sprintf("`%s` is never %q", r.path, s.Value), detail})
	}
}

// pathOf is the path of names of a chain without calls or computed indexes. A
// literal index stands as [0] in it and is no part of the typed path.
func pathOf(n ast.Node) ([]string, bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return []string{n.Value}, true
	case *ast.ChainNode:
		return pathOf(n.Node)
	case *ast.MemberNode:
		p, ok := n.Property.(*ast.StringNode)
		if !ok {
			return nil, false
		}
		path, ok := pathOf(n.Node)
		return append(path, p.Value), ok
	}
	return nil, false
}

// chain checks a maximal chain of members.
func (c *exprChecker) chain(n ast.Node, k known) {
	path, ok := pathOf(n)
	switch {
	case ok && c.local(path[0]):
	case ok:
		c.path(n, path, k)
	default:
		c.parts(n, k)
		return
	}
	c.dynamic(n, path, k)
}

// path checks a chain of names rooted in the scope.
func (c *exprChecker) path(n ast.Node, path []string, k known) {
	if path[0] == "$env" {
		c.at(n, &problem{"bad-expression", "`$env` is not available", "Name what you read."})
		return
	}
	r, p := c.scope.resolve(path)
	if p == nil {
		p = c.scope.whole(path)
	}
	if p != nil {
		c.at(c.blame(n, path), p)
		return
	}
	c.reads = append(c.reads, r.path)
	if r.typ != nil && r.typ.Kind == types.Secret {
		c.at(n, &problem{"secret-use", "`" + r.path + "` is a secret; an expression cannot read it", "Only `" + r.path + ".present` can be read."})
		return
	}
	if r.late && r.step != "" && !k.present[r.step] && !k.defaulted {
		c.at(n, absent(c.scope, r, fmt.Sprintf("Write `%s ?? DEFAULT`, or `steps.%s.ran and ...`.", r.path, r.step)))
	} else if c.scope.Never[r.step] != "" && r.late {
		c.at(n, absent(c.scope, r, ""))
	}
	if len(path) == 3 && path[0] == "steps" && !r.late && c.scope.Never[path[1]] != "" {
		c.warn(n, &problem{"never-there", "`" + r.path + "` is always that of a step that has not run: " + c.scope.Never[path[1]], "Read it behind the step."})
	}
}

// blame is the member node whose name does not exist.
func (c *exprChecker) blame(n ast.Node, path []string) ast.Node {
	for i := 1; i < len(path); i++ {
		if _, p := c.scope.resolve(path[:i]); p != nil {
			return nth(n, len(path)-i)
		}
	}
	return nth(n, 0)
}

// nth is the node that is depth members inside the chain.
func nth(n ast.Node, depth int) ast.Node {
	for {
		switch x := n.(type) {
		case *ast.ChainNode:
			n = x.Node
			continue
		case *ast.MemberNode:
			if depth == 0 {
				return n
			}
			depth--
			n = x.Node
			continue
		}
		return n
	}
}

// dynamic asks for `?.` where a member of something that is known only at run
// time, and may be nil, is read.
func (c *exprChecker) dynamic(n ast.Node, path []string, k known) {
	for m := n; ; {
		switch x := m.(type) {
		case *ast.ChainNode:
			m = x.Node
			continue
		case *ast.MemberNode:
			inner, ok := pathOf(x.Node)
			if ok && !x.Optional && c.isDynamic(inner) {
				text := x.Node.String()
				c.at(x, &problem{"may-be-nil", fmt.Sprintf("`%s` may be nil", text), fmt.Sprintf("Write `%s?.%s`.", text, path[len(inner)])})
				return
			}
			m = x.Node
			continue
		}
		return
	}
}

// isDynamic reports whether a path reaches into what only a run can know.
func (c *exprChecker) isDynamic(path []string) bool {
	if c.local(path[0]) {
		return false
	}
	r, p := c.scope.resolve(path)
	return p == nil && (r.typ == nil || r.typ.Kind == types.Any || r.typ.Nil)
}

// parts checks a chain with indexes, slices or calls in it.
func (c *exprChecker) parts(n ast.Node, k known) {
	switch n := n.(type) {
	case *ast.ChainNode:
		c.parts(n.Node, k)
	case *ast.SliceNode:
		c.walk(n.Node, k.strict())
		for _, x := range []ast.Node{n.From, n.To} {
			if x != nil {
				c.walk(x, k.strict())
			}
		}
	case *ast.MemberNode:
		if c.computedName(n) {
			return
		}
		c.walk(n.Node, k)
		name, isName := n.Property.(*ast.StringNode)
		if !isName {
			c.index(n, k)
		} else if b, ok := n.Node.(*ast.BuiltinNode); ok && !n.Optional && slices.Contains(maybeNothing, b.Name) {
			c.at(n, &problem{"may-be-nil", fmt.Sprintf("`%s` may be nil", b.String()), fmt.Sprintf("Write `%s?.%s`.", b.String(), name.Value)})
		}
	default:
		c.walk(n, k)
	}
}

// maybeNothing are the functions that give nil where a list has no such entry.
var maybeNothing = []string{"first", "last", "find", "findLast"}

// computedName reports x[i] where x is steps or another closed object.
func (c *exprChecker) computedName(n *ast.MemberNode) bool {
	_, isName := n.Property.(*ast.StringNode)
	path, ok := pathOf(n.Node)
	if isName || !ok || c.local(path[0]) {
		return false
	}
	r, p := c.scope.resolve(path)
	if p != nil || r.typ == nil || r.typ.Kind != types.Object || r.typ.Open || r.typ.Headers {
		return false
	}
	text := n.Node.String()
	c.at(n, &problem{"bad-expression", "`" + text + "` cannot be read by a computed name", "Write the name: `" + text + ".name`."})
	return true
}

// index checks x[i]: into a list only where it is known to have entries.
func (c *exprChecker) index(n *ast.MemberNode, k known) {
	c.walk(n.Property, k.strict())
	text := n.Node.String()
	if path, ok := pathOf(n.Node); ok && !c.local(path[0]) {
		if r, p := c.scope.resolve(path); p == nil && r.typ != nil && r.typ.Headers {
			return
		}
	}
	if !k.present[lengthKey(text, entriesFor(n.Property))] {
		c.at(n, &problem{"may-be-empty", "`" + text + "` may have no entry there", fmt.Sprintf("Write `first(%s ?? [])`, or ask `len(%s) > 0 and ...` first.", text, text)})
	}
}
