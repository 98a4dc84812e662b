package main

import (
	"os"

	"golang.org/x/term"
)

// color reports whether standard output takes colour: a terminal, unless
// --no-color, NO_COLOR or a dumb terminal say no.
func (p *program) color(plain bool) bool {
	return !plain && p.env("NO_COLOR") == "" && p.env("TERM") != "dumb" && isTerminal(p.out)
}

// isTerminal reports whether a file is one.
func isTerminal(f *os.File) bool { return f != nil && term.IsTerminal(int(f.Fd())) }
