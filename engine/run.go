package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"runbook/engine/channel"
	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind/exec"
	"runbook/engine/lang"
	"runbook/engine/permit"
	"runbook/engine/plan"
	"runbook/engine/runtime/local"
	"runbook/engine/scenario"
	"runbook/engine/scenario/emulator"
	"runbook/engine/secret"
	"runbook/engine/types"
)

// Mode is what a run is: the real thing, or in a scenario's world a drill, with
// real time and connections, or a test, which simulates both.
type Mode string

// The modes.
const (
	ModeRun   Mode = "run"
	ModeDrill Mode = "drill"
	ModeTest  Mode = "test"
)

// ErrNobody is what Session.Ask returns where nobody is there to answer: the run
// waits once nothing else can go on.
var ErrNobody = local.ErrNobody

// ErrLeft is what Run gives where Session.Hurry was closed before the run came to
// its end. Its journal is whole, and Resume goes on.
var ErrLeft = local.ErrLeft

// Session is who runs, where the run is kept, and how it is shown.
type Session struct {
	User string
	Host string
	// Identity says how it is known who User is; nil is that the program which the
	// engine is built into says so.
	Identity *journal.Identity
	Store    *journal.Store           // nil keeps nothing
	Env      func(name string) string // where secrets are looked up; nil: nothing
	// Secrets is a provider of the program's own, say a vault: before the first step
	// it is asked for every declared secret, whatever source the file names for it.
	// "" is one that it does not have. Nil goes by the file.
	Secrets func(context.Context, secret.Source) (string, error)
	Hide    []string              // variables that no program gets, besides those of secrets
	Watch   []func(journal.Event) // told of every event, in order
	// Hurry is closed when nobody waits for a cancelled run any more: what runs is
	// killed, nothing else begins, and Run gives ErrLeft. Nil is never.
	Hurry <-chan struct{}
	// Ask puts a question to a person; values that are secret come apart, by
	// field. Nil is nobody.
	Ask func(context.Context, interp.Question) (interp.Answer, map[string]string, error)
}

// RunOptions are what a run is given. With a Scenario it is a drill: its secrets
// are the scenario's, and its world is emulated.
type RunOptions struct {
	Session
	Inputs   map[string]any // typed, by Inputs.Resolve
	Scenario *scenario.Scenario
	Origin   string // the absolute path of the runbook's file; "" where it has none
	// AcceptChanges lets a run go on with a runbook that was edited since, where
	// nothing that was executed is touched. What may be done is what it permits now.
	AcceptChanges bool

	undo      int            // the run is over: how often what it owes was offered since, and once more
	cancel    bool           // the run is gone on with to end it: its steps are cancelled before the next begins
	simulated bool           // a test: the scenario's world is on a simulated clock, in memory
	loopback  bool           // a test whose world has connections, as that of a drill
	speak     emulator.Speak // how programs are heard, where it is not as ever
}

// Outcome is how a run ended, or how it waits.
type Outcome struct {
	Run     string // its id
	Code    ExitCode
	Outcome string
	State   *journal.State
	Waiting []interp.Question // of a paused run
	Missed  []string          // of a drill: calls that the scenario does not answer
	World   *scenario.World   // of a drill: what was called in it
}

// DeniedError is a permission that was denied before the first step.
type DeniedError struct{ Reason string }

// Error is the reason.
func (e *DeniedError) Error() string { return e.Reason }

// Run runs the runbook. The error is for what kept it from beginning, or from
// being written down; a run that failed is an Outcome.
func (rb *Runbook) Run(ctx context.Context, o RunOptions) (*Outcome, error) {
	id, err := journal.NewID(time.Now(), rb.Plan.Name)
	if err != nil {
		return nil, err
	}
	if o.Inputs, err = rb.complete(o.Inputs); err != nil {
		return nil, err
	}
	r, err := rb.prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	state := journal.NewState()
	w, err := journal.Create(o.dir(id), id, journal.Options{User: o.User, Mask: r.masker, Watch: o.Watch, State: state, Memory: o.Store == nil, Through: o.through()})
	if err != nil {
		return nil, err
	}
	if o.Store != nil {
		if err := rb.keep(o.Store, id); err != nil {
			_ = w.Close() // nothing was begun
			journal.Discard(o.dir(id))
			return nil, err
		}
	}
	out, err := r.walk(ctx, id, w, nil, state)
	if err != nil && w.Head() == "" { // not even that it begins could be written down
		journal.Discard(o.dir(id))
	}
	return out, err
}

