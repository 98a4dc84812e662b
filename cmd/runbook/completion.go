package main

import (
	"embed"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The scripts hand the words of the line to `runbook __complete`, and what comes
// back to the shell; what there is to complete is known in one place only.
//
//go:embed completion
var scripts embed.FS

// shells are those that have a script.
var shells = []string{"bash", "zsh", "fish"}

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "the script by which a shell completes commands, names, inputs, runs",
		ArgsUsage: "SHELL",
		Description: `SHELL is bash, zsh or fish.

  source <(runbook completion bash)        in ~/.bashrc
  source <(runbook completion zsh)         in ~/.zshrc, behind compinit
  runbook completion fish | source         in ~/.config/fish/config.fish`,
		OnUsageError: onUsage,
		Action:       p.completion,
	}
}

func (p *program) completion(c *cli.Context) error {
	shell, err := oneArg(c, "a shell")
	if err != nil {
		return err
	}
	if !slices.Contains(shells, shell) {
		return usage("no completion for %q: %s", shell, strings.Join(shells, ", "))
	}
	script, err := scripts.ReadFile("completion/runbook." + shell)
	if err != nil {
		return usage("%w", err)
	}
	p.printf("%s", script)
	return nil
}
