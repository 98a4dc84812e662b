package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/report"
	"runbook/engine/source"
)

func (p *program) recordCommand() *cli.Command {
	return &cli.Command{
		Name:      "record",
		Usage:     "make a test of a run: a scenario, from its journal",
		ArgsUsage: "RUN",
		Description: `RUN is a run's id, the beginning or the end of one, or "last". What the world
answered, what people said and what came of it become a scenario, masked as the
journal is. Without --to it is printed; a file that is there gets one scenario
more.

  runbook record last
  runbook record last --to runbooks/hubspot.scenarios.yaml --name april-outage`,
		Flags: []cli.Flag{
			stateFlag(),
			&cli.StringFlag{Name: "to", Usage: "the scenario `FILE` to write, or to add to"},
			&cli.StringFlag{Name: "name", Usage: "the scenario's name (default: the run's id)"},
			&cli.StringFlag{Name: "title", Usage: "what happened, in a line"},
			&cli.BoolFlag{Name: "no-color", Usage: "plain text"},
		},
		OnUsageError: onUsage,
		Action:       p.record,
	}
}

func (p *program) record(c *cli.Context) error {
	store, id, log, err := p.readRun(c)
	if err != nil {
		return err
	}
	if err := log.Verify(); err != nil {
		return &codeError{engine.ExitFailed, fmt.Errorf("%w; a damaged journal is not recorded", err)}
	}
	if to := c.String("to"); to != "" {
		if err := recordable(to, journal.Fold(log.Events).Started.Runbook.Origin); err != nil {
			return err
		}
	}
	file, beside, err := engine.KeptRunbook(store, id, journal.Fold(log.Events))
	if err != nil {
		return &codeError{engine.ExitFailed, err}
	}
	rb, err := p.load(file, beside, c.Bool("no-color"))
	if err != nil {
		return err
	}
	return p.keep(c.Context, rb, log.Events, engine.RecordOptions{Path: c.String("to"), Name: c.String("name"), Title: c.String("title")})
}

// keep writes a recording, or prints it where it has no path, and says what to do
// with it.
func (p *program) keep(ctx context.Context, rb *engine.Runbook, events []journal.Event, o engine.RecordOptions) error {
	o.Runbook = besideOf(o.Path, journal.Fold(events).Started.Runbook)
	r, err := rb.Record(events, o)
	if err != nil {
		return &codeError{engine.ExitFailed, fmt.Errorf("nothing was recorded: %w", err)}
	}
	if len(r.Cut) > 0 {
		fmt.Fprintf(p.err, "too large to be kept whole, and cut: what came back to %s\n", report.Clean(strings.Join(r.Cut, ", ")))
	}
	p.differs(ctx, rb, r)
	if o.Path == "" {
		p.printf("%s", r.File.Data)
		return nil
	}
	if err := r.Write(); err != nil {
		return &codeError{engine.ExitFailed, fmt.Errorf("nothing was recorded: %w", err)}
	}
	verb := "wrote"
	if r.Added {
		verb = "added to"
	}
	fmt.Fprintf(p.err, "recorded %s: %s %s; look through it before it is shared, then: runbook test %s --run %s\n",
		report.Clean(r.Scenario.Name), verb, report.Clean(o.Path), shellWord(report.Clean(o.Path)), shellWord("/"+regexp.QuoteMeta(report.Clean(r.Scenario.Name))+"$"))
	return nil
}

// differs plays a recording and says where it does not come out as the run did.
func (p *program) differs(ctx context.Context, rb *engine.Runbook, r *engine.Recording) {
	res, err := rb.Test(ctx, engine.TestOptions{Scenario: r.Scenario, User: p.env("USER")})
	if err != nil {
		fmt.Fprintf(p.err, "runbook: the recording cannot be played: %s\n", report.Clean(err.Error()))
		return
	}
	for _, f := range res.Failures {
		fmt.Fprintf(p.err, "played again it differs: %s\n", report.Clean(f.String()))
	}
}

// besideOf is how a scenario file names the runbook: as seen from its folder where
// both have one, else by its name alone.
func besideOf(path string, rb journal.Runbook) string {
	name := filepath.Base(rb.Path)
	if path == "" || rb.Origin == "" {
		return name
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return name
	}
	rel, err := filepath.Rel(dir, rb.Origin)
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

// recordable reports what keeps a recording of a runbook from a file: its name, what
// it is, or that it holds the scenarios of another. Origin is the runbook's absolute
// path, "" where it has none.
func recordable(path, origin string) error {
	if !engine.IsScenarios(path) {
		return usage("scenarios are kept in files whose names end in .scenarios.yaml: record to %s.scenarios.yaml", strings.TrimSuffix(strings.TrimSuffix(path, ".yaml"), ".yml"))
	}
	if st, err := os.Stat(filepath.Dir(path)); err != nil || !st.IsDir() {
		return usage("nothing can be recorded to %s: there is no folder %s", path, filepath.Dir(path))
	}
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usage("nothing can be recorded to %s: %w", path, err)
	case !st.Mode().IsRegular():
		return usage("nothing can be recorded to %s: it is no ordinary file", path)
	}
	data, err := readBounded(path)
	if err != nil {
		return usage("nothing can be recorded to %s: %w", path, err)
	}
	about := engine.ReadScenarioRunbook(source.NewFile(path, data))
	switch {
	case len(bytes.TrimSpace(data)) == 0 || origin == "":
		return nil
	case about == "":
		return usage("%s is no file of scenarios: it does not say of which runbook", path)
	}
	its, err := os.Stat(filepath.Join(filepath.Dir(path), about))
	ours, gone := os.Stat(origin)
	if err != nil || gone != nil || !os.SameFile(its, ours) {
		return usage("%s holds the scenarios of %s, and the run is of %s: record to another file", path, about, origin)
	}
	return nil
}
