// Command runbook proves, rehearses and runs incident runbooks, and reads their
// journals. Each command is one file here: arguments, then a call into the
// engine, then a view of what came back.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sync/atomic"
	"syscall"

	"runbook/engine"
	"runbook/engine/report"
)

func main() {
	log.SetOutput(io.Discard) // net/http complains there of servers; the journal says it better
	os.Exit(Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// Main is the whole program but for the process: it returns the exit code.
func Main(args []string, stdin *os.File, stdout, stderr *os.File) int {
	p := &program{in: stdin, out: &output{file: stdout}, err: stderr, env: os.Getenv, hurry: make(chan struct{})}
	if len(args) > 1 && args[1] == completeCommand {
		p.complete(args[2:])
		return int(engine.ExitOK)
	}
	app := p.app()
	if len(args) == 2 && args[1] == "--version" { // what people try first
		args = []string{args[0], "version"}
	}
	ctx, stop := p.signals(context.Background())
	defer stop()
	err := app.RunContext(ctx, permute(app, args))
	return p.exit(err)
}

// program is what every command needs of the process it runs in.
type program struct {
	in, err *os.File
	out     *output
	env     func(string) string
	policy  *engine.Policy // what runbooks have to keep to; nil is nothing
	hide    []string       // variables that hold answers: no program that is started gets them
	running atomic.Bool    // a run is under way, whose end has to be written down
	playing atomic.Bool    // tests are played, which stop between two scenarios
	hurry   chan struct{}  // closed by the second interrupt: what still runs is killed
	leave   func()         // what must be put back when a second interrupt leaves at once
	tell    func(string)   // says a line beside the view of the run
}

// codeError ends the program with a code. With a nil error nothing more is
// said: the command has said it already.
type codeError struct {
	code engine.ExitCode
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

// exit says what went wrong, in one line, and gives the exit code for it.
func (p *program) exit(err error) int {
	if err = p.written(err); err == nil {
		return int(engine.ExitOK)
	}
	var ce *codeError
	if !errors.As(err, &ce) {
		ce = &codeError{engine.ExitUsage, err}
	}
	if ce.err != nil {
		fmt.Fprintf(p.err, "runbook: %s\n", report.Clean(ce.err.Error()))
	}
	return int(ce.code)
}

// written looks whether all output could be written. A page that is cut is a
// failure; of a run it is said, and the code stays what the run's end makes it.
func (p *program) written(err error) error {
	lost := p.out.lost()
	switch {
	case lost == nil:
		return err
	case errors.Is(lost, syscall.EPIPE): // the reader has seen enough
		if errors.Is(err, lost) {
			return nil
		}
		return err
	case p.running.Load():
		fmt.Fprintf(p.err, "runbook: standard output: %s; the run's journal is whole: `runbook show last`\n", lost)
		return err
	case err == nil || errors.Is(err, lost):
		return &codeError{engine.ExitFailed, fmt.Errorf("standard output: %w", lost)}
	}
	return err
}

// usage is an error in how the command was called.
func usage(format string, args ...any) error {
	return &codeError{engine.ExitUsage, fmt.Errorf(format, args...)}
}
