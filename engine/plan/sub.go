package plan

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"runbook/engine/kind"
	"runbook/engine/permit"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// The bounds of files that run files.
const (
	maxSubDepth = 8
	maxSubs     = 100
)

// calling is a step that runs a file: what compiles it, and where it stands.
type calling struct {
	c  *compiler
	at source.Span
}

// secretKey is what the run knows a secret by: each file's are its own.
func (c *compiler) secretKey(name string) string {
	if c.from == nil {
		return name
	}
	return c.file.Name + ":" + name
}

// runbook is the plan of a file that a step runs, nil where there is none or it is
// not sound. Each is compiled once for a file that runs it.
func (c *compiler) runbook(n *syntax.Node) *Plan {
	if n == nil || n.Kind != syntax.Scalar {
		return nil
	}
	if p, done := c.subs[n.Text.Value]; done {
		return p
	}
	c.subs[n.Text.Value] = nil
	f := c.beside(n)
	if f == nil || !c.mayRun(f, n) {
		return nil
	}
	p, sound := compile(f, c.opts, c.report, &calling{c, n.Span})
	c.subs[n.Text.Value] = p
	if p != nil {
		c.keep(p.Beside...)
		p.unsound = !sound
	}
	return p
}

// mayRun: files that run each other never end; too many take too long.
func (c *compiler) mayRun(f *source.File, n *syntax.Node) bool {
	way := []string{f.Name}
	root := c
	for at := c; at != nil; {
		root = at
		way = append([]string{at.file.Name}, way...)
		if filepath.Clean(at.file.Name) == filepath.Clean(f.Name) {
			c.error("cycle", n.Span, "runbooks run each other in a circle: "+strings.Join(way, " -> "), "Every run must end. Put what both need into a third file.")
			return false
		}
		if at.from == nil {
			break
		}
		at = at.from.c
	}
	root.files++
	switch {
	case len(way) > maxSubDepth:
		c.error("too-deep", n.Span, fmt.Sprintf("runbooks run runbooks more than %d deep: %s", maxSubDepth, strings.Join(way, " -> ")), "Run it from a file further out.")
	case root.files > maxSubs:
		c.error("too-many", n.Span, fmt.Sprintf("more than %d runbooks are run from one file", maxSubs), "Divide it.")
	default:
		return true
	}
	return false
}

// sub compiles the step that runs another runbook.
func (c *compiler) sub(f *flow, n *syntax.Node) *Sub {
	at := n.Get("runbook")
	p := c.runbook(at)
	if p == nil {
		return nil
	}
	decls := make([]types.Decl, len(p.Inputs))
	for i, in := range p.Inputs {
		decls[i] = in.Decl
	}
	s := &Sub{Plan: p, Inputs: c.settings(n.Get("inputs"), decls, "input", f.scope()), Path: at.Text.Value, Span: at.Span}
	for _, d := range decls {
		if d.Required && !slices.ContainsFunc(s.Inputs, func(x Setting) bool { return x.Name == d.Name }) {
			c.error("missing-input", at.Span, fmt.Sprintf("`%s` needs the input `%s`", at.Text.Value, d.Name), "Give it in `inputs`.")
		}
	}
	return s
}

// subType enters what comes back of another runbook. Where it may have failed and
// the run goes on, its outputs may be missing.
func (c *compiler) subType(t *types.Type, n *syntax.Node, soft bool, late func(string, *types.Type)) {
	p := c.runbook(n)
	if p == nil {
		t.Open = true // what is wrong is said in that file
		return
	}
	t.Open = p.unsound
	late("outcome", &types.Type{Kind: types.String, Enum: append(slices.Clone(syntax.Outcomes), "completed")})
	late("summary", &types.Type{Kind: types.String})
	for _, o := range p.Outputs {
		typ := types.Type{Kind: types.Any}
		if o.Type != nil {
			typ = *o.Type
		}
		typ.Nil = typ.Nil || soft
		late(o.Name, &typ)
	}
}

// callers are the files around this one, from the nearest out.
func (c *compiler) callers() []*calling {
	var out []*calling
	for at := c.from; at != nil; at = at.c.from {
		out = append(out, at)
	}
	return out
}

// callersPermit holds a command against what the files around this one may do.
func (c *compiler) callersPermit(cmd kind.Command, action bool) {
	for _, by := range c.callers() {
		set := by.c.plan.Permissions.Static
		by.c.uses(set, cmd)
		if set.Partly(cmd.Words, cmd.Whole, action) != permit.No {
			continue
		}
		list := "permissions.observe"
		if action {
			list = "permissions.act"
		}
		d := set.Command(cmd.Words, action)
		c.notPermittedBy(by, cmd.Span, fmt.Sprintf("`%s` is not permitted by `%s`, which runs this file", strings.Join(cmd.Words, " "), by.c.file.Name),
			"Both must permit it. "+addition(d.Suggest, list, " there"))
	}
}

// callersPermitHost does so with a host.
func (c *compiler) callersPermitHost(host string, port int, at source.Span) {
	for _, by := range c.callers() {
		p := by.c.plan.Permissions
		d := p.Static.Host(host, port)
		if d.OK || len(p.Hosts) > 0 {
			continue
		}
		c.notPermittedBy(by, at, fmt.Sprintf("the host `%s` is not permitted by `%s`, which runs this file", host, by.c.file.Name),
			fmt.Sprintf("Both must permit it. Add `%s` to `permissions.hosts` there.", d.Suggest))
	}
}

func (c *compiler) notPermittedBy(by *calling, at source.Span, summary, detail string) {
	c.report(source.Diagnostic{Code: "not-permitted", Span: at, Summary: summary, Detail: detail, Related: []source.Note{{Span: by.at, Text: "it is run here"}}})
}

// uses notes the entries that a command may need.
func (c *compiler) uses(set permit.Set, cmd kind.Command) {
	for _, e := range append(append([]string{}, set.Observe...), set.Act...) {
		if words := permit.Split(e); len(words) > 0 && len(cmd.Words) > 0 && words[0] == cmd.Words[0] {
			c.used.entries[e] = true
		}
	}
}

// Plans are the plan itself and those of the runbooks that it runs, however
// deep, each file once.
func (p *Plan) Plans() []*Plan { return slices.Clone(p.all) }

// allOf finds the plans that a plan is made of, once: it does not change.
func allOf(p *Plan) []*Plan {
	var out []*Plan
	var add func(*Plan)
	add = func(x *Plan) {
		if slices.ContainsFunc(out, func(y *Plan) bool { return y.File.Name == x.File.Name }) {
			return
		}
		out = append(out, x)
		x.Walk(func(s *Step) {
			if s.Sub != nil {
				add(s.Sub.Plan)
			}
		})
	}
	add(p)
	return out
}

// StepNames are the names by which people answer questions of steps: their ids,
// and `ID/STEP` for a step of the runbook that the step ID runs.
func (p *Plan) StepNames() []string {
	var out []string
	p.WalkNamed(func(name string, _ *Step) { out = append(out, name) })
	return out
}

// WalkNamed visits every step, those of the runbooks that it runs included, with
// the name by which people answer its questions.
func (p *Plan) WalkNamed(visit func(name string, s *Step)) {
	p.Walk(func(s *Step) {
		visit(s.ID, s)
		if s.Sub != nil {
			s.Sub.Plan.WalkNamed(func(name string, inner *Step) { visit(s.ID+"/"+name, inner) })
		}
	})
}
