package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/coverage"
	"runbook/engine/report"
	"runbook/engine/source"
)

func (p *program) testCommand() *cli.Command {
	return &cli.Command{
		Name:      "test",
		Usage:     "play all scenarios on a simulated clock; nothing real is touched",
		ArgsUsage: "[FILE|FOLDER|GLOB...]",
		Description: `A scenario is a world for a runbook: what servers and programs answer, what
people say, and what must come of it. X.scenarios.yaml holds those of X.yaml.
Each is played from beginning to end. No socket is opened and no program is
started; a poll of an hour takes milliseconds. Whatever no scenario answers
fails its test, and so does what comes out otherwise than expected.

Without an argument it takes the folder runbooks, or this one.

  runbook test                          all of them
  runbook test payments.yaml --run revoked
                                        those whose name fits
  runbook test --coverage coverage.html the tree of decisions, with what no
                                        scenario takes
  runbook test --coverage-min 100       fail unless each branch is taken

A report can be kept, and what a run tells is then held against it:

  runbook test --golden token-revoked   writes payments.golden/token-revoked.md
  runbook test --update                 writes the reports that are kept anew

Exit codes: 0 all passed; 1 a test failed, or too little is taken; 2 usage;
3 a runbook or a file of scenarios is invalid; 130 stopped.`,
		Flags: []cli.Flag{
			policyFlag(),
			&cli.StringFlag{Name: "run", Usage: "only scenarios whose RUNBOOK/NAME has a match of this `REGEX`"},
			formatFlag("text", "text, json, junit or github"),
			&cli.StringSliceFlag{Name: "coverage", Usage: "write what was taken to a `FILE` that ends in .html, .json or .txt"},
			&cli.StringFlag{Name: "coverage-min", Usage: "fail where less than `PERCENT` of the branches is taken; steps=90,total=80 for other classes"},
			&cli.StringSliceFlag{Name: "golden", Usage: "keep the report of the scenario `NAME`"},
			&cli.BoolFlag{Name: "update", Usage: "write the reports that are kept anew"},
			&cli.BoolFlag{Name: "no-color", Usage: "plain text"},
		},
		OnUsageError: onUsage,
		Action:       p.test,
	}
}

// testRun is one call of the command.
type testRun struct {
	p       *program
	run     *regexp.Regexp
	format  string
	files   []string // of --coverage
	gate    []coverage.Minimum
	golden  []string
	update  bool
	color   bool
	books   map[string]*book // by name
	suites  []*suite
	stopped bool
}

func (p *program) test(c *cli.Context) error {
	if err := p.underPolicy(c); err != nil {
		return err
	}
	t, err := p.newTestRun(c)
	if err != nil {
		return err
	}
	args := c.Args().Slice()
	if len(args) == 0 {
		args = testedByDefault()
	}
	if err := t.find(args); err != nil {
		return err
	}
	if err := t.choose(); err != nil {
		return err
	}
	p.playing.Store(true)
	defer p.playing.Store(false)
	if p.env("GOGC") == "" { // what a scenario leaves is small and short-lived
		defer debug.SetGCPercent(debug.SetGCPercent(testGC))
	}
	view := t.view()
	t.play(c.Context, view)
	return t.close(view)
}

// testGC is how much may be left behind before it is cleaned up, in percent of what
// is in use: four times the default makes tests a third quicker.
const testGC = 400

// testedByDefault is what is tested where nothing is named.
func testedByDefault() []string {
	if st, err := os.Stat("runbooks"); err == nil && st.IsDir() {
		return []string{"runbooks"}
	}
	return []string{"."}
}

// newTestRun reads the flags.
func (p *program) newTestRun(c *cli.Context) (*testRun, error) {
	t := &testRun{p: p, format: c.String("format"), files: c.StringSlice("coverage"), golden: c.StringSlice("golden"), update: c.Bool("update"),
		color: p.color(c.Bool("no-color")), books: map[string]*book{}}
	if !slices.Contains([]string{"text", "json", "junit", "github"}, t.format) {
		return nil, usage("no format %q: text, json, junit or github", t.format)
	}
	for _, f := range t.files {
		if coverageForms[filepath.Ext(f)] == nil {
			return nil, usage("--coverage %q: the file's name must end in .html, .json or .txt", f)
		}
	}
	var err error
	if t.run, err = regexp.Compile(c.String("run")); err != nil {
		return nil, usage("--run %q is no regular expression: %w", c.String("run"), err)
	}
	if text := c.String("coverage-min"); c.IsSet("coverage-min") {
		if t.gate, err = coverage.ParseMinimum(text); err != nil {
			return nil, usage("--coverage-min: %w", err)
		}
	}
	return t, nil
}

