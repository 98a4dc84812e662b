// Package corpus walks the language: what parts its shapes have, and which of
// them a document uses. With it the tests here hold files, good and bad, against
// the loader and the JSON Schema, and see that no key of the language is left out.
package corpus

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// Part is one key of a mapping of the language, or one alternative of a value.
type Part struct {
	ID    string // `check.title`, `check.expect|a list`
	Key   string // the key; of an alternative, what it accepts
	Owner *spec.Shape
	Shape *spec.Shape
	Alt   bool
}

// Parts are all keys and alternatives that a shape leads to, in the order in
// which they are described.
func Parts(root *spec.Shape, refs syntax.Resolver) []Part {
	w := &walker{refs: refs, seen: map[string]bool{}}
	w.shape(root, "file")
	return w.parts
}

type walker struct {
	refs  syntax.Resolver
	seen  map[string]bool // the places that were walked, by id
	parts []Part
}

// idOf names a mapping: by its own name, or by the way to it.
func idOf(s *spec.Shape, at string) string {
	if s.Name != "" {
		return s.Name
	}
	return at
}

// followed is the shape behind a reference.
func followed(s *spec.Shape, refs syntax.Resolver) *spec.Shape {
	if s.Form == spec.Ref {
		return refs(s.Name)
	}
	return s
}

func (w *walker) shape(s *spec.Shape, at string) {
	s = followed(s, w.refs)
	switch s.Form {
	case spec.Object:
		w.object(s, idOf(s, at))
	case spec.Union:
		for _, a := range s.Alts {
			w.object(a, a.Tag)
		}
	case spec.Map, spec.List:
		w.shape(s.Elem, at)
	case spec.OneOf:
		for i, a := range s.Alts {
			w.add(alternative(s, i, at))
			w.shape(a, idOf(s, at))
		}
	}
}

func alternative(s *spec.Shape, i int, at string) Part {
	words := syntax.Describe(s.Alts[i])
	return Part{ID: fmt.Sprintf("%s|%s", idOf(s, at), words), Key: words, Owner: s, Shape: s.Alts[i], Alt: true}
}

func (w *walker) add(p Part) bool {
	if w.seen[p.ID] {
		return false
	}
	w.seen[p.ID] = true
	w.parts = append(w.parts, p)
	return true
}

func (w *walker) object(s *spec.Shape, at string) {
	for _, f := range s.Fields {
		id := at + "." + f.Key
		if w.add(Part{ID: id, Key: f.Key, Owner: s, Shape: f.Shape}) {
			w.shape(f.Shape, id)
		}
	}
}

// Use is one place of a document where a part of the language stands.
type Use struct {
	ID    string
	Shape *spec.Shape
	Owner *spec.Shape
	In    *syntax.Node // the mapping that has the key; nil for an alternative
	Key   source.Text
	Value *syntax.Node
}

// Uses visits what a document uses of the parts of a shape, in the order of the
// file. What does not fit its shape is passed over.
func Uses(n *syntax.Node, root *spec.Shape, refs syntax.Resolver, visit func(Use)) {
	(&reader{refs, visit}).value(n, root, "file")
}

type reader struct {
	refs  syntax.Resolver
	visit func(Use)
}

func (r *reader) value(n *syntax.Node, s *spec.Shape, at string) {
	s = followed(s, r.refs)
	switch {
	case s.Form == spec.Object && n.Kind == syntax.Mapping:
		r.object(n, s, idOf(s, at))
	case s.Form == spec.Union && n.Kind == syntax.Mapping:
		for _, e := range n.Entries {
			if v := s.Variant(e.Key.Value); v != nil {
				r.object(n, v, v.Tag)
				return
			}
		}
	case s.Form == spec.Map && n.Kind == syntax.Mapping:
		for _, e := range n.Entries {
			r.value(e.Value, s.Elem, at)
		}
	case s.Form == spec.List && n.Kind == syntax.Sequence:
		for _, item := range n.Items {
			r.value(item, s.Elem, at)
		}
	case s.Form == spec.OneOf:
		r.oneOf(n, s, at)
	}
}

func (r *reader) oneOf(n *syntax.Node, s *spec.Shape, at string) {
	i := slices.IndexFunc(s.Alts, func(a *spec.Shape) bool { return syntax.Fits(n, a, r.refs) })
	if i < 0 {
		return
	}
	p := alternative(s, i, at)
	r.visit(Use{ID: p.ID, Shape: p.Shape, Owner: s, Value: n})
	r.value(n, s.Alts[i], idOf(s, at))
}

func (r *reader) object(n *syntax.Node, s *spec.Shape, at string) {
	for _, e := range n.Entries {
		f, ok := s.Field(e.Key.Value)
		if !ok || strings.HasPrefix(e.Key.Value, "x-") {
			continue
		}
		id := at + "." + f.Key
		r.visit(Use{ID: id, Shape: f.Shape, Owner: s, In: n, Key: e.Key, Value: e.Value})
		r.value(e.Value, f.Shape, id)
	}
}
