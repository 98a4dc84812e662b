package interp

import (
	"fmt"
	"maps"
	"slices"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
)

// maxPlanned bounds how many steps of a group a person is shown.
const maxPlanned = 200

// view is what is known at a place that the run has not come to yet. What only
// the steps before it will know is a lang.Unknown.
type view struct {
	run    *run
	about  map[string]any // `run` in expressions
	steps  map[string]any
	file   map[string]any // the file's own steps, which procedures read
	facts  map[string]any
	inputs map[string]any
	items  map[string]any
	called bool
	path   Key
	when   []string
	later  []*plan.Step // what may still run before an undo is made
}

// planner lists what will be done in a group once it is approved.
type planner struct {
	list []journal.Planned
	more int
}

// planned is what a group will do: everything that leaves the run, under which
// conditions. Checks only look, and are left out. The second result is how many
// there are besides those that are listed.
func (r *run) planned(w World, f *frame, s *plan.Step, key Key) ([]journal.Planned, int) {
	v := r.view(w, f, key)
	v.later = r.from(s)
	var p planner
	p.group(v, s)
	return p.list, p.more
}

// undoing is what the steps of an undo will do, likewise.
func (r *run) undoing(w World, f *frame, s *plan.Step) ([]journal.Planned, int) {
	var p planner
	p.steps(r.view(w, f, f.path), s.Undo.Steps)
	return p.list, p.more
}

// from are the steps of the file from that on which a step is in.
func (r *run) from(s *plan.Step) []*plan.Step {
	for i, top := range r.plan.Steps {
		found := false
		visit := func(x *plan.Step) { found = found || x == s }
		var call func(*plan.Call)
		call = func(c *plan.Call) { inside(c.Procedure.Steps, visit, call) }
		if inside([]*plan.Step{top}, visit, call); found {
			return r.plan.Steps[i:]
		}
	}
	return nil // of `finally`, behind which nothing is undone
}

func (r *run) view(w World, f *frame, path Key) *view {
	env := r.env(w, f)
	about, _ := env["run"].(map[string]any)
	v := &view{run: r, about: maps.Clone(about), steps: maps.Clone(f.steps), file: f.file, facts: maps.Clone(r.facts), inputs: f.inputs, items: f.items, called: f.called, path: path}
	v.about["elapsed"] = lang.Unknown{Path: "run.elapsed"}
	return v
}

func (v *view) env() lang.Env {
	secrets := map[string]any{}
	for name := range v.run.secrets {
		secrets[name] = lang.Unknown{Path: "secrets." + name}
	}
	env := lang.Env{"steps": hidden("steps", v.steps), "inputs": v.inputs, "facts": v.facts, "secrets": secrets, "run": v.about}
	maps.Copy(env, v.items)
	return env
}

// under is the view below a path, and behind a condition where it is not "".
func (v *view) under(path Key, when string) *view {
	in := *v
	in.path, in.facts, in.steps = path, maps.Clone(v.facts), maps.Clone(v.steps)
	if when != "" {
		in.when = append(slices.Clip(v.when), when)
	}
	return &in
}

func (v *view) key(id string) Key { return v.path + "/" + Key(id) }

// forget makes unknown what steps will find.
func (v *view) forget(steps []*plan.Step) {
	inside(steps, func(s *plan.Step) { v.steps[s.ID] = lang.Unknown{Path: "steps." + s.ID} }, nil)
}

// maySet makes the facts unknown that steps may set.
func (v *view) maySet(steps []*plan.Step) {
	doubt := func(settings []plan.Setting) {
		for _, x := range settings {
			v.facts[x.Name] = lang.Unknown{Path: "facts." + x.Name}
		}
	}
	facts := func(s *plan.Step) {
		doubt(s.Facts)
		for _, b := range s.Branches {
			doubt(b.Facts)
		}
	}
	var call func(c *plan.Call)
	call = func(c *plan.Call) {
		doubt(c.Procedure.Facts)
		inside(c.Procedure.Steps, facts, call)
	}
	inside(steps, facts, call)
}

