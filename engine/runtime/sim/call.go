package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind/exec"
	"runbook/engine/runtime/memo"
)

// Call makes one attempt with the real kind, or sends a message.
func (w *world) Call(k interp.Key, c interp.Call) (interp.Result, error) {
	if c.Role == "message" {
		return w.send(k, c)
	}
	kind, known := w.rt.kinds[c.Kind]
	if !known {
		return interp.Result{}, fmt.Errorf("the runtime has no kind %q", c.Kind)
	}
	if err := w.turn(k); err != nil {
		return interp.Result{}, err
	}
	w.emit(k, journal.AttemptStarted, c.Step, journal.AttemptStartedData{Role: c.Role, Kind: c.Kind, Request: memo.Shown(c.Options)})
	res := w.execute(k, c, kind)
	err := w.ended()
	w.emit(k, journal.AttemptFinished, c.Step, memo.Attempt(res, err))
	if died := w.rt.memo.Err(); died != nil {
		err = died
	}
	return res, err
}

// execute lets the kind do its work, on a clock of its own: what waits in the
// emulated world lets simulated time pass, in which other branches go on.
func (w *world) execute(k interp.Key, c interp.Call, kind exec.Kind) interp.Result {
	began := w.rt.clock.now
	a := newAttempt(w, c.Timeout)
	defer a.close()
	options, err := memo.Prepare(c.Options, func(name string) (string, error) { return w.rt.opts.Secrets.Get(a, name) })
	if err != nil {
		return memo.Unprepared(err)
	}
	ctx := context.Context(a)
	if c.Role == "action" {
		ctx = guard.Acting(ctx, c.Approved)
	}
	res := kind.Run(ctx, exec.Request{
		Options: options, Check: c.Role == "check", Guard: w.guard, Step: c.Step, Key: string(k), Now: w.Now, Started: a.started,
	})
	a.settle()
	for _, p := range a.told() {
		w.rt.memo.Note(journal.ProcessStarted, c.Step, string(k), journal.ProcessStartedData{PID: p.PID, Group: p.Group, Argv: p.Argv, Started: p.Started})
	}
	res.Duration = w.rt.clock.now.Sub(began)
	return memo.Result(w.rt.opts.Masker, res, errors.Is(w.ended(), interp.ErrTimeout))
}

// attempt is the context of one attempt, and its clock. Its end comes when the
// simulated time says so.
type attempt struct {
	w         *world
	deadline  time.Time // zero is none
	done      chan struct{}
	parked    bool // time has passed, in which others went on
	processes []guard.Process

	mu    sync.Mutex
	err   error
	mixed bool          // programs ran beside others
	ahead time.Duration // of programs that run beside others
	jobs  time.Time     // when the last job in the background is done
	stop  func() bool
}

var (
	_ context.Context = (*attempt)(nil)
	_ guard.Clock     = (*attempt)(nil)
)

func newAttempt(w *world, timeout time.Duration) *attempt {
	a := &attempt{w: w, done: make(chan struct{})}
	if timeout > 0 {
		a.deadline = w.rt.clock.now.Add(timeout)
	}
	if w.ends { // a program that spins takes no simulated time: the user can still end it
		a.stop = context.AfterFunc(w.rt.cancel, func() { a.expire(context.Canceled) })
	}
	return a
}

func (a *attempt) close() {
	if a.stop != nil {
		a.stop()
	}
	a.expire(context.Canceled)
}

// Now is the simulated time.
func (a *attempt) Now() time.Time { return a.w.rt.clock.now }

// Deadline is the end of the step's timeout, in simulated time.
func (a *attempt) Deadline() (time.Time, bool) { return a.deadline, !a.deadline.IsZero() }

// Done is closed when the attempt is over.
func (a *attempt) Done() <-chan struct{} { return a.done }

// Err says how the attempt ended.
func (a *attempt) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// Value gives the clock to what waits.
func (a *attempt) Value(key any) any { return guard.ClockValue(key, a) }

// expire ends the attempt.
func (a *attempt) expire(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = err
		close(a.done)
	}
}

// Wait lets simulated time pass. The time of programs that run beside others of
// their script passes when those are done; that of jobs in the background, when
// the script waits for them.
func (a *attempt) Wait(ctx context.Context, d time.Duration) error {
	d = min(d, horizon+time.Hour)
	switch guard.TurnOf(ctx) {
	case guard.Mixed:
		a.mu.Lock()
		a.ahead = min(a.ahead+d, horizon+time.Hour)
		late := !a.deadline.IsZero() && !a.target(a.ahead).Before(a.deadline)
		a.mixed = true
		a.mu.Unlock()
		if late {
			a.expire(context.DeadlineExceeded)
		}
	case guard.Job:
		if end := a.target(d); end.After(a.jobs) {
			a.jobs = end
		}
	case guard.Joined:
		if left := a.jobs.Sub(a.w.rt.clock.now); left > 0 {
			a.pass(left)
		}
	default:
		a.pass(d)
	}
	return a.over(ctx)
}

// over says whether the attempt has ended. Contexts that hang on it end a moment
// later, in a goroutine of theirs; that moment is waited for, so that nothing
// depends on it.
func (a *attempt) over(ctx context.Context) error {
	if a.Err() != nil && ctx.Done() != nil {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return a.Err()
}

// settle lets the time pass that ran ahead, and others go on that can.
func (a *attempt) settle() {
	if a.ahead > 0 || !a.parked {
		a.pass(0)
	}
}

func (a *attempt) target(d time.Duration) time.Time {
	return a.w.rt.clock.now.Add(d)
}

// pass lets time pass, up to the end of the attempt. Time that is up is up, also
// where the answer comes at that very moment.
func (a *attempt) pass(d time.Duration) {
	a.mu.Lock()
	d += a.ahead
	a.ahead = 0
	a.mu.Unlock()
	rt, at := a.w.rt, a.target(d)
	late := d > 0 && !a.deadline.IsZero() && !at.Before(a.deadline)
	if late {
		at = a.deadline
	}
	a.parked = true
	rt.until(a.w, at, false)
	switch {
	case a.w.ended() != nil:
		a.expire(context.Canceled)
	case late:
		a.expire(context.DeadlineExceeded)
	}
}

// started notes a process. Those of a script that runs several at a time come in
// any order, so they are told of when all is done.
func (a *attempt) started(p guard.Process) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p.Started = a.w.rt.clock.now
	a.processes = append(a.processes, p)
}

// told are the processes, in an order that does not depend on the scheduler.
func (a *attempt) told() []guard.Process {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mixed {
		slices.SortStableFunc(a.processes, func(x, y guard.Process) int { return slices.Compare(x.Argv, y.Argv) })
	}
	return a.processes
}
