package coverage

import (
	"strings"

	"runbook/engine/journal"
	"runbook/engine/plan"
	"runbook/engine/source"
)

// taker reads one run's events.
type taker struct {
	c     *Coverage
	plan  *plan.Plan
	name  string
	steps map[string]*walked // by the step's key
	order []*walked
	known map[string]place // what keys lead to
}

// walked is one step on its way through a run.
type walked struct {
	place
	started bool
	done    *journal.StepFinishedData
	tried   bool // an attempt was made
	within  bool // something happened in it
	yes     int  // how many people approved it
	checked bool // its verification began
	ended   bool // something around it ended while it was under way
}

// stepKey is the key of the step that a key belongs to, without the number of an
// item.
func stepKey(key string) string {
	key = journal.StepKey(key)
	if cut := strings.LastIndexByte(key, '['); cut > strings.LastIndexAny(key, "/>") {
		return key[:cut]
	}
	return key
}

// take notes what a run took.
func (c *Coverage) take(p *plan.Plan, r Run) {
	t := &taker{c: c, plan: p, name: r.Name, steps: map[string]*walked{}, known: map[string]place{}}
	for _, e := range r.Events {
		t.event(e)
	}
	for _, w := range t.order {
		t.settle(w)
	}
}

// mark notes an item as taken.
func (t *taker) mark(i Item, at source.Span) {
	if at.File == nil {
		return
	}
	i.File, i.offset = at.File.Name, at.Start
	if known := t.c.items[i.id()]; known != nil {
		known.take(t.name)
	}
}

func (t *taker) find(key string) place {
	at, seen := t.known[key]
	if !seen {
		at, _ = find(t.plan, key)
		t.known[key] = at
	}
	return at
}

// of is the step that a key belongs to, nil where the plan has none.
func (t *taker) of(key string) *walked {
	key = stepKey(key)
	if w := t.steps[key]; w != nil {
		return w
	}
	at := t.find(key)
	if at.step == nil {
		return nil
	}
	w := &walked{place: at}
	t.steps[key] = w
	t.order = append(t.order, w)
	return w
}

// event takes one event.
func (t *taker) event(e journal.Event) {
	t.around(e)
	switch e.Type {
	case journal.DecisionMade:
		d, _ := journal.Decode[journal.DecisionMadeData](e) // what cannot be read says nothing
		if at := t.find(e.Key); at.step != nil {
			if b := branch(at.step, d.Branch); b != nil {
				t.mark(Item{Class: Branches}, b.Span)
			}
		}
	case journal.ProcedureStarted:
		d, _ := journal.Decode[journal.ProcedureStartedData](e)
		t.procedure(e.Key, d.Name)
	case journal.ApprovalRequested:
		d, _ := journal.Decode[journal.ApprovalRequestedData](e)
		if at := t.find(journal.StepKey(e.Key)); d.Kind == "undo" && at.step != nil && at.step.Undo != nil {
			t.mark(Item{Class: Undo, Way: Offered}, undoAt(at.step))
		}
	case journal.UndoSettled:
		d, _ := journal.Decode[journal.UndoData](e)
		if at := t.find(e.Key); d.How != "declined" && at.step != nil && at.step.Undo != nil {
			t.mark(Item{Class: Undo, Way: Done}, undoAt(at.step))
		}
	default:
		t.during(e)
	}
}

// procedure marks the procedure that a step, a branch or a failure rule went
// into.
func (t *taker) procedure(key, name string) {
	at := t.find(journal.StepKey(key))
	if at.step == nil {
		return
	}
	for _, p := range at.plan.Procedures {
		if p.Name == name {
			t.mark(Item{Class: Procedures}, p.Span)
		}
	}
}

// during takes what happens to a step itself.
func (t *taker) during(e journal.Event) {
	w := t.of(e.Key)
	if w == nil {
		return
	}
	switch e.Type {
	case journal.StepStarted:
		w.started = true
	case journal.StepFinished:
		d, _ := journal.Decode[journal.StepFinishedData](e)
		w.done = &d
	case journal.AttemptStarted:
		w.tried, w.within = true, true
	case journal.AttemptFinished:
		d, _ := journal.Decode[struct{ Ended string }](e)
		w.tried, w.within, w.ended = true, true, w.ended || d.Ended != ""
	case journal.WaitFinished:
		d, _ := journal.Decode[journal.WaitFinishedData](e)
		w.within, w.ended = true, w.ended || d.Ended != ""
	case journal.ApprovalAnswered:
		d, _ := journal.Decode[journal.ApprovalAnsweredData](e)
		if w.within = true; d.Kind == "confirm" && d.Choice == "approve" {
			w.yes++
		}
	default:
		w.within = true
	}
}

