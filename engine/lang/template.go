package lang

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"runbook/engine/source"
	"runbook/engine/types"
)

// Template is a compiled text with holes. It may be used by many goroutines.
type Template struct {
	Text source.Text

	tree  *parse.Tree
	run   *template.Template
	reads []string
	typ   *types.Type
	hole  bool // the whole text is one hole
}

// Reads are the paths rooted in the scope that the template may read.
func (t *Template) Reads() []string { return t.reads }

// Type is what the template gives: the hole's own type where the text is one
// hole, else a string.
func (t *Template) Type() *types.Type { return t.typ }

// CompileTemplate compiles a text for a place. It reports all that is wrong, and
// gives nil where anything is.
func CompileTemplate(text source.Text, s *Scope, report source.Report) *Template {
	c := &templateChecker{text: text, scope: s, report: report}
	if len(text.Value) > maxText {
		c.add("too-large", 0, 0, fmt.Sprintf("the text is longer than %d bytes", maxText), "Shorten it.")
		return nil
	}
	tree := parse.New("text")
	tree.Mode = parse.SkipFuncCheck
	set := map[string]*parse.Tree{}
	if _, err := tree.Parse(text.Value, "", "", set); err != nil {
		c.parseError(err)
		return nil
	}
	if len(set) > 1 {
		c.add("bad-template", 0, len(text.Value), "`define` and `block` have no place in a runbook", "Write the text out.")
		return nil
	}
	t := &Template{Text: text, tree: tree, typ: &types.Type{Kind: types.String}}
	if tree.Root == nil {
		tree.Root = &parse.ListNode{NodeType: parse.NodeList}
	}
	c.list(tree.Root, c.top())
	if c.failed {
		return nil
	}
	t.reads = c.reads
	if a, ok := single(tree.Root); ok {
		t.hole, t.typ = true, c.types[a]
	}
	run, err := template.New("text").Funcs(funcsIn(tree.Root)).Option("missingkey=error").AddParseTree("text", tree)
	if err != nil {
		c.add("bad-template", 0, len(text.Value), "the template cannot be compiled", err.Error())
		return nil
	}
	t.run = run
	return t
}

// funcsIn are the functions that a template calls: text/template copies what it
// is given, and there are hundreds.
func funcsIn(root parse.Node) template.FuncMap {
	used := template.FuncMap{}
	visit(root, func(n parse.Node) {
		if id, ok := n.(*parse.IdentifierNode); ok && templateFuncs[id.Ident] != nil {
			used[id.Ident] = templateFuncs[id.Ident]
		}
	})
	return used
}

// single is the only hole of a text that is nothing but one.
func single(l *parse.ListNode) (*parse.ActionNode, bool) {
	if len(l.Nodes) != 1 {
		return nil, false
	}
	a, ok := l.Nodes[0].(*parse.ActionNode)
	return a, ok && len(a.Pipe.Decl) == 0
}

// Const is the text, where it has no holes.
func (t *Template) Const() (string, bool) {
	switch len(t.tree.Root.Nodes) {
	case 0:
		return "", true
	case 1:
		if n, ok := t.tree.Root.Nodes[0].(*parse.TextNode); ok {
			return string(n.Text), true
		}
	}
	return "", false
}

// Prefix is the literal text before the first hole.
func (t *Template) Prefix() string {
	if len(t.tree.Root.Nodes) > 0 {
		if n, ok := t.tree.Root.Nodes[0].(*parse.TextNode); ok {
			return string(n.Text)
		}
	}
	return ""
}

// Render fills the text: a string, or a secret.Text where a secret stands in it.
func (t *Template) Render(env Env) (any, error) {
	if text, ok := t.Const(); ok && len(text) <= maxText {
		return text, nil
	}
	s, err := execute(t.run, env)
	if err != nil {
		return nil, templateError(t.Text.Value, err)
	}
	return splitMarks(s), nil
}

// Value is the hole's value with its type, where the text is one hole; else the
// text.
func (t *Template) Value(env Env) (any, error) {
	if !t.hole {
		return t.Render(env)
	}
	run, err := t.run.Clone()
	if err != nil {
		return nil, err
	}
	var kept any
	run.Funcs(template.FuncMap{printFunc: func(_ string, v any) (string, error) {
		kept = v
		return "", nil
	}})
	if _, err := execute(run, env); err != nil {
		return nil, templateError(t.Text.Value, err)
	}
	return kept, nil
}

// errTooLong ends a template that writes without end, errTooMany one that
// repeats without end.
var (
	errTooLong = fmt.Errorf("the text becomes longer than %d bytes", maxText)
	errTooMany = fmt.Errorf("the template takes more than %d turns", maxTurns)
)

// maxTurns bounds what a template writes, one piece at a time. Every turn of a
// `range` writes once at least.
const maxTurns = 200_000

// textBuffer refuses to grow, and to be written to, without end.
type textBuffer struct {
	strings.Builder
	turns int
}

func (b *textBuffer) Write(p []byte) (int, error) {
	if b.turns++; b.turns > maxTurns {
		return 0, errTooMany
	}
	if b.Len()+len(p) > maxText {
		return 0, errTooLong
	}
	return b.Builder.Write(p)
}

var _ io.Writer = (*textBuffer)(nil)

func execute(t *template.Template, env Env) (s string, err error) {
	defer func() {
		if r := recover(); r != nil { // a function of sprig's that panics on odd arguments
			s, err = "", fmt.Errorf("%v", r)
		}
	}()
	var b textBuffer
	err = t.Execute(&b, map[string]any(env))
	return b.String(), err
}

var where = regexp.MustCompile(`^template: text:(\d+)(?::\d+)?: (?:executing "text" at )?`)

