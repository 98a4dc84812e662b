// Package sim runs a plan on a simulated clock: a poll of two hours takes
// milliseconds. The kinds are the real ones; the guard's doors lead into a world
// in memory, which a scenario describes, and what waits there moves the clock.
package sim

import (
	"context"
	"errors"
	"time"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind/exec"
	"runbook/engine/plan"
	"runbook/engine/runtime/memo"
	"runbook/engine/secret"
)

// Clock is a simulated clock. The run moves it; a journal that is made with its
// Now has its times.
type Clock struct{ now time.Time }

// NewClock is a clock that stands at a time.
func NewClock(at time.Time) *Clock { return &Clock{at} }

// Now is what it says. It must not be asked while the run goes on but by the run
// itself.
func (c *Clock) Now() time.Time { return c.now }

// Options are the parts of a simulated run.
type Options struct {
	Clock   *Clock
	Journal *journal.Writer // kept in memory, with the clock's Now
	Kinds   []exec.Kind
	// Channels are the kinds of channels that messages can go to.
	Channels []exec.Kind
	Guard    *guard.Guard // whose doors lead nowhere real
	// Narrow is the guard of another runbook that is run inside one: both must
	// permit. Nil lets none be run.
	Narrow  func(outer *guard.Guard, p *plan.Plan, inputs map[string]any) (*guard.Guard, error)
	Secrets *secret.Store
	Masker  *secret.Masker
	// Ask answers a question after a while. ErrNobody makes the run wait.
	Ask func(q interp.Question) (a interp.Answer, secrets map[string]string, after time.Duration, err error)
	// Begins is told that a step begins, by the name under which people answer it.
	// True cancels the run after that while, as a person would. Nil never does.
	Begins func(name string) (after time.Duration, cancels bool)
}

// ErrNobody is what Ask returns where nobody answers.
var ErrNobody = errors.New("nobody answers")

// ErrForever is what a run dies of in which nothing can happen any more: a call
// has no timeout, and is never answered.
var ErrForever = errors.New("the run would wait for ever: a call that has no timeout is never answered")

// horizon is how long a simulated run may take before it counts as endless.
const horizon = 100 * 365 * 24 * time.Hour

// Run walks the plan. A cancel of ctx ends the steps; undo and finally steps run
// after it. Open are the questions that a paused run waits for.
func Run(ctx context.Context, p *plan.Plan, o Options, io interp.Options) (out interp.Outcome, open []interp.Question, err error) {
	rt := &runtime{opts: o, clock: o.Clock, memo: memo.New(o.Journal, nil), cancel: ctx, kinds: exec.ByName(o.Kinds), channels: exec.ByName(o.Channels), end: o.Clock.now.Add(horizon)}
	out, err = interp.Run(&world{rt: rt, guard: o.Guard, root: true}, p, io)
	if died := rt.memo.Err(); died != nil {
		err = died
	}
	return out, rt.open, err
}

// runtime holds the simulated clock and the branches that wait. Only the branch
// that runs touches it: the others wait for their channel.
type runtime struct {
	opts     Options
	clock    *Clock
	memo     *memo.Memo
	cancel   context.Context // the user's
	kinds    map[string]exec.Kind
	channels map[string]exec.Kind
	end      time.Time
	ready    []chan struct{} // branches that can go on now, in order
	parked   []*sleeper
	person   time.Time // until when the people are busy with an earlier question
	open     []interp.Question
	walked   bool      // the scope of the steps has begun
	cancelAt time.Time // when a scenario has somebody cancel the run; zero is never
}

// sleeper is a branch that waits for a time, or for the end of its scope.
type sleeper struct {
	w    *world
	at   time.Time
	wake chan struct{}
}

// until parks the branch that runs until a time, or until its scope ends, and
// lets another go on meanwhile. A person's time does not count against budgets.
func (rt *runtime) until(w *world, at time.Time, person bool) {
	if at.Equal(rt.clock.now) && !person && len(rt.ready) == 0 && len(rt.parked) == 0 {
		return // nobody else is there
	}
	s := &sleeper{w: w, at: at, wake: make(chan struct{})}
	rt.parked = append(rt.parked, s)
	if person {
		w.budget.leave(rt.clock.now)
	}
	if rt.next() != s.wake {
		<-s.wake
	}
	if person {
		w.budget.enter(rt.clock.now)
	}
}

