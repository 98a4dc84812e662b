package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind/exec"
	"runbook/engine/runtime/memo"
	"runbook/engine/secret"
)

// Call makes one attempt or sends a message, or recalls it.
func (w *world) Call(k interp.Key, c interp.Call) (interp.Result, error) {
	if c.Role == "message" {
		return w.send(k, c)
	}
	kind, known := w.rt.kinds[c.Kind]
	if !known {
		return interp.Result{}, fmt.Errorf("the runtime has no kind %q", c.Kind)
	}
	if e, ok := w.rt.memo.Find(journal.AttemptFinished, string(k)); ok {
		w.recalled(e)
		res, err := memo.Recall(kind.Kind, e)
		return res, w.over(err)
	}
	_, begun := w.rt.memo.Find(journal.AttemptStarted, string(k))
	if w.rt.closed && begun && w.doubted(k, c) {
		return interp.Result{}, &interp.InDoubt{} // it was settled without being made again, or is not done now
	}
	started := journal.AttemptStartedData{Role: c.Role, Kind: c.Kind, Request: memo.Shown(c.Options)}
	if begun && w.doubted(k, c) && w.isOver(k) { // whether it took effect is to be known, though nothing more is done
		return interp.Result{}, w.mayBegin(k, c, started)
	}
	if err := w.turn(k); err != nil {
		return interp.Result{}, err
	}
	if begun && c.Role == "action" {
		if err := w.mayBegin(k, c, started); err != nil {
			return interp.Result{}, err
		}
	}
	w.emit(k, journal.AttemptStarted, c.Step, started, memo.Durable(journal.AttemptStarted, c.Role))
	if err := w.rt.memo.Err(); err != nil {
		return interp.Result{}, err // what cannot be written down is not begun
	}
	w.rt.baton.Give()
	res := w.execute(k, c, kind)
	err := w.ended()
	ev, _ := w.rt.memo.Record(journal.AttemptFinished, c.Step, string(k), memo.Attempt(res, err), memo.Durable(journal.AttemptFinished, c.Role))
	w.rt.baton.Take()
	w.clock.to(ev)
	if died := w.rt.memo.Err(); died != nil {
		err = died
	}
	return res, err
}

// recalled lets time be that of an event of the past, and others go first that
// went first then.
func (w *world) recalled(e journal.Event) {
	w.rt.baton.Yield(e.Seq)
	w.clock.to(e)
}

// execute runs without the baton.
func (w *world) execute(k interp.Key, c interp.Call, kind exec.Kind) interp.Result {
	ctx := w.ctx
	if c.Timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, c.Timeout)
		defer stop()
	}
	options, err := memo.Prepare(c.Options, func(name string) (string, error) { return w.rt.opts.Secrets.Get(ctx, name) })
	if err != nil {
		return memo.Unprepared(err)
	}
	if c.Role == "action" {
		ctx = guard.Acting(ctx, c.Approved)
	}
	res := kind.Run(ctx, exec.Request{
		Options: options, Check: c.Role == "check", Guard: w.guard, Step: c.Step, Key: string(k),
		Started: func(p guard.Process) {
			w.rt.memo.Note(journal.ProcessStarted, c.Step, string(k), journal.ProcessStartedData{PID: p.PID, Group: p.Group, Argv: p.Argv, Started: p.Started})
		},
	})
	return memo.Result(w.rt.opts.Masker, res, errors.Is(context.Cause(w.ctx), interp.ErrTimeout))
}

// maxAsks bounds how often a question is put again because its answer could not
// be used.
const maxAsks = 3

// Ask puts a question to a person, or recalls the answer. A secret that an
// earlier process was told is asked for again: the journal does not have it.
func (w *world) Ask(k interp.Key, q interp.Question) (interp.Answer, error) {
	q.In = w.in
	q = memo.Asked(k, q)
	q.Before = w.outdated(k, q)
	if e, ok := w.answered(k); ok && q.Before == nil {
		w.recalled(e)
		a, err := memo.RecallAnswer(q, e)
		if lost := w.lost(q, a); err == nil && len(lost) > 0 {
			return w.again(k, q, a, lost)
		}
		return a, err
	}
	if q.Kind == "in_doubt" && w.isOver(k) {
		w = w.outside()
	}
	if err := w.turn(k); err != nil {
		return interp.Answer{}, err
	}
	fresh := w.request(k, q)
	a, err := w.person(k, q, soon(w.rt.memo.First(journal.ApprovalRequested, string(k)).Time, q.Left))
	if err != nil {
		return a, err
	}
	w.answer(k, q, &a, fresh)
	return a, w.rt.memo.Err()
}

// soon is when time is up that began to run then. A clock that was set back since does
// not make it longer than it was.
func soon(began time.Time, left time.Duration) time.Time {
	if now := time.Now(); began.After(now) {
		return now.Add(left)
	}
	return began.Add(left)
}