// complete gives the inputs that a caller leaves out their defaults.
func (rb *Runbook) complete(given map[string]any) (map[string]any, error) {
	out := maps.Clone(given)
	if out == nil {
		out = map[string]any{}
	}
	missing := &MissingError{}
	for _, in := range rb.Plan.Inputs {
		if _, ok := out[in.Name]; ok {
			continue
		}
		if in.Default == nil && in.Required {
			missing.Lines = append(missing.Lines, fmt.Sprintf("input %s is missing: %sgive it in RunOptions.Inputs", in.Name, described(in)))
		}
		out[in.Name] = in.Default
	}
	if len(missing.Lines) > 0 {
		return nil, missing
	}
	return out, nil
}

// keep keeps a copy of all files that the run is made of.
func (rb *Runbook) keep(s *journal.Store, id string) error {
	if err := s.KeepRunbook(id, rb.Plan.File.Data); err != nil {
		return err
	}
	for _, f := range rb.Plan.Beside {
		if err := s.KeepFile(id, f.Digest, f.File.Data); err != nil {
			return err
		}
	}
	return nil
}

// madeOf reports whether the runbook is made of the files that a run began with.
func (rb *Runbook) madeOf(files []journal.File) bool {
	return slices.EqualFunc(rb.Plan.Beside, files, func(b plan.Beside, f journal.File) bool { return b.Digest == f.Digest })
}

func (s *Session) identity() *journal.Identity {
	if s.Identity == nil {
		return &journal.Identity{Established: journal.ByProgram, Host: s.Host}
	}
	return s.Identity
}

func (s *Session) dir(id string) string {
	if s.Store == nil {
		return ""
	}
	return s.Store.Path(id)
}

func (s *Session) through() func(journal.Disk) journal.Disk {
	if s.Store == nil {
		return nil
	}
	return s.Store.Through
}

// running is a run that is ready to go.
type running struct {
	rb     *Runbook
	opts   RunOptions
	masker *secret.Masker
	store  *secret.Store
	guard  *guard.Guard
	doors  guard.Options
	narrow []*guard.Guard // those of other runbooks that were run
	around map[*guard.Guard]ran
	world  *scenario.World    // of a drill or a test
	emu    *emulator.Emulator // of a drill
	kinds  []exec.Kind        // as they are in that world
}

