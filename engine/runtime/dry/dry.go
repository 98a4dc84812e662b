// Package dry rehearses a plan: it walks every step and every branch in order
// and says what a run would do there, with what is known filled in and what only
// a run can know as ‹steps.api.status›. It touches nothing: no socket, process,
// secret or file. With Observe, checks are really made, and what they find is
// known to the steps behind them.
package dry

import (
	"maps"
	"slices"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/types"
)

// Options are what a rehearsal knows beforehand.
type Options struct {
	Inputs map[string]any // typed; an input that is not there stands as ‹inputs.name›
	User   string
	// Observe really makes a check and returns what `steps.ID` holds from then
	// on, with its step.finished data. False means that it could not be made
	// now, because its options depend on what is not known. Nil observes nothing.
	Observe Observe
	// Enter gives the Observe of another runbook with these inputs, and the Enter
	// of those that it runs; nil observes nothing there.
	Enter Enter
	// Emit takes the rehearsal, step by step.
	Emit func(typ journal.Type, step, key string, data any)
}

// Observe makes a check.
type Observe func(key string, s *plan.Step, env lang.Env) (map[string]any, journal.StepFinishedData, bool)

// Enter is the way into another runbook.
type Enter func(p *plan.Plan, inputs map[string]any) (Observe, Enter)

// Run walks the plan. The events are run.rehearsed, then step.rehearsed and
// branch.rehearsed in the order in which a run would come by.
func Run(p *plan.Plan, o Options) {
	w := &walk{plan: p, o: o}
	w.emit(journal.RunRehearsed, "", "", journal.RunRehearsedData{
		Runbook: journal.Runbook{Name: p.Name, Title: p.Title, Version: p.Version, Path: p.File.Name, Digest: p.Digest},
		Inputs:  w.previews(o.Inputs), Permissions: p.MayDo(), Needs: p.Needs(), Outputs: sources(p.Outputs),
	})
	f := w.root()
	w.steps(f, p.Steps)
	if len(p.Finally) > 0 {
		w.emit(journal.BranchRehearsed, "", "finally", journal.BranchRehearsedData{Branch: "finally", When: "whatever happened"})
		w.steps(f.at("finally"), p.Finally)
	}
}

type walk struct {
	plan *plan.Plan
	o    Options
}

func (w *walk) emit(typ journal.Type, step, key string, data any) { w.o.Emit(typ, step, key, data) }

// frame is what is known at one place.
type frame struct {
	path   string
	steps  map[string]any
	file   map[string]any // the file's own steps, which procedures read
	called bool           // in a procedure: steps are not the file's
	facts  map[string]any
	inputs map[string]any
	secret map[string]any
	run    map[string]any
	items  map[string]any // the items of the `each` steps around, by name
}

func (w *walk) root() frame {
	f := frame{steps: map[string]any{}, facts: map[string]any{}, inputs: map[string]any{}, secret: map[string]any{}}
	for _, in := range w.plan.Inputs {
		if v, ok := w.o.Inputs[in.Name]; ok {
			f.inputs[in.Name] = v
			continue
		}
		f.inputs[in.Name] = lang.Unknown{Path: "inputs." + in.Name}
	}
	for _, s := range w.plan.Secrets {
		f.secret[s.Name] = lang.Unknown{Path: "secrets." + s.Name}
	}
	for _, x := range w.plan.Facts {
		f.facts[x.Name] = x.Default
	}
	w.unknown(f, w.plan.Steps)
	w.unknown(f, w.plan.Finally)
	f.file = f.steps
	f.run = map[string]any{"user": w.o.User}
	for _, n := range []string{"id", "started", "elapsed", "outcome"} {
		f.run[n] = lang.Unknown{Path: "run." + n}
	}
	return f
}

// unknown puts each step, and those inside it, in as not known yet.
func (w *walk) unknown(f frame, steps []*plan.Step) {
	for _, s := range steps {
		f.steps[s.ID] = lang.Unknown{Path: "steps." + s.ID}
		w.unknown(f, s.Steps)
		w.unknown(f, s.Failure.Steps)
		for _, b := range s.Branches {
			w.unknown(f, b.Steps)
		}
		if s.Undo != nil {
			w.unknown(f, s.Undo.Steps)
		}
	}
}

