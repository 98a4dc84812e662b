package main

import (
	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
)

func (p *program) cancelCommand() *cli.Command {
	return &cli.Command{
		Name:      "cancel",
		Usage:     "end a run that waits for a person, or broke off",
		ArgsUsage: "RUN",
		Description: `RUN is a run's id, the beginning or the end of one, or "last". No step of it begins
any more. The undo steps of the actions that succeeded are offered, the last
first, the ` + "`finally`" + ` steps run, and the journal closes, as after Ctrl-C; all as
the runbook was when the run went, whatever was edited since. A run that is under
way somewhere is ended there.

  runbook cancel last                              answer at the terminal
  runbook cancel RUN --approve 'STEP>undo'         and take back what STEP did

Exit codes: 130 it is cancelled; 5 an undo waits for a person, or an action that was
under way when the run broke off: the run stays cancelled until somebody answers.`,
		Flags:        personFlags(),
		OnUsageError: onUsage,
		Action:       p.cancel,
	}
}

func (p *program) cancel(c *cli.Context) error {
	store, id, log, err := p.wholeRun(c)
	if err != nil {
		return err
	}
	state := journal.Fold(log.Events)
	switch {
	case state.Started.Mode == string(engine.ModeDrill):
		return usage("run %s is a drill: its world is gone, and there is nothing to end", id)
	case state.Finished != nil && len(state.Owed()) > 0:
		return usage("run %s is over: %s; `%s %s` takes back what it owes", id, state.Finished.Outcome, goesOnWith(c, "undo"), id)
	case state.Finished != nil:
		return usage("run %s is over: %s", id, state.Finished.Outcome)
	}
	return p.goOn(c, "cancel", store, id, log.Events)
}
