package local

import (
	"strings"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/runtime/memo"
)

// outdated is what was shown when a question was put last, where it is about
// something else by now and nothing of that has begun: what was said to it is no
// answer to this one. Otherwise it is nil.
func (w *world) outdated(k interp.Key, q interp.Question) *journal.ApprovalRequestedData {
	e, ok := w.rt.memo.Find(journal.ApprovalRequested, string(k))
	if !ok || q.Kind != "confirm" && q.Kind != "undo" {
		return nil
	}
	was, err := journal.Decode[journal.ApprovalRequestedData](e)
	if err == nil && memo.Same(was, q.ApprovalRequestedData, w.rt.mask()) || w.rt.begun(k) {
		return nil
	}
	return &was
}

func (rt *runtime) mask() func(any) any {
	if rt.opts.Masker == nil {
		return nil
	}
	return rt.opts.Masker.MaskValue
}

// begun reports whether the part of the run before this process began with what a
// question is about.
func (rt *runtime) begun(k interp.Key) bool {
	step := journal.StepKey(string(k))
	for _, e := range rt.opts.Past {
		rest, in := strings.CutPrefix(e.Key, step)
		switch {
		case !in || rest == "" || e.Type != journal.AttemptStarted && e.Type != journal.StepStarted:
		case strings.ContainsRune("#/>[", rune(rest[0])):
			return true
		}
	}
	return false
}

// answered is the answer of the past to a question. One to an earlier form of it
// is none.
func (w *world) answered(k interp.Key) (journal.Event, bool) {
	e, ok := w.rt.memo.Find(journal.ApprovalAnswered, string(k))
	asked, _ := w.rt.memo.Find(journal.ApprovalRequested, string(k))
	return e, ok && e.Seq > asked.Seq
}

// request writes down that a question is put. One that says something else than
// the one that stands there takes its place. It reports whether the question has
// come up in this process.
func (w *world) request(k interp.Key, q interp.Question) bool {
	_, stood := w.rt.memo.Find(journal.ApprovalRequested, string(k))
	if q.Before == nil {
		w.emit(k, journal.ApprovalRequested, q.Step, q.ApprovalRequestedData, false)
		return !stood
	}
	q.Again = true
	if e, ok := w.rt.memo.Again(journal.ApprovalRequested, q.Step, string(k), q.ApprovalRequestedData, false); ok {
		w.clock.to(e)
	}
	return true
}

// answer writes down what was said, by whom, how that is known, and whether the
// question had been seen.
func (w *world) answer(k interp.Key, q interp.Question, a *interp.Answer, fresh bool) {
	nobody := a.How == interp.HowLate
	if a.Identity == nil && !nobody {
		a.Identity = w.rt.opts.Identity
	}
	d := memo.Answered(q, *a)
	d.Saw = !nobody && !(a.Beforehand && fresh)
	if _, there := w.rt.memo.Find(journal.ApprovalAnswered, string(k)); !there {
		w.emit(k, journal.ApprovalAnswered, q.Step, d, true)
		return
	}
	if e, ok := w.rt.memo.Again(journal.ApprovalAnswered, q.Step, string(k), d, true); ok {
		w.clock.to(e)
	}
}
