// Package local runs a plan on this machine: goroutines, real processes and
// connections, and the journal. A call whose end is in the journal is not made
// again; decisions are made anew and must come out as they did. That is the
// whole of resume.
package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind/exec"
	"runbook/engine/plan"
	"runbook/engine/runtime/memo"
	"runbook/engine/secret"
)

// ErrNobody is what Ask returns where there is nobody to answer.
var ErrNobody = errors.New("nobody is there to answer")

// ErrLeft is how a run breaks off where somebody would not wait for its end:
// what ran was killed, and nothing else was begun.
var ErrLeft = errors.New("the run was left at once")

// Options are the parts of a run on this machine.
type Options struct {
	Journal *journal.Writer
	Past    []journal.Event // of the part of the run before this process
	Kinds   []exec.Kind
	// Channels are the kinds of channels that messages can go to.
	Channels []exec.Kind
	Guard    *guard.Guard
	// Narrow is the guard of another runbook that is run inside one: both must
	// permit. Nil lets none be run.
	Narrow  func(outer *guard.Guard, p *plan.Plan, inputs map[string]any) (*guard.Guard, error)
	Secrets *secret.Store
	Masker  *secret.Masker
	// Identity says how it is known who answers, where the answer does not say.
	Identity *journal.Identity
	// Ask puts a question to a person. Values that are secret come apart, by
	// field, and go into the store. ErrNobody makes the run wait.
	Ask func(context.Context, interp.Question) (interp.Answer, map[string]string, error)
	// Cancelled says that the run was cancelled before it goes on here.
	Cancelled bool
	// Begins is told that a step begins, by the name under which people answer it.
	// True cancels the run after that while, as a person would. Nil never does.
	Begins func(name string) (after time.Duration, cancels bool)
	// Hurry is closed when nobody waits for the end of a run that was cancelled:
	// what still runs in undo and finally steps is ended, nothing else begins, and
	// the run breaks off with ErrLeft. Nil is never.
	Hurry <-chan struct{}
}

// Run walks the plan. A cancel of ctx ends the steps; undo and finally steps
// run after it. Open are the keys of the questions that a paused run waits for.
func Run(ctx context.Context, p *plan.Plan, o Options, io interp.Options) (out interp.Outcome, open []interp.Question, err error) {
	rt := newRuntime(ctx, o, o.Past)
	_, rt.closed = rt.memo.Find(journal.RunFinished, "")
	rt.baton.Take()
	defer rt.baton.Give()
	all, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	rt.memo.OnDeath(end) // what cannot be written down any more is ended
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-o.Hurry:
			end(ErrLeft)
		case <-over:
		}
	}()
	root := &world{rt: rt, ctx: all, clock: &clock{}, root: true, guard: o.Guard}
	out, err = interp.Run(root, p, io)
	if died := rt.memo.Err(); died != nil {
		err = died
	}
	return out, rt.open, err
}

type runtime struct {
	opts     Options
	memo     *memo.Memo
	baton    memo.Baton
	cancel   context.Context // the user's
	kinds    map[string]exec.Kind
	channels map[string]exec.Kind
	asking   chan struct{}     // holds a token while a question is put: one at a time
	open     []interp.Question // under the baton
	walked   bool              // the scope of the steps has begun
	closed   bool              // the run is over, and is gone through again up to its end: nothing begins
}

// clock is the time of the last recorded completion in one scope.
type clock struct{ now time.Time }

func (c *clock) to(e journal.Event) {
	if e.Time.After(c.now) {
		c.now = e.Time
	}
}

// world is one scope.
type world struct {
	rt     *runtime
	ctx    context.Context
	clock  *clock
	budget *budget // the nearest; nil: none
	root   bool
	ends   bool // with a cancel
	guard  *guard.Guard
	in     string // the way to the runbook that runs in it: `ID/`, or ""

	outer *world
	key   interp.Key              // of a scope made by Within
	end   context.CancelCauseFunc // ends that scope
}

var _ interp.World = (*world)(nil)

// ended says whether this scope is over, and why.
func (w *world) ended() error {
	if err := w.rt.memo.Err(); err != nil {
		return err
	}
	if w.ctx.Err() == nil {
		return nil
	}
	cause := context.Cause(w.ctx)
	if errors.Is(cause, ErrLeft) && !w.ends { // how it would have come out stays open
		w.rt.memo.Fail(cause)
		return w.rt.memo.Err()
	}
	if errors.Is(cause, interp.ErrTimeout) || errors.Is(cause, interp.ErrStopped) {
		return cause
	}
	return interp.ErrCancelled
}