// inside visits steps and those in them, and the procedures that they call.
func inside(steps []*plan.Step, visit func(*plan.Step), call func(*plan.Call)) {
	follow := func(c *plan.Call) {
		if c != nil && call != nil {
			call(c)
		}
	}
	for _, s := range steps {
		visit(s)
		inside(s.Steps, visit, call)
		inside(s.Failure.Steps, visit, call)
		follow(s.Call)
		follow(s.Failure.Call)
		for _, b := range s.Branches {
			inside(b.Steps, visit, call)
			follow(b.Call)
		}
		if s.Undo != nil {
			inside(s.Undo.Steps, visit, call)
		}
	}
}

func (p *planner) add(v *view, s *plan.Step, shown any, unknown []string) {
	if len(p.list) >= maxPlanned {
		p.more++
		return
	}
	x := journal.Planned{Step: s.ID, Key: string(v.key(s.ID)), Role: string(s.Role), When: v.when, Shown: shown, Unknown: unknown, Asks: s.Confirm != nil}
	if s.Kind != nil {
		x.Kind = s.Kind.Name
	}
	if s.Title != nil {
		x.Title = s.Title.Preview(v.env())
	}
	p.list = append(p.list, x)
}

// steps goes through a list; what each finds is unknown to those behind it.
func (p *planner) steps(v *view, steps []*plan.Step) {
	v.forget(steps)
	for _, s := range steps {
		p.step(v, s)
		v.maySet([]*plan.Step{s})
	}
}

func (p *planner) step(v *view, s *plan.Step) {
	if s.If != nil {
		holds, known := s.If.Preview(v.env())
		switch {
		case !known:
			v = v.under(v.path, "if "+s.If.Source)
		case holds != true:
			return
		}
	}
	key := v.key(s.ID)
	switch s.Role {
	case plan.Action:
		p.action(v, s)
	case plan.Message:
		shown := map[string]any{"text": s.Text.Preview(v.env())}
		if len(s.To) > 0 {
			shown["to"] = s.To
		}
		p.add(v, s, shown, nil)
	case plan.Manual:
		p.add(v, s, map[string]any{"instructions": s.Instructions.Preview(v.env())}, nil)
	case plan.End:
		p.add(v, s, map[string]any{"outcome": s.Outcome}, nil)
	case plan.Decide:
		p.decide(v, s, key)
	case plan.Each:
		p.each(v, s, key)
	case plan.Run:
		p.call(v, key, s.Call)
		p.runbook(v, key, s.Sub)
	default:
		p.group(v.under(key, ""), s)
	}
	if s.Failure.Mode == plan.FailSteps {
		in := v.under(key+">on_failure", "if "+s.ID+" fails")
		tried := *s
		tried.Facts, tried.Failure = nil, plan.Failure{}
		in.maySet([]*plan.Step{&tried})
		p.steps(in, s.Failure.Steps)
		p.call(in, in.path, s.Failure.Call)
	}
	if s.Undo != nil && s.Undo.Auto {
		when := "if the run fails, without asking"
		if s.Undo.Always {
			when = "when the run ends, without asking"
		}
		in := v.under(key+">undo", when)
		in.maySet(v.later)
		p.steps(in, s.Undo.Steps)
	}
}

// group goes through the steps of a group; what is repeated may set facts in a
// round before.
func (p *planner) group(v *view, s *plan.Step) {
	if s.Poll != nil || s.Retry != nil {
		v.maySet(s.Steps)
	}
	p.steps(v, s.Steps)
}

// action is shown as it will run where all is known that it reads.
func (p *planner) action(v *view, s *plan.Step) {
	env := v.env()
	real := maps.Clone(env)
	real["secrets"], real["steps"] = v.run.secrets, v.steps
	var unknown []string
	for _, path := range s.Options.Reads() {
		if !real.Knows([]string{path}) && !slices.Contains(unknown, path) {
			unknown = append(unknown, path)
		}
	}
	shown := s.Options.Preview(env)
	if len(unknown) == 0 {
		if exact, err := s.Options.Render(real); err == nil {
			shown = exact
		}
	}
	p.add(v, s, shown, unknown)
}

