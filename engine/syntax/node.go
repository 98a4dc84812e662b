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
	// its shape need not be spoken of again; of a mapping, also that a key of it is
	// wrong or missing. What it means is then unknown.
	Reported bool
	unsound  bool // it or something in it was reported; see Sound
}

// Sound reports whether nothing was found to be wrong with a value or in it.
// Check settles it; what is not there is sound.
func (n *Node) Sound() bool { return n == nil || !n.unsound }

// Doubtful reports whether it is unknown what a key of a mapping says: it was
// reported, or it is not there and another key of the mapping, which may have
// been meant to be it, was.
func (n *Node) Doubtful(key string) bool {
	if v := n.Get(key); v != nil {
		return v.Reported
	}
	return n != nil && n.Reported
}

// settle notes for each value whether it is sound.
func (n *Node) settle() bool {
	n.unsound = n.Reported
	for _, e := range n.Entries {
		n.unsound = !e.Value.settle() || n.unsound
	}
	for _, item := range n.Items {
		n.unsound = !item.settle() || n.unsound
	}
	return !n.unsound
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