func (f frame) env() lang.Env {
	env := lang.Env{"steps": f.steps, "facts": f.facts, "inputs": f.inputs, "secrets": f.secret, "run": f.run}
	maps.Copy(env, f.items)
	return env
}

// at is the frame below a path; what it learns of facts and steps is its own.
func (f frame) at(path string) frame {
	f.path = path
	f.facts = maps.Clone(f.facts)
	own := maps.Clone(f.steps)
	if !f.called {
		f.file = own
	}
	f.steps = own
	return f
}

func (f frame) key(id string) string {
	if f.path == "" {
		return id
	}
	return f.path + "/" + id
}

func (w *walk) steps(f frame, steps []*plan.Step) {
	for _, s := range steps {
		w.step(f, s)
	}
}

func (w *walk) step(f frame, s *plan.Step) {
	key := f.key(s.ID)
	data := w.describe(f, s)
	if s.Role == plan.Check && w.o.Observe != nil {
		if fields, done, ok := w.o.Observe(key, s, f.env()); ok {
			f.steps[s.ID], data.Observed = fields, &done
		}
	}
	w.emit(journal.StepRehearsed, s.ID, key, data)
	in := f
	in.facts = maps.Clone(f.facts)
	w.inside(in, s, key)
	if data.Observed == nil || data.Observed.Verdict == "passed" {
		set(in, f.own(s), s.Facts)
	}
	if certain(f, s) || data.Observed != nil {
		maps.Copy(f.facts, in.facts)
	} else {
		w.merge(f, []frame{in})
	}
}

// certain reports whether the steps behind this one are reached only if it ran
// and passed.
func certain(f frame, s *plan.Step) bool {
	if s.If != nil {
		if v, known := s.If.Preview(f.env()); !known || v != true {
			return false
		}
	}
	goesOn := s.Failure.Mode == plan.FailContinue || s.Failure.Mode == plan.FailSteps && s.Failure.Continue
	return !goesOn && (s.Role != plan.Check || s.Required)
}

// own is what the facts of a step read: its results stand alone in them.
func (f frame) own(s *plan.Step) lang.Env {
	env := f.env()
	for _, name := range names(s) {
		env[name] = lang.Unknown{Path: "steps." + s.ID + "." + name}
		if found, ok := f.steps[s.ID].(map[string]any); ok {
			env[name] = found[name]
		}
	}
	return env
}

// names are those that a step's own results have.
func names(s *plan.Step) []string {
	out := []string{"duration"}
	if s.Kind != nil {
		out = append(append(out, "error"), s.Kind.Result.Names()...)
	}
	for _, o := range s.Outputs {
		out = append(out, o.Name)
	}
	for _, c := range s.Collect {
		out = append(out, c.Name)
	}
	return out
}

// inside walks what a step holds: its steps, branches, procedure, and what
// happens when it fails.
func (w *walk) inside(f frame, s *plan.Step, key string) {
	if s.Role == plan.Each {
		w.each(f, s, key)
	} else if len(s.Steps) > 0 {
		in := f
		in.path = key
		w.steps(in, s.Steps)
	}
	if s.Verify != nil {
		in := f
		in.path = key
		w.step(in, s.Verify)
	}
	if s.CheckAfter != nil {
		at := key + ">check_after"
		w.emit(journal.BranchRehearsed, s.ID, at, journal.BranchRehearsedData{Branch: "check_after", When: s.ID + " was under way when the run broke off"})
		w.step(f.at(at), s.CheckAfter)
	}
	if s.Call != nil {
		w.call(f, key, s.Call)
	}
	if s.Sub != nil {
		w.sub(f, key, s.Sub)
	}
	w.branches(f, s, key)
	w.failure(f, s, key)
	if s.Undo != nil {
		when := "the run fails or is cancelled"
		if s.Undo.Always {
			when = "the run ends"
		}
		if s.Undo.Auto {
			when += ", without asking"
		}
		w.emit(journal.BranchRehearsed, s.ID, key+">undo", journal.BranchRehearsedData{Branch: "undo", When: when})
		w.steps(f.at(key+">undo"), s.Undo.Steps)
	}
}

