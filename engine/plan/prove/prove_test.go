package prove_test

import (
	"fmt"
	"math"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/engine/lang"
	"runbook/engine/plan/prove"
	"runbook/engine/source"
	"runbook/engine/types"
)

func text(words ...string) *types.Type { return &types.Type{Kind: types.String, Enum: words} }

var (
	boolean = &types.Type{Kind: types.Bool}
	integer = &types.Type{Kind: types.Int}
)

// scope has what the conditions of these tests read.
func scope() *lang.Scope {
	object := func(fields ...types.Field) *types.Type { return &types.Type{Kind: types.Object, Fields: fields} }
	api := object(types.Field{Name: "ran", Type: boolean}, types.Field{Name: "verdict", Type: text("passed", "failed", "error", "skipped")},
		types.Field{Name: "status", Type: integer, Late: true}, types.Field{Name: "body", Type: text(), Late: true}, types.Field{Name: "json", Late: true},
		types.Field{Name: "out", Late: true}, types.Field{Name: "error", Type: object(types.Field{Name: "kind", Type: text("", "dns", "timeout", "output")}), Late: true})
	return &lang.Scope{Present: map[string]bool{"api": true}, Vars: []types.Field{
		{Name: "steps", Type: object(types.Field{Name: "api", Type: api})},
		{Name: "inputs", Type: object(types.Field{Name: "deep", Type: boolean}, types.Field{Name: "region", Type: text("eu", "us", "ap")},
			types.Field{Name: "n", Type: integer}, types.Field{Name: "x", Type: &types.Type{Kind: types.Number}}, types.Field{Name: "list", Type: &types.Type{Kind: types.List}})},
	}}
}

// space says of the paths what a plan would.
func space() prove.Space {
	vars := map[string]prove.Var{
		"inputs.deep": {Type: boolean}, "inputs.region": {Type: text("eu", "us", "ap")}, "inputs.n": {Type: integer, Min: 1, Max: 5}, "inputs.x": {Type: &types.Type{Kind: types.Number}},
		"steps.api.ran": {Type: boolean}, "steps.api.verdict": {Type: text("passed", "failed", "error", "skipped")}, "steps.api.status": {Type: integer, Nil: true},
		"steps.api.body": {Type: text(), Nil: true}, "steps.api.error.kind": {Type: text("", "dns", "timeout", "output"), Nil: true, Absent: true},
	}
	ran := func(name string, more map[string]prove.Bound) prove.Way {
		more["steps.api.ran"], more["steps.api.verdict"] = prove.Bound{Among: []any{true}}, prove.Bound{Except: []any{"skipped"}}
		return prove.Way{Name: name, Bounds: more}
	}
	ways := []prove.Way{
		{Name: "did not run", Bounds: map[string]prove.Bound{"steps.api.ran": {Among: []any{false}}, "steps.api.status": {Gone: true}, "steps.api.body": {Gone: true}, "steps.api.error.kind": {Gone: true}}},
		ran("answered", map[string]prove.Bound{"steps.api.status": {Between: &[2]int{100, 599}}}),
		ran("no answer", map[string]prove.Bound{"steps.api.status": {Between: &[2]int{0, 0}}, "steps.api.error.kind": {Except: []any{"", nil}}}),
	}
	return prove.Space{
		Var: func(path string) prove.Var {
			if v, ok := vars[path]; ok {
				return v
			}
			return prove.Var{Nil: true, Absent: true}
		},
		Ways: func(path string) (string, []prove.Way) {
			if strings.HasPrefix(path, "steps.api.") {
				return "api", ways
			}
			return "", nil
		},
	}
}

func compiled(text string) *lang.Expr {
	return lang.CompileExpr(source.Plain(text), scope(), lang.WantBool, func(source.Diagnostic) {})
}

func when(t *testing.T, text string) *lang.Expr {
	t.Helper()
	var why string
	e := lang.CompileExpr(source.Plain(text), scope(), lang.WantBool, func(d source.Diagnostic) { why = d.Summary })
	if e == nil {
		t.Fatalf("%s: %s", text, why)
	}
	return e
}

