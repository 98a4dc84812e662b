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

// agreed is what was approved of a step: it runs as it was shown, whatever its
// templates would give by then (`run.elapsed`).
type agreed struct {
	step    *plan.Step
	options map[string]any
}

// confirm asks before an action or a group: what its own confirm wants, and what a
// policy demands, in as few questions as can be. It gives the frame in which the
// step runs as it was approved, or how the step ended here.
func (r *run) confirm(w World, f *frame, s *plan.Step, key Key) (*frame, *done) {
	env := r.env(w, f)
	asks, err := r.questions(s, env, key)
	if err != nil {
		return nil, unasked(err)
	}
	if len(asks) == 0 {
		return f, nil
	}
	about, in, d := r.toBeDone(w, f, s, key)
	if d != nil {
		return nil, d
	}
	for _, x := range asks {
		q, err := approval(about, s, env, x.Demand)
		if err != nil {
			return nil, unasked(err)
		}
		if d := r.approve(w, x, q); d != nil {
			if s.Confirm == nil && d.err == nil {
				// Nothing in the file says that it may be refused: what is behind it may
				// read its results.
				d.fields = fields(s, Result{Error: &journal.Error{Kind: "canceled", Message: d.reason}})
			}
			return nil, d
		}
		r.approved[key] = append(r.approved[key], x.Entries...)
	}
	return in, nil
}

// unasked is a step about which nobody could be asked.
func unasked(err error) *done {
	d := erred(err)
	d.notRun = true
	return &d
}

// asked is a demand with the key of its question.
type asked struct {
	plan.Demand
	at Key
}

// questions are those to put before a step. Of one that was begun in an earlier part
// of the run they are what they were then; what a policy of now wants besides is
// not granted.
func (r *run) questions(s *plan.Step, env lang.Env, key Key) ([]asked, error) {
	r.approved[key] = nil
	list, err := r.demands(s, env)
	if err != nil {
		return nil, err
	}
	var out []asked
	for _, d := range list {
		at := key + "#confirm"
		if len(d.Policy) > 0 {
			at = key + "#policy-" + Key(d.Key())
		}
		out = append(out, asked{d, at})
	}
	if r.opts.Begun == nil {
		return out, nil
	}
	begun, was := r.opts.Begun(key)
	if !begun {
		return out, nil
	}
	return r.before(s, env, key, out, was)
}

// before are the questions of the past, in their order.
func (r *run) before(s *plan.Step, env lang.Env, key Key, now []asked, was []Demanded) ([]asked, error) {
	var out []asked
	own := false
	for _, p := range was {
		d := plan.Demand{Policy: p.Asked.Policy, By: p.Asked.By, Count: max(p.Asked.Count, 1), Timeout: p.Asked.Timeout.Duration(), Always: p.Asked.Always, Retype: p.Asked.Retype, Own: p.Asked.Own}
		own = own || d.Own
		if i := slices.IndexFunc(now, func(a asked) bool { return a.at == p.At }); i >= 0 {
			d.Entries = now[i].Entries
		}
		out = append(out, asked{d, p.At})
	}
	if s.Confirm == nil || own {
		return out, nil
	}
	d, err := r.own(s, env)
	return append([]asked{{d, key + "#confirm"}}, out...), err
}

