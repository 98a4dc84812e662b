//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/source"
)

// TestDocumentation executes the documentation: each page of docs and the README
// is read as a person would try it, from the top, in an empty folder.
//
// A yaml block that is a whole runbook has to be sound. One that is a part says in
// a comment before it what it is a part of; a block may carry several words:
//
//	<!-- example: base -->        the beginning of a runbook, up to `steps:`
//	<!-- example: steps -->       steps for the last base
//	<!-- example: keys -->        keys of a runbook without steps
//	<!-- example: scenarios -->   a file of scenarios
//	<!-- example: file=NAME -->   is written to NAME in the folder
//	<!-- example: append=NAME --> is appended to NAME in the folder
//	<!-- example: unsound -->     has errors, which the console block behind it shows
//
// A text block with <!-- findings --> before it holds what validate says of the
// yaml block above it, `LINE:COLUMN: severity: what is wrong [code]` with lines as
// they stand in the block. Without one there is nothing to find.
//
// In a console block each line that begins with `$ ` is a command for sh, and what
// follows is what it prints, but for how long things took, days, runs and names of
// people. A line … stands for lines left out.
func TestDocumentation(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("no pages: ", err)
	}
	executed := 0
	for _, page := range append(pages, "../../README.md") {
		t.Run(filepath.Base(page), func(t *testing.T) {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			r := newReader(t)
			for _, b := range blocksOf(string(text)) {
				r.take(b)
			}
			r.settle()
			if *update {
				r.rewrite(page, string(text))
			}
			executed += r.executed
		})
	}
	if executed < 20 {
		t.Errorf("only %d blocks were executed", executed)
	}
}

// block is a fenced block of a page.
type block struct {
	line  int    // of its first line
	lang  string // yaml, text, console
	text  string
	words []string // of the example comment before it
	found bool     // a findings comment stands before it
}

func (b block) has(word string) bool { return slices.Contains(b.words, word) }

// value is what stands behind NAME= in the example comment.
func (b block) value(name string) string {
	for _, w := range b.words {
		if v, ok := strings.CutPrefix(w, name+"="); ok {
			return v
		}
	}
	return ""
}

func blocksOf(page string) []block {
	var out []block
	var in *block
	before := ""
	for i, line := range strings.Split(page, "\n") {
		fence, ok := strings.CutPrefix(line, "```")
		switch {
		case ok && in == nil:
			in = &block{line: i + 2, lang: fence, found: before == "<!-- findings -->"}
			if w, ok := strings.CutPrefix(before, "<!-- example: "); ok {
				in.words = strings.Fields(strings.TrimSuffix(w, "-->"))
			}
		case ok:
			out, in = append(out, *in), nil
			before = ""
		case in != nil:
			in.text += line + "\n"
		case strings.TrimSpace(line) != "":
			before = strings.TrimSpace(line)
		}
	}
	return out
}

// reader tries a page.
type reader struct {
	t        *testing.T
	dir      string
	base     string
	pending  []string // findings that a text block has to show
	at       int      // the line of the block that they are of
	executed int
	better   [][2]string // findings as they are, for -update
}

