package sim

import (
	"errors"
	"time"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/runtime/memo"
)

// Ask answers as the scenario's people do. They are asked one question at a time,
// and take their time.
func (w *world) Ask(k interp.Key, q interp.Question) (interp.Answer, error) {
	if err := w.turn(k); err != nil {
		return interp.Answer{}, err
	}
	q.In = w.in
	q = memo.Asked(k, q)
	w.emit(k, journal.ApprovalRequested, q.Step, q.ApprovalRequestedData)
	a, secrets, after, err := w.rt.opts.Ask(q)
	if err == nil && q.Refuses(a) != "" {
		err = ErrNobody // it stays open for somebody who can answer it
	}
	if errors.Is(err, ErrNobody) && q.Leave {
		w.emit(k, journal.WaitFinished, "", journal.WaitFinishedData{For: "person", Ended: memo.Word(interp.ErrNobody)})
		return a, interp.ErrNobody
	}
	if errors.Is(err, ErrNobody) {
		q.Key = k
		w.rt.open = append(w.rt.open, q)
		return a, interp.ErrPaused
	}
	if err != nil {
		w.rt.memo.Fail(err)
		return a, err
	}
	if late := w.person(q, after); late {
		a, secrets = interp.Late(), nil
	}
	if err := w.ended(); err != nil {
		w.emit(k, journal.WaitFinished, "", journal.WaitFinishedData{For: "person", Ended: memo.Word(err)})
		return interp.Answer{}, err
	}
	if err := memo.Keep(q, &a, secrets, w.rt.opts.Secrets); err != nil {
		a = interp.Answer{Choice: "could_not", By: a.By, How: a.How, Note: err.Error()}
	}
	d := memo.Answered(q, a)
	d.Saw = a.How != interp.HowLate
	w.emit(k, journal.ApprovalAnswered, q.Step, d)
	return a, w.rt.memo.Err()
}

// person waits until the people have answered, or the time for it is up.
func (w *world) person(q interp.Question, after time.Duration) (late bool) {
	rt := w.rt
	now := rt.clock.now
	at := now
	if rt.person.After(now) {
		at = rt.person
	}
	at = at.Add(after)
	if late = q.Timeout > 0 && !at.Before(now.Add(q.Left)); late {
		at = now.Add(q.Left)
	}
	if at.After(rt.person) {
		rt.person = at
	}
	rt.until(w, at, true)
	if rt.person.Equal(at) && rt.clock.now.Before(at) {
		rt.person = rt.clock.now // the question went away, and leaves them time for others
	}
	return late
}

// Within gives f a scope with a budget.
func (w *world) Within(k interp.Key, d time.Duration, f func(interp.World) error) error {
	in := &world{rt: w.rt, outer: w, budget: w.budget, in: w.in, guard: w.guard, ends: w.ends || w.root && !w.rt.walked}
	w.rt.walked = true // what comes behind the steps runs whatever happened
	if d > 0 {
		in.budget = &budget{key: k, outer: w.budget, left: d, busy: 1, since: w.rt.clock.now}
	}
	if err := f(in); err != nil {
		return err
	}
	return w.rt.memo.Err()
}

// Each runs f side by side, on the simulated clock.
func (w *world) Each(k interp.Key, keys []interp.Key, most int, f func(int, interp.World) error, stop func(int, error) bool) []error {
	n := len(keys)
	errs := make([]error, n)
	if n == 0 {
		return errs
	}
	if most <= 0 || most > n {
		most = n
	}
	all := &world{rt: w.rt, outer: w, budget: w.budget}
	next, running := 0, 0
	over := make(chan struct{})
	var start func()
	start = func() {
		i := next
		next++
		running++
		turn := make(chan struct{})
		w.rt.ready = append(w.rt.ready, turn)
		w.budget.enter(w.rt.clock.now)
		go func() {
			<-turn
			in := &world{rt: w.rt, outer: all, budget: w.budget, in: w.in, guard: w.guard, ends: w.ends}
			if errs[i] = in.turn(memo.Turn(k, i)); errs[i] == nil {
				errs[i] = f(i, in)
			}
			if errs[i] != nil && stop(i, errs[i]) {
				all.stop = true
			}
			running--
			w.budget.leave(w.rt.clock.now)
			if next < n {
				start()
			}
			if running == 0 {
				close(over) // the parent goes on, with this branch's turn
				return
			}
			w.rt.next()
		}()
	}
	for range most {
		start()
	}
	w.budget.leave(w.rt.clock.now)
	w.rt.next()
	<-over
	w.budget.enter(w.rt.clock.now)
	return errs
}

// budget is the time of a scope. It stands still while all that goes on in the
// scope is waiting for people.
type budget struct {
	key   interp.Key
	outer *budget
	left  time.Duration
	busy  int
	since time.Time
}

// end is when the time is up, and whether it runs.
func (b *budget) end() (time.Time, bool) {
	if b.busy == 0 {
		return b.since.Add(max(b.left, 1)), false
	}
	return b.since.Add(b.left), true
}

func (b *budget) enter(now time.Time) {
	for ; b != nil; b = b.outer {
		if b.busy++; b.busy == 1 {
			b.since = now
		}
	}
}

func (b *budget) leave(now time.Time) {
	for ; b != nil; b = b.outer {
		if b.busy--; b.busy == 0 {
			b.left -= now.Sub(b.since)
			b.since = now
		}
	}
}

// Enter gives the World of another runbook: the same scope, and a guard that
// permits what both do.
func (w *world) Enter(_ interp.Key, s interp.Sub) (interp.World, error) {
	if w.rt.opts.Narrow == nil {
		return nil, errors.New("no other runbook can be run here")
	}
	g, err := w.rt.opts.Narrow(w.guard, s.Plan, s.Inputs)
	if err != nil {
		return nil, err
	}
	return &world{rt: w.rt, outer: w, budget: w.budget, guard: g, ends: w.ends, in: w.in + s.Step + "/"}, nil
}
