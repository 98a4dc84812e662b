package engine

import (
	"runbook/engine/interp"
)

// RunIn runs the runbook in a World of the program's own, which makes the calls,
// asks people, waits, and keeps the events: another runtime than this machine.
// The walk is the same, so it decides as it does anywhere. What is permitted,
// what is secret and what is kept is that World's to see to; the plan has the
// permissions and the policy; what the policy demands is asked, and a Call says what was granted. Options that are left out have their defaults.
//
// The error is interp.ErrPaused where the run waits for a person, or what the
// World died of; a run that failed is an Outcome.
func (rb *Runbook) RunIn(w interp.World, o interp.Options) (interp.Outcome, error) {
	inputs, err := rb.complete(o.Inputs)
	if err != nil {
		return interp.Outcome{}, err
	}
	o.Inputs = inputs
	if o.Mode == "" {
		o.Mode = string(ModeRun)
	}
	if o.Policy == nil {
		o.Policy = rb.policy.told()
	}
	if o.Engine == "" {
		o.Engine = Version()
	}
	if o.Present == nil {
		o.Present = func(string) bool { return false }
	}
	return interp.Run(w, rb.Plan, o)
}
