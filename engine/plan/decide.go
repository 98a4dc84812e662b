package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// branchID is a branch's name: its own, or that of its procedure.
func branchID(b *syntax.Node) (source.Text, bool) {
	if b == nil || b.Kind != syntax.Mapping {
		return source.Text{}, false
	}
	if id := b.Get("id"); id != nil && id.Kind == syntax.Scalar {
		return id.Text, true
	}
	then := b.Get("then")
	if then != nil && then.Kind == syntax.Mapping {
		then = then.Get("procedure")
	}
	if then != nil && then.Kind == syntax.Scalar {
		return then.Text, true
	}
	return source.Text{}, false
}

// decide compiles a decision and its branches.
func (c *compiler) decide(f *flow, st *Step, n *syntax.Node) {
	st.Ask = c.shown(n.Get("ask"), f.scope())
	seen := map[string]source.Text{}
	before := f.fork() // what is known when the branches before were not taken
	all := &stretch{node: n, around: f.held}
	for _, b := range items(n.Get("branches")) {
		c.branch(before, st, all, b, seen)
	}
	if e := n.Get("else"); e != nil {
		c.branch(before, st, all, e, seen)
	}
	c.proofs = append(c.proofs, proof{flow: f.place(), step: st, otherwise: n.Get("else") != nil})
	for _, b := range append(items(n.Get("branches")), n.Get("else")) {
		c.forget(f, b)
	}
}

func (c *compiler) branch(before *flow, st *Step, decision *stretch, n *syntax.Node, seen map[string]source.Text) {
	if n.Kind != syntax.Mapping {
		return
	}
	id := c.branchName(n, seen)
	b := &Branch{ID: id.Value, Span: id.Span}
	in := before.fork()
	if n != decision.node.Get("else") {
		if st.Ask != nil {
			in.held = decision.around // a person may have passed over one that holds
		}
		c.when(before, in, st, b, decision, n)
	}
	b.Title = c.shown(n.Get("title"), in.scope())
	b.Facts = c.settings(n.Get("facts"), c.factDecls(), "fact", in.scope())
	then, inner := n.Get("then"), n.Get("steps")
	if then != nil {
		b.Call = c.then(in, then)
	}
	b.Steps = c.list(in, inner)
	st.Branches = append(st.Branches, b)
}

// when compiles a branch's condition: in knows that it holds, and the branches
// behind it, before, that it did not.
func (c *compiler) when(before, in *flow, st *Step, b *Branch, decision *stretch, n *syntax.Node) {
	b.When = c.expr(n.Get("when"), before.scope(), lang.WantBool)
	if b.When == nil {
		return
	}
	in.know(b.When.Ensures...)
	in.assume(b.When, true, decision)
	before.assume(b.When, false, decision)
	if st.Ask == nil {
		before.know(b.When.Denies...)
	}
}

func (c *compiler) branchName(n *syntax.Node, seen map[string]source.Text) source.Text {
	id, ok := branchID(n)
	if !ok {
		return id // reported by Check
	}
	if first, twice := seen[id.Value]; twice {
		c.report(source.Diagnostic{Code: "duplicate-id", Span: id.Span, Summary: fmt.Sprintf("a second branch has the id `%s`", id.Value),
			Detail: "Give it an `id` of its own.", Related: []source.Note{{Span: first.Span, Text: "the first one"}}})
	}
	seen[id.Value] = id
	return id
}

// procedure is a procedure while it is compiled.
type procedure struct {
	key   source.Text
	node  *syntax.Node
	plan  *Procedure
	sites []*flow
	busy  bool
	done  bool
}

