package sim

import (
	"context"
	"errors"
	"time"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/runtime/memo"
	"runbook/engine/secret"
	"runbook/engine/types"
)

func (rt *runtime) secret(name string) (string, error) {
	return rt.opts.Secrets.Get(context.Background(), name)
}

// Ask answers from the scenario.
func (w *world) Ask(k interp.Key, q interp.Question) (interp.Answer, error) {
	if err := w.ended(); err != nil {
		return interp.Answer{}, err
	}
	q.In = w.in
	w.emit(k, journal.ApprovalRequested, q.Step, q.ApprovalRequestedData)
	a, secrets, after, err := w.rt.opts.Ask(q)
	if errors.Is(err, ErrNobody) {
		return a, interp.ErrPaused
	}
	if err != nil {
		w.rt.memo.Fail(err)
		return a, err
	}
	if q.Refuses(a) != "" {
		return a, interp.ErrPaused // it stays open for somebody who can answer it
	}
	if q.Timeout > 0 && after >= q.Left {
		a, after = interp.Late(), q.Left
	}
	w.rt.until(w, w.rt.now.Add(after), true)
	if err := w.ended(); err != nil {
		w.emit(k, journal.WaitFinished, "", journal.WaitFinishedData{For: "person", Ended: memo.Word(err)})
		return interp.Answer{}, err
	}
	if err := w.keep(q, &a, secrets); err != nil {
		w.rt.memo.Fail(err)
		return a, err
	}
	w.emit(k, journal.ApprovalAnswered, q.Step, memo.Answered(q, a))
	return a, w.rt.memo.Err()
}

func (w *world) keep(q interp.Question, a *interp.Answer, secrets map[string]string) error {
	values := map[string]any{}
	for name, v := range a.Values {
		values[name] = types.Exact(v)
	}
	for _, c := range q.Collect {
		v, ok := secrets[c.Name]
		if !ok || !c.Secret {
			continue
		}
		if err := w.rt.opts.Secrets.Set(c.SecretName, v); err != nil {
			return err
		}
		values[c.Name] = secret.Value{Name: c.SecretName, Present: true}
	}
	a.Values = values
	return nil
}

// Within gives f a scope with a budget.
func (w *world) Within(k interp.Key, d time.Duration, f func(interp.World) error) error {
	in := &world{rt: w.rt, outer: w, budget: w.budget, in: w.in}
	if d > 0 {
		in.budget = &budget{key: k, outer: w.budget, left: d, busy: 1, since: w.rt.now}
	}
	if err := f(in); err != nil {
		return err
	}
	return w.rt.memo.Err()
}

// Each runs f side by side, on the simulated clock.
func (w *world) Each(_ interp.Key, n, most int, f func(int, interp.World) error, stop func(int, error) bool) []error {
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
		w.budget.enter(w.rt.now)
		go func() {
			<-turn
			in := &world{rt: w.rt, outer: all, budget: w.budget, in: w.in}
			if errs[i] = in.ended(); errs[i] == nil {
				errs[i] = f(i, in)
			}
			if errs[i] != nil && stop(i, errs[i]) {
				all.stop = true
			}
			running--
			w.budget.leave(w.rt.now)
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
	w.budget.leave(w.rt.now)
	w.rt.next()
	<-over
	w.budget.enter(w.rt.now)
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

// Enter gives the World of another runbook. A simulation touches nothing, so
// there is nothing to permit.
func (w *world) Enter(_ interp.Key, s interp.Sub) (interp.World, error) {
	return &world{rt: w.rt, outer: w, budget: w.budget, in: w.in + s.Step + "/"}, nil
}