// demands are what has to be approved before a step, joined where one question can
// answer more.
func (r *run) demands(s *plan.Step, env lang.Env) ([]plan.Demand, error) {
	var list, out []plan.Demand
	if s.Confirm != nil {
		own, err := r.own(s, env)
		if err != nil {
			return nil, err
		}
		list = append(list, own)
	}
	if r.plan.MayDemand(s) {
		// What cannot be computed is not done either, and says why where it is to be.
		if v, err := s.Options.Render(env); err == nil {
			options, _ := v.(map[string]any)
			list = append(list, r.plan.Demands(s, options)...)
		}
	}
next:
	for _, d := range list {
		for i := range out {
			if both, ok := out[i].Join(d); ok {
				out[i] = both
				continue next
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// own is what a step's own confirm wants.
func (r *run) own(s *plan.Step, env lang.Env) (plan.Demand, error) {
	c := s.Confirm
	d := plan.Demand{Own: true, By: c.By, Count: c.Count, Timeout: c.Timeout, Always: c.Always}
	var err error
	if d.Retype, err = render(c.Retype, env); err == nil && c.Retype != nil && d.Retype == "" {
		err = fmt.Errorf("what has to be typed (`retype`) is empty")
	}
	return d, err
}

// approve puts a question until as many as are needed have approved, or gives how
// the step ended here.
func (r *run) approve(w World, x asked, q Question) *done {
	began := w.Now()
	for n := 1; ; n++ {
		at := x.at
		if n > 1 {
			at += Key(numbered(x.at, n))
		}
		a, err := Late(), error(nil)
		if q.Left = x.Timeout - w.Now().Sub(began); x.Timeout <= 0 || q.Left > 0 {
			if a, err = w.Ask(at, q); err != nil {
				return &done{err: err, notRun: true}
			}
		}
		if a.Choice != "approve" {
			d := refused(x.Demand, a)
			return &d
		}
		if n >= x.Count {
			return nil
		}
		q.Given = append(slices.Clone(q.Given), a.By)
	}
}

// numbered is what stands behind a question's key when it is put to one more person.
func numbered(at Key, n int) string {
	if strings.HasSuffix(string(at), "#confirm") {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("-%d", n)
}

// toBeDone is what every question before a step shows, and the frame in which the
// step does just that.
func (r *run) toBeDone(w World, f *frame, s *plan.Step, key Key) (Question, *frame, *done) {
	env := r.env(w, f)
	q := Question{Step: s.ID, ApprovalRequestedData: journal.ApprovalRequestedData{
		Kind: "confirm", Title: r.text(s.Title, env), Choices: approveOrRefuse, Why: f.why, Known: r.known(),
	}}
	if s.Options == nil {
		q.Steps, q.More = r.planned(w, f, s, key)
		return q, f, nil
	}
	options, cannot := f.options(s, env)
	if cannot != nil {
		return q, f, cannot // nobody is asked about what cannot be done
	}
	in := f.below(f.path)
	in.agreed = &agreed{s, options}
	q.Shown = options
	return q, in, nil
}

// approval is the question for a demand, about what is to be done.
func approval(q Question, s *plan.Step, env lang.Env, d plan.Demand) (Question, error) {
	q.By, q.Count, q.Timeout, q.Always = d.By, d.Count, journal.SecondsOf(d.Timeout), d.Always
	q.Retype, q.Policy, q.Own = d.Retype, d.Policy, d.Own && len(d.Policy) > 0
	if d.Count == 1 {
		q.Count = 0 // one person is what every question needs
	}
	if !d.Own {
		q.Text = "Do this?"
		return q, nil
	}
	var err error
	if q.Text, err = render(s.Confirm.Ask, env); err != nil {
		return q, err
	}
	for _, x := range s.Confirm.Changes {
		from, err := x.From.Eval(env)
		if err != nil {
			return q, fmt.Errorf("the change `%s` cannot be computed: %w", x.Name, err)
		}
		to, err := x.To.Eval(env)
		if err != nil {
			return q, fmt.Errorf("the change `%s` cannot be computed: %w", x.Name, err)
		}
		q.Changes = append(q.Changes, journal.Change{Name: x.Name, From: short(from), To: short(to)})
	}
	return q, nil
}

func refused(x plan.Demand, a Answer) done {
	d := fail("refused by %s", a.By)
	if a.How == HowLate {
		d.reason = fmt.Sprintf("not approved within %s", x.Timeout)
	}
	if a.Note != "" {
		d.reason += ": " + a.Note
	}
	d.notRun = true
	return d
}
