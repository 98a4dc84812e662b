package lang

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	"runbook/engine/source"
	"runbook/engine/types"
)

// templateChecker walks a template's tree with types, and prepares it to run:
// each hole ends in printFunc, and a path with a default is looked up.
type templateChecker struct {
	text   source.Text
	scope  *Scope
	report source.Report
	failed bool
	reads  []string
	types  map[*parse.ActionNode]*types.Type
}

func (c *templateChecker) add(code string, from, to int, summary, detail string) {
	c.failed = true
	c.report(source.Diagnostic{Code: code, Span: c.text.Sub(from, to), Summary: summary, Detail: detail})
}

var parseLine = regexp.MustCompile(`^template: [^:]*:(\d+): `)

// parseError finds the place of an error for which text/template knows only the
// line: the first hole of that line that cannot be parsed by itself, else all of
// the line's holes.
func (c *templateChecker) parseError(err error) {
	msg := err.Error()
	line := 1
	if m := parseLine.FindStringSubmatch(msg); m != nil {
		line, _ = strconv.Atoi(m[1])
		msg = msg[len(m[0]):]
	}
	text := c.text.Value
	start := 0
	for l := 1; l < line; l++ {
		i := strings.IndexByte(text[start:], '\n')
		if i < 0 {
			break
		}
		start += i + 1
	}
	end := len(text)
	if i := strings.IndexByte(text[start:], '\n'); i >= 0 {
		end = start + i
	}
	from, to := badHole(text, start, end)
	c.add("bad-template", from, to, "the template cannot be read: "+strings.TrimSpace(msg), "Holes are Go templates: {{ .inputs.name }}, {{ if .steps.api.ran }}...{{ end }}.")
}

// badHole is the first hole between start and end that does not parse alone.
func badHole(text string, start, end int) (int, int) {
	at := start
	for {
		i := strings.Index(text[at:end], "{{")
		if i < 0 {
			break
		}
		from := at + i
		to, err := holeEnd(text, from)
		if err != nil {
			return from, end
		}
		alone := parse.New("x")
		alone.Mode = parse.SkipFuncCheck
		if _, err := alone.Parse(text[from:to], "", "", map[string]*parse.Tree{}); err != nil && !strings.Contains(err.Error(), "unexpected EOF") && !strings.Contains(err.Error(), "unexpected {{e") {
			return from, to
		}
		at = min(to, end)
	}
	return start, end
}

// dot is what `.` and the variables are at a place of a template.
type dot struct {
	val  value
	vars map[string]value
	k    known
}

// value is something a template computes: a type, and the scope path that it is,
// if it is one.
type value struct {
	typ  *types.Type
	path []string // nil where it is not rooted in the scope
	root bool     // the scope itself
}

func (c *templateChecker) top() dot {
	return dot{val: value{root: true}, vars: map[string]value{"$": {root: true}}, k: known{present: c.scope.Present}}
}

func (d dot) child() dot { d.vars = maps.Clone(d.vars); return d }

func (c *templateChecker) list(l *parse.ListNode, d dot) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		c.node(n, &d)
	}
}

func (c *templateChecker) node(n parse.Node, d *dot) {
	switch n := n.(type) {
	case *parse.ActionNode:
		c.action(n, d)
	case *parse.IfNode:
		in := d.child()
		c.pipe(n.Pipe, &in)
		then, other := in.child(), in.child()
		then.k, other.k = in.k.and(pipeEnsures(n.Pipe, true)), in.k.and(pipeEnsures(n.Pipe, false))
		c.list(n.List, then)
		c.list(n.ElseList, other)
	case *parse.WithNode:
		in := d.child()
		v := c.pipe(n.Pipe, &in)
		other := in.child()
		in.val = v.there()
		c.list(n.List, in)
		c.list(n.ElseList, other)
	case *parse.RangeNode:
		c.rangeNode(n, d.child())
	case *parse.TemplateNode:
		c.add("bad-template", int(n.Pos), int(n.Pos)+1, "`template` has no place in a runbook", "Write the text out.")
	}
}