// templateError makes text/template's sentence ours.
func templateError(text string, err error) error {
	for _, e := range []error{errTooLong, errTooMany} {
		if errors.Is(err, e) {
			return &EvalError{Expr: short(text), Message: e.Error()}
		}
	}
	msg := where.ReplaceAllString(err.Error(), "")
	msg = strings.ReplaceAll(msg, "error calling "+printFunc+": ", "")
	if i := strings.LastIndex(msg, ">: "); i >= 0 && strings.HasPrefix(msg, "<") {
		hole := msg[1:i]
		msg = msg[i+3:]
		if !strings.Contains(hole, "__") {
			msg = hole + ": " + msg
		}
	}
	if strings.Contains(msg, "secret.Value") {
		msg = opaque
	}
	return &EvalError{Expr: short(text), Message: msg}
}

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// Preview fills the text for a rehearsal: holes that only a run can fill stand
// as ‹steps.api.status›.
func (t *Template) Preview(env Env) string {
	var b strings.Builder
	for _, n := range t.tree.Root.Nodes {
		b.WriteString(t.previewNode(n, env))
	}
	return b.String()
}

func (t *Template) previewNode(n parse.Node, env Env) string {
	if text, ok := n.(*parse.TextNode); ok {
		return string(text.Text)
	}
	paths := fieldsIn(n)
	for _, p := range paths {
		if isUnknown(env, p) {
			return unknownNode(n, paths)
		}
	}
	tree := &parse.Tree{Name: "text", Root: &parse.ListNode{NodeType: parse.NodeList, Nodes: []parse.Node{n}}}
	run := template.New("text").Funcs(funcsIn(tree.Root)).Option("missingkey=error")
	if run, err := run.AddParseTree("text", tree); err == nil {
		if s, err := execute(run, env); err == nil {
			return previewMarks(s)
		}
	}
	return unknownNode(n, paths)
}

// previewMarks shows secrets as ‹secret NAME›.
func previewMarks(s string) string {
	mark := "\x00" + nonce + ":"
	for {
		before, rest, ok := strings.Cut(s, mark)
		if !ok {
			return s
		}
		name, after, _ := strings.Cut(rest, "\x00")
		s = before + Unknown{Path: "secrets." + name}.String() + after
	}
}

// unknownNode shows a hole that cannot be filled: its path where it is no more
// than that, else its text.
func unknownNode(n parse.Node, paths []string) string {
	if a, ok := n.(*parse.ActionNode); ok {
		if len(a.Pipe.Cmds) == 2 && len(paths) == 1 && len(a.Pipe.Cmds[0].Args) == 1 {
			return Unknown{Path: paths[0]}.String()
		}
	}
	return "‹" + sourceOf(n) + "›"
}

var inserted = regexp.MustCompile(` \| ` + printFunc + ` "(?:[^"\\]|\\.)*"`)
var looked = regexp.MustCompile(`\(?` + lookupFunc + ` (\.|\$[a-zA-Z0-9_]*)((?: "[^"]*")+)\)?`)

// sourceOf is a node as the author wrote it, without what the compiler put in.
func sourceOf(n parse.Node) string {
	s := inserted.ReplaceAllString(n.String(), "")
	s = looked.ReplaceAllStringFunc(s, func(m string) string {
		parts := looked.FindStringSubmatch(m)
		path := strings.TrimSuffix(parts[1], ".")
		for _, q := range strings.Fields(parts[2]) {
			if name, err := strconv.Unquote(q); err == nil {
				path += "." + name
			}
		}
		return path
	})
	s = strings.TrimSuffix(strings.TrimPrefix(s, "{{"), "}}")
	return strings.TrimSpace(s)
}

// fieldsIn are the rooted paths that a node reads.
func fieldsIn(n parse.Node) []string {
	var out []string
	visit(n, func(n parse.Node) {
		switch f := n.(type) {
		case *parse.FieldNode:
			out = append(out, strings.Join(f.Ident, "."))
		case *parse.VariableNode:
			if f.Ident[0] == "$" && len(f.Ident) > 1 {
				out = append(out, strings.Join(f.Ident[1:], "."))
			}
		case *parse.CommandNode:
			if path, ok := lookedUp(f); ok {
				out = append(out, strings.Join(path, "."))
			}
		}
	})
	return out
}

// lookedUp is the path of a __lookup that the compiler put in.
func lookedUp(c *parse.CommandNode) ([]string, bool) {
	if id, ok := c.Args[0].(*parse.IdentifierNode); !ok || id.Ident != lookupFunc {
		return nil, false
	}
	var path []string
	for _, a := range c.Args[2:] {
		path = append(path, a.(*parse.StringNode).Text)
	}
	return path, true
}

// visit walks a template's tree.
func visit(n parse.Node, f func(parse.Node)) {
	switch n := n.(type) {
	case nil:
		return
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, x := range n.Nodes {
			visit(x, f)
		}
	case *parse.ActionNode:
		visit(n.Pipe, f)
	case *parse.PipeNode:
		if n == nil {
			return
		}
		for _, c := range n.Cmds {
			visit(c, f)
		}
	case *parse.CommandNode:
		f(n)
		for _, a := range n.Args {
			visit(a, f)
		}
		return
	case *parse.IfNode:
		visitBranch(&n.BranchNode, f)
	case *parse.RangeNode:
		visitBranch(&n.BranchNode, f)
	case *parse.WithNode:
		visitBranch(&n.BranchNode, f)
	case *parse.ChainNode:
		visit(n.Node, f)
	}
	f(n)
}

func visitBranch(b *parse.BranchNode, f func(parse.Node)) {
	visit(b.Pipe, f)
	visit(b.List, f)
	visit(b.ElseList, f)
}
