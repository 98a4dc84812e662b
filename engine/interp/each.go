package interp

import (
	"errors"
	"fmt"
	"maps"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/types"
)

// maxItems bounds the list of an `each`.
const maxItems = 10_000

// items is one `each` under way.
type items struct {
	list    []any
	given   []map[string]any // the outputs of each item; nil where it did not pass
	failed  []int            // in the order in which they failed
	waiting int              // items that wait for a person, and so keep their place
	err     *failed          // of the first item that failed
}

// each runs the steps for every item, at most max at once. Items begin as long
// as no more have failed than may; those under way finish.
func (r *run) each(w World, f *frame, s *plan.Step, key Key) done {
	list, err := listOf(r.env(w, f), s)
	if err != nil {
		return erred(err)
	}
	t := &items{list: list, given: make([]map[string]any, len(list))}
	branches := make([]Key, len(list))
	for i := range list {
		branches[i] = itemKey(key, i)
	}
	err = r.within(w, key, s.Timeout, func(w World) error {
		return t.worst(s, w.Each(key, branches, s.Max, func(i int, w World) error { return r.item(w, f, s, key, t, i) }, func(_ int, err error) bool {
			var end *ended
			return errors.As(err, &end)
		}))
	})
	d := up(err)
	d.data.Items, d.data.FailedItems = len(list), t.failed
	if d.inner != nil && d.inner == t.err {
		d.reason = t.reason(s)
	}
	if d.verdict != passed || d.err != nil {
		return d
	}
	d.fields = t.outputs(s)
	d.data.Outputs = encoded(d.fields)
	return d
}

func itemKey(key Key, i int) Key { return key + Key(fmt.Sprintf("[%d]", i)) }

// listOf evaluates the list of an `each`.
func listOf(env lang.Env, s *plan.Step) ([]any, error) {
	v, err := s.In.Eval(env)
	if err != nil {
		return nil, fmt.Errorf("the list cannot be computed: %w", err)
	}
	list, isList := v.([]any)
	switch {
	case !isList && v == nil:
		return nil, fmt.Errorf("`in` gives nil, not a list")
	case !isList:
		return nil, fmt.Errorf("`in` gives %q, not a list", cut(types.Format(v)))
	case len(list) > maxItems:
		return nil, fmt.Errorf("the list has %d items; an `each` takes at most %d", len(list), maxItems)
	}
	return list, nil
}

// item runs the steps for one item.
func (r *run) item(w World, f *frame, s *plan.Step, key Key, t *items, i int) error {
	switch {
	case len(t.failed) > s.MaxFailures:
		return nil // it does not begin
	case t.waiting >= s.Max:
		return ErrPaused
	}
	in := f.forItem(s, itemKey(key, i), t.list[i])
	w.Emit(in.path, Event{Type: journal.ItemStarted, Step: s.ID, Data: journal.ItemStartedData{Name: s.As, Index: i, Value: short(t.list[i])}})
	err := r.steps(w, in, s.Steps)
	if err == nil {
		var out map[string]any
		if out, err = outputs(r.env(w, in), s.Outputs); err == nil {
			t.given[i] = out
			return nil
		}
		err = &failed{in.path, err.Error()}
	}
	var fail *failed
	if errors.As(err, &fail) {
		t.failed = append(t.failed, i)
		if t.err == nil {
			t.err = fail
		}
	} else if errors.Is(err, ErrPaused) {
		t.waiting++
	}
	return err
}

// forItem is the frame of one item: its steps have not run, and what they find
// is its own.
func (f *frame) forItem(s *plan.Step, path Key, item any) *frame {
	in := f.below(path)
	in.item = path
	in.items = maps.Clone(f.items)
	if in.items == nil {
		in.items = map[string]any{}
	}
	in.items[s.As] = item
	in.why = f.came(journal.Why{Key: journal.StepKey(string(path)), Item: s.As, Value: short(item)})
	in.steps = maps.Clone(f.steps)
	if !f.called {
		in.file = in.steps
	}
	return in
}

// secretName is what a collected secret is known by: those of several items are
// several.
func (f *frame) secretName(s *plan.Step, c *plan.Collect) string {
	name := s.ID + "." + c.Name
	if f.item != "" {
		name = string(f.item) + "/" + name
	}
	return name
}

// worst is what the items together end with. Failures that may be are none.
func (t *items) worst(s *plan.Step, errs []error) error {
	err := worst(errs)
	var fail *failed
	if !errors.As(err, &fail) {
		return err
	}
	if len(t.failed) > s.MaxFailures {
		return t.err
	}
	return nil
}

// reason says how many failed, and because of which step.
func (t *items) reason(s *plan.Step) string {
	text := fmt.Sprintf("%d of %d items failed", len(t.failed), len(t.list))
	if s.MaxFailures > 0 {
		text += fmt.Sprintf(", and %d may", s.MaxFailures)
	}
	return text + ": because of " + string(t.err.key) + ": " + t.err.reason
}

// outputs are those of the items as lists, in the order of the items.
func (t *items) outputs(s *plan.Step) map[string]any {
	all := make(map[string]any, len(s.Outputs))
	for _, o := range s.Outputs {
		list := make([]any, len(t.list))
		for i, given := range t.given {
			list[i] = given[o.Name]
		}
		all[o.Name] = list
	}
	return all
}

// short is a value for people: a long one is cut.
func short(v any) any {
	if text := types.Format(v); len(text) > 500 {
		return cut(text)
	}
	return types.Encode(v)
}

func cut(text string) string {
	if r := []rune(text); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return text
}
