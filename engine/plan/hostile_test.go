package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"runbook/engine/source"
)

const head = "apiVersion: runbook/v1\nname: x\n"

const oneStep = "steps:\n  - message: a\n    text: hi\n"

// laughs is the alias bomb: every line is ten times the one before.
func laughs(lines int, flow bool) string {
	var b strings.Builder
	b.WriteString(head + "x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
	for i := 1; i < lines; i++ {
		if flow {
			fmt.Fprintf(&b, "x-%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
			continue
		}
		fmt.Fprintf(&b, "x-%d: &a%d\n%s", i, i, strings.Repeat(fmt.Sprintf("  - *a%d\n", i-1), 10))
	}
	return b.String() + oneStep
}

// merges is the same with merge keys.
func merges(lines int) string {
	var b strings.Builder
	b.WriteString(head + "x-0: &a0 {k0: v}\n")
	for i := 1; i < lines; i++ {
		fmt.Fprintf(&b, "x-%d: &a%d {<<: [*a%d, *a%d, *a%d], k%d: v}\n", i, i, i-1, i-1, i-1, i)
	}
	return b.String() + oneStep
}

func blockDeep(levels int) string {
	var b strings.Builder
	b.WriteString(head + "x-deep:\n")
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i+1) + "a:\n")
	}
	return b.String() + oneStep
}

func keysOf(n int, line string) string {
	var b strings.Builder
	b.WriteString(head)
	for i := range n {
		fmt.Fprintf(&b, line, i)
	}
	return b.String() + oneStep
}

