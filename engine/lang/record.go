package lang

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/optimizer"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"runbook/engine/types"
)

// Operand is something that an expression read, with its value; or did not read,
// because what stood before it had decided. Item is, for any, filter, count and
// the like, the first item that decided.
type Operand struct {
	Expr    string
	Value   any
	NotRead bool
	Item    any
	Error   string
}

// Tree is the operand as a journal has it: {"expr", "value"}, {"expr", "not_read":
// true} or {"expr", "error"}, and {"item"} besides; a value that is nil is there.
func (o Operand) Tree() map[string]any {
	m := map[string]any{"expr": o.Expr}
	switch {
	case o.Error != "":
		m["error"] = o.Error
	case o.NotRead:
		m["not_read"] = true
	default:
		m["value"] = types.Encode(o.Value)
	}
	if o.Item != nil {
		m["item"] = types.Encode(o.Item)
	}
	return m
}

// MarshalJSON writes the operand's Tree.
func (o Operand) MarshalJSON() ([]byte, error) { return json.Marshal(o.Tree()) }

// The names under which a recording program calls back; authors cannot write
// them, because the closed environment does not have them.
const (
	readFunc = "__read"
	itemFunc = "__item"
	recorded = "__recorded" // the readings of this evaluation, in its environment
)

// recordFuncs are called as they are; a function in the environment would be
// called by reflection.
var recordFuncs = []expr.Option{
	expr.Function(readFunc, func(args ...any) (any, error) {
		return args[0].(readings).read(args[1].(string), args[2]), nil
	}),
	expr.Function(itemFunc, func(args ...any) (any, error) {
		return args[0].(readings).item(args[1].(string), args[2], args[3], args[4].(bool)), nil
	}),
}

// build compiles the two programs that run: one plain, one that records what it
// reads. Neither knows the types, so that what is absent is nil.
func (e *Expr) build(text string, s *Scope) error {
	var err error
	if e.plain, err = compileLoose(text, s, func(n ast.Node) ast.Node { return n }); err != nil {
		return err
	}
	rec := &recorder{}
	e.recording, err = compileLoose(text, s, rec.rewrite)
	e.operands = rec.operands
	return err
}

// compileLoose compiles the rewritten tree itself: written out again it could
// read differently, because expr's printer drops parentheses.
func compileLoose(text string, s *Scope, rewrite func(ast.Node) ast.Node) (*vm.Program, error) {
	config := conf.CreateNew()
	options := append([]expr.Option{expr.AllowUndefinedVariables()}, functions...)
	for _, option := range slices.Concat(options, boundedFuncs, orderedFuncs, recordFuncs) {
		option(config)
	}
	for _, v := range s.Vars {
		delete(config.Builtins, v.Name) // the name alone is the value, not the function
	}
	config.Check()
	tree, err := parser.ParseWithConfig(text, config)
	if err != nil {
		return nil, err
	}
	lowerHeaders(&tree.Node, s)
	tree.Node = rewrite(tree.Node)
	absentIsNil(&tree.Node)
	boundStrings(&tree.Node)
	if _, err := checker.Check(tree, config); err != nil {
		return nil, err
	}
	if err := optimizer.Optimize(&tree.Node, config); err != nil {
		return nil, err
	}
	return compiler.Compile(tree, config)
}

// lowerHeaders makes header names lower case, as environments hold them: literal
// ones now, computed ones when they are known.
func lowerHeaders(n *ast.Node, s *Scope) {
	ast.Walk(n, visitor(func(n ast.Node) {
		m, ok := n.(*ast.MemberNode)
		if !ok {
			return
		}
		path, isPath := pathOf(m.Node)
		if !isPath {
			return
		}
		if r, p := s.resolve(path); p != nil || r.typ == nil || !r.typ.Headers {
			return
		}
		if name, isName := m.Property.(*ast.StringNode); isName {
			name.Value = strings.ToLower(name.Value)
			return
		}
		m.Property = &ast.BuiltinNode{Name: "lower", Arguments: []ast.Node{m.Property}}
	}))
}

// absentIsNil lets a chain below the result of a step that did not run be nil:
// `steps.api.error.kind ?? ""`. Where that would be wrong, the author was told.
func absentIsNil(n *ast.Node) {
	made := map[ast.Node]bool{} // the chains that are put in here
	ast.Walk(n, nodeVisitor(func(n *ast.Node) {
		switch x := (*n).(type) {
		case *ast.ChainNode:
			if made[x.Node] {
				x.Node = x.Node.(*ast.ChainNode).Node
			}
		case *ast.MemberNode:
			path, _ := pathOf(x.Node)
			below := len(path) >= 3 && path[0] == "steps"
			if made[x.Node] {
				x.Node = x.Node.(*ast.ChainNode).Node
			} else if !below {
				return
			}
			x.Optional = x.Optional || below
			chain := &ast.ChainNode{Node: x}
			made[chain] = true
			*n = chain
		}
	}))
}