func (c *templateChecker) rangeNode(n *parse.RangeNode, d dot) {
	v := c.pipeValue(n.Pipe, &d)
	elem := value{}
	if v.typ != nil && v.typ.Kind == types.List {
		elem.typ = v.typ.Elem
	}
	in := d.child()
	in.val = elem
	for i, decl := range n.Pipe.Decl {
		if i == len(n.Pipe.Decl)-1 {
			in.vars[decl.Ident[0]] = elem
		} else {
			in.vars[decl.Ident[0]] = value{}
		}
	}
	c.list(n.List, in)
	c.list(n.ElseList, d.child())
	if n.List != nil { // each turn writes, if nothing else then nothing: the writer counts
		n.List.Nodes = append([]parse.Node{&parse.TextNode{NodeType: parse.NodeText, Pos: n.Pos}}, n.List.Nodes...)
	}
}

// action checks a hole, and makes it end in printFunc.
func (c *templateChecker) action(n *parse.ActionNode, d *dot) {
	text := sourceOf(n)
	v := c.pipe(n.Pipe, d)
	if len(n.Pipe.Decl) > 0 {
		return
	}
	c.printable(n.Pipe, v)
	if c.types == nil {
		c.types = map[*parse.ActionNode]*types.Type{}
	}
	c.types[n] = v.typ
	n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{
		parse.NewIdentifier(printFunc).SetPos(n.Pos), &parse.StringNode{NodeType: parse.NodeString, Pos: n.Pos, Quoted: strconv.Quote(text), Text: text}}})
}

// pipe checks a pipeline and declares its variables.
func (c *templateChecker) pipe(p *parse.PipeNode, d *dot) value {
	v := c.pipeValue(p, d)
	for _, decl := range p.Decl {
		d.vars[decl.Ident[0]] = v
	}
	return v
}

func (c *templateChecker) pipeValue(p *parse.PipeNode, d *dot) value {
	var v value
	for i, cmd := range p.Cmds {
		defaulted := i == 0 && len(p.Cmds) > 1 && isCall(p.Cmds[1], "default")
		var piped *value
		if i > 0 {
			before := v
			piped = &before
		}
		v = c.command(cmd, d, piped, defaulted)
	}
	return v
}

func isCall(cmd *parse.CommandNode, name string) bool {
	id, ok := cmd.Args[0].(*parse.IdentifierNode)
	return ok && id.Ident == name
}

// command checks a function call, or a value that stands alone.
func (c *templateChecker) command(cmd *parse.CommandNode, d *dot, piped *value, defaulted bool) value {
	id, isFunc := cmd.Args[0].(*parse.IdentifierNode)
	if !isFunc {
		if len(cmd.Args) > 1 || piped != nil {
			at := startOf(cmd.Args[0])
			text := cmd.Args[0].String()
			c.add("bad-template", at, at+len(text), "`"+short(text)+"` is a value, and takes no arguments", "Only functions do: {{ upper .inputs.name }}.")
		}
		v := c.operand(cmd.Args[0], d, defaulted)
		if defaulted && len(cmd.Args) == 1 && (len(v.path) > 0) {
			c.lookUp(cmd)
		}
		return v
	}
	var args []value
	in := d.child() // `and` and `or` stop where they are decided
	for i, a := range cmd.Args[1:] {
		alone := id.Ident == "default" && i == 1 // default "x" .steps.a.b
		args = append(args, c.operand(a, &in, alone))
		if id.Ident == "and" || id.Ident == "or" {
			in.k = in.k.and(nodeEnsures(a, id.Ident == "and"))
		}
	}
	if piped != nil {
		args = append(args, *piped)
	}
	return c.call(id, args, cmd)
}

// lookUp turns a path that has a default into a lookup that gives nil where the
// path ends early.
func (c *templateChecker) lookUp(cmd *parse.CommandNode) {
	pos := cmd.Args[0].Position()
	var base parse.Node = &parse.DotNode{NodeType: parse.NodeDot, Pos: pos}
	var path []string
	switch f := cmd.Args[0].(type) {
	case *parse.FieldNode:
		path = f.Ident
	case *parse.VariableNode:
		base = &parse.VariableNode{NodeType: parse.NodeVariable, Pos: pos, Ident: f.Ident[:1]}
		path = f.Ident[1:]
	default:
		return
	}
	args := []parse.Node{parse.NewIdentifier(lookupFunc).SetPos(pos), base}
	for _, name := range path {
		args = append(args, &parse.StringNode{NodeType: parse.NodeString, Pos: pos, Quoted: strconv.Quote(name), Text: name})
	}
	cmd.Args = args
}

