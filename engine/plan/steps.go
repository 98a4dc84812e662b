package plan

import (
	"fmt"
	"maps"
	"slices"

	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// body compiles the file's own steps, then the procedures, whose scopes come
// from where they are called.
func (c *compiler) body() {
	steps, finally := c.root.Get("steps"), c.root.Get("finally")
	f := &flow{vars: c.vars, steps: &types.Type{Kind: types.Object, Open: c.root.Doubtful("steps")}, present: map[string]bool{}, never: map[string]string{}, hidden: map[string]lang.Hiding{}}
	ids := map[string]source.Text{}
	c.collect(f, steps, ids, "it runs later")
	c.collect(f, finally, ids, "it runs at the very end")
	c.plan.Steps = c.list(f, steps)
	c.results(f)
	last := f.fork()
	last.present = map[string]bool{}
	last.vars = append(slices.Clone(c.vars[:3]), types.Field{Name: "run", Type: runType(true)})
	ends := c.ends
	c.plan.Finally = c.list(last, finally)
	c.ends = ends // those of finally come behind the outputs
	c.compileProcedures(f.steps)
	for _, then := range c.later {
		then()
	}
}

// collect finds the ids of all steps of a list, however deep, and gives each its
// place in the type of `steps`.
func (c *compiler) collect(f *flow, n *syntax.Node, ids map[string]source.Text, why string) {
	for _, s := range items(n) {
		role, id := roleOf(s)
		f.steps.Open = f.steps.Open || role == "" || s.Reported || s.Get(string(role)).Reported // steps may be there that are not seen
		if role == "" {
			continue
		}
		if before, twice := ids[id.Value]; twice {
			c.report(source.Diagnostic{Code: "duplicate-id", Span: id.Span, Summary: fmt.Sprintf("a second step has the id `%s`", id.Value),
				Detail: "Ids are unique in a file, and in a procedure.", Related: []source.Note{{Span: before.Span, Text: "the first one"}}})
		} else {
			ids[id.Value] = id
			f.steps.Fields = append(f.steps.Fields, types.Field{Name: id.Value, Type: c.stepType(role, s)})
			f.never[id.Value] = why
		}
		if role == Each {
			c.hideItems(f, id.Value, s.Get("steps"))
		}
		for _, l := range partsOf(s).all() {
			c.collect(f, l, ids, why)
		}
	}
}

// roleOf is a step's role and id.
func roleOf(s *syntax.Node) (Role, source.Text) {
	if s == nil || s.Kind != syntax.Mapping {
		return "", source.Text{}
	}
	for _, r := range syntax.Roles {
		if v := s.Get(r); v != nil && v.Kind == syntax.Scalar {
			return Role(r), v.Text
		}
	}
	return "", source.Text{}
}

var verdicts = []string{"passed", "failed", "error", "skipped"}

// stepType is what `steps.ID` holds: ran and verdict always, the rest once it
// ran. The types of outputs are filled in when they are compiled.
func (c *compiler) stepType(role Role, s *syntax.Node) *types.Type {
	t := &types.Type{Kind: types.Object, Fields: []types.Field{
		{Name: "ran", Type: &types.Type{Kind: types.Bool}}, {Name: "verdict", Type: &types.Type{Kind: types.String, Enum: verdicts}},
	}}
	of := about{role: role}
	defer func() { c.about[t] = of }()
	late := func(name string, typ *types.Type) {
		t.Fields = append(t.Fields, types.Field{Name: name, Type: typ, Late: true})
	}
	late("duration", &types.Type{Kind: types.Duration})
	soft := s.Get("on_failure") != nil && str(s, "on_failure") != "stop" // what a person or a branch gives may be missing
	switch role {
	case Check, Action:
		n := s
		if k, _ := c.kindOf(s); k == nil {
			n = c.repeated(s)
		}
		if k, _ := c.kindOf(n); k != nil {
			of.kind = k
			found := k.Result.Fields
			if s.Get("check_after") != nil {
				found = maybe(found) // it may count as done though nobody saw what it found
			}
			t.Fields = append(t.Fields, found...)
			late("error", errorType(k))
		}
		if n != s {
			c.lateOutputs(n, late)
		}
	case Decide:
		late("branch", &types.Type{Kind: types.String, Enum: branchIDs(s), Nil: soft && s.Get("else") == nil})
	case Manual:
		for _, e := range entries(s.Get("collect")) {
			d := (&compiler{report: func(source.Diagnostic) {}}).decl(e, false)
			typ := *d.Type
			typ.Nil = soft || !d.Required && d.Default == nil
			if flag(e.Value, "secret") {
				typ = types.Type{Kind: types.Secret}
			}
			late(d.Name, &typ)
		}
	case Run:
		if n := s.Get("runbook"); n != nil {
			c.subType(t, n, soft, late)
		} else if p := c.procs[str(s, "procedure")]; p != nil {
			c.lateOutputs(p.node, func(name string, t *types.Type) {
				given := *t
				given.Nil = given.Nil || soft // where the run goes on although it failed
				late(name, &given)
			})
		}
	}
	if role == Each {
		late = perItem(late, number(s.Get("max_failures"), 0) > 0)
	}
	c.lateOutputs(s, late)
	return t
}

func errorType(k *kind.Kind) *types.Type {
	words := append([]string{"", "timeout", "canceled", "output", "render", "internal"}, k.Errors...)
	return &types.Type{Kind: types.Object, Fields: []types.Field{
		{Name: "kind", Type: &types.Type{Kind: types.String, Enum: words}}, {Name: "message", Type: &types.Type{Kind: types.String}}}}
}

func branchIDs(s *syntax.Node) []string {
	var out []string
	for _, b := range append(items(s.Get("branches")), s.Get("else")) {
		if id, _ := branchID(b); id.Value != "" {
			out = append(out, id.Value)
		}
	}
	return out
}

// kindOf is the kind of a check or action, with its option block.
func (c *compiler) kindOf(s *syntax.Node) (*kind.Kind, *syntax.Node) {
	for i := range c.opts.Kinds {
		if n := s.Get(c.opts.Kinds[i].Name); n != nil {
			return &c.opts.Kinds[i], n
		}
	}
	return nil, nil
}

// list compiles steps in order.
func (c *compiler) list(f *flow, n *syntax.Node) []*Step {
	var out []*Step
	ended := ""
	for _, s := range items(n) {
		if ended != "" {
			c.error("unreachable", keyOf(s), "this step never runs: `"+ended+"` ends the runbook before it", "Remove it, or put it before the `end`.")
			ended = ""
		}
		st := c.step(f, s)
		if st == nil {
			continue
		}
		out = append(out, st)
		if st.Role == End && st.If == nil {
			ended = st.ID
		}
	}
	return out
}

func keyOf(s *syntax.Node) source.Span {
	if len(s.Entries) > 0 {
		return s.Entries[0].Key.Span
	}
	return s.Span
}

// step compiles one step, and lets the flow know that it ran.
func (c *compiler) step(f *flow, n *syntax.Node) *Step {
	role, id := roleOf(n)
	if role == "" {
		return nil
	}
	st := &Step{ID: id.Value, Role: role, Span: id.Span, Delay: durationOf(n.Get("delay")), Timeout: durationOf(n.Get("timeout"))}
	in := f
	if e := c.expr(n.Get("if"), f.scope(), lang.WantBool); e != nil {
		st.If = e
		c.proofs = append(c.proofs, proof{flow: f.place(), step: st, when: e})
		in = f.fork().know(e.Ensures...)
		in.assume(e, true, &stretch{node: n})
	} else if n.Get("if") != nil {
		in = f.fork()
	}
	st.Title = c.shown(n.Get("title"), in.scope())
	st.Links = c.links(n.Get("links"), in.scope())
	st.Confirm = c.confirm(n.Get("confirm"), in.scope())
	var begun map[string]bool // what had run before: what counts where it may fail
	if n.Get("on_failure") != nil {
		begun = maps.Clone(in.present)
	}
	c.role(in, st, n)
	c.failure(in, begun, st, n)
	delete(f.never, st.ID)
	if in != f {
		for id := range f.never {
			if _, still := in.never[id]; !still {
				delete(f.never, id)
			}
		}
		return st
	}
	if st.goesOn() {
		f.present = begun // it may have failed before the steps in it ran
	}
	if st.Confirm == nil || !st.goesOn() {
		f.know(st.ID)
	}
	return st
}

// goesOn reports whether the steps behind this one run although it failed.
func (s *Step) goesOn() bool {
	return s.Failure.Mode == FailContinue || s.Failure.Mode == FailSteps && s.Failure.Continue
}

func (c *compiler) role(f *flow, st *Step, n *syntax.Node) {
	switch st.Role {
	case Check, Action:
		c.observed(f, st, n)
	case Decide:
		c.decide(f, st, n)
	case Manual:
		c.manual(f, st, n)
	case Message:
		st.Text = c.shown(n.Get("text"), f.scope())
		c.channels(st, n)
	case Group, Parallel:
		c.group(f, st, n)
	case Each:
		c.each(f, st, n)
	case Run:
		if n.Get("runbook") != nil {
			st.Sub = c.sub(f, n)
		} else {
			st.Call = c.call(f, n, n.Get("procedure"), n.Get("inputs"))
		}
		c.ownFacts(f, st, n, nil)
	case End:
		c.ends = append(c.ends, f.fork())
		st.Outcome = str(n, "outcome")
		st.Summary = c.shown(n.Get("summary"), f.scope())
	}
}

func (c *compiler) manual(f *flow, st *Step, n *syntax.Node) {
	st.Instructions = c.shown(n.Get("instructions"), f.scope())
	c.attach(st, n.Get("attach"))
	c.reserved(n.Get("collect"), "ran", "verdict", "duration")
	for _, e := range entries(n.Get("collect")) {
		col := &Collect{Decl: c.decl(e, false), Secret: flag(e.Value, "secret"), Replaces: str(e.Value, "replaces"), Span: e.Key.Span}
		if r := e.Value.Get("replaces"); r != nil {
			c.replaces(col, e.Value, r)
		}
		c.picked(f, col, e.Value.Get("options"))
		st.Collect = append(st.Collect, col)
	}
	c.ownFacts(f, st, n, nil)
}

func (c *compiler) replaces(col *Collect, n, r *syntax.Node) {
	var have []string
	for _, s := range c.plan.Secrets {
		have = append(have, s.Name)
	}
	if r.Sound() && !slices.Contains(have, col.Replaces) {
		c.unknown(r.Span, "secret", col.Replaces, have)
	}
	if !col.Secret && !n.Doubtful("secret") {
		c.error("bad-declaration", r.Span, "what replaces a secret must be one", "Add `secret: true`.")
	}
}

// group compiles steps in order or side by side.
func (c *compiler) group(f *flow, st *Step, n *syntax.Node) {
	if m := n.Get("max"); m != nil && m.Kind == syntax.Scalar {
		st.Max = number(m, 0)
	}
	before := behindGroup(f, n)
	if st.Role == Group {
		st.Steps = c.list(f, n.Get("steps"))
	} else {
		st.Steps = c.sideBySide(f, st, n)
	}
	c.reserved(n.Get("outputs"), "ran", "verdict", "duration")
	st.Outputs = c.outputs(f.scope(), n, fieldOf(f, st.ID))
	c.repeatable(f, before, st, n)
	c.ownFacts(f, st, n, outputVars(st.Outputs))
}

func (c *compiler) factDecls() []types.Decl {
	out := make([]types.Decl, len(c.plan.Facts))
	for i, f := range c.plan.Facts {
		out[i] = f.Decl
	}
	return out
}

// ownFacts compiles a step's `facts`, which see the step as having run.
func (c *compiler) ownFacts(f *flow, st *Step, n *syntax.Node, own []types.Field) {
	if n.Get("facts") == nil {
		return
	}
	s := f.fork().know(st.ID)
	delete(s.never, st.ID)
	st.Facts = c.settings(n.Get("facts"), c.factDecls(), "fact", s.scope().Add(own...))
}

// fieldOf is the type of `steps.ID`, to fill in the types of its outputs.
func fieldOf(f *flow, id string) *types.Type {
	if x := f.steps.Field(id); x != nil {
		return x.Type
	}
	return nil
}

// reserved reports outputs whose names every step of that sort has already.
func (c *compiler) reserved(n *syntax.Node, names ...string) {
	for _, e := range entries(n) {
		if slices.Contains(names, e.Key.Value) {
			c.error("reserved-name", e.Key.Span, fmt.Sprintf("`%s` is there already", e.Key.Value), "Give it a name of its own.")
		}
	}
}

// failure compiles `on_failure`. Its steps see the failed step as having run,
// unless it may have been refused or its `if` have erred; of the steps in it none
// has certainly run.
func (c *compiler) failure(f *flow, begun map[string]bool, st *Step, n *syntax.Node) {
	of := n.Get("on_failure")
	switch {
	case of == nil:
	case of.Kind == syntax.Scalar && of.Text.Value == "continue":
		st.Failure.Mode = FailContinue
	case of.Kind == syntax.Mapping:
		in := f.fork()
		in.present = maps.Clone(begun)
		if st.If == nil && st.Confirm == nil {
			in.know(st.ID)
		}
		delete(in.never, st.ID)
		st.Failure = Failure{Mode: FailSteps, Continue: flag(of, "continue"), Steps: c.list(in, of.Get("steps"))}
		if then := of.Get("then"); then != nil {
			st.Failure.Call = c.then(in, then)
		}
		c.forget(f, of)
	}
}

// forget lets the steps of a part that may not have run be read with a default.
func (c *compiler) forget(f *flow, part *syntax.Node) {
	for _, s := range items(part.Get("steps")) {
		ids := map[string]bool{}
		idsIn(s, ids)
		for id := range ids {
			delete(f.never, id)
		}
	}
}

// then is `PROCEDURE` or `{procedure, inputs}`.
func (c *compiler) then(f *flow, n *syntax.Node) *Call {
	if n.Kind == syntax.Scalar {
		return c.call(f, n, n, nil)
	}
	return c.call(f, n, n.Get("procedure"), n.Get("inputs"))
}