func newReader(t *testing.T) *reader {
	r := &reader{t: t, dir: t.TempDir()}
	// The folder has a runbook in its PATH: this test, as TestMain lets it be.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(r.dir, ".bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nRUNBOOK_TEST_MAIN=1 exec '%s' \"$@\"\n", self)
	if err := os.WriteFile(filepath.Join(bin, "runbook"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *reader) take(b block) {
	if b.lang == "text" && b.found {
		if got := strings.Join(r.pending, "\n") + "\n"; got != b.text {
			r.t.Errorf("line %d: the findings are\n%s\nand not\n%s", b.line, got, b.text)
			r.better = append(r.better, [2]string{"```text\n" + b.text, "```text\n" + got})
		}
		r.pending = nil
		return
	}
	r.settle()
	switch b.lang {
	case "yaml":
		r.executed++
		r.yaml(b)
	case "console":
		r.executed++
		r.console(b)
	}
}

// rewrite puts the findings into the page as they are.
func (r *reader) rewrite(page, text string) {
	for _, b := range r.better {
		before, after, _ := strings.Cut(text, b[0])
		text = before + b[1] + after
	}
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		r.t.Error(err)
	}
}

// settle complains of findings that no text block has shown.
func (r *reader) settle() {
	if len(r.pending) > 0 {
		r.t.Errorf("line %d: this is not sound, and nothing says so:\n%s", r.at, strings.Join(r.pending, "\n"))
	}
	r.pending = nil
}

func (r *reader) yaml(b block) {
	name := "example.yaml"
	text, above, indent := b.text, 0, 0
	switch {
	case b.has("base"):
		r.base = text
		text += "steps: [{end: over, outcome: resolved}]\n"
	case b.has("steps"):
		head := r.base + "steps:\n"
		above, indent = strings.Count(head, "\n"), 2
		text = head + indented(text)
	case b.has("keys"):
		head := "apiVersion: runbook/v1\nname: example\n"
		above = 2
		text = head + text
		if !strings.Contains("\n"+b.text, "\nsteps:") {
			text += "steps: [{end: over, outcome: resolved}]\n"
		}
	case b.has("scenarios"):
		name = "example.scenarios.yaml"
	case b.value("append") != "":
		name = b.value("append")
		text = r.read(name) + text
	case !strings.Contains("\n"+b.text, "\napiVersion:") && !engine.IsScenarios(b.value("file")):
		r.t.Errorf("line %d: this yaml is no whole runbook: say in a comment before it how it is completed", b.line)
		return
	}
	for _, file := range []string{b.value("file"), b.value("append")} {
		if file != "" {
			name = file
			r.write(name, text)
		}
	}
	f := source.NewFile(filepath.Join(r.dir, name), []byte(text))
	found := engine.Validate(f, engine.WithFiles(engine.OnDisk(f)))
	if b.has("unsound") {
		if !found.Failed() {
			r.t.Errorf("line %d: this is sound", b.line)
		}
		return
	}
	r.at = b.line
	for _, d := range found {
		p := d.Span.Position()
		if d.Code == "unused" && (p.Line <= above || b.has("base")) {
			continue // what a base declares is for other examples
		}
		r.pending = append(r.pending, fmt.Sprintf("%d:%d: %s: %s [%s]", p.Line-above, p.Column-indent, d.Severity, d.Summary, d.Code))
	}
}

func indented(text string) string {
	return regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(text, "  $1")
}

func (r *reader) read(name string) string {
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Error(err)
	}
	return string(data)
}

func (r *reader) write(name, text string) {
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Error(err)
	}
}

// console runs a block's commands in one shell, so that `$?` is what it is.
func (r *reader) console(b block) {
	const cut = "\x01"
	var wants []string
	script := "ok=0\n"
	for _, line := range strings.SplitAfter(strings.TrimSuffix(b.text, "\n"), "\n") {
		if cmd, ok := strings.CutPrefix(line, "$ "); ok {
			script += fmt.Sprintf("printf '%s'; (exit $ok)\n%s\nok=$?\n", cut, strings.TrimSuffix(cmd, "\n"))
			wants = append(wants, "")
			continue
		}
		if len(wants) == 0 {
			r.t.Errorf("line %d: a console block begins with a command", b.line)
			return
		}
		wants[len(wants)-1] += line
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=" + filepath.Join(r.dir, ".bin") + ":" + os.Getenv("PATH"), "HOME=" + r.dir, "RUNBOOK_STATE=" + filepath.Join(r.dir, ".state"), "USER=you", "NO_PROXY=*", "LC_ALL=C", "GORACE=" + hurried}
	out, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		r.t.Error(err)
	}
	gots := strings.Split(string(out), cut)[1:]
	for i, want := range wants {
		if i >= len(gots) || !shows(usual(gots[i]), usual(want)) {
			r.t.Errorf("line %d, command %d prints\n%s\nand not\n%s", b.line, i+1, append(gots, "nothing: it was not run")[min(i, len(gots))], want)
		}
	}
}

// ordinary are what differs from run to run, and what stands for it.
var ordinary = []struct {
	what *regexp.Regexp
	is   string
}{
	{regexp.MustCompile(`\d{8}T\d{6,9}Z-([a-z0-9-]+)-[0-9a-f]{6}\b`), "RUN-$1"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?(Z| UTC)?`), "DATE"},
	{regexp.MustCompile(`DATE by \S+`), "DATE by YOU"},
	{regexp.MustCompile(`(goes on, by|») [^\n:]+(:|\n)`), "$1 YOU$2"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "HASH"},
	{regexp.MustCompile(`<?\b[0-9]+(\.[0-9]+)?(ms|s)\b( +)?`), "T"},
	{regexp.MustCompile(`(?m) +$`), ""},
}

func usual(text string) string {
	for _, o := range ordinary {
		text = o.what.ReplaceAllString(text, o.is)
	}
	return strings.TrimRight(text, "\n")
}

// shows reports whether a text is what was wanted, where … stands for lines left
// out.
func shows(got, want string) bool {
	var pattern []string
	for _, line := range strings.Split(want, "\n") {
		if line == "…" {
			pattern = append(pattern, `(?:.*\n)*`)
			continue
		}
		pattern = append(pattern, regexp.QuoteMeta(line)+`\n`)
	}
	return regexp.MustCompile(`^` + strings.Join(pattern, "") + `$`).MatchString(got + "\n")
}
