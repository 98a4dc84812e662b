package interp

import (
	"maps"
	"slices"

	"runbook/engine/journal"
	"runbook/engine/plan"
)

// maxKnown bounds how many steps a question tells of: the last ones.
const maxKnown = 20

// findings is what the steps came to that look at the world or change it, in the
// order in which they began: which of two ends first, side by side, is chance.
type findings struct{ steps []finding }

type finding struct {
	journal.KnownStep
	ended bool
}

func tells(s *plan.Step) bool {
	return s.Role == plan.Check || s.Role == plan.Action || s.Role == plan.Manual
}

// begin notes a step that begins. In a group that is repeated the last round
// counts.
func (x *findings) begin(s *plan.Step, key Key, title string) {
	if !tells(s) {
		return
	}
	once := journal.Once(string(key))
	x.steps = slices.DeleteFunc(x.steps, func(was finding) bool { return journal.Once(was.Key) == once })
	x.steps = append(x.steps, finding{KnownStep: journal.KnownStep{Key: string(key), Title: title}})
}

// end notes how a step came out that began.
func (x *findings) end(s *plan.Step, key Key, d journal.StepFinishedData) {
	i := slices.IndexFunc(x.steps, func(f finding) bool { return f.Key == string(key) })
	if i < 0 || !tells(s) {
		return
	}
	k := &x.steps[i]
	k.ended, k.Verdict = true, d.Verdict
	if d.Verdict != passed {
		k.Reason = cut(d.Reason)
	}
	for name, v := range d.Evidence {
		if k.Evidence == nil {
			k.Evidence = map[string]any{}
		}
		k.Evidence[name] = short(v)
	}
	for len(x.steps) > maxKnown && x.steps[0].ended {
		x.steps = x.steps[1:]
	}
}

// known is what a person is told before they approve something.
func (r *run) known() *journal.Known {
	k := &journal.Known{Facts: map[string]any{}}
	for _, f := range r.found.steps {
		if f.ended {
			k.Steps = append(k.Steps, f.KnownStep)
		}
	}
	for name, v := range maps.All(r.facts) {
		k.Facts[name] = short(v)
	}
	if len(k.Facts)+len(k.Steps) == 0 {
		return nil
	}
	return k
}

// came is the way to a place, one turn longer.
func (f *frame) came(turn journal.Why) []journal.Why {
	return append(slices.Clip(f.why), turn)
}
