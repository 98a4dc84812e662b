// Package spec describes the structure of a runbook file as data: which keys a
// mapping has, what each holds, what it means. One description feeds decoding,
// diagnostics, defaults, the JSON Schema and the reference pages, so that they
// cannot disagree. Kinds describe their options with it, and the language
// describes itself.
package spec

// Form is what a value may be.
type Form int

// The forms. What they accept in YAML stands behind each.
const (
	String   Form = iota // a string, taken literally
	Ident                // a string that is a name: letters, digits, `_`, `-`, beginning with a letter
	Template             // a string with {{ }} holes; numbers and booleans where Loose
	Expr                 // a string that holds an expression; plain true, false and numbers too
	Script               // a string that holds a shell script with {{ }} holes
	Int                  // an integer
	Number               // an integer or a decimal
	Bool                 // true or false
	Duration             // a string such as 90s, 5m, 1h30m
	Size                 // a string such as 64KiB or 10MB, or an integer of bytes
	Any                  // any YAML value, taken literally
	Tree                 // any YAML value whose strings are templates
	Value                // a literal, template or expression, as the type of what it sets demands
	Object               // a mapping with the Fields
	Map                  // a mapping from names of the author's choice to Elem
	List                 // a list of Elem
	OneOf                // the first of Alts whose YAML shape (scalar, list, mapping) fits
	Union                // a mapping that is one of Alts, told apart by their Tag key
	Ref                  // the shape that the Language names Name: for recursion
)

// Shape describes one value.
type Shape struct {
	Form    Form
	Name    string   // a name of its own in the JSON Schema; required for Ref and recursive shapes
	Doc     string   // one or more sentences
	Fields  []Field  // of an Object, in the order in which they are documented
	Elem    *Shape   // of a List or a Map; of an Object: what its other keys hold, nil where it has none
	Alts    []*Shape // of a OneOf or Union
	Tag     string   // of an Object in a Union: the key whose presence selects it
	One     []string // of an Object: exactly one of these keys must be there
	Some    []string // of an Object: at least one of these keys must be there
	Apart   []string // of an Object: at most one of these keys may be there
	Enum    []string // of a String: the words it may be
	Pattern string   // of a String or Ident: an anchored regular expression
	Min     int      // of a List or Map: the fewest entries; of an Int: the least value
	Max     int      // of an Int, where not 0: the greatest value
	Loose   bool     // of a Template: numbers and booleans are taken as text
	Null    bool     // null is taken as well
	Ints    bool     // of a Map: whose keys are decimal integers as well as names
}

// Field is one key of an Object.
type Field struct {
	Key      string
	Shape    *Shape
	Doc      string // what it means, one or more sentences
	Default  string // as one would write it; empty where there is none
	Example  string // as one would write it
	Required bool
}

// Field finds a key of an Object.
func (s *Shape) Field(key string) (Field, bool) {
	for _, f := range s.Fields {
		if f.Key == key {
			return f, true
		}
	}
	return Field{}, false
}

// Variant finds the alternative of a Union that a tag key selects.
func (s *Shape) Variant(tag string) *Shape {
	for _, a := range s.Alts {
		if a.Tag == tag {
			return a
		}
	}
	return nil
}
