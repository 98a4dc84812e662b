package main

import (
	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
)

func (p *program) undoCommand() *cli.Command {
	return &cli.Command{
		Name:      "undo",
		Usage:     "take back what a run that is over still owes",
		ArgsUsage: "RUN",
		Description: `RUN is a run's id, the beginning or the end of one, or "last". A run that failed
or was cancelled owes the undo steps of the actions that succeeded, until each was
made or declined. They are offered here, the last first, as the runbook was when
the run began; nothing else of the run is done again.

  runbook undo last                                answer at the terminal
  runbook undo RUN --approve 'STEP>undo'
  runbook undo RUN --answer 'STEP>undo=refuse'     it is never offered again

Exit codes: 0 nothing is owed any more, 1 an undo failed and stays owed, 5 an
undo waits for a person.`,
		Flags:        personFlags(),
		OnUsageError: onUsage,
		Action:       p.undo,
	}
}

func (p *program) undo(c *cli.Context) error {
	store, id, log, err := p.wholeRun(c)
	if err != nil {
		return err
	}
	state := journal.Fold(log.Events)
	switch {
	case state.Started.Mode == string(engine.ModeDrill):
		return usage("run %s is a drill: its world is gone, and nothing real was done", id)
	case state.Finished == nil:
		return usage("run %s is not over: `%s %s` goes on with it, and offers what it owes once it has failed or is cancelled", id, goesOnWith(c, "resume"), id)
	case len(state.Owed()) == 0:
		p.printf("run %s is over (%s), and nothing of it is to be undone\n", id, state.Finished.Outcome)
		return nil
	}
	return p.goOn(c, "undo", store, id, log.Events)
}
