package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"runbook/engine"
)

// killing is how long the second interrupt waits for what it kills to be killed.
const killing = 50 * time.Millisecond

// signals gives a context that ends at the first interrupt, terminate or hangup,
// so that running steps are ended and the journal closed; where no run is under
// way, the program ends. The second one kills what is left, and leaves at once.
func (p *program) signals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // under nohup the run goes on
		signal.Notify(ch, syscall.SIGHUP)
	}
	// `| head` must not kill a run between two steps: a write to a pipe that is
	// closed is an error like any other. Programs that are started do not inherit it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		select {
		case <-ch:
		case <-done:
			return
		}
		if !p.running.Load() && !p.playing.Load() {
			os.Exit(int(engine.ExitCancelled))
		}
		cancel()
		select {
		case <-ch:
			if p.leave != nil {
				p.leave()
			}
			close(p.hurry)
			if p.playing.Load() {
				os.Exit(int(engine.ExitCancelled)) // nothing real was under way
			}
			time.Sleep(killing)
			fmt.Fprintln(p.err, "\nrunbook: left at once; `runbook runs` shows what was under way")
			os.Exit(int(engine.ExitCancelled))
		case <-done:
		}
	}()
	return ctx, func() { signal.Stop(ch); close(done); cancel() }
}
