// Package types is the type language of inputs, facts, outputs and results:
// what a value may be, and what an expression or a template may therefore do
// with it.
//
// In memory a value of each kind is
//
//	String, URL   string
//	Int           int
//	Number        int or float64, or json.Number where neither is exact
//	Bool          bool
//	Duration      time.Duration
//	Time          time.Time
//	List          []any
//	Object, Any   map[string]any, and whatever JSON holds
//	Secret        secret.Value
//
// JSON is decoded with DecodeJSON, so that integers that fit are int and others
// stay exact.
package types

import "strings"

// Kind is the outermost form of a type.
type Kind int

// The kinds of types. Any is what is known only when it is there: JSON.
const (
	Any Kind = iota
	String
	Int
	Number
	Bool
	Duration
	Time
	URL
	List
	Object
	Secret
)

var kindNames = []string{"any", "string", "int", "number", "bool", "duration", "time", "url", "list", "object", "secret"}

// String is the kind's name as a runbook writes it.
func (k Kind) String() string { return kindNames[k] }

// KindOf is the kind of a name that a runbook may write: all but any and secret.
func KindOf(name string) (Kind, bool) {
	for k := String; k <= Object; k++ {
		if kindNames[k] == name {
			return k, true
		}
	}
	return Any, false
}

// Type describes a value. Types are immutable once made; nil means Any.
type Type struct {
	Kind   Kind
	Elem   *Type    // of a List; nil is Any
	Fields []Field  // of an Object, in order
	Open   bool     // of an Object: other fields may be there, as Any
	Enum   []string // of a String: the only words it may be
	// Pattern is a regular expression that a String is known to match.
	Pattern string
	Nil     bool // the value may be nil although the holder is there
	// Headers marks an Object whose keys are case-insensitive HTTP header
	// names: any key may be read, and a missing one is nil.
	Headers bool
}

// Field is one field of an Object.
type Field struct {
	Name string
	Type *Type
	Doc  string
	// Late says that the field exists only once its step ran.
	Late bool
}

// Field finds a field of an Object, or nil.
func (t *Type) Field(name string) *Field {
	if t == nil {
		return nil
	}
	for i := range t.Fields {
		if t.Fields[i].Name == name {
			return &t.Fields[i]
		}
	}
	return nil
}

// Names are the names of an Object's fields.
func (t *Type) Names() []string {
	if t == nil {
		return nil
	}
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	return names
}

// String writes the type as a person would: `list of string`, `one of P1, P2`.
func (t *Type) String() string {
	switch {
	case t == nil:
		return "any"
	case t.Kind == List && t.Elem != nil:
		return "list of " + t.Elem.String()
	case t.Kind == String && len(t.Enum) > 0:
		return "one of " + strings.Join(t.Enum, ", ")
	}
	return t.Kind.String()
}
