package record

import (
	"maps"
	"slices"
	"strings"
	"time"

	"runbook/engine/syntax"
)

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// people are the answers, by step, those of one step in their order.
func (r *recording) people() map[string]any {
	lists := map[string][]any{}
	for _, a := range r.answers {
		lists[a.name] = append(lists[a.name], a.pairs())
	}
	out := map[string]any{}
	for name, l := range lists {
		out[name] = oneOrMore(l)
	}
	return out
}

func (a answer) pairs() syntax.Pairs {
	out := syntax.Pairs{{Key: "answer", Value: a.given.Choice}}
	if len(a.given.Values) > 0 {
		out = append(out, syntax.Pair{Key: "values", Value: standIns(a.given.Values)})
	}
	if ms := a.after.Truncate(time.Millisecond); ms > 0 {
		out = append(out, syntax.Pair{Key: "after", Value: ms.String()})
	}
	if a.given.By != "" {
		out = append(out, syntax.Pair{Key: "by", Value: a.given.By})
	}
	return out
}

// expect is what came of the run.
func (r *recording) expect() syntax.Pairs {
	out := syntax.Pairs{{Key: "outcome", Value: r.state.Status(false)}}
	decisions, verdicts, messages := map[string]any{}, map[string]any{}, map[string]any{}
	for _, st := range r.state.Steps {
		name := r.state.Name(st)
		switch {
		case st.Decision != nil && st.Decision.Branch != "":
			decisions[name] = st.Decision.Branch
		case st.Message != nil:
			messages[name] = r.message(st.Message.Text)
		case st.Done != nil && (st.Info.Role == "check" || st.Info.Role == "action"):
			verdicts[name] = st.Done.Verdict
		}
	}
	add := func(key string, m map[string]any) {
		if len(m) > 0 {
			out = append(out, syntax.Pair{Key: key, Value: m})
		}
	}
	add("decisions", decisions)
	add("verdicts", verdicts)
	add("facts", r.state.Facts)
	if f := r.state.Finished; f != nil {
		add("outputs", f.Outputs)
	}
	add("messages", messages)
	return out
}

// message is what must stand in a message again. Only the run's id cannot: the
// replay is another run.
func (r *recording) message(text string) any {
	if !strings.Contains(text, r.state.Run) {
		return syntax.Pairs{{Key: "equals", Value: text}}
	}
	var parts []any
	for _, p := range strings.Split(text, r.state.Run) {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return syntax.Pairs{{Key: "contains", Value: parts}}
}
