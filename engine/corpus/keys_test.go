package corpus_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"runbook/engine/corpus"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// never are the keys that no sound file can have.
var never = map[string]string{"action.file": "looking at a file changes nothing"}

// place is a key of the language in a sound file.
type place struct {
	corpus.Use
	file string
	root *syntax.Node
}

// keys are the places of all keys and alternatives, the first of each, in the
// order of the language's description.
func keys(t *testing.T, fs files) []place {
	t.Helper()
	l := language()
	first := map[string]place{}
	for _, name := range fs.names {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		n := syntax.Parse(source.NewFile(name, fs.data[name]), func(source.Diagnostic) {})
		corpus.Uses(n, l.Runbook, l.Resolve, func(u corpus.Use) {
			if _, has := first[u.ID]; !has {
				first[u.ID] = place{u, name, n}
			}
		})
	}
	var out []place
	for _, p := range corpus.Parts(l.Runbook, l.Resolve) {
		x, has := first[p.ID]
		if has == (never[p.ID] != "") {
			t.Errorf("keys.txtar and %s: a file should use it, or `never` say why none can", p.ID)
		}
		if has && !p.Alt {
			out = append(out, x)
		}
	}
	return out
}

// TestKeysAreSound: the files of keys.txtar hold every key of the language and
// every alternative, and nothing is found in them, also where they are written
// by the emitter.
func TestKeysAreSound(t *testing.T) {
	fs := archive(t, "testdata/keys.txtar")
	keys(t, fs)
	for _, name := range fs.names {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		n := syntax.Parse(source.NewFile(name, fs.data[name]), func(source.Diagnostic) {})
		for _, data := range []string{string(fs.data[name]), emitted(n, edit{}).String()} {
			_, found := fs.compile(name, []byte(data))
			for _, d := range found {
				t.Errorf("%s:%v: %s: %s", name, d.Span.Position(), d.Summary, d.Detail)
			}
		}
	}
}

// values are what is written instead of the value of every key.
var values = []string{
	"", "null", `""`, `" "`, "[]", "{}", "[null]", "[a, a]", "{a: b}", "some words", "7", "-1", "1000001", "2.5", "true", "\"true\"",
	"yes", "no", "012", "0o14", "0x1F", "1_000", "12:30", "1e3", ".inf", "1.10", "2026-01-01", "5m", "99999999999999999999",
	"{{ .x }}", "!x y", "!!int x", "*nothing", "a: b", "{<<: 7}",
}

// huge are values that are long; they are shown by these names.
var huge = map[string]string{
	"30 KiB of text":       strings.Repeat("long ", 6<<10),
	"30 KiB in quotes":     `"` + strings.Repeat(`\u00e9`, 5<<10) + `"`,
	"30 KiB of brackets":   `"` + strings.Repeat("(", 30<<10) + `"`,
	"100 holes":            `"` + strings.Repeat("{{ .x }}", 100) + `"`,
	"a list of 1,000":      "[" + strings.Repeat("a, ", 1_000) + "]",
	"a mapping of 1,000":   "{" + many(1_000) + "}",
	"99 lists, one in one": strings.Repeat("[", 99) + strings.Repeat("]", 99),
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: a, ", i)
	}
	return b.String()
}

// answers are what is said of a change: of its structure alone, and by the whole
// loader. They are in words that do not name the key or the value, so that keys
// that are answered alike can be listed together.
func (fs files) answers(t *testing.T, p place, w *emitter, value string) (structure, all string) {
	t.Helper()
	l := language()
	var found source.Diagnostics
	report := func(d source.Diagnostic) { found = append(found, d.Bounded()) }
	if n := syntax.Parse(source.NewFile(p.file, []byte(w.String())), report); n != nil {
		syntax.Check(n, l.Runbook, l.Resolve, report)
	}
	began := time.Now()
	_, whole := fs.compile(p.file, []byte(w.String()))
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("%s: %.80s took %s", p.ID, value, d)
	}
	return listed(p, w, found.Sort(), value), listed(p, w, whole, value)
}

func listed(p place, w *emitter, found source.Diagnostics, value string) string {
	var lines []string
	for i, d := range found {
		if i == 2 && len(found) > 3 {
			lines = append(lines, fmt.Sprintf("and %d more", len(found)-i))
			break
		}
		lines = append(lines, said(p, w, d, value))
	}
	return strings.Join(lines, "\n")
}

