package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// permute moves a command's flags before its arguments, because the library
// stops reading flags at the first argument, and people write
// `runbook run hubspot --dry-run`. Behind `--` nothing is a flag.
func permute(app *cli.App, args []string) []string {
	if len(args) < 2 {
		return args
	}
	at := 1
	for at < len(args) && strings.HasPrefix(args[at], "-") && args[at] != "--" {
		at++
	}
	if at == len(args) {
		return args
	}
	cmd := app.Command(args[at])
	if cmd == nil {
		return args
	}
	flags, rest := split(cmd, args[at+1:])
	out := append(append([]string{}, args[:at+1]...), flags...)
	return append(append(out, "--"), rest...)
}

// split parts a command's words into flags, each with its value, and arguments.
func split(cmd *cli.Command, words []string) (flags, rest []string) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--":
			return flags, append(rest, words[i+1:]...)
		case len(w) < 2 || w[0] != '-':
			rest = append(rest, w)
		default:
			flags = append(flags, w)
			if takesValue(cmd, w) && i+1 < len(words) {
				i++
				flags = append(flags, words[i])
			}
		}
	}
	return flags, rest
}

// takesValue reports whether the word is a flag whose value is the next word.
func takesValue(cmd *cli.Command, word string) bool {
	if strings.Contains(word, "=") {
		return false
	}
	name := strings.TrimLeft(word, "-")
	for _, f := range cmd.Flags {
		for _, n := range f.Names() {
			if n == name {
				_, isBool := f.(*cli.BoolFlag)
				return !isBool
			}
		}
	}
	return false
}
