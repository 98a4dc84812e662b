package interp

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
)

var approveOrRefuse = []journal.Choice{{ID: "approve", Title: "yes, do it"}, {ID: "refuse", Title: "no"}}

// HowLate is how an answer came that nobody gave: the time for it was up.
const HowLate = "timeout"

// Late is the answer to a question whose time is up: nobody said yes.
func Late() Answer { return Answer{Choice: "refuse", By: "nobody", How: HowLate} }

// Bars says why a person cannot approve what is asked, or "".
func (q *Question) Bars(user string) string {
	switch {
	case q.Kind != "confirm":
	case len(q.By) > 0 && !slices.Contains(q.By, user):
		return fmt.Sprintf("%s may not approve this; %s may", user, strings.Join(q.By, ", "))
	case slices.Contains(q.Given, user):
		return user + " has approved already; another person has to"
	}
	return ""
}

// Name is the name by which an answer to the question is given: the step's, or
// STEP>undo for the offer to undo it.
func (q *Question) Name() string {
	if q.Kind == "undo" {
		return q.In + q.Step + ">undo"
	}
	return q.In + q.Step
}

// Stander is who answers where a scenario does not say who: one who may.
func (q *Question) Stander() string {
	const people = "the scenario"
	for _, name := range q.By {
		if q.Bars(name) == "" {
			return name
		}
	}
	if len(q.Given) == 0 {
		return people
	}
	return fmt.Sprintf("%s (%d)", people, len(q.Given)+1)
}

// Refuses says why an answer cannot be used, or "". Anybody may refuse.
func (q *Question) Refuses(a Answer) string {
	if q.Kind != "confirm" || a.Choice != "approve" {
		return ""
	}
	if why := q.Bars(a.By); why != "" {
		return why
	}
	if q.Retype != "" && a.Retyped != q.Retype {
		return fmt.Sprintf("to approve this, %q has to be typed exactly", q.Retype)
	}
	return ""
}

// confirm asks before an action or a group, until as many as are needed have
// approved. The second result says that the step ends here.
func (r *run) confirm(w World, f *frame, s *plan.Step, key Key) (done, bool) {
	c := s.Confirm
	q, err := r.approval(s, r.env(w, f))
	if err != nil {
		d := erred(err)
		d.notRun = true
		return d, true
	}
	began := w.Now()
	for n := 1; ; n++ {
		at := key + "#confirm"
		if n > 1 {
			at += Key(fmt.Sprint(n))
		}
		a := Late()
		if q.Left = c.Timeout - w.Now().Sub(began); c.Timeout <= 0 || q.Left > 0 {
			if a, err = w.Ask(at, q); err != nil {
				return done{err: err, notRun: true}, true
			}
		}
		if a.Choice != "approve" {
			return refused(c, a), true
		}
		if n >= c.Count {
			return done{}, false
		}
		q.Given = append(slices.Clone(q.Given), a.By)
	}
}

// approval is the question that a confirm puts.
func (r *run) approval(s *plan.Step, env lang.Env) (Question, error) {
	c := s.Confirm
	q := Question{Step: s.ID, ApprovalRequestedData: journal.ApprovalRequestedData{
		Kind: "confirm", Title: r.text(s.Title, env), Choices: approveOrRefuse,
		By: c.By, Count: c.Count, Timeout: journal.SecondsOf(c.Timeout), Always: c.Always,
	}}
	if c.Count == 1 {
		q.Count = 0 // one person is what every question needs
	}
	var err error
	if q.Text, err = render(c.Ask, env); err != nil {
		return q, err
	}
	if q.Retype, err = render(c.Retype, env); err != nil {
		return q, err
	}
	if c.Retype != nil && q.Retype == "" {
		return q, fmt.Errorf("what has to be typed (`retype`) is empty")
	}
	if s.Options != nil {
		q.Shown = s.Options.Preview(masked(env))
	}
	return q, nil
}

func refused(c *plan.Confirm, a Answer) done {
	d := fail("refused by %s", a.By)
	if a.How == HowLate {
		d.reason = fmt.Sprintf("not approved within %s", c.Timeout)
	}
	if a.Note != "" {
		d.reason += ": " + a.Note
	}
	d.notRun = true
	return d
}