// huge are files that cost more than they look like, each with the code that is
// reported.
var huge = []struct {
	name, code string
	data       func() string
}{
	{"100 MB", "too-large", func() string { return head + strings.Repeat("# padding\n", 10<<20) }},
	{"laughs in flow", "too-large", func() string { return laughs(12, true) }},
	{"laughs in blocks", "too-large", func() string { return laughs(12, false) }},
	{"laughs under a key of the language", "too-large", func() string { return laughs(9, true) + "tags: *a8\n" }},
	{"merge bomb", "too-large", func() string { return merges(40) }},
	{"20,000 levels in flow", "too-deep", func() string {
		return head + "x-deep: " + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "\n"
	}},
	{"20,000 open brackets", "too-deep", func() string { return head + "x-deep: " + strings.Repeat("[", 20000) }},
	{"20,000 mappings in flow", "too-deep", func() string { return head + "x-deep: " + strings.Repeat("{a: ", 20000) }},
	{"20,000 lists on a line", "too-deep", func() string { return head + "x-deep:\n  " + strings.Repeat("- ", 20000) + "a\n" }},
	{"1,400 levels in blocks", "too-deep", func() string { return blockDeep(1400) }},
	{"5,000 levels in blocks", "too-large", func() string { return blockDeep(5000) }},
	{"101 levels", "too-deep", func() string {
		return head + "x-deep: " + strings.Repeat("[", 101) + strings.Repeat("]", 101) + "\n" + oneStep
	}},
	{"a million keys", "too-large", func() string { return keysOf(1_000_000, "x-%d: 1\n") }},
	{"70,000 keys", "", func() string { return keysOf(70_000, "x-%d: 1\n") }},
	{"40,000 unknown keys", "unknown-key", func() string { return keysOf(40_000, "k%d: 1\n") }},
	{"80,000 times a key", "duplicate-key", func() string { return keysOf(40_000, "x-same: %d\n") }},
	{"a line of a million characters", "unknown-key", func() string { return head + "titel: " + strings.Repeat("long ", 200_000) + "\n" + oneStep }},
	{"a key of a million characters", "unknown-key", func() string { return head + "? " + strings.Repeat("k", 1_000_000) + "\n: a\n" + oneStep }},
	{"a quoted million of escapes", "unknown-key", func() string { return head + "titel: \"" + strings.Repeat(`\u00e9`, 170_000) + "\"\n" + oneStep }},
	{"a block of 100,000 lines", "unknown-key", func() string { return head + "titel: |\n" + strings.Repeat("  line\n", 100_000) + oneStep }},
	{"a block of growing indents", "bad-template", func() string {
		var b strings.Builder
		b.WriteString(head + "steps:\n  - message: a\n    text: >2\n")
		for i := range 900 {
			b.WriteString(strings.Repeat(" ", 6+i) + "x\n\n")
		}
		return b.String() + "      {{ .inputs.x\n"
	}},
	{"30,000 blocks", "unknown-key", func() string { return keysOf(30_000, "x-%d: |\n  a\n\n") + "titel: b\n" }},
	{"30,000 folded blocks with hints", "unknown-key", func() string { return keysOf(30_000, "x-%d: >2-\n   a\n  b\n") + "titel: b\n" }},
	{"30,000 quoted", "unknown-key", func() string { return keysOf(30_000, "x-%d: \"a\n  b\"\n") + "titel: b\n" }},
	{"a plain value of 200,000 lines", "unknown-key", func() string { return head + "titel: a\n" + strings.Repeat("  b\n", 200_000) + oneStep }},
	{"30,000 anchors and aliases", "unknown-key", func() string { return keysOf(20_000, "x-%[1]d: &a%[1]d [1]\nx-b%[1]d: *a%[1]d\n") + "titel: b\n" }},
	{"a million blank lines", "unknown-key", func() string { return head + "titel: |\n" + strings.Repeat("\n", 900_000) + oneStep }},
	{"a million blank lines that are kept", "unknown-key", func() string { return head + "titel: |+\n  a\n" + strings.Repeat("\n", 900_000) + oneStep }},
	{"a million blank lines in quotes", "unknown-key", func() string { return head + "titel: 'a" + strings.Repeat("\n", 900_000) + "'\n" + oneStep }},
	{"a million blanks", "unknown-key", func() string { return head + "titel: a" + strings.Repeat(" ", 900_000) + "b\n" + oneStep }},
	{"a million blanks in quotes", "unknown-key", func() string { return head + "titel: \"a" + strings.Repeat(" ", 900_000) + "b\"\n" + oneStep }},
	{"100,000 escaped line breaks", "unknown-key", func() string { return head + "titel: \"a" + strings.Repeat("\\\n", 400_000) + "b\"\n" + oneStep }},
	{"90,000 values on a line", "unknown-key", func() string { return head + "titel: [" + strings.Repeat("é, ", 90_000) + "]\n" + oneStep }},
	{"30,000 mappings on a line", "unknown-key", func() string { return head + "titel: [" + strings.Repeat("{a: [b]}, ", 30_000) + "]\n" + oneStep }},
	{"900,000 comments", "unknown-key", func() string { return head + strings.Repeat("#\n", 450_000) + "titel: b\n" + oneStep }},
	{"a syntax error after 60,000 bytes", "quote-it", func() string { return keysOf(5_000, "x-%d: 1\n") + "title: a: b\n" }},
	{"a syntax error after 900,000 bytes", "quote-it", func() string { return keysOf(60_000, "x-%d: 1\n") + "title: a: b\n" }},
	{"5,000 steps", "unknown-key", func() string {
		var b strings.Builder
		b.WriteString(head + "steps:\n")
		for i := range 5000 {
			fmt.Fprintf(&b, "  - message: m%d\n    text: \"{{ .steps.m%d.ran }}\"\n", i, max(0, i-1))
		}
		return b.String() + "    txt: a\n"
	}},
	{"100,000 quotes", "", func() string { return head + "title: '" + strings.Repeat("''", 100_000) + "'\n" + oneStep }},
	{"an expression of a million brackets", "too-large", func() string {
		return head + "steps:\n  - message: a\n    text: hi\n    if: \"" + strings.Repeat("(", 900_000) + "\"\n"
	}},
	{"an expression of 8,000 brackets", "", func() string {
		return head + "steps:\n  - message: a\n    text: hi\n    if: \"" + strings.Repeat("(", 8000) + "true" + strings.Repeat(")", 8000) + "\"\n"
	}},
	{"an expression of 8,000 nots", "", func() string {
		return head + "steps:\n  - message: a\n    text: hi\n    if: \"" + strings.Repeat("! ", 8000) + "true\"\n"
	}},
	{"a template of 100,000 brackets", "bad-template", func() string {
		return head + "steps:\n  - message: a\n    text: \"{{ " + strings.Repeat("(", 100_000) + " }}\"\n"
	}},
	{"a template of 50,000 ifs", "", func() string {
		return head + "steps:\n  - message: a\n    text: \"" + strings.Repeat("{{if true}}", 40_000) + "\"\n"
	}},
	{"a script of 200,000 brackets", "too-deep", func() string {
		return head + "steps:\n  - action: a\n    shell: \"" + strings.Repeat("(", 200_000) + "\"\n"
	}},
	{"a script of 4,000 ifs", "", func() string {
		return head + "steps:\n  - action: a\n    shell: \"" + strings.Repeat("if true; then ", 10_000) + "\"\n"
	}},
	{"a chain of 1,000 procedures", "", func() string {
		var b strings.Builder
		b.WriteString(head + "steps:\n  - run: go\n    procedure: p0\nprocedures:\n")
		for i := range 1000 {
			fmt.Fprintf(&b, "  p%d: {steps: [{run: a, procedure: p%d}]}\n", i, i+1)
		}
		return b.String() + "  p1000: {steps: [{message: a, txt: hi}]}\n"
	}},
	{"procedures that double", "", func() string {
		var b strings.Builder
		b.WriteString(head + "steps:\n  - run: go\n    procedure: p0\nprocedures:\n")
		for i := range 60 {
			fmt.Fprintf(&b, "  p%d: {steps: [{run: a, procedure: p%d}, {run: b, procedure: p%d}]}\n", i, i+1, i+1)
		}
		return b.String() + "  p60: {steps: [{message: a, txt: hi}]}\n"
	}},
	{"2,000 branches", "", func() string {
		var b strings.Builder
		b.WriteString(head + "inputs: {n: {type: int, default: 1}}\nsteps:\n  - decide: d\n    branches:\n")
		for i := range 2000 {
			fmt.Fprintf(&b, "      - {id: b%d, when: inputs.n == %d}\n", i, i)
		}
		return b.String() + "  - message: a\n    txt: hi\n"
	}},
}

