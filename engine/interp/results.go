package interp

// results computes what the run gives, unless it failed or was cancelled. One
// that cannot be computed fails the run.
func (r *run) results(w World, f *frame, out *Outcome) {
	if out.bad() || len(r.plan.Outputs) == 0 {
		return
	}
	got, err := outputs(r.env(w, f), r.plan.Outputs)
	if err != nil {
		out.Outcome, out.Reason = "failed", err.Error()
		return
	}
	out.Outputs = got
}
