package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// decl reads a typed declaration and holds its default against it.
func (c *compiler) decl(e syntax.Entry, input bool) types.Decl {
	n := e.Value
	d := types.Decl{Name: e.Key.Value, Description: str(n, "description")}
	if n.Kind != syntax.Mapping || slices.ContainsFunc([]string{"type", "of", "default", "required"}, n.Doubtful) {
		d.Type = &types.Type{Kind: types.Any} // Check reports why
		return d
	}
	d.Type = &types.Type{Kind: kindOf(str(n, "type"))}
	if d.Type.Kind == types.List {
		d.Type.Elem = &types.Type{Kind: kindOf(str(n, "of"))}
	} else if of := n.Get("of"); of != nil {
		c.error("bad-declaration", of.Span, "`of` means nothing on "+types.Article(d.Type), "It gives the type of a list's entries: `type: list`.")
	}
	d.Type.Open = d.Type.Kind == types.Object // what is in it, the run knows
	c.pattern(&d, n)
	known := c.enum(&d, n)
	d.Min, d.Max = c.bound(&d, n.Get("min")), c.bound(&d, n.Get("max"))
	d.Required = n.Get("default") == nil && (n.Get("required") == nil || flag(n, "required"))
	d.Required = d.Required || !known // what it is, nobody can say; not nil
	if v := n.Get("default"); v != nil && v.Kind == syntax.Null && !v.Reported {
		d.Required = true
		c.error("empty-value", v.Span, fmt.Sprintf("the default of `%s` has no value", d.Name), "Give it one, or remove `default`.")
	} else if v != nil && known && v.Sound() {
		got, err := d.CheckWritten(syntax.Literal(v))
		if err != nil {
			d.Required = true // it is not nil where it is read
			remedy := "Change the default or the declaration."
			written := syntax.Literal(v)
			_, isText := written.(string)
			if _, large := written.(json.Number); isText || large || d.Type.Kind == types.String {
				remedy = strings.TrimSpace(syntax.Reading(v) + " " + remedy)
			}
			c.error("bad-default", v.Span, fmt.Sprintf("the default of `%s` does not fit: %s", d.Name, err), remedy)
		}
		d.Default = got
		if r := n.Get("required"); r != nil && flag(n, "required") && input {
			c.warn("bad-declaration", r.Span, fmt.Sprintf("`%s` has a default, so it is never missing", d.Name), "Remove `required` or `default`.")
			d.Required = false
		}
	}
	return d
}

func kindOf(name string) types.Kind {
	if k, ok := types.KindOf(name); ok {
		return k
	}
	return types.String
}

func (c *compiler) pattern(d *types.Decl, n *syntax.Node) {
	p := n.Get("pattern")
	if p == nil || p.Kind != syntax.Scalar || p.Reported {
		return
	}
	d.Pattern = p.Text.Value
	t := d.Type
	if t.Kind == types.List {
		t = t.Elem
	}
	if t.Kind != types.String && t.Kind != types.URL {
		c.error("bad-declaration", p.Span, "`pattern` is for strings, and this is "+t.String(), "Use `min` and `max`.")
	}
	if _, err := regexp.Compile(d.Pattern); err != nil {
		c.error("bad-declaration", p.Span, "the pattern is not a regular expression: "+err.Error(), "Patterns are RE2: no look-around, no back-references.")
		d.Pattern = ""
	}
	t.Pattern = d.Pattern
}

// enum reads the values that there are; it is false where one of them cannot be.
func (c *compiler) enum(d *types.Decl, n *syntax.Node) (known bool) {
	known = true
	if !n.Get("enum").Sound() {
		return false
	}
	for _, v := range items(n.Get("enum")) {
		t := *d.Type // without the values read so far
		if t.Kind == types.List {
			t = *d.Type.Elem
		}
		t.Enum = nil
		plain := types.Decl{Type: &t}
		got, err := plain.CheckWritten(syntax.Literal(v))
		if err != nil {
			known = false
			c.error("bad-declaration", v.Span, "this value does not fit the type: "+err.Error(), cmp.Or(syntax.Reading(v), "Change the value or the type."))
			continue
		}
		d.Enum = append(d.Enum, got)
		if s, ok := got.(string); ok && d.Type.Kind == types.String {
			d.Type.Enum = append(d.Type.Enum, s)
		}
	}
	if d.Type.Kind == types.List {
		if len(d.Enum) > 0 {
			for _, v := range d.Enum {
				d.Type.Elem.Enum = append(d.Type.Elem.Enum, types.Format(v))
			}
			d.Enum = nil
		}
	}
	return known
}

