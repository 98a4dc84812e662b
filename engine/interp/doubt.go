package interp

import (
	"errors"
	"fmt"
	"maps"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
)

// InDoubt is what Call gives where an earlier process began the call and did not
// see its end: nobody knows whether it took effect. Once that is settled, and it is
// to be done again, Call.Settled counts one more.
type InDoubt struct{}

// Error says so.
func (*InDoubt) Error() string { return "it was under way when the run broke off" }

// doubts are the answers about an action in doubt.
var doubts = []journal.Choice{
	{ID: "done", Title: "it took effect: go on behind it, without what it found"},
	{ID: "again", Title: "it did not take effect, or may be done twice: do it now"},
	{ID: "failed", Title: "leave it: the step has failed"},
}

// made makes an attempt. One that is in doubt is settled first: by the step's
// check_after, or by a person. Where it is not made again, the second result is
// how the step came out.
func (r *run) made(w World, f *frame, s *plan.Step, key Key, c Call, env lang.Env) (Result, *done, error) {
	for {
		res, err := w.Call(key, c)
		var doubt *InDoubt
		if !errors.As(err, &doubt) {
			return res, nil, err
		}
		at := key + ".doubt"
		if c.Settled++; c.Settled > 1 {
			at += Key(fmt.Sprint(c.Settled))
		}
		if d := r.settle(w, f, s, at, env); d != nil {
			return Result{}, d, nil
		}
	}
}

// settle finds out whether an action took effect; nil is that it is to be done
// again.
func (r *run) settle(w World, f *frame, s *plan.Step, at Key, env lang.Env) *done {
	text := "This action was under way when the run broke off. Look whether it took effect, then say how to go on."
	if s.CheckAfter != nil {
		in := f.below(at)
		in.steps = maps.Clone(f.steps)
		err := r.step(w, in, s.CheckAfter)
		if err == nil {
			found, _ := in.steps[s.CheckAfter.ID].(map[string]any)
			switch verdict := found["verdict"]; {
			case verdict == passed:
				return tookEffect(s, "check_after")
			case verdict == notPassed || s.Idempotent:
				return nil
			}
		}
		text += " Its check_after could not tell."
	}
	a, err := w.Ask(at, Question{Step: s.ID, ApprovalRequestedData: journal.ApprovalRequestedData{
		Kind: "in_doubt", Title: r.text(s.Title, env), Text: text, Shown: s.Options.Preview(masked(env)), Choices: doubts, Always: true,
	}})
	switch {
	case err != nil:
		return unsettled(s, env, err)
	case a.Choice == "again":
		return nil
	case a.Choice == "done":
		return tookEffect(s, "person")
	}
	return inVain(s, env, "it was in doubt, and "+a.By+" said that it failed")
}

// tookEffect is an action that is done, and of which nobody knows what it found:
// its results are nil.
func tookEffect(s *plan.Step, by string) *done {
	d := ok()
	d.data.Settled = by
	d.fields = map[string]any{"error": map[string]any{"kind": "", "message": ""}}
	for _, x := range s.Kind.Result.Fields {
		d.fields[x.Name] = nil
	}
	for _, o := range s.Outputs {
		d.fields[o.Name] = nil
	}
	return &d
}

// unsettled is an action that stays in doubt because its scope ended.
func unsettled(s *plan.Step, env lang.Env, err error) *done {
	d := inVain(s, env, "it was under way when the run broke off, and nobody said whether it took effect")
	d.err = err
	return d
}

func inVain(s *plan.Step, env lang.Env, why string) *done {
	d := judge(env, s, Result{Fields: map[string]any{}, Error: &journal.Error{Kind: "canceled", Message: why}})
	return &d
}
