//go:build unix

package main

import (
	"os"
	"testing"

	"runbook/checks"
	"runbook/engine/kind"
	"runbook/engine/plan"
	"runbook/engine/scenario"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// TestEveryKeyHasAnExample: each key of the language, of its kinds and of
// scenarios stands in a yaml block of docs/language.md, all of which are executed.
func TestEveryKeyHasAnExample(t *testing.T) {
	page, err := os.ReadFile("../../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, b := range blocksOf(string(page)) {
		if b.lang == "yaml" {
			keysIn(syntax.Parse(source.NewFile("block.yaml", []byte(b.text)), func(source.Diagnostic) {}), shown)
		}
	}
	var kinds []kind.Kind
	for _, k := range checks.All() {
		if k.Stub != nil {
			k.Result = nil // the results are shown where the kind is
		}
		kinds = append(kinds, k.Kind)
	}
	language := plan.Options{Kinds: kinds}.Language()
	w := walker{language: language, keys: map[string]bool{}, seen: map[*spec.Shape]bool{}}
	w.walk(language.Runbook)
	w.walk(scenario.Shape(kinds...))
	if len(w.keys) < 50 {
		t.Fatalf("the language has only %d keys", len(w.keys))
	}
	for key := range w.keys {
		if !shown[key] {
			t.Errorf("no example on docs/language.md has the key `%s`", key)
		}
	}
}

// walker gathers the keys of shapes.
type walker struct {
	language *syntax.Language
	keys     map[string]bool
	seen     map[*spec.Shape]bool
}

func (w walker) walk(s *spec.Shape) {
	if s != nil && s.Form == spec.Ref {
		s = w.language.Resolve(s.Name)
	}
	if s == nil || w.seen[s] {
		return
	}
	w.seen[s] = true
	for _, f := range s.Fields {
		w.keys[f.Key] = true
		w.walk(f.Shape)
	}
	w.walk(s.Elem)
	for _, alt := range s.Alts {
		w.walk(alt)
	}
}

// keysIn gathers the keys of all mappings of a file.
func keysIn(n *syntax.Node, into map[string]bool) {
	if n == nil {
		return
	}
	for _, e := range n.Entries {
		into[e.Key.Value] = true
		keysIn(e.Value, into)
	}
	for _, item := range n.Items {
		keysIn(item, into)
	}
}