// builtinFuncs are text/template's own that may be used, with how many arguments
// they take at least.
var builtinFuncs = map[string]int{"and": 1, "or": 1, "not": 1, "len": 1, "index": 1, "slice": 1, "eq": 2, "ne": 2, "lt": 2, "le": 2, "gt": 2, "ge": 2, "printf": 1, "urlquery": 1}

func (c *templateChecker) call(id *parse.IdentifierNode, args []value, cmd *parse.CommandNode) value {
	from, to := int(id.Pos), int(id.Pos)+len(id.Ident)
	for i, a := range args {
		if a.typ != nil && a.typ.Kind == types.Secret {
			c.add("secret-use", from, to, fmt.Sprintf("`%s` cannot take the secret `%s`", id.Ident, strings.Join(a.path, ".")), "A secret can only be inserted as it is: {{ ."+strings.Join(a.path, ".")+" }}.")
		}
		_ = i
	}
	if least, ok := builtinFuncs[id.Ident]; ok {
		if id.Ident == "index" && len(args) > 1 {
			c.index(args[0], cmd.Args[len(cmd.Args)-1], from, to)
		}
		if len(args) < least {
			c.add("bad-template", from, to, fmt.Sprintf("`%s` needs %d arguments, it has %d", id.Ident, least, len(args)), "What stands before a | is the last argument.")
		}
		return value{typ: builtinResult(id.Ident)}
	}
	f, ok := templateFuncs[id.Ident]
	if !ok || strings.HasPrefix(id.Ident, "__") {
		c.unknownFunc(id, from, to)
		return value{}
	}
	return c.goFunc(id.Ident, reflect.TypeOf(f), args, cmd, from, to)
}

func builtinResult(name string) *types.Type {
	switch name {
	case "not", "eq", "ne", "lt", "le", "gt", "ge":
		return &types.Type{Kind: types.Bool}
	case "len":
		return &types.Type{Kind: types.Int}
	case "printf", "urlquery":
		return &types.Type{Kind: types.String}
	}
	return nil
}