// bound reads min or max: a number, or a duration for durations.
func (c *compiler) bound(d *types.Decl, n *syntax.Node) any {
	if n == nil || !n.Sound() {
		return nil
	}
	v := syntax.Literal(n)
	if s, ok := v.(string); ok && d.Type.Kind == types.Duration {
		if x, err := time.ParseDuration(s); err == nil {
			return x
		}
	}
	switch v.(type) {
	case int, float64:
		if d.Type.Kind != types.Duration && d.Type.Kind != types.Bool && d.Type.Kind != types.Time {
			return v
		}
	}
	c.error("bad-declaration", n.Span, fmt.Sprintf("a bound of %s cannot be %s", d.Type, types.Format(v)), "Numbers, and lengths of strings and lists, are bounded by numbers; durations by durations.")
	return nil
}

// template compiles a text; nil where it cannot be.
func (c *compiler) template(n *syntax.Node, s *lang.Scope) *lang.Template {
	if n == nil || n.Kind != syntax.Scalar || n.Reported {
		return nil
	}
	t := lang.CompileTemplate(n.Text, s, c.doubting(s))
	if t == nil {
		c.noteMentions(n.Text.Value)
		return nil
	}
	c.noteReads(t.Reads())
	return t
}

var secretPath = regexp.MustCompile(`secrets\.[A-Za-z0-9_-]+`)

// noteMentions notes the secrets that a text which could not be compiled names.
func (c *compiler) noteMentions(text string) { c.noteReads(secretPath.FindAllString(text, -1)) }

// shown compiles a text that people see, in which no secret may stand.
func (c *compiler) shown(n *syntax.Node, s *lang.Scope) *lang.Template {
	t := c.template(n, s)
	if t == nil {
		return nil
	}
	for _, r := range t.Reads() {
		if typ := s.TypeOf(r); typ != nil && typ.Kind == types.Secret {
			c.error("secret-shown", n.Span, fmt.Sprintf("`%s` is a secret, and this text is for people", r), "It would be masked. Leave it out.")
		}
	}
	return t
}

func (c *compiler) noteReads(paths []string) {
	for _, p := range paths {
		if name, ok := strings.CutPrefix(p, "secrets."); ok {
			name, _, _ = strings.Cut(name, ".")
			c.used.secrets[name] = true
		}
	}
}

// expr compiles an expression; nil where it cannot be.
func (c *compiler) expr(n *syntax.Node, s *lang.Scope, want lang.Want) *lang.Expr {
	if n == nil || n.Kind != syntax.Scalar || n.Reported || strings.TrimSpace(n.Text.Value) == "" {
		return nil
	}
	e := lang.CompileExpr(n.Text, s, want, c.doubting(s))
	if e == nil {
		c.noteMentions(n.Text.Value)
		return nil
	}
	c.noteReads(e.Reads)
	return e
}

// duration reads a duration that Check has seen.
func durationOf(n *syntax.Node) time.Duration {
	if n == nil || n.Kind != syntax.Scalar {
		return 0
	}
	d, _ := spec.ParseDuration(n.Text.Value) // Check reports what cannot be read
	return d
}

// settings compiles the values that facts or inputs are set to.
func (c *compiler) settings(n *syntax.Node, decls []types.Decl, what string, s *lang.Scope) []Setting {
	var out []Setting
	for _, e := range entries(n) {
		i := slices.IndexFunc(decls, func(d types.Decl) bool { return d.Name == e.Key.Value })
		if i < 0 {
			c.unknown(e.Key.Span, what, e.Key.Value, declNames(decls))
			continue
		}
		if t := c.value(e.Value, &decls[i], s); t != nil {
			out = append(out, Setting{Name: e.Key.Value, Value: t, Decl: &decls[i], Span: e.Key.Span})
		}
	}
	return out
}

func declNames(decls []types.Decl) []string {
	names := make([]string, len(decls))
	for i, d := range decls {
		names[i] = d.Name
	}
	return names
}

// declaredIn is the part of a file that declares things of a sort.
var declaredIn = map[string]string{"fact": "facts", "secret": "secrets", "channel": "channels", "attachment": "attachments", "procedure": "procedures"}

