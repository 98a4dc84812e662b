package interp

import (
	"fmt"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/secret"
)

// masked is an environment in which secrets stand as ‹secrets.name›: what a
// person may see before they approve it.
func masked(env lang.Env) lang.Env {
	out := lang.Env{}
	for k, v := range env {
		out[k] = v
	}
	secrets := map[string]any{}
	if m, ok := env["secrets"].(map[string]any); ok {
		for name := range m {
			secrets[name] = lang.Unknown{Path: "secrets." + name}
		}
	}
	out["secrets"] = secrets
	if steps, ok := env["steps"].(map[string]any); ok {
		out["steps"] = hidden("steps", steps)
	}
	return out
}

// hidden replaces the secrets that steps collected.
func hidden(path string, m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		switch x := v.(type) {
		case secret.Value:
			out[k] = lang.Unknown{Path: path + "." + k}
		case map[string]any:
			if path == "steps" {
				out[k] = hidden(path+"."+k, x)
				continue
			}
			out[k] = v
		default:
			out[k] = v
		}
	}
	return out
}

// manual puts a task to a person and takes what they found.
func (r *run) manual(w World, f *frame, s *plan.Step, key Key) done {
	env := r.env(w, f)
	text, err := render(s.Instructions, env)
	if err != nil {
		return erred(err)
	}
	q := Question{Step: s.ID, ApprovalRequestedData: journal.ApprovalRequestedData{
		Attached: attached(s.Attach),
		Kind:     "manual", Title: r.text(s.Title, env), Text: text,
		Choices: []journal.Choice{{ID: "done", Title: "it is done"}, {ID: "could_not", Title: "it could not be done"}},
	}}
	for _, c := range s.Collect {
		list, err := pickedFrom(env, c)
		if err != nil {
			return erred(err)
		}
		q.Fields = append(q.Fields, journal.AnswerField{Name: c.Name, Type: c.Type.String(), Description: c.Description, Secret: c.Secret, Required: c.Required, Options: shownList(list)})
		q.Collect = append(q.Collect, Collect{Decl: c.Decl, Secret: c.Secret, SecretName: f.secretName(s, c), Options: list})
	}
	a, err := w.Ask(key+"#manual", q)
	if err != nil {
		return done{err: err}
	}
	if a.Choice != "done" {
		d := fail("%s could not do it", a.By)
		if a.Note != "" {
			d.reason += ": " + a.Note
		}
		return d
	}
	return r.collected(w, f, s, key, q, a)
}

// collected types the values of an answer.
func (r *run) collected(w World, f *frame, s *plan.Step, key Key, q Question, a Answer) done {
	d := ok()
	d.fields = map[string]any{}
	for i, c := range s.Collect {
		v := a.Values[c.Name]
		given := v != nil
		switch {
		case !given && c.Required:
			return erred(fmt.Errorf("the answer has no `%s`", c.Name))
		case !given:
			v = c.Default
		case !c.Secret:
			var err error
			if v, err = c.Check(v); err == nil {
				err = q.Collect[i].among(v)
			}
			if err != nil {
				return erred(fmt.Errorf("the answer's `%s` cannot be used: %w", c.Name, err))
			}
		}
		if c.Secret {
			if _, isSecret := v.(secret.Value); !isSecret {
				v = secret.Value{Name: f.secretName(s, c)}
			}
		}
		d.fields[c.Name] = v
		if c.Replaces != "" && given {
			r.secrets[c.Replaces] = v
			w.Emit(key+"#secret."+Key(c.Replaces), Event{Type: journal.SecretReplaced, Step: s.ID, Data: journal.SecretReplacedData{Name: c.Replaces, By: a.By}})
		}
	}
	d.data.Outputs = encoded(d.fields)
	return d
}

// message renders a text for people. What cannot be rendered or sent never stops
// a run.
func (r *run) message(w World, f *frame, s *plan.Step, key Key) done {
	env := r.env(w, f)
	text, err := render(s.Text, env)
	if err != nil {
		return erred(fmt.Errorf("the text cannot be computed: %w", err))
	}
	title := r.text(s.Title, env)
	w.Emit(key, Event{Type: journal.MessageRendered, Step: s.ID, Data: journal.MessageRenderedData{Title: title, To: s.To, Text: text, Status: s.Status}})
	d := ok()
	d.err = r.send(w, s, key, title, text)
	return d
}
