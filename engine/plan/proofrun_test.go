package plan_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"regexp"
	"slices"
	"testing"
	"time"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/plan"
	"runbook/engine/runtime/sim"
	"runbook/engine/secret"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// dial is a kind with few states, so that all worlds can be tried.
var dial = kind.Kind{
	Name: "dial", Doc: "Gives a status from 1 to 3, or none.", Expect: "status == 1", Status: "status", Errors: []string{"connect"},
	Options: &spec.Shape{Form: spec.Object, Name: "dial"},
	Result:  &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "status", Type: &types.Type{Kind: types.Int}, Late: true}}},
	States: []kind.State{
		{Name: "answered", Ranges: map[string]kind.Range{"status": {Min: 1, Max: 3}}},
		{Name: "no answer", Ranges: map[string]kind.Range{"status": {}}, Error: true},
	},
}

type object = map[string]any

// author writes runbooks at random.
type author struct {
	*rand.Rand
	checks []string
	n      int
}

func (a *author) id(what string) string {
	a.n++
	return fmt.Sprintf("%s%d", what, a.n)
}

func (a *author) pick(l ...string) string { return l[a.Intn(len(l))] }

func (a *author) condition(depth int) string {
	if depth > 0 && a.Intn(2) == 0 {
		x, y := a.condition(depth-1), a.condition(depth-1)
		return a.pick("("+x+" and "+y+")", "("+x+" or "+y+")", "not ("+x+")")
	}
	if len(a.checks) == 0 || a.Intn(3) == 0 {
		return a.pick(`inputs.region == "eu"`, `inputs.region != "us"`, `inputs.region in ["eu", "ap"]`, "inputs.deep", `facts.severity == "P1"`, `facts.severity != "P2"`)
	}
	s := "steps." + a.checks[a.Intn(len(a.checks))]
	n := a.pick("0", "1", "2", "3")
	return a.pick("("+s+".status ?? 9) "+a.pick("==", "!=", "<", ">=")+" "+n, "("+s+".status ?? 0) in ["+n+", 3]", s+".ran", s+`.verdict == "passed"`, s+`.verdict != "error"`, s+`.ran and (`+s+`.status ?? 0) > `+n)
}

func (a *author) steps(depth, n int) []object {
	var out []object
	for range n {
		out = append(out, a.step(depth))
	}
	return out
}

func (a *author) step(depth int) object {
	s := object{}
	switch k := a.Intn(10); {
	case k < 3 && len(a.checks) < 3:
		id := a.id("c")
		s["check"], s["dial"] = id, object{}
		if a.Intn(3) == 0 {
			s["expect"] = []string{a.pick("status == 1", "status in [1, 2]", "status > 0", `error.kind != "connect"`)}
		}
		if a.Intn(4) == 0 {
			s["required"] = true
		}
		if a.Intn(4) == 0 {
			s["facts"] = object{"severity": a.pick("P1", "P2")}
		}
		if a.Intn(3) == 0 {
			s["if"] = a.condition(1)
		}
		a.checks = append(a.checks, id)
		return s
	case k < 7 && depth > 0:
		return a.decision(depth)
	case k < 8 && depth > 0:
		s[a.pick("group", "parallel")], s["steps"] = a.id("g"), a.steps(0, 1+a.Intn(2))
		if a.Intn(2) == 0 {
			s["expect"] = a.condition(1)
		}
		if a.Intn(2) == 0 {
			s["poll"] = object{"every": "1s", "for": "2s"}
		}
		if a.Intn(2) == 0 {
			s["on_failure"] = "continue"
		}
	case k < 9:
		s["end"], s["outcome"], s["if"] = a.id("e"), "resolved", a.condition(1)
		return s
	default:
		s["message"], s["text"] = a.id("m"), "told"
	}
	if a.Intn(2) == 0 {
		s["if"] = a.condition(1)
	}
	return s
}

func (a *author) decision(depth int) object {
	s := object{"decide": a.id("d")}
	var branches []object
	for range 2 + a.Intn(2) {
		branches = append(branches, a.branch(object{"id": a.id("b"), "when": a.condition(2)}, depth))
	}
	s["branches"] = branches
	if a.Intn(3) > 0 {
		s["else"] = a.branch(object{"id": a.id("b")}, depth)
	}
	return s
}

func (a *author) branch(b object, depth int) object {
	if a.Intn(3) == 0 {
		b["facts"] = object{"severity": a.pick("P1", "P2", "P3")}
	}
	if a.Intn(2) == 0 {
		b["steps"] = a.steps(depth-1, 1+a.Intn(2))
	}
	return b
}

func (a *author) runbook() []byte {
	first := object{"check": "c", "dial": object{}}
	a.checks = append(a.checks, "c")
	data, _ := json.Marshal(object{"apiVersion": "runbook/v1", "name": "random",
		"inputs": object{"region": object{"type": "string", "enum": []string{"eu", "us", "ap"}, "default": "eu"}, "deep": object{"type": "bool", "default": false}},
		"facts":  object{"severity": object{"type": "string", "enum": []string{"P1", "P2", "P3"}, "default": "P3"}},
		"steps":  append([]object{first}, a.steps(2, 2+a.Intn(4))...)})
	return data
}