// choose keeps the scenarios that --run names, and refuses names that nothing
// fits.
func (t *testRun) choose() error {
	all, chosen := 0, 0
	var names []string
	for _, s := range t.suites {
		for _, c := range s.cases {
			all++
			names = append(names, c.scenario.Name, c.name())
			if c.chosen = t.run.MatchString(c.name()); c.chosen {
				chosen++
			}
		}
	}
	for _, g := range t.golden {
		if !slices.Contains(names, g) {
			return usage("--golden %s: there is no such scenario%s", g, didYouMean(g, names))
		}
	}
	if all > 0 && chosen == 0 {
		return usage("--run %q fits none of %s", t.run, count(all, "scenario"))
	}
	return nil
}

// close writes what is known at the end, and says how it all went.
func (t *testRun) close(view testView) error {
	cov := t.coverage()
	untested := t.untested(cov)
	below := cov.Below(t.gate)
	if t.gate != nil {
		for _, b := range untested {
			below = append(below, b.file.Name+" has no scenarios")
		}
	}
	if err := view.end(t, cov, untested, below); err != nil {
		return &codeError{engine.ExitFailed, err}
	}
	for _, name := range t.files {
		if err := writeCoverage(name, cov); err != nil {
			return &codeError{engine.ExitFailed, err}
		}
	}
	switch {
	case t.stopped:
		return &codeError{engine.ExitCancelled, errors.New("stopped: not all scenarios were played")}
	case t.invalid():
		return &codeError{code: engine.ExitInvalid}
	case t.failed() > 0 || len(below) > 0:
		return &codeError{code: engine.ExitFailed}
	}
	return nil
}

// coverage is what all scenarios that were played take of all runbooks. One whose
// scenarios could not be read is left out: what they would take is not known, and
// a list of gaps would hide what is wrong.
func (t *testRun) coverage() *coverage.Coverage {
	var all []*coverage.Coverage
	for _, b := range t.sound() {
		if slices.ContainsFunc(t.suites, func(s *suite) bool { return s.book == b && s.unread }) {
			continue
		}
		var runs []coverage.Run
		for _, s := range t.suites {
			if s.book != b {
				continue
			}
			for _, c := range s.cases {
				if c.result != nil {
					runs = append(runs, coverage.Run{Name: c.name(), Events: c.result.Events})
				}
			}
		}
		all = append(all, coverage.Of(b.rb.Plan, runs...))
	}
	return coverage.Union(all...)
}

// untested are the runbooks that have no scenario, and that none of another's
// comes by.
func (t *testRun) untested(cov *coverage.Coverage) []*book {
	var out []*book
	for _, b := range t.sound() {
		reached := slices.ContainsFunc(cov.Items(), func(i *coverage.Item) bool { return i.File == b.file.Name && len(i.Taken) > 0 })
		if !b.scenes && !reached {
			out = append(out, b)
		}
	}
	return out
}

// failed counts the scenarios that did not pass.
func (t *testRun) failed() int {
	n := 0
	for _, s := range t.suites {
		n += s.failed()
	}
	return n
}

// coverageForms write a coverage, by the ending of the file.
var coverageForms = map[string]func(*coverage.Coverage, *os.File) error{
	".html": func(c *coverage.Coverage, f *os.File) error { return c.HTML(f) },
	".json": func(c *coverage.Coverage, f *os.File) error { return c.JSON(f) },
	".txt":  func(c *coverage.Coverage, f *os.File) error { return c.Text(f, 0) },
}

func writeCoverage(name string, c *coverage.Coverage) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = coverageForms[filepath.Ext(name)](c, f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// clean is a text for one line of the screen.
func clean(s string) string { return strings.ReplaceAll(report.Clean(s), "\n", " ⏎ ") }

func didYouMean(word string, words []string) string {
	if s := source.Suggest(word, words); s != "" {
		return fmt.Sprintf("; did you mean %q?", s)
	}
	return ""
}