// next lets the branch go on whose turn it is: one that is ready, else the one
// that wakes first. It says which; the caller's own needs no wake.
func (rt *runtime) next() chan struct{} {
	if len(rt.ready) > 0 {
		c := rt.ready[0]
		rt.ready = rt.ready[1:]
		close(c)
		return c
	}
	first, due := 0, rt.parked[0].due(rt.clock.now)
	for i, s := range rt.parked[1:] {
		if at := s.due(rt.clock.now); at.Before(due) {
			first, due = i+1, at
		}
	}
	s := rt.parked[first]
	if due.After(rt.end) {
		rt.memo.Fail(ErrForever)
	} else if due.After(rt.clock.now) {
		rt.clock.now = due
	}
	rt.parked = append(rt.parked[:first:first], rt.parked[first+1:]...)
	close(s.wake)
	return s.wake
}

// due is when a sleeper goes on: its own time, or the end of its scope.
func (s *sleeper) due(now time.Time) time.Time {
	if s.w.stopped() || s.w.cancelled() || s.w.rt.memo.Err() != nil {
		return now
	}
	return s.w.within(s.at)
}

// world is one scope.
type world struct {
	rt     *runtime
	outer  *world
	budget *budget
	guard  *guard.Guard
	stop   bool // a sibling ended the run
	root   bool // the scopes in it end with a cancel; it does not itself
	ends   bool // with a cancel
	in     string
}

var _ interp.World = (*world)(nil)

func (w *world) stopped() bool {
	for x := w; x != nil; x = x.outer {
		if x.stop {
			return true
		}
	}
	return false
}

// cancelled says whether the user has ended the steps. Undo and finally steps run
// in the root, which goes on.
func (w *world) cancelled() bool {
	return w.ends && (w.rt.cancel.Err() != nil || !w.rt.cancelAt.IsZero() && !w.rt.cancelAt.After(w.rt.clock.now))
}

// within is a time, or the end of a budget where that comes first.
func (w *world) within(at time.Time) time.Time {
	for b := w.budget; b != nil; b = b.outer {
		if end, ticking := b.end(); ticking && end.Before(at) {
			at = end
		}
	}
	if end := w.rt.cancelAt; w.ends && !end.IsZero() && end.Before(at) {
		at = end
	}
	return at
}

// ended says whether this scope is over, and why: the outermost reason counts.
func (w *world) ended() error {
	if err := w.rt.memo.Err(); err != nil {
		return err
	}
	var err error
	for b := w.budget; b != nil; b = b.outer {
		if end, _ := b.end(); !end.After(w.rt.clock.now) {
			err = &interp.Timeout{Scope: b.key}
		}
	}
	switch {
	case err != nil:
	case w.stopped():
		err = interp.ErrStopped
	case w.cancelled():
		err = interp.ErrCancelled
	}
	return err
}

// Now is the simulated time.
func (w *world) Now() time.Time { return w.rt.clock.now }

// Emit records an event.
func (w *world) Emit(k interp.Key, e interp.Event) {
	w.rt.memo.Record(e.Type, e.Step, string(k), e.Data, false)
	if e.Type != journal.StepStarted || w.rt.opts.Begins == nil {
		return
	}
	if after, cancels := w.rt.opts.Begins(w.in + e.Step); cancels {
		w.rt.cancelAt = w.rt.clock.now.Add(after)
	}
}

func (w *world) emit(k interp.Key, typ journal.Type, step string, data any) {
	w.rt.memo.Record(typ, step, string(k), data, false)
}

// turn says whether something may begin. What may not, because its scope has
// ended, is written down.
func (w *world) turn(k interp.Key) error {
	err := w.ended()
	if err != nil && w.rt.memo.Err() == nil {
		w.emit(k, journal.WaitFinished, "", journal.WaitFinishedData{For: "turn", Ended: memo.Word(err)})
	}
	return err
}

// Sleep lets simulated time pass.
func (w *world) Sleep(k interp.Key, d time.Duration) error {
	if err := w.turn(k); err != nil {
		return err
	}
	what := memo.WaitsFor(k)
	w.emit(k, journal.WaitStarted, "", journal.WaitStartedData{For: what, Length: journal.SecondsOf(d)})
	w.rt.until(w, w.rt.clock.now.Add(d), false)
	err := w.ended()
	w.emit(k, journal.WaitFinished, "", journal.WaitFinishedData{For: what, Ended: memo.Word(err)})
	return err
}
