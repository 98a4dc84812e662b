package engine_test

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"sync/atomic"

	"runbook/engine/guard"
	"runbook/engine/scenario"
)

// spoken is how many processes have said something.
var spoken atomic.Int64

// process lets a real process say what a program says, through real pipes, and end
// as it ends.
func process(ctx context.Context, c guard.Command, reply scenario.ShellReply) (int, error) {
	if ctx.Err() != nil {
		return -1, context.Cause(ctx)
	}
	p := exec.Command("/bin/sh", "-c", `printf %s "$ERR" >&2; printf %s "$OUT"; exit "$1"`, c.Argv[0], strconv.Itoa(reply.Exit))
	p.Env = []string{"OUT=" + reply.Stdout, "ERR=" + reply.Stderr}
	p.Stdout, p.Stderr = c.Stdout, c.Stderr
	err := p.Run()
	spoken.Add(1)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}
