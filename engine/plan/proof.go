package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/plan/prove"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// held is a condition around a place: it held, or did not hold, when the walk
// came by. Up are those further out.
type held struct {
	when   *lang.Expr
	holds  bool
	behind *stretch // what may have run between then and the place
	up     *held
}

// stretch is a step with all that runs inside it.
type stretch struct {
	node   *syntax.Node
	around *held           // the conditions in front of it
	ids    map[string]bool // computed when first asked for
}

func (s *stretch) has(id string) bool {
	if s.ids == nil {
		s.ids = map[string]bool{}
		idsIn(s.node, s.ids)
	}
	return s.ids[id]
}

// assume lets a flow know what an expression came to in front of a step, or of
// a branch of it.
func (f *flow) assume(when *lang.Expr, holds bool, behind *stretch) {
	if when != nil {
		f.held = &held{when, holds, behind, f.held}
	}
}

// conditions are those around a place, from the outermost in.
func (f *flow) conditions() []*held {
	var out []*held
	for h := f.held; h != nil; h = h.up {
		out = append(out, h)
	}
	slices.Reverse(out)
	return out
}

// disturb notes that steps may run at any time while the flow is walked.
func (f *flow) disturb(n *syntax.Node) {
	f.beside = maps.Clone(f.beside)
	if f.beside == nil {
		f.beside = map[string]bool{}
	}
	idsIn(n, f.beside)
}

// known are the conditions around a place, for the proof.
func (f *flow) known() []prove.Condition {
	var out []prove.Condition
	for _, h := range f.conditions() {
		out = append(out, prove.Condition{Formula: h.when.Formula(), Holds: h.holds, Stable: f.stable(h)})
	}
	return out
}

// stable: inputs stay; a step's results stay unless it may have run since.
// Facts, secrets and what is said of the run may have changed.
func (f *flow) stable(h *held) func(string) bool {
	return func(path string) bool {
		root, rest, _ := strings.Cut(path, ".")
		id, _, _ := strings.Cut(rest, ".")
		return root == "inputs" || root == "steps" && !h.behind.has(id) && !f.beside[id]
	}
}

// place is the flow as far as a proof needs it: without what is known of each
// step's presence, which is large.
func (f *flow) place() *flow {
	g := *f
	g.present, g.never = nil, nil
	return &g
}

// proof is something to prove once all types are known.
type proof struct {
	flow      *flow
	step      *Step
	otherwise bool       // the decision has an `else`
	when      *lang.Expr // an `if`
	own       *ownNames  // of expectations
}

// ownNames are the names that stand alone in a step's own expressions.
type ownNames struct {
	kind    *kind.Kind
	outputs []Output
	expect  []*lang.Expr // the author's
}

// prove proves the decisions and conditions of the file.
func (c *compiler) prove() {
	whole := !c.failed // what is proven below leaves the plan as it is
	for _, p := range c.proofs {
		switch {
		case p.own != nil:
			c.proveExpect(p)
		case p.when != nil:
			c.proveIf(p)
		default:
			c.proveDecision(p, whole)
		}
	}
}

// fileLimit is how many evaluations all proofs of a file may cost; past it
// nothing more is said. It keeps validating fast, whatever the file.
const fileLimit = 5 * prove.Limit

// possible asks whether conditions can come out as they say.
func (c *compiler) possible(s prove.Space, conditions ...prove.Condition) bool {
	if c.spent > fileLimit {
		return true
	}
	is, cost := prove.Possible(s, conditions...)
	c.spent += cost
	return is
}

func (c *compiler) proveDecision(p proof, whole bool) {
	d := prove.Decision{Space: c.space(p.flow), Known: p.flow.known(), Any: p.step.Ask != nil}
	var branches []*Branch
	for _, b := range p.step.Branches {
		if b.When != nil {
			branches = append(branches, b)
			d.Whens = append(d.Whens, b.When.Formula())
		}
	}
	if conditional := len(p.step.Branches) - count(p.otherwise); len(branches) < conditional {
		return // a condition has an error of its own
	}
	if c.spent > fileLimit {
		return
	}
	found, cost := prove.Decide(d)
	c.spent += cost
	for _, f := range found {
		c.finding(p, branches, f)
	}
	if len(found) == 0 && whole && c.spent <= fileLimit {
		c.missing(p)
	}
}