// said is one finding in such words, with where it stands.
func said(p place, w *emitter, d source.Diagnostic, value string) string {
	words := general(d.Summary+" | "+d.Detail, p.Key.Value, value)
	severity := ""
	if d.Severity == source.Warning {
		severity = "warning "
	}
	return severity + d.Code + at(w, d.Span) + ": " + words
}

// general puts KEY and VALUE where a finding names them.
func general(s, key, value string) string {
	if value != "" && len(value) < 40 {
		edge := func(b byte) string {
			if b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' {
				return `\b`
			}
			return ""
		}
		bare := strings.Trim(value, `"`)
		for _, v := range []string{strconv.Quote(value), value, bare} {
			if strings.TrimSpace(v) != "" {
				s = regexp.MustCompile(edge(v[0])+regexp.QuoteMeta(v)+edge(v[len(v)-1])).ReplaceAllString(s, "VALUE")
			}
		}
	}
	if key != "" {
		s = strings.ReplaceAll(s, "`"+key+"`", "`KEY`")
		s = strings.ReplaceAll(s, "`"+key+":", "`KEY:")
	}
	return s
}

// at says where a finding stands: nothing where it is the value.
func at(w *emitter, s source.Span) string {
	switch {
	case s.Start == w.from && s.End == w.to:
		return ""
	case s.Start >= w.from && s.End <= w.to && s.Start == w.from:
		return " at the value's beginning"
	case w.from == w.to && s.Start == w.from-1:
		return " behind the key"
	case s.Start >= w.from && s.End <= w.to:
		return " inside"
	case s.Start == w.keyAt:
		return " at the key"
	case w.inTo > 0 && s.Start == w.inAt:
		return " at the mapping"
	case w.inTo > 0 && s.Start >= w.inAt && s.Start < w.inTo:
		return " in the mapping"
	}
	pos := s.Position()
	return fmt.Sprintf(" ELSEWHERE %q", strings.TrimSpace(s.File.Line(pos.Line)))
}

// TestEveryValue puts every value into every key. What comes of it is listed:
// in testdata/structure.out what is said of the structure, in testdata/meaning.out
// what the whole loader says where the structure is sound. Where it is not, the
// loader says the same and nothing else: one fault is one finding.
func TestEveryValue(t *testing.T) {
	alone(t)
	fs := archive(t, "testdata/keys.txtar")
	s := drawn(t)
	seen := map[*spec.Shape]bool{} // the shapes that were tried with long values
	var structure, meaning listing
	for _, p := range keys(t, fs) {
		var refused, sound table
		for _, v := range tried(!seen[p.Shape]) {
			w := emitted(p.root, edit{value: p.Value, text: v.text})
			said, all := fs.answers(t, p, w, v.text)
			if !unbounded(p, v) {
				agree(t, s, p.ID+": "+v.name, []byte(w.String()))
			}
			refused.add(said, v.name)
			others := p.Shape.Form == spec.Map && strings.HasPrefix(v.text, "{") // other things are declared, those that are read are not
			switch {
			case !others && !strings.Contains("\n"+said, "\nwarning ") && said != "" && said != all:
				t.Errorf("%s: %.60s: of the structure is said\n%s\nand by the loader\n%s", p.ID, v.name, said, all)
			case said == "" || said != all:
				sound.add(all, v.name)
			}
		}
		seen[p.Shape] = true
		structure.add(p.ID, refused)
		meaning.add(p.ID, sound)
	}
	golden(t, "testdata/structure.out", structure.String())
	golden(t, "testdata/meaning.out", meaning.String())
}

// unbounded are the values that the loader refuses and a schema cannot: its
// numbers have no bound, and 1e3 is a decimal number in YAML, and an integer there.
func unbounded(p place, v value) bool {
	if p.Shape.Form == spec.Number {
		return v.text == ".inf" || v.text == "99999999999999999999"
	}
	return v.text == "1e3" && (p.Shape.Form == spec.Int || p.Shape.Form == spec.Size)
}

