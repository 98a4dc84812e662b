//go:build !unix

package main

import "golang.org/x/term"

// suspends: nothing puts a program aside here.
func suspends(int, *term.State) func() { return func() {} }
