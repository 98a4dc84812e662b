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
)

// optionCompiler compiles one use of a kind, and gathers what is known of it.
type optionCompiler struct {
	*compiler
	scope       *lang.Scope
	use         kind.Use
	interpreter string
}

// options compiles what stands behind a kind's key.
func (c *compiler) options(k *kind.Kind, n *syntax.Node, check bool, s *lang.Scope) *Tree {
	o := &optionCompiler{compiler: c, scope: s, use: kind.Use{Check: check, Options: map[string]kind.Leaf{}, Span: n.Span}}
	shape := k.Options
	if shape.Form == spec.OneOf {
		shape = shape.Alts[len(shape.Alts)-1]
	}
	if n.Kind != syntax.Mapping {
		f, _ := shape.Field(k.Short)
		if f.Shape == nil || n.Kind != syntax.Scalar {
			return nil
		}
		t := o.tree(n, f.Shape, k.Short)
		if t == nil {
			return nil
		}
		o.finish(k, n)
		return &Tree{IsMap: true, Map: []TreeEntry{{k.Short, t}}, Span: n.Span}
	}
	if i := items(n.Get("interpreter")); len(i) > 0 && i[0].Kind == syntax.Scalar {
		o.interpreter = i[0].Text.Value
		o.use.Commands = append(o.use.Commands, kind.Command{Words: strs(n.Get("interpreter")), Whole: true, Span: i[0].Span})
	}
	t := o.tree(n, shape, "")
	o.argv(n.Get("argv"))
	o.finish(k, n)
	return t
}

// argv is a program without a shell: its words as far as they are known.
func (o *optionCompiler) argv(n *syntax.Node) {
	if len(items(n)) == 0 {
		return
	}
	cmd := kind.Command{Whole: true, Span: n.Span}
	for i := range n.Items {
		l := o.use.Options[fmt.Sprintf("argv[%d]", i)]
		word, ok := l.Value.(string)
		if !ok || !l.Known {
			cmd.Whole = false
			break
		}
		cmd.Words = append(cmd.Words, word)
	}
	o.use.Commands = append(o.use.Commands, cmd)
}

// finish runs the kind's own rules, and holds what it needs against the
// permissions; both where all options could be read.
func (o *optionCompiler) finish(k *kind.Kind, n *syntax.Node) {
	if !n.Sound() {
		return
	}
	if k.Check != nil {
		k.Check(o.use, o.report)
	}
	if k.Effects == nil {
		return
	}
	for _, e := range k.Effects(o.use) {
		switch {
		case e.Command != nil:
			o.permitCommand(*e.Command, !o.use.Check)
		case e.Host != "":
			o.permitHost(e.Host, e.Span)
		case e.File != "":
			o.permitFile(e.File, e.Write, e.Span)
		case e.Variable != "":
			o.permitVariable(e.Variable, e.Span)
		}
	}
}

// tree compiles a value by its shape.
func (o *optionCompiler) tree(n *syntax.Node, s *spec.Shape, path string) *Tree {
	switch s.Form {
	case spec.Object, spec.Map:
		return o.mapping(n, s, path)
	case spec.List:
		t := &Tree{IsList: true, Span: n.Span}
		for i, item := range items(n) {
			if x := o.tree(item, s.Elem, fmt.Sprintf("%s[%d]", path, i)); x != nil {
				t.List = append(t.List, x)
			}
		}
		return t
	case spec.Tree:
		return o.free(n, path)
	case spec.Template:
		return o.text(n, path, false)
	case spec.Expr:
		if e := o.expr(n, o.scope, lang.WantAny); e != nil {
			return &Tree{Expr: e, Span: n.Span}
		}
		return nil
	case spec.Script:
		return o.script(n)
	}
	return o.literal(n, s, path)
}

