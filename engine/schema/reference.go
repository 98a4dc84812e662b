package schema

import (
	"bytes"
	"fmt"
	"strings"

	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// Reference is the reference page in Markdown: every key with its meaning, type,
// default and example.
func Reference(l *syntax.Language, scenarios, policies *spec.Shape) ([]byte, error) {
	p := &page{kinds: map[string]bool{}, homes: map[string]string{}}
	p.line("# Reference\n")
	p.line("Every key of a runbook, of a file of scenarios, and of a policy. This page is generated from what the program checks;")
	p.line("[language.md](language.md) says how it all behaves. Keys in **bold** must be there. A mapping that lists its keys takes no")
	p.line("others, except those that begin with `x-`, which are the author's own. `[ ]` stands for a list of what is inside, NAME for a name of the author's choice.\n")
	p.forms()
	for _, k := range l.Kinds {
		p.kinds[k.Key] = true
	}
	p.line("## The file\n")
	p.object("", l.Runbook, nil)
	p.steps(l)
	for _, name := range []string{"branch", "else", "verify"} {
		p.line("## %s\n", titles[name])
		p.object(name, l.Resolve(name), p.kinds)
	}
	p.line("## Kinds\n")
	p.line("A check or an action has exactly one of these keys, which says what is done. A check may have `repeat` instead.\n")
	for _, k := range l.Kinds {
		p.kind(k)
	}
	p.line("## The file of scenarios\n")
	p.line("`NAME.scenarios.yaml` beside `NAME.yaml`.\n")
	p.object("", scenarios, nil)
	p.line("## The policy\n")
	p.line("An organisation's, which `--policy` or `RUNBOOK_POLICY` names: [policy.md](policy.md).\n")
	p.object("policy", policies, nil)
	return p.out.Bytes(), p.err
}

// titles head the sections of named shapes.
var titles = map[string]string{"step": "Steps", "branch": "Branches", "else": "Else", "verify": "Verify"}

// page is the reference while it is written.
type page struct {
	out   bytes.Buffer
	kinds map[string]bool   // the keys that have a section of their own
	homes map[string]string // the table of a mapping -> the heading that it stands under
	err   error
}

func (p *page) line(format string, args ...any) {
	fmt.Fprintf(&p.out, format+"\n", args...)
}

// forms explains the words of the type column.
func (p *page) forms() {
	p.line("## Types\n")
	p.line("| type | what is written |\n|---|---|")
	for _, row := range [][2]string{
		{"string", "A string, taken literally."},
		{"name", "Letters, digits, `_` and `-`, beginning with a letter, at most 64."},
		{"text", "A string in which `{{ }}` is a template. Where *loose*, numbers and booleans are taken as text."},
		{"expression", "An expression; plain true, false and numbers too."},
		{"script", "A shell script, in which each `{{ }}` is one word."},
		{"integer, number", "Plain digits, within the bounds that are given."},
		{"boolean", "true or false."},
		{"duration", "A number with a unit, such as `90s`, `5m` or `1h30m`; at most a year."},
		{"size", "A number of bytes, such as `512`, `64KiB` or `10MB`."},
		{"any", freeForms[spec.Any].doc},
		{"tree", freeForms[spec.Tree].doc},
		{"value", freeForms[spec.Value].doc},
	} {
		p.line("| %s | %s |", row[0], row[1])
	}
	p.line("")
}

// steps are the roles: the keys that all have first, then each with its own.
func (p *page) steps(l *syntax.Language) {
	u := l.Resolve("step")
	p.line("## %s\n", titles["step"])
	p.line("%s\n", u.Doc)
	shared := &spec.Shape{Form: spec.Object}
	skip := map[string]bool{}
	for _, f := range u.Alts[0].Fields {
		if f.Key != u.Alts[0].Tag && everywhere(u, f) {
			shared.Fields = append(shared.Fields, f)
			skip[f.Key] = true
		}
	}
	p.line("### Keys of every step\n")
	p.object("step", shared, nil)
	for k := range p.kinds {
		skip[k] = true
	}
	for _, a := range u.Alts {
		p.line("### `%s`\n", a.Tag)
		tag, _ := a.Field(a.Tag)
		p.line("%s\n", tag.Doc)
		p.object(a.Tag, a, skip)
	}
}

// everywhere reports whether all roles have a key that means the same.
func everywhere(u *spec.Shape, f spec.Field) bool {
	for _, a := range u.Alts {
		if g, ok := a.Field(f.Key); !ok || g.Doc != f.Doc {
			return false
		}
	}
	return true
}

// kind is the section of one kind.
func (p *page) kind(k spec.Field) {
	p.line("### `%s`\n", k.Key)
	p.line("%s\n", k.Doc)
	for _, o := range objects(k.Shape) {
		if k.Shape.Form == spec.OneOf {
			p.line("It is %s, or a mapping:\n", p.short(k.Shape))
		}
		p.object(k.Key, o, nil)
	}
}

// short names the alternatives of a kind that are no mappings.
func (p *page) short(s *spec.Shape) string {
	var words []string
	for _, a := range s.Alts {
		if a.Form != spec.Object {
			words = append(words, syntax.Describe(a))
		}
	}
	return strings.Join(words, " or ")
}

// object writes the table of a mapping, and then those of the mappings inside
// it. A table that stands on the page already is linked to.
func (p *page) object(path string, s *spec.Shape, skip map[string]bool) {
	p.line("| key | meaning | type | default | example |\n|---|---|---|---|---|")
	type inner struct {
		path  string
		shape *spec.Shape
	}
	var later []inner
	for _, f := range s.Fields {
		if skip[f.Key] {
			continue
		}
		if f.Key == s.Tag && s.Tag != "" {
			f.Doc = "The step's id."
		}
		p.row(path, f, func(at string, o *spec.Shape) { later = append(later, inner{at, o}) })
	}
	p.line("")
	for _, rule := range rules(s) {
		p.line("%s\n", rule)
	}
	for _, in := range later {
		p.line("#### `%s`\n", in.path)
		p.object(in.path, in.shape, nil)
	}
}

// rules are the sentences on which keys go together.
func rules(s *spec.Shape) []string {
	var out []string
	if len(s.One) > 0 {
		out = append(out, "Exactly one of "+ticked(s.One)+".")
	}
	if len(s.Some) > 0 {
		out = append(out, "At least one of "+ticked(s.Some)+".")
	}
	if len(s.Apart) > 0 {
		out = append(out, "At most one of "+ticked(s.Apart)+".")
	}
	if s.Elem != nil {
		out = append(out, "Any other key holds "+syntax.Describe(s.Elem)+".")
	}
	return out
}

func ticked(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

// row is one key. The mappings in its value are told to later, where they do not
// stand on the page yet.
func (p *page) row(path string, f spec.Field, later func(string, *spec.Shape)) {
	at := f.Key
	if path != "" {
		at = path + "." + f.Key
	}
	for _, o := range objects(f.Shape) {
		id := signature(o)
		if p.homes[id] == "" {
			p.homes[id] = at
			later(at, o)
		}
	}
	key := "`" + f.Key + "`"
	if f.Required {
		key = "**" + key + "**"
	}
	doc := strings.TrimSpace(f.Doc + " " + ownDoc(f.Shape))
	p.line("| %s | %s | %s | %s | %s |", key, cell(doc), p.typeOf(f.Shape), code(f.Default), code(f.Example))
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

// objects are the mappings with keys of their own inside a shape; those that the
// language names have sections of their own.
func objects(s *spec.Shape) []*spec.Shape {
	switch s.Form {
	case spec.Object:
		return []*spec.Shape{s}
	case spec.List, spec.Map:
		return objects(s.Elem)
	case spec.OneOf:
		var out []*spec.Shape
		for _, a := range s.Alts {
			out = append(out, objects(a)...)
		}
		return out
	}
	return nil
}

// signature tells mappings apart by their keys and what these mean.
func signature(s *spec.Shape) string {
	var b strings.Builder
	for _, f := range s.Fields {
		fmt.Fprintf(&b, "%s\x00%s\x00", f.Key, f.Doc)
	}
	return b.String()
}

// anchor is a heading's link, as the usual renderers make it.
func anchor(heading string) string {
	return "#" + strings.ReplaceAll(strings.Map(func(r rune) rune {
		if r == '.' || r == '`' {
			return -1
		}
		return r
	}, strings.ToLower(heading)), " ", "-")
}

// typeOf is the type column.
func (p *page) typeOf(s *spec.Shape) string {
	switch s.Form {
	case spec.Ref:
		return "[" + s.Name + "](" + anchor(titles[s.Name]) + ")"
	case spec.Object:
		home := p.homes[signature(s)]
		return "[mapping](" + anchor(home) + ")"
	case spec.List:
		return "[ " + p.typeOf(s.Elem) + " ]"
	case spec.Map:
		return "NAME: " + p.typeOf(s.Elem)
	case spec.OneOf:
		words := make([]string, len(s.Alts))
		for i, a := range s.Alts {
			words[i] = p.typeOf(a)
		}
		return strings.Join(words, " or ")
	}
	return p.scalarType(s)
}

func (p *page) scalarType(s *spec.Shape) string {
	switch {
	case len(s.Enum) > 0:
		return ticked(s.Enum)
	case s.Form == spec.Int && s.Max != 0:
		return fmt.Sprintf("integer, %d to %d", s.Min, s.Max)
	case s.Form == spec.Int:
		return fmt.Sprintf("integer, at least %d", s.Min)
	case s.Form == spec.Template && s.Loose:
		return "text, loose"
	case s.Pattern != "":
		return "string, `" + cell(s.Pattern) + "`"
	}
	word, ok := map[spec.Form]string{spec.String: "string", spec.Ident: "name", spec.Template: "text", spec.Expr: "expression", spec.Script: "script",
		spec.Number: "number", spec.Bool: "boolean", spec.Duration: "duration", spec.Size: "size", spec.Any: "any", spec.Tree: "tree", spec.Value: "value"}[s.Form]
	if !ok && p.err == nil {
		p.err = fmt.Errorf("there is no word for the form %d", s.Form)
	}
	return word
}