// procedures reads the signatures of all procedures, so that calls can be typed.
func (c *compiler) procedures() {
	c.procs = map[string]*procedure{}
	for _, e := range entries(c.root.Get("procedures")) {
		if e.Value.Kind != syntax.Mapping {
			continue
		}
		p := &procedure{key: e.Key, node: e.Value, plan: &Procedure{Name: e.Key.Value, Span: e.Key.Span}}
		for _, in := range entries(e.Value.Get("inputs")) {
			if slices.ContainsFunc(c.plan.Inputs, func(x *Input) bool { return x.Name == in.Key.Value }) {
				c.error("duplicate-id", in.Key.Span, fmt.Sprintf("the file has an input `%s` too", in.Key.Value), "Give the procedure's input another name.")
			}
			p.plan.Inputs = append(p.plan.Inputs, &Input{Decl: c.decl(in, true), Span: in.Key.Span})
		}
		c.procs[e.Key.Value] = p
		c.procOrder = append(c.procOrder, p)
		c.plan.Procedures = append(c.plan.Procedures, p.plan)
	}
}

// call compiles a call of a procedure, and notes what is known where it stands.
func (c *compiler) call(f *flow, at, name, inputs *syntax.Node) *Call {
	if name == nil || name.Kind != syntax.Scalar {
		return nil
	}
	p := c.procs[name.Text.Value]
	if p == nil && c.root.Get("procedures").Get(name.Text.Value) != nil || name.Reported {
		return nil // it is there, and could not be read
	}
	if p == nil {
		var have []string
		for _, x := range c.procOrder {
			have = append(have, x.key.Value)
		}
		c.unknown(name.Span, "procedure", name.Text.Value, have)
		return nil
	}
	p.sites = append(p.sites, f.fork())
	if f.proc != nil {
		if way := c.way(p, f.proc.key.Value, map[string]bool{}); way != nil {
			c.error("cycle", name.Span, "procedures call each other in a circle: "+strings.Join(append([]string{f.proc.key.Value}, way...), " -> "), "Every run must end. Use `poll` to wait, or steps in a row.")
			return nil
		}
	}
	if p.node.Doubtful("inputs") {
		return &Call{Procedure: p.plan, Span: at.Span}
	}
	decls := make([]types.Decl, len(p.plan.Inputs))
	for i, in := range p.plan.Inputs {
		decls[i] = in.Decl
	}
	call := &Call{Procedure: p.plan, Inputs: c.settings(inputs, decls, "input", f.scope()), Span: at.Span}
	for _, d := range decls {
		if !inputs.Sound() || at.Reported {
			break // it may be there
		}
		if d.Required && !slices.ContainsFunc(call.Inputs, func(s Setting) bool { return s.Name == d.Name }) {
			c.error("missing-input", name.Span, fmt.Sprintf("`%s` needs the input `%s`", p.key.Value, d.Name), "Write `{procedure: "+p.key.Value+", inputs: {"+d.Name+": ...}}`.")
		}
	}
	return call
}

// way is the shortest row of calls that was found from a procedure to another.
func (c *compiler) way(from *procedure, to string, seen map[string]bool) []string {
	if from == nil || seen[from.key.Value] {
		return nil
	}
	if from.key.Value == to {
		return []string{to}
	}
	seen[from.key.Value] = true
	for _, next := range callsIn(from.node.Get("steps")) {
		if w := c.way(c.procs[next], to, seen); w != nil {
			return append([]string{from.key.Value}, w...)
		}
	}
	return nil
}

// compileProcedures compiles each procedure once all its callers are compiled.
func (c *compiler) compileProcedures(fileSteps *types.Type) {
	callers := map[string]map[string]bool{}
	for _, p := range c.procOrder {
		for _, name := range callsIn(p.node.Get("steps")) {
			if callers[name] == nil {
				callers[name] = map[string]bool{}
			}
			callers[name][p.key.Value] = true
		}
	}
	var visit func(p *procedure)
	visit = func(p *procedure) {
		if p.busy || p.done {
			return
		}
		p.busy = true
		for _, caller := range c.procOrder {
			if callers[p.key.Value][caller.key.Value] {
				visit(caller)
			}
		}
		c.procedure(p, fileSteps)
		p.busy, p.done = false, true
	}
	for _, p := range c.procOrder {
		visit(p)
	}
}

