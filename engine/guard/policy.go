package guard

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"runbook/engine/permit"
)

// An organisation's policy is the outermost of the sets that must permit. What it
// denies it denies here, where the real program, host and file are known, and what
// it wants approved is not begun here without.

type grantKey struct{}

// grant is what a call may do by a policy.
type grant struct {
	action  bool
	entries []int
}

// Acting marks what is done under a context as an action's. Granted are the entries
// of the policy's `approve`, by their place there, that people have granted to it.
func Acting(ctx context.Context, granted []int) context.Context {
	return context.WithValue(ctx, grantKey{}, grant{true, granted})
}

func grantOf(ctx context.Context) grant {
	g, _ := ctx.Value(grantKey{}).(grant)
	return g
}

// refused is a refusal as a denial.
func refused(d permit.Decision, effect, list string) *Denied {
	out := &Denied{Effect: effect, List: list, Entry: d.Suggest, Reason: d.Reason}
	if d.Policy != nil {
		out.Policy = d.Policy.File
	}
	return out
}

// unapproved is the denial of what was not approved, or nil.
func unapproved(ctx context.Context, p *permit.Policy, effect string, needs []int) error {
	g := grantOf(ctx)
	why := p.Wanted(effect, needs, g.entries)
	if why == "" {
		return nil
	}
	if g.action {
		why += "; that this step does it could not be seen before it ran, so nobody was asked: write the command or the host out in the step"
	} else {
		why += "; only an action can be approved"
	}
	return &Denied{Effect: effect, Reason: why, Policy: p.File}
}

// CheckVariable puts a variable that is set for programs to the permission check.
func (g *Guard) CheckVariable(name string) error {
	if d := g.Permissions.Variable(name); !d.OK {
		return refused(d, name, "permissions.env")
	}
	return nil
}

// CheckProgram puts a program of a world that is not real to the permission check.
func (g *Guard) CheckProgram(ctx context.Context, argv []string, action bool) error {
	d := g.Permissions.Command(argv, action)
	if !d.OK {
		return refused(d, argv[0], listOf(action))
	}
	return g.policyProgram(ctx, argv, "")
}

func listOf(action bool) string {
	if action {
		return "permissions.act"
	}
	return "permissions.observe"
}

// CheckHost puts a host to the permission check: of a request with its method, of
// another connection with none. Port 0 is any.
func (g *Guard) CheckHost(ctx context.Context, effect, host string, port int, method string) error {
	if d := g.Permissions.Host(host, port); !d.OK {
		return refused(d, effect, "permissions.hosts")
	}
	p := g.Permissions.ByPolicy()
	if p == nil || g.sends {
		return nil
	}
	return unapproved(ctx, p, effect, p.NeedsHost(host, port, method, grantOf(ctx).action))
}

// policyProgram holds a program against what the policy denies and wants approved,
// under every name that it has: as it was spelled, as PATH gives it, and as the
// file behind its links is called.
func (g *Guard) policyProgram(ctx context.Context, argv []string, path string) error {
	p := g.Permissions.ByPolicy()
	if p == nil {
		return nil
	}
	var needs []int
	for _, name := range g.names(p, argv[0], path) {
		as := append([]string{name}, argv[1:]...)
		if d := p.Denies(as); d != nil {
			return refused(*d, strings.Join(argv, " "), "")
		}
		yes, _ := p.NeedsRun(as, true)
		needs = append(needs, yes...)
	}
	return unapproved(ctx, p, strings.Join(argv, " "), needs)
}

// names are all by which the policy may know a program.
func (g *Guard) names(p *permit.Policy, spelled, path string) []string {
	out := []string{spelled}
	if path == "" || g.opts.Run != nil {
		return out
	}
	out = append(out, path)
	if abs, err := g.absolute(path); err == nil {
		if real, err := follow(abs); err == nil {
			out = append(out, real)
		}
	}
	for _, known := range p.Programs() {
		at := known
		if !isPath(known) {
			found, err := g.Find(known)
			if err != nil {
				continue
			}
			at = found
		}
		if sameFile(at, path) {
			out = append(out, known)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// deniedFile is the policy's denial of a file, by its name or by where its links
// lead, or nil.
func (g *Guard) deniedFile(p *permit.Policy, path, real string, write bool) (out *Denied) {
	p.Files(write, func(entry string, r permit.Rule) {
		if out != nil {
			return
		}
		named, err := g.absolute(entry)
		_, covered := g.cover([]string{entry}, real)
		if covered || err == nil && (permit.MatchFile(filepath.Clean(named), filepath.Clean(path)) || permit.MatchFile(filepath.Clean(named), real)) {
			out = refused(p.DeniedFile(path, entry, r), path, "")
		}
	})
	return out
}
