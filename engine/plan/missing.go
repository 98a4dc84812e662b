package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/plan/prove"
	"runbook/engine/types"
)

// missing looks for a case that no branch of a decision takes. What it reports
// has to be a case that can really come: it consists of results that kinds
// declare and of values that inputs can have, every condition has been evaluated
// with it, and the way from the first step to the decision has been walked with
// it. A decision that reads anything else is not looked at.
func (c *compiler) missing(p proof) {
	if p.otherwise || len(p.step.Branches) == 0 {
		return
	}
	e := &example{c: c, flow: p.flow, target: p.step, shown: map[string]bool{}, pinned: map[*Step]string{}, on: map[*Step]bool{}, free: map[*Step]bool{}}
	d := prove.Decision{Known: p.flow.known(), PerCase: len(c.steps()), Space: prove.Space{Var: e.varOf, Ways: e.waysOf, Example: true}}
	for _, b := range p.step.Branches {
		if b.When == nil || !e.pin(b.When.Reads, true) {
			return
		}
		d.Whens = append(d.Whens, b.When.Formula())
	}
	for _, h := range p.flow.conditions() {
		if !e.pin(h.when.Reads, false) {
			return
		}
	}
	e.pinWay(c.plan.Steps)
	d.Apart, d.Known = e.apart, append(d.Known, e.way...)
	found, cost := prove.Missing(d, e.paths, e.accept)
	c.spent += cost
	if found == nil {
		return
	}
	c.warn("case-missing", p.step.Span, fmt.Sprintf("no branch of `%s` takes %s", p.step.ID, e.format(found)),
		"The decision fails there, because it has no `else`. Add a branch for it, or an `else`.")
}

// example is the search for one case.
type example struct {
	c      *compiler
	flow   *flow
	target *Step
	paths  []string          // what a case gives a value to
	shown  map[string]bool   // the paths that the conditions read
	pinned map[*Step]string  // the steps whose results a case gives, by their prefix
	apart  []*lang.Formula   // what else tells cases apart: conditions on the way
	way    []prove.Condition // what the way to the decision needs; a hint for the search
	on     map[*Step]bool    // whether the decision stands in a step, as far as asked
	free   map[*Step]bool    // whether a step is plain, as far as asked

	env  lang.Env // of the case that is looked at
	now  prove.Case
	seen map[*Step]bool // the steps that the walk has come by
}

// pin enters what an expression reads into the case. It reports whether all of
// it can be.
func (e *example) pin(reads []string, shown bool) bool {
	for _, r := range reads {
		p := strings.Split(r, ".")
		if !(p[0] == "inputs" && e.pinInput(p) || p[0] == "steps" && e.pinStep(p)) {
			return false
		}
		e.shown[r] = e.shown[r] || shown
	}
	return true
}

func (e *example) enter(path string) bool {
	if !slices.Contains(e.paths, path) {
		e.paths = append(e.paths, path)
	}
	return true
}

// pinInput: the file's inputs; a procedure's own depend on its caller.
func (e *example) pinInput(p []string) bool {
	if len(p) != 2 || e.flow.proc != nil && slices.ContainsFunc(e.flow.proc.plan.Inputs, func(in *Input) bool { return in.Name == p[1] }) {
		return false
	}
	v := e.varOf("inputs." + p[1])
	return (len(v.Enum) > 0 || v.Type != nil) && e.enter("inputs."+p[1])
}

// pinStep: what a kind declares, and what follows from it.
func (e *example) pinStep(p []string) bool {
	s := e.find(p[1])
	if s == nil || s.Kind == nil || len(s.Kind.States) == 0 {
		return false
	}
	prefix := "steps." + p[1] + "."
	rest := strings.Join(p[2:], ".")
	switch {
	case rest == "ran" || rest == "error.kind" || slices.Contains(declares(s.Kind), rest):
	case rest == "verdict" && len(s.Facts) == 0:
		e.enter(prefix + "verdict")
	default:
		return false
	}
	if _, again := e.pinned[s]; !again {
		for _, x := range s.Expect {
			f := under(prefix, x.Formula())
			if e.apart = append(e.apart, f); e.stops(s) {
				e.way = append(e.way, prove.Condition{Formula: f, Holds: true})
			}
		}
	}
	e.pinned[s] = prefix
	for _, r := range append(declares(s.Kind), "ran", "error.kind") {
		e.enter(prefix + r)
	}
	return true
}

