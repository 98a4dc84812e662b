package interp

import (
	"errors"
	"maps"
	"time"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/secret"
)

// Options are what a run knows beforehand.
type Options struct {
	Run      string // its id
	Mode     string // run or drill
	Scenario string
	Engine   string // the engine's version
	User     string
	Host     string
	Dir      string            // the folder of a real run, for the journal
	Identity *journal.Identity // how it is known who User is; nil where nobody says
	Origin   string            // the absolute path of the runbook's file, or ""
	Inputs   map[string]any
	// Undo is set to go on with a run that is over: how often what it still owes was
	// offered since, and once more.
	Undo int
	// Present says which declared secrets have a value.
	Present func(name string) bool
	// Policy is the organisation's under which it runs; nil is none.
	Policy *journal.Policy
	// Begun says whether a step was begun in an earlier part of the run, with the
	// approvals that a policy demanded then: a policy of now does not ask about what
	// was begun before. Nil is a run that has no earlier part.
	Begun func(step Key) (bool, []Demanded)
}

// Demanded is a question that a policy demanded in an earlier part of the run; At
// is its key.
type Demanded struct {
	At    Key
	Asked journal.ApprovalRequestedData
}

// Outcome is how a run ended.
type Outcome struct {
	Outcome string
	Summary string
	Failed  Key    // the step that failed the run
	Reason  string // why it failed
	Facts   map[string]any
	Outputs map[string]any // what the run gives; nil where it failed or was cancelled
}

// Run walks a plan. The error is ErrPaused where the run waits for a person, or
// what the runtime died of; a run that failed or was cancelled is an Outcome.
func Run(w World, p *plan.Plan, o Options) (Outcome, error) {
	r, f := begin(p, o, "")
	r.open(w)

	// The steps run in a scope of their own, which a cancel ends; the root
	// outlives it for the sake of undo and finally.
	err := w.Within("steps", 0, func(w World) error { return r.steps(w, f, p.Steps) })
	out, err := r.end(w, f, err)
	if err != nil {
		return out, err
	}
	out.Facts = maps.Clone(r.facts)
	w.Emit("", Event{Type: journal.RunFinished, Data: journal.RunFinishedData{
		Outcome: out.Outcome, Summary: out.Summary, Error: out.Reason, Failed: string(out.Failed),
		Facts: encoded(r.facts), Outputs: encoded(out.Outputs), Duration: journal.SecondsOf(w.Now().Sub(r.started)),
	}})
	return out, r.undoLater(w, &out, o.Undo)
}

// begin is the state of a run before its first step. Path is the key of the step
// that runs it, or "".
func begin(p *plan.Plan, o Options, path Key) (*run, *frame) {
	r := &run{plan: p, opts: o, facts: map[string]any{}, secrets: map[string]any{}, incidents: map[string]string{}, approved: map[Key][]int{}, found: &findings{}}
	for _, f := range p.Facts {
		r.facts[f.Name] = f.Default
	}
	for _, s := range p.Secrets {
		r.secrets[s.Name] = secret.Value{Name: s.Key, Present: o.Present(s.Key)}
	}
	f := &frame{path: path, steps: map[string]any{}, inputs: o.Inputs}
	f.file = f.steps
	fresh(f.steps, p.Steps)
	fresh(f.steps, p.Finally)
	return r, f
}

// end is what comes behind the steps: the outputs, what is owed, what other
// runbooks left, and the steps that run whatever happened.
func (r *run) end(w World, f *frame, err error) (Outcome, error) {
	out, err := r.outcome(err)
	if err != nil {
		return out, err
	}
	r.results(w, f, &out)
	if err := r.undoAll(w, &out); err != nil {
		return out, err
	}
	if err := r.leftovers(w); err != nil {
		return out, err
	}
	return out, r.finally(w, f, &out)
}

// run is the state of one run.
type run struct {
	plan    *plan.Plan
	opts    Options
	facts   map[string]any
	secrets map[string]any
	started time.Time

	// incidents are those on status pages that this run began, by channel; an
	// empty one is being begun.
	incidents map[string]string
	final     string // the outcome, once it is known
	// approved are the entries of the policy's approve that people granted, by step.
	approved map[Key][]int
	owed     []owed
	found    *findings // what the steps came to, of this runbook and those around it

	// Of a run that a step of another runs: that other one, and what the step
	// runs. Left are those that were broken off inside this one.
	up   *run
	key  Key
	as   Sub
	left []leftover
}