// seen is what all runs of a runbook together did.
type seen struct {
	taken, ran, skipped, failed, passed map[string]bool
}

// try runs a plan in a world: what each check gives, and the inputs.
func (s seen) try(t *testing.T, p *plan.Plan, inputs map[string]any, give map[string]int) {
	t.Helper()
	m := secret.NewMasker()
	watch := func(e journal.Event) {
		switch e.Type {
		case journal.DecisionMade:
			var d journal.DecisionMadeData
			_ = json.Unmarshal(e.Data, &d)
			s.taken[d.Branch] = true
		case journal.StepFinished:
			var d journal.StepFinishedData
			_ = json.Unmarshal(e.Data, &d)
			s.skipped[e.Step] = s.skipped[e.Step] || d.Verdict == "skipped"
			s.ran[e.Step] = s.ran[e.Step] || d.Verdict != "skipped"
			s.passed[e.Step] = s.passed[e.Step] || d.Verdict == "passed"
			s.failed[e.Step] = s.failed[e.Step] || d.Reason == "no branch fits, and there is no `else`"
		}
	}
	clock := sim.NewClock(time.Unix(0, 0))
	journaled, err := journal.Create("", "r", journal.Options{Memory: true, Mask: m, Now: clock.Now, Watch: []func(journal.Event){watch}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = sim.Run(context.Background(), p, sim.Options{Clock: clock, Journal: journaled, Kinds: []exec.Kind{{Kind: dial, Executor: gives(give)}}, Masker: m,
		Secrets: secret.NewStore(m, nil, func(string) (string, bool) { return "", false }, nil),
	}, interp.Options{Run: "r", Inputs: inputs, Present: func(string) bool { return false }})
	if err != nil {
		t.Fatal(err)
	}
}

// gives is what each check gives.
type gives map[string]int

func (g gives) Execute(_ context.Context, r exec.Request) exec.Result {
	switch n := g[r.Step]; n {
	case 0:
		return exec.Result{Fields: map[string]any{"status": 0}, Error: &exec.Error{Kind: "connect", Message: "none"}}
	case 4:
		return exec.Result{Fields: map[string]any{"status": 0}, Error: &exec.Error{Kind: "timeout", Message: "late"}}
	default:
		return exec.Result{Fields: map[string]any{"status": n}}
	}
}

// all tries every world.
func (s seen) all(t *testing.T, p *plan.Plan, checks []string) {
	t.Helper()
	worlds := 1
	for range checks {
		worlds *= 5
	}
	for w := range worlds {
		give := map[string]int{}
		for _, c := range checks {
			give[c], w = w%5, w/5
		}
		for _, region := range []string{"eu", "us", "ap"} {
			for _, deep := range []bool{true, false} {
				s.try(t, p, map[string]any{"region": region, "deep": deep}, give)
			}
		}
	}
}

var quoted = regexp.MustCompile("`([a-z]+[0-9]*)`")

// TestProofAgainstRuns runs random runbooks in every world that there is, and
// holds what happened against what was proven of them.
func TestProofAgainstRuns(t *testing.T) {
	counts := map[string]int{}
	for seed := int64(0); seed < 60; seed++ {
		a := &author{Rand: rand.New(rand.NewSource(seed))}
		data := a.runbook()
		p, found := plan.Unproven(data, []kind.Kind{dial})
		if p == nil {
			continue // `unreachable` and the like
		}
		counts["runbooks"]++
		if len(found) == 0 {
			continue
		}
		s := seen{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
		s.all(t, p, a.checks)
		for _, d := range found {
			counts[d.Code]++
			if why := s.contradicts(p, d); why != "" {
				t.Fatalf("seed %d: %s, but %s\n%s", seed, d.Summary, why, data)
			}
		}
	}
	t.Log(counts)
	for code, least := range map[string]int{"runbooks": 15, "branch-hidden": 5, "branch-impossible": 5, "case-missing": 3, "always-true": 3} {
		if counts[code] < least {
			t.Errorf("only %d of %s: this test shows little", counts[code], code)
		}
	}
}

// contradicts says how the runs show a finding to be wrong, or "".
func (s seen) contradicts(p *plan.Plan, d source.Diagnostic) string {
	m := quoted.FindStringSubmatch(regexp.MustCompile("`(if|when)`").ReplaceAllString(d.Summary, ""))
	switch d.Code {
	case "branch-hidden", "branch-impossible":
		if s.taken[m[1]] {
			return "it is taken"
		}
	case "case-missing":
		if !s.failed[m[1]] {
			return "the decision never fails"
		}
	case "always-false":
		if s.ran[m[1]] && s.passed[m[1]] {
			return "it ran and passed"
		}
	case "always-true":
		why := ""
		p.Walk(func(x *plan.Step) {
			if x.If != nil && x.If.Text.Span == d.Span && s.skipped[x.ID] {
				why = x.ID + " is skipped"
			}
			i := slices.IndexFunc(x.Branches, func(b *plan.Branch) bool { return b.When != nil && b.When.Text.Span == d.Span })
			for _, b := range x.Branches[i+1:] {
				if i >= 0 && s.taken[b.ID] {
					why = b.ID + " is taken"
				}
			}
		})
		return why
	}
	return ""
}