func (c *templateChecker) unknownFunc(id *parse.IdentifierNode, from, to int) {
	var names []string
	for n := range builtinFuncs {
		names = append(names, n)
	}
	for n := range templateFuncs {
		if !strings.HasPrefix(n, "__") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	detail := "Templates have sprig's functions, save those that read the clock, the environment, the network or chance."
	if near := source.Suggest(id.Ident, names); near != "" {
		detail = "Did you mean `" + near + "`?"
	}
	c.add("unknown-function", from, to, "unknown function `"+id.Ident+"`", detail)
}

// goFunc checks a call of a Go function by reflection.
func (c *templateChecker) goFunc(name string, t reflect.Type, args []value, cmd *parse.CommandNode, from, to int) value {
	least := t.NumIn()
	if t.IsVariadic() {
		least--
	}
	if len(args) < least || len(args) > least && !t.IsVariadic() {
		c.add("bad-template", from, to, fmt.Sprintf("`%s` takes %d arguments, it has %d", name, least, len(args)), "What stands before a | is the last argument.")
		return value{}
	}
	for i, a := range args {
		want := t.In(min(i, t.NumIn()-1))
		if t.IsVariadic() && i >= t.NumIn()-1 {
			want = want.Elem()
		}
		if p := clash(name, a.typ, want); p != nil {
			c.add(p.code, from, to, p.summary, p.detail)
		}
	}
	return value{typ: typeOf(t.Out(0)).t}
}

// clash reports an argument whose type a function certainly refuses.
func clash(name string, have *types.Type, want reflect.Type) *problem {
	if have == nil || want.Kind() == reflect.Interface {
		return nil
	}
	isText := have.Kind == types.String || have.Kind == types.URL
	switch want.Kind() {
	case reflect.String:
		if have.Nil && !have.Headers {
			return &problem{"may-be-nil", fmt.Sprintf("`%s` needs a value, and what it is given may be nil", name), "Give it a default first: `... | default \"\" | " + name + "`."}
		}
		if isText || have.Kind == types.Any {
			return nil
		}
		return &problem{"wrong-type", fmt.Sprintf("`%s` wants a string, not %s", name, an(have)), "Convert it: `| toString`."}
	case reflect.Int, reflect.Int64, reflect.Float64:
		if isText {
			return &problem{"wrong-type", fmt.Sprintf("`%s` wants a number, not %s", name, an(have)), "Convert it: `| int`."}
		}
	}
	return nil
}

// startOf is where an operand begins: text/template places a path of several
// names behind its first.
func startOf(n parse.Node) int {
	at := int(n.Position())
	switch n := n.(type) {
	case *parse.FieldNode:
		if len(n.Ident) > 1 {
			at -= len(n.Ident[0]) + 1
		}
	case *parse.VariableNode:
		if len(n.Ident) > 1 {
			at -= len(n.Ident[0])
		}
	}
	return at
}

// operand checks an argument.
func (c *templateChecker) operand(n parse.Node, d *dot, defaulted bool) value {
	switch n := n.(type) {
	case *parse.DotNode:
		return d.val
	case *parse.FieldNode:
		return c.fields(d.val, n.Ident, startOf(n), d, defaulted)
	case *parse.VariableNode:
		start := startOf(n)
		v, ok := d.vars[n.Ident[0]]
		if !ok {
			v = value{}
		}
		return c.fields(v, n.Ident[1:], start+len(n.Ident[0]), d, defaulted)
	case *parse.ChainNode:
		return c.fields(c.operand(n.Node, d, defaulted), n.Field, int(n.Pos), d, defaulted)
	case *parse.PipeNode:
		in := d.child()
		return c.pipe(n, &in)
	case *parse.StringNode:
		return value{typ: &types.Type{Kind: types.String}}
	case *parse.BoolNode:
		return value{typ: &types.Type{Kind: types.Bool}}
	case *parse.NumberNode:
		if n.IsInt {
			return value{typ: &types.Type{Kind: types.Int}}
		}
		return value{typ: &types.Type{Kind: types.Number}}
	case *parse.IdentifierNode:
		return c.call(n, nil, nil)
	}
	return value{}
}

// fields follows names from a value. start is where `.name` of the first stands.
func (c *templateChecker) fields(v value, names []string, start int, d *dot, defaulted bool) value {
	if len(names) == 0 {
		return v
	}
	if !v.root && v.path == nil {
		return c.inside(v, names, start)
	}
	path := append(slices.Clone(v.path), names...)
	at := start
	for i := len(v.path) + 1; i <= len(path); i++ {
		if _, p := c.scope.resolve(path[:i]); p != nil {
			c.add(p.code, at+1, at+1+len(path[i-1]), p.summary, p.detail)
			return value{}
		}
		at += len(path[i-1]) + 1
	}
	for i := max(len(v.path), 1); i < len(path); i++ {
		switch r, _ := c.scope.resolve(path[:i]); {
		case r.typ == nil:
		case r.typ.Headers:
			path[i] = strings.ToLower(path[i])
			names[i-len(v.path)] = path[i] // as environments hold them
		case r.typ.Kind == types.Secret:
			names[i-len(v.path)] = presentField
		}
	}
	r, _ := c.scope.resolve(path)
	c.reads = append(c.reads, r.path)
	if r.late && r.step != "" && (!d.k.present[r.step] && !defaulted || c.scope.Never[r.step] != "") {
		p := absent(c.scope, r, fmt.Sprintf("Write `{{ .%s | default ... }}`, or `{{ if .steps.%s.ran }}` around it.", r.path, r.step))
		c.add(p.code, start, at, p.summary, p.detail)
	}
	out := value{typ: r.typ, path: path}
	if d.k.present[valueKey(path)] {
		return out.there()
	}
	return out
}

// inside follows names in a value that is not rooted in the scope.
func (c *templateChecker) inside(v value, names []string, start int) value {
	r := ref{typ: v.typ}
	for i, name := range names {
		if p := r.step1(name, append([]string{""}, names[:i]...)); p != nil {
			c.add(p.code, start+1, start+1+len(name), p.summary, p.detail)
			return value{}
		}
		start += len(name) + 1
	}
	return value{typ: r.typ}
}
