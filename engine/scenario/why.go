package scenario

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine/journal"
	"runbook/engine/types"
)

// ending says what a run that ended otherwise failed of.
func (h *holder) ending() []string {
	f := h.state.Finished
	switch {
	case f == nil && len(h.state.Paused) > 0:
		out := []string{}
		for _, key := range h.state.Paused {
			out = append(out, "nobody answers "+key)
		}
		return out
	case f == nil:
		return []string{"the run did not come to its end"}
	}
	var out []string
	if f.Summary != "" {
		out = append(out, "it says: "+short(f.Summary))
	}
	if f.Error != "" {
		out = append(out, "because "+short(f.Error))
	}
	return out
}

// way says how a decision came to be what it is: the branch that was taken, and
// what its conditions read.
func (h *holder) way(id string) []string {
	st := h.last(id, func(st *journal.Step) bool { return st.Decision != nil })
	if st == nil {
		return append([]string{"the decision was not made"}, h.reason(id)...)
	}
	d := st.Decision
	var out []string
	if d.By != "" {
		out = append(out, d.By+" chose "+d.Branch)
	}
	because, _ := d.Because.([]any)
	for _, b := range because {
		out = append(out, operand(b))
	}
	if d.Uncertain {
		out = append(out, "a condition could not be evaluated")
	}
	return append(out, h.path(st)...)
}

// operand is one value that a condition read.
func operand(b any) string {
	m, ok := b.(map[string]any)
	if !ok {
		return "because of " + short(types.Format(b))
	}
	expr := types.Format(m["expr"])
	switch {
	case m["error"] != nil:
		return fmt.Sprintf("because %s could not be evaluated: %s", expr, short(types.Format(m["error"])))
	case m["not_read"] == true:
		return "because " + expr + " was not read"
	}
	return fmt.Sprintf("because %s is %s", expr, short(shown(m["value"])))
}

// path are the decisions that were made before a step, which led to it.
func (h *holder) path(at *journal.Step) []string {
	var out []string
	for _, st := range h.state.Steps {
		if st == at {
			break
		}
		if st.Decision != nil {
			out = append(out, fmt.Sprintf("before it, %s took %s", st.ID, orNothing(st.Decision.Branch)))
		}
	}
	return out
}

func orNothing(s string) string {
	if s == "" {
		return "no branch"
	}
	return s
}

// reason says why a step is as it is, or why it did not run.
func (h *holder) reason(id string) []string {
	st := h.last(id, func(*journal.Step) bool { return true })
	if st == nil {
		out := []string{id + " did not run"}
		for _, s := range h.state.Steps {
			if s.Decision != nil {
				out = append(out, fmt.Sprintf("%s took %s", s.ID, orNothing(s.Decision.Branch)))
			}
		}
		return out
	}
	if st.Done == nil {
		return []string{id + " did not come to its end"}
	}
	if st.Done.Reason != "" {
		return []string{"because " + short(st.Done.Reason)}
	}
	var out []string
	for _, x := range st.Done.Expect {
		if !x.OK {
			out = append(out, "it expects "+short(x.Expr))
		}
	}
	return out
}

// setter says who set a fact last.
func (h *holder) setter(name string) []string {
	for _, m := range slices.Backward(h.state.Moments) {
		d, ok := m.Data.(journal.FactSetData)
		if !ok || d.Name != name {
			continue
		}
		by := m.ID
		if by == "" {
			by = m.Key
		}
		at, _, _ := strings.Cut(m.Key, "#")
		return []string{fmt.Sprintf("%s set it last, at %s; before, it was %s", by, at, short(shown(d.Was)))}
	}
	return []string{"nothing set it: it is what it was in the beginning"}
}
