package main

import (
	"github.com/urfave/cli/v2"

	"runbook/engine"
)

func (p *program) schemaCommand() *cli.Command {
	return &cli.Command{
		Name:  "schema",
		Usage: "the JSON Schema of runbooks, for editors and CI",
		Description: `Prints the JSON Schema that runbook files are held against, drawn from what the
program itself checks. Editors take it from the first line of a runbook:

  # yaml-language-server: $schema=schema.json`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "scenarios", Usage: "the schema of scenario files"},
			&cli.BoolFlag{Name: "policy", Usage: "the schema of policies"},
			&cli.BoolFlag{Name: "journal", Usage: "the schema of a journal's events"},
			&cli.BoolFlag{Name: "reference", Usage: "every key, as a Markdown page"},
		},
		OnUsageError: onUsage,
		Action:       p.schema,
	}
}

func (p *program) schema(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	draw, chosen := func() ([]byte, error) { return engine.Schema() }, 0
	for _, x := range []struct {
		flag string
		draw func() ([]byte, error)
	}{{"scenarios", func() ([]byte, error) { return engine.ScenarioSchema() }}, {"policy", engine.PolicySchema}, {"journal", engine.JournalSchema}, {"reference", func() ([]byte, error) { return engine.Reference() }}} {
		if c.Bool(x.flag) {
			draw = x.draw
			chosen++
		}
	}
	if chosen > 1 {
		return usage("schema prints one thing at a time: --scenarios, --policy, --journal or --reference")
	}
	text, err := draw()
	if err == nil {
		_, err = p.out.Write(text)
	}
	if err != nil {
		return &codeError{engine.ExitFailed, err}
	}
	return nil
}
