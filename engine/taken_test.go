package engine_test

import (
	"testing"

	"runbook/engine/plan"
)

// TestEveryBranchIsPractised holds the scenarios of the library against its
// decisions: a branch that no scenario expects is a branch that nobody has seen.
func TestEveryBranchIsPractised(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hubspot", "web-down", "certificate", "postgres-full", "rollout-failed", "target-gone"} {
		rb, file := library(t, name)
		seen := map[string]bool{}
		for _, sc := range file.Scenarios {
			for id, branch := range sc.Expect.Decisions {
				seen[id+">"+branch] = true
			}
		}
		rb.Plan.Walk(func(s *plan.Step) {
			for _, b := range s.Branches {
				switch {
				case seen[s.ID+">"+b.ID], name == "hubspot" && b.ID == "unclear":
				case s.ID == "webhook" && seen["webhook>signature"]: // its branches are one list of words
				default:
					t.Errorf("%s: no scenario takes the branch %s of %s", name, b.ID, s.ID)
				}
			}
		})
	}
}
