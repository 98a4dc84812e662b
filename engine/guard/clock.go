package guard

import (
	"context"
	"math"
	"time"
)

// Clock is a simulated clock, which a call carries in its context: what waits in
// that world moves the clock and does not wait.
type Clock interface {
	// Now is what the clock says.
	Now() time.Time
	// Wait lets d pass. The error is the context's, where that ended meanwhile.
	Wait(ctx context.Context, d time.Duration) error
}

// Forever is a wait that only the context's end ends.
const Forever = time.Duration(math.MaxInt64)

type clockKey struct{}

// WithClock lets Wait go by a clock.
func WithClock(ctx context.Context, c Clock) context.Context {
	return context.WithValue(ctx, clockKey{}, c)
}

// ClockValue is what a context that is itself a clock gives as its values.
func ClockValue(key any, c Clock) any {
	if key == (clockKey{}) {
		return c
	}
	return nil
}

// ClockOf is the clock that a context carries; nil is the real one.
func ClockOf(ctx context.Context) Clock {
	c, _ := ctx.Value(clockKey{}).(Clock)
	return c
}

// Wait lets d pass, on the clock that the context carries. It is the one way in
// which an emulated world takes its time, so that one code serves both a drill
// and a simulation. The error is the context's cause, where that ended first.
func Wait(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	if c := ClockOf(ctx); c != nil {
		return c.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

type besideKey struct{}

// Turn is how a program of a script takes its time beside others of that script,
// which a simulated clock has to know.
type Turn int

// The turns.
const (
	Alone  Turn = iota // time passes while it runs
	Mixed              // it runs while others may, and which is first is not known
	Job                // it runs in the background
	Joined             // the script waits for what is in the background
)

// TurnOf is the turn of what waits in a context.
func TurnOf(ctx context.Context) Turn {
	t, _ := ctx.Value(besideKey{}).(Turn)
	return t
}
