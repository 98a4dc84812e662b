package lang

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	exprtypes "github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"runbook/engine/source"
	"runbook/engine/types"
)

// Want is the type that a place demands of its expression.
type Want int

// What a place may demand.
const (
	WantAny Want = iota
	WantBool
	WantList
)

// The bounds of an expression: its text, and how deeply it nests. A chain of
// `or` nests once for each.
const (
	maxExpr      = 16 << 10
	maxExprDepth = 500
)

// Expr is a compiled expression. It may be used by many goroutines.
type Expr struct {
	Source string      // the author's text
	Text   source.Text // and where it stands
	Type   *types.Type // what it gives, as far as known; nil is any
	// Reads are the member chains rooted in the scope that it may read, in
	// order: steps.api.status, facts.severity, status.
	Reads []string
	// Ensures and Denies are the steps that have run wherever the expression is
	// true, and wherever it is not: false, or without a value.
	Ensures, Denies []string
	// Literal is set where the expression is the constant true or false.
	Literal *bool

	plain, recording *vm.Program
	operands         []string
	formula          *Formula
}

// disabled are expr's functions that read the clock, or look fields up by a
// computed name, which would open the closed environment. `date` is refused
// without arguments.
var disabled = []string{"now", "get"}

// CompileExpr compiles an expression for a place: its scope and what it must
// give. It reports all that is wrong, and gives nil where anything is.
func CompileExpr(t source.Text, s *Scope, want Want, report source.Report) *Expr {
	c := &exprChecker{text: t, scope: s, report: report}
	if len(t.Value) > maxExpr {
		c.whole("too-large", fmt.Sprintf("the expression is longer than %d bytes", maxExpr), "Put parts of it into `outputs`.")
		return nil
	}
	tree, err := parser.Parse(t.Value)
	if err != nil {
		c.exprError(err)
		return nil
	}
	if !c.shallow(tree.Node) {
		return nil
	}
	c.run(tree.Node)
	if c.failed {
		return nil
	}
	program, err := expr.Compile(t.Value, c.options(want)...)
	if err != nil {
		c.exprError(err)
		return nil
	}
	e := &Expr{Source: t.Value, Text: t, Reads: c.reads, Type: c.resultType(program.Node())}
	if want == WantList && e.Type != nil && e.Type.Kind != types.List && e.Type.Kind != types.Any {
		c.whole("wrong-type", "the expression gives "+an(e.Type)+", not a list", "Give a list.")
		return nil
	}
	e.Ensures, e.Denies = keys(ensures(tree.Node, true)), keys(denies(tree.Node))
	if b, ok := tree.Node.(*ast.BoolNode); ok {
		e.Literal = &b.Value
	}
	e.formula = formula(tree.Node)
	if err := e.build(t.Value, s); err != nil {
		c.whole("bad-expression", "the expression cannot be compiled", err.Error())
		return nil
	}
	return e
}

// options compile against the closed environment, for diagnostics.
func (c *exprChecker) options(want Want) []expr.Option {
	env := exprtypes.Map{}
	for _, v := range c.scope.Vars {
		env[v.Name] = exprType(c.needed(v))
	}
	opts := []expr.Option{expr.Env(env), expr.Optimize(false), expr.Patch(unshadow{})}
	for _, f := range disabled {
		opts = append(opts, expr.DisableBuiltin(f))
	}
	if want == WantBool {
		opts = append(opts, expr.AsBool())
	}
	return append(opts, functions...)
}

// needed is a root's type without the fields that the expression does not read:
// a file may have thousands of steps, and expr copies what it is given.
func (c *exprChecker) needed(v types.Field) *types.Type {
	if v.Type == nil || v.Type.Kind != types.Object || len(v.Type.Fields) < 16 {
		return v.Type
	}
	read := map[string]bool{}
	for _, r := range c.reads {
		if below, ok := strings.CutPrefix(r, v.Name+"."); ok {
			name, _, _ := strings.Cut(below, ".")
			read[name] = true
		}
	}
	small := *v.Type
	small.Fields = nil
	for _, f := range v.Type.Fields {
		if read[f.Name] {
			small.Fields = append(small.Fields, f)
		}
	}
	return &small
}

// functions are what the language adds to expr's own.
var functions = []expr.Option{
	expr.Function("parseTime", func(args ...any) (any, error) {
		return time.Parse(time.RFC3339Nano, args[0].(string))
	}, new(func(string) time.Time)),
}

// exprType is a type as expr knows it. What may be nil is any to expr: it has
// no optional types.
func exprType(t *types.Type) exprtypes.Type {
	if t == nil || t.Nil {
		return exprtypes.Any
	}
	switch t.Kind {
	case types.String, types.URL:
		return exprtypes.String
	case types.Int:
		return exprtypes.Int
	case types.Number:
		return exprtypes.Float64
	case types.Bool:
		return exprtypes.Bool
	case types.Duration:
		return exprtypes.TypeOf(time.Duration(0))
	case types.Time:
		return exprtypes.TypeOf(time.Time{})
	case types.List:
		return exprtypes.Array(exprType(t.Elem))
	case types.Secret:
		return exprtypes.Map{"present": exprtypes.Bool}
	case types.Object:
		m := exprtypes.Map{}
		for _, f := range t.Fields {
			m[f.Name] = exprType(f.Type)
		}
		if t.Open || t.Headers {
			m[exprtypes.Extra] = exprtypes.Any
		}
		return m
	}
	return exprtypes.Any
}