// under is a formula over a step's own names as one over the names of the file.
func under(prefix string, f *lang.Formula) *lang.Formula {
	out := *f
	out.Path = prefix + f.Path
	out.Args = make([]*lang.Formula, len(f.Args))
	for i, a := range f.Args {
		out.Args[i] = under(prefix, a)
	}
	return &out
}

// declares are the integer results that a kind's states speak of.
func declares(k *kind.Kind) []string {
	var out []string
	for _, s := range k.States {
		for _, name := range slices.Sorted(maps.Keys(s.Ranges)) {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// find is the only step that has an id, or nil. An id that a procedure uses
// again means this step in one place and that in another.
func (e *example) find(id string) *Step {
	return e.c.steps()[id]
}

// steps are all steps of the file by their ids; nil where several have one.
func (c *compiler) steps() map[string]*Step {
	if c.byID != nil {
		return c.byID
	}
	c.byID = map[string]*Step{}
	c.plan.Walk(func(s *Step) {
		if _, twice := c.byID[s.ID]; twice {
			c.byID[s.ID] = nil
			return
		}
		c.byID[s.ID] = s
	})
	return c.byID
}

// varOf gives only values that are certainly possible.
func (e *example) varOf(path string) prove.Var {
	p := strings.Split(path, ".")
	if p[0] != "inputs" {
		return e.stepVar(p)
	}
	d := e.c.inputOf(e.flow, p[1])
	if d == nil || len(p) != 2 {
		return prove.Var{}
	}
	v := declared(d, !d.Required && d.Default == nil)
	switch d.Type.Kind {
	case types.Bool:
		return v
	case types.Int, types.Number:
		v.Type = &types.Type{Kind: types.Int}
		return v
	case types.String:
		if d.Pattern == "" {
			return v
		}
	}
	if d.Default == nil {
		return prove.Var{}
	}
	v.Enum = []any{d.Default}
	return v
}

func (e *example) stepVar(p []string) prove.Var {
	s := e.find(p[1])
	if s == nil || s.Kind == nil {
		return prove.Var{}
	}
	switch strings.Join(p[2:], ".") {
	case "ran":
		return prove.Var{Type: &types.Type{Kind: types.Bool}}
	case "verdict":
		return prove.Var{Type: &types.Type{Kind: types.String, Enum: verdicts}}
	case "error.kind":
		return prove.Var{Type: errorType(s.Kind).Field("kind").Type, Absent: true}
	}
	return prove.Var{Type: &types.Type{Kind: types.Int}, Nil: true}
}

// waysOf are the states that the step's kind declares, without those that
// nobody has to think of.
func (e *example) waysOf(path string) (string, []prove.Way) {
	p := strings.Split(path, ".")
	if p[0] != "steps" {
		return "", nil
	}
	s := e.find(p[1])
	if s == nil || s.Kind == nil {
		return "", nil
	}
	prefix := "steps." + p[1] + "."
	gone := map[string]prove.Bound{prefix + "ran": {Among: []any{false}}, prefix + "verdict": {Among: []any{"skipped"}}, prefix + "error.kind": {Gone: true}}
	for _, r := range declares(s.Kind) {
		gone[prefix+r] = prove.Bound{Gone: true}
	}
	var out []prove.Way
	for _, state := range s.Kind.States {
		if state.Rare {
			continue
		}
		w := wayOf(prefix, state, map[string]prove.Bound{prefix + "ran": {Among: []any{true}}, prefix + "verdict": {Except: []any{"skipped"}}})
		w.Bounds[prefix+"error.kind"] = prove.Bound{Among: usual(s.Kind, state.Error)}
		out = append(out, w)
	}
	return prefix, append(out, prove.Way{Name: "did not run", Bounds: gone})
}

// usual are the words of error.kind that can come in a run that goes on; a
// denial is a fault of the file, and is found elsewhere.
func usual(k *kind.Kind, failed bool) []any {
	if !failed {
		return []any{""}
	}
	var out []any
	for _, word := range append(slices.Clone(k.Errors), "timeout") {
		if word != "denied" {
			out = append(out, word)
		}
	}
	return out
}

// accept reports whether a case comes about, reaches the decision, and is taken
// by no branch: every condition is false, none an error.
func (e *example) accept(now prove.Case) bool {
	e.now, e.seen = now, map[*Step]bool{}
	inputs, steps := map[string]any{}, map[string]any{}
	for path, v := range now {
		if name, ok := strings.CutPrefix(path, "inputs."); ok {
			if d := e.c.inputOf(e.flow, name); v != nil {
				if _, err := d.Check(v); err != nil {
					return false
				}
			}
			inputs[name] = v
		}
	}
	e.env = lang.Env{"inputs": inputs, "steps": steps}
	for s, prefix := range e.pinned {
		if steps[s.ID] = e.results(s, prefix); steps[s.ID] == nil {
			return false
		}
	}
	if e.list(e.c.plan.Steps) != reached || !e.agrees() {
		return false
	}
	for _, b := range e.target.Branches {
		if v, _, err := b.When.Bool(e.env); v || err != nil {
			return false
		}
	}
	return true
}

// results are what stands under a pinned step, or nil where that cannot be.
func (e *example) results(s *Step, prefix string) any {
	if e.now[prefix+"ran"] != true {
		return map[string]any{"ran": false, "verdict": "skipped"}
	}
	m := map[string]any{"ran": true}
	for _, r := range s.Kind.Result.Fields {
		m[r.Name] = zero(r.Type)
	}
	for _, r := range declares(s.Kind) {
		m[r] = e.now[prefix+r]
	}
	m["error"] = map[string]any{"kind": e.now[prefix+"error.kind"], "message": ""}
	verdict, known := e.verdict(s, m)
	want, asked := e.now[prefix+"verdict"]
	if (asked || e.stops(s)) && !known || asked && want != verdict || e.stops(s) && verdict != "passed" {
		return nil
	}
	m["verdict"] = verdict
	return m
}

func zero(t *types.Type) any {
	switch {
	case t == nil:
	case t.Kind == types.String:
		return ""
	case t.Kind == types.Bool:
		return false
	case t.Kind == types.Int:
		return 0
	case t.Kind == types.Object:
		return map[string]any{}
	}
	return nil
}

// stops reports whether the run ends where a step does not pass.
func (e *example) stops(s *Step) bool {
	if s.Role == Check && !s.Required {
		return false
	}
	return s.Failure.Mode == FailStop || s.Failure.Mode == FailSteps && !s.Failure.Continue
}

// verdict judges a pinned step as the run will. It is not known where an
// expectation reads what a case does not give.
func (e *example) verdict(s *Step, results map[string]any) (string, bool) {
	env := maps.Clone(e.env)
	maps.Copy(env, results)
	own := append(declares(s.Kind), "error.kind")
	for _, o := range s.Outputs {
		v, err := o.Expr.Eval(env)
		if err == nil && o.Decl != nil {
			v, err = o.Decl.Check(v)
		}
		if err != nil {
			return "", false
		}
		env[o.Name] = v
	}
	reads := func(x *lang.Expr) bool {
		return slices.ContainsFunc(x.Reads, func(r string) bool { return r == "error" || strings.HasPrefix(r, "error.") })
	}
	if failed := e.errorOf(results) != ""; failed && !slices.ContainsFunc(s.Expect, reads) {
		return "error", true
	}
	verdict := "passed"
	for _, x := range s.Expect {
		if slices.ContainsFunc(x.Reads, func(r string) bool { return !slices.Contains(own, r) }) {
			return "", false
		}
		switch ok, _, err := x.Bool(env); {
		case err != nil:
			return "error", true
		case !ok:
			verdict = "failed"
		}
	}
	return verdict, true
}

func (e *example) errorOf(results map[string]any) string {
	m, _ := results["error"].(map[string]any)
	s, _ := m["kind"].(string)
	return s
}

// format writes a case: what the conditions read, where it is there.
func (e *example) format(now prove.Case) string {
	var out []string
	for _, p := range e.paths {
		if ran := ranOf(p); ran != "" && now[ran] == false {
			if p == ran {
				out = append(out, p+" = false")
			}
			continue
		}
		if e.shown[p] {
			out = append(out, p+" = "+written(now[p]))
		}
	}
	if len(out) == 0 {
		return "the case that `steps." + e.target.ID + "` is reached"
	}
	return strings.Join(out, ", ")
}

// written is a value as an expression writes it.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return strconv.Quote(v)
	}
	return types.Format(v)
}

// ranOf is the path that says whether the step of a path ran, or "".
func ranOf(path string) string {
	p := strings.SplitN(path, ".", 3)
	if p[0] != "steps" {
		return ""
	}
	return p[0] + "." + p[1] + ".ran"
}
