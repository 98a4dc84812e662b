package main

import (
	"os"

	"golang.org/x/term"
)

// color reports whether standard output takes colour: a terminal, unless
// --no-color, NO_COLOR or a dumb terminal say no.
func (p *program) color(plain bool) bool {
	return !plain && p.env("NO_COLOR") == "" && p.env("TERM") != "dumb" && isTerminal(p.out.file)
}

// isTerminal reports whether a file is one.
func isTerminal(f *os.File) bool { return f != nil && term.IsTerminal(int(f.Fd())) }

// promptAt is where questions are put: standard error, or the terminal itself
// where that is redirected. Nil: the person has no terminal to read them on.
func (p *program) promptAt() *os.File {
	if isTerminal(p.err) {
		return p.err
	}
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil || !isTerminal(tty) {
		return nil
	}
	return tty
}

// terminalSize gives a terminal's width and height as they are now; one that
// does not say has 80 columns and 24 lines.
func terminalSize(f *os.File) func() (width, height int) {
	return func() (int, int) {
		w, h, err := term.GetSize(int(f.Fd()))
		if err != nil || w <= 0 || h <= 0 {
			return 80, 24
		}
		return w, h
	}
}