type nodeVisitor func(*ast.Node)

func (v nodeVisitor) Visit(n *ast.Node) { v(n) }

type visitor func(ast.Node)

func (v visitor) Visit(n *ast.Node) { v(*n) }

// recorder wraps every maximal member chain, and every function with a predicate
// as a whole, into a recording call.
type recorder struct{ operands []string }

func (r *recorder) wrap(n ast.Node) ast.Node {
	text := n.String()
	if !slices.Contains(r.operands, text) {
		r.operands = append(r.operands, text)
	}
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: readFunc}, Arguments: []ast.Node{&ast.IdentifierNode{Value: recorded}, &ast.StringNode{Value: text}, n}}
}

func (r *recorder) rewrite(n ast.Node) ast.Node {
	switch t := n.(type) {
	case *ast.IdentifierNode, *ast.MemberNode, *ast.ChainNode, *ast.SliceNode:
		return r.wrap(n)
	case *ast.BinaryNode:
		t.Left, t.Right = r.rewrite(t.Left), r.rewrite(t.Right)
	case *ast.UnaryNode:
		t.Node = r.rewrite(t.Node)
	case *ast.ConditionalNode:
		t.Cond, t.Exp1, t.Exp2 = r.rewrite(t.Cond), r.rewrite(t.Exp1), r.rewrite(t.Exp2)
	case *ast.ArrayNode:
		r.all(t.Nodes)
	case *ast.CallNode:
		r.all(t.Arguments)
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		return r.wrap(n) // names of its own: recorded as a whole
	case *ast.BuiltinNode:
		return r.builtin(t)
	}
	return n
}

func (r *recorder) all(ns []ast.Node) {
	for i := range ns {
		ns[i] = r.rewrite(ns[i])
	}
}

// builtin records a function with a predicate as a whole, with the first item
// that decided; others by their arguments.
func (r *recorder) builtin(b *ast.BuiltinNode) ast.Node {
	for _, a := range b.Arguments {
		p, ok := a.(*ast.PredicateNode)
		if !ok {
			continue
		}
		text := b.String()
		wrapped := r.wrap(b)
		p.Node = &ast.CallNode{Callee: &ast.IdentifierNode{Value: itemFunc},
			Arguments: []ast.Node{&ast.IdentifierNode{Value: recorded}, &ast.StringNode{Value: text}, &ast.PointerNode{}, p.Node, &ast.BoolNode{Value: b.Name != "all"}}}
		return wrapped
	}
	r.all(b.Arguments)
	return b
}

// EvalError says why an expression has no value.
type EvalError struct {
	Expr    string
	Message string
}

// Error names the expression.
func (e *EvalError) Error() string { return e.Expr + ": " + e.Message }

// Eval computes the expression.
func (e *Expr) Eval(env Env) (any, error) { return run(e.Source, e.plain, env) }

// machines have room for what they work on: to make it anew costs as much as most
// expressions do.
var machines = sync.Pool{New: func() any { return &vm.VM{} }}

func run(text string, p *vm.Program, env map[string]any) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, &EvalError{text, fmt.Sprint(r)}
		}
	}()
	m := machines.Get().(*vm.VM)
	v, err = m.Run(p, map[string]any(env))
	clear(m.Stack[:cap(m.Stack)]) // what it read is not its to keep
	clear(m.Variables)
	machines.Put(m)
	if err != nil {
		return nil, &EvalError{text, firstLine(err.Error())}
	}
	if !fits(v) {
		return nil, &EvalError{text, errLargeValue.Error()}
	}
	return normal(v), nil
}

// firstLine drops the picture that expr draws below its message, and names what
// it knows by a Go type only.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if i := strings.LastIndex(s, " (1:"); i > 0 {
		s = s[:i]
	}
	if strings.Contains(s, "secret.Value") {
		return opaque
	}
	return s
}

// opaque is what is said where something looks into a secret.
const opaque = "a secret stands there; it can be inserted as it is, and nothing can look into it"

// normal makes the lists and integers that expr computes ours.
func normal(v any) any {
	switch v := v.(type) {
	case []int:
		return normalList(v)
	case []string:
		return normalList(v)
	case []any:
		for i := range v {
			if n := normal(v[i]); needs(v[i]) {
				v[i] = n
			}
		}
	case int64:
		return int(v)
	case float32:
		return float64(v)
	}
	return v
}

