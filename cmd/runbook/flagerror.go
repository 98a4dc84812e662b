package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine/source"
)

// onUsage makes a command's wrong flags an error with a hint instead of a page
// of help.
func onUsage(c *cli.Context, err error, _ bool) error {
	return usage("%s; see `runbook %s --help`", flagError(c.Command.Flags, err.Error()), c.Command.Name)
}

// flagError says in the words of the command line what the flag package says in
// those of Go.
func flagError(flags []cli.Flag, text string) string {
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return "no flag " + dashed(name) + meant(flags, name)
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return dashed(name) + " needs a value"
	}
	var value, name string
	if _, err := fmt.Sscanf(text, "invalid value %q for flag -%s", &value, &name); err == nil {
		name = strings.TrimSuffix(name, ":")
		return fmt.Sprintf("%s %q is not %s", dashed(name), value, wanted(flags, name))
	}
	return text
}

// dashed is a flag's name as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func meant(flags []cli.Flag, name string) string {
	var names []string
	for _, f := range flags {
		names = append(names, f.Names()...)
	}
	if s := source.Suggest(name, names); s != "" {
		return "; did you mean " + dashed(s) + "?"
	}
	return ""
}

// wanted says what a flag's value has to be.
func wanted(flags []cli.Flag, name string) string {
	switch flagNamed(flags, name).(type) {
	case *cli.DurationFlag:
		return "a duration: write one such as 90s, 5m or 1h30m"
	case *cli.IntFlag:
		return "a number"
	}
	return "a value that it takes"
}

// flagNamed is the flag of a name, or nil.
func flagNamed(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return f
			}
		}
	}
	return nil
}