// Now is the time of the last recorded completion in this scope.
func (w *world) Now() time.Time { return w.clock.now }

// Emit records an event.
func (w *world) Emit(k interp.Key, e interp.Event) {
	if !w.ends {
		_ = w.ended() // a run that is left at once records nothing behind that
	}
	w.emit(k, e.Type, e.Step, e.Data, memo.Durable(e.Type, ""))
	if e.Type == journal.RunFinished {
		w.rt.closed = false
	}
	if e.Type == journal.StepStarted && w.rt.opts.Begins != nil {
		w.begins(e.Step)
	}
}

// begins cancels the run where a scenario has somebody do so as a step begins: at
// once, so that what is in the step does not begin.
func (w *world) begins(step string) {
	after, cancels := w.rt.opts.Begins(w.in + step)
	switch {
	case !cancels:
	case after <= 0:
		_ = w.over(interp.ErrCancelled)
	default:
		time.AfterFunc(after, func() { _ = w.over(interp.ErrCancelled) })
	}
}

func (w *world) emit(k interp.Key, typ journal.Type, step string, data any, durable bool) journal.Event {
	ev, ok := w.rt.memo.Record(typ, step, string(k), data, durable)
	if ok && !aside(typ) {
		w.clock.to(ev)
	}
	return ev
}