// needs reports whether normal changes a value: lists are only written to where
// that is so, because they may belong to a step's results.
func needs(v any) bool {
	switch v.(type) {
	case []int, []string, int64, float32:
		return true
	}
	return false
}

func normalList[T any](l []T) []any {
	out := make([]any, len(l))
	for i, x := range l {
		out[i] = x
	}
	return out
}

// Bool computes a condition and says what it read. Anything but a bool is an
// error. While it does, nobody else may use the environment: what records stands
// in it.
func (e *Expr) Bool(env Env) (bool, []Operand, error) {
	rec := newReadings(e.operands)
	if env == nil {
		env = Env{}
	}
	env[recorded] = rec
	v, err := run(e.Source, e.recording, env)
	delete(env, recorded)
	if err != nil {
		return false, rec, &EvalError{e.Source, strings.TrimPrefix(err.Error(), e.Source+": ")}
	}
	b, ok := v.(bool)
	if !ok {
		return false, rec, &EvalError{e.Source, fmt.Sprintf("gives %s, not true or false", describe(v))}
	}
	return b, rec, nil
}

func describe(v any) string {
	if v == nil {
		return "nil"
	}
	return fmt.Sprintf("%.40q", types.Format(v))
}

// readings collects what one evaluation read: an operand each, in order.
type readings []Operand

func newReadings(order []string) readings {
	r := make(readings, len(order))
	for i, text := range order {
		r[i] = Operand{Expr: text, NotRead: true}
	}
	return r
}

func (r readings) of(text string) *Operand {
	return &r[slices.IndexFunc(r, func(o Operand) bool { return o.Expr == text })]
}

func (r readings) read(text string, v any) any {
	o := r.of(text)
	o.Value, o.NotRead = bounded(v), false
	return v
}

// item notes the first item that decided: the first for which a predicate was
// true, or false where all must be true.
func (r readings) item(text string, item, result any, decides bool) any {
	if o := r.of(text); o.Item == nil && result == decides {
		o.Item = bounded(item)
	}
	return result
}

// maxOperand bounds what a decision keeps of a value.
const maxOperand = 4 << 10

// bounded cuts a value that is too large to stand in a decision.
func bounded(v any) any {
	switch x := v.(type) {
	case string:
		if len(x) > maxOperand {
			return strings.ToValidUTF8(x[:maxOperand], "") + "… (cut)"
		}
	case map[string]any, []any:
		if room(x, maxOperand) >= 0 {
			return v
		}
		if text := types.Format(x); len(text) > maxOperand {
			return strings.ToValidUTF8(text[:maxOperand], "") + "… (cut)"
		}
	}
	return v
}

// room is what a value certainly leaves of so many bytes, written as JSON; less
// than 0 where that is not certain.
func room(v any, left int) int {
	const letter, other = 6, 64 // the longest that a byte becomes, and what is no text
	switch v := v.(type) {
	case string:
		return left - letter*len(v) - 2
	case map[string]any:
		left -= 2
		for k, x := range v {
			if left = room(x, left-letter*len(k)-4); left < 0 {
				break
			}
		}
		return left
	case []any:
		left -= 2
		for _, x := range v {
			if left = room(x, left-1); left < 0 {
				break
			}
		}
		return left
	case nil, bool, int, float64, time.Duration, time.Time:
		return left - other
	}
	return -1
}

// Preview computes the expression for a rehearsal; where it reads what is not
// known yet, it is unknown itself.
func (e *Expr) Preview(env Env) (any, bool) {
	for _, path := range e.Reads {
		if isUnknown(env, path) {
			return Unknown{Path: e.Source}, false
		}
	}
	v, err := e.Eval(env)
	if err != nil {
		return Unknown{Path: e.Source}, false
	}
	if _, ok := v.(Unknown); ok {
		return Unknown{Path: e.Source}, false
	}
	return v, true
}

// Knows reports whether all of the paths can be read, none leading to what only
// a run can know.
func (env Env) Knows(paths []string) bool {
	for _, p := range paths {
		if isUnknown(env, p) {
			return false
		}
	}
	return true
}

// isUnknown follows a path and reports whether it meets an Unknown.
func isUnknown(env Env, path string) bool {
	var v any = map[string]any(env)
	for _, name := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			break
		}
		v = m[name]
		if _, unknown := v.(Unknown); unknown {
			return true
		}
	}
	return false
}

// Formula is the condition's structure, for the proof of decisions.
func (e *Expr) Formula() *Formula { return e.formula }
