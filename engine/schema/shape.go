package schema

import (
	"slices"
	"strings"

	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// shape is the schema of one value.
func (b *builder) shape(s *spec.Shape) node {
	if s.Null && s.Form != spec.Any && s.Form != spec.Tree && s.Form != spec.Value {
		some := *s
		some.Null = false
		return obj("anyOf", []node{b.shape(&some), obj("type", "null")})
	}
	if s.Form == spec.Ref {
		r := b.resolve(s.Name)
		if r == nil {
			b.fail("there is no shape %q", s.Name)
			return obj()
		}
		return b.define(s.Name, func() node { return b.body(r) })
	}
	if s.Name != "" {
		return b.define(s.Name, func() node { return b.body(s) })
	}
	return b.body(s)
}

// body is the schema of one value, spelt out.
func (b *builder) body(s *spec.Shape) node {
	switch s.Form {
	case spec.Any, spec.Tree, spec.Value:
		return b.define(freeForms[s.Form].name, func() node { return obj("description", freeForms[s.Form].doc) })
	case spec.Object:
		return b.object(s)
	case spec.Union:
		return b.union(s)
	case spec.Map:
		return b.mapOf(s)
	case spec.List:
		n := obj("type", "array", "items", b.shape(s.Elem))
		return append(n, counts(s, "Items")...)
	case spec.OneOf:
		return b.oneOf(s)
	}
	return b.scalar(s)
}

type form struct{ name, doc string }

// freeForms take every value, null included.
var freeForms = map[spec.Form]form{
	spec.Any:   {"any", "Any value, taken literally."},
	spec.Tree:  {"tree", "Any value; its strings are templates, and one that is a single {{ }} keeps its type."},
	spec.Value: {"value", "What a declared name is set to: for a string a template, for other types a literal or an expression."},
}

// scalar is the schema of a single value. Those whose form says more than their
// type are definitions, with a sentence on what may be written.
func (b *builder) scalar(s *spec.Shape) node {
	switch s.Form {
	case spec.String:
		return restricted(obj("type", "string"), s)
	case spec.Ident:
		n := b.define("name", func() node {
			return obj("description", "A name: letters, digits, `_` and `-`, beginning with a letter, at most 64.", "type", "string", "pattern", spec.IdentPattern)
		})
		return restricted(n, s)
	case spec.Template:
		if s.Loose {
			return b.define("loose_text", func() node {
				return obj("description", "A text, in which {{ }} is a template; numbers and booleans are taken as text.", "type", []string{"string", "number", "boolean"})
			})
		}
		return b.define("text", func() node {
			return obj("description", "A text, in which {{ }} is a template.", "type", "string")
		})
	case spec.Expr:
		return b.define("expression", func() node {
			return obj("description", "An expression; true, false and numbers stand for themselves.", "type", []string{"string", "number", "boolean"}, "pattern", notBlank)
		})
	case spec.Script:
		return b.define("script", func() node {
			return obj("description", "A shell script, in which each {{ }} is one word.", "type", "string", "pattern", notBlank)
		})
	}
	return b.measure(s)
}

const notBlank = `\S`

// measure is the schema of numbers, booleans, durations and sizes.
func (b *builder) measure(s *spec.Shape) node {
	switch s.Form {
	case spec.Int:
		n := obj("type", "integer", "minimum", s.Min)
		if s.Max != 0 {
			n = append(n, member{"maximum", s.Max})
		}
		return n
	case spec.Number:
		return obj("type", "number")
	case spec.Bool:
		return obj("type", "boolean")
	case spec.Duration:
		return b.define("duration", func() node {
			return obj("description", "A duration with a unit, such as 90s, 5m or 1h30m; at most a year (8784h).", "type", "string", "pattern", spec.DurationPattern)
		})
	case spec.Size:
		return b.define("size", func() node {
			return obj("description", "A number of bytes, such as 512, 64KiB or 10MB.", "type", []string{"string", "integer"}, "pattern", spec.SizePattern, "minimum", 0, "maximum", spec.MaxSize)
		})
	}
	b.fail("there is no schema for the form %d", s.Form)
	return obj()
}

// restricted adds the enum and pattern of a string.
func restricted(n node, s *spec.Shape) node {
	if len(s.Enum) > 0 {
		n = append(n, member{"enum", s.Enum})
	}
	if s.Pattern != "" {
		n = append(n, member{"pattern", s.Pattern})
	}
	return n
}

// counts bounds the entries of a list or mapping.
func counts(s *spec.Shape, what string) node {
	var n node
	if s.Min > 0 {
		n = append(n, member{"min" + what, s.Min})
	}
	if s.Max > 0 {
		n = append(n, member{"max" + what, s.Max})
	}
	return n
}

func (b *builder) mapOf(s *spec.Shape) node {
	n := obj("type", "object")
	if s.Pattern == spec.IdentPattern {
		n = append(n, member{"propertyNames", b.scalar(&spec.Shape{Form: spec.Ident})})
	} else if s.Pattern != "" {
		n = append(n, member{"propertyNames", obj("pattern", s.Pattern)})
	}
	n = append(n, member{"additionalProperties", b.shape(s.Elem)})
	return append(n, counts(s, "Properties")...)
}

// oneOf takes the alternative whose YAML type fits. The types must differ, so
// that at most one does and its findings are those that count.
func (b *builder) oneOf(s *spec.Shape) node {
	seen := map[string]bool{}
	alts := make([]node, len(s.Alts))
	for i, a := range s.Alts {
		alts[i] = b.shape(a)
		for _, t := range b.types(a) {
			if seen[t] {
				b.fail("two alternatives of %s are of the type %s", syntax.Describe(s), t)
			}
			seen[t] = true
		}
	}
	return obj("anyOf", alts)
}

// types are the JSON types of a shape's values.
func (b *builder) types(s *spec.Shape) []string {
	switch s.Form {
	case spec.Ref:
		return b.types(b.resolve(s.Name))
	case spec.Object, spec.Map, spec.Union:
		return []string{"object"}
	case spec.List:
		return []string{"array"}
	case spec.Int, spec.Number:
		return []string{"number"}
	case spec.Bool:
		return []string{"boolean"}
	case spec.Expr:
		return []string{"string", "number", "boolean"}
	case spec.Size:
		return []string{"string", "number"}
	case spec.Template:
		if s.Loose {
			return []string{"string", "number", "boolean"}
		}
	case spec.Any, spec.Tree, spec.Value:
		return []string{"object", "array", "string", "number", "boolean", "null"}
	case spec.OneOf:
		var out []string
		for _, a := range s.Alts {
			out = append(out, b.types(a)...)
		}
		return out
	}
	return []string{"string"}
}

// object is a mapping with known keys; those that begin with x- are the
// author's.
func (b *builder) object(s *spec.Shape) node {
	n := obj()
	if s.Doc != "" {
		n = append(n, member{"description", s.Doc})
	}
	props, required := obj(), []string(nil)
	for _, f := range s.Fields {
		props = append(props, member{f.Key, b.property(f)})
		if f.Required {
			required = append(required, f.Key)
		}
	}
	n = append(n, obj("type", "object", "properties", props)...)
	if required != nil {
		n = append(n, member{"required", required})
	}
	var others any = false
	if s.Elem != nil {
		others = b.shape(s.Elem)
	}
	n = append(n, member{"patternProperties", obj("^x-", obj("description", "The author's own: the program passes it over."))}, member{"additionalProperties", others})
	return append(n, together(s)...)
}

// together are the rules on which keys go together.
func together(s *spec.Shape) node {
	var n node
	if len(s.One) > 0 {
		n = append(n, member{"oneOf", eachRequired(s.One)})
	}
	if len(s.Some) > 0 {
		n = append(n, member{"anyOf", eachRequired(s.Some)})
	}
	var apart []node
	for i, x := range s.Apart {
		for _, y := range s.Apart[i+1:] {
			apart = append(apart, obj("description", "`"+x+"` and `"+y+"` exclude each other.", "not", obj("required", []string{x, y})))
		}
	}
	if apart != nil {
		n = append(n, member{"allOf", apart})
	}
	return n
}

func eachRequired(keys []string) []node {
	out := make([]node, len(keys))
	for i, k := range keys {
		out[i] = obj("title", k, "required", []string{k})
	}
	return out
}

// property is one key of a mapping: its value's schema with what it means.
func (b *builder) property(f spec.Field) node {
	inner := b.shape(f.Shape)
	n := obj("description", strings.TrimSpace(f.Doc+" "+ownDoc(f.Shape)+defaultDoc(f)))
	for _, m := range inner {
		if m.key != "description" {
			n = append(n, m)
		}
	}
	if v, ok := machine(f); ok {
		n = append(n, member{"default", v})
	}
	if v, ok := syntax.ReadValue(f.Example); ok && f.Example != "" {
		n = append(n, member{"examples", []any{v}})
	}
	return n
}

// ownDoc is what a shape without a definition of its own says besides.
func ownDoc(s *spec.Shape) string {
	if s.Name != "" || s.Form == spec.Ref {
		return ""
	}
	return s.Doc
}

func defaultDoc(f spec.Field) string {
	if f.Default == "" {
		return ""
	}
	return " Default: " + f.Default + "."
}

// machine is a default that an editor may write down; others are prose.
func machine(f spec.Field) (any, bool) {
	s := f.Shape
	exact := slices.Contains([]spec.Form{spec.Int, spec.Number, spec.Bool, spec.Duration, spec.Size}, s.Form) || len(s.Enum) > 0 || s.Pattern != ""
	if f.Default == "" || !exact {
		return nil, false
	}
	return syntax.ReadValue(f.Default)
}

// union is a mapping that is one of several, told apart by a key. That exactly
// one of those keys is there is said first; each then brings its own keys.
func (b *builder) union(s *spec.Shape) node {
	props := obj()
	var tags []string
	var cases []node
	for _, a := range s.Alts {
		f, _ := a.Field(a.Tag)
		tags = append(tags, a.Tag)
		props = append(props, member{a.Tag, obj("description", f.Doc)})
		def := b.define(s.Name+"_"+a.Tag, func() node { return b.object(a) })
		cases = append(cases, obj("if", obj("type", "object", "required", []string{a.Tag}), "then", def))
	}
	return obj("description", s.Doc, "type", "object", "properties", props, "oneOf", eachRequired(tags), "allOf", cases)
}
