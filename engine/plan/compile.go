package plan

import (
	"fmt"
	"strings"

	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/permit"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// Options say what the language is made of.
type Options struct {
	Kinds []kind.Kind
	// Beside opens a file that another one names: a path from that one's folder.
	// Nil opens none.
	Beside func(from *source.File, name string) (*source.File, error)
	// Policy is an organisation's, which the files are held against; nil is none.
	Policy *permit.Policy
}

// Language is the language with the kinds of the options.
func (o Options) Language() *syntax.Language {
	fields := make([]spec.Field, len(o.Kinds))
	for i, k := range o.Kinds {
		fields[i] = spec.Field{Key: k.Name, Shape: k.Options, Doc: k.Doc}
	}
	return syntax.NewLanguage(fields)
}

// Compile reads a file into a plan. It reports all that is wrong, and gives nil
// where any of it is an error.
func Compile(f *source.File, o Options, report source.Report) *Plan {
	if p, sound := compile(f, o, report, nil); sound {
		return p
	}
	return nil
}

// compile reads a file that another one runs, or that nobody does. The plan of
// one that is not sound tells as much as could be read.
func compile(f *source.File, o Options, report source.Report, from *calling) (*Plan, bool) {
	c := &compiler{opts: o, file: f, about: map[*types.Type]about{}, from: from, subs: map[string]*Plan{}}
	c.report = func(d source.Diagnostic) {
		c.failed = c.failed || d.Severity == source.Error
		report(d.Bounded())
	}
	root := syntax.Parse(f, c.report)
	if root == nil {
		return nil, false
	}
	if k, ok := root.Key("incident"); ok {
		c.error("reserved-key", k.Span, "`incident` is reserved", "A server will use it. Your own keys begin with `x-`.")
		return nil, false
	}
	l := o.Language()
	syntax.Check(root, l.Runbook, l.Resolve, c.report)
	c.lang = l
	p := c.compile(root)
	p.all = allOf(p)
	return p, !c.failed
}

// compiler holds what one compilation knows.
type compiler struct {
	opts   Options
	lang   *syntax.Language
	file   *source.File
	report source.Report
	failed bool // an error was reported
	// unnamedItem says that the name of an item could not be read.
	unnamedItem bool
	plan        *Plan

	root      *syntax.Node
	vars      []types.Field // inputs, secrets, facts, run: the same everywhere
	procs     map[string]*procedure
	procOrder []*procedure
	used      uses

	about  map[*types.Type]about // whose results the types under `steps` are
	proofs []proof
	spent  int              // evaluations, for the proofs so far
	byID   map[string]*Step // see steps

	from  *calling         // who runs this file; nil: nobody
	subs  map[string]*Plan // the runbooks that this file runs, by path; nil where one is not sound
	files int              // of the outermost file: how many were compiled below it

	ends  []*flow  // what is known at each `end`
	later []func() // what is compiled once all steps are
}

// uses are the declared things that something reads, to warn of the others.
// Beyond are the permissions that go beyond the policy, as LIST ENTRY.
type uses struct{ secrets, channels, entries, beyond map[string]bool }

func (c *compiler) error(code string, at source.Span, summary, detail string) {
	c.report(source.Diagnostic{Code: code, Span: at, Summary: summary, Detail: detail})
}

func (c *compiler) warn(code string, at source.Span, summary, detail string) {
	c.report(source.Diagnostic{Code: code, Severity: source.Warning, Span: at, Summary: summary, Detail: detail})
}

func (c *compiler) compile(root *syntax.Node) *Plan {
	c.root = root
	c.used = uses{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	c.plan = &Plan{
		File: c.file, Digest: digest(c.file.Data), APIVersion: str(root, "apiVersion"), Name: str(root, "name"), Title: str(root, "title"),
		Policy: c.opts.Policy, Description: str(root, "description"), Version: str(root, "version"), Triggers: strs(root.Get("triggers")), Tags: strs(root.Get("tags")),
	}
	c.declare()
	c.permissions()
	c.holdPermissions()
	c.attachments()
	c.procedures()
	c.body()
	c.unused()
	c.prove()
	return c.plan
}

// declare reads what the file declares: the roots of every scope.
func (c *compiler) declare() {
	inputs, facts, secrets := c.section("inputs"), c.section("facts"), c.section("secrets")
	for _, e := range entries(c.root.Get("inputs")) {
		d := c.decl(e, true)
		c.plan.Inputs = append(c.plan.Inputs, &Input{Decl: d, Span: e.Key.Span})
		inputs.Fields = append(inputs.Fields, types.Field{Name: d.Name, Type: inputType(&d)})
	}
	for _, e := range entries(c.root.Get("facts")) {
		d := c.decl(e, false)
		d.Required = false // nobody is asked for it
		c.plan.Facts = append(c.plan.Facts, &Fact{Decl: d, Span: e.Key.Span})
		t := *d.Type
		t.Nil = t.Nil || d.Default == nil
		facts.Fields = append(facts.Fields, types.Field{Name: d.Name, Type: &t})
	}
	for _, e := range entries(c.root.Get("secrets")) {
		c.plan.Secrets = append(c.plan.Secrets, &Secret{Name: e.Key.Value, Key: c.secretKey(e.Key.Value), Env: str(e.Value, "env"), File: str(e.Value, "file"), Command: strs(e.Value.Get("command")),
			Optional: flag(e.Value, "optional"), Description: str(e.Value, "description"), Span: e.Key.Span})
		secrets.Fields = append(secrets.Fields, types.Field{Name: e.Key.Value, Type: &types.Type{Kind: types.Secret}})
	}
	c.vars = []types.Field{{Name: "inputs", Type: inputs}, {Name: "secrets", Type: secrets}, {Name: "facts", Type: facts}, {Name: "run", Type: runType(false)}}
	scope := &lang.Scope{Vars: c.vars}
	c.plan.Links = c.links(c.root.Get("links"), scope)
	for _, e := range entries(c.root.Get("channels")) {
		c.channel(e)
	}
	c.requires()
}

// section is the type of what a part of the file declares: open where that part
// could not be read.
func (c *compiler) section(key string) *types.Type {
	return &types.Type{Kind: types.Object, Open: c.root.Doubtful(key)}
}

// requires reads which programs must be there, and where they depend on inputs.
func (c *compiler) requires() {
	inputs := &lang.Scope{Vars: c.vars[:1]}
	for _, n := range items(c.root.Get("requires").Get("commands")) {
		q := Requirement{Command: n.Text.Value, Span: n.Span}
		if n.Kind == syntax.Mapping {
			q.Command, q.If = str(n, "name"), c.expr(n.Get("if"), inputs, lang.WantBool)
		}
		if q.Command == "" && n.Kind == syntax.Scalar {
			c.error("empty-value", n.Span, "a program has no name", "Name it, or remove the entry.")
		}
		c.plan.Requires = append(c.plan.Requires, q)
	}
}

// inputType is an input's type where it is read: one that need not be given and
// has no default may be nil.
func inputType(d *types.Decl) *types.Type {
	t := *d.Type
	t.Nil = t.Nil || !d.Required && d.Default == nil
	return &t
}

// runType is what `run` holds; its outcome is known to `finally` only.
func runType(final bool) *types.Type {
	t := &types.Type{Kind: types.Object, Fields: []types.Field{
		{Name: "id", Type: &types.Type{Kind: types.String}}, {Name: "started", Type: &types.Type{Kind: types.Time}},
		{Name: "elapsed", Type: &types.Type{Kind: types.Duration}}, {Name: "user", Type: &types.Type{Kind: types.String}},
	}}
	if final {
		t.Fields = append(t.Fields, types.Field{Name: "outcome", Type: &types.Type{Kind: types.String, Enum: append(append([]string{}, syntax.Outcomes...), "completed", "cancelled")}})
	}
	return t
}

func (c *compiler) links(n *syntax.Node, s *lang.Scope) []Link {
	var out []Link
	for _, l := range items(n) {
		if u := c.shown(l.Get("url"), s); u != nil {
			out = append(out, Link{Title: str(l, "title"), URL: u})
		}
	}
	return out
}

// unused warns of what is declared and never read: where all could be
// read, as what could not may use it.
func (c *compiler) unused() {
	c.unusedEntries()
	if !c.root.Sound() {
		return
	}
	for _, s := range c.plan.Secrets {
		if !c.used.secrets[s.Name] {
			c.warn("unused", s.Span, fmt.Sprintf("the secret `%s` is never used", s.Name), "Remove it.")
		}
	}
	for _, p := range c.procOrder {
		if len(p.sites) == 0 {
			c.warn("unused", p.key.Span, fmt.Sprintf("the procedure `%s` is never called", p.key.Value), "Call it from a branch (`then:`) or with `run`, or remove it.")
		}
	}
	c.unusedAttachments()
}

// The accessors below are tolerant: what has the wrong shape was reported by
// Check, and reads as absent.

func str(n *syntax.Node, key string) string {
	v := n.Get(key)
	if v == nil || v.Kind != syntax.Scalar {
		return ""
	}
	return v.Text.Value
}

func flag(n *syntax.Node, key string) bool {
	v := n.Get(key)
	return v != nil && v.Kind == syntax.Scalar && v.Tag == syntax.Bool && strings.EqualFold(v.Text.Value, "true")
}

// entries are the entries of a mapping whose keys are the author's to choose; in
// those the language has keys for, one that begins with x- is found by nobody.
func entries(n *syntax.Node) []syntax.Entry {
	if n == nil || n.Kind != syntax.Mapping {
		return nil
	}
	return n.Entries
}

func items(n *syntax.Node) []*syntax.Node {
	if n == nil || n.Kind != syntax.Sequence {
		return nil
	}
	return n.Items
}

func strs(n *syntax.Node) []string {
	var out []string
	for _, i := range items(n) {
		if i.Kind == syntax.Scalar {
			out = append(out, i.Text.Value)
		}
	}
	return out
}
