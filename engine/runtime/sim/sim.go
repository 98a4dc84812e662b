// Package sim runs a plan on a simulated clock: a poll of two hours takes
// milliseconds, and nothing real is touched. Who answers calls and questions is
// given from outside: a scenario.
package sim

import (
	"errors"
	"fmt"
	"time"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/plan"
	"runbook/engine/runtime/memo"
	"runbook/engine/secret"
)

// Options are the parts of a simulated run.
type Options struct {
	Start   time.Time // when the run begins
	Watch   []func(journal.Event)
	Kinds   []kind.Kind
	Secrets *secret.Store
	Masker  *secret.Masker
	// Call answers an attempt, whose options have their secrets in place. The
	// result's Duration is how long it takes on the simulated clock.
	Call func(c interp.Call, options map[string]any) interp.Result
	// Ask answers a question after a while. ErrNobody makes the run wait.
	Ask func(q interp.Question) (a interp.Answer, secrets map[string]string, after time.Duration, err error)
}

// ErrNobody is what Ask returns where nobody answers.
var ErrNobody = errors.New("nobody answers")

// Run walks the plan.
func Run(p *plan.Plan, o Options, io interp.Options) (interp.Outcome, error) {
	rt := &runtime{opts: o, now: o.Start, kinds: map[string]kind.Kind{}}
	for _, k := range o.Kinds {
		rt.kinds[k.Name] = k
	}
	w, err := journal.Create("", io.Run, journal.Options{Mask: o.Masker, Watch: o.Watch, Memory: true, Now: func() time.Time { return rt.now }})
	if err != nil {
		return interp.Outcome{}, err
	}
	rt.memo = memo.New(w, nil)
	out, err := interp.Run(&world{rt: rt}, p, io)
	if died := rt.memo.Err(); died != nil {
		err = died
	}
	return out, err
}

// runtime holds the simulated clock and the branches that wait. Only the branch
// that runs touches it: the others wait for their channel.
type runtime struct {
	opts   Options
	memo   *memo.Memo
	kinds  map[string]kind.Kind
	now    time.Time
	ready  []chan struct{} // branches that can go on now, in order
	parked []*sleeper
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
	s := &sleeper{w: w, at: at, wake: make(chan struct{})}
	rt.parked = append(rt.parked, s)
	if person {
		w.budget.leave(rt.now)
	}
	if rt.next() != s.wake {
		<-s.wake
	}
	if person {
		w.budget.enter(rt.now)
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
	first := 0
	for i, s := range rt.parked {
		if s.due(rt.now).Before(rt.parked[first].due(rt.now)) {
			first = i
		}
	}
	s := rt.parked[first]
	if at := s.due(rt.now); at.After(rt.now) {
		rt.now = at
	}
	rt.parked = append(rt.parked[:first:first], rt.parked[first+1:]...)
	close(s.wake)
	return s.wake
}

// due is when a sleeper goes on: its own time, or the end of its scope.
func (s *sleeper) due(now time.Time) time.Time {
	if s.w.stopped() {
		return now
	}
	at := s.at
	for b := s.w.budget; b != nil; b = b.outer {
		if end, ticking := b.end(); ticking && end.Before(at) {
			at = end
		}
	}
	return at
}

// world is one scope.
type world struct {
	rt     *runtime
	outer  *world
	budget *budget
	stop   bool // a sibling ended the run
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

// ended says whether this scope is over, and why: the outermost reason counts.
func (w *world) ended() error {
	if err := w.rt.memo.Err(); err != nil {
		return err
	}
	var err error
	for b := w.budget; b != nil; b = b.outer {
		if end, _ := b.end(); !end.After(w.rt.now) {
			err = &interp.Timeout{Scope: b.key}
		}
	}
	if err == nil && w.stopped() {
		err = interp.ErrStopped
	}
	return err
}

// Now is the simulated time.
func (w *world) Now() time.Time { return w.rt.now }

// Emit records an event.
func (w *world) Emit(k interp.Key, e interp.Event) {
	w.rt.memo.Record(e.Type, e.Step, string(k), e.Data, false)
}

func (w *world) emit(k interp.Key, typ journal.Type, step string, data any) {
	w.rt.memo.Record(typ, step, string(k), data, false)
}

// Sleep lets simulated time pass.
func (w *world) Sleep(k interp.Key, d time.Duration) error {
	if err := w.ended(); err != nil {
		return err
	}
	what := memo.WaitsFor(k)
	w.emit(k, journal.WaitStarted, "", journal.WaitStartedData{For: what, Length: journal.SecondsOf(d)})
	w.rt.until(w, w.rt.now.Add(d), false)
	err := w.ended()
	w.emit(k, journal.WaitFinished, "", journal.WaitFinishedData{For: what, Ended: memo.Word(err)})
	return err
}

// Call answers from the scenario.
func (w *world) Call(k interp.Key, c interp.Call) (interp.Result, error) {
	kind, known := w.rt.kinds[c.Kind]
	if !known {
		return interp.Result{}, fmt.Errorf("the runtime has no kind %q", c.Kind)
	}
	if err := w.ended(); err != nil {
		return interp.Result{}, err
	}
	w.emit(k, journal.AttemptStarted, c.Step, journal.AttemptStartedData{Role: c.Role, Kind: c.Kind, Request: memo.Shown(c.Options)})
	res := w.answer(c)
	length := res.Duration
	if c.Timeout > 0 && length > c.Timeout {
		length = c.Timeout
	}
	w.rt.until(w, w.rt.now.Add(length), false)
	err := w.ended()
	if length < res.Duration || err != nil && length > 0 {
		res = interp.Result{Fields: kind.Nothing(), Duration: length, Error: &journal.Error{Kind: "timeout", Message: "no complete answer in time"}}
		if err != nil && !errors.Is(err, interp.ErrTimeout) {
			res.Error.Kind = "canceled"
		}
	}
	w.emit(k, journal.AttemptFinished, c.Step, memo.Attempt(res, err))
	return res, err
}

func (w *world) answer(c interp.Call) interp.Result {
	options, err := memo.Prepare(c.Options, w.rt.secret)
	if err != nil {
		return interp.Result{Fields: map[string]any{}, Error: &journal.Error{Kind: "render", Message: err.Error()}}
	}
	res := w.rt.opts.Call(c, options)
	fields, _ := w.rt.opts.Masker.Take(res.Fields).(map[string]any)
	res.Fields = fields
	if res.Error != nil {
		res.Error = &journal.Error{Kind: res.Error.Kind, Message: w.rt.opts.Masker.MaskString(res.Error.Message)}
	}
	return res
}
