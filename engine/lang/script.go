package lang

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"runbook/engine/secret"
	"runbook/engine/source"
	"runbook/engine/types"
)

// The bounds of a script.
const (
	maxScript      = 256 << 10 // bytes
	maxScriptDepth = 100       // nested brackets and blocks
)

// holeName is how the parameter of a hole is called; a script must not use names
// of this form itself.
const holeName = "__rb"

// Script is a prepared script: the holes are parameters of the shell, quoted
// where they stand, so that a value is one word whatever it contains.
type Script struct {
	Text source.Text
	// Commands are the simple commands of external programs, with their words as
	// far as they are known.
	Commands []Command
	// Files are the files that its redirections open, as far as they are known.
	Files []File
	// Variables are those that it sets for programs, each time that it does.
	Variables []Variable

	final string
	holes []*hole
	reads []string
}

// Command is a simple command: its words up to the first that is not known.
type Command struct {
	Words []string
	Whole bool
	Span  source.Span
}

// Bound is a script with the values of its holes: strings, secret.Text, or lists
// of those.
type Bound struct {
	Text   string
	Values []any
}

// ScriptOptions say what will run the script. An interpreter other than the
// embedded shell is given by its program's name.
type ScriptOptions struct{ Interpreter string }

// hole is one {{ }} of a script.
type hole struct {
	from, to int // in the author's text
	at, end  int // in the text with parameters
	name     string
	tmpl     *Template
	ctx      placement
	whole    bool // the hole is a word of its own
}

func (h *hole) list() bool {
	return h.tmpl != nil && h.tmpl.typ != nil && h.tmpl.typ.Kind == types.List
}

// int reports whether the hole is an integer; one that could not be compiled has
// been reported, and may be anything.
func (h *hole) int() bool {
	return h.tmpl == nil || h.tmpl.typ != nil && h.tmpl.typ.Kind == types.Int
}

// placement is where a hole stands.
type placement int

const (
	lost    placement = iota // not found in the tree
	bare                     // in a word, to be quoted
	quoted                   // inside double quotes
	heredoc                  // in a here-document, where no quotes are wanted
	arith                    // in arithmetic, for ints
)

// Reads are the paths rooted in the scope that the script may read.
func (s *Script) Reads() []string { return s.reads }

// Bind computes the holes.
func (s *Script) Bind(env Env) (Bound, error) {
	b := Bound{Text: s.final}
	for _, h := range s.holes {
		v, err := h.tmpl.Value(env)
		if err != nil {
			return Bound{}, err
		}
		if v, err = bindValue(v); err != nil {
			return Bound{}, &EvalError{Expr: s.Text.Value[h.from:h.to], Message: err.Error()}
		}
		if _, isList := v.([]any); isList != h.list() {
			return Bound{}, &EvalError{Expr: s.Text.Value[h.from:h.to], Message: "a list where one word is wanted; say which entry, or give its type in `inputs`"}
		}
		b.Values = append(b.Values, v)
	}
	return b, nil
}

// errNUL: no word of a program can hold a NUL.
var errNUL = errors.New("the value holds a NUL character, which no program can be given")

func bindValue(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, errors.New("it has no value; give it a default")
	case secret.Text:
		return v, nil
	case secret.Value:
		if !v.Present {
			return "", nil
		}
		return secret.Text{Parts: []secret.Part{{Secret: v.Name}}}, nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			w, err := bindValue(x)
			if err != nil {
				return nil, err
			}
			if _, nested := w.([]any); nested {
				w = types.Format(x)
			}
			out[i] = w
		}
		return out, nil
	}
	text := types.Format(v)
	if strings.ContainsRune(text, 0) {
		return nil, errNUL
	}
	return text, nil
}

// Preview is the script for a rehearsal, with each hole's value quoted where it
// is known.
func (s *Script) Preview(env Env) string {
	var b strings.Builder
	at := 0
	for _, h := range s.holes {
		b.WriteString(s.Text.Value[at:h.from])
		b.WriteString(s.previewHole(h, env))
		at = h.to
	}
	b.WriteString(s.Text.Value[at:])
	return b.String()
}

func (s *Script) previewHole(h *hole, env Env) string {
	text := h.tmpl.Preview(env)
	if h.ctx != bare || strings.Contains(text, "‹") {
		return text
	}
	if h.list() {
		if v, err := h.tmpl.Value(env); err == nil {
			if l, ok := v.([]any); ok {
				return previewList(l)
			}
		}
		return text
	}
	return quoteWord(text)
}

func previewList(l []any) string {
	words := make([]string, len(l))
	for i, x := range l {
		words[i] = quoteWord(types.Format(x))
	}
	return strings.Join(words, " ")
}

func quoteWord(s string) string {
	q, err := syntax.Quote(s, syntax.LangBash)
	if err != nil {
		return fmt.Sprintf("%q", s)
	}
	return q
}

