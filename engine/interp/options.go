package interp

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/types"
)

// maxOptions bounds a list that a person picks from.
const maxOptions = 1000

// pickedFrom evaluates the list that a value is picked from: nil where it may be
// any.
func pickedFrom(env lang.Env, c *plan.Collect) ([]any, error) {
	if c.Options == nil {
		return nil, nil
	}
	v, err := c.Options.Eval(env)
	if err != nil {
		return nil, fmt.Errorf("the options of `%s` cannot be computed: %w", c.Name, err)
	}
	list, isList := v.([]any)
	switch {
	case !isList:
		return nil, fmt.Errorf("the options of `%s` are no list", c.Name)
	case len(list) == 0 && c.Required:
		return nil, fmt.Errorf("there is nothing to pick `%s` from: its options are an empty list", c.Name)
	case len(list) > maxOptions:
		return nil, fmt.Errorf("`%s` has %d options; a person is shown at most %d", c.Name, len(list), maxOptions)
	}
	one := types.Decl{Type: c.Type}
	if c.Type.Kind == types.List {
		one.Type = c.Type.Elem
	}
	out := []any{}
	for i, x := range list {
		x, err := one.Check(x)
		if err != nil {
			return nil, fmt.Errorf("option %d of `%s` cannot be used: %w", i+1, c.Name, err)
		}
		out = append(out, x)
	}
	return out, nil
}

// among reports a value that is not one of the options, or a list with such an
// entry.
func (c *Collect) among(v any) error {
	if c.Options == nil {
		return nil
	}
	picked, isList := v.([]any)
	if !isList {
		picked = []any{v}
	}
	for _, p := range picked {
		if slices.ContainsFunc(c.Options, func(o any) bool { return types.Equal(o, p) }) {
			continue
		}
		words := make([]string, 0, 10)
		for _, o := range c.Options[:min(10, len(c.Options))] {
			words = append(words, cut(types.Format(o)))
		}
		if len(c.Options) > 10 {
			words = append(words, "...")
		}
		return fmt.Errorf("%q is not one of the options: %s", cut(types.Format(p)), strings.Join(words, ", "))
	}
	return nil
}

// shownList are options as the journal has them.
func shownList(list []any) []any {
	var out []any
	for _, x := range list {
		out = append(out, short(x))
	}
	return out
}

// maxAttached bounds the text of an attachment in the journal.
const maxAttached = 16 << 10

// attached are the texts that a person is shown.
func attached(list []*plan.Attachment) []journal.Attachment {
	var out []journal.Attachment
	for _, a := range list {
		x := journal.Attachment{Name: a.Name, Title: a.Title, File: a.File, Text: a.Text}
		if len(x.Text) > maxAttached {
			x.Text = strings.ToValidUTF8(x.Text[:maxAttached], "") + "…"
			x.Cut = true
		}
		out = append(out, x)
	}
	return out
}
