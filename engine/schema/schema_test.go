package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"runbook/checks"
	"runbook/engine"
	"runbook/engine/kind"
	"runbook/engine/plan"
	"runbook/engine/policy"
	"runbook/engine/schema"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
)

var update = flag.Bool("update", false, "write the generated files anew")

const root = "../../"

func generated(t *testing.T, f func() ([]byte, error)) []byte {
	t.Helper()
	out, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ours is the program's language.
func ours() *syntax.Language {
	var kinds []kind.Kind
	for _, k := range checks.All() {
		kinds = append(kinds, k.Kind)
	}
	return plan.Options{Kinds: kinds}.Language()
}

// language is the program's language, with the kind of the runtimes' corpus
// besides.
func language() *syntax.Language {
	kinds := ours().Kinds
	says := &spec.Shape{Form: spec.List, Elem: &spec.Shape{Form: spec.Template}}
	probe := spec.Field{Key: "probe", Doc: "Says what it is told.", Shape: &spec.Shape{Form: spec.Object, Name: "probe", Fields: []spec.Field{
		{Key: "says", Doc: "Answers.", Shape: says}, {Key: "after", Doc: "Delay.", Shape: &spec.Shape{Form: spec.Duration}}, {Key: "as", Doc: "Name.", Shape: &spec.Shape{Form: spec.String}}}}}
	return syntax.NewLanguage(append(kinds[:len(kinds):len(kinds)], probe))
}

// compiled is a schema in the hands of an independent validator.
func compiled(t *testing.T, raw []byte, at string) *jsonschema.Schema {
	t.Helper()
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
	s, err := c.Compile(id + at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func runbookSchema(t *testing.T, l *syntax.Language) *jsonschema.Schema {
	t.Helper()
	return compiled(t, generated(t, func() ([]byte, error) { return schema.Runbook(l) }), "")
}

// value reads a YAML file as the validator wants it. It is nil, false where the
// file cannot be read at all.
func value(name string, data []byte) (any, *syntax.Node, bool) {
	ok := true
	n := syntax.Parse(source.NewFile(name, data), func(d source.Diagnostic) { ok = ok && d.Severity != source.Error })
	return syntax.Literal(n), n, ok && n != nil
}

// files are the files of the project that match a pattern; there must be some.
func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(root + pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("no files match %s: %v", pattern, err)
	}
	return found
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestNotStale holds the generated files of the project against what the program
// would generate now.
func TestNotStale(t *testing.T) {
	l := ours()
	for name, f := range map[string]func() ([]byte, error){
		"schema.json":                func() ([]byte, error) { return schema.Runbook(l) },
		"docs/scenarios.schema.json": func() ([]byte, error) { return schema.Scenarios(worlds()) },
		"docs/policy.schema.json":    func() ([]byte, error) { return schema.Policy(policy.Shape()) },
		"docs/reference.md":          func() ([]byte, error) { return schema.Reference(l, worlds(), policy.Shape()) },
	} {
		holdFile(t, name, generated(t, f))
		if again := generated(t, f); !bytes.Equal(again, generated(t, f)) {
			t.Errorf("%s comes out differently each time", name)
		}
	}
}

func holdFile(t *testing.T, name string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(root+name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(root + name); err != nil || !bytes.Equal(have, want) {
		t.Errorf("%s is stale: run `go test ./engine/schema -update`", name)
	}
}

// TestEveryPropertyIsDescribed walks the schemas.
func TestEveryPropertyIsDescribed(t *testing.T) {
	for name, f := range map[string]func() ([]byte, error){
		"runbook":   func() ([]byte, error) { return schema.Runbook(ours()) },
		"scenarios": func() ([]byte, error) { return schema.Scenarios(worlds()) },
		"policy":    func() ([]byte, error) { return schema.Policy(policy.Shape()) },
	} {
		raw := generated(t, f)
		var doc any
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		least := map[string]int{"runbook": 30, "scenarios": 30, "policy": 28}[name]
		if n := described(t, name, "#", raw, doc); n < least {
			t.Errorf("%s: only %d properties", name, n)
		}
	}
}

// described demands a description of each property, and that its default and
// examples hold against it. It counts the properties.
func described(t *testing.T, name, at string, raw []byte, v any) int {
	t.Helper()
	count := 0
	switch v := v.(type) {
	case map[string]any:
		props, _ := v["properties"].(map[string]any)
		for key, p := range props {
			count++
			where := at + "/properties/" + key
			prop, _ := p.(map[string]any)
			if doc, _ := prop["description"].(string); !strings.HasSuffix(doc, ".") {
				t.Errorf("%s: %s has no description that ends a sentence: %q", name, where, doc)
			}
			holdExamples(t, name, where, raw, prop)
		}
		for key, x := range v {
			if key != "examples" && key != "default" && key != "enum" {
				count += described(t, name, at+"/"+key, raw, x)
			}
		}
	case []any:
		for i, x := range v {
			count += described(t, name, fmt.Sprintf("%s/%d", at, i), raw, x)
		}
	}
	return count
}

func holdExamples(t *testing.T, name, at string, raw []byte, prop map[string]any) {
	t.Helper()
	examples, _ := prop["examples"].([]any)
	if d, ok := prop["default"]; ok {
		examples = append(examples, d)
	}
	if len(examples) == 0 {
		return
	}
	s := compiled(t, raw, at)
	for _, x := range examples {
		if err := s.Validate(x); err != nil {
			t.Errorf("%s: %s: %v does not hold: %v", name, at, x, err)
		}
	}
}

// TestGoodFilesHold: what the loader accepts holds against the schema.
func TestGoodFilesHold(t *testing.T) {
	s := runbookSchema(t, language())
	for _, pattern := range []string{"runbooks/*.yaml", "engine/runtime/runtimetest/testdata/*.yaml"} {
		for _, f := range files(t, pattern) {
			if engine.IsScenarios(f) {
				continue
			}
			hold(t, s, f, read(t, f))
		}
	}
	hold(t, s, "docs/language.md", example(t))
}

// TestScenariosHold: so do the scenarios.
func TestScenariosHold(t *testing.T) {
	s := compiled(t, generated(t, func() ([]byte, error) { return schema.Scenarios(worlds()) }), "")
	for _, f := range files(t, "runbooks/*.scenarios.yaml") {
		hold(t, s, f, read(t, f))
	}
	for _, bad := range []string{"runbook: a.yaml", "runbook: a.yaml\nscenarios: {}", "runbook: a.yaml\nscenarios: {a: {htp: []}}", "runbook: a.yaml\nscenarios: {a: {http: [{on: GET https://x}]}}",
		"runbook: a.yaml\nscenarios: {a: {http: [{on: GET https://x, reply: {status: 99}}]}}"} {
		v, _, _ := value("bad.scenarios.yaml", []byte(bad))
		if s.Validate(v) == nil {
			t.Errorf("accepted: %s", bad)
		}
	}
}

func hold(t *testing.T, s *jsonschema.Schema, name string, data []byte) {
	t.Helper()
	v, _, ok := value(name, data)
	if !ok {
		t.Errorf("%s cannot be read", name)
		return
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// example is the first YAML block of the page on the language that is a whole
// runbook.
func example(t *testing.T) []byte {
	t.Helper()
	rest := string(read(t, root+"docs/language.md"))
	for {
		_, after, ok := strings.Cut(rest, "```yaml\n")
		text, behind, ended := strings.Cut(after, "```")
		if !ok || !ended {
			t.Fatal("docs/language.md has no example")
		}
		if strings.HasPrefix(text, "apiVersion:") && strings.Contains(text, "\nsteps:") {
			return []byte(text)
		}
		rest = behind
	}
}

// TestBadFilesAreRefused: the schema refuses a file where the shapes do, and
// only there. What is wrong with a file's meaning (a name that does not exist, a
// script that cannot be read) is for the loader alone to see; so is what is wrong
// with it as YAML.
func TestBadFilesAreRefused(t *testing.T) {
	l := language()
	s := runbookSchema(t, l)
	refused := 0
	for _, f := range files(t, "engine/plan/testdata/bad/*.yaml") {
		v, n, ok := value(f, read(t, f))
		if n == nil || !ok {
			continue // not read as its author meant it: there is nothing to hold against a schema
		}
		want := structure(n, l)
		if err := s.Validate(v); (err != nil) != (len(want) > 0) {
			t.Errorf("%s: the loader says %v, the schema %v", f, want, err)
		}
		if len(want) > 0 {
			refused++
		}
	}
	if refused < 4 {
		t.Errorf("only %d files are refused for their structure", refused)
	}
}

// structure is what the loader says of a file's structure.
func structure(n *syntax.Node, l *syntax.Language) []string {
	var found []string
	syntax.Check(n, l.Runbook, l.Resolve, func(d source.Diagnostic) {
		if d.Code != "quote-it" { // what YAML cut away, no schema can miss
			found = append(found, d.Code+": "+d.Summary)
		}
	})
	return found
}

var (
	heading = regexp.MustCompile("(?m)^#+ (.*)$")
	link    = regexp.MustCompile(`\]\(#([^)]*)\)`)
)

// TestLinksLeadSomewhere: each link inside the reference has one heading.
func TestLinksLeadSomewhere(t *testing.T) {
	page := generated(t, func() ([]byte, error) { return schema.Reference(ours(), worlds(), policy.Shape()) })
	have := map[string]int{}
	for _, h := range heading.FindAllSubmatch(page, -1) {
		id := strings.NewReplacer("`", "", ".", "", " ", "-").Replace(strings.ToLower(string(h[1])))
		if have[id]++; have[id] > 1 {
			t.Errorf("two headings are %s", h[1])
		}
	}
	links := link.FindAllSubmatch(page, -1)
	if len(links) < 30 {
		t.Errorf("only %d links", len(links))
	}
	for _, l := range links {
		if have[string(l[1])] == 0 {
			t.Errorf("nothing is at #%s", l[1])
		}
	}
}
