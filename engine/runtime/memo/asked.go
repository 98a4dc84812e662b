package memo

import (
	"bytes"
	"encoding/json"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/secret"
)

// Asked makes a question ready to be put, and to be written down: with the key
// and the name by which it is answered, and with what will be done as text and
// values, in which secrets stand as their names.
func Asked(k interp.Key, q interp.Question) interp.Question {
	q.Key = k
	q.ApprovalRequestedData.Name = q.Name()
	if q.Kind == "confirm" {
		q.Shown = show(named(q.Shown))
	}
	for i, s := range q.Steps {
		q.Steps[i].Shown = show(named(s.Shown))
	}
	return q
}

// named puts the names of secrets in their places: a person who approves has to
// know which one goes where.
func named(v any) any {
	switch v := v.(type) {
	case lang.Bound:
		values, _ := named(v.Values).([]any)
		return lang.Bound{Text: v.Text, Values: values}
	case lang.Unknown:
		return v.String()
	case secret.Value:
		return v.String()
	case secret.Text:
		text := ""
		for _, p := range v.Parts {
			if p.Secret != "" {
				text += secret.Value{Name: p.Secret}.String()
			}
			text += p.Text
		}
		return text
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = named(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = named(x)
		}
		return out
	}
	return v
}

// Same reports whether a question asks for what a request of the journal asked
// for: the same text, about the same to be done. What is known besides may be more
// by now. Mask is what the journal does to what is written.
func Same(was journal.ApprovalRequestedData, now journal.ApprovalRequestedData, mask func(any) any) bool {
	about := func(d journal.ApprovalRequestedData) any {
		return map[string]any{
			"kind": d.Kind, "title": d.Title, "text": d.Text, "shown": d.Shown, "steps": d.Steps, "more": d.More, "changes": d.Changes, "retype": d.Retype,
		}
	}
	return bytes.Equal(canonical(about(was), nil), canonical(about(now), mask))
}

// canonical is a value as the JSON that the journal would hold.
func canonical(v any, mask func(any) any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var out any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&out) != nil {
		return nil
	}
	if mask != nil {
		out = mask(out)
	}
	text, _ = json.Marshal(out)
	return text
}