// around takes what an event says of the steps around it: that something happened
// there, that a failure rule was followed, that the end was reached.
func (t *taker) around(e journal.Event) {
	for i := 0; i < len(e.Key); i++ {
		if e.Key[i] != '/' && e.Key[i] != '>' {
			continue
		}
		outer := t.steps[stepKey(e.Key[:i])]
		if outer == nil {
			continue
		}
		outer.within = true
		rest := e.Key[i+1:]
		if word, _, _ := strings.Cut(rest, "/"); e.Key[i] == '>' && word == "on_failure" || word == "on_failure#procedure" {
			t.followed(outer.step, plan.FailSteps)
		}
		if v := outer.step.Verify; v != nil && e.Key[i] == '/' && journal.StepKey(rest) == v.ID {
			outer.checked = true
		}
	}
	if at := t.find(stepKey(e.Key)); at.last {
		t.mark(Item{Class: Finally}, at.plan.Finally[0].Span)
	}
}

// followed marks a step's failure rule.
func (t *taker) followed(s *plan.Step, mode plan.FailureMode) {
	if s.Failure.Mode == mode {
		t.mark(Item{Class: OnFailure}, failureAt(s))
	}
}

// settle marks what is known of a step once all of the run is.
func (t *taker) settle(w *walked) {
	s := w.step
	if s.If != nil {
		switch {
		case !w.started && w.done != nil:
			t.mark(Item{Class: If, Way: False}, s.If.Text.Span)
		case w.started && !w.unclear():
			t.mark(Item{Class: If, Way: True}, s.If.Text.Span)
		}
	}
	if !w.started {
		return
	}
	t.approved(w)
	if w.ran() {
		t.mark(Item{Class: Steps}, s.Span)
	}
	if w.done != nil {
		t.finished(w)
	}
}

// unclear is a step whose `if` may have erred: nothing happened in it.
func (w *walked) unclear() bool {
	return w.step.If != nil && !w.within && w.done != nil && w.done.Verdict == "error"
}

// ran: it was begun, and nobody refused it.
func (w *walked) ran() bool {
	switch {
	case w.step.Confirm != nil && w.yes < max(1, w.step.Confirm.Count), w.unclear():
		return false
	case w.step.Kind != nil:
		return w.tried || w.done != nil && w.done.Settled != ""
	}
	return true
}

func (t *taker) approved(w *walked) {
	c := w.step.Confirm
	if c == nil {
		return
	}
	switch {
	case w.yes >= max(1, c.Count):
		t.mark(Item{Class: Approvals, Way: Approved}, confirmAt(w.step))
	case w.done != nil && w.done.Verdict == "failed":
		t.mark(Item{Class: Approvals, Way: Refused}, confirmAt(w.step))
	}
}

// finished marks what a step's end says.
func (t *taker) finished(w *walked) {
	s, d := w.step, w.done
	bad := d.Verdict == "failed" || d.Verdict == "error"
	if bad && !w.ended {
		t.followed(s, plan.FailContinue)
	}
	if s.Role == plan.Each {
		switch {
		case d.Items > 0:
			t.mark(Item{Class: Each, Way: Some}, s.In.Text.Span)
		case d.Verdict == "passed":
			t.mark(Item{Class: Each, Way: None}, s.In.Text.Span)
		}
	}
	if s.Poll != nil && w.ran() && !w.ended {
		way := Success
		if bad && !w.checked { // a poll that succeeded may fail its verification
			way = GaveUp
		}
		t.mark(Item{Class: Polls, Way: way}, s.Span)
	}
	t.expected(s, d)
}

// expected marks both sides of the expectations, of earlier attempts too.
func (t *taker) expected(s *plan.Step, d *journal.StepFinishedData) {
	for i, e := range s.Expect {
		held, missed := false, false
		if i < len(d.Expect) && d.Expect[i].Error == "" {
			held, missed = d.Expect[i].OK, !d.Expect[i].OK
		}
		if i < len(d.Earlier) {
			held, missed = held || d.Earlier[i].Held > 0, missed || d.Earlier[i].NotHeld > 0
		}
		if held {
			t.mark(Item{Class: Expect, Way: Held}, e.Text.Span)
		}
		if missed {
			t.mark(Item{Class: Expect, Way: NotHeld}, e.Text.Span)
		}
	}
}