// world is one environment, at random: all that the space admits can come.
func world(r *rand.Rand) lang.Env {
	pick := func(values ...any) any { return values[r.Intn(len(values))] }
	anything := func() any {
		return pick(nil, 0, 1, 2, 3, 199, 200, 201, 404, 0.5, 1.0, 2.5, 200.0, math.NaN(), "", "a", "ab", "b", "200", true, false, []any{}, []any{1}, map[string]any{"a": pick(nil, 1, "a", true)}, time.Second)
	}
	api := map[string]any{"ran": true, "verdict": pick("passed", "failed", "error"), "body": pick("", "a", "ab", "abc", "b", "c"), "json": anything(), "out": anything(),
		"status": pick(100, 199, 200, 201, 203, 204, 299, 400, 401, 404, 405, 499, 500, 599), "error": map[string]any{"kind": pick("", "", "output", "timeout")}}
	switch r.Intn(4) {
	case 0:
		api["status"], api["error"] = 0, map[string]any{"kind": pick("dns", "timeout", "output")}
	case 1:
		api = map[string]any{"ran": false, "verdict": pick("skipped", "error", "failed", "passed")}
	}
	return lang.Env{"steps": map[string]any{"api": api}, "inputs": map[string]any{"deep": pick(true, false), "region": pick("eu", "us", "ap"), "n": pick(1, 2, 3, 4, 5),
		"x": pick(-1, 0, 1, 1.5, 2, 2.0, 2.5, 3, 100), "list": pick([]any{}, []any{1}, []any{1, 2}, []any{1, 2, 3, 4})}}
}

// condition is a condition at random.
func condition(r *rand.Rand, depth int) string {
	if depth > 0 && r.Intn(3) > 0 {
		a, b := condition(r, depth-1), condition(r, depth-1)
		switch r.Intn(7) {
		case 0, 1:
			return "(" + a + " and " + b + ")"
		case 2, 3:
			return "(" + a + " or " + b + ")"
		case 4, 5:
			return "not (" + a + ")"
		}
		return "(" + condition(r, 0) + " ? " + a + " : " + b + ")"
	}
	return atom(r)
}

func atom(r *rand.Rand) string {
	pick := func(l ...string) string { return l[r.Intn(len(l))] }
	order := pick("==", "!=", "<", "<=", ">", ">=")
	equal := pick("==", "!=")
	status := pick("0", "99", "200", "204", "404", "500", "600", "199.5")
	n := pick("0", "1", "2", "3", "5", "6", "2.5")
	switch r.Intn(20) {
	case 0, 1, 2:
		return "steps.api.status " + order + " " + status
	case 3:
		return status + " " + order + " steps.api.status"
	case 4:
		return "(steps.api.status ?? " + pick("0", "200", "-1") + ") " + order + " " + status
	case 5:
		return "steps.api.status in " + pick("[200, 204]", "200..299", "[404, 500, 0]", "0..600", "[]")
	case 6:
		return pick("steps.api.ran", "inputs.deep", "steps.api.ran == true", "true")
	case 7:
		return "steps.api.verdict " + equal + pick(` "passed"`, ` "skipped"`, ` "error"`)
	case 8:
		return "inputs.region " + equal + pick(` "eu"`, ` "us"`, ` "ap"`)
	case 9:
		return "inputs.region in " + pick(`["eu"]`, `["eu", "us"]`, `["eu", "us", "ap"]`)
	case 10:
		return "inputs.n " + order + " " + n
	case 11:
		return "inputs.x " + order + " " + n
	case 12:
		return "steps.api.error.kind " + equal + pick(` ""`, ` "dns"`, ` "timeout"`)
	case 13:
		return `steps.api.body ` + pick(`== "a"`, `!= "a"`, `< "b"`, `>= "ab"`, `contains "a"`, `startsWith "a"`, `in ["", "a"]`, `matches "^a"`)
	case 14:
		return "(steps.api.json?.a ?? " + pick("1", `"a"`, "nil") + ") " + equal + pick(" 1", ` "a"`, " nil")
	case 15:
		return "steps.api.out " + equal + pick(" 1", " 200", ` "a"`, " nil", " true")
	case 16:
		return "(steps.api.out ?? 1) " + pick("< 2", "> 200", "in [1, 2]", "in 1..3", `in ["", "a"]`, "== 1.0", "in [1.0]", `in [1, "a", nil]`)
	case 17:
		return "len(inputs.list) " + order + " " + n
	case 18:
		return "steps.api.status + 1 " + order + " " + status
	}
	return pick("steps.api.out ?? false", "(steps.api.out ?? true) == true", `any(inputs.list, # > 1)`, "steps.api.status == inputs.n", "(steps.api.error?.kind ?? \"\") == \"dns\"")
}

