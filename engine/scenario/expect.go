package scenario

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"runbook/engine/journal"
	"runbook/engine/source"
	"runbook/engine/types"
)

// Expect is what must come of a run. What is not given is not looked at.
type Expect struct {
	Outcome   string
	Decisions map[string]string // step -> branch
	Verdicts  map[string]string // step -> verdict
	Facts     map[string]any
	Outputs   map[string]any
	Evidence  map[string]any   // STEP.NAME -> value
	Messages  map[string]Match // step -> text
	Calls     []CallWant
	Order     []string
	Duration  map[string]Bounds // step -> how long it may take; "" is the run

	at map[string]source.Span // where each stands

	// meant are the names that mean steps by their whole name, each with the places of
	// steps of procedures that it does not mean. Others are plain ids of steps inside.
	meant map[string][]source.Span
}

// Bounds are how long something may take.
type Bounds struct{ Min, Max time.Duration }

func (b Bounds) String() string {
	switch {
	case b.Max == math.MaxInt64:
		return "at least " + b.Min.String()
	case b.Min == 0:
		return "at most " + b.Max.String()
	}
	return b.Min.String() + " to " + b.Max.String()
}

// Failure is an expectation that was not met. Why are lines that say what led
// there; At is where the expectation stands.
type Failure struct {
	What, Want, Got string
	Why             []string
	At              source.Span
}

// String says it in a line, without Why.
func (f Failure) String() string {
	return fmt.Sprintf("%s: expected %s, got %s", f.What, f.Want, f.Got)
}

// holder holds a run against what was expected.
type holder struct {
	*Expect
	state    *journal.State
	inside   map[string]string // the steps that ran other runbooks, by their keys
	met      int
	failures []Failure
}

// Hold holds a run, and the calls that were made in its world, against what was
// expected. Met counts what held. Without a world, calls are not looked at.
func (x *Expect) Hold(s *journal.State, w *World) (met int, failures []Failure) {
	h := &holder{Expect: x, state: s, inside: map[string]string{}}
	for _, m := range s.Moments {
		if m.Type == journal.RunbookStarted {
			h.inside[m.Key] = m.ID
		}
	}
	if x.Outcome != "" {
		h.same("outcome", "outcome", x.Outcome, s.Status(false), h.ending)
	}
	for _, id := range sorted(x.Decisions) {
		h.same("decisions."+id, "decision "+id, x.Decisions[id], h.branchOf(id), func() []string { return h.way(id) })
	}
	for _, id := range sorted(x.Verdicts) {
		h.same("verdicts."+id, "verdict of "+id, x.Verdicts[id], h.verdictOf(id), func() []string { return h.reason(id) })
	}
	for _, name := range sorted(x.Facts) {
		h.value("facts."+name, "fact "+name, x.Facts[name], s.Facts[name], func() []string { return h.setter(name) })
	}
	h.outputs()
	h.evidence()
	h.messages()
	if w != nil {
		h.calls(w.Calls())
		h.cancelled(w)
	}
	h.lasted()
	return h.met, h.failures
}

// hold notes whether an expectation held; why is asked only where it did not.
func (h *holder) hold(ok bool, at, what, want, got string, why func() []string) {
	if ok {
		h.met++
		return
	}
	f := Failure{What: what, Want: want, Got: got, At: h.at[at]}
	if why != nil {
		f.Why = why()
	}
	h.failures = append(h.failures, f)
}

func (h *holder) same(at, what, want, got string, why func() []string) {
	ok := want == got
	if got == "" {
		got = "nothing"
	}
	h.hold(ok, at, what, want, got, why)
}

func (h *holder) value(at, what string, want, got any, why func() []string) {
	want, got = types.Exact(want), types.Exact(got)
	ok := types.Equal(want, got) || types.Format(types.Encode(want)) == types.Format(got)
	h.hold(ok, at, what, types.Format(want), types.Format(got), why)
}

func (h *holder) outputs() {
	var got map[string]any
	if h.state.Finished != nil {
		got = h.state.Finished.Outputs
	}
	for _, name := range sorted(h.Outputs) {
		v, there := got[name]
		if !there && h.Outputs[name] != nil {
			h.hold(false, "outputs."+name, "output "+name, types.Format(h.Outputs[name]), "nothing: it was not computed", nil)
			continue
		}
		h.value("outputs."+name, "output "+name, h.Outputs[name], v, nil)
	}
}

func (h *holder) evidence() {
	for _, name := range sorted(h.Evidence) {
		id, key := kept(name)
		got, there := h.evidenceOf(id, key)
		if !there {
			h.hold(false, "evidence."+name, "evidence "+name, types.Format(h.Evidence[name]), "nothing: it was not kept", func() []string { return h.reason(id) })
			continue
		}
		h.value("evidence."+name, "evidence "+name, h.Evidence[name], got, nil)
	}
}

// kept takes STEP.NAME apart.
func kept(name string) (id, key string) {
	id, key, _ = strings.Cut(name, ".")
	return id, key
}

