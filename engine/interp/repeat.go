package interp

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
)

// denial is the kind of the error of what is not permitted. It stays denied
// however often it is tried, so it is tried once.
const denial = "denied"

// try makes one attempt of a step, or goes through a group once. The second
// result says whether a retry would be in place.
type try func(w World, f *frame, s *plan.Step, key Key) (done, bool)

// polled repeats a step until it passes, its `while` does not hold any more, or
// its time is over.
func (r *run) polled(w World, f *frame, s *plan.Step, key Key, once try) done {
	var so tries
	if s.Poll == nil {
		return r.retried(w, f, s, key+"#", &so, once)
	}
	start := w.Now()
	for n := 1; ; n++ {
		d := r.retried(w, f, s, key+Key(fmt.Sprintf("#p%d.", n)), &so, once)
		if d.err != nil || d.verdict == passed || d.final {
			return d
		}
		why := ""
		switch {
		case r.pointless(w, f, s, d):
			why = fmt.Sprintf("`while: %s` does not hold any more, after %s", s.Poll.While.Source, polls(n))
		case w.Now().Sub(start)+s.Poll.Every >= s.Poll.For: // time that is up is up
			why = fmt.Sprintf("not within %s, after %s", s.Poll.For, polls(n))
		}
		if why != "" {
			d.reason = why + ": " + d.reason
			return d
		}
		if err := w.Sleep(key+Key(fmt.Sprintf("#p%d.poll", n)), s.Poll.Every); err != nil {
			d.err, d.reason = err, ""
			return d
		}
	}
}

func polls(n int) string {
	if n == 1 {
		return "1 poll"
	}
	return fmt.Sprintf("%d polls", n)
}

// pointless says that a poll need not go on: its `while` is false. An attempt
// that erred goes on, unless `while` judges errors itself; one that cannot be
// computed ends nothing.
func (r *run) pointless(w World, f *frame, s *plan.Step, d done) bool {
	if s.Poll.While == nil || d.inner != nil || d.verdict == errored && !expectsErrors([]*lang.Expr{s.Poll.While}) {
		return false
	}
	on, _, err := s.Poll.While.Bool(own(r.env(w, f), d))
	return err == nil && !on
}

// own is what a step's own expressions read: its results stand alone.
func own(env lang.Env, d done) lang.Env {
	for name, v := range d.fields {
		env[name] = v
	}
	return env
}

// tries is what the attempts of a step came to so far.
type tries struct {
	made    int
	earlier []journal.Tally // what the expectations came to, in their order
}

// note tells an attempt what those before it came to, and adds it to them.
func (t *tries) note(d *journal.StepFinishedData) {
	d.Earlier = slices.Clone(t.earlier)
	for i, x := range d.Expect {
		if i == len(t.earlier) {
			t.earlier = append(t.earlier, journal.Tally{})
		}
		switch {
		case x.Error != "":
		case x.OK:
			t.earlier[i].Held++
		default:
			t.earlier[i].NotHeld++
		}
	}
}

// retried makes attempts until one does not err.
func (r *run) retried(w World, f *frame, s *plan.Step, prefix Key, so *tries, once try) done {
	var delay time.Duration
	if s.Retry != nil {
		delay = capped(s.Retry.Delay, s.Retry)
	}
	for n := 1; ; n++ {
		so.made++
		key := prefix + Key(fmt.Sprintf("a%d", n))
		if s.Retry == nil && s.Kind == nil {
			key = Key(strings.TrimRight(string(prefix), "#.")) // a group has rounds where it is repeated
		}
		d, again := once(w, f, s, key)
		if s.Kind != nil || s.Retry != nil || s.Poll != nil {
			d.data.Attempts = so.made
		}
		so.note(&d.data)
		if d.err != nil || !again || d.final || s.Retry == nil || n >= s.Retry.Attempts {
			return d
		}
		if delay > 0 {
			if err := w.Sleep(key+".retry", delay); err != nil {
				d.err, d.reason = err, ""
				return d
			}
		}
		delay = next(delay, s.Retry)
	}
}

// next is the delay before the attempt after the next.
func next(d time.Duration, r *plan.Retry) time.Duration {
	if r.Backoff > 1 {
		d = time.Duration(min(float64(d)*r.Backoff, float64(24*time.Hour)))
	}
	return capped(d, r)
}

func capped(d time.Duration, r *plan.Retry) time.Duration {
	if r.MaxDelay > 0 {
		return min(d, r.MaxDelay)
	}
	return d
}

// again says whether a retry is in place, where there is one: what erred is
// repeated, or what `on` says.
func (r *run) again(env lang.Env, s *plan.Step, d done) bool {
	if s.Retry == nil || s.Retry.On == nil || d.verdict == passed {
		return d.verdict == errored || d.inner != nil
	}
	on, _, _ := s.Retry.On.Bool(own(env, d)) // one that errs asks for no retry
	return on
}

// rounds notes what makes a repetition of the groups around a place pointless.
type rounds struct {
	denied bool
	outer  *rounds
}

// note marks an attempt that was denied as final, for its step and for the groups
// around it.
func (d *done) note(f *frame, e *journal.Error) {
	if e == nil || e.Kind != denial {
		return
	}
	d.final = true
	for x := f.rounds; x != nil; x = x.outer {
		x.denied = true
	}
}