// TestNoFalseFinding holds findings about random decisions against the real
// machine in many environments: nothing that was called impossible, hidden or
// always true is ever seen to be otherwise, and known conditions that do not
// hold are skipped.
func TestNoFalseFinding(t *testing.T) {
	counts := map[prove.Sort]int{}
	silent := 0
	for seed := int64(0); seed < 500; seed++ {
		r := rand.New(rand.NewSource(seed))
		d := prove.Decision{Space: space(), Any: r.Intn(5) == 0}
		var known, whens []*lang.Expr
		for range r.Intn(2) {
			if e := compiled(condition(r, 1)); e != nil {
				known = append(known, e)
				d.Known = append(d.Known, prove.Condition{Formula: e.Formula(), Holds: r.Intn(2) == 0})
			}
		}
		for range 2 + r.Intn(4) {
			if e := compiled(condition(r, 2)); e != nil {
				whens = append(whens, e)
				d.Whens = append(d.Whens, e.Formula())
			}
		}
		found, cost := prove.Decide(d)
		if cost >= prove.Limit {
			silent++
		}
		for _, f := range found {
			counts[f.Sort]++
		}
		for range 100 {
			contradict(t, world(r), d, known, whens, found)
		}
	}
	t.Logf("impossible %d, hidden %d, always %d, silent %d", counts[prove.Impossible], counts[prove.Hidden], counts[prove.Always], silent)
	if counts[prove.Impossible] < 50 || counts[prove.Hidden] < 50 || counts[prove.Always] < 20 || silent > 5 {
		t.Error("hardly anything is found: this test shows nothing")
	}
}

// contradict fails where an environment shows a finding to be wrong.
func contradict(t *testing.T, env lang.Env, d prove.Decision, known, whens []*lang.Expr, found []prove.Finding) {
	t.Helper()
	for i, k := range known {
		if holds(k, env) != d.Known[i].Holds {
			return
		}
	}
	taken := make([]bool, len(whens))
	for i, w := range whens {
		taken[i] = holds(w, env)
	}
	for _, f := range found {
		wrong := false
		switch f.Sort {
		case prove.Impossible:
			wrong = taken[f.Branch]
		case prove.Hidden:
			wrong = taken[f.Branch]
			for _, by := range f.By {
				wrong = wrong && !taken[by]
			}
		case prove.Always:
			wrong = !taken[f.Branch]
		}
		if wrong {
			var texts []string
			for _, w := range append(slices.Clone(known), whens...) {
				texts = append(texts, w.Source)
			}
			t.Fatalf("%+v is wrong\n%s\nin %v", f, strings.Join(texts, "\n"), env)
		}
	}
}

func holds(e *lang.Expr, env lang.Env) bool {
	v, _, err := e.Bool(env)
	return v && err == nil
}