// TestHugeFiles: a file that would cost without bound is answered with a finding
// that has a place and a remedy, in bounded memory.
func TestHugeFiles(t *testing.T) {
	for _, c := range huge {
		t.Run(c.name, func(t *testing.T) {
			data := []byte(c.data())
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			_, found := compile("x.yaml", data)
			runtime.ReadMemStats(&after)
			grew := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Logf("%d bytes: %d findings, %d MiB, %s", len(data), len(found), grew, time.Since(began))
			if grew > 600 && !raced {
				t.Errorf("%d MiB were allocated for %d bytes", grew, len(data))
			}
			if time.Since(began) > time.Minute {
				t.Errorf("it took %s", time.Since(began))
			}
			wellFormed(t, found)
			if c.code != "" && !has(found, c.code) {
				t.Errorf("no %s in %d findings: %v", c.code, len(found), first(found))
			}
		})
	}
}

func has(found source.Diagnostics, code string) bool {
	for _, d := range found {
		if d.Code == code {
			return true
		}
	}
	return false
}

func first(found source.Diagnostics) string {
	if len(found) == 0 {
		return "none"
	}
	return fmt.Sprintf("%s: %.200s", found[0].Code, found[0].Summary)
}

// wellFormed holds each finding to what is promised: a place within the file,
// a summary of bounded length, a remedy.
func wellFormed(t *testing.T, found source.Diagnostics) {
	t.Helper()
	for _, d := range found {
		switch {
		case d.Span.File == nil || d.Span.Start < 0 || d.Span.End < d.Span.Start || d.Span.End > len(d.Span.File.Data):
			t.Fatalf("%s at %d:%d of %v", d.Code, d.Span.Start, d.Span.End, d.Span.File)
		case d.Summary == "" || d.Code == "" || d.Detail == "":
			t.Fatalf("%+.300v has no summary, code or remedy", d)
		case len(d.Summary) > 2000 || len(d.Detail) > 4000:
			t.Fatalf("%s speaks for %d bytes", d.Code, len(d.Summary)+len(d.Detail))
		}
		for _, n := range d.Related {
			if n.Span.File == nil || n.Span.End > len(n.Span.File.Data) || n.Text == "" {
				t.Fatalf("%s points to %v besides", d.Code, n.Span)
			}
		}
	}
}

// TestEveryFindingHasARemedy holds the findings of all fixtures to the same.
func TestEveryFindingHasARemedy(t *testing.T) {
	files, _ := filepath.Glob("testdata/bad/*.yaml")
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, found := compile(f, data)
		t.Run(filepath.Base(f), func(t *testing.T) { wellFormed(t, found) })
	}
}