// Sleep waits. A wait that an earlier process began goes on, it does not begin
// again.
func (w *world) Sleep(k interp.Key, d time.Duration) error {
	if err := w.turn(k); err != nil {
		return err
	}
	if _, over := w.rt.memo.Find(journal.WaitFinished, string(k)); over {
		return nil
	}
	what := memo.WaitsFor(k)
	began := w.emit(k, journal.WaitStarted, "", journal.WaitStartedData{For: what, Length: journal.SecondsOf(d)}, false)
	left := d
	if len(w.rt.opts.Past) > 0 {
		left -= max(time.Since(began.Time), 0)
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	w.rt.baton.Give()
	select {
	case <-timer.C:
	case <-w.ctx.Done():
	}
	w.rt.baton.Take()
	err := w.ended()
	w.emit(k, journal.WaitFinished, "", journal.WaitFinishedData{For: what, Ended: memo.Word(err)}, false)
	return err
}

// turn says whether something that is not in the journal may begin. What may not,
// because its scope has ended, is written down, so that a resume does not begin it
// either; it recalls the end of a wait, too.
func (w *world) turn(k interp.Key) error {
	if e, ok := w.rt.memo.Find(journal.WaitFinished, string(k)); ok {
		w.recalled(e)
		return w.waited(e)
	}
	err := w.ended()
	if err == nil && w.rt.closed {
		w.rt.memo.Fail(fmt.Errorf("the run is over, and its journal does not say what became of %s: nothing else is done", k))
		return w.rt.memo.Err()
	}
	if err != nil && w.rt.memo.Err() == nil {
		w.emit(k, journal.WaitFinished, "", journal.WaitFinishedData{For: "turn", Ended: memo.Word(err)}, false)
	}
	return err
}

// isOver reports whether the scope has ended before the journal says that k did not
// begin because of it.
func (w *world) isOver(k interp.Key) bool {
	_, said := w.rt.memo.Find(journal.WaitFinished, string(k))
	return !said && w.rt.memo.Err() == nil && w.ended() != nil
}

// outside is where a question is put that has to be answered although its scope has
// ended: what is settled there decides what is undone.
func (w *world) outside() *world {
	out := *w
	for at := w; at != nil; at = at.outer {
		out.ctx = at.ctx
	}
	out.ends = false
	return &out
}

// mayEnter is turn for a branch. One that an earlier process has begun is gone through
// again, though its scope is over by now: what stands in it is held by itself, and what
// was done there may be owed an undo. Of a run that is over one is entered without a word
// in the journal.
func (w *world) mayEnter(k, branch interp.Key) error {
	if _, said := w.rt.memo.Find(journal.WaitFinished, string(k)); !said && w.rt.memo.Began(string(branch)) && w.rt.memo.Err() == nil {
		return nil
	}
	if _, said := w.rt.memo.Find(journal.WaitFinished, string(k)); w.rt.closed && !said {
		return w.ended()
	}
	return w.turn(k)
}

// waited is how a wait of the past ended.
func (w *world) waited(e journal.Event) error {
	done, err := journal.Decode[journal.WaitFinishedData](e)
	if err != nil {
		return err
	}
	return w.over(memo.Scope(done.Ended, e.Key))
}

// over lets a scope that had ended in the past be over for all that is in it:
// what had not begun by then does not begin now.
func (w *world) over(err error) error {
	var t *interp.Timeout
	for x := w; x != nil; x = x.outer {
		isIt := errors.As(err, &t) && x.key == t.Scope || errors.Is(err, interp.ErrCancelled) && x.outer != nil && x.outer.root
		if isIt && x.end != nil {
			x.end(err)
		}
	}
	return err
}

// Within gives f a scope that ends after d; 0 is a scope that only a cancel
// ends.
func (w *world) Within(k interp.Key, d time.Duration, f func(interp.World) error) error {
	ctx, cancel := context.WithCancelCause(w.ctx)
	defer cancel(nil)
	in := &world{rt: w.rt, ctx: ctx, clock: w.clock, budget: w.budget, outer: w, key: k, end: cancel, ends: w.ends, guard: w.guard, in: w.in}
	if w.root && !w.rt.walked { // the steps; what comes behind them runs whatever happened
		w.rt.walked, in.ends = true, true
		stop := context.AfterFunc(w.rt.cancel, func() { cancel(interp.ErrCancelled) })
		defer stop()
		if w.rt.cancel.Err() != nil || w.rt.opts.Cancelled {
			cancel(interp.ErrCancelled) // now: nothing begins before it is noticed
		}
	}
	if d > 0 {
		in.budget = newBudget(w.budget, d, func() { cancel(&interp.Timeout{Scope: k}) })
		defer in.budget.close()
	}
	if err := f(in); err != nil {
		return err
	}
	return w.rt.memo.Err()
}

// Each runs f side by side.
func (w *world) Each(k interp.Key, keys []interp.Key, most int, f func(int, interp.World) error, stop func(int, error) bool) []error {
	n := len(keys)
	errs := make([]error, n)
	if n == 0 {
		return errs
	}
	if most <= 0 || most > n {
		most = n
	}
	ctx, cancel := context.WithCancelCause(w.ctx)
	defer cancel(nil)
	branches := make([]*world, n)
	if e, ok := w.rt.memo.Find(journal.WaitFinished, string(memo.Turn(k, 0))); ok {
		_ = w.waited(e) // none had begun, so that none does
	}
	finished, next := make(chan struct{}), 0
	running := 0
	branch := func(now time.Time) int {
		i := next
		next++
		branches[i] = &world{rt: w.rt, ctx: ctx, clock: &clock{now}, budget: w.budget, outer: w, ends: w.ends, guard: w.guard, in: w.in}
		return i
	}
	var start func(time.Time)
	start = func(now time.Time) {
		i := branch(now)
		running++
		turn := w.rt.baton.Join()
		w.budget.enter()
		go func() {
			turn()
			if err := branches[i].mayEnter(memo.Turn(k, i), keys[i]); err != nil {
				errs[i] = err
			} else {
				errs[i] = f(i, branches[i])
			}
			if errs[i] != nil && stop(i, errs[i]) {
				cancel(interp.ErrStopped)
				for next < n { // what had not begun is over before those under way hear of it: no scheduler decides an order
					i := branch(branches[i].clock.now)
					errs[i] = branches[i].mayEnter(memo.Turn(k, i), keys[i])
				}
			}
			running--
			w.budget.leave()
			if next < n {
				start(branches[i].clock.now) // it had to wait until now
			}
			if running == 0 {
				close(finished)
			}
			w.rt.baton.Give()
		}()
	}
	for range most {
		start(w.clock.now)
	}
	w.budget.leave()
	w.rt.baton.Give()
	<-finished
	w.rt.baton.Take()
	w.budget.enter()
	for _, b := range branches {
		if b.clock.now.After(w.clock.now) {
			w.clock.now = b.clock.now
		}
	}
	return errs
}
