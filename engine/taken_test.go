package engine_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/coverage"
)

// untaken is what no scenario of the library takes, and why that is right.
var untaken = map[string]string{
	"hubspot: in no scenario does `again` find that `status > 0` does not hold":           "no answer is an error, which is found before",
	"hubspot: in no scenario does `reached` find that `status > 0` does not hold":         "no answer is an error, which is found before",
	"postgres-full: in no scenario does `commits` find that `found == 1` does not hold":   "a server that gave one row gives one again",
	"postgres-full: in no scenario does `unblocked` find that `found == 1` does not hold": "a server that gave one row gives one again",
	"postgres-full: in no scenario does `room` find that `found == 1` does not hold":      "a server that gave one row gives one again",
	"postgres-full: no scenario gives `picked` an empty list":                             "a person picks at least one of those in it",
	"rollout-failed: no scenario runs the check `check_after`":                            "it is for a process that died in the middle",
	"target-gone: no scenario runs the check `check_after`":                               "it is for a process that died in the middle",
}

// TestEveryBranchIsPractised holds the scenarios of the library against what its
// runbooks can do: a branch that no scenario takes is a branch that nobody has seen.
// What else none takes is named above, with the reason.
func TestEveryBranchIsPractised(t *testing.T) {
	t.Parallel()
	runs := map[*engine.Runbook][]coverage.Run{}
	for _, p := range plays(t) {
		runs[p.rb] = append(runs[p.rb], coverage.Run{Name: p.name, Events: p.test.Events})
	}
	var each []*coverage.Coverage
	for rb, runs := range runs {
		each = append(each, coverage.Of(rb.Plan, runs...))
	}
	all := coverage.Union(each...)
	for _, problem := range all.Below([]coverage.Minimum{{Class: coverage.Branches, Percent: 100}}) {
		t.Error(problem)
	}
	left := maps.Clone(untaken)
	for _, g := range all.Gaps() {
		key := strings.TrimSuffix(filepath.Base(g.File), ".yaml") + ": " + g.Item.What()
		if _, known := left[key]; !known {
			t.Errorf("%s: %s", g.Place(), g.What())
		}
		delete(left, key)
	}
	for _, key := range slices.Sorted(maps.Keys(left)) {
		t.Errorf("there is no need any more to name %q", key)
	}
}
