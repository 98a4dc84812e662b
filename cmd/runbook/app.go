package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/source"
	library "runbook/runbooks"
)

const help = `Runbooks for incidents: checks, decisions, actions, messages and manual steps
in one YAML file, proven before it runs and journalled while it does.

  runbook run hubspot                 run a runbook (a path, or a name)
  runbook run hubspot --dry-run       see all it would do; nothing is touched
  runbook run hubspot --scenario token-revoked
                                      practise: the real tool, an emulated world
  runbook validate runbooks/          prove runbooks sound, in CI too
  runbook test                        play all scenarios, and see what none takes
  runbook new payments                begin one of your own
  runbook find "hubspot is down"      which runbook fits
  runbook runs                        what ran here
  runbook show last --format postmortem

A name is looked for as a path, in ./runbooks, in the folders of RUNBOOK_PATH,
and among the runbooks that are built in.

Exit codes: 0 ran to an end; 1 a step failed the run, or a test failed; 2 usage;
3 the runbook is invalid; 4 requirements, inputs or secrets are missing; 5 paused
for a person; 6 denied by permissions; 130 cancelled.`

// app is the command line; every command is one file beside this one.
func (p *program) app() *cli.App {
	return &cli.App{
		Name:                   "runbook",
		Usage:                  "incident response as code",
		Description:            help,
		Version:                engine.Version(),
		HideVersion:            true,
		HideHelpCommand:        false,
		UseShortOptionHandling: false,
		// A comma is part of a value: of an input that is a list, of an answer.
		DisableSliceFlagSeparator: true,
		Suggest:                   false,
		Writer:                    p.out,
		ErrWriter:                 p.err,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return usage("%s; see `runbook --help`", flagError(nil, err.Error()))
		},
		Action: p.bare,
		Commands: []*cli.Command{
			p.runCommand(), p.resumeCommand(), p.cancelCommand(), p.undoCommand(), p.validateCommand(), p.testCommand(), p.describeCommand(),
			p.findCommand(), p.newCommand(), p.runsCommand(), p.showCommand(), p.recordCommand(), p.verifyCommand(), p.schemaCommand(), p.completionCommand(), p.versionCommand(),
		},
	}
}

// bare is `runbook` without a command: help, or a hint at the command meant.
func (p *program) bare(c *cli.Context) error {
	word := c.Args().First()
	if word == "" {
		return cli.ShowAppHelp(c)
	}
	var names []string
	for _, cmd := range c.App.Commands {
		names = append(names, cmd.Name)
	}
	if s := source.Suggest(word, names); s != "" {
		return usage("no command %q; did you mean `runbook %s`?", word, s)
	}
	if _, err := p.places().Open(word); err == nil || engine.IsRunbook(word) {
		return usage("no command %q; to run it: `runbook run %s`", word, word)
	}
	return usage("no command %q; `runbook help` lists them", word)
}

// places are where this process looks for runbooks.
func (p *program) places() engine.Places {
	var path []string
	for _, dir := range filepath.SplitList(p.env("RUNBOOK_PATH")) {
		if dir != "" {
			path = append(path, dir)
		}
	}
	return engine.Places{Path: path, Library: library.Files}
}

// oneArg takes a command's only argument.
func oneArg(c *cli.Context, what string) (string, error) {
	switch c.NArg() {
	case 1:
		return c.Args().First(), nil
	case 0:
		return "", usage("%s needs %s; see `runbook %s --help`", c.Command.Name, what, c.Command.Name)
	}
	return "", usage("%s takes one %s, not %d: %s", c.Command.Name, strings.TrimPrefix(what, "a "), c.NArg(), strings.Join(c.Args().Slice(), " "))
}

func (p *program) printf(format string, args ...any) { fmt.Fprintf(p.out, format, args...) }
