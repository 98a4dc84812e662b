package schema

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"runbook/engine/journal"
)

// Journal is the schema of one line of a journal. It is drawn from the Go types
// of the events; what they cannot say stands in a table.
func Journal() ([]byte, error) {
	j := newDrawer()
	line := j.line()
	var cases []node
	for _, e := range events {
		cases = append(cases, obj("title", e.typ, "description", e.when,
			"properties", obj("type", obj("description", e.when, "const", e.typ), "data", described(j.value(e.data, ""), "What happened.")),
			"required", []string{"data"}))
	}
	n := obj("$schema", Draft, "$id", JournalID, "title", "An event of a journal",
		"description", "One line of journal.jsonl. Fields that are not known, and events of a type that is not known, are to be passed over: later versions may add them. This schema knows the types of its version.")
	n = append(n, line...)
	n = append(n, member{"oneOf", cases}, member{"$defs", j.defs})
	if j.err != nil {
		return nil, j.err
	}
	return indented(n)
}

// JournalReference is the part of the journal's page that lists the events, in
// Markdown.
func JournalReference() ([]byte, error) {
	j := newDrawer()
	var b strings.Builder
	b.WriteString("### Every line\n\n")
	j.table(&b, reflect.TypeFor[journal.Event]())
	for _, e := range events {
		fmt.Fprintf(&b, "### `%s`\n\n%s\n\n", e.typ, e.when)
		j.table(&b, e.data)
	}
	b.WriteString("## Parts\n\nThe mappings that several events hold.\n\n")
	for i := 0; i < len(j.parts); i++ { // grows while it is walked
		fmt.Fprintf(&b, "### %s\n\n", j.parts[i].Name())
		j.table(&b, j.parts[i])
	}
	fmt.Fprintf(&b, "### %s\n\nWhat an expression read.\n\n| field | type | meaning |\n|---|---|---|\n", operandName)
	for _, f := range operandFields {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.key, f.word, f.doc)
	}
	return []byte(b.String()), j.err
}

// drawer draws Go types. It notes which entries of the tables it used.
type drawer struct {
	builder
	parts []reflect.Type // mappings that stand apart, in the order of their first use
	used  map[string]bool
}

func newDrawer() *drawer {
	return &drawer{builder: builder{open: map[string]bool{}}, used: map[string]bool{}}
}

// goField is one field of an event's type.
type goField struct {
	name     string // where the tables know it: RunStartedData.mode
	key      string
	typ      reflect.Type
	optional bool
	doc      string
}

// fields are the fields of a struct, with what the table says of each.
func (j *drawer) fields(t reflect.Type) []goField {
	var out []goField
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key == "" || key == "-" || f.Anonymous {
			j.fail("the field %s.%s has no name in JSON", t.Name(), f.Name)
			continue
		}
		name := t.Name() + "." + key
		j.used[name] = true
		if fieldDocs[name] == "" {
			j.fail("the table says nothing of %s", name)
		}
		out = append(out, goField{name, key, f.Type, slices.Contains(strings.Split(options, ","), "omitempty"), fieldDocs[name]})
	}
	return out
}

// line is the schema of what every line has. The data belongs to its type.
func (j *drawer) line() node {
	props, required := obj(), []string{}
	for _, f := range j.fields(reflect.TypeFor[journal.Event]()) {
		v := obj("type", "string")
		switch f.key {
		case "data":
			v = obj("type", "object")
		case "type":
			v = obj("type", "string", "enum", typeNames())
		case "prev":
			v = append(v, member{"pattern", `^(?:[0-9a-f]{64})?$`})
		case "hash":
			v = append(v, member{"pattern", `^[0-9a-f]{64}$`})
		case "seq":
			v = obj("type", "integer", "minimum", 1)
		case "time":
			v = j.value(f.typ, f.name)
		}
		props = append(props, member{f.key, described(v, f.doc)})
		if !f.optional {
			required = append(required, f.key)
		}
	}
	return obj("type", "object", "properties", props, "required", required)
}

func typeNames() []string {
	out := make([]string, len(events))
	for i, e := range events {
		out[i] = string(e.typ)
	}
	return out
}

// described puts a description in front of a schema, in place of its own.
func described(n node, doc string) node {
	out := obj("description", doc)
	for _, m := range n {
		if m.key != "description" {
			out = append(out, m)
		}
	}
	return out
}

