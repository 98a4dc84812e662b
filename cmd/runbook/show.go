package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/report"
)

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "a run, from its journal: its steps, its report, its postmortem",
		ArgsUsage: "RUN",
		Description: `RUN is a run's id, the beginning or the end of one, or "last".

  runbook show last                        what happened, step by step
  runbook show last --format postmortem    a postmortem in Markdown
  runbook show last --format html > run.html
  runbook show last --format json          the journal's events`,
		Flags: []cli.Flag{
			stateFlag(),
			formatFlag("text", "text, json, markdown, html, postmortem or junit"),
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "text: with results, requests and waits"},
			&cli.BoolFlag{Name: "no-color", Usage: "plain text"},
		},
		OnUsageError: onUsage,
		Action:       p.show,
	}
}

func (p *program) show(c *cli.Context) error {
	draw, err := p.runView(c)
	if err != nil {
		return err
	}
	store, id, log, err := p.readRun(c)
	if err != nil {
		return err
	}
	if err := log.Verify(); err != nil {
		fmt.Fprintf(p.err, "runbook: warning: %s; what follows is what the journal says now\n", err)
	}
	if err := draw(p.out, log.Events); err != nil {
		return &codeError{engine.ExitFailed, err}
	}
	if state := journal.Fold(log.Events); c.String("format") == "text" && state.Status(store.Busy(id)) == "interrupted" {
		p.printf("%s", report.Interrupted(state, report.LineOptions{Color: p.color(c.Bool("no-color")), Command: commandsOf(c)}))
	}
	return nil
}

// howToGoOn says what a paused run waits for, and the commands that answer it.
func (p *program) howToGoOn(c *cli.Context, w io.Writer, events []journal.Event) error {
	s := journal.Fold(events)
	if s.Paused == nil || s.Started.Mode == string(engine.ModeDrill) {
		return nil
	}
	_, err := fmt.Fprintf(w, "\n%s", howToAnswer(s, openQuestions(s), goesOnWith(c, takesUp(s))+" "+s.Run))
	return err
}

// runView is how a run is shown, by the name of the format.
func (p *program) runView(c *cli.Context) (func(io.Writer, []journal.Event) error, error) {
	folded := func(draw func(io.Writer, *journal.State) error) func(io.Writer, []journal.Event) error {
		return func(w io.Writer, events []journal.Event) error { return draw(w, journal.Fold(events)) }
	}
	switch format := c.String("format"); format {
	case "text":
		return func(w io.Writer, events []journal.Event) error {
			lines := report.NewLines(w, report.LineOptions{Color: p.color(c.Bool("no-color")), Verbose: c.Bool("verbose"), Now: journal.Fold(events), Command: commandsOf(c)})
			for _, e := range events {
				lines.Event(e)
			}
			return p.howToGoOn(c, w, events)
		}, nil
	case "json":
		return func(w io.Writer, events []journal.Event) error {
			write := eventWriter(p)
			for _, e := range events {
				write(e)
			}
			return nil
		}, nil
	case "markdown":
		return folded(report.Markdown), nil
	case "html":
		return folded(report.HTML), nil
	case "postmortem":
		return folded(report.Postmortem), nil
	case "junit":
		return folded(report.JUnit), nil
	default:
		return nil, usage("no format %q: text, json, markdown, html, postmortem or junit", format)
	}
}
