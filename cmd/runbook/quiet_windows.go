package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// quietTerminal lets a console hand over each letter when it is typed, and show none by
// itself. Ctrl-C stays what it is. What it gives undoes it.
func quietTerminal(f *os.File) (restore func(), err error) {
	console := windows.Handle(f.Fd())
	var was uint32
	if err := windows.GetConsoleMode(console, &was); err != nil {
		return nil, err
	}
	if err := windows.SetConsoleMode(console, was&^(windows.ENABLE_ECHO_INPUT|windows.ENABLE_LINE_INPUT)|windows.ENABLE_PROCESSED_INPUT); err != nil {
		return nil, err
	}
	return func() { _ = windows.SetConsoleMode(console, was) }, nil // the console may be gone
}