func (h *holder) messages() {
	for _, id := range sorted(h.Messages) {
		m := h.Messages[id]
		text, sent := h.messageOf(id)
		at, what := "messages."+id, "message "+id
		switch problem := m.Problem(text); {
		case m.None:
			h.hold(!sent, at, what, "that it is not sent", fmt.Sprintf("%q", short(text)), nil)
		case !sent:
			h.hold(false, at, what, "a text", "nothing: it was not sent", func() []string { return h.reason(id) })
		default:
			h.hold(problem == "", at, what, "another text", "one that "+problem, nil)
		}
	}
}

func (h *holder) calls(made []Call) {
	for _, c := range h.Calls {
		got := c.problem(made)
		if got == "" {
			h.met++
			continue
		}
		h.failures = append(h.failures, Failure{What: "calls of " + c.On, Want: c.want(), Got: got, Why: listed(made), At: c.Span})
	}
	if len(h.Order) == 0 {
		return
	}
	at := inOrder(h.Order, made)
	got := ""
	if at >= 0 {
		got = "no " + h.Order[at]
		if at > 0 {
			got += " behind " + h.Order[at-1]
		}
	}
	h.hold(at < 0, "order", "order", strings.Join(h.Order, ", then "), got, func() []string { return listed(made) })
}

// cancelled reports a cancel that never came. One that came is no expectation.
func (h *holder) cancelled(w *World) {
	if got := w.uncancelled(); got != "" {
		h.failures = append(h.failures, Failure{What: "cancel", Want: "one when " + w.Cancel.Step + " begins", Got: got, At: w.Cancel.At, Why: h.reason(w.Cancel.Step)})
	}
}

// maxListed bounds how many calls are told.
const maxListed = 20

func listed(made []Call) []string {
	if len(made) == 0 {
		return []string{"nothing was called"}
	}
	var out []string
	for i, c := range made {
		if i == maxListed {
			return append(out, fmt.Sprintf("and %d more calls", len(made)-i))
		}
		by := ""
		if c.Step != "" {
			by = " by " + c.Step
		}
		out = append(out, "called"+by+": "+short(c.Line))
	}
	return out
}

func (h *holder) lasted() {
	for _, id := range sorted(h.Duration) {
		b := h.Duration[id]
		if id == "" {
			got := h.state.Last.Sub(h.state.Began)
			h.hold(got >= b.Min && got <= b.Max, "duration", "duration", b.String(), got.String(), nil)
			continue
		}
		longest, ran := time.Duration(0), false
		for _, st := range h.state.Steps {
			if h.means(id, st) && st.Done != nil {
				longest, ran = max(longest, st.Ended.Sub(st.Began)), true
			}
		}
		got := longest.String()
		if !ran {
			got = "nothing: it did not run"
		}
		h.hold(ran && longest >= b.Min && longest <= b.Max, "duration."+id, "duration of "+id, b.String(), got, nil)
	}
}

func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// means reports whether an expectation's name means a step.
func (h *holder) means(name string, st *journal.Step) bool {
	not, whole := h.meant[name]
	if !whole {
		return st.ID == name
	}
	return (st.ID == name || strings.HasSuffix(name, "/"+st.ID)) && h.nameOf(st) == name && !slices.ContainsFunc(not, func(at source.Span) bool {
		return st.Info.Place == placeOf(at)
	})
}

// nameOf is a step's name: its id behind those of the steps that run its runbook.
func (h *holder) nameOf(st *journal.Step) string {
	name := ""
	for i, r := range st.Key {
		if id, runs := h.inside[st.Key[:i]]; r == '/' && runs {
			name += id + "/"
		}
	}
	return name + st.ID
}

// last is the latest step of a name of which something holds.
func (h *holder) last(name string, is func(*journal.Step) bool) *journal.Step {
	for _, st := range slices.Backward(h.state.Steps) {
		if h.means(name, st) && is(st) {
			return st
		}
	}
	return nil
}

func (h *holder) branchOf(id string) string {
	if st := h.last(id, func(st *journal.Step) bool { return st.Decision != nil }); st != nil {
		return st.Decision.Branch
	}
	return ""
}

func (h *holder) verdictOf(id string) string {
	if st := h.last(id, func(st *journal.Step) bool { return st.Done != nil }); st != nil {
		return st.Done.Verdict
	}
	return ""
}

func (h *holder) messageOf(id string) (string, bool) {
	if st := h.last(id, func(st *journal.Step) bool { return st.Message != nil }); st != nil {
		return st.Message.Text, true
	}
	return "", false
}

func (h *holder) evidenceOf(id, key string) (any, bool) {
	st := h.last(id, func(st *journal.Step) bool { return st.Done != nil })
	if st == nil {
		return nil, false
	}
	v, there := st.Done.Evidence[key]
	return v, there
}

// placeOf is a place as the journal tells it.
func placeOf(at source.Span) journal.Place {
	p := at.Position()
	return journal.Place{File: at.File.Name, Line: p.Line, Column: p.Column}
}
