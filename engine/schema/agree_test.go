package schema_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"runbook/engine/corpus"
	"runbook/engine/policy"
	"runbook/engine/schema"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// TestAgree makes documents from the shapes, valid by construction, breaks them,
// and demands that the loader and the schema say the same of each.
func TestAgree(t *testing.T) {
	l := language()
	agree(t, l.Runbook, l.Resolve, runbookSchema(t, l))
}

// TestScenariosAgree does so with files of scenarios.
func TestScenariosAgree(t *testing.T) {
	s := compiled(t, generated(t, func() ([]byte, error) { return schema.Scenarios(worlds()) }), "")
	agree(t, worlds(), func(string) *spec.Shape { return nil }, s)
	p := compiled(t, generated(t, func() ([]byte, error) { return schema.Policy(policy.Shape()) }), "")
	agree(t, policy.Shape(), func(string) *spec.Shape { return nil }, p)
}

func agree(t *testing.T, shape *spec.Shape, refs syntax.Resolver, s *jsonschema.Schema) {
	t.Helper()
	g := &maker{rand.New(rand.NewPCG(1, 3)), refs}
	refused, accepted := 0, 0
	met := map[bool]map[string]bool{true: {}, false: {}} // the parts of the language in accepted and in refused documents
	note := func(doc any, sound bool) {
		_, n, _ := value("x.yaml", []byte(pretty(doc)))
		corpus.Uses(n, shape, refs, func(u corpus.Use) { met[sound][u.ID] = true })
	}
	for i := range 1200 {
		doc := g.value(shape, 0)
		if found, valid := judged(t, doc, shape, refs, s); len(found) > 0 || valid != nil {
			t.Fatalf("document %d is valid by construction; the loader says %v, the schema %v:\n%s", i, found, valid, pretty(doc))
		}
		note(doc, true)
		for range 6 {
			broken := g.broken(clone(doc))
			found, valid := judged(t, broken, shape, refs, s)
			if (len(found) > 0) != (valid != nil) {
				t.Fatalf("document %d: the loader says %v, the schema %v:\n%s", i, found, valid, pretty(broken))
			}
			note(broken, valid == nil)
			if valid != nil {
				refused++
			} else {
				accepted++
			}
		}
	}
	if refused < 1200 || accepted < 120 {
		t.Errorf("%d were refused and %d accepted: the changes are too wild or too tame", refused, accepted)
	}
	for _, p := range corpus.Parts(shape, refs) {
		for sound, words := range map[bool]string{true: "accepted", false: "refused"} {
			if !met[sound][p.ID] {
				t.Errorf("no %s document has %s", words, p.ID)
			}
		}
	}
}

// judged is what both say of a document, which is written out and read as a file
// would be.
func judged(t *testing.T, doc any, shape *spec.Shape, refs syntax.Resolver, s *jsonschema.Schema) ([]string, error) {
	t.Helper()
	v, n, ok := value("x.yaml", []byte(pretty(doc)))
	if !ok {
		t.Fatalf("this is not YAML:\n%s", pretty(doc))
	}
	var found []string
	syntax.Check(n, shape, refs, func(d source.Diagnostic) { found = append(found, d.Code+": "+d.Summary) })
	return found, s.Validate(v)
}

func pretty(v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// clone goes through JSON, so that numbers are json.Number and stay as written.
func clone(v any) any {
	d := json.NewDecoder(strings.NewReader(pretty(v)))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		return err.Error()
	}
	return out
}

// maker makes values from shapes, and breaks them.
type maker struct {
	*rand.Rand
	refs syntax.Resolver
}

func pick[T any](g *maker, list ...T) T { return list[g.IntN(len(list))] }

// chance is true once in n times.
func (g *maker) chance(n int) bool { return g.IntN(n) == 0 }

func (g *maker) value(s *spec.Shape, depth int) any {
	if s.Form == spec.Ref {
		s = g.refs(s.Name)
	}
	switch s.Form {
	case spec.Object:
		return g.object(s, depth)
	case spec.Union:
		return g.object(pick(g, s.Alts...), depth)
	case spec.Map:
		m := map[string]any{}
		for range g.count(s, depth) {
			m[pick(g, "a", "b-1", "C_c", "x-own", "a.b")] = g.value(s.Elem, depth+1)
		}
		if s.Pattern != "" {
			delete(m, "a.b")
		}
		for len(m) < s.Min {
			m[fmt.Sprint("k", len(m))] = g.value(s.Elem, depth+1)
		}
		return m
	case spec.List:
		l := []any{}
		for range g.count(s, depth) {
			l = append(l, g.value(s.Elem, depth+1))
		}
		return l
	case spec.OneOf:
		return g.value(pick(g, s.Alts...), depth)
	}
	return g.scalar(s)
}

func (g *maker) count(s *spec.Shape, depth int) int {
	most := 8 // the deepest list of a scenario is one of a certificate's chain
	if s.Elem.Form == spec.Ref {
		most = 5 // steps hold steps
	}
	if depth > most {
		return s.Min
	}
	return s.Min + g.IntN(3)
}