// TestMissingIsReal: a case that is found is taken by no branch, on the real
// machine; and where all cases of a small world can be tried, one that is there
// is found.
func TestMissingIsReal(t *testing.T) {
	paths := []string{"inputs.deep", "inputs.region", "inputs.n"}
	simple := func(r *rand.Rand) string {
		for {
			if c := condition(r, 2); !strings.Contains(c, "steps") && !strings.Contains(c, "inputs.x") && !strings.Contains(c, "list") {
				return c
			}
		}
	}
	some := 0
	for seed := int64(0); seed < 400; seed++ {
		r := rand.New(rand.NewSource(seed))
		s := space()
		s.Example = true
		d := prove.Decision{Space: s}
		var whens []*lang.Expr
		for range 2 + r.Intn(4) {
			if e := compiled(simple(r)); e != nil {
				whens = append(whens, e)
				d.Whens = append(d.Whens, e.Formula())
			}
		}
		untaken := func(c prove.Case) bool {
			env := lang.Env{"inputs": map[string]any{"deep": c["inputs.deep"], "region": c["inputs.region"], "n": c["inputs.n"]}}
			return !slices.ContainsFunc(whens, func(w *lang.Expr) bool { return holds(w, env) })
		}
		found, _ := prove.Missing(d, paths, untaken)
		if found != nil && (!untaken(found) || len(found) != len(paths)) {
			t.Fatalf("%v is no case", found)
		}
		if is := exists(untaken); is != (found != nil) {
			t.Fatalf("seed %d: a case is there: %v, found: %v", seed, is, found)
		}
		if found != nil {
			some++
		}
	}
	if some < 100 {
		t.Errorf("only %d cases", some)
	}
}

func exists(untaken func(prove.Case) bool) bool {
	for _, deep := range []any{true, false} {
		for _, region := range []any{"eu", "us", "ap"} {
			for n := 1; n <= 5; n++ {
				if untaken(prove.Case{"inputs.deep": deep, "inputs.region": region, "inputs.n": n}) {
					return true
				}
			}
		}
	}
	return false
}

// TestFound holds small decisions against what is to be found in them.
func TestFound(t *testing.T) {
	for _, c := range []struct {
		whens []string
		want  string
	}{
		{[]string{"steps.api.status == 200", "steps.api.status == 404"}, ""},
		{[]string{"steps.api.status == 404", "steps.api.status == 404"}, "1 hidden by 0"},
		{[]string{"steps.api.status >= 400", "inputs.deep", "steps.api.status in [404, 500]"}, "2 hidden by 0"},
		{[]string{"steps.api.status < 300", "steps.api.status >= 300", "steps.api.status == 1"}, "2 impossible"},
		{[]string{"steps.api.status < 300", "steps.api.status >= 300", "steps.api.status == 200 and inputs.deep"}, "2 hidden by 0"},
		{[]string{`inputs.region == "eu"`, `inputs.region != "eu" and inputs.deep`, "not inputs.deep", `inputs.region in ["us", "ap"]`}, "3 hidden by 1 2"},
		{[]string{"inputs.n > 5"}, "0 impossible"},
		{[]string{"inputs.n > 3 and inputs.n < 4"}, "0 impossible"},
		{[]string{"inputs.x > 3 and inputs.x < 4"}, ""},
		{[]string{"inputs.n in 1..5", "inputs.deep"}, "0 always, 1 hidden by 0"},
		{[]string{"steps.api.ran or steps.api.status == 0", "inputs.deep"}, ""},
		{[]string{`steps.api.verdict != "skipped" or not steps.api.ran`}, "0 always"},
		{[]string{`steps.api.body contains "x"`, `inputs.deep and steps.api.body contains "x"`}, "1 hidden by 0"},
		{[]string{`steps.api.body contains "x"`, `steps.api.body contains "y"`}, ""},
		{[]string{"len(inputs.list) > 0", "len(inputs.list) >= 1"}, "1 hidden by 0"},
		{[]string{"len(inputs.list) >= 0"}, ""}, // it may be an error, for all that is known
		{[]string{"steps.api.status + 1 > 5", "steps.api.status + 1 > 7"}, "1 hidden by 0"},
		{[]string{`steps.api.status == 0 and steps.api.error.kind == ""`}, "0 impossible"},
		{[]string{`steps.api.status == 200 and steps.api.error.kind == "dns"`}, ""},
		{[]string{"inputs.deep ? inputs.n == 1 : inputs.n == 2", "inputs.n == 1 and inputs.deep"}, "1 hidden by 0"},
	} {
		d := prove.Decision{Space: space()}
		for _, w := range c.whens {
			d.Whens = append(d.Whens, when(t, w).Formula())
		}
		found, _ := prove.Decide(d)
		if got := written(found); got != c.want {
			t.Errorf("%s: found %q, want %q", strings.Join(c.whens, "; "), got, c.want)
		}
	}
}

