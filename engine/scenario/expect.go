package scenario

import (
	"fmt"
	"slices"

	"runbook/engine/journal"
	"runbook/engine/types"
)

// Failure is an expectation that was not met.
type Failure struct{ What, Want, Got string }

// String says it in a line.
func (f Failure) String() string {
	return fmt.Sprintf("%s: expected %s, got %s", f.What, f.Want, f.Got)
}

// Hold holds a run against what was expected. Met counts what held.
func (x *Expect) Hold(s *journal.State) (met int, failures []Failure) {
	check := func(what, want, got string) {
		if want == got {
			met++
			return
		}
		if got == "" {
			got = "nothing"
		}
		failures = append(failures, Failure{what, want, got})
	}
	if x.Outcome != "" {
		check("outcome", x.Outcome, s.Status(false))
	}
	for _, id := range sorted(x.Decisions) {
		check("decision "+id, x.Decisions[id], branchOf(s, id))
	}
	for _, id := range sorted(x.Verdicts) {
		check("verdict of "+id, x.Verdicts[id], verdictOf(s, id))
	}
	for _, name := range sorted(x.Facts) {
		want, got := types.Exact(x.Facts[name]), types.Exact(s.Facts[name])
		if types.Equal(want, got) || types.Format(types.Encode(want)) == types.Format(got) {
			met++
			continue
		}
		failures = append(failures, Failure{"fact " + name, types.Format(want), types.Format(got)})
	}
	for _, id := range sorted(x.Messages) {
		m := x.Messages[id]
		text, sent := messageOf(s, id)
		switch problem := m.Problem(text); {
		case !sent:
			failures = append(failures, Failure{"message " + id, "a text", "nothing: it was not sent"})
		case problem != "":
			failures = append(failures, Failure{"message " + id, "another text", "one that " + problem})
		default:
			met++
		}
	}
	return met, failures
}

func sorted[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func branchOf(s *journal.State, id string) string {
	for _, st := range slices.Backward(s.Steps) {
		if st.ID == id && st.Decision != nil {
			return st.Decision.Branch
		}
	}
	return ""
}

func verdictOf(s *journal.State, id string) string {
	for _, st := range slices.Backward(s.Steps) {
		if st.ID == id && st.Done != nil {
			return st.Done.Verdict
		}
	}
	return ""
}

func messageOf(s *journal.State, id string) (string, bool) {
	for _, st := range slices.Backward(s.Steps) {
		if st.ID == id && st.Message != nil {
			return st.Message.Text, true
		}
	}
	return "", false
}
