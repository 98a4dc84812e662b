package interp

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/types"
)

// observed runs a check or an action, with its retries and polls.
func (r *run) observed(w World, f *frame, s *plan.Step, key Key) done {
	d := r.polled(w, f, s, key)
	if d.err != nil || d.verdict != passed || s.Role != plan.Action {
		return d
	}
	if s.Undo != nil {
		// The world has changed, whether verify likes it or not.
		when := "failure"
		if s.Undo.Always {
			when = "always"
		}
		w.Emit(key+">undo", Event{Type: journal.UndoOwed, Step: s.ID, Data: journal.UndoData{Title: r.text(s.Title, r.env(w, f)), When: when, Action: string(key)}})
		r.owed = append(r.owed, owed{key, s, f})
	}
	if s.Verify == nil {
		return d
	}
	return r.verified(w, f, s, key, d)
}

// verified runs the check that says whether an action worked.
func (r *run) verified(w World, f *frame, s *plan.Step, key Key, d done) done {
	before := f.steps[s.ID]
	m := maps.Clone(d.fields)
	m["ran"], m["verdict"] = true, passed
	f.steps[s.ID] = m
	in := &frame{path: key, steps: maps.Clone(f.steps), file: f.file, inputs: f.inputs}
	err := r.step(w, in, s.Verify)
	f.steps[s.ID] = before
	if u := up(err); u.inner != nil {
		d.verdict, d.reason = notPassed, "its verification did not pass: "+u.inner.reason
	} else {
		d.err = u.err
	}
	return d
}

// polled repeats a step until its expectations hold or its time is over.
func (r *run) polled(w World, f *frame, s *plan.Step, key Key) done {
	attempts := 0
	if s.Poll == nil {
		return r.retried(w, f, s, key+"#", &attempts)
	}
	start := w.Now()
	for n := 1; ; n++ {
		d := r.retried(w, f, s, key+Key(fmt.Sprintf("#p%d.", n)), &attempts)
		if d.err != nil || d.verdict == passed {
			return d
		}
		if w.Now().Sub(start)+s.Poll.Every > s.Poll.For {
			d.reason = fmt.Sprintf("not within %s, after %d polls: %s", s.Poll.For, n, d.reason)
			return d
		}
		if err := w.Sleep(key+Key(fmt.Sprintf("#p%d.poll", n)), s.Poll.Every); err != nil {
			d.err, d.reason = err, ""
			return d
		}
	}
}

// retried makes attempts until one does not err.
func (r *run) retried(w World, f *frame, s *plan.Step, prefix Key, attempts *int) done {
	delay := time.Duration(0)
	if s.Retry != nil {
		delay = capped(s.Retry.Delay, s.Retry)
	}
	for n := 1; ; n++ {
		*attempts++
		d, again := r.attempt(w, f, s, prefix+Key(fmt.Sprintf("a%d", n)))
		d.data.Attempts = *attempts
		if d.err != nil || !again || s.Retry == nil || n >= s.Retry.Attempts {
			return d
		}
		if delay > 0 {
			if err := w.Sleep(prefix+Key(fmt.Sprintf("a%d.retry", n)), delay); err != nil {
				d.err, d.reason = err, ""
				return d
			}
		}
		delay = next(delay, s.Retry)
	}
}

// next is the delay before the attempt after the next.
func next(d time.Duration, r *plan.Retry) time.Duration {
	if r.Backoff > 1 {
		d = time.Duration(min(float64(d)*r.Backoff, float64(24*time.Hour)))
	}
	return capped(d, r)
}

func capped(d time.Duration, r *plan.Retry) time.Duration {
	if r.MaxDelay > 0 {
		return min(d, r.MaxDelay)
	}
	return d
}

// attempt makes one attempt and judges it. The second result says whether a
// retry would be in place.
func (r *run) attempt(w World, f *frame, s *plan.Step, key Key) (done, bool) {
	env := r.env(w, f)
	options, err := s.Options.Render(env)
	if err != nil {
		d := erred(fmt.Errorf("what to do cannot be computed: %w", err))
		d.data.Error = &journal.Error{Kind: "render", Message: err.Error()}
		d.fields = fields(s, Result{Error: d.data.Error})
		return d, false
	}
	m, _ := options.(map[string]any)
	res, err := w.Call(key, Call{Step: s.ID, Role: string(s.Role), Kind: s.Kind.Name, Options: m, Timeout: s.Timeout, Idempotent: s.Idempotent || s.Role == plan.Check})
	if err != nil && res.Fields == nil {
		return done{err: err}, false
	}
	d := judge(env, s, res)
	d.err = err
	again := d.verdict == errored
	if s.Retry != nil && s.Retry.On != nil && d.verdict != passed {
		again, _, _ = s.Retry.On.Bool(env) // one that errs asks for no retry
	}
	return d, again
}

// fields is what stands under steps.ID, and alone in the step's own
// expressions.
func fields(s *plan.Step, res Result) map[string]any {
	m := s.Kind.Nothing()
	for _, x := range s.Kind.Result.Fields {
		if v, ok := res.Fields[x.Name]; ok && v != nil {
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
	if len(outs) > 0 {
		d.data.Outputs = encoded(outs)
	}
	if err != nil && res.Error == nil {
		res.Error = &journal.Error{Kind: "output", Message: err.Error()}
		d.fields["error"] = map[string]any{"kind": "output", "message": err.Error()}
		env["error"], d.data.Error = d.fields["error"], res.Error
	}
	for _, name := range s.Evidence {
		if d.data.Evidence == nil {
			d.data.Evidence = map[string]any{}
		}
		d.data.Evidence[name] = encode(types.Exact(d.fields[name]))
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
		return slices.ContainsFunc(e.Reads, func(p string) bool { return p == "error" || len(p) > 6 && p[:6] == "error." })
	})
}

// expect holds the expectations against what was found; all are recorded.
func expect(env lang.Env, list []*lang.Expr, d *done) {
	for _, e := range list {
		ok, because, err := e.Bool(env)
		x := journal.Expectation{Expr: e.Source, OK: ok, Because: because}
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
