//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// suspends lets a person put the program aside (Ctrl-Z) while a secret is typed:
// the shell gets its echo back meanwhile, and what is typed behind `fg` is not
// shown, whatever the shell has done to the terminal. Was is the terminal as it
// was before. It gives what ends that.
func suspends(fd int, was *term.State) func() {
	stop, again, done := make(chan os.Signal, 1), make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(stop, syscall.SIGTSTP)
	signal.Notify(again, syscall.SIGCONT)
	go func() {
		for {
			select {
			case <-stop:
			case <-done:
				return
			}
			hidden, err := term.GetState(fd)
			if err != nil {
				continue // there is no terminal any more
			}
			_ = term.Restore(fd, was) // as it will be in the end
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
			select {
			case <-again:
				_ = term.Restore(fd, hidden) // else the terminal is gone, and nobody types
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(stop); signal.Stop(again); close(done) }
}