// CompileScript prepares a script for a place. It reports all that is wrong, and
// gives nil where anything is.
func CompileScript(text source.Text, s *Scope, o ScriptOptions, report source.Report) *Script {
	c := &scriptChecker{text: text, scope: s, report: report, opts: o}
	if !c.bounded() || !c.lex() {
		return nil
	}
	script := &Script{Text: text, holes: c.holes}
	for _, h := range c.holes {
		if h.tmpl != nil {
			script.reads = append(script.reads, h.tmpl.reads...)
		}
	}
	if o.Interpreter != "" && !isShell(o.Interpreter) {
		if len(c.holes) > 0 {
			h := c.holes[0]
			c.add("hole-here", h.from, h.to, "a hole cannot stand in a program for "+o.Interpreter, "Only a shell's quoting is known: pass the value through `env:` or `stdin:`.")
			return nil
		}
		if c.failed {
			return nil
		}
		script.final = text.Value
		return script
	}
	file := c.parse()
	if file == nil {
		return nil
	}
	c.file = file
	c.find()
	c.inspect()
	if c.failed {
		return nil
	}
	script.final = c.quote()
	if !c.verify(script.final) {
		return nil
	}
	if o.Interpreter == "" {
		script.Commands, script.Files, script.Variables = c.commands(), c.files(), c.variables()
	}
	return script
}

func isShell(program string) bool {
	switch program[strings.LastIndexByte(program, '/')+1:] {
	case "sh", "bash", "dash", "ksh", "zsh":
		return true
	}
	return false
}

// scriptChecker prepares one script.
type scriptChecker struct {
	text   source.Text
	scope  *Scope
	report source.Report
	opts   ScriptOptions
	failed bool
	holes  []*hole
	sub    string // the text with parameters for holes
	file   *syntax.File
	// carrying are the variables that hold a hole's value, or one made of it.
	carrying map[string]bool
	// risky are those of them that may hold more than ints.
	risky     map[string]bool
	onlyRisky bool
	own       map[string]bool // the script's functions
}

func (c *scriptChecker) say(sev source.Severity, code string, from, to int, summary, detail string) {
	c.failed = c.failed || sev == source.Error
	c.report(source.Diagnostic{Code: code, Severity: sev, Span: c.text.Sub(from, to), Summary: summary, Detail: detail})
}

func (c *scriptChecker) add(code string, from, to int, summary, detail string) {
	c.say(source.Error, code, from, to, summary, detail)
}

