package scenario

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine/source"
	"runbook/engine/syntax"
)

// always are the outcomes that need no `end`.
var always = []string{"completed", "failed", "cancelled", "paused"}

// expectations holds what is expected against what can come.
func (c *checker) expectations() {
	x := c.node.Get("expect")
	if !c.base && !slices.ContainsFunc(entries(x), func(e syntax.Entry) bool { return !strings.HasPrefix(e.Key.Value, "x-") && size(e.Value) > 0 }) {
		c.report(source.Diagnostic{Code: "expects-nothing", Severity: source.Warning, Span: c.Span, Summary: fmt.Sprintf("the scenario `%s` expects nothing, so it tests nothing", c.Name),
			Detail: "Say under `expect` what must come of it: `outcome`, `decisions`, `messages`, `calls`."})
	}
	if o := x.Get("outcome"); o != nil && c.Expect.Outcome != "" && !slices.Contains(always, c.Expect.Outcome) && !slices.Contains(c.known.Outcomes, c.Expect.Outcome) {
		c.say("never", o.Span, fmt.Sprintf("no `end` of the runbook gives the outcome `%s`", c.Expect.Outcome), "It can end as "+strings.Join(append(slices.Clone(c.known.Outcomes), always...), ", ")+".")
	}
	c.declared(x.Get("facts"), "fact", c.known.Facts)
	c.among(x.Get("outputs"), "output", c.known.Outputs)
	c.decisions(x.Get("decisions"))
	for _, e := range entries(x.Get("verdicts")) {
		c.meant(e.Key, e.Key.Value)
	}
	for _, e := range entries(x.Get("messages")) {
		if found := c.meant(e.Key, e.Key.Value); len(found) > 0 && !slices.ContainsFunc(found, func(s Step) bool { return s.Role == "message" }) {
			c.say("never", e.Key.Span, fmt.Sprintf("the step `%s` is %s, and sends no message", e.Key.Value, a(found[0].Role)), didYouMean(e.Key.Value, c.ids(func(s Step) bool { return s.Role == "message" })))
		}
	}
	c.evidence(x.Get("evidence"))
	c.calls(x)
	for _, e := range entries(x.Get("duration")) {
		if e.Value.Kind == syntax.Mapping {
			c.meant(e.Key, e.Key.Value)
		}
	}
}

// size is how much a node holds.
func size(n *syntax.Node) int {
	switch n.Kind {
	case syntax.Null:
		return 0
	case syntax.Scalar:
		return 1
	}
	return len(n.Entries) + len(n.Items)
}

// a is a role with its article.
func a(role string) string {
	if role != "" && strings.ContainsRune("aeiou", rune(role[0])) {
		return "an `" + role + "`"
	}
	return "a `" + role + "`"
}

func (c *checker) ids(is func(Step) bool) []string {
	var out []string
	for _, s := range c.known.Steps {
		if is(s) && !slices.Contains(out, s.ID) {
			out = append(out, s.ID)
		}
	}
	return out
}

func (c *checker) decisions(n *syntax.Node) {
	for _, e := range entries(n) {
		found := c.meant(e.Key, e.Key.Value)
		var branches []string
		decides := false
		for _, s := range found {
			branches, decides = append(branches, s.Branches...), decides || s.Role == "decide"
		}
		switch {
		case len(found) == 0 || e.Value.Kind != syntax.Scalar:
		case !decides:
			c.say("never", e.Key.Span, fmt.Sprintf("the step `%s` is %s, and decides nothing", e.Key.Value, a(found[0].Role)), didYouMean(e.Key.Value, c.ids(func(s Step) bool { return s.Role == "decide" })))
		case !slices.Contains(branches, e.Value.Text.Value):
			c.say("unknown-branch", e.Value.Span, fmt.Sprintf("the decision `%s` has no branch `%s`", e.Key.Value, e.Value.Text.Value), didYouMean(e.Value.Text.Value, branches))
		}
	}
}

func (c *checker) evidence(n *syntax.Node) {
	for _, e := range entries(n) {
		id, name := kept(e.Key.Value)
		found := c.meant(e.Key, id)
		if len(found) > 0 && name == "" {
			c.say("never", e.Key.Span, fmt.Sprintf("`%s` names a step, and not what it keeps", e.Key.Value), "Write STEP.NAME. "+didYouMean("", found[0].Evidence))
			continue
		}
		var have []string
		for _, s := range found {
			have = append(have, s.Evidence...)
		}
		if len(found) > 0 && !slices.Contains(have, name) {
			c.say("never", e.Key.Span, fmt.Sprintf("the step `%s` keeps no evidence `%s`", id, name), didYouMean(name, have))
		}
	}
}

// calls refuses calls that nothing in the runbook can make.
func (c *checker) calls(x *syntax.Node) {
	for _, n := range items(x.Get("calls")) {
		c.callable(n.Get("on"))
	}
	for _, n := range items(x.Get("order")) {
		c.callable(n)
	}
}

func (c *checker) callable(on *syntax.Node) {
	if _, to, overHTTP := request(on.Text.Value); overHTTP {
		if scheme, _, _ := strings.Cut(to, "://"); !glob(scheme, "http") && !glob(scheme, "https") {
			c.say("never", on.Span, fmt.Sprintf("no request goes to `%s://`", scheme), "A request goes to http:// or https://.")
			return
		}
		if uses, about := c.known.uses("http"); !uses {
			c.say("never", on.Span, "the runbook has no step that makes a request", about)
		}
		return
	}
	if slices.ContainsFunc(c.known.Kinds, func(name string) bool { return slices.Contains(c.known.stubbedKinds, name) }) {
		return // it may be a call of one of those
	}
	if slices.Contains(c.known.Kinds, "shell") {
		c.runnable(on)
		return
	}
	_, about := c.known.uses("shell")
	c.say("never", on.Span, "the runbook has no step that makes such a call", about+" A request is written as a method and a URL.")
}

// runnable refuses programs that the runbook may never run.
func (c *checker) runnable(on *syntax.Node) {
	program, _, _ := strings.Cut(strings.TrimSpace(on.Text.Value), " ")
	if strings.Contains(program, "*") {
		return
	}
	for _, p := range c.known.Programs {
		if base(p) == base(program) {
			return
		}
	}
	detail := "Only what `permissions` lists is ever run."
	if near := source.Suggest(program, c.known.Programs); near != "" {
		detail = fmt.Sprintf("Did you mean `%s`? %s", near, detail)
	}
	c.say("never", on.Span, fmt.Sprintf("the runbook may not run `%s`", program), detail)
}

// base is a program's name without its folder.
func base(program string) string { return program[strings.LastIndexByte(program, '/')+1:] }
