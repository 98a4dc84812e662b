package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"runbook/engine/coverage"
	"runbook/engine/report"
	"runbook/engine/source"
	"runbook/engine/source/render"
)

// shownGaps bounds how many places the summary names that no scenario takes.
const shownGaps = 20

// testView shows what came of tests: each file of scenarios as it is done, and
// all of them at the end.
type testView interface {
	suite(*testRun, *suite)
	end(t *testRun, cov *coverage.Coverage, untested []*book, below []string) error
}

// view is how the tests are shown. Every form but text is one document at the
// end, on standard output; the summary then stands on standard error.
func (t *testRun) view() testView {
	switch t.format {
	case "json":
		return document{(*testRun).json}
	case "junit":
		return document{(*testRun).junit}
	case "github":
		return document{(*testRun).github}
	}
	return textView{t.p.out}
}

// textView is for people.
type textView struct{ w io.Writer }

func (v textView) suite(t *testRun, s *suite) {
	played, met, took := 0, 0, time.Duration(0)
	for _, c := range s.cases {
		if c.played() {
			played++
			took += c.took
		}
		if c.result != nil {
			met += c.result.Met
		}
	}
	if played == 0 {
		return
	}
	failed, name := s.failed(), clean(s.book.file.Name)
	if failed == 0 {
		fmt.Fprintf(v.w, "%s  %s  %s, %s  %s\n", t.paint("32", "ok  "), name, count(played, "scenario"), count(met, "expectation"), briefly(took))
	} else {
		fmt.Fprintf(v.w, "%s  %s  %d of %s failed  %s\n", t.paint("31", "FAIL"), name, failed, count(played, "scenario"), briefly(took))
	}
	for _, c := range s.cases {
		if c.kept != "" {
			fmt.Fprintf(v.w, "      wrote %s\n", clean(c.kept))
		}
		if c.played() && !c.passed() {
			fmt.Fprint(v.w, t.story(c))
		}
	}
}

// story is a scenario that did not pass: what was expected, what came, and the
// way there.
func (t *testRun) story(c *testCase) string {
	var b strings.Builder
	title := ""
	if c.scenario.Title != "" {
		title = "  " + clean(c.scenario.Title)
	}
	fmt.Fprintf(&b, "\n      %s %s%s  (%s)\n", t.paint("31", "✗"), t.paint("1", clean(c.scenario.Name)), title, clean(placeOf(c.scenario.Span)))
	for _, p := range c.problems() {
		b.WriteString(margin(report.Clean(p.Message)+t.paint("2", p.where()), "        "))
		for _, why := range p.Why {
			b.WriteString(margin(t.paint("2", report.Clean(why)), "          "))
		}
	}
	if c.golden != "" {
		b.WriteString(margin(t.colored(report.Clean(c.golden)), "        "))
	}
	if c.result != nil && len(c.result.Failures) > 0 {
		b.WriteString("        how it came to that:\n")
		_ = report.Path(&b, c.result.State, "          ", t.color) // a builder takes all
	}
	return b.String() + "\n"
}

// problem is something that was wrong with a scenario; where it is an expectation,
// with its place and what led there.
type problem struct {
	Message string   `json:"message"`
	File    string   `json:"file,omitempty"`
	Line    int      `json:"line,omitempty"`
	Why     []string `json:"why,omitempty"`
}

// where is the place behind a message.
func (p problem) where() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("  (%s:%d)", clean(p.File), p.Line)
}

func (c *testCase) problems() []problem {
	out := []problem{}
	if c.problem != nil {
		out = append(out, problem{Message: "it could not be played: " + c.problem.Error()})
	}
	if c.result != nil {
		for _, f := range c.result.Failures {
			p := problem{Message: f.String(), Why: f.Why}
			if f.At.File != nil {
				p.File, p.Line = f.At.File.Name, f.At.Position().Line
			}
			out = append(out, p)
		}
	}
	if c.golden != "" {
		out = append(out, problem{Message: fmt.Sprintf("its report differs from %s; if it is right now: `runbook test --update`", goldenFile(c))})
	}
	return out
}