func (o *optionCompiler) mapping(n *syntax.Node, s *spec.Shape, path string) *Tree {
	t := &Tree{IsMap: true, Span: n.Span}
	for _, e := range entries(n) {
		shape := s.Elem
		if s.Form == spec.Object {
			f, ok := s.Field(e.Key.Value)
			if !ok {
				continue // reported by Check
			}
			shape = f.Shape
		}
		if x := o.tree(e.Value, shape, join(path, e.Key.Value)); x != nil {
			t.Map = append(t.Map, TreeEntry{e.Key.Value, x})
		}
	}
	return t
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// free compiles a tree of the author's own, whose strings are templates; one
// that is a single hole keeps its type.
func (o *optionCompiler) free(n *syntax.Node, path string) *Tree {
	switch n.Kind {
	case syntax.Mapping:
		t := &Tree{IsMap: true, Span: n.Span}
		for _, e := range n.Entries {
			if x := o.free(e.Value, join(path, e.Key.Value)); x != nil {
				t.Map = append(t.Map, TreeEntry{e.Key.Value, x})
			}
		}
		o.use.Options[path] = kind.Leaf{Span: n.Span}
		return t
	case syntax.Sequence:
		t := &Tree{IsList: true, Span: n.Span}
		for i, item := range n.Items {
			if x := o.free(item, fmt.Sprintf("%s[%d]", path, i)); x != nil {
				t.List = append(t.List, x)
			}
		}
		o.use.Options[path] = kind.Leaf{Span: n.Span}
		return t
	}
	if n.Kind == syntax.Scalar && n.Tag == syntax.Str {
		return o.text(n, path, true)
	}
	v := syntax.Literal(n)
	o.use.Options[path] = kind.Leaf{Value: v, Known: true, Span: n.Span}
	return &Tree{Const: v, Span: n.Span}
}

func (o *optionCompiler) text(n *syntax.Node, path string, typed bool) *Tree {
	t := o.template(n, o.scope)
	if t == nil {
		return nil
	}
	if s, ok := t.Const(); ok {
		o.use.Options[path] = kind.Leaf{Value: s, Known: true, Span: n.Span}
		return &Tree{Const: s, Span: n.Span}
	}
	o.use.Options[path] = kind.Leaf{Prefix: t.Prefix(), Span: n.Span}
	return &Tree{Tmpl: t, Typed: typed, Span: n.Span}
}

func (o *optionCompiler) script(n *syntax.Node) *Tree {
	if n.Kind != syntax.Scalar || n.Reported {
		return nil
	}
	s := lang.CompileScript(n.Text, o.scope, lang.ScriptOptions{Interpreter: o.interpreter}, o.report)
	if s == nil {
		return nil
	}
	o.noteReads(s.Reads())
	for _, c := range s.Commands {
		o.use.Commands = append(o.use.Commands, kind.Command{Words: c.Words, Whole: c.Whole, Span: c.Span})
	}
	for _, f := range s.Files {
		o.permitFile(f.Path, f.Write, f.Span)
	}
	for _, v := range s.Variables {
		o.dropsVariable(v.Name, v.Span)
	}
	return &Tree{Script: s, Span: n.Span}
}

// literal is an option that is not computed.
func (o *optionCompiler) literal(n *syntax.Node, s *spec.Shape, path string) *Tree {
	v := syntax.Literal(n)
	if n.Kind == syntax.Scalar {
		switch s.Form {
		case spec.Duration:
			v = durationOf(n)
		case spec.Size:
			if i, whole := v.(int); whole {
				v = int64(i)
			} else {
				v, _ = spec.ParseSize(n.Text.Value) // Check reports what cannot be read
			}
		}
	}
	o.use.Options[path] = kind.Leaf{Value: v, Known: true, Span: n.Span}
	return &Tree{Const: v, Span: n.Span}
}

// permissions reads what the file may do.
func (c *compiler) permissions() {
	n := c.root.Get("permissions")
	p := &c.plan.Permissions
	p.Static = permit.Set{Observe: strs(n.Get("observe")), Act: strs(n.Get("act")), Env: strs(n.Get("env")), Read: strs(n.Get("files").Get("read")), Write: strs(n.Get("files").Get("write"))}
	for _, key := range []string{"observe", "act"} {
		for _, e := range items(n.Get(key)) {
			if e.Kind != syntax.Scalar {
				continue
			}
			if why := permit.CheckEntry(e.Text.Value); why != "" {
				c.error("bad-permission", e.Span, why, "Write the words that argv must begin with: `kubectl get`.")
			} else if permit.RunsOthers(e.Text.Value) {
				c.warn("runs-others", e.Span, fmt.Sprintf("`%s` runs other programs, so this permits everything", e.Text.Value), "Permit the programs themselves.")
			}
		}
	}
	scope := &lang.Scope{Vars: c.vars[:1]}
	for _, h := range items(n.Get("hosts")) {
		t := c.template(h, scope)
		if t == nil {
			continue
		}
		if host, ok := t.Const(); ok {
			p.Static.Hosts = append(p.Static.Hosts, host)
			continue
		}
		p.Hosts = append(p.Hosts, t)
	}
}

// permitsUnknown reports whether the permissions could not be read.
func (c *compiler) permitsUnknown() bool {
	return c.root.Doubtful("permissions") || !c.root.Get("permissions").Sound()
}

// permitCommand holds a command against the permissions, as far as it is known.
func (c *compiler) permitCommand(cmd kind.Command, action bool) {
	set := c.plan.Permissions.Static
	c.uses(set, cmd)
	if c.permitsUnknown() {
		return
	}
	if set.Partly(cmd.Words, cmd.Whole, action) != permit.No {
		c.callersPermit(cmd, action)
		c.holdCommand(cmd, action)
		return
	}
	d := set.Command(cmd.Words, action)
	list := "permissions.observe"
	if action {
		list = "permissions.act"
	}
	c.error("not-permitted", cmd.Span, fmt.Sprintf("`%s` is not permitted", strings.Join(cmd.Words, " ")), capital(d.Reason)+". "+addition(d.Suggest, list, ""))
}

// addition says which entry is missing from a list of commands.
func addition(entry, list, where string) string {
	if entry == "" {
		return "No entry can name it: give the program a name without spaces and signs of the shell."
	}
	return fmt.Sprintf("Add `%s` to `%s`%s.", entry, list, where)
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// permitHost holds a host against the permissions; where some of those are
// templates, the run decides.
func (c *compiler) permitHost(host string, at source.Span) {
	bare, port := hostPort(host)
	d := c.plan.Permissions.Static.Host(bare, port)
	if c.permitsUnknown() {
		return
	}
	if d.OK || len(c.plan.Permissions.Hosts) > 0 {
		c.callersPermitHost(bare, port, at)
		c.holdHost(bare, port, at)
		return
	}
	c.error("not-permitted", at, fmt.Sprintf("the host `%s` is not permitted", bare), fmt.Sprintf("Add `%s` to `permissions.hosts`.", d.Suggest))
}

// hostPort parts a host and its port, 0 where it has none: a bare address of IPv6
// has colons and no port.
func hostPort(host string) (bare string, port int) {
	if strings.Count(host, ":") > 1 && !strings.HasPrefix(host, "[") {
		return host, 0
	}
	if i := strings.LastIndexByte(host, ':'); i > 0 && !strings.HasSuffix(host, "]") {
		if _, err := fmt.Sscanf(host[i+1:], "%d", &port); err == nil {
			return host[:i], port
		}
	}
	return host, 0
}

// permitFile holds a file against the permissions, as far as names alone can
// tell; where links lead, the run sees.
func (c *compiler) permitFile(path string, write bool, at source.Span) {
	if c.permitsUnknown() || c.plan.Permissions.Static.File(path, "", write) != permit.No {
		c.holdFile(path, write, at)
		return
	}
	list := "permissions.files.read"
	if write {
		list = "permissions.files.write"
	}
	c.error("not-permitted", at, fmt.Sprintf("the file `%s` is not permitted", path), fmt.Sprintf("Add `%s`, or a folder above it, to `%s`.", path, list))
}

// permitVariable holds a variable that a step sets for programs against the
// permissions.
func (c *compiler) permitVariable(name string, at source.Span) {
	if c.permitsUnknown() || !permit.Dangerous(name) {
		return
	}
	if !c.plan.Permissions.Static.Variable(name).OK {
		c.error("not-permitted", at, fmt.Sprintf("the variable `%s` is not permitted: it changes what a permitted program does", name), fmt.Sprintf("Add `%s` to `permissions.env`.", name))
		return
	}
	for _, by := range c.callers() {
		if !by.c.plan.Permissions.Static.Variable(name).OK {
			c.notPermittedBy(by, at, fmt.Sprintf("the variable `%s` is not permitted by `%s`, which runs this file", name, by.c.file.Name),
				fmt.Sprintf("Both must permit it. Add `%s` to `permissions.env` there.", name))
		}
	}
}

// dropsVariable warns of a variable that a script sets and that programs do not see.
func (c *compiler) dropsVariable(name string, at source.Span) {
	if !c.permitsUnknown() && !c.plan.Permissions.Static.Variable(name).OK {
		c.warn("dropped", at, fmt.Sprintf("programs do not see this `%s`: it changes what they do, and `permissions.env` does not list it", name),
			fmt.Sprintf("Add `%s` to `permissions.env`, or do not set it.", name))
	}
}

// unusedEntries warns of permissions that no command of the file can use.
func (c *compiler) unusedEntries() {
	n := c.root.Get("permissions")
	for _, key := range []string{"observe", "act"} {
		for _, e := range items(n.Get(key)) {
			if !c.root.Sound() && (e.Kind != syntax.Scalar || !lang.IsBuiltin(e.Text.Value)) {
				continue
			}
			if e.Kind == syntax.Scalar && !c.used.entries[e.Text.Value] && permit.CheckEntry(e.Text.Value) == "" {
				c.warn("unused", e.Span, unusedWhy(permit.Split(e.Text.Value)[0]), "Remove the permission.")
			}
		}
	}
}

func unusedWhy(program string) string {
	if lang.IsBuiltin(program) {
		return fmt.Sprintf("`%s` is a command of the embedded shell, and needs no permission", program)
	}
	return fmt.Sprintf("nothing in this file runs `%s`", program)
}