// procedure compiles a procedure's steps. It reads the file's own steps as far
// as they have run wherever it is called.
func (c *compiler) procedure(p *procedure, fileSteps *types.Type) {
	f := c.meet(p, fileSteps)
	inputs := &types.Type{Kind: types.Object, Open: p.node.Doubtful("inputs")}
	for _, v := range c.vars {
		if v.Name == "inputs" {
			inputs.Fields = slices.Clone(v.Type.Fields)
			inputs.Open = inputs.Open || v.Type.Open
		}
	}
	for _, in := range p.plan.Inputs {
		inputs.Fields = append(inputs.Fields, types.Field{Name: in.Name, Type: inputType(&in.Decl)})
	}
	f.vars = append([]types.Field{{Name: "inputs", Type: inputs}}, c.vars[1:]...)
	c.collect(f, p.node.Get("steps"), map[string]source.Text{}, "it runs later")
	p.plan.Title = c.shown(p.node.Get("title"), f.scope())
	p.plan.Facts = c.settings(p.node.Get("facts"), c.factDecls(), "fact", f.scope())
	p.plan.Escalation = c.shown(p.node.Get("escalation"), f.scope())
	p.plan.Steps = c.list(f, p.node.Get("steps"))
	c.reserved(p.node.Get("outputs"), "ran", "verdict", "duration")
	p.plan.Outputs = c.outputs(f.scope(), p.node, nil)
}

// meet is what holds at every place that calls a procedure. Own steps shadow the
// file's.
func (c *compiler) meet(p *procedure, fileSteps *types.Type) *flow {
	own := map[string]bool{}
	for _, s := range items(p.node.Get("steps")) {
		idsIn(s, own)
	}
	f := &flow{steps: &types.Type{Kind: types.Object, Open: fileSteps.Open || p.node.Doubtful("steps")}, present: map[string]bool{}, never: map[string]string{}, hidden: map[string]lang.Hiding{}, proc: p}
	for _, x := range fileSteps.Fields {
		if !own[x.Name] {
			f.steps.Fields = append(f.steps.Fields, x)
		}
	}
	f.filePresent, f.fileHidden = map[string]bool{}, map[string]lang.Hiding{}
	for _, x := range fileSteps.Fields {
		if len(p.sites) > 0 && !slices.ContainsFunc(p.sites, func(s *flow) bool { return !s.ranInFile(x.Name) }) {
			f.filePresent[x.Name] = true
			f.present[x.Name] = !own[x.Name]
		}
	}
	for _, site := range p.sites {
		maps.Copy(f.fileHidden, site.hiddenInFile())
	}
	for path, why := range f.fileHidden {
		if id, isStep := strings.CutPrefix(path, "steps."); !isStep || !own[id] {
			f.hidden[path] = why
		}
	}
	c.neverAnywhere(f, p, fileSteps, own)
	return f
}

// ranInFile reports whether the file's own step of that id has certainly run at
// this place.
func (f *flow) ranInFile(id string) bool {
	return f.filePresent[id] || f.present[id] && (f.proc == nil || !f.ownStep(id))
}

// hiddenInFile are the facts and the file's own steps that cannot be read there.
func (f *flow) hiddenInFile() map[string]lang.Hiding {
	out := maps.Clone(f.fileHidden)
	if out == nil {
		out = map[string]lang.Hiding{}
	}
	for path, why := range f.hidden {
		if id, isStep := strings.CutPrefix(path, "steps."); !isStep || f.proc == nil || !f.ownStep(id) {
			out[path] = why
		}
	}
	return out
}

// ownStep reports whether an id means a step of the site's own procedure.
func (f *flow) ownStep(id string) bool {
	own := map[string]bool{}
	for _, s := range items(f.proc.node.Get("steps")) {
		idsIn(s, own)
	}
	return own[id]
}

// neverAnywhere keeps the steps that have run at none of the call sites.
func (c *compiler) neverAnywhere(f *flow, p *procedure, fileSteps *types.Type, own map[string]bool) {
	if len(p.sites) == 0 {
		return
	}
	for _, x := range fileSteps.Fields {
		all := !own[x.Name]
		for _, site := range p.sites {
			_, never := site.never[x.Name]
			all = all && never
		}
		if all {
			f.never[x.Name] = "it has not run wherever this procedure is called"
		}
	}
}