// resultType is what an expression gives: the scope's own type for a path, else
// what expr found out.
func (c *exprChecker) resultType(n ast.Node) *types.Type {
	if path, ok := pathOf(n); ok && !c.local(path[0]) {
		if r, p := c.scope.resolve(path); p == nil {
			return r.typ
		}
	}
	if b, ok := n.(*ast.BinaryNode); ok && b.Operator == "??" {
		if t := c.resultType(b.Left); t != nil && t.Kind == typeOf(b.Right.Type()).kind() {
			return defaulted(t, b.Right)
		}
	}
	return typeOf(n.Type()).t
}

// defaulted is the type of a value that has a default: never nil, and the
// default is one of the words that it may be.
func defaulted(t *types.Type, otherwise ast.Node) *types.Type {
	out := *t
	out.Nil, out.Pattern = false, ""
	if word, ok := otherwise.(*ast.StringNode); !ok {
		out.Enum = nil
	} else if len(out.Enum) > 0 && !slices.Contains(out.Enum, word.Value) {
		out.Enum = append(slices.Clone(out.Enum), word.Value)
	}
	return &out
}

type found struct{ t *types.Type }

func (f found) kind() types.Kind {
	if f.t == nil {
		return types.Any
	}
	return f.t.Kind
}

func typeOf(t reflect.Type) found {
	if t == nil {
		return found{}
	}
	switch t {
	case reflect.TypeOf(time.Duration(0)):
		return found{&types.Type{Kind: types.Duration}}
	case reflect.TypeOf(time.Time{}):
		return found{&types.Type{Kind: types.Time}}
	}
	switch t.Kind() {
	case reflect.String:
		return found{&types.Type{Kind: types.String}}
	case reflect.Int, reflect.Int64, reflect.Int32:
		return found{&types.Type{Kind: types.Int}}
	case reflect.Float64, reflect.Float32:
		return found{&types.Type{Kind: types.Number}}
	case reflect.Bool:
		return found{&types.Type{Kind: types.Bool}}
	case reflect.Slice, reflect.Array:
		return found{&types.Type{Kind: types.List}}
	case reflect.Map:
		return found{&types.Type{Kind: types.Object, Open: true}}
	}
	return found{}
}

var mismatched = regexp.MustCompile(`^invalid operation: (.+) \(mismatched types (.+) and (.+)\)$`)
var inArray = regexp.MustCompile(`^cannot use (.+) as type (.+) in array$`)

// exprError turns expr's finding into ours, at its place.
func (c *exprChecker) exprError(err error) {
	var fe *file.Error
	if !errors.As(err, &fe) {
		msg := err.Error()
		detail := "Compare something, or ask with `!= nil`."
		if !strings.HasPrefix(msg, "expected bool") {
			detail = "Expressions are written in expr."
		}
		c.whole("wrong-type", "the expression gives no bool: "+msg, detail)
		return
	}
	from, to := runeOffset(c.text.Value, fe.From), runeOffset(c.text.Value, fe.To)
	code, msg, detail := "bad-expression", fe.Message, ""
	if m := mismatched.FindStringSubmatch(msg); m != nil {
		code, msg, detail = "wrong-type", fmt.Sprintf("`%s` cannot join %s and %s", m[1], article(m[2]), article(m[3])), mismatchHelp(m[2], m[3])
	} else if m := inArray.FindStringSubmatch(msg); m != nil {
		code, msg, detail = "wrong-type", fmt.Sprintf("`in` looks for %s among values of type %s", article(m[1]), m[2]), mismatchHelp(m[1], m[2])
	} else if strings.HasPrefix(msg, "unknown name ") && isDisabled(strings.TrimPrefix(msg, "unknown name ")) {
		msg, detail = "`"+strings.TrimPrefix(msg, "unknown name ")+"` is not available", "Expressions read no clock and no environment: a run must be the same when it is resumed. Use `run.started`, `run.elapsed`, or an output of a step."
	} else if strings.HasPrefix(msg, "unexpected token EOF") {
		detail = "The expression is not complete; if it is complete in the file, YAML may have cut it: quote it."
	} else if strings.HasPrefix(msg, "unexpected token") {
		detail = "If this character means something to YAML as well, quote the whole expression."
	}
	if detail == "" {
		detail = "Expressions are written in expr: `status == 200 and (json?.name ?? \"\") != \"\"`."
	}
	c.add(code, from, max(to, from), msg, detail)
}

func isDisabled(name string) bool {
	for _, d := range disabled {
		if d == name {
			return true
		}
	}
	return false
}

func article(t string) string {
	if strings.ContainsRune("aeio", rune(t[0])) {
		return "an " + t
	}
	return "a " + t
}

func mismatchHelp(a, b string) string {
	if a == "int" && b == "string" || a == "string" && b == "int" {
		return "Write the number without quotes."
	}
	return "Both sides must be of one type; convert with int(), string() or float()."
}

func keys(m map[string]bool) []string {
	var out []string
	for k := range m {
		if !strings.HasPrefix(k, "len:") {
			out = append(out, k)
		}
	}
	return out
}
