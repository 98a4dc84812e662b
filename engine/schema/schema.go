// Package schema turns shapes into JSON Schema (draft 2020-12) and into the
// reference pages, and the types of the journal's events into theirs. It holds no
// fact of its own: what it writes is what the program checks.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"

	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// Draft is the dialect of every schema.
const Draft = "https://json-schema.org/draft/2020-12/schema"

// The ids of the schemas. They name them and lead nowhere.
const (
	RunbookID   = "urn:runbook:v1"
	ScenariosID = "urn:runbook:v1:scenarios"
	PolicyID    = "urn:runbook:v1:policy"
	JournalID   = "urn:runbook:v1:journal"
)

// Runbook is the schema of runbook files.
func Runbook(l *syntax.Language) ([]byte, error) {
	b := &builder{resolve: l.Resolve}
	return b.document(RunbookID, "A runbook", "Incident response as code: checks observe, decisions choose, actions change the world, messages tell people, manual steps ask them.", l.Runbook)
}

// Scenarios is the schema of files of scenarios.
func Scenarios(shape *spec.Shape) ([]byte, error) {
	b := &builder{resolve: func(string) *spec.Shape { return nil }}
	return b.document(ScenariosID, "Scenarios of a runbook", "Worlds in which a runbook is tested and practised.", shape)
}

// Policy is the schema of policies.
func Policy(shape *spec.Shape) ([]byte, error) {
	b := &builder{resolve: func(string) *spec.Shape { return nil }}
	return b.document(PolicyID, "A policy", "What an organisation lets any runbook do, and what people have to approve.", shape)
}

// node is a JSON object whose members keep their order.
type node []member

type member struct {
	key   string
	value any
}

// obj makes a node of keys and values in turn.
func obj(pairs ...any) node {
	n := make(node, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		n = append(n, member{pairs[i].(string), pairs[i+1]})
	}
	return n
}

// MarshalJSON writes the members in order.
func (n node) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := compact(m.key)
		if err != nil {
			return nil, err
		}
		value, err := compact(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (n node) get(key string) any {
	for _, m := range n {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// compact writes JSON as people read it: < stays <.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// indented is a whole document.
func indented(v any) ([]byte, error) {
	line, err := compact(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, line, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// builder turns shapes into schemas. Named shapes, and the forms of scalars,
// become definitions.
type builder struct {
	resolve syntax.Resolver
	defs    node
	open    map[string]bool // definitions under construction
	err     error
}

func (b *builder) document(id, title, doc string, root *spec.Shape) ([]byte, error) {
	b.open = map[string]bool{}
	body := b.object(root)
	n := obj("$schema", Draft, "$id", id, "title", title, "description", doc)
	n = append(n, body...)
	n = append(n, member{"$defs", b.defs})
	if b.err != nil {
		return nil, b.err
	}
	return indented(n)
}

func (b *builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}

func ref(name string) node { return obj("$ref", "#/$defs/"+name) }

// define enters a definition once. Two that share a name must be alike.
func (b *builder) define(name string, build func() node) node {
	if b.open[name] {
		return ref(name)
	}
	b.open[name] = true
	place := -1
	if b.defs.get(name) == nil {
		place = len(b.defs)
		b.defs = append(b.defs, member{name, nil})
	}
	n := build()
	b.open[name] = false
	if place >= 0 {
		b.defs[place].value = n
	} else if !same(b.defs.get(name), n) {
		b.fail("two shapes are called %q and differ", name)
	}
	return ref(name)
}

func same(x, y any) bool {
	a, errA := compact(x)
	b, errB := compact(y)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}
