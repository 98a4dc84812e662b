package interp

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/types"
)

// observed runs a check or an action, with its retries and polls.
func (r *run) observed(w World, f *frame, s *plan.Step, key Key) done {
	d := r.polled(w, f, s, key, r.once)
	if d.err != nil || d.verdict != passed || s.Role != plan.Action {
		return d
	}
	if s.Undo != nil {
		r.owe(w, f, s, key) // the world has changed, whether verify likes it or not
	}
	if s.Verify == nil {
		return d
	}
	return r.verified(w, f, s, key, d)
}

// verified runs the check that says whether an action worked.
func (r *run) verified(w World, f *frame, s *plan.Step, key Key, d done) done {
	m := maps.Clone(d.fields)
	m["ran"], m["verdict"] = true, passed
	f.steps[s.ID] = m
	in := f.below(key)
	in.steps = maps.Clone(f.steps)
	err := r.step(w, in, s.Verify)
	if u := up(err); u.inner != nil {
		d.verdict, d.reason = notPassed, "its verification did not pass: "+u.inner.reason
	} else {
		d.err = u.err
	}
	return d
}

// once makes one attempt of a check or an action and judges it. The second result
// says whether a retry would be in place.
func (r *run) once(w World, f *frame, s *plan.Step, key Key) (done, bool) {
	env := r.env(w, f)
	m, cannot := f.options(s, env)
	if cannot != nil {
		return *cannot, false
	}
	c := Call{Step: s.ID, Role: string(s.Role), Kind: s.Kind.Name, Options: m, Timeout: s.Timeout, Idempotent: s.Idempotent && s.CheckAfter == nil || s.Role == plan.Check, Approved: r.approved[f.key(s.ID)]}
	res, settled, err := r.made(w, f, s, key, c, env)
	if settled != nil {
		return *settled, false
	}
	if err != nil && res.Fields == nil {
		return done{err: err}, false
	}
	d := judge(env, s, res)
	d.err = err
	d.note(f, d.data.Error)
	return d, r.again(env, s, d)
}

// options are what a step is to do: what was approved where it was asked about.
// Where they cannot be computed, the second result is how the step came out.
func (f *frame) options(s *plan.Step, env lang.Env) (map[string]any, *done) {
	if f.agreed != nil && f.agreed.step == s {
		return f.agreed.options, nil
	}
	options, err := s.Options.Render(env)
	if err == nil {
		err = lost(s, options, env)
	}
	if err != nil {
		d := erred(fmt.Errorf("what to do cannot be computed: %w", err))
		d.data.Error = &journal.Error{Kind: "render", Message: err.Error()}
		d.fields = fields(s, Result{Error: d.data.Error})
		return nil, &d
	}
	m, _ := options.(map[string]any)
	return m, nil
}

// fields is what stands under steps.ID, and alone in the step's own
// expressions.
func fields(s *plan.Step, res Result) map[string]any {
	m := s.Kind.Nothing()
	for _, x := range s.Kind.Result.Fields {
		if v := res.Fields[x.Name]; v != nil {
			m[x.Name] = v
		}
	}
	m["duration"] = res.Duration
	m["error"] = map[string]any{"kind": "", "message": ""}
	if res.Error != nil {
		m["error"] = map[string]any{"kind": res.Error.Kind, "message": res.Error.Message}
	}
	for _, o := range s.Outputs {
		m[o.Name] = nil
	}
	return m
}

// judge gives an attempt its verdict. It leaves the step's own names in env.
func judge(env lang.Env, s *plan.Step, res Result) done {
	d := done{verdict: passed, fields: fields(s, res)}
	d.data.Results, d.data.Error, d.data.Duration = encoded(res.Fields), res.Error, journal.SecondsOf(res.Duration)
	maps.Copy(env, d.fields)
	outs, err := outputs(env, s.Outputs)
	maps.Copy(d.fields, outs)
	d.data.Outputs = encoded(outs)
	if err != nil && res.Error == nil {
		res.Error = &journal.Error{Kind: "output", Message: err.Error()}
		d.fields["error"] = map[string]any{"kind": "output", "message": err.Error()}
		env["error"], d.data.Error = d.fields["error"], res.Error
	}
	for _, name := range s.Evidence {
		if d.data.Evidence == nil {
			d.data.Evidence = map[string]any{}
		}
		d.data.Evidence[name] = types.Encode(types.Exact(d.fields[name]))
	}
	if res.Error != nil && !expectsErrors(s.Expect) {
		d.verdict, d.reason = errored, res.Error.Kind+": "+res.Error.Message
		return d
	}
	expect(env, s.Expect, &d)
	return d
}

// Judge gives the result of a check that was made outside a run its verdict:
// what stands under steps.ID, and what the journal would say. A rehearsal that
// observes uses it.
func Judge(env lang.Env, s *plan.Step, res Result) (map[string]any, journal.StepFinishedData) {
	env = maps.Clone(env)
	d := judge(env, s, res)
	d.fields["ran"], d.fields["verdict"] = true, d.verdict
	d.data.Role, d.data.Verdict, d.data.Reason = string(s.Role), d.verdict, d.reason
	return d.fields, d.data
}

// expectsErrors: a step whose expectations read the error judges it itself.
func expectsErrors(list []*lang.Expr) bool {
	return slices.ContainsFunc(list, func(e *lang.Expr) bool {
		return slices.ContainsFunc(e.Reads, func(p string) bool { return p == "error" || strings.HasPrefix(p, "error.") })
	})
}

// expect holds the expectations against what was found; all are recorded.
func expect(env lang.Env, list []*lang.Expr, d *done) {
	for _, e := range list {
		ok, because, err := e.Bool(env)
		x := journal.Expectation{Expr: e.Source, OK: ok, Because: becauseOf(because)}
		switch {
		case err != nil:
			x.Error = err.Error()
			if d.verdict == passed || d.verdict == notPassed {
				d.verdict, d.reason = errored, "`expect` cannot be computed: "+err.Error()
			}
		case !ok && d.verdict == passed:
			d.verdict, d.reason = notPassed, "expected "+e.Source+found(because)
		}
		d.data.Expect = append(d.data.Expect, x)
	}
}

// becauseOf is what a condition read, as the journal has it.
func becauseOf(because []lang.Operand) []any {
	out := make([]any, len(because))
	for i, o := range because {
		out[i] = o.Tree()
	}
	return out
}

// found says in a few words what an expectation read.
func found(because []lang.Operand) string {
	text := ""
	for _, o := range because {
		if o.NotRead {
			continue
		}
		v := []rune(types.Format(o.Value))
		if len(v) > 60 {
			v = append(v[:60], '…')
		}
		if len(text) > 200 {
			break
		}
		if text == "" {
			text = "; found "
		} else {
			text += ", "
		}
		text += o.Expr + " = " + string(v)
	}
	return text
}