// value is the schema of a Go type at a named place.
func (j *drawer) value(t reflect.Type, at string) node {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return obj("type", "string", "format", "date-time")
	case t == reflect.TypeFor[journal.Seconds]():
		return j.define("seconds", func() node {
			return obj("description", "A duration in seconds, with fractions.", "type", "number", "minimum", 0)
		})
	case slices.Contains(operandLists, at):
		j.used["list "+at] = true
		return obj("type", "array", "items", j.operand())
	}
	switch t.Kind() {
	case reflect.String:
		return j.text(at)
	case reflect.Int, reflect.Int64:
		return obj("type", "integer")
	case reflect.Bool:
		return obj("type", "boolean")
	case reflect.Interface:
		return obj("description", "Any value.")
	case reflect.Pointer:
		return j.value(t.Elem(), at)
	case reflect.Slice:
		return obj("type", "array", "items", j.value(t.Elem(), at))
	case reflect.Map:
		return obj("type", "object", "additionalProperties", j.value(t.Elem(), at))
	case reflect.Struct:
		return j.define(t.Name(), func() node { return j.mapping(t) })
	}
	j.fail("%s: there is no schema for the Go type %s", at, t)
	return obj()
}

// text is a string: one of a few words, or a text, which may be masked.
func (j *drawer) text(at string) node {
	if w, ok := fieldWords[at]; ok {
		j.used["words "+at] = true
		return obj("type", "string", "enum", w)
	}
	return j.define("text", func() node {
		return obj("description", "A text. One that is nothing but a secret stands as the secret's name.", "anyOf", []node{obj("type", "string"), j.masked()})
	})
}

func (j *drawer) masked() node {
	return j.define("masked", func() node {
		return obj("description", "What stands in the place of a secret.", "type", "object",
			"properties", obj("$masked", obj("description", "The secret's name: that of the file, or STEP.FIELD of one that a person gave.", "type", "string")),
			"required", []string{"$masked"}, "additionalProperties", false)
	})
}

func (j *drawer) mapping(t reflect.Type) node {
	props, required := obj(), []string(nil)
	for _, f := range j.fields(t) {
		props = append(props, member{f.key, described(j.value(f.typ, f.name), f.doc)})
		if !f.optional {
			required = append(required, f.key)
		}
	}
	n := obj("type", "object", "properties", props)
	if required != nil {
		n = append(n, member{"required", required})
	}
	return n
}

// operand is what an expression read. It writes itself, so that no Go type says
// how: a test holds every event of the corpus against this.
func (j *drawer) operand() node {
	return j.define(operandName, func() node {
		props := obj()
		for _, f := range operandFields {
			v := obj()
			if f.word != "any" {
				v = obj("type", f.word)
			}
			props = append(props, member{f.key, described(v, f.doc)})
		}
		return obj("type", "object", "properties", props, "required", []string{"expr"}, "oneOf", eachRequired([]string{"value", "not_read", "error"}))
	})
}

// table lists the fields of a type in Markdown.
func (j *drawer) table(b *strings.Builder, t reflect.Type) {
	b.WriteString("| field | type | meaning |\n|---|---|---|\n")
	for _, f := range j.fields(t) {
		key := "`" + f.key + "`"
		if !f.optional {
			key = "**" + key + "**"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", key, j.word(f.typ, f.name), cell(f.doc))
	}
	b.WriteString("\n")
}

// word is the type column.
func (j *drawer) word(t reflect.Type, at string) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case t == reflect.TypeFor[journal.Seconds]():
		return "seconds"
	case slices.Contains(operandLists, at):
		return "[ [" + operandName + "](#" + strings.ToLower(operandName) + ") ]"
	case fieldWords[at] != nil:
		return ticked(fieldWords[at])
	case at == "Event.data":
		return "mapping"
	}
	switch t.Kind() {
	case reflect.Interface:
		return "any"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Bool:
		return "boolean"
	case reflect.Pointer:
		return j.word(t.Elem(), at)
	case reflect.Slice:
		return "[ " + j.word(t.Elem(), at) + " ]"
	case reflect.Map:
		return "NAME: " + j.word(t.Elem(), at)
	case reflect.Struct:
		if !slices.Contains(j.parts, t) && !strings.HasSuffix(t.Name(), "Data") {
			j.parts = append(j.parts, t)
		}
		return "[" + t.Name() + "](#" + partAnchor(t) + ")"
	}
	return "string"
}

var dotted = regexp.MustCompile(`[^a-z0-9_-]`)

// partAnchor is where a struct stands on the page: under its name, or under the
// event whose data it is.
func partAnchor(t reflect.Type) string {
	for _, e := range events {
		if e.data == t {
			return dotted.ReplaceAllString(string(e.typ), "")
		}
	}
	return strings.ToLower(t.Name())
}

// JournalTypes are the types of events that are described.
func JournalTypes() []string { return typeNames() }
