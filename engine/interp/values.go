package interp

import (
	"fmt"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/types"
)

// text renders what people see; where that fails, what failed stands in its
// place, because a title must not stop a run.
func (r *run) text(t *lang.Template, env lang.Env) string {
	s, err := render(t, env)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return s
}

// render gives a text for people; a secret that stands in it is masked.
func render(t *lang.Template, env lang.Env) (string, error) {
	if t == nil {
		return "", nil
	}
	v, err := t.Render(env)
	if err != nil {
		return "", err
	}
	return types.Format(v), nil
}

func links(list []plan.Link, env lang.Env) []journal.Link {
	var out []journal.Link
	for _, l := range list {
		if u, err := render(l.URL, env); err == nil {
			out = append(out, journal.Link{Title: l.Title, URL: u})
		}
	}
	return out
}

// compute evaluates settings and holds each against its declaration.
func compute(env lang.Env, settings []plan.Setting) (map[string]any, error) {
	out := map[string]any{}
	for _, s := range settings {
		v, err := s.Value.Render(env)
		if err == nil {
			v, err = s.Decl.Check(v)
		}
		if err != nil {
			return nil, fmt.Errorf("`%s` cannot be set: %w", s.Name, err)
		}
		out[s.Name] = v
	}
	return out, nil
}

// encoded are values as the journal writes them; a secret goes in by its name.
func encoded(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = types.Encode(v)
	}
	return out
}

// outputs computes named values in order; each sees those before it.
func outputs(env lang.Env, outs []plan.Output) (map[string]any, error) {
	got := map[string]any{}
	for _, o := range outs {
		v, err := o.Expr.Eval(env)
		if err == nil && o.Decl != nil {
			v, err = o.Decl.Check(v)
		}
		if err != nil {
			return got, fmt.Errorf("output `%s`: %w", o.Name, err)
		}
		got[o.Name], env[o.Name] = v, v
	}
	return got, nil
}