// person waits for an answer, and lets others go on meanwhile. The error is how
// the scope ended.
func (w *world) person(k interp.Key, q interp.Question, until time.Time) (interp.Answer, error) {
	w.budget.leave()
	w.rt.baton.Give()
	a, err := w.untilCancel(q, until)
	w.rt.baton.Take()
	w.budget.enter()
	if errors.Is(err, ErrNobody) && q.Leave {
		w.emit(k, journal.WaitFinished, "", journal.WaitFinishedData{For: "person", Ended: memo.Word(interp.ErrNobody)}, false)
		return a, interp.ErrNobody
	}
	if errors.Is(err, ErrNobody) {
		q.Key = k
		w.rt.open = append(w.rt.open, memo.Question(w.rt.opts.Masker, q))
		return a, interp.ErrPaused
	}
	if ended := w.ended(); ended != nil && err != nil && w.rt.memo.Err() == nil {
		w.emit(k, journal.WaitFinished, "", journal.WaitFinishedData{For: "person", Ended: memo.Word(ended)}, false)
		return a, ended
	}
	if err != nil {
		w.rt.memo.Fail(err)
	}
	return a, err
}

// lost are the values of an answer that are secrets whose bytes are gone.
func (w *world) lost(q interp.Question, a interp.Answer) []interp.Collect {
	var out []interp.Collect
	for _, c := range q.Collect {
		if s, ok := a.Values[c.Name].(secret.Value); ok && !w.rt.opts.Secrets.Present(s.Name) {
			out = append(out, c)
		}
	}
	return out
}

// again asks for the secrets of an answer that an earlier process had; the rest
// of the answer stands as it is in the journal. Where the scope is over, only an undo
// can want them: it says what it lacks, where nobody gives them.
func (w *world) again(k interp.Key, q interp.Question, was interp.Answer, lost []interp.Collect) (interp.Answer, error) {
	over := w.ended() != nil
	if over {
		if w.rt.memo.Err() != nil || !slices.ContainsFunc(w.rt.opts.Past, func(e journal.Event) bool { return e.Type == journal.UndoOwed }) {
			return was, w.rt.memo.Err()
		}
		w = w.outside()
	}
	q.Collect, q.Problem = lost, "the run broke off, and secrets are not kept: give it again"
	q.Fields = slices.DeleteFunc(slices.Clone(q.Fields), func(f journal.AnswerField) bool {
		return !slices.ContainsFunc(lost, func(c interp.Collect) bool { return c.Name == f.Name })
	})
	a, err := w.person(k, q, time.Time{})
	switch {
	case over && errors.Is(err, interp.ErrPaused):
		w.rt.open = slices.DeleteFunc(w.rt.open, func(q interp.Question) bool { return q.Key == k })
		return was, nil
	case err != nil:
		return a, err
	}
	for _, c := range lost {
		v, ok := a.Values[c.Name].(secret.Value)
		if !ok && over {
			return was, nil
		}
		if !ok {
			q.Key = k
			w.rt.open = append(w.rt.open, memo.Question(w.rt.opts.Masker, q))
			return was, interp.ErrPaused // it was done, so there is no other way on
		}
		was.Values[c.Name] = v
	}
	return was, nil
}

// untilCancel puts a question. Where a cancel does not end the scope, somebody who
// cancels while it is open leaves it open.
func (w *world) untilCancel(q interp.Question, until time.Time) (interp.Answer, error) {
	if w.ends || w.rt.cancel.Err() != nil {
		return w.inTime(w.ctx, q, until)
	}
	ctx, leave := context.WithCancel(w.ctx)
	defer leave()
	defer context.AfterFunc(w.rt.cancel, leave)()
	a, err := w.inTime(ctx, q, until)
	if err != nil && ctx.Err() != nil && w.ctx.Err() == nil {
		err = ErrNobody
	}
	return a, err
}

// inTime puts a question, whose time may be up before it is answered. The time
// goes on while no process is there.
func (w *world) inTime(scope context.Context, q interp.Question, until time.Time) (interp.Answer, error) {
	if q.Timeout <= 0 || until.IsZero() {
		return w.put(scope, q)
	}
	ctx, stop := context.WithDeadline(scope, until)
	defer stop()
	a, err := interp.Answer{}, ctx.Err()
	if err == nil {
		a, err = w.put(ctx, q)
	}
	if err != nil && scope.Err() == nil && ctx.Err() != nil {
		return interp.Late(), nil
	}
	return a, err
}

// put asks until the answer can be used. Questions come one at a time.
func (w *world) put(ctx context.Context, q interp.Question) (interp.Answer, error) {
	select {
	case w.rt.asking <- struct{}{}:
		defer func() { <-w.rt.asking }()
	case <-ctx.Done():
		return interp.Answer{}, ctx.Err()
	}
	for n := 1; ; n++ {
		a, secrets, err := w.rt.opts.Ask(ctx, memo.Question(w.rt.opts.Masker, q))
		if err != nil {
			return a, err
		}
		q.Problem = q.Refuses(a)
		if q.Problem != "" && n < maxAsks {
			continue
		} else if q.Problem != "" {
			return a, ErrNobody // it stays open for somebody who can answer it
		}
		if err = memo.Keep(q, &a, secrets, w.rt.opts.Secrets); err == nil {
			return a, nil
		}
		q.Problem = err.Error()
		if n == maxAsks && a.How == "scenario" {
			return interp.Answer{Choice: "could_not", By: a.By, How: a.How, Note: q.Problem}, nil // as in its test
		} else if n == maxAsks {
			return a, ErrNobody
		}
	}
}
