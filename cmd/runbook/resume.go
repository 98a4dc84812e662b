package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/report"
)

func (p *program) resumeCommand() *cli.Command {
	return &cli.Command{
		Name:      "resume",
		Usage:     "go on with a run that waits for a person, or broke off; send what was not sent",
		ArgsUsage: "RUN",
		Description: `RUN is a run's id, the beginning or the end of one, or "last". What is in the
run's journal is not done again; messages that were not sent are. Of a run that is
over nothing else is done; "runbook undo" takes back what it owes. A run that
went under a policy goes on under the one that is named now, or else under its
own, as its file says it today.

  runbook resume last                              answer at the terminal
  runbook resume RUN --approve store
  runbook resume RUN --answer new_token=done --answer new_token.value=@-
  runbook resume RUN --answer store=again          it was in doubt: do it again
  runbook resume RUN --accept-changes              the runbook was edited since`,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "accept-changes", Usage: "go on with the runbook as it was edited since, where nothing that was executed is touched"},
		}, personFlags()...),
		OnUsageError: onUsage,
		Action:       p.resume,
	}
}

func (p *program) resume(c *cli.Context) error {
	store, id, log, err := p.wholeRun(c)
	if err != nil {
		return err
	}
	state := journal.Fold(log.Events)
	if state.Started.Mode == string(engine.ModeDrill) {
		return usage("run %s is a drill: its world is gone; begin it again with `runbook run %s --scenario %s`", id, state.Started.Runbook.Path, state.Started.Scenario)
	}
	return p.goOn(c, "resume", store, id, log.Events)
}

// wholeRun reads the run that is to be gone on with. One whose journal was changed is
// refused.
func (p *program) wholeRun(c *cli.Context) (*journal.Store, string, *journal.Log, error) {
	if err := outputFormat(c); err != nil {
		return nil, "", nil, err
	}
	store, id, log, err := p.readRun(c)
	if err != nil {
		return nil, "", nil, err
	}
	if err := log.Check(id); err != nil {
		return nil, "", nil, &codeError{engine.ExitFailed, err}
	}
	return store, id, log, nil
}

// goOn goes on with a run, by one of the commands that do.
func (p *program) goOn(c *cli.Context, command string, store *journal.Store, id string, past []journal.Event) error {
	state := journal.Fold(past)
	state.Cancelled = state.Cancelled || command == "cancel"
	if err := p.policyOf(c, id, state.Policy); err != nil {
		return err
	}
	rb, err := p.runbookOf(c, store, id, state)
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
	s.command = goesOnWith(c, command)
	if state.Cancelled || command == "undo" {
		s.cancel = ""
	}
	s.answers.stands(openQuestions(state))
	if dir := state.Started.Dir; dir != "" {
		if s.store.Dir, err = filepath.Abs(s.store.Dir); err == nil {
			err = os.Chdir(dir)
		}
		if err != nil {
			return &codeError{engine.ExitFailed, fmt.Errorf("the run %s began in the folder %s, where what is relative in it starts, and cannot go on there: %w", id, dir, err)}
		}
	}
	for _, e := range past {
		s.past(e)
	}
	if command == "undo" {
		return s.finish(rb.Undo(s.ctx, id, engine.RunOptions{Session: s.engine()}))
	}
	goOn := rb.Resume
	if command == "cancel" {
		goOn = rb.Cancel
	}
	out, err := goOn(s.ctx, id, engine.RunOptions{Session: s.engine(), AcceptChanges: c.Bool("accept-changes")})
	if edited := (*engine.ChangedError)(nil); errors.As(err, &edited) {
		err = p.refuse(edited, state, s.command)
	}
	over := s.finish(out, err)
	if state.Finished != nil && out != nil && c.String("output") != "json" {
		p.printf("%s", report.Unsent(out.State, report.LineOptions{Color: p.color(c.Bool("no-color")), Command: commandsOf(c)}))
	}
	return over
}

// runbookOf is the runbook of a run as it is now: the person who edited it expects
// the edit to count.
func (p *program) runbookOf(c *cli.Context, store *journal.Store, id string, state *journal.State) (*engine.Runbook, error) {
	file, beside, err := p.places().Of(store, id, state)
	if err != nil {
		return nil, &codeError{engine.ExitFailed, err}
	}
	rb, err := p.load(file, beside, c.Bool("no-color"))
	if err == nil {
		return rb, nil
	}
	edited := p.places().Edited(store, id, state)
	if len(edited) == 0 || state.Finished != nil || state.Cancelled {
		return nil, err
	}
	for _, f := range edited {
		fmt.Fprintf(p.err, "\n%s", report.Clean(f.Diff))
	}
	return nil, &codeError{engine.ExitInvalid, fmt.Errorf("%s has changed since run %s began, and %s is not sound now: mend it, or put back what the run has of it (%s)", edited[0].Path, id, file.Name, store.Path(id))}
}

// refuse shows how a runbook differs from what a run has of it, and says how the run
// can go on.
func (p *program) refuse(e *engine.ChangedError, state *journal.State, command string) error {
	text := ""
	for _, f := range e.Files {
		text += f.Diff + "\n"
	}
	for _, s := range e.Steps {
		text += fmt.Sprintf("%s: %s\n", s.Step, s.How)
	}
	for _, part := range e.Parts {
		text += fmt.Sprintf("%s: changed\n", part)
	}
	fmt.Fprintln(p.err, report.Clean(text))
	back := "put back what it said (" + e.Kept + ")"
	if state.Runbook.Origin == "" {
		back = "resume it with the version of the program that it began with (" + state.Started.Engine + ")"
	}
	if len(e.Executed) > 0 {
		return usage("%w; %s, or begin a new run", e, back)
	}
	return usage("%w: `%s %s --accept-changes` goes on with what it says now; or %s, or begin a new run", e, command, e.Run, back)
}