// said are the problems as text, with what led there.
func (c *testCase) said() string {
	var lines []string
	for _, p := range c.problems() {
		lines = append(lines, p.Message)
		for _, why := range p.Why {
			lines = append(lines, "  "+why)
		}
	}
	return strings.Join(lines, "\n")
}

// colored paints the lines of a diff.
func (t *testRun) colored(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		switch {
		case strings.HasPrefix(l, "+"):
			lines[i] = t.paint("32", l)
		case strings.HasPrefix(l, "-"):
			lines[i] = t.paint("31", l)
		}
	}
	return strings.Join(lines, "\n")
}

func (t *testRun) paint(style, s string) string {
	if !t.color {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

// margin puts a text behind a margin, and a line break at its end.
func margin(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+by) + "\n"
}

// briefly is how long something took, for people.
func briefly(d time.Duration) string {
	if d < time.Second {
		return max(d, time.Millisecond).Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// placeOf is FILE:LINE.
func placeOf(s source.Span) string {
	if s.File == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", s.File.Name, s.Position().Line)
}

func (v textView) end(t *testRun, cov *coverage.Coverage, untested []*book, below []string) error {
	var b bytes.Buffer
	if found := t.findings(); len(found) > 0 {
		_ = render.Text(&b, found, render.Options{Color: t.color}) // a buffer takes all
	}
	t.remarks(&b, untested)
	t.summary(&b, cov)
	for _, m := range below {
		fmt.Fprintf(&b, "%s too little is taken: %s\n", t.paint("31", "FAIL"), clean(m))
	}
	b.WriteString(t.verdict() + "\n")
	_, err := v.w.Write(b.Bytes())
	return err
}

// summary is what was taken. Of a part of the scenarios it is no news what they do
// not take.
func (t *testRun) summary(w io.Writer, cov *coverage.Coverage) {
	switch gaps := len(cov.Gaps()); {
	case len(cov.Items()) == 0:
	case t.run.String() != "":
		fmt.Fprintf(w, "\n%s\n", cov.Summary())
	default:
		fmt.Fprintln(w)
		_ = cov.Text(w, shownGaps) // what cannot be written is found at the end
		if gaps > shownGaps {
			fmt.Fprintln(w, "  `--coverage coverage.html` or `--coverage coverage.txt` shows all of them")
		}
	}
}

// remarks are what should be known and fails nothing: what the scenarios are warned
// of, above all.
func (t *testRun) remarks(w io.Writer, untested []*book) {
	for _, s := range t.suites {
		for _, d := range s.found {
			if d.Severity == source.Warning && d.Span.File == s.file {
				at := d.Span.Position()
				fmt.Fprintf(w, "%s:%d:%d: warning: %s\n", clean(s.file.Name), at.Line, at.Column, clean(d.Summary))
			}
		}
	}
	for _, u := range untested {
		fmt.Fprintf(w, "%s  %s  has no scenarios: begin them in %s\n", t.paint("33", "none"), clean(u.file.Name), stem(u.file.Name)+".scenarios.yaml")
	}
	for _, f := range t.leftBehind() {
		fmt.Fprintf(w, "%s belongs to no scenario any more; remove it\n", clean(f))
	}
}

// verdict is all of it in one line.
func (t *testRun) verdict() string {
	played, failed := 0, t.failed()
	for _, s := range t.suites {
		for _, c := range s.cases {
			if c.played() {
				played++
			}
		}
	}
	text := count(played, "scenario") + " passed"
	if failed > 0 {
		text = fmt.Sprintf("%d of %s failed", failed, count(played, "scenario"))
	}
	if n := len(t.findings()); n > 0 {
		text += ", " + count(n, "error") + " in the files"
	}
	return text
}

// document is a form that is written once, at the end.
type document struct {
	write func(*testRun, io.Writer, *coverage.Coverage, []*book, []string) error
}

func (d document) suite(*testRun, *suite) {}

func (d document) end(t *testRun, cov *coverage.Coverage, untested []*book, below []string) error {
	if err := d.write(t, t.p.out, cov, untested, below); err != nil {
		return err
	}
	t.color = false
	return textView{t.p.err}.end(t, cov, untested, below)
}

// writeJSON writes a value as JSON for people and programs.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
