// Package syntax turns YAML into a document whose every leaf knows its place,
// and holds it against the shapes of package spec. It is the only importer of
// yaml.v3. It collects findings and goes on: what could not be read is missing
// from the tree, never a reason to stop.
package syntax

import "runbook/engine/source"

// NodeKind is what a node is in YAML.
type NodeKind int

// The kinds of nodes.
const (
	Null NodeKind = iota
	Scalar
	Mapping
	Sequence
)

// Tag is the type that YAML's core schema gives a scalar, after YAML 1.2: `yes`,
// `012` and `12:30` are strings here, and the parser reports those that a YAML 1.1
// reader would take for something else.
type Tag int

// The tags of scalars.
const (
	Str Tag = iota
	Int
	Float
	Bool
)

// Node is one value. Scalars hold their decoded text with the way back to the
// file; anchors, aliases and merge keys are resolved, within bounds.
type Node struct {
	Kind    NodeKind
	Tag     Tag
	Text    source.Text // of a Scalar
	Style   Style       // of a Scalar
	Entries []Entry     // of a Mapping, in the order of the file
	Items   []*Node     // of a Sequence
	Span    source.Span // the whole value; of an alias, the alias
	// Reported says that the value itself was found to be wrong already, so that
	// its shape need not be spoken of again.
	Reported bool
}

// Entry is one key of a mapping with its value. Value is never nil.
type Entry struct {
	Key   source.Text
	Value *Node
}

// Style is how a scalar is written.
type Style int

// The styles of scalars.
const (
	PlainStyle Style = iota
	SingleQuoted
	DoubleQuoted
	LiteralBlock
	FoldedBlock
)

// Get is the value of a key of a mapping, or nil.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, e := range n.Entries {
		if e.Key.Value == key {
			return e.Value
		}
	}
	return nil
}

// Key is a mapping's key as it stands in the file, for pointing at it.
func (n *Node) Key(key string) (source.Text, bool) {
	if n != nil {
		for _, e := range n.Entries {
			if e.Key.Value == key {
				return e.Key, true
			}
		}
	}
	return source.Text{}, false
}

// ReadValue reads one value as it stands in a line of YAML: a default or an
// example of the language's description.
func ReadValue(text string) (any, bool) {
	ok := true
	n := Parse(source.NewFile("value", []byte(text)), func(source.Diagnostic) { ok = false })
	if n == nil || !ok {
		return nil, false
	}
	return Literal(n), true
}
