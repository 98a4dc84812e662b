package dry

import (
	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
)

// sub follows another runbook, whose facts, secrets and steps are its own.
func (w *walk) sub(f frame, key string, s *plan.Sub) {
	o := w.o
	o.Inputs = map[string]any{}
	for _, d := range s.Plan.Inputs {
		if d.Default != nil || !d.Required {
			o.Inputs[d.Name] = d.Default
		}
	}
	for _, x := range s.Inputs {
		v := value(x.Value, f.env(), "inputs."+x.Name)
		if _, unknown := v.(lang.Unknown); unknown {
			delete(o.Inputs, x.Name)
			continue
		}
		o.Inputs[x.Name] = v
	}
	o.Observe = nil
	if w.o.Enter != nil {
		o.Observe, o.Enter = w.o.Enter(s.Plan, o.Inputs)
	}
	in := &walk{plan: s.Plan, o: o}
	at := in.root()
	at.path = key
	in.steps(at, s.Plan.Steps)
	if len(s.Plan.Finally) > 0 {
		in.emit(journal.BranchRehearsed, "", key+"/finally", journal.BranchRehearsedData{Branch: "finally", When: "whatever happened"})
		in.steps(at.at(key+"/finally"), s.Plan.Finally)
	}
}
