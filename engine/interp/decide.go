package interp

import (
	"maps"
	"slices"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
)

// weighed is what the conditions of a decision came to.
type weighed struct {
	fit       []*plan.Branch // those whose when holds, in order; else alone where none does
	because   []any
	uncertain bool
}

// weigh evaluates the conditions: as far as the first that holds, or all where a
// person chooses.
func weigh(env lang.Env, s *plan.Step) weighed {
	var out weighed
	var operands []lang.Operand
	for _, b := range s.Branches {
		if b.When == nil {
			if len(out.fit) == 0 {
				out.fit = append(out.fit, b)
			}
			continue
		}
		ok, read, err := b.When.Bool(env)
		operands = join(operands, read)
		if err != nil {
			out.uncertain = true
			operands = append(operands, lang.Operand{Expr: b.When.Source, Error: err.Error()})
		}
		if ok {
			out.fit = append(out.fit, b)
			if s.Ask == nil {
				break
			}
		}
	}
	for _, o := range operands {
		out.because = append(out.because, o.Tree())
	}
	if out.because == nil {
		out.because = []any{}
	}
	return out
}

// join adds what another condition read: each operand once, a value before a
// `not_read`.
func join(have, more []lang.Operand) []lang.Operand {
	for _, o := range more {
		i := slices.IndexFunc(have, func(h lang.Operand) bool { return h.Expr == o.Expr && h.Error == "" })
		switch {
		case i < 0:
			have = append(have, o)
		case have[i].NotRead:
			have[i] = o
		}
	}
	return have
}

// decide chooses a branch, says why, and walks it.
func (r *run) decide(w World, f *frame, s *plan.Step, key Key) done {
	env := r.env(w, f)
	is := weigh(env, s)
	data := journal.DecisionMadeData{Because: is.because, Uncertain: is.uncertain, Place: place(s.Span)}
	if s.Ask != nil && len(is.fit) > 0 && is.fit[0].When != nil {
		a, err := r.choose(w, s, key, env, is.fit, &data)
		if err != nil {
			return done{err: err}
		}
		i := slices.IndexFunc(is.fit, func(b *plan.Branch) bool { return b.ID == a.Choice })
		if i < 0 {
			return fail("%q is none of the branches that fit", a.Choice)
		}
		is.fit = is.fit[i : i+1]
	}
	if len(is.fit) == 0 {
		w.Emit(key, Event{Type: journal.DecisionMade, Step: s.ID, Data: data})
		return fail("no branch fits, and there is no `else`")
	}
	b := is.fit[0]
	data.Branch, data.Title = b.ID, r.text(b.Title, env)
	w.Emit(key, Event{Type: journal.DecisionMade, Step: s.ID, Data: data})
	d := r.branch(w, f, s, key, b, data)
	d.fields = map[string]any{"branch": b.ID}
	return d
}

func (r *run) choose(w World, s *plan.Step, key Key, env lang.Env, fit []*plan.Branch, data *journal.DecisionMadeData) (Answer, error) {
	q := Question{Step: s.ID, ApprovalRequestedData: journal.ApprovalRequestedData{
		Kind: "ask", Title: r.text(s.Title, env), Text: r.text(s.Ask, env), Shown: data.Because,
	}}
	for _, b := range fit {
		q.Choices = append(q.Choices, journal.Choice{ID: b.ID, Title: r.text(b.Title, env)})
		data.Choices = append(data.Choices, b.ID)
	}
	a, err := w.Ask(key+"#ask", q)
	data.By = a.By
	return a, err
}

// branch walks the branch that was taken.
func (r *run) branch(w World, f *frame, s *plan.Step, key Key, b *plan.Branch, made journal.DecisionMadeData) done {
	in := f.below(key + ">" + Key(b.ID))
	in.why = f.came(journal.Why{Key: string(key), Branch: made.Branch, Title: made.Title, By: made.By, Uncertain: made.Uncertain, Because: made.Because})
	if err := r.set(w, r.env(w, f), in.path, s.ID, b.Facts); err != nil {
		return erred(err)
	}
	if err := r.steps(w, in, b.Steps); err != nil {
		return up(err)
	}
	if b.Call != nil {
		if _, err := r.call(w, in, in.path, s.ID, b.Call); err != nil {
			return up(err)
		}
	}
	return ok()
}

// call runs a procedure, whose steps and inputs are its own, and gives its
// outputs. Besides them it sees the file's steps and inputs, and nothing of the
// procedure that calls it.
func (r *run) call(w World, f *frame, key Key, id string, c *plan.Call) (map[string]any, error) {
	p := c.Procedure
	given, err := compute(r.env(w, f), c.Inputs)
	if err != nil {
		return nil, &failed{key, err.Error()}
	}
	in := &frame{path: key, steps: maps.Clone(f.file), file: f.file, inputs: map[string]any{}, item: f.item, called: true, rounds: f.rounds, why: f.why}
	maps.Copy(in.inputs, r.opts.Inputs)
	for _, d := range p.Inputs {
		in.inputs[d.Name] = d.Default
		if v, ok := given[d.Name]; ok {
			in.inputs[d.Name] = v
		}
	}
	fresh(in.steps, p.Steps)
	env := r.env(w, in)
	w.Emit(key+"#procedure", Event{Type: journal.ProcedureStarted, Step: id, Data: journal.ProcedureStartedData{
		Name: p.Name, Title: r.text(p.Title, env), Escalation: r.text(p.Escalation, env), Place: place(p.Span),
	}})
	if err := r.set(w, env, key+"#procedure", id, p.Facts); err != nil {
		return nil, &failed{key, err.Error()}
	}
	if err := r.steps(w, in, p.Steps); err != nil {
		return nil, err
	}
	out, err := outputs(r.env(w, in), p.Outputs)
	if err != nil {
		return nil, &failed{key, err.Error()}
	}
	return out, nil
}

// procedure is the step that runs a procedure.
func (r *run) procedure(w World, f *frame, s *plan.Step, key Key) done {
	var out map[string]any
	err := r.within(w, key, s.Timeout, func(w World) error {
		var err error
		out, err = r.call(w, f, key, s.ID, s.Call)
		return err
	})
	if err != nil {
		return up(err)
	}
	d := ok()
	d.fields, d.data.Outputs = out, encoded(out)
	return d
}
