package scenario

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine/kind"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// Known is what a runbook has, with the runbooks that it runs.
type Known struct {
	Secrets, Outputs []string
	Inputs, Facts    []*types.Decl

	Steps    []Step
	Outcomes []string // those that an `end` of the runbook gives
	Kinds    []string // those that its steps use
	Programs []string // that it may run: the first words of its permissions
	Posts    bool     // it has channels, to which requests go

	stubbedKinds []string
}

// Step is a step that a scenario may speak of.
type Step struct {
	ID       string
	Name     string // by which people answer its questions: its id, ID/STEP in another runbook
	Role     string
	Kind     string
	Branches []string // of a decision
	Choices  []string // that people have, where it asks them
	Collects []Collected
	Evidence []string // that it keeps
	Undo     bool     // it offers to undo it
	Late     bool     // it stands in `finally` or `undo`, where a cancel ends nothing
	Private  bool     // it is a procedure's
	At       source.Span
}

// Collected is a value that a step asks for.
type Collected struct {
	*types.Decl
	Secret bool
	Least  int // the length of a secret, in bytes
}

// uses reports whether the stubs of a key could answer anything, and which kinds
// there are.
func (k Known) uses(key string) (bool, string) {
	has := func(name string) bool { return slices.Contains(k.Kinds, name) }
	about := "Its steps use " + strings.Join(k.Kinds, ", ") + "."
	if len(k.Kinds) == 0 {
		about = "Its steps use no kind at all."
	}
	if key != "http" {
		return has(key), about
	}
	return k.Posts || slices.ContainsFunc(k.Kinds, func(n string) bool { return n != "shell" && !slices.Contains(k.stubbedKinds, n) }), about
}

// checker holds a scenario against what the runbook has.
type checker struct {
	*Scenario
	known  Known
	report source.Report
}

// Check holds a scenario against what the runbook has: whatever it speaks of must
// be there, and what it expects must be something that can come.
func (s *Scenario) Check(known Known, report source.Report) {
	for _, k := range s.kinds {
		if k.Stub != nil {
			known.stubbedKinds = append(known.stubbedKinds, k.Name)
		}
	}
	c := &checker{s, known, report}
	c.declared(s.node.Get("inputs"), "input", known.Inputs)
	c.among(s.node.Get("secrets"), "secret", known.Secrets)
	for _, e := range entries(s.node.Get("answers")) {
		c.answer(e)
	}
	for _, r := range s.Results {
		c.result(r)
	}
	c.cancels()
	c.expectations()
	s.unused(known, report)
}

func (c *checker) say(code string, at source.Span, summary, detail string) {
	c.report(source.Diagnostic{Code: code, Span: at, Summary: summary, Detail: detail})
}

// unknown reports a name that the runbook does not have.
func (c *checker) unknown(what string, key source.Text, name string, have []string) {
	c.say("unknown-"+what, key.Span, fmt.Sprintf("the runbook has no %s `%s`", what, name), didYouMean(name, have))
}

// among refuses names that the runbook does not have.
func (c *checker) among(n *syntax.Node, what string, have []string) {
	for _, e := range entries(n) {
		if !slices.Contains(have, e.Key.Value) {
			c.unknown(what, e.Key, e.Key.Value, have)
		}
	}
}

// declared refuses names that are not declared, and values that they cannot have.
func (c *checker) declared(n *syntax.Node, what string, decls []*types.Decl) {
	names := make([]string, len(decls))
	for i, d := range decls {
		names[i] = d.Name
	}
	c.among(n, what, names)
	for _, e := range entries(n) {
		i := slices.Index(names, e.Key.Value)
		if i < 0 || e.Value.Kind == syntax.Null {
			continue
		}
		v := literal(e.Value)
		_, err := decls[i].Check(v)
		if err != nil && what == "fact" { // it is compared as text
			_, err = decls[i].Parse(types.Format(v))
		}
		if err != nil {
			c.say("bad-value", e.Value.Span, fmt.Sprintf("the %s `%s` can never be this: %s", what, e.Key.Value, err), "It is declared as "+decls[i].Type.String()+".")
		}
	}
}

// steps are the steps of an id, and all ids.
func (c *checker) steps(id string) (found []Step, ids []string) {
	for _, s := range c.known.Steps {
		if ids = append(ids, s.ID); s.ID == id {
			found = append(found, s)
		}
	}
	return found, ids
}

// step finds the steps that a key names; none where it has been reported.
func (c *checker) step(key source.Text, id string) []Step {
	found, ids := c.steps(id)
	if len(found) == 0 {
		c.unknown("step", key, id, ids)
	}
	return found
}

// meant finds the steps that an expectation names: the runbook's own, as ID, or those
// of a runbook inside, as ID/STEP. One of a procedure, or a plain id inside, is meant
// only where there is no such step.
func (c *checker) meant(key source.Text, name string) []Step {
	var own, private []Step
	names := make([]string, 0, len(c.known.Steps))
	for _, s := range c.known.Steps {
		names = append(names, s.ID, s.Name)
		switch {
		case s.Name != name:
		case s.Private:
			private = append(private, s)
		default:
			own = append(own, s)
		}
	}
	if len(own)+len(private) == 0 {
		if found, _ := c.steps(name); len(found) > 0 {
			return found
		}
		slices.Sort(names)
		c.unknown("step", key, name, slices.Compact(names))
		return nil
	}
	if c.Expect.meant == nil {
		c.Expect.meant = map[string][]source.Span{}
	}
	c.Expect.meant[name] = nil
	if len(own) == 0 {
		return private
	}
	for _, s := range private {
		c.Expect.meant[name] = append(c.Expect.meant[name], s.At)
	}
	return own
}

