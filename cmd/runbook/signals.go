package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"runbook/engine"
)

// leaving is how long the program has to leave at once: to kill what runs, to
// remove its temporary files, to close the journal as it is.
const leaving = 5 * time.Second

// errLeft is what is said where even that takes too long.
var errLeft = errors.New("left at once; `runbook runs` shows what was under way")

// stopping is what is said at the first signal.
const stopping = "runbook: stopping: what runs is ended; undo and `finally` steps run to their end. Once more leaves at once."

// signals gives a context that ends at the first interrupt, terminate or hangup,
// so that running steps are ended and the journal closed; where no run is under
// way, the program ends. The second one kills what is left, and leaves at once;
// so does the first quit.
func (p *program) signals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	if !signal.Ignored(syscall.SIGHUP) { // under nohup the run goes on
		signal.Notify(ch, syscall.SIGHUP)
	}
	// `| head` must not kill a run between two steps: a write to a pipe that is
	// closed is an error like any other. Programs that are started do not inherit it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	done := make(chan struct{})
	go p.stopped(ch, done, cancel)
	return ctx, func() { signal.Stop(ch); close(done); cancel() }
}

// stopped is what comes of signals, one after the other.
func (p *program) stopped(ch <-chan os.Signal, done <-chan struct{}, cancel context.CancelFunc) {
	var sig os.Signal
	select {
	case sig = <-ch:
	case <-done:
		return
	}
	if !p.running.Load() && !p.playing.Load() {
		os.Exit(int(engine.ExitCancelled))
	}
	cancel()
	if sig != syscall.SIGQUIT {
		if p.tell != nil {
			p.tell(stopping)
		}
		select {
		case <-ch:
		case <-done:
			return
		}
	}
	if p.playing.Load() {
		os.Exit(int(engine.ExitCancelled)) // nothing real was under way
	}
	close(p.hurry)
	select {
	case <-done:
		return
	case <-ch: // a third one: not even that long
	case <-time.After(leaving):
	}
	if p.leave != nil {
		p.leave()
	}
	fmt.Fprintf(p.err, "\nrunbook: %s\n", errLeft)
	os.Exit(int(engine.ExitCancelled))
}
