package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/report"
)

// tester is whom simulated runs are begun by: the same on every machine, because
// reports are kept.
const tester = "tester"

// play plays all scenarios that were chosen, as many at once as there are
// processors, and shows each file of them once it and those before it are done.
func (t *testRun) play(ctx context.Context, view testView) {
	work := make(chan *testCase)
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for c := range work {
				t.playOne(ctx, c)
				c.suite.done.Done()
			}
		}()
	}
	for _, s := range t.suites {
		for _, c := range s.cases {
			if c.chosen {
				s.done.Add(1)
			}
		}
	}
	go func() {
		defer close(work)
		for _, s := range t.suites {
			for _, c := range s.cases {
				if c.chosen {
					work <- c
				}
			}
		}
	}()
	for _, s := range t.suites {
		s.done.Wait()
		view.suite(t, s)
	}
	t.stopped = ctx.Err() != nil
}

// playOne plays a scenario. Once the command is stopped, none begins.
func (t *testRun) playOne(ctx context.Context, c *testCase) {
	if ctx.Err() != nil {
		return
	}
	began := time.Now()
	res, err := c.suite.book.rb.Test(ctx, engine.TestOptions{Scenario: c.scenario, User: tester})
	c.took = time.Since(began)
	if ctx.Err() != nil {
		return // it was broken off, which says nothing of it
	}
	if c.result, c.problem = res, err; err == nil {
		t.compare(c)
	}
}

// compare holds a scenario's report against the one that is kept.
func (t *testRun) compare(c *testCase) {
	if !onDisk(c.suite.file) {
		return // the library's reports are its own
	}
	path := goldenFile(c)
	want, err := os.ReadFile(path)
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		c.problem = err
		return
	case !t.begins(c):
		return
	}
	got := reportOf(c.result)
	if want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")); err == nil && bytes.Equal(want, got) {
		return
	}
	if t.update || t.begins(c) {
		c.problem = writeKept(path, got)
		c.kept = path
		return
	}
	_, c.golden, _ = strings.Cut(string(diff.Diff(path, want, "the report now", got)), "\n") // without `diff A B`
}

// begins reports whether a scenario's report is to be kept from now on.
func (t *testRun) begins(c *testCase) bool {
	for _, g := range t.golden {
		if g == c.scenario.Name || g == c.name() {
			return true
		}
	}
	return false
}

// goldenFile is where a scenario's report is kept: payments.golden/NAME.md beside
// payments.scenarios.yaml.
func goldenFile(c *testCase) string {
	name := c.suite.file.Name
	return filepath.Join(filepath.Dir(name), stem(name)+".golden", url.PathEscape(c.scenario.Name)+".md")
}

// reportOf is a simulated run's report, without what differs from machine to
// machine.
func reportOf(r *engine.TestResult) []byte {
	state := journal.Fold(r.Events)
	path := &state.Started.Runbook.Path
	*path = filepath.Base(filepath.FromSlash(*path))
	var b bytes.Buffer
	_ = report.Markdown(&b, state) // a buffer takes all
	return b.Bytes()
}

func writeKept(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// leftBehind are kept reports that belong to no scenario any more.
func (t *testRun) leftBehind() []string {
	var out []string
	for _, s := range t.suites {
		if len(s.cases) == 0 || !onDisk(s.file) {
			continue
		}
		names := map[string]bool{}
		for _, c := range s.cases {
			names[filepath.Base(goldenFile(c))] = true
		}
		dir := filepath.Dir(goldenFile(s.cases[0]))
		entries, _ := os.ReadDir(dir) // a folder that is not there keeps nothing
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".md") && !names[e.Name()] {
				out = append(out, filepath.Join(dir, e.Name()))
			}
		}
	}
	return out
}
