package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"runbook/engine/guard"
	"runbook/engine/permit"
	"runbook/engine/plan"
	"runbook/engine/scenario"
	"runbook/engine/secret"
	"runbook/engine/types"
)

// requirements verifies programs and secrets. Commands that print secrets are
// not run for it; a provider is asked.
func (r *running) requirements(ctx context.Context) error {
	missing := &MissingError{}
	for _, p := range r.rb.Plan.Plans() {
		missing.Lines = append(missing.Lines, r.programs(p)...)
	}
	for _, s := range r.rb.secrets() {
		line := r.missingSecret(ctx, s)
		if line != "" && s.Optional {
			continue
		}
		if line == "" && r.store.Present(s.Key) {
			if err := r.store.Learn(ctx, s.Key); err != nil {
				line = err.Error()
			}
		}
		if line != "" {
			missing.Lines = append(missing.Lines, line)
		}
	}
	missing.Lines = append(missing.Lines, r.heldByInputs()...)
	if len(missing.Lines) == 0 {
		return nil
	}
	for i, line := range missing.Lines {
		missing.Lines[i] = r.masker.MaskString(line) // a provider may say what it was given
	}
	return missing
}

// heldByInputs are the inputs in which a secret stands. An input is written into the
// journal, where it would be masked, so that no resume could read it back.
func (r *running) heldByInputs() []string {
	if r.opts.Scenario != nil {
		return nil // its secrets are made up, and nothing of it is resumed
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.opts.Inputs)) {
		if held := r.masker.Holds(types.Encode(r.opts.Inputs[name])); held != "" {
			out = append(out, fmt.Sprintf("the input %s holds the secret %s, and inputs are written into the journal: leave it out, and let the runbook read `secrets.%s` itself", name, held, held))
		}
	}
	return out
}

// programs are those of a plan that are not installed. What the inputs of another
// runbook decide is not known before it is run.
func (r *running) programs(p *plan.Plan) []string {
	var out []string
	for _, q := range p.Requires {
		if r.world != nil {
			break // programs are emulated
		}
		if q.If != nil && p != r.rb.Plan {
			continue
		}
		if needed, err := q.Needed(r.opts.Inputs); err != nil {
			out = append(out, fmt.Sprintf("whether the program %s is needed cannot be computed: %s", q.Command, err))
			continue
		} else if !needed {
			continue
		}
		if _, err := r.guard.Find(q.Command); err != nil {
			out = append(out, fmt.Sprintf("the program %s is not installed, and %s needs it", q.Command, p.Name))
		}
	}
	return out
}

// missingSecret says what a secret lacks, or "".
func (r *running) missingSecret(ctx context.Context, s *plan.Secret) string {
	if r.store.Provide != nil {
		if _, err := r.store.Get(ctx, s.Key); err != nil {
			return err.Error()
		}
		return ""
	}
	if r.store.Present(s.Key) {
		return ""
	}
	about := ""
	if s.Description != "" {
		about = " (" + s.Description + ")"
	}
	switch {
	case r.world != nil:
		return fmt.Sprintf("the scenario %s has no secret %s%s", r.opts.Scenario.Name, s.Name, about)
	case s.Env != "":
		return fmt.Sprintf("secret %s%s is missing: set the environment variable %s", s.Key, about, s.Env)
	}
	return fmt.Sprintf("secret %s%s is missing: put it into the file %s", s.Key, about, s.File)
}

// lookup finds a secret's environment variable; in a drill, the scenario's
// secret under its own name.
func (r *running) lookup(name string) (string, bool) {
	if r.opts.Scenario != nil {
		v, ok := r.opts.Scenario.Secrets[name]
		return v, ok
	}
	if r.opts.Env == nil {
		return "", false
	}
	v := r.opts.Env(name)
	return v, v != ""
}

// provider asks the program's own provider of secrets; a scenario has its own.
func (r *running) provider() func(context.Context, secret.Source) (string, error) {
	if r.opts.Secrets == nil || r.opts.Scenario != nil {
		return nil
	}
	return func(ctx context.Context, s secret.Source) (string, error) {
		ctx, stop := context.WithTimeout(ctx, secretTime)
		defer stop()
		return r.opts.Secrets(ctx, s)
	}
}

// secretTime is how long the fetching of a secret may take.
const secretTime = time.Minute

// secretCommand runs the program that prints a secret. It needs no permission:
// it stands in the file where nothing but its own words can fill it in.
func (r *running) secretCommand(ctx context.Context, argv []string) (string, error) {
	g := r.outside(permit.Set{Observe: argv[:1]})
	ctx, stop := context.WithTimeout(ctx, secretTime)
	defer stop()
	out, err := g.RunProgram(ctx, guard.Program{Argv: argv, MaxOut: secret.MaxBytes})
	if err == nil && out.Exit != 0 {
		err = fmt.Errorf("exit %d", out.Exit) // not its output: that may hold the secret
	}
	if err == nil && out.Truncated {
		err = fmt.Errorf("it printed more than %d bytes", secret.MaxBytes)
	}
	return out.Stdout, err
}

func (rb *Runbook) sources(s *scenario.Scenario) []secret.Source {
	var out []secret.Source
	for _, x := range rb.secrets() {
		src := secret.Source{Name: x.Key, Env: x.Env, File: x.File, Command: x.Command, Optional: x.Optional}
		if s != nil {
			src = secret.Source{Name: x.Key, Env: x.Name, Optional: x.Optional}
		}
		out = append(out, src)
	}
	return out
}

// secrets are those of all the files that the run is made of.
func (rb *Runbook) secrets() []*plan.Secret {
	var out []*plan.Secret
	for _, p := range rb.Plan.Plans() {
		out = append(out, p.Secrets...)
	}
	return out
}

// otherEnv are the variables in which a secret stands besides its own: programs get
// none of them.
func (r *running) otherEnv(environ []string) []string {
	var out []string
	for _, s := range r.rb.secrets() {
		v, ok := "", false
		if s.Env != "" && r.opts.Scenario == nil {
			v, ok = r.lookup(s.Env)
		}
		if !ok || len(v) < secret.MinLength {
			continue
		}
		for _, kv := range environ {
			if name, value, _ := strings.Cut(kv, "="); strings.Contains(value, v) {
				out = append(out, name)
			}
		}
	}
	return out
}

// secretEnv are the variables that programs do not get.
func (rb *Runbook) secretEnv() []string {
	var out []string
	for _, s := range rb.secrets() {
		if s.Env != "" {
			out = append(out, s.Env)
		}
	}
	return out
}
