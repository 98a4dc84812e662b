package main

import (
	"io"
	"strings"

	"runbook/engine/coverage"
	"runbook/engine/report"
	"runbook/engine/source"
	"runbook/engine/source/render"
)

// testDocument is the JSON form. Fields may be added; none goes or changes.
type testDocument struct {
	Test     int            `json:"test"` // the form's version
	Passed   int            `json:"passed"`
	Failed   int            `json:"failed"`
	Cases    []caseDocument `json:"scenarios"`
	Untested []string       `json:"untested"` // runbooks without scenarios
	Invalid  []findingLine  `json:"invalid"`  // errors in the files
	Coverage []figureLine   `json:"coverage"`
	Below    []string       `json:"below"` // minimums that are not reached
}

type caseDocument struct {
	Name     string    `json:"name"` // RUNBOOK/NAME
	Title    string    `json:"title,omitempty"`
	Runbook  string    `json:"runbook"`
	File     string    `json:"file"`
	Line     int       `json:"line"`
	Passed   bool      `json:"passed"`
	Outcome  string    `json:"outcome,omitempty"`
	Met      int       `json:"met"`      // expectations that held
	Elapsed  float64   `json:"elapsed"`  // simulated seconds
	Problems []problem `json:"problems"` // why it did not pass
	Path     []string  `json:"path,omitempty"`
	Diff     string    `json:"diff,omitempty"` // against the report that is kept
}

type findingLine struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Message string `json:"message"`
}

type figureLine struct {
	Class coverage.Class `json:"class"`
	Taken int            `json:"taken"`
	Of    int            `json:"of"`
}

func (t *testRun) json(w io.Writer, cov *coverage.Coverage, untested []*book, below []string) error {
	d := testDocument{Test: 1, Cases: []caseDocument{}, Untested: []string{}, Invalid: []findingLine{}, Below: append([]string{}, below...)}
	for _, s := range t.suites {
		for _, c := range s.cases {
			if !c.played() {
				continue
			}
			if c.passed() {
				d.Passed++
			} else {
				d.Failed++
			}
			d.Cases = append(d.Cases, c.document())
		}
	}
	for _, u := range untested {
		d.Untested = append(d.Untested, u.file.Name)
	}
	for _, f := range t.findings() {
		d.Invalid = append(d.Invalid, findingLine{nameOf(f.Span), f.Span.Position().Line, f.Summary})
	}
	for _, f := range cov.Figures() {
		d.Coverage = append(d.Coverage, figureLine{f.Class, f.Taken, f.Of})
	}
	return writeJSON(w, d)
}

func nameOf(s source.Span) string {
	if s.File == nil {
		return ""
	}
	return s.File.Name
}

func (c *testCase) document() caseDocument {
	d := caseDocument{Name: c.name(), Title: c.scenario.Title, Runbook: c.suite.book.file.Name, File: c.suite.file.Name, Line: c.scenario.Span.Position().Line,
		Passed: c.passed(), Problems: c.problems(), Diff: c.golden}
	if r := c.result; r != nil {
		d.Outcome, d.Met, d.Elapsed = r.Outcome.Outcome, r.Met, r.Elapsed.Seconds()
		if !c.passed() {
			d.Path = strings.Split(strings.TrimRight(c.path(), "\n"), "\n")
		}
	}
	return d
}

// path is the way that the scenario's run took.
func (c *testCase) path() string {
	var b strings.Builder
	_ = report.Path(&b, c.result.State, "", false) // a builder takes all
	return b.String()
}

// junit writes a test suite for each file of scenarios, and a test case for each
// scenario.
func (t *testRun) junit(w io.Writer, cov *coverage.Coverage, _ []*book, below []string) error {
	var out []report.Suite
	for _, s := range t.suites {
		u := report.Suite{Name: s.file.Name}
		for _, d := range s.found {
			if d.Severity == source.Error {
				u.Cases = append(u.Cases, report.Case{Name: "valid", Error: placeOf(d.Span) + ": " + d.Summary})
			}
		}
		for _, c := range s.cases {
			if c.played() {
				u.Cases = append(u.Cases, c.junit())
			}
		}
		out = append(out, u)
	}
	for _, b := range t.books {
		u := report.Suite{Name: b.file.Name}
		for _, d := range b.found {
			if d.Severity == source.Error {
				u.Cases = append(u.Cases, report.Case{Name: "valid", Error: placeOf(d.Span) + ": " + d.Summary})
			}
		}
		if len(u.Cases) > 0 {
			out = append(out, u)
		}
	}
	if t.gate != nil {
		c := report.Case{Name: "coverage", Failure: strings.Join(below, "\n")}
		if len(below) > 0 {
			c.Text = gapText(cov)
		}
		out = append(out, report.Suite{Name: "coverage", Cases: []report.Case{c}})
	}
	return report.JUnitTests(w, "runbook test", out)
}

func gapText(cov *coverage.Coverage) string {
	var b strings.Builder
	_ = cov.Text(&b, 0) // a builder takes all
	return b.String()
}

func (c *testCase) junit() report.Case {
	out := report.Case{Name: c.scenario.Name, Took: c.took}
	if c.problem != nil {
		out.Error = c.problem.Error()
		return out
	}
	if !c.passed() {
		out.Failure = c.said()
		out.Text = c.path() + c.golden
	}
	return out
}

// github writes what fails as annotations at the scenarios, and as warnings the
// branches that no scenario takes and the runbooks that have none.
func (t *testRun) github(w io.Writer, cov *coverage.Coverage, untested []*book, below []string) error {
	all := t.findings()
	for _, s := range t.suites {
		for _, c := range s.cases {
			if !c.played() || c.passed() {
				continue
			}
			d := source.Diagnostic{Code: "test-failed", Span: c.scenario.Span, Summary: c.name() + " did not pass", Detail: c.said()}
			if c.result != nil {
				d.Detail += "\n" + c.path()
			}
			all = append(all, d.Bounded())
		}
	}
	severity := source.Warning
	if len(below) > 0 {
		severity = source.Error
	}
	for _, g := range cov.Gaps() {
		if f := t.fileNamed(g.File); g.Class == coverage.Branches && f != nil {
			at := f.Offset(g.Line, g.Column)
			all = append(all, source.Diagnostic{Code: "not-taken", Severity: severity, Span: source.Span{File: f, Start: at, End: at}, Summary: g.What()})
		}
	}
	for _, u := range untested {
		all = append(all, source.Diagnostic{Code: "no-scenarios", Severity: severity, Span: source.Span{File: u.file}, Summary: u.file.Name + " has no scenarios"})
	}
	return render.GitHub(w, all.Sort())
}

// fileNamed is a runbook's file, also of one that another runs.
func (t *testRun) fileNamed(name string) *source.File {
	for _, b := range t.sound() {
		for _, p := range b.rb.Plan.Plans() {
			if p.File.Name == name {
				return p.File
			}
		}
	}
	return nil
}
