package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/permit"
	"runbook/engine/plan"
	"runbook/engine/policy"
	"runbook/engine/source"
)

// Policy is an organisation's policy: it narrows what any runbook may ask for,
// denies what none may do, and demands approval.
type Policy struct {
	*permit.Policy
	// Origin is the absolute path of its file, for the journal; "" where it has none.
	Origin string
}

// ReadPolicy reads a policy. It is nil where the findings hold an error.
func ReadPolicy(f *source.File) (*Policy, source.Diagnostics) {
	var found source.Diagnostics
	p := policy.Parse(f, func(d source.Diagnostic) { found = append(found, d) })
	if p == nil {
		return nil, found.Sort()
	}
	out := &Policy{Policy: p}
	if filepath.IsAbs(f.Name) {
		out.Origin = f.Name
	}
	return out, found.Sort()
}

// isPolicy finds the key that makes a file a policy.
var isPolicy = regexp.MustCompile(`(?m)^policy[ \t]*:`)

// IsPolicy reports whether a file says that it is a policy.
func IsPolicy(data []byte) bool { return isPolicy.Match(data) }

// WithPolicy holds runbooks against an organisation's policy: what goes beyond it is
// an error of Validate and a warning of Load, and a run under it is denied what it
// does not permit, and asks what it demands. Nil is no policy.
func WithPolicy(p *Policy) Option { return func(s *settings) { s.policy = p } }

// rules are the policy as the packages below know it.
func (p *Policy) rules() *permit.Policy {
	if p == nil {
		return nil
	}
	return p.Policy
}

// told is the policy as the journal names it.
func (p *Policy) told() *journal.Policy {
	if p == nil {
		return nil
	}
	return &journal.Policy{Name: p.Name, Path: p.File, Origin: p.Origin, Digest: p.Digest}
}

// strict makes errors of what goes beyond the policy.
func strict(found source.Diagnostics) source.Diagnostics {
	for i := range found {
		if found[i].Code == plan.PolicyCode {
			found[i].Severity = source.Error
		}
	}
	return found
}

// Beyond is how many findings there are of what goes beyond the policy.
func (rb *Runbook) Beyond() int {
	n := 0
	for _, d := range rb.Warnings {
		if d.Code == plan.PolicyCode {
			n++
		}
	}
	return n
}

// WithoutPolicy is the runbook as it is by itself: what is kept of a run to be played
// again does not depend on who demanded what.
func (rb *Runbook) WithoutPolicy() *Runbook {
	if rb.policy == nil {
		return rb
	}
	out, _ := Load(rb.Plan.File, With(rb.kinds...), WithFiles(func(from *source.File, name string) (*source.File, error) {
		for _, b := range rb.Plan.Beside {
			if b.File.Name == shownBeside(from.Name, name) {
				return b.File, nil
			}
		}
		return nil, fs.ErrNotExist
	}))
	if out == nil {
		return rb // it was sound, and its files are those that it was sound with
	}
	return out
}

// PolicyError is a run that began under a policy, and would go on without one.
type PolicyError struct {
	Run    string
	Policy journal.Policy
}

// Error says which policy it was.
func (e *PolicyError) Error() string {
	at := e.Policy.Path
	if e.Policy.Origin != "" {
		at = e.Policy.Origin
	}
	return fmt.Sprintf("the run %s went under the policy %s (%s), and does not go on without one; give it, or a newer one, with --policy or RUNBOOK_POLICY", e.Run, e.Policy.Name, at)
}

// begun tells what the earlier part of a run asked because a policy demanded it.
func begun(past []journal.Event) func(interp.Key) (bool, []interp.Demanded) {
	if len(past) == 0 {
		return nil
	}
	began, asked := map[string]bool{}, map[string][]interp.Demanded{}
	for _, e := range past {
		step := journal.StepKey(e.Key)
		switch e.Type {
		case journal.AttemptStarted, journal.StepFinished:
			began[step] = true
		case journal.ApprovalRequested:
			d, err := journal.Decode[journal.ApprovalRequestedData](e)
			seen := slices.ContainsFunc(asked[step], func(x interp.Demanded) bool { return string(x.At) == e.Key })
			if err == nil && len(d.Policy) > 0 && len(d.Given) == 0 && !seen {
				asked[step] = append(asked[step], interp.Demanded{At: interp.Key(e.Key), Asked: d})
			}
		}
	}
	return func(k interp.Key) (bool, []interp.Demanded) { return began[string(k)], asked[string(k)] }
}

// outside is the guard for what a runbook does without a permission of its own: a
// policy has to permit it all the same.
func (r *running) outside(set permit.Set) *guard.Guard {
	return guard.New(set.Under(r.rb.policy.rules()), guard.Options{Hurry: r.opts.Hurry})
}

// heldSecrets is the policy's no to where a secret comes from, before the first
// step; what stands behind names and links it says when the secret is fetched.
func (r *running) heldSecrets(ctx context.Context) error {
	if r.rb.policy == nil || r.world != nil || r.store.Provide != nil {
		return nil
	}
	for _, s := range r.rb.secrets() {
		var err error
		var denied *guard.Denied
		switch {
		case len(s.Command) > 0:
			err = r.outside(permit.Set{Observe: s.Command[:1]}).CheckProgram(ctx, s.Command, false)
		case s.File != "":
			_, err = r.outside(permit.Set{Read: []string{s.File}}).ReadFile(s.File, -1)
		}
		if errors.As(err, &denied) {
			return &DeniedError{fmt.Sprintf("the secret %s: %s", s.Key, denied)}
		}
	}
	return nil
}

// secretFile reads the file of a secret under a policy.
func (r *running) secretFile(path string) ([]byte, error) {
	f, err := r.outside(permit.Set{Read: []string{path}}).ReadFile(path, maxSecret+1)
	if err == nil && f.Info == nil {
		return nil, fs.ErrNotExist
	}
	return f.Content, err
}

// maxSecret is how much of a secret's file is read at most; the store refuses more.
const maxSecret = 64 << 10
