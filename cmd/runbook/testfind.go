package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"runbook/engine"
	"runbook/engine/scenario"
	"runbook/engine/source"
)

// book is a runbook under test. Rb is nil where it is not sound.
type book struct {
	file   *source.File
	beside engine.Beside
	rb     *engine.Runbook
	scenes bool // it has a file of scenarios, sound or not
	found  source.Diagnostics
}

// suite is a file of scenarios with the runbook that it is about. Without cases
// it is not sound.
type suite struct {
	file  *source.File
	book  *book // nil where it cannot be read
	cases []*testCase
	found source.Diagnostics
	// unread: the file is no sound file of scenarios, so nothing is played.
	unread bool
	done   sync.WaitGroup
}

// testCase is one scenario. Problem is why it could not be played at all.
type testCase struct {
	suite    *suite
	scenario *scenario.Scenario
	chosen   bool
	result   *engine.TestResult
	problem  error
	took     time.Duration
	golden   string // what the report says otherwise than the one that is kept
	kept     string // the file that was written
}

// name is what a scenario is known by among those of all runbooks.
func (c *testCase) name() string { return stem(c.suite.file.Name) + "/" + c.scenario.Name }

// baseOf is a file's name without its folder, or the library.
func baseOf(name string) string {
	return strings.TrimPrefix(filepath.Base(filepath.FromSlash(name)), "library:")
}

// stem is a file's name without folder and endings.
func stem(name string) string {
	base := baseOf(name)
	for _, end := range []string{".yaml", ".yml", strings.TrimSuffix(scenario.Suffix, ".yaml")} {
		base = strings.TrimSuffix(base, end)
	}
	return base
}

// played reports whether a case came to its end, or to what keeps it from one.
func (c *testCase) played() bool { return c.result != nil || c.problem != nil }

// passed reports whether all was as expected.
func (c *testCase) passed() bool {
	return c.problem == nil && c.result != nil && len(c.result.Failures) == 0 && c.golden == ""
}

func (s *suite) failed() int {
	n := 0
	for _, c := range s.cases {
		if c.played() && !c.passed() {
			n++
		}
	}
	return n
}

// find reads what the arguments name.
func (t *testRun) find(args []string) error {
	for _, arg := range args {
		if err := t.target(arg); err != nil {
			return err
		}
	}
	if len(t.books)+len(t.suites) == 0 {
		return usage("no runbooks in %s; `runbook new NAME` begins one, with scenarios", strings.Join(args, ", "))
	}
	return nil
}

// target takes what one argument names: a file, a folder, a glob, or a runbook's
// name.
func (t *testRun) target(arg string) error {
	err := t.p.target(arg, func(name string, always bool) error {
		data, err := readTarget(name, always)
		switch {
		case err != nil && always:
			return usage("%w", err)
		case err != nil:
			found := unreadable(name, err)
			t.books[found.Span.File.Name] = &book{file: found.Span.File, found: source.Diagnostics{found}}
			return nil
		}
		if (always || claims(name, data)) && !engine.IsPolicy(data) {
			f := source.NewFile(filepath.Clean(name), data)
			t.take(f, engine.OnDisk(f))
		}
		return nil
	})
	if err == nil {
		return nil
	}
	found, openErr := t.p.places().Open(arg)
	if openErr != nil {
		return err
	}
	t.take(found.File, found.Files())
	return nil
}

// take takes a file: scenarios, or a runbook and the scenarios beside it.
func (t *testRun) take(f *source.File, beside engine.Beside) {
	if engine.IsScenarios(f.Name) {
		t.scenarios(f, beside)
		return
	}
	b := t.book(f, beside)
	base := baseOf(f.Name)
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".yaml"), ".yml")
	for _, end := range []string{scenario.Suffix, strings.TrimSuffix(scenario.Suffix, ".yaml") + ".yml"} {
		next, err := beside(f, base+end)
		if err == nil {
			b.scenes = true
			t.scenarios(next, b.beside)
		} else if !errors.Is(err, fs.ErrNotExist) {
			b.found = append(b.found, source.Diagnostic{Code: "unknown-file", Span: source.Span{File: f}, Summary: fmt.Sprintf("%s beside it cannot be read: %s", base+end, err)})
			b.rb = nil
		}
	}
}

// book is a runbook's file, loaded once.
func (t *testRun) book(f *source.File, beside engine.Beside) *book {
	if b := t.books[f.Name]; b != nil {
		return b
	}
	b := &book{file: f, beside: beside}
	b.rb, b.found = engine.Load(f, engine.WithFiles(beside), engine.WithPolicy(t.p.policy))
	t.books[f.Name] = b
	return b
}

// scenarios takes a file of scenarios, and the runbook that it names.
func (t *testRun) scenarios(f *source.File, beside engine.Beside) {
	if slices.ContainsFunc(t.suites, func(s *suite) bool { return s.file.Name == f.Name }) {
		return
	}
	s := &suite{file: f}
	t.suites = append(t.suites, s)
	about, err := beside(f, engine.ReadScenarioRunbook(f))
	if err != nil {
		s.found = engine.Validate(f, engine.WithFiles(beside), engine.WithPolicy(t.p.policy)) // which says so, and what else is wrong
		return
	}
	s.book = t.book(about, beside)
	if s.book.scenes = true; s.book.rb == nil {
		return // what is wrong is said of the runbook
	}
	var file *scenario.File
	if file, s.found = s.book.rb.Scenarios(f); file == nil {
		s.unread = true
		return
	}
	for _, sc := range file.Scenarios {
		s.cases = append(s.cases, &testCase{suite: s, scenario: sc})
	}
}

// sound are the runbooks that can be played, by name.
func (t *testRun) sound() []*book {
	var out []*book
	for _, b := range t.books {
		if b.rb != nil {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b *book) int { return strings.Compare(a.file.Name, b.file.Name) })
	return out
}

// findings are the errors of all files.
func (t *testRun) findings() source.Diagnostics {
	var out source.Diagnostics
	for _, b := range t.books {
		out = append(out, b.found...)
	}
	for _, s := range t.suites {
		out = append(out, s.found...)
	}
	return slices.DeleteFunc(out.Sort(), func(d source.Diagnostic) bool { return d.Severity != source.Error })
}

func (t *testRun) invalid() bool { return len(t.findings()) > 0 }

// onDisk reports whether a file is one that can be written beside.
func onDisk(f *source.File) bool {
	_, err := os.Stat(f.Name)
	return err == nil
}
