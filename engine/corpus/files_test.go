package corpus_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"runbook/engine/schema"
	"runbook/engine/source"
	"runbook/engine/syntax"
)

// structural are the codes of what is wrong with a file's structure: each file
// that has one is refused by the JSON Schema as well.
var structural = []string{"bad-name", "bad-value", "empty-value", "misplaced-key", "missing-key", "one-of", "too-few", "unknown-key", "wrong-type"}

// unseen are the codes of what no schema can see, because it is gone once YAML
// has been read, or because nothing could be read: such files are not put to it.
var unseen = map[string]string{
	"bad-alias":     "an alias without an anchor, or inside its own",
	"bad-key":       "a key that is no string",
	"bad-merge":     "a merge of what is no mapping",
	"bad-tag":       "a tag that its value does not fit",
	"duplicate-key": "the second of two equal keys",
	"empty-file":    "a file without a value",
	"not-text":      "bytes that are not text",
	"quote-it":      "what YAML reads as its own syntax: a tag, a comment",
	"too-deep":      "nesting beyond the bound",
	"too-large":     "size beyond the bound",
	"two-documents": "a second document",
	"yaml-syntax":   "what is not YAML",
}

// beyond are the files that the loader refuses and a schema cannot.
var beyond = map[string]string{
	"steps/delay-of-two-years.yaml":              "a pattern cannot add up a duration",
	"kinds/retry-backoff-infinite.yaml":          "JSON Schema's numbers have no bound",
	"kinds/retry-backoff-too-large.yaml":         "JSON Schema's numbers have no bound",
	"kinds/http-body-size-with-an-exponent.yaml": "1e3 is a decimal number in YAML, and an integer in JSON Schema",
}

// drawn is the JSON Schema of the language, in the hands of an independent validator.
func drawn(t *testing.T) *jsonschema.Schema {
	t.Helper()
	raw, err := schema.Runbook(language())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	id := doc.(map[string]any)["$id"].(string)
	if err := c.AddResource(id, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// agree holds both judges on one file: the schema refuses it where the loader
// finds something in its structure, and only there. It is false where the file
// holds what no schema can see.
func agree(t *testing.T, s *jsonschema.Schema, name string, data []byte) (seen bool) {
	t.Helper()
	l := language()
	seen = true
	wrong := 0
	note := func(d source.Diagnostic) {
		switch {
		case d.Severity != source.Error:
		case unseen[d.Code] != "":
			seen = false
		case slices.Contains(structural, d.Code):
			wrong++
		default:
			t.Errorf("%s: %s is neither structural nor unseen", name, d.Code)
		}
	}
	n := syntax.Parse(source.NewFile(name, data), note)
	if n == nil {
		if seen {
			t.Errorf("%s is not read, and nothing says why", name)
		}
		return false
	}
	syntax.Check(n, l.Runbook, l.Resolve, note)
	if !seen {
		return false
	}
	if err := s.Validate(instance(n)); (err != nil) != (wrong > 0 && beyond[name] == "") {
		t.Errorf("%.200s: the loader finds %d things in its structure, the schema says %v", name, wrong, err)
	}
	return true
}

// instance is a tree as a validator reads it: numbers that fit no 64 bits are
// numbers there too.
func instance(n *syntax.Node) any {
	switch n.Kind {
	case syntax.Mapping:
		m := map[string]any{}
		for _, e := range n.Entries {
			m[e.Key.Value] = instance(e.Value)
		}
		return m
	case syntax.Sequence:
		l := []any{}
		for _, item := range n.Items {
			l = append(l, instance(item))
		}
		return l
	}
	v := syntax.Literal(n)
	if s, isText := v.(string); isText && n.Tag == syntax.Int {
		return json.Number(s)
	} else if isText && n.Tag == syntax.Float {
		return json.Number("1e400")
	}
	return v
}

// TestFiles holds the loader and the JSON Schema on every file of the archives,
// of the loader's own fixtures and of the library. What the loader says of the
// archives' files is listed in testdata/files.out.
func TestFiles(t *testing.T) {
	s := drawn(t)
	var b strings.Builder
	judged, put := 0, 0
	met := map[string]bool{}
	hold := func(name string, data []byte) {
		judged++
		if agree(t, s, name, data) {
			put++
		}
	}
	for _, a := range []string{"file", "declarations", "parts", "steps", "kinds", "yaml", "keys"} {
		fs := archive(t, "testdata/"+a+".txtar")
		for _, name := range fs.names {
			if !strings.HasSuffix(name, ".yaml") {
				continue
			}
			hold(a+"/"+name, fs.data[name])
			fmt.Fprintf(&b, "%s/%s\n", a, strings.TrimSuffix(name, ".yaml"))
			_, found := fs.compile(name, fs.data[name])
			for _, d := range found {
				met[d.Code] = true
				at := d.Span.Position()
				fmt.Fprintf(&b, "  %d:%d %s %s: %s\n", at.Line, at.Column, d.Severity, d.Code, d.Summary)
			}
		}
	}
	for _, pattern := range []string{"../plan/testdata/*/*.yaml", "../../runbooks/*.yaml"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("nothing matches %s: %v", pattern, err)
		}
		for _, name := range names {
			if !strings.HasSuffix(name, ".scenarios.yaml") {
				hold(name, read(t, name))
			}
		}
	}
	t.Logf("%d files, %d of them put to the schema", judged, put)
	if judged < 400 || put < 300 {
		t.Errorf("only %d files, and %d put to the schema", judged, put)
	}
	for _, code := range structural {
		if !met[code] {
			t.Errorf("no file has a %s", code)
		}
	}
	golden(t, "testdata/files.out", b.String())
}
