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
	flags, rest, open := split(cmd, args[at+1:])
	out := append(append([]string{}, args[:at+1]...), flags...)
	if open {
		return out // the library says which flag lacks its value; it must not take the next word
	}
	return append(append(out, "--"), rest...)
}

// split parts a command's words into flags, each with its value, and arguments.
// It is open where the last flag lacks its value.
func split(cmd *cli.Command, words []string) (flags, rest []string, open bool) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--":
			return flags, append(rest, words[i+1:]...), false
		case len(w) < 2 || w[0] != '-':
			rest = append(rest, w)
		default:
			flags = append(flags, w)
			if takesValue(cmd, w) {
				i++
				if i == len(words) {
					return flags, rest, true
				}
				flags = append(flags, words[i])
			}
		}
	}
	return flags, rest, false
}

// takesValue reports whether the word is a flag whose value is the next word.
func takesValue(cmd *cli.Command, word string) bool {
	if strings.Contains(word, "=") {
		return false
	}
	f := flagNamed(cmd.Flags, strings.TrimLeft(word, "-"))
	_, isBool := f.(*cli.BoolFlag)
	return f != nil && !isBool
}