// answer holds what people say against what they are asked.
func (c *checker) answer(e syntax.Entry) {
	name, undo := strings.CutSuffix(e.Key.Value, ">undo")
	var found []Step
	var names []string
	for _, s := range c.known.Steps {
		if names = append(names, s.Name); s.Name == name {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 0:
		c.unknown("step", e.Key, name, names)
		return
	case undo && !slices.ContainsFunc(found, func(s Step) bool { return s.Undo }):
		c.say("asks-nothing", e.Key.Span, fmt.Sprintf("the step `%s` has no undo that is offered", name), "Remove the answer.")
		return
	}
	var choices []string
	var fields []Collected
	for _, s := range found {
		choices, fields = append(choices, s.Choices...), append(fields, s.Collects...)
	}
	if undo {
		choices, fields = []string{"approve", "refuse"}, nil
	}
	if len(choices) == 0 {
		c.say("asks-nothing", e.Key.Span, fmt.Sprintf("the step `%s` asks nobody anything", name), "Remove the answer.")
		return
	}
	c.says(e.Value, name, choices, fields)
	if !undo {
		c.complete(e.Value, name, found)
	}
	a := c.Answers[e.Key.Value]
	c.Answers[e.Key.Value] = spoken(a, choices)
}

// cancels holds when somebody presses Ctrl-C against the steps.
func (c *checker) cancels() {
	name := c.Cancel.Step
	if c.Cancel.At.IsZero() {
		return
	}
	found, late := false, true
	var names []string
	for _, s := range c.known.Steps {
		if names = append(names, s.Name); s.Name == name {
			found, late = true, late && s.Late
		}
	}
	switch {
	case !found:
		c.unknown("step", source.Text{Value: name, Span: c.Cancel.At}, name, names)
	case late:
		c.say("never", c.Cancel.At, fmt.Sprintf("the step `%s` runs when the others are over, and a cancel does not end it", name), "Steps in `finally` and `undo` run whatever happened. Name one that stands before them.")
	}
}

// spellings are words that people say for the choices of questions.
var spellings = map[string]string{"approved": "approve", "refused": "refuse", "could not": "could_not"}

// spell is the choice that a word means.
func spell(word string, choices []string) string {
	if w := spellings[word]; w != "" && !slices.Contains(choices, word) && slices.Contains(choices, w) {
		return w
	}
	return word
}

func spoken(a Answer, choices []string) Answer {
	a.Choice = spell(a.Choice, choices)
	a.Then = slices.Clone(a.Then)
	for i, x := range a.Then {
		a.Then[i] = spoken(x, choices)
	}
	return a
}

// result holds what a step comes back with against its kind.
func (c *checker) result(r *ResultStub) {
	on := c.onOf(r)
	id := r.On
	if i := strings.IndexByte(id, '#'); i >= 0 {
		id = id[:i]
	}
	if i := strings.LastIndexAny(id, "/>"); i >= 0 {
		id = id[i+1:]
	}
	if i := strings.IndexByte(id, '['); i >= 0 {
		id = id[:i]
	}
	if strings.Contains(id, "*") {
		return // the run sees
	}
	found := c.step(on, id)
	if len(found) == 0 {
		return
	}
	var kinds []*kind.Kind // steps of several procedures can have the same id
	calls := false
	for _, s := range found {
		calls = calls || s.Kind != ""
		if k := c.kindOf(s.Kind); k != nil && !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	if !calls {
		c.say("bad-stub", on.Span, fmt.Sprintf("the step `%s` is %s, and calls nothing", id, a(found[0].Role)), "Name a check or an action.")
		return
	}
	for _, n := range r.replies {
		c.fitsOne(n, kinds)
	}
}

// fitsOne holds a reply against kinds, of which it has to fit one.
func (c *checker) fitsOne(n *syntax.Node, kinds []*kind.Kind) {
	var first source.Diagnostics
	for i, k := range kinds {
		var found source.Diagnostics
		note := func(d source.Diagnostic) { found = append(found, d) }
		named := &syntax.Node{Kind: syntax.Mapping, Span: n.Span, Entries: []syntax.Entry{{Key: source.Plain("reply"), Value: n}}}
		syntax.Check(named, object(field("reply", replyShape(k), "")), nil, note)
		readReply(n, k, note)
		if i == 0 || !found.Failed() {
			first = found
		}
		if !found.Failed() {
			break
		}
	}
	for _, d := range first {
		c.report(d)
	}
}

// onOf is where the `on` of a stub stands.
func (c *checker) onOf(r *ResultStub) source.Text {
	for _, n := range items(c.node.Get("results")) {
		if n.Span == r.Span {
			return n.Get("on").Text
		}
	}
	return source.Text{Value: r.On, Span: r.Span}
}

func (c *checker) kindOf(name string) *kind.Kind {
	i := slices.IndexFunc(c.kinds, func(k *kind.Kind) bool { return k.Name == name })
	if i < 0 {
		return nil
	}
	return c.kinds[i]
}
