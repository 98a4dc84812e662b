package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// settle is how long output of a group that was ended may still come in.
const settle = 500 * time.Millisecond

// process runs a program in a process group of its own and returns when the
// whole group is gone: a background job of the program, or a grandchild that
// holds its output open, is ended with it.
func (g *Guard) process(ctx context.Context, c Command) (int, error) {
	cmd := exec.Command(c.Path)
	cmd.Args, cmd.Env, cmd.Dir = c.Argv, c.Env, c.Dir
	setGroup(cmd)
	var pipes pipes
	defer pipes.closeAll()
	if err := pipes.attach(cmd, c); err != nil {
		return -1, err
	}
	if err := ctx.Err(); err != nil {
		return -1, context.Cause(ctx)
	}
	if err := cmd.Start(); err != nil {
		return -1, whyNot(err, c.Dir)
	}
	pipes.started()
	p := Process{PID: cmd.Process.Pid, Group: groupOf(cmd), Argv: c.Argv, Started: time.Now()}
	if c.Started != nil {
		c.Started(p)
	}
	grace, err := g.wait(ctx, cmd)
	if endGroup(cmd, false) {
		g.outlast(p, grace)
		killGroup(cmd, p)
	}
	pipes.drained(settle)
	if ctx.Err() != nil {
		return exitCode(cmd, err), context.Cause(ctx)
	}
	return exitCode(cmd, err), startError(err)
}

// whyNot names the folder where that is what a program could not be started for:
// the system speaks of the program then.
func whyNot(err error, dir string) error {
	if st, dirErr := os.Stat(dir); dir != "" && (dirErr != nil || !st.IsDir()) {
		return fmt.Errorf("there is no folder %s to run in", dir)
	}
	return err
}

// killGroup ends what is left of a group and gives the system a moment to carry
// it out: nothing of it runs beside the next step. What is dead and not yet buried,
// as where nobody buries orphans, is not waited for.
func killGroup(cmd *exec.Cmd, p Process) {
	for pause := 100 * time.Microsecond; endGroup(cmd, true) && Runs(p) && pause < time.Second; pause *= 2 {
		time.Sleep(pause)
	}
}

// outlast gives what is left of a group behind its program the time that it has
// between TERM and KILL.
func (g *Guard) outlast(p Process, grace time.Duration) {
	over := time.NewTimer(grace)
	defer over.Stop()
	for pause := time.Millisecond; Runs(p); pause = min(2*pause, 50*time.Millisecond) {
		select {
		case <-time.After(pause):
		case <-over.C:
			return
		case <-g.opts.Hurry:
			return
		}
	}
}

// wait waits for the program; when the context ends, the group gets TERM, then
// KILL after the grace period, or at once where there is a hurry. The duration is
// what is left of the grace period for the rest of the group.
func (g *Guard) wait(ctx context.Context, cmd *exec.Cmd) (grace time.Duration, err error) {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return g.opts.Grace, err
	case <-ctx.Done():
	}
	endGroup(cmd, false)
	asked := time.Now()
	over := time.NewTimer(g.opts.Grace)
	defer over.Stop()
	select {
	case err := <-done:
		return g.opts.Grace - time.Since(asked), err
	case <-over.C:
	case <-g.opts.Hurry:
	}
	endGroup(cmd, true)
	return 0, <-done
}

// startError drops the error that only says that the exit code was not 0.
func startError(err error) error {
	var ee *exec.ExitError
	if errors.As(err, &ee) {
		return nil
	}
	return err
}

// exitCode is the program's exit code, or 128 and the signal that ended it, as
// shells count.
func exitCode(cmd *exec.Cmd, err error) int {
	if cmd.ProcessState == nil {
		return -1
	}
	if s := signalOf(cmd.ProcessState); s > 0 {
		return 128 + s
	}
	return cmd.ProcessState.ExitCode()
}

// pipes are the ends that belong to the child, and the copies under way.
type pipes struct {
	child, ours []*os.File
	copies      sync.WaitGroup
}

func (p *pipes) attach(cmd *exec.Cmd, c Command) error {
	var err error
	if c.Stdin != nil {
		if cmd.Stdin, err = p.input(c.Stdin); err != nil {
			return err
		}
	}
	if cmd.Stdout, err = p.output(c.Stdout); err != nil {
		return err
	}
	cmd.Stderr, err = p.output(c.Stderr)
	return err
}

// input gives the child a file to read from. A file is handed over as it is.
func (p *pipes) input(r io.Reader) (*os.File, error) {
	if f, ok := r.(*os.File); ok {
		return f, nil
	}
	rd, wr, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.child = append(p.child, rd)
	p.ours = append(p.ours, wr)
	go func() { // ends when the child closes its end, or ours is closed
		_, _ = io.Copy(wr, r)
		wr.Close()
	}()
	return rd, nil
}

// output gives the child a file to write to.
func (p *pipes) output(w io.Writer) (*os.File, error) {
	if f, ok := w.(*os.File); ok || w == nil {
		return f, nil
	}
	rd, wr, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.child = append(p.child, wr)
	p.ours = append(p.ours, rd)
	p.copies.Add(1)
	go func() {
		defer p.copies.Done()
		_, _ = io.Copy(w, rd)
	}()
	return wr, nil
}

// started closes the child's ends on our side.
func (p *pipes) started() {
	for _, f := range p.child {
		f.Close()
	}
	p.child = nil
}

// drained waits for all output to be read.
func (p *pipes) drained(limit time.Duration) bool {
	done := make(chan struct{})
	go func() { p.copies.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}

func (p *pipes) closeAll() {
	p.started()
	for _, f := range p.ours {
		f.Close()
	}
	p.copies.Wait()
}
