package engine

import (
	"context"

	"runbook/engine/scenario/emulator"
)

// TestOverLoopback plays a scenario as Test does, on the simulated clock, but over
// the connections of a drill, and with programs that are heard in a way of the
// caller's.
func (rb *Runbook) TestOverLoopback(ctx context.Context, o TestOptions, speak emulator.Speak) (*TestResult, error) {
	return rb.test(ctx, o, RunOptions{loopback: true, speak: speak})
}

// Drill runs a scenario as Run does, with such programs.
func (rb *Runbook) Drill(ctx context.Context, o RunOptions, speak emulator.Speak) (*Outcome, error) {
	o.speak = speak
	return rb.Run(ctx, o)
}