// bounded refuses scripts that are too long or nest too deeply to be parsed
// safely.
func (c *scriptChecker) bounded() bool {
	s := c.text.Value
	if len(s) > maxScript {
		c.add("too-large", 0, 0, fmt.Sprintf("the script is longer than %d bytes", maxScript), "Put it into a program of its own and run that.")
		return false
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		c.add("not-text", i, i+1, "the script holds a NUL character", "Remove it.")
		return false
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(', '{', '`':
			depth++
		case ')', '}':
			depth = max(0, depth-1)
		}
		if depth > 10*maxScriptDepth {
			c.add("too-deep", i, i+1, "the script nests too deeply", fmt.Sprintf("At most %d levels are allowed.", maxScriptDepth))
			return false
		}
	}
	return true
}

var ownName = regexp.MustCompile(`\b__rb[0-9]+\b`)

// lex finds the holes, compiles each, and puts a parameter in its place.
func (c *scriptChecker) lex() bool {
	s := c.text.Value
	if m := ownName.FindStringIndex(s); m != nil {
		c.add("bad-name", m[0], m[1], "names of the form __rb1 belong to the engine", "Call the variable something else.")
		return false
	}
	var b strings.Builder
	for at := 0; ; {
		i := strings.Index(s[at:], "{{")
		if i < 0 {
			b.WriteString(s[at:])
			break
		}
		from := at + i
		to, err := holeEnd(s, from)
		if err != nil {
			c.add("bad-template", from, min(len(s), from+2), err.Error(), "Write {{ .inputs.name }}; a literal {{ is {{ \"{{\" }}.")
			return false
		}
		b.WriteString(s[at:from])
		h := &hole{from: from, to: to, at: b.Len(), name: fmt.Sprintf("%s%d", holeName, len(c.holes))}
		b.WriteString("${" + h.name + "}")
		h.end = b.Len()
		c.compileHole(h)
		c.holes = append(c.holes, h)
		at = to
	}
	c.sub = b.String()
	return true
}

// compileHole compiles a hole as a template of its own. Only pipelines that give
// a value are allowed.
func (c *scriptChecker) compileHole(h *hole) {
	s := c.text.Value[h.from:h.to]
	if strings.HasPrefix(s, "{{-") || strings.HasSuffix(s, "-}}") {
		c.add("hole-here", h.from, h.to, "a hole in a script cannot trim", "Remove the `-`.")
		return
	}
	if control.MatchString(s) {
		c.add("hole-here", h.from, h.to, "a hole in a script is one value; it cannot decide or repeat", onlyValues)
		return
	}
	h.tmpl = CompileTemplate(part(c.text, h.from, h.to), c.scope, func(d source.Diagnostic) {
		c.failed = c.failed || d.Severity == source.Error
		c.report(d)
	})
	if h.tmpl == nil {
		return
	}
	if !h.tmpl.hole {
		kind := "gives no value"
		if len(h.tmpl.tree.Root.Nodes) == 0 {
			kind = "is a comment"
		}
		c.add("hole-here", h.from, h.to, "this hole "+kind, onlyValues)
	}
}

// control recognises holes that are statements.
var control = regexp.MustCompile(`^\{\{\s*(?:if|else|end|range|with|define|template|block|break|continue)\b`)

const onlyValues = "Decide in the shell (`if [ \"$x\" = y ]`), or with `if:` on the step."

// part is a piece of a text with its way back to the file.
func part(t source.Text, from, to int) source.Text {
	segs := make([]source.Segment, 0, to-from)
	for i := from; i < to; i++ {
		s := t.Sub(i, i+1)
		if k := len(segs) - 1; k >= 0 && segs[k].Verbatim && s.End == s.Start+1 && segs[k].Offset+(i-from)-segs[k].At == s.Start {
			continue
		}
		segs = append(segs, source.Segment{At: i - from, Offset: s.Start, Width: s.End - s.Start, Verbatim: s.End == s.Start+1})
	}
	return source.NewText(t.Value[from:to], t.Sub(from, to), segs)
}

// back is the place in the author's text of an offset in the text with
// parameters.
func (c *scriptChecker) back(off int) int {
	shift := 0
	for _, h := range c.holes {
		if off >= h.end {
			shift = h.to - h.end
			continue
		}
		if off > h.at {
			return h.from
		}
		break
	}
	return off + shift
}

// atNode reports at a node of the shell's tree.
func (c *scriptChecker) atNode(sev source.Severity, code string, n syntax.Node, summary, detail string) {
	c.say(sev, code, c.back(int(n.Pos().Offset())), c.back(int(n.End().Offset())), summary, detail)
}

// parse reads the script in the bash dialect.
func (c *scriptChecker) parse() *syntax.File {
	file, err := parseShell(c.sub)
	if err == nil {
		return file
	}
	var pe syntax.ParseError
	var le syntax.LangError
	from, msg := 0, err.Error()
	switch {
	case errors.As(err, &pe):
		from, msg = int(pe.Pos.Offset()), pe.Text
	case errors.As(err, &le):
		from, msg = int(le.Pos.Offset()), le.Feature+" is not part of this shell"
	}
	msg = ownParam.ReplaceAllString(msg, "{{ }}")
	at := min(c.back(from), len(c.text.Value))
	c.add("bad-script", at, min(at+1, len(c.text.Value)), "the shell cannot read this: "+msg, "Scripts are bash; quotes and blocks must be closed.")
	return nil
}

var ownParam = regexp.MustCompile(`\$\{__rb[0-9]+\}`)

func parseShell(text string) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(true)).Parse(strings.NewReader(text), "")
}

// quote puts the quotes in: the text that will run.
func (c *scriptChecker) quote() string {
	var b strings.Builder
	at := 0
	for _, h := range c.holes {
		b.WriteString(c.sub[at:h.at])
		param := "${" + h.name + "}"
		if h.list() {
			param = "${" + h.name + "[@]}"
		}
		if h.ctx == bare {
			param = `"` + param + `"`
		}
		b.WriteString(param)
		at = h.end
	}
	b.WriteString(c.sub[at:])
	return b.String()
}

// verify parses what will run and looks for every hole exactly once, where it
// was found before, and quoted unless it was in a here-document or arithmetic.
func (c *scriptChecker) verify(final string) bool {
	file, err := parseShell(final)
	if err != nil {
		c.add("bad-script", 0, len(c.text.Value), "the script cannot be prepared", err.Error())
		return false
	}
	seen := map[string]int{}
	inQuotes := map[string]bool{}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ParamExp:
			if n.Param != nil && ownName.MatchString(n.Param.Value) {
				seen[n.Param.Value]++
			}
		case *syntax.DblQuoted:
			for _, p := range n.Parts {
				if pe, ok := p.(*syntax.ParamExp); ok && pe.Param != nil {
					inQuotes[pe.Param.Value] = true
				}
			}
		}
		return true
	})
	for _, h := range c.holes {
		if seen[h.name] != 1 || !inQuotes[h.name] && h.ctx != heredoc && h.ctx != arith {
			c.add("hole-here", h.from, h.to, "this hole cannot be quoted where it stands", "Make it a word of its own, or pass it through `env:` or `stdin:`.")
			return false
		}
	}
	return true
}
