package scenario

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// says holds one answer, or each of several, against the choices and against what
// the step collects.
func (c *checker) says(n *syntax.Node, name string, choices []string, fields []Collected) {
	switch n.Kind {
	case syntax.Sequence:
		for _, item := range n.Items {
			c.says(item, name, choices, fields)
		}
		return
	case syntax.Scalar:
		c.choice(n, name, choices)
		return
	}
	answer := n.Get("answer")
	if answer != nil {
		c.choice(answer, name, choices)
	} else if !slices.Contains(choices, "done") && n.Kind == syntax.Mapping {
		c.say("unknown-choice", n.Span, fmt.Sprintf("the answer to `%s` has no choice", name), "Write `answer`, which is one of "+strings.Join(choices, ", ")+".")
	}
	for _, e := range entries(n.Get("values")) {
		c.collected(e, name, fields)
	}
	for _, e := range n.Entries {
		if !slices.Contains(long, e.Key.Value) {
			c.collected(e, name, fields)
		}
	}
}

// complete demands of one answer, or of each of several, what the step cannot be done
// without. Steps of several procedures can have the same name: it has to do for one.
func (c *checker) complete(n *syntax.Node, name string, steps []Step) {
	if n.Kind == syntax.Sequence {
		for _, item := range n.Items {
			c.complete(item, name, steps)
		}
		return
	}
	a := answer(n)
	var lacks []string
	for i, s := range steps {
		if spell(a.Choice, s.Choices) != "done" {
			return
		}
		var without []string
		for _, f := range s.Collects {
			if f.Required && a.Values[f.Name] == nil {
				without = append(without, "`"+f.Name+"`")
			}
		}
		if len(without) == 0 {
			return
		}
		if i == 0 {
			lacks = without
		}
	}
	c.say("missing-value", n.Span, fmt.Sprintf("the answer to `%s` has no %s", name, strings.Join(lacks, ", no ")), "The step is not done without. Give a value, or answer `could_not`.")
}

// collected holds a value that a person gives against its declarations: steps of
// several procedures can have the same name, and then it has to fit one.
func (c *checker) collected(e syntax.Entry, name string, fields []Collected) {
	var names []string
	var first error
	remedy := "The step asks again until it fits, so a scenario gives what fits."
	for _, f := range fields {
		if names = append(names, f.Name); f.Name != e.Key.Value {
			continue
		}
		err := f.takes(e.Value)
		if err == nil {
			return
		}
		if first == nil {
			first = err
			if f.Type.Kind == types.String && !f.Secret {
				remedy = strings.TrimSpace(syntax.Reading(e.Value) + " " + remedy)
			}
		}
	}
	if first != nil {
		c.say("bad-value", e.Value.Span, fmt.Sprintf("nobody can give this as `%s` of `%s`: %s", e.Key.Value, name, first), remedy)
		return
	}
	c.say("unknown-field", e.Key.Span, fmt.Sprintf("the step `%s` collects no `%s`", name, e.Key.Value), didYouMean(e.Key.Value, names))
}

// untexted are the types whose values are not written as texts.
var untexted = []types.Kind{types.Int, types.Number, types.Bool, types.List, types.Object}

// takes says why a value cannot be given. One that is secret is taken as text, and
// is not told.
func (f Collected) takes(n *syntax.Node) error {
	if n.Kind == syntax.Null {
		return nil
	}
	v := literal(n)
	if text, isText := v.(string); isText && !f.Secret && slices.Contains(untexted, f.Type.Kind) {
		return fmt.Errorf("%q is a text, and not %s", short(text), types.Article(f.Type))
	}
	if !f.Secret {
		_, err := f.CheckWritten(v)
		return err
	}
	if n := len(types.Format(v)); n < f.Least {
		return fmt.Errorf("it has %d bytes, and a secret needs at least %d", n, f.Least)
	}
	if _, err := f.Check(types.Format(v)); err != nil {
		return fmt.Errorf("it does not fit what is declared: %s", f.constraint())
	}
	return nil
}

// constraint is what a secret has to be, in words without the secret.
func (f Collected) constraint() string {
	if f.Pattern != "" {
		return "it must match " + f.Pattern
	}
	return "it is " + types.Article(f.Type)
}

func (c *checker) choice(n *syntax.Node, name string, choices []string) {
	if word := n.Text.Value; !slices.Contains(choices, spell(word, choices)) {
		detail := "The answers are " + strings.Join(choices, ", ") + "."
		if near := source.Suggest(word, choices); near != "" {
			detail = fmt.Sprintf("Did you mean `%s`? ", near) + detail
		}
		c.say("unknown-choice", n.Span, fmt.Sprintf("nobody can answer `%s` to `%s`", word, name), detail)
	}
}
