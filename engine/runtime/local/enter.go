package local

import (
	"errors"

	"runbook/engine/interp"
)

// Enter gives the World of another runbook: the same scope, and a guard that
// permits what both do.
func (w *world) Enter(_ interp.Key, s interp.Sub) (interp.World, error) {
	if w.rt.opts.Narrow == nil {
		return nil, errors.New("no other runbook can be run here")
	}
	g, err := w.rt.opts.Narrow(w.guard, s.Plan, s.Inputs)
	if err != nil {
		return nil, err
	}
	in := *w
	in.root, in.outer, in.key, in.end = false, w, "", nil
	in.guard, in.in = g, w.in+s.Step+"/"
	return &in, nil
}
