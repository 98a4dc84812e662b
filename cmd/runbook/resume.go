package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/report"
	"runbook/engine/source"
)

func (p *program) resumeCommand() *cli.Command {
	return &cli.Command{
		Name:      "resume",
		Usage:     "go on with a run that waits for a person, or broke off; send what was not sent",
		ArgsUsage: "RUN",
		Description: `RUN is a run's id, the beginning or the end of one, or "last". What is in the
run's journal is not done again; messages that were not sent are. Of a run that is
over nothing else is done.

  runbook resume last                              answer at the terminal
  runbook resume RUN --approve store
  runbook resume RUN --answer new_token=done --answer new_token.value=@-`,
		Flags:        personFlags(),
		OnUsageError: onUsage,
		Action:       p.resume,
	}
}

func (p *program) resume(c *cli.Context) error {
	if err := outputFormat(c); err != nil {
		return err
	}
	store, id, log, err := p.readRun(c)
	if err != nil {
		return err
	}
	state := journal.Fold(log.Events)
	if state.Started.Mode == string(engine.ModeDrill) {
		return usage("run %s is a drill: its world is gone; begin it again with `runbook run %s --scenario %s`", id, state.Started.Runbook.Path, state.Started.Scenario)
	}
	rb, err := p.runbookOf(c, store, id, &state.Started, state.Finished != nil)
	if err != nil {
		return err
	}
	s, err := p.session(c)
	if err != nil {
		return err
	}
	if err := s.answers.check(rb.Plan); err != nil {
		return err
	}
	for _, e := range log.Events {
		s.past(e)
	}
	out, err := rb.Resume(s.ctx, id, engine.RunOptions{Session: s.engine()})
	over := s.finish(out, err)
	if state.Finished != nil && out != nil && c.String("output") != "json" {
		p.printf("%s", report.Unsent(out.State, p.color(c.Bool("no-color"))))
	}
	return over
}

// runbookOf is the runbook that a run began with, from the copy beside its
// journal. Where the file itself is still there and says something else, the run
// does not go on: the person who edited it expects the edit to count. Of a run that
// is over only messages are sent, as they were written then.
func (p *program) runbookOf(c *cli.Context, store *journal.Store, id string, began *journal.RunStartedData, over bool) (*engine.Runbook, error) {
	was := began.Runbook
	data, err := store.Runbook(id)
	if err != nil {
		return nil, &codeError{engine.ExitFailed, fmt.Errorf("the runbook of run %s cannot be read: %w", id, err)}
	}
	kept := filepath.Join(store.Path(id), journal.RunbookName)
	if was.Origin != "" && !over {
		now, err := readBounded(was.Origin)
		if err == nil && string(now) != string(data) {
			return nil, usage("%s has changed since run %s began; put back the version it began with (%s), or begin a new run", was.Origin, id, kept)
		}
		if err != nil && !os.IsNotExist(err) {
			return nil, &codeError{engine.ExitFailed, err}
		}
	}
	if changed := engine.Changed(was, began.Files); changed != "" && !over {
		return nil, usage("%s has changed since run %s began; put back what it said, or begin a new run", changed, id)
	}
	return p.load(source.NewFile(was.Path, data), engine.Kept(store, id, began.Files), c.Bool("no-color"))
}