func written(found []prove.Finding) string {
	var out []string
	for _, f := range found {
		s := fmt.Sprintf("%d %s", f.Branch, []string{"impossible", "hidden", "always"}[f.Sort])
		if f.Sort == prove.Hidden {
			s += " by " + strings.Trim(fmt.Sprint(f.By), "[]")
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// TestPastTheLimit: a decision that costs too much is not spoken of.
func TestPastTheLimit(t *testing.T) {
	d := prove.Decision{Space: space()}
	d.Whens = append(d.Whens, when(t, "inputs.n > 5").Formula(), when(t, pigeons(9)).Formula())
	start := time.Now()
	found, cost := prove.Decide(d)
	if len(found) != 0 || cost != prove.Limit {
		t.Errorf("%d findings at a cost of %d", len(found), cost)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

// pigeons says that n pigeons have a hole each of n-1: it never holds, and there
// is no short way to see it.
func pigeons(n int) string {
	in := func(p, h int) string { return fmt.Sprintf(`steps.api.body contains "%d %d"`, p, h) }
	var all []string
	for p := range n {
		var some []string
		for h := range n - 1 {
			some = append(some, in(p, h))
			for other := range p {
				all = append(all, "not ("+in(p, h)+" and "+in(other, h)+")")
			}
		}
		all = append(all, "("+strings.Join(some, " or ")+")")
	}
	slices.Reverse(all)
	return strings.Join(all[:min(len(all), 200)], " and ")
}

// TestLongConditions: however long a condition is, the proof ends soon.
func TestLongConditions(t *testing.T) {
	var list, chain []string
	for i := range 2500 {
		list = append(list, fmt.Sprint(2*i))
	}
	for i := range 490 {
		chain = append(chain, fmt.Sprintf("steps.api.status == %d", i))
	}
	in := "steps.api.status in [" + strings.Join(list, ",") + "]"
	d := prove.Decision{Space: space()}
	for _, text := range []string{in, strings.Join(chain, " or "), "inputs.n == 1 or " + in, strings.Repeat("not ", 490) + "inputs.deep", "inputs.deep and " + in} {
		d.Whens = append(d.Whens, when(t, text).Formula())
	}
	start := time.Now()
	_, cost := prove.Decide(d)
	if took := time.Since(start); cost > prove.Limit || took > 10*time.Second {
		t.Errorf("it cost %d and took %s", cost, took)
	}
}

func FuzzFormula(f *testing.F) {
	for _, s := range []string{"steps.api.status == 200", "inputs.deep ? true : steps.api.ran", `(steps.api.json?.a ?? 1) in [1, "a"]`, "len(inputs.list) > 9223372036854775807", "not (inputs.n in 1..-1)", "inputs.x == 1e308"} {
		f.Add(s, "inputs.deep")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		d := prove.Decision{Space: space()}
		for _, text := range []string{a, b, a + " and " + b} {
			if e := compiled(text); e != nil {
				d.Whens = append(d.Whens, e.Formula())
			}
		}
		found, cost := prove.Decide(d)
		if cost > prove.Limit {
			t.Errorf("it cost %d", cost)
		}
		var whens []*lang.Expr
		for _, text := range []string{a, b, a + " and " + b} {
			if e := compiled(text); e != nil {
				whens = append(whens, e)
			}
		}
		r := rand.New(rand.NewSource(1))
		for range 20 {
			contradict(t, world(r), d, nil, whens, found)
		}
	})
}
