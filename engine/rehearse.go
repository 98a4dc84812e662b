package engine

import (
	"context"
	"maps"
	"time"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind/exec"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/runtime/dry"
	"runbook/engine/runtime/memo"
	"runbook/engine/secret"
	"runbook/engine/types"
)

// RehearseOptions are what a rehearsal is given. Watch is told of its events,
// which are kept nowhere.
type RehearseOptions struct {
	Session
	Inputs map[string]any // typed; an input that is missing stands as ‹inputs.name›
	// Observe really makes the checks. All inputs must be there then.
	Observe bool
}

// Rehearse shows every step and every branch. Without Observe it touches
// nothing: no socket, process, secret or file.
func (rb *Runbook) Rehearse(ctx context.Context, o RehearseOptions) error {
	d := dry.Options{Inputs: o.Inputs, User: o.User}
	options := journal.Options{Memory: true, Watch: o.Watch}
	if o.Observe {
		inputs, err := rb.complete(o.Inputs)
		if err != nil {
			return err
		}
		d.Inputs = inputs
		r, err := rb.prepare(ctx, RunOptions{Session: o.Session, Inputs: inputs})
		if err != nil {
			return err
		}
		defer r.close()
		options.Mask = r.masker
		d.Observe, d.Enter = r.observer(ctx, rb.Plan, r.guard)
	}
	if !o.Observe { // what is given beforehand may be a secret that is at hand
		r := &running{rb: rb, opts: RunOptions{Session: o.Session}, masker: secret.NewMasker()}
		for _, s := range rb.secrets() {
			if v, ok := r.lookup(s.Env); ok && s.Env != "" {
				_ = r.masker.Add(s.Key, v) // the run says what is wrong with it
			}
		}
		options.Mask = r.masker
	}
	w, err := journal.Create("", "rehearsal", options)
	if err != nil {
		return err
	}
	d.Emit = func(typ journal.Type, step, key string, data any) {
		if err == nil {
			_, err = w.Append(typ, step, key, data, false)
		}
	}
	dry.Run(rb.Plan, d)
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// observer makes the checks of a plan, and of those that it runs, behind their
// own guards.
func (r *running) observer(ctx context.Context, p *plan.Plan, g *guard.Guard) (dry.Observe, dry.Enter) {
	observe := func(_ string, s *plan.Step, env lang.Env) (map[string]any, journal.StepFinishedData, bool) {
		return r.observe(ctx, p, g, s, env)
	}
	return observe, func(sub *plan.Plan, inputs map[string]any) (dry.Observe, dry.Enter) {
		for _, in := range sub.Inputs {
			if _, known := inputs[in.Name]; !known {
				return nil, nil // its permissions may depend on it
			}
		}
		inner, err := r.inside(ctx, g, sub, inputs)
		if err != nil {
			return nil, nil // the run says why
		}
		return r.observer(ctx, sub, inner)
	}
}

// observe makes one attempt of a check whose options are known.
func (r *running) observe(ctx context.Context, p *plan.Plan, g *guard.Guard, s *plan.Step, env lang.Env) (map[string]any, journal.StepFinishedData, bool) {
	env = maps.Clone(env)
	secrets := map[string]any{}
	for _, x := range p.Secrets {
		secrets[x.Name] = secret.Value{Name: x.Key, Present: r.store.Present(x.Key)}
	}
	env["secrets"] = secrets
	if !s.Options.Known(env) || ctx.Err() != nil || s.If != nil && !holds(s.If, env) {
		return nil, journal.StepFinishedData{}, false
	}
	v, err := s.Options.Render(env)
	options, _ := v.(map[string]any)
	if err == nil {
		options, err = memo.Prepare(options, func(name string) (string, error) { return r.store.Get(ctx, name) })
	}
	var res interp.Result
	if err != nil {
		res = memo.Unprepared(err)
	} else {
		res = r.execute(ctx, g, s, options)
	}
	env["run"] = map[string]any{"id": "rehearsal", "started": time.Now(), "elapsed": time.Duration(0), "user": r.opts.User}
	fields, done := interp.Judge(env, s, res)
	return fields, done, true
}

func holds(e *lang.Expr, env lang.Env) bool {
	v, known := e.Preview(env)
	return known && v == true
}

func (r *running) execute(ctx context.Context, g *guard.Guard, s *plan.Step, options map[string]any) interp.Result {
	if s.Timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, s.Timeout)
		defer stop()
	}
	for _, k := range r.rb.kinds {
		if k.Name != s.Kind.Name {
			continue
		}
		got := k.Run(ctx, exec.Request{Options: options, Check: true, Guard: g})
		return memo.Result(r.masker, got, false)
	}
	return interp.Result{Fields: map[string]any{}, Error: &journal.Error{Kind: "render", Message: types.Format(s.Kind.Name) + " is not a kind of this program"}}
}
