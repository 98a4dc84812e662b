package main

import (
	"encoding/json"
	"runtime"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/syntax"
)

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:         "version",
		Usage:        "the program's version, and the language's",
		Flags:        []cli.Flag{formatFlag("text", "text or json")},
		OnUsageError: onUsage,
		Action:       p.version,
	}
}

func (p *program) version(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	about := struct {
		Version  string `json:"version"`
		Language string `json:"language"`
		Go       string `json:"go"`
		Platform string `json:"platform"`
	}{engine.Version(), syntax.APIVersion, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	switch c.String("format") {
	case "text":
		p.printf("runbook %s (language %s, %s, %s)\n", about.Version, about.Language, about.Go, about.Platform)
		return nil
	case "json":
		return p.json(about)
	}
	return usage("no format %q: text or json", c.String("format"))
}

// formatFlag is how a command's view is chosen.
func formatFlag(def, words string) cli.Flag {
	return &cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: def, Usage: words}
}

// noArgs refuses arguments to a command that has none.
func noArgs(c *cli.Context) error {
	if c.NArg() == 0 {
		return nil
	}
	return usage("%s takes no arguments; see `runbook %s --help`", c.Command.Name, c.Command.Name)
}

// json writes a value for machines.
func (p *program) json(v any) error {
	e := json.NewEncoder(p.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return &codeError{engine.ExitFailed, err}
	}
	return nil
}