// decide goes through the branches that may be taken.
func (p *planner) decide(v *view, s *plan.Step, key Key) {
	env, open := v.env(), s.Ask != nil
	for _, b := range s.Branches {
		when := "otherwise, in " + s.ID
		if b.When != nil {
			when = "if " + b.When.Source
			holds, known := b.When.Preview(env)
			switch {
			case known && holds != true:
				continue
			case known && !open:
				when = ""
			case !known:
				open = true
			}
		} else if !open {
			when = ""
		}
		if s.Ask != nil {
			when = fmt.Sprintf("if a person chooses %s in %s", b.ID, s.ID)
		}
		in := v.under(key+">"+Key(b.ID), when)
		in.set(in.env(), b.Facts)
		p.steps(in, b.Steps)
		p.call(in, in.path, b.Call)
		if when == "" {
			return // it is this one
		}
	}
}

// set fills in facts and inputs, as far as they are known.
func (v *view) set(env lang.Env, settings []plan.Setting) {
	for _, x := range settings {
		v.facts[x.Name] = foreseen(x, env, "facts.")
	}
}

// foreseen is what a setting will give; where only the run will know it, its name
// stands for it.
func foreseen(x plan.Setting, env lang.Env, under string) any {
	if x.Value.Known(env) {
		if v, err := x.Value.Render(env); err == nil {
			if v, err = x.Decl.Check(v); err == nil {
				return v
			}
		}
	}
	return lang.Unknown{Path: under + x.Name}
}

// each goes through the items of a list that is known, else once through any.
func (p *planner) each(v *view, s *plan.Step, key Key) {
	got, known := s.In.Preview(v.env())
	list, isList := got.([]any)
	if !known || !isList {
		in := v.under(key+"[]", fmt.Sprintf("for every %s of %s", s.As, s.In.Source))
		in.item(s, lang.Unknown{Path: s.As})
		in.maySet(s.Steps) // for an item before
		p.steps(in, s.Steps)
		return
	}
	for i, item := range list {
		if i == 1 {
			v.maySet(s.Steps)
		}
		if len(p.list) >= maxPlanned && i > 0 {
			before := p.more
			p.steps(v.forItem(s, key, i, item), s.Steps)
			p.more += (p.more - before) * (len(list) - i - 1) // the others are as many
			return
		}
		p.steps(v.forItem(s, key, i, item), s.Steps)
	}
}

func (v *view) forItem(s *plan.Step, key Key, i int, item any) *view {
	in := v.under(key+Key(fmt.Sprintf("[%d]", i)), "")
	in.item(s, item)
	return in
}

func (v *view) item(s *plan.Step, item any) {
	items := maps.Clone(v.items)
	if items == nil {
		items = map[string]any{}
	}
	items[s.As] = item
	v.items = items
}

// call goes into a procedure, whose steps and inputs are its own.
func (p *planner) call(v *view, path Key, c *plan.Call) {
	if c == nil {
		return
	}
	env, in := v.env(), v.under(path, "")
	from := v.file
	if !v.called {
		from = v.steps
	}
	in.steps, in.called, in.file, in.items = maps.Clone(from), true, from, nil
	in.inputs = maps.Clone(v.run.opts.Inputs)
	for _, d := range c.Procedure.Inputs {
		in.inputs[d.Name] = d.Default
	}
	for _, x := range c.Inputs {
		in.inputs[x.Name] = foreseen(x, env, "inputs.")
	}
	in.set(in.env(), c.Procedure.Facts)
	p.steps(in, c.Procedure.Steps)
}

// runbook goes into another runbook, whose facts, secrets and steps are its own.
func (p *planner) runbook(v *view, path Key, s *plan.Sub) {
	if s == nil {
		return
	}
	o := v.run.opts
	o.Inputs = map[string]any{}
	for _, d := range s.Plan.Inputs {
		o.Inputs[d.Name] = d.Default
	}
	for _, x := range s.Inputs {
		o.Inputs[x.Name] = foreseen(x, v.env(), "inputs.")
	}
	r, f := begin(s.Plan, o, path)
	in := &view{run: r, about: v.about, steps: f.steps, file: f.file, facts: r.facts, inputs: o.Inputs, path: path, when: v.when, later: s.Plan.Steps}
	p.steps(in, s.Plan.Steps)
	p.steps(in.under(path+"/finally", ""), s.Plan.Finally)
}
