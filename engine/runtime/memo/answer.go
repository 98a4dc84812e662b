package memo

import (
	"fmt"

	"runbook/engine/interp"
	"runbook/engine/secret"
	"runbook/engine/types"
)

// Keep types an answer's values and stores its secrets.
func Keep(q interp.Question, a *interp.Answer, secrets map[string]string, store *secret.Store) error {
	if a.Values == nil {
		a.Values = map[string]any{}
	}
	if q.Kind == "manual" && a.Choice != "done" {
		a.Values = nil
		return nil
	}
	for _, c := range q.Collect {
		if !c.Secret {
			continue
		}
		v, ok := secrets[c.Name]
		if !ok {
			continue
		}
		if _, err := c.Check(v); err != nil {
			return fmt.Errorf("%s: the value does not fit", c.Name)
		}
		if err := store.Set(c.SecretName, v); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		a.Values[c.Name] = secret.Value{Name: c.SecretName, Present: true}
	}
	for name, v := range a.Values {
		a.Values[name] = types.Exact(v)
	}
	return nil
}