func (w *walk) failure(f frame, s *plan.Step, key string) {
	if s.Failure.Mode != plan.FailSteps {
		return
	}
	at := key + ">on_failure"
	w.emit(journal.BranchRehearsed, s.ID, at, journal.BranchRehearsedData{Branch: "on_failure", When: s.ID + " failed"})
	in := f.at(at)
	w.steps(in, s.Failure.Steps)
	if s.Failure.Call != nil {
		w.call(in, at, s.Failure.Call)
	}
	w.merge(f, []frame{in})
}

// branches walks every branch from what is known before the decision; a fact
// that any of them sets is not known behind it.
func (w *walk) branches(f frame, s *plan.Step, key string) {
	if s.Role != plan.Decide {
		return
	}
	taken := w.known(f, s)
	var ends []frame
	var sure *frame
	for _, b := range s.Branches {
		d := journal.BranchRehearsedData{Branch: b.ID, Title: preview(b.Title, f.env()), When: "otherwise", Taken: taken == b.ID}
		if b.When != nil {
			d.When = b.When.Source
		}
		at := key + ">" + b.ID
		w.emit(journal.BranchRehearsed, s.ID, at, d)
		in := f.at(at)
		set(in, in.env(), b.Facts)
		w.steps(in, b.Steps)
		if b.Call != nil {
			w.call(in, at, b.Call)
		}
		ends = append(ends, in)
		if taken == b.ID {
			sure = &in
		}
	}
	if sure != nil {
		maps.Copy(f.facts, sure.facts)
		return
	}
	w.merge(f, ends)
}

// known is the branch that would be taken, where all that decides it is known.
func (w *walk) known(f frame, s *plan.Step) string {
	if s.Ask != nil {
		return ""
	}
	for _, b := range s.Branches {
		if b.When == nil {
			return b.ID
		}
		v, ok := b.When.Preview(f.env())
		if !ok {
			return ""
		}
		if v == true {
			return b.ID
		}
	}
	return ""
}

// merge takes back what was learnt in branches: a fact that ended differently in
// one of them is not known any more.
func (w *walk) merge(f frame, ends []frame) {
	for name, before := range f.facts {
		if slices.ContainsFunc(ends, func(e frame) bool { return !same(e.facts[name], before) }) {
			f.facts[name] = lang.Unknown{Path: "facts." + name}
		}
	}
}

// call follows a procedure, whose steps and inputs are its own.
func (w *walk) call(f frame, key string, c *plan.Call) {
	in := f
	in.path = key
	in.steps, in.called = maps.Clone(f.file), true
	in.inputs, in.items = w.root().inputs, nil
	for _, d := range c.Procedure.Inputs {
		in.inputs[d.Name] = d.Default
	}
	for _, s := range c.Inputs {
		in.inputs[s.Name] = value(s.Value, f.env(), "inputs."+s.Name)
	}
	w.unknown(in, c.Procedure.Steps)
	set(in, in.env(), c.Procedure.Facts)
	w.steps(in, c.Procedure.Steps)
}

// value is what a setting gives; where only a run can know it, the name that is
// set stands for it.
func value(t *plan.Tree, env lang.Env, name string) any {
	if t.Known(env) {
		return t.Preview(env)
	}
	return lang.Unknown{Path: name}
}

// set fills in facts, as far as they are known.
func set(f frame, env lang.Env, settings []plan.Setting) {
	values := make([]any, len(settings))
	for i, s := range settings {
		values[i] = value(s.Value, env, "facts."+s.Name)
	}
	for i, s := range settings {
		f.facts[s.Name] = values[i]
	}
}

// previews are the inputs as a run's journal would hold them.
func (w *walk) previews(values map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range values {
		out[name] = types.Encode(v)
	}
	for _, in := range w.plan.Inputs {
		if _, ok := out[in.Name]; !ok {
			out[in.Name] = lang.Unknown{Path: "inputs." + in.Name}.String()
		}
	}
	return out
}