// unknown reports a name that is not declared.
// Where it is declared in a part of the file that could not be read, nothing is
// known.
func (c *compiler) unknown(at source.Span, what, name string, have []string) {
	if part := declaredIn[what]; part != "" && c.root.Doubtful(part) {
		return
	}
	detail := fmt.Sprintf("No %s is declared.", what)
	if len(have) > 0 {
		detail = fmt.Sprintf("Declared: %s.", strings.Join(have, ", "))
	}
	if near := source.Suggest(name, have); near != "" {
		detail = fmt.Sprintf("Did you mean `%s`?", near)
	}
	c.error("unknown-"+strings.ReplaceAll(what, " ", "-"), at, fmt.Sprintf("there is no %s `%s`", what, name), detail)
}

// value compiles what a declared name is set to: for strings a template, for
// other types a literal or an expression.
func (c *compiler) value(n *syntax.Node, d *types.Decl, s *lang.Scope) *Tree {
	isText := d.Type.Kind == types.String || d.Type.Kind == types.URL || d.Type.Kind == types.Time && strings.Contains(n.Text.Value, "{{")
	switch {
	case !n.Sound():
		return nil
	case d.Type.Kind == types.Any: // a declaration that could not be read
		return &Tree{Const: syntax.Literal(n), Span: n.Span}
	case n.Kind == syntax.Scalar && n.Tag == syntax.Str && isText:
		return c.textValue(n, d, s)
	case n.Kind == syntax.Scalar && n.Tag == syntax.Str && (d.Type.Kind == types.Duration || d.Type.Kind == types.Time):
		if v, err := d.Check(n.Text.Value); err == nil {
			return &Tree{Const: v, Span: n.Span}
		}
		fallthrough
	case n.Kind == syntax.Scalar && n.Tag == syntax.Str:
		e := c.expr(n, s, lang.WantAny)
		if e == nil {
			return nil
		}
		c.fits(n, e.Type, d)
		return &Tree{Expr: e, Span: n.Span}
	}
	v, err := d.CheckWritten(syntax.Literal(n))
	if err != nil {
		c.error("wrong-type", n.Span, fmt.Sprintf("`%s` cannot be this: %s", d.Name, err), "It is declared as "+d.Type.String()+".")
		return nil
	}
	return &Tree{Const: v, Span: n.Span}
}

// textValue compiles a template; one without holes is held against the
// declaration now.
func (c *compiler) textValue(n *syntax.Node, d *types.Decl, s *lang.Scope) *Tree {
	t := c.shown(n, s)
	if t == nil {
		return nil
	}
	text, isConst := t.Const()
	if !isConst {
		return &Tree{Tmpl: t, Span: n.Span}
	}
	v, err := d.Check(text)
	if err != nil {
		c.error("wrong-type", n.Span, fmt.Sprintf("`%s` cannot be this: %s", d.Name, err), "It is declared as "+d.Type.String()+".")
		return nil
	}
	if looksLikePath(text, d, s) {
		c.warn("looks-like-a-path", n.Span, fmt.Sprintf("`%s` is taken literally", text), fmt.Sprintf("To read the value write `{{ .%s }}`.", text))
	}
	return &Tree{Const: v, Span: n.Span}
}

// looksLikePath reports whether a literal is probably meant as a path: it leads to
// something in the scope. A word that the declaration lists is meant as it is.
func looksLikePath(text string, d *types.Decl, s *lang.Scope) bool {
	if len(d.Enum) > 0 || !s.Has(text) {
		return false
	}
	return strings.Contains(text, ".") || !slices.Contains([]string{"inputs", "secrets", "facts", "run", "steps"}, text)
}

// fits reports an expression whose type is certainly not the declared one.
func (c *compiler) fits(n *syntax.Node, have *types.Type, d *types.Decl) {
	if have == nil || have.Kind == types.Any || d.Type.Kind == types.Any || have.Kind == d.Type.Kind ||
		d.Type.Kind == types.Number && have.Kind == types.Int || d.Type.Kind == types.Int && have.Kind == types.Number {
		return
	}
	c.error("wrong-type", n.Span, fmt.Sprintf("`%s` is declared as %s, and this gives %s", d.Name, d.Type, have), "Convert it, or change the declaration.")
}