// frame is one list of steps with its names: the file's, or a procedure's.
type frame struct {
	path   Key
	steps  map[string]any
	file   map[string]any // the file's own steps, which procedures read
	inputs map[string]any
	rounds *rounds        // of the nearest group that is repeated
	items  map[string]any // the items of the `each` steps around, by name
	item   Key            // the path of the innermost item or runbook, or ""
	called bool           // in a procedure: steps are not the file's
	why    []journal.Why  // the way here
	agreed *agreed        // what was approved, of the step that is about to run
}

// below is the frame under a path; the names stay the same.
func (f *frame) below(path Key) *frame {
	in := *f
	in.path = path
	return &in
}

func (f *frame) key(id string) Key {
	if f.path == "" {
		return Key(id)
	}
	return f.path + "/" + Key(id)
}

// fresh enters steps, and those inside them, as not having run.
func fresh(into map[string]any, steps []*plan.Step) {
	for _, s := range steps {
		into[s.ID] = map[string]any{"ran": false, "verdict": skipped}
		fresh(into, s.Steps)
		fresh(into, s.Failure.Steps)
		for _, b := range s.Branches {
			fresh(into, b.Steps)
		}
		if s.Undo != nil {
			fresh(into, s.Undo.Steps)
		}
	}
}

func (r *run) open(w World) {
	p, o := r.plan, r.opts
	env := r.env(w, &frame{inputs: o.Inputs})
	w.Emit("", Event{Type: journal.RunStarted, Data: journal.RunStartedData{
		Runbook: journal.Runbook{Name: p.Name, Title: p.Title, Version: p.Version, Path: p.File.Name, Origin: o.Origin, Digest: p.Digest},
		Mode:    o.Mode, Scenario: o.Scenario, Engine: o.Engine, User: o.User, Host: o.Host, Dir: o.Dir, Identity: o.Identity,
		Inputs: encoded(o.Inputs), Facts: encoded(r.facts), Secrets: present(p, o), Links: links(p.Links, env), Files: filesOf(p), Policy: o.Policy,
	}})
	r.started = w.Now()
}

// present are the declared secrets that are there, of all the files that the run
// is made of.
func present(p *plan.Plan, o Options) []string {
	var out []string
	for _, x := range p.Plans() {
		for _, s := range x.Secrets {
			if o.Present(s.Key) {
				out = append(out, s.Key)
			}
		}
	}
	return out
}

// env is what expressions and templates read at a place.
func (r *run) env(w World, f *frame) lang.Env {
	about := map[string]any{"id": r.opts.Run, "started": r.started, "elapsed": w.Now().Sub(r.started), "user": r.opts.User}
	if r.final != "" {
		about["outcome"] = r.final
	}
	env := lang.Env{"steps": f.steps, "inputs": f.inputs, "facts": r.facts, "secrets": r.secrets, "run": about}
	maps.Copy(env, f.items)
	return env
}

// ended is an `end`: it goes up through everything.
type ended struct{ outcome, summary string }

func (e *ended) Error() string { return "the runbook ended: " + e.outcome }

// failed is a step that failed: it goes up as far as no on_failure takes it.
type failed struct {
	key    Key
	reason string
}

func (e *failed) Error() string { return string(e.key) + ": " + e.reason }

// outcome turns what the walk ended with into the run's outcome.
func (r *run) outcome(err error) (Outcome, error) {
	var end *ended
	var fail *failed
	switch {
	case err == nil:
		return Outcome{Outcome: "completed"}, nil
	case errors.As(err, &end):
		return Outcome{Outcome: end.outcome, Summary: end.summary}, nil
	case errors.As(err, &fail):
		return Outcome{Outcome: "failed", Failed: fail.key, Reason: fail.reason}, nil
	case errors.Is(err, ErrCancelled):
		return Outcome{Outcome: "cancelled", Reason: "the run was cancelled"}, nil
	}
	return Outcome{}, err
}

func (o *Outcome) bad() bool { return o.Outcome == "failed" || o.Outcome == "cancelled" }

// finally runs the steps that run whatever happened.
func (r *run) finally(w World, f *frame, out *Outcome) error {
	r.final = out.Outcome
	err := r.steps(w, f.below(f.key("finally")), r.plan.Finally)
	var end *ended
	var fail *failed
	switch {
	case err == nil:
	case errors.As(err, &end):
		if !out.bad() {
			out.Outcome, out.Summary = end.outcome, end.summary
		}
	case errors.As(err, &fail):
		if !out.bad() {
			out.Outcome, out.Failed, out.Reason = "failed", fail.key, fail.reason
		}
	default:
		return err
	}
	return nil
}
