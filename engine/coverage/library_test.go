package coverage_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/coverage"
	"runbook/engine/journal"
	"runbook/engine/scenario"
	"runbook/engine/source"
)

// TestSimulated: what each scenario of the library takes alone is together what all
// of them take; each decision that one made is a branch that it took, and each
// scenario takes something.
func TestSimulated(t *testing.T) {
	names, err := filepath.Glob("../../runbooks/*" + scenario.Suffix)
	if err != nil || len(names) < 2 {
		t.Fatal("no scenarios: ", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			rb, runs := simulated(t, name)
			all := coverage.Of(rb.Plan, runs...)
			var each []*coverage.Coverage
			for _, r := range runs {
				c := coverage.Of(rb.Plan, r)
				if c.Figure(coverage.Steps).Taken == 0 {
					t.Errorf("%s takes no step", r.Name)
				}
				each = append(each, c)
				decided(t, r, c)
			}
			if written(t, coverage.Union(each...)) != written(t, all) {
				t.Error("the union of what each takes is not what all of them take")
			}
		})
	}
}

// simulated plays all scenarios of a file.
func simulated(t *testing.T, name string) (*engine.Runbook, []coverage.Run) {
	t.Helper()
	open := func(name string) *source.File {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return source.NewFile(name, data)
	}
	f := open(strings.TrimSuffix(name, scenario.Suffix) + ".yaml")
	rb, _ := engine.Load(f, engine.WithFiles(engine.OnDisk(f)))
	if rb == nil {
		t.Fatal("the runbook is not sound")
	}
	file, found := rb.Scenarios(open(name))
	if file == nil {
		t.Fatal(found)
	}
	var runs []coverage.Run
	for _, sc := range file.Scenarios {
		res, err := rb.Test(context.Background(), engine.TestOptions{Scenario: sc})
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, coverage.Run{Name: sc.Name, Events: res.Events})
	}
	return rb, runs
}

// decided holds the branches that a run took against the state that its journal
// folds to, which knows nothing of the plan.
func decided(t *testing.T, r coverage.Run, c *coverage.Coverage) {
	t.Helper()
	want := map[string]bool{}
	for _, st := range journal.Fold(r.Events).Steps {
		if st.Decision != nil && st.Decision.Branch != "" {
			want[st.ID+" "+st.Decision.Branch] = true
		}
	}
	got := map[string]bool{}
	for _, i := range c.Items() {
		if i.Class == coverage.Branches && len(i.Taken) > 0 {
			got[i.Step+" "+i.Name] = true
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s took %v and decided %v", r.Name, got, want)
	}
}