// prepare renders the permissions, opens the world, and verifies what the run
// needs before its first step.
func (rb *Runbook) prepare(ctx context.Context, o RunOptions) (*running, error) {
	r, err := rb.open(o)
	if err != nil {
		return nil, err
	}
	err = r.heldSecrets(ctx)
	if err == nil && !o.cancel { // what the steps need must not hold up their end
		err = r.requirements(ctx)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// open renders the permissions and opens the world.
func (rb *Runbook) open(o RunOptions) (*running, error) {
	set, err := permissions(rb.Plan, o.Inputs)
	if err != nil {
		return nil, err
	}
	r := &running{rb: rb, opts: o, masker: secret.NewMasker(), kinds: rb.kinds}
	set = set.Under(rb.policy.rules())
	options := guard.Options{Hide: slices.Concat(rb.secretEnv(), r.otherEnv(os.Environ()), o.Hide), Hurry: o.Hurry}
	if r.doors, err = r.open(options); err != nil {
		return nil, err
	}
	r.guard = guard.New(set, r.doors)
	r.around = map[*guard.Guard]ran{r.guard: {rb.Plan, o.Inputs}}
	r.words()
	r.store = secret.NewStore(r.masker, rb.sources(o.Scenario), r.lookup, r.secretCommand)
	r.store.Provide = r.provider()
	if rb.policy != nil {
		r.store.ReadFile = r.secretFile
	}
	return r, nil
}

// words tells the masker what no secret can be: a word that the journal of this run
// is written with, or what stands in a file that is kept beside it. In a scenario
// all secrets are made up.
func (r *running) words() {
	for _, k := range r.rb.kinds {
		for _, f := range k.Result.Fields {
			r.masker.Reserve(f.Name)
		}
	}
	if r.opts.Scenario != nil {
		return
	}
	r.masker.Plain(r.rb.Plan.File.Name, string(r.rb.Plan.File.Data))
	for _, f := range r.rb.Plan.Beside {
		r.masker.Plain(f.File.Name, string(f.File.Data))
	}
}

// open gives the doors into the world of the run: the real one, or that of a
// scenario, on loopback for a drill and in memory for a test.
func (r *running) open(doors guard.Options) (guard.Options, error) {
	if r.opts.Scenario == nil {
		return doors, nil
	}
	r.world = scenario.Play(r.opts.Scenario)
	r.kinds = emulator.Kinds(r.world, r.rb.kinds)
	if r.opts.simulated && !r.opts.loopback {
		return emulator.InMemory(r.world).Doors(doors), nil
	}
	var err error
	if r.emu, err = emulator.Serve(r.world); err != nil {
		return doors, err
	}
	if r.opts.speak != nil {
		r.emu.Speaking(r.opts.speak)
	}
	return r.emu.Doors(doors), nil
}

func (r *running) close() {
	for _, g := range append(r.narrow, r.guard) {
		g.Close()
	}
	if r.emu != nil {
		_ = r.emu.Close() // nothing is left to be lost
	}
}

// inside is the guard of another runbook that is run inside one.
func (r *running) inside(ctx context.Context, outer *guard.Guard, p *plan.Plan, inputs map[string]any) (*guard.Guard, error) {
	set, err := permissions(p, inputs)
	if err != nil {
		return nil, err
	}
	around := outer.Permissions
	if len(p.Channels) > 0 {
		around.Channels = append(append([]string(nil), around.Channels...), r.reached(ctx, r.around[outer])...)
	}
	set.Within = &around
	g := guard.New(set, r.doors)
	r.narrow = append(r.narrow, g)
	r.around[g] = ran{p, inputs}
	return g, nil
}

// narrowed makes the guards of runbooks that are run inside others.
func (r *running) narrowed(ctx context.Context) func(*guard.Guard, *plan.Plan, map[string]any) (*guard.Guard, error) {
	return func(outer *guard.Guard, p *plan.Plan, inputs map[string]any) (*guard.Guard, error) {
		return r.inside(ctx, outer, p, inputs)
	}
}

// ran is a runbook that is run, with its inputs.
type ran struct {
	plan   *plan.Plan
	inputs map[string]any
}

// reached are the hosts that a runbook's channels really lead to, which its secrets
// may say: what it runs may send there as well. A channel that leads nowhere adds
// none.
func (r *running) reached(ctx context.Context, x ran) (hosts []string) {
	secrets := r.present(x.plan)
	for _, c := range x.plan.Channels {
		v, err := c.Options.Render(lang.Env{"inputs": x.inputs, "secrets": secrets})
		if err != nil {
			continue
		}
		v, err = secret.Reveal(v, func(name string) (string, error) { return r.store.Get(ctx, name) })
		settings, _ := v.(map[string]any)
		for _, option := range settings {
			text, _ := option.(string)
			if u, bad := url.Parse(text); err == nil && bad == nil && u.Host != "" {
				hosts = append(hosts, u.Host)
			}
		}
	}
	return hosts
}

// permissions are the file's, with the hosts that depend on inputs.
func permissions(p *plan.Plan, inputs map[string]any) (permit.Set, error) {
	set := p.Permissions.Static
	set.Hosts = append([]string(nil), set.Hosts...)
	for _, c := range p.Channels {
		if c.Host != "" {
			set.Channels = append(set.Channels, c.Host)
		}
	}
	for _, t := range p.Permissions.Hosts {
		v, err := t.Render(lang.Env{"inputs": inputs})
		if err != nil {
			return set, &DeniedError{fmt.Sprintf("the permitted host `%s` cannot be computed: %s", t.Text.Value, err)}
		}
		host := types.Format(v)
		if u, err := url.Parse(host); err == nil && u.Host != "" {
			host = u.Host // an input that is a URL stands for its host
		}
		if host = strings.TrimSpace(host); host != "" {
			set.Hosts = append(set.Hosts, host)
		}
	}
	return set, nil
}

// walk hands the plan to the runtime and closes the journal.
func (r *running) walk(ctx context.Context, id string, w *journal.Writer, past []journal.Event, state *journal.State) (*Outcome, error) {
	o := r.opts
	mode, name := ModeRun, scenarioName(o.Scenario)
	if o.Scenario != nil {
		mode = ModeDrill
	}
	ask := o.Ask
	if ask == nil {
		ask = func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
			return interp.Answer{}, nil, ErrNobody
		}
	}
	parts := r.parts(ctx, w)
	parts.Past, parts.Ask, parts.Cancelled = past, ask, o.cancel
	if r.world != nil {
		parts.Begins = r.world.Begins
	}
	out, open, err := local.Run(ctx, r.rb.Plan, parts, interp.Options{
		Run: id, Mode: string(mode), Scenario: name, Engine: Version(), User: o.User, Host: o.Host, Dir: r.dir(), Origin: o.Origin, Inputs: o.Inputs, Present: r.store.Present, Identity: o.identity(),
		Policy: r.rb.policy.told(), Begun: begun(past), Undo: o.undo,
	})
	result := &Outcome{Run: id, Outcome: out.Outcome, State: state}
	if errors.Is(err, interp.ErrPaused) {
		err = pause(w, open, result)
	} else if err == nil && o.undo > 0 {
		if len(state.Owed()) > 0 {
			result.Code = ExitFailed
		}
	} else if err == nil {
		result.Code = code(out, state)
	}
	if r.world != nil {
		result.Missed, result.World = r.missed(), r.world
	}
	if closed := w.Close(); err == nil {
		err = closed
	}
	return result, err
}

// missed are the calls that a scenario does not answer, as people may see them.
func (r *running) missed() []string {
	out := r.world.Missed()
	for i, call := range out {
		out[i] = r.masker.MaskString(call)
	}
	return out
}

// parts are what the runtime is made of, for a run and for what is sent later.
func (r *running) parts(ctx context.Context, w *journal.Writer) local.Options {
	return local.Options{Journal: w, Kinds: r.kinds, Channels: r.channels(), Guard: r.guard, Narrow: r.narrowed(ctx), Secrets: r.store, Masker: r.masker, Identity: r.opts.identity(), Hurry: r.opts.Hurry}
}

// channels are the kinds of channels, as they are in the run's world.
func (r *running) channels() []exec.Kind {
	if r.world != nil {
		return channel.Drill(stubbed(r.opts.Scenario))
	}
	return channel.All()
}

// pause records whom the run waits for.
func pause(w *journal.Writer, open []interp.Question, result *Outcome) error {
	keys := []string{}
	for _, q := range open {
		keys = append(keys, journal.StepKey(string(q.Key)))
	}
	result.Code, result.Outcome, result.Waiting = ExitPaused, "paused", open
	_, err := w.Append(journal.RunPaused, "", "", journal.RunPausedData{Waiting: keys}, true)
	return err
}

// code is the exit code of a run that came to its end.
func code(out interp.Outcome, state *journal.State) ExitCode {
	switch out.Outcome {
	case "cancelled":
		return ExitCancelled
	case "failed":
		if st := state.Step(string(out.Failed)); st != nil && st.Done != nil && st.Done.Error != nil && st.Done.Error.Kind == "denied" {
			return ExitDenied
		}
		return ExitFailed
	}
	return ExitOK
}
