package plan

import (
	"runbook/engine/lang"
	"runbook/engine/source"
)

// Tree is an option block, compiled: a literal, a template, an expression, a
// script, or a mapping or list of those. Exactly one of the fields but Span and
// Typed is set; a Tree with none of them is the literal null.
type Tree struct {
	Const  any // string, int, float64, bool, time.Duration, int64 (a size)
	Tmpl   *lang.Template
	Expr   *lang.Expr
	Script *lang.Script
	Map    []TreeEntry
	List   []*Tree
	IsMap  bool // tells an empty mapping from null
	IsList bool
	Typed  bool // a template that is one hole keeps the hole's type
	Span   source.Span
}

// TreeEntry is one key of a mapping.
type TreeEntry struct {
	Key   string
	Value *Tree
}

// Get is the value of a key of a mapping, or nil.
func (t *Tree) Get(key string) *Tree {
	if t == nil {
		return nil
	}
	for _, e := range t.Map {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// Render computes the tree: strings (secret.Text where a secret stands in
// them), numbers, lang.Bound for scripts, []any and map[string]any.
func (t *Tree) Render(env lang.Env) (any, error) {
	switch {
	case t == nil:
		return nil, nil
	case t.Tmpl != nil && t.Typed:
		return t.Tmpl.Value(env)
	case t.Tmpl != nil:
		return t.Tmpl.Render(env)
	case t.Expr != nil:
		return t.Expr.Eval(env)
	case t.Script != nil:
		return t.Script.Bind(env)
	case t.IsMap:
		return t.renderMap(env)
	case t.IsList:
		return t.renderList(env)
	}
	return t.Const, nil
}

// Reads are the paths that the tree may read.
func (t *Tree) Reads() []string {
	switch {
	case t == nil:
		return nil
	case t.Tmpl != nil:
		return t.Tmpl.Reads()
	case t.Expr != nil:
		return t.Expr.Reads
	case t.Script != nil:
		return t.Script.Reads()
	}
	var out []string
	for _, e := range t.Map {
		out = append(out, e.Value.Reads()...)
	}
	for _, e := range t.List {
		out = append(out, e.Reads()...)
	}
	return out
}

// Known reports whether Render needs nothing that only a run can know.
func (t *Tree) Known(env lang.Env) bool { return env.Knows(t.Reads()) }

func (t *Tree) renderMap(env lang.Env) (any, error) {
	out := make(map[string]any, len(t.Map))
	for _, e := range t.Map {
		v, err := e.Value.Render(env)
		if err != nil {
			return nil, err
		}
		out[e.Key] = v
	}
	return out, nil
}

func (t *Tree) renderList(env lang.Env) (any, error) {
	out := make([]any, len(t.List))
	for i, e := range t.List {
		v, err := e.Render(env)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// Preview is Render for a rehearsal: what only a run can know stands as
// ‹steps.api.status›, a secret as ‹secrets.api_token›, a script as its text.
func (t *Tree) Preview(env lang.Env) any {
	switch {
	case t == nil:
		return nil
	case t.Tmpl != nil:
		return t.Tmpl.Preview(env)
	case t.Expr != nil:
		v, _ := t.Expr.Preview(env)
		return v
	case t.Script != nil:
		return t.Script.Preview(env)
	case t.IsMap:
		out := make(map[string]any, len(t.Map))
		for _, e := range t.Map {
			out[e.Key] = e.Value.Preview(env)
		}
		return out
	case t.IsList:
		out := make([]any, len(t.List))
		for i, e := range t.List {
			out[i] = e.Preview(env)
		}
		return out
	}
	return t.Const
}