// object gives the keys that must be there, and some of the others.
func (g *maker) object(s *spec.Shape, depth int) any {
	m := map[string]any{}
	want := map[string]bool{}
	for _, rule := range [][]string{s.One, s.Some} {
		if len(rule) > 0 {
			want[pick(g, rule...)] = true
		}
	}
	if len(s.Apart) > 0 && depth < 6 && g.chance(2) && !slices.ContainsFunc(s.Apart, func(k string) bool { return want[k] }) {
		want[pick(g, s.Apart...)] = true
	}
	for _, f := range s.Fields {
		chosen := slices.Contains(s.One, f.Key) || slices.Contains(s.Apart, f.Key)
		if f.Required || want[f.Key] || !chosen && depth < 9 && g.chance(3) {
			m[f.Key] = g.value(f.Shape, depth+1)
		}
	}
	if g.chance(6) {
		m["x-note"] = g.free()
	}
	return m
}

func (g *maker) free() any {
	return pick[any](g, nil, true, 7, 1.5, "text", []any{}, []any{1, "a"}, map[string]any{}, map[string]any{"a": nil})
}

func (g *maker) scalar(s *spec.Shape) any {
	switch s.Form {
	case spec.Any, spec.Tree, spec.Value:
		return g.free()
	case spec.Int:
		most := s.Max
		if most == 0 {
			most = s.Min + 1000
		}
		return s.Min + g.IntN(most-s.Min+1)
	case spec.Number:
		return pick[any](g, 1, -2, 1.5, 0)
	case spec.Bool:
		return g.chance(2)
	case spec.Duration:
		return pick(g, "0", "5s", "1h30m", "1.5h", "300ms", "8784h")
	case spec.Size:
		return pick[any](g, 0, 512, "64KiB", "10 MB", "1.5GiB")
	case spec.Expr:
		return pick[any](g, "a == 1", true, 3, 2.5)
	case spec.Template:
		if s.Loose {
			return pick[any](g, "", "{{ .x }}", true, 3, 2.5)
		}
		return pick(g, "", "{{ .x }}", "a text: with # signs")
	case spec.Ident:
		return pick(g, "a", "Name", "with-dash", "with_1")
	case spec.Script:
		return pick(g, "echo hi", "a\nb\n")
	}
	switch {
	case len(s.Enum) > 0:
		return pick(g, s.Enum...)
	case s.Pattern != "":
		for _, fits := range []string{"POST", "2026-03-01T03:00:00Z"} { // methods and times: the language has no other
			if regexp.MustCompile(s.Pattern).MatchString(fits) {
				return fits
			}
		}
	}
	return pick(g, "", "a string", "ünïcödé", "12")
}

// broken changes one thing somewhere in a document.
func (g *maker) broken(doc any) any {
	places := places(doc, nil)
	at := pick(g, places...)
	return g.change(doc, at)
}

// places are the paths to all values.
func places(v any, at []any) [][]any {
	out := [][]any{slices.Clone(at)}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(out, places(v[k], append(at, k))...)
		}
	case []any:
		for i, x := range v {
			out = append(out, places(x, append(at, i))...)
		}
	}
	return out
}

// change walks to a place and changes what is there.
func (g *maker) change(v any, at []any) any {
	if len(at) == 0 {
		return g.changed(v)
	}
	switch v := v.(type) {
	case map[string]any:
		key := at[0].(string)
		if len(at) == 1 && g.chance(2) {
			g.rekey(v, key)
			return v
		}
		v[key] = g.change(v[key], at[1:])
	case []any:
		i := at[0].(int)
		if len(at) == 1 && g.chance(4) {
			return slices.Delete(v, i, i+1)
		}
		v[i] = g.change(v[i], at[1:])
	}
	return v
}

// rekey removes, renames or doubles a key.
func (g *maker) rekey(m map[string]any, key string) {
	x := m[key]
	switch g.IntN(4) {
	case 0:
		delete(m, key)
	case 1:
		delete(m, key)
		m[g.key()] = x
	case 2:
		m[g.key()] = x
	case 3:
		delete(m, key)
		m["x-"+key] = x
	}
}

func (g *maker) key() string {
	return pick(g, "check", "action", "steps", "then", "id", "when", "title", "shell", "http", "repeat", "unknown", "x-own", "1st", "two words", "", "env", "file", "text", "retry", "reply", strings.Repeat("n", 65))
}

// changed is another value, of another type or out of bounds.
func (g *maker) changed(v any) any {
	if m, ok := v.(map[string]any); ok && g.chance(2) {
		m[g.key()] = g.free()
		return m
	}
	return pick[any](g, nil, true, 0, -1, 7, 1001, 2.5, "", " ", "a", "9x", "5s", "-5s", "5 s", "64KiB", "64 KB", "six", "stop", "string", "{{ .x }}", strings.Repeat("n", 65),
		[]any{}, []any{"a"}, []any{nil}, map[string]any{}, map[string]any{"a": "b"}, map[string]any{"procedure": "p"})
}