// finding reports what was proven of a branch.
func (c *compiler) finding(p proof, branches []*Branch, f prove.Finding) {
	b := branches[f.Branch]
	if b.When.Literal != nil && f.Sort != prove.Hidden {
		return // a constant is meant as it stands
	}
	d := source.Diagnostic{Span: b.When.Text.Span}
	if f.Known {
		d.Related = around(p.flow)
	}
	switch f.Sort {
	case prove.Impossible:
		d.Code, d.Summary = "branch-impossible", fmt.Sprintf("branch `%s` can never be taken: its `when` never holds", b.ID)
		d.Detail = "Correct the condition, or remove the branch."
		if f.Known {
			d.Detail = "What is known around the decision rules it out. " + d.Detail
		}
	case prove.Hidden:
		var names []string
		var notes []source.Note
		for _, i := range f.By {
			names = append(names, "`"+branches[i].ID+"`")
			notes = append(notes, source.Note{Span: branches[i].When.Text.Span, Text: "takes its cases"})
		}
		d.Related = append(notes, d.Related...)
		d.Code, d.Summary = "branch-hidden", fmt.Sprintf("branch `%s` can never be taken: %s %s all its cases", b.ID, strings.Join(names, ", "), takes(names))
		d.Detail = "Put it in front, narrow the conditions before it, or remove it."
	case prove.Always:
		behind := p.otherwise || f.Branch+1 < len(branches) && p.step.Ask == nil
		if !behind {
			return
		}
		d.Code, d.Severity, d.Summary = "always-true", source.Warning, "this `when` always holds: nothing behind it is ever taken"
		d.Detail = "Correct the condition, or make the branch the `else`."
	}
	c.report(d)
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func takes(names []string) string {
	if len(names) == 1 {
		return "takes"
	}
	return "take"
}

// around points at the conditions that hold where a flow is.
func around(f *flow) []source.Note {
	var out []source.Note
	for _, h := range f.conditions() {
		text := "this holds here"
		if !h.holds {
			text = "this does not hold here"
		}
		out = append(out, source.Note{Span: h.when.Text.Span, Text: text})
	}
	return out
}

// proveIf warns of an `if` that always comes out the same. A literal is meant.
func (c *compiler) proveIf(p proof) {
	if p.when.Literal != nil {
		return
	}
	s := c.space(p.flow)
	for _, holds := range []bool{true, false} {
		known := append(p.flow.known(), prove.Condition{Formula: p.when.Formula(), Holds: holds})
		if c.possible(s, known...) {
			continue
		}
		d := source.Diagnostic{Code: "always-true", Severity: source.Warning, Span: p.when.Text.Span, Summary: "this `if` always holds", Detail: "Correct the condition, or remove it.", Related: around(p.flow)}
		if holds {
			d.Code, d.Summary, d.Detail = "always-false", fmt.Sprintf("this `if` never holds: `%s` never runs", p.step.ID), "Correct the condition, or remove the step."
		}
		c.report(d)
		return
	}
}

// proveExpect warns of expectations that always come out the same.
func (c *compiler) proveExpect(p proof) {
	s := c.ownSpace(p.flow, p.own)
	var all []prove.Condition
	for _, e := range p.own.expect {
		if e.Literal != nil || e.Text.Span.IsZero() {
			continue
		}
		holds := prove.Condition{Formula: e.Formula(), Holds: true}
		if !c.possible(s, prove.Condition{Formula: e.Formula()}) {
			c.warn("always-true", e.Text.Span, "this expectation always holds", "It says nothing. Correct it, or remove it.")
		}
		alone := c.possible(s, holds)
		if all = append(all, holds); c.possible(s, all...) {
			continue
		}
		why := ""
		if alone {
			why = " together with those before it"
		}
		c.warn("always-false", e.Text.Span, fmt.Sprintf("this expectation never holds%s: `%s` can never pass", why, p.step.ID), "Correct it.")
		return
	}
}

// space is what conditions at a place can read, over-approximated: whatever a
// run can hold there is in it, and more.
func (c *compiler) space(f *flow) prove.Space {
	return prove.Space{
		Var:  func(path string) prove.Var { return c.varOf(f, strings.Split(path, ".")) },
		Ways: func(path string) (string, []prove.Way) { return c.waysOf(f, path) },
	}
}

// varOf describes what stands at a path.
func (c *compiler) varOf(f *flow, path []string) prove.Var {
	unknown := prove.Var{Nil: true, Absent: true}
	if len(path) < 2 {
		return unknown
	}
	switch path[0] {
	case "inputs":
		if d := c.inputOf(f, path[1]); d != nil && len(path) == 2 {
			return declared(d, !d.Required && d.Default == nil)
		}
	case "facts":
		for _, x := range c.plan.Facts {
			if x.Name == path[1] && len(path) == 2 {
				return declared(&x.Decl, x.Default == nil)
			}
		}
	case "steps":
		return c.stepVar(f, path[1], path[2:])
	}
	return unknown
}

// inputOf is the declaration of an input: a procedure's own, or the file's.
func (c *compiler) inputOf(f *flow, name string) *types.Decl {
	list := c.plan.Inputs
	if f.proc != nil {
		list = append(slices.Clone(f.proc.plan.Inputs), list...)
	}
	for _, in := range list {
		if in.Name == name {
			return &in.Decl
		}
	}
	return nil
}

// declared: every value of a declared name has passed its check.
func declared(d *types.Decl, mayBeNil bool) prove.Var {
	v := prove.Var{Type: d.Type, Nil: mayBeNil, Enum: d.Enum}
	if d.Type.Kind == types.Int || d.Type.Kind == types.Number {
		v.Min, v.Max = d.Min, d.Max
	}
	return v
}

// about is what a step's type belongs to.
type about struct {
	role Role
	kind *kind.Kind
}

// stepVar describes `steps.ID.REST`. Whatever the analysis of absence says, a
// result may be nil: a step can be cut short. What an output holds is known to
// its expression alone.
func (c *compiler) stepVar(f *flow, id string, rest []string) prove.Var {
	field := f.steps.Field(id)
	if field == nil || len(rest) == 0 {
		return prove.Var{Nil: true, Absent: true}
	}
	a := c.about[field.Type]
	switch {
	case len(rest) == 1 && rest[0] == "ran":
		return prove.Var{Type: &types.Type{Kind: types.Bool}}
	case len(rest) == 1 && rest[0] == "verdict":
		return prove.Var{Type: &types.Type{Kind: types.String, Enum: verdicts}}
	case len(rest) == 1 && (a.role == Decide && rest[0] == "branch" || a.role == Manual):
		if x := field.Type.Field(rest[0]); x != nil {
			return prove.Var{Type: x.Type, Nil: true}
		}
	case a.kind != nil:
		return nativeVar(a.kind, rest)
	}
	return prove.Var{Nil: true, Absent: true}
}

// nativeVar describes a native result of a kind.
func nativeVar(k *kind.Kind, path []string) prove.Var {
	if len(path) == 2 && path[0] == "error" && path[1] == "kind" {
		return prove.Var{Type: errorType(k).Field("kind").Type, Nil: true, Absent: true}
	}
	if len(path) == 1 {
		if r := k.Result.Field(path[0]); r != nil {
			return prove.Var{Type: r.Type, Nil: true}
		}
	}
	return prove.Var{Nil: true, Absent: true}
}

// waysOf are the ways in which a step can have come out.
func (c *compiler) waysOf(f *flow, path string) (string, []prove.Way) {
	parts := strings.Split(path, ".")
	if parts[0] != "steps" || len(parts) < 3 {
		return "", nil
	}
	field := f.steps.Field(parts[1])
	if field == nil {
		return "", nil
	}
	prefix := "steps." + parts[1] + "."
	return prefix, ways(prefix, c.about[field.Type].kind)
}

// ways of a step: it did not run, it ran and gives what its kind declares, or it
// ran and gives nothing, because it was cut short or could not be computed.
func ways(prefix string, k *kind.Kind) []prove.Way {
	ran := map[string]prove.Bound{prefix + "ran": {Among: []any{true}}, prefix + "verdict": {Except: []any{"skipped"}}}
	not := map[string]prove.Bound{prefix + "ran": {Among: []any{false}}}
	if k == nil {
		return []prove.Way{{Name: "did not run", Bounds: not}, {Name: "ran", Bounds: ran}}
	}
	nothing := maps.Clone(ran)
	for _, r := range k.Result.Fields {
		not[prefix+r.Name], nothing[prefix+r.Name] = prove.Bound{Gone: true}, prove.Bound{Gone: true}
	}
	not[prefix+"error.kind"] = prove.Bound{Gone: true}
	out := []prove.Way{{Name: "did not run", Bounds: not}, {Name: "gave nothing", Bounds: nothing}}
	for _, s := range k.States {
		out = append(out, wayOf(prefix, s, ran))
	}
	if len(k.States) == 0 {
		out = append(out, prove.Way{Name: "ran", Bounds: ran})
	}
	return out
}

// wayOf is a state that a kind declares. An error may be there in every state:
// an output that cannot be computed is one.
func wayOf(prefix string, s kind.State, ran map[string]prove.Bound) prove.Way {
	w := prove.Way{Name: s.Name, Bounds: maps.Clone(ran)}
	for name, r := range s.Ranges {
		w.Bounds[prefix+name] = prove.Bound{Between: &[2]int{r.Min, r.Max}}
	}
	if s.Error {
		w.Bounds[prefix+"error.kind"] = prove.Bound{Except: []any{"", nil}}
	}
	return w
}

// ownSpace is the space of a step's own expressions, in which its results stand
// alone.
func (c *compiler) ownSpace(f *flow, o *ownNames) prove.Space {
	mine := func(path []string) bool {
		return path[0] == "error" || path[0] == "duration" || o.kind.Result.Field(path[0]) != nil ||
			slices.ContainsFunc(o.outputs, func(x Output) bool { return x.Name == path[0] })
	}
	return prove.Space{
		Var: func(path string) prove.Var {
			p := strings.Split(path, ".")
			if mine(p) {
				return nativeVar(o.kind, p)
			}
			return c.varOf(f, p)
		},
		Ways: func(path string) (string, []prove.Way) {
			if mine(strings.Split(path, ".")) {
				return "own", ways("", o.kind)
			}
			return c.waysOf(f, path)
		},
	}
}