// TestEveryEntry takes every key away, misspells it, writes it twice, brings it in
// by a merge and by an alias, and puts it where it does not belong.
func TestEveryEntry(t *testing.T) {
	alone(t)
	fs := archive(t, "testdata/keys.txtar")
	s := drawn(t)
	var b strings.Builder
	for _, p := range keys(t, fs) {
		f, key := flow(p.Value), p.Key.Value
		fmt.Fprintf(&b, "%s\n", p.ID)
		for _, c := range []struct {
			name string
			edit edit
		}{
			{"missing", edit{in: p.In, key: key, line: "-"}},
			{"misspelt", edit{in: p.In, key: key, line: key + "q: " + f}},
			{"in capitals", edit{in: p.In, key: key, line: strings.ToUpper(key) + "Q: " + f}},
			{"twice", edit{in: p.In, more: key + ": " + f}},
			{"elsewhere", edit{in: p.root, more: key + "z: " + f}},
			{"as an alias", edit{head: "x-alias: &alias " + f + "\n", value: p.Value, text: "*alias"}},
			{"by a merge", edit{head: "x-merge: &merge {" + key + ": " + f + "}\n", in: p.In, key: key, line: "<<: *merge"}},
		} {
			w := emitted(p.root, c.edit)
			data := []byte(w.String())
			agree(t, s, p.ID+" "+c.name, data)
			_, found := fs.compile(p.file, data)
			found = errors(found)
			if len(found) == 0 {
				continue
			}
			if c.name == "as an alias" || c.name == "by a merge" {
				t.Errorf("%s %s: %v\n%s", p.ID, c.name, found[0].Summary, data)
			}
			fmt.Fprintf(&b, "  %s: %s\n", c.name, strings.ReplaceAll(listed(p, w, found, ""), "\n", "\n    "))
		}
	}
	golden(t, "testdata/entries.out", b.String())
}

func errors(found source.Diagnostics) source.Diagnostics {
	return slices.DeleteFunc(found, func(d source.Diagnostic) bool { return d.Severity != source.Error })
}

type value struct{ name, text string }

// tried are the values that a key is tried with; long ones once for each shape.
func tried(long bool) []value {
	var out []value
	for _, v := range values {
		out = append(out, value{map[bool]string{true: "(nothing)", false: v}[v == ""], v})
	}
	for _, name := range slices.Sorted(maps.Keys(huge)) {
		if long {
			out = append(out, value{"(" + name + ")", huge[name]})
		}
	}
	return out
}

// table is what is said of a key: each answer with the values that it is given
// for.
type table struct {
	order []string
	given map[string][]string
}

func (t *table) add(answer, value string) {
	if t.given == nil {
		t.given = map[string][]string{}
	}
	if t.given[answer] == nil {
		t.order = append(t.order, answer)
	}
	t.given[answer] = append(t.given[answer], value)
}

func (t *table) String() string {
	var b strings.Builder
	for _, a := range t.order {
		words := a
		if words == "" {
			words = "sound"
		}
		fmt.Fprintf(&b, "  %s\n    %s\n", strings.Join(t.given[a], "  "), strings.ReplaceAll(words, "\n", "\n    "))
	}
	return b.String()
}

// listing holds tables, with the keys that have the same one together.
type listing struct {
	order []string
	keys  map[string][]string
}

func (l *listing) add(key string, t table) {
	if l.keys == nil {
		l.keys = map[string][]string{}
	}
	text := t.String()
	if l.keys[text] == nil {
		l.order = append(l.order, text)
	}
	l.keys[text] = append(l.keys[text], key)
}

func (l *listing) String() string {
	var b strings.Builder
	for _, text := range l.order {
		fmt.Fprintf(&b, "%s\n%s\n", strings.Join(l.keys[text], " "), text)
	}
	return b.String()
}

// golden holds a listing against its file.
func golden(t *testing.T, name, have string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(have), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	h, w := strings.Split(have, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(h), len(w)) {
		if i >= len(h) || i >= len(w) || h[i] != w[i] {
			t.Fatalf("%s differs from line %d on: run with -update, and read what changed\nhave %s\nwant %s", name, i+1, strings.Join(h[min(i, len(h)):min(i+3, len(h))], "\n"), strings.Join(w[min(i, len(w)):min(i+3, len(w))], "\n"))
		}
	}
}
