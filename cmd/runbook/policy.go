package main

import (
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/plan"
	"runbook/engine/report"
	"runbook/engine/source"
	"runbook/engine/source/render"
)

// policyFlag is shared by the commands that hold runbooks against a policy.
func policyFlag() cli.Flag {
	return &cli.StringFlag{Name: "policy", Usage: "a `FILE` with an organisation's policy, which every runbook has to keep to (default: $RUNBOOK_POLICY)"}
}

// underPolicy reads the policy that the command line or the environment names.
// Nothing goes on where it is not there or not sound.
func (p *program) underPolicy(c *cli.Context) error {
	name, from := c.String("policy"), "--policy"
	if !c.IsSet("policy") {
		name, from = p.env("RUNBOOK_POLICY"), "RUNBOOK_POLICY"
	}
	if name == "" && c.IsSet("policy") {
		return usage("--policy names no file")
	}
	if name == "" {
		return nil
	}
	return p.readPolicy(name, from, c.Bool("no-color"))
}

func (p *program) readPolicy(name, from string, plain bool) error {
	data, err := readBounded(name)
	if err != nil {
		return usage("%s: the policy cannot be read, so nothing was done: %w", from, err)
	}
	pol, found := engine.ReadPolicy(source.NewFile(name, data))
	if pol == nil {
		color := !plain && p.env("NO_COLOR") == "" && isTerminal(p.err)
		_ = render.Text(p.err, found.Sort(), render.Options{Color: color}) // what cannot be shown is said below
		return &codeError{engine.ExitInvalid, fmt.Errorf("the policy %s is not sound, so nothing was done", name)}
	}
	if abs, err := filepath.Abs(name); err == nil {
		pol.Origin = abs
	}
	p.policy = pol
	return nil
}

// policyOf is the policy of a run that goes on: the one that is named now, else the
// run's own, as its file says it today. A run that went under one never goes on
// without.
func (p *program) policyOf(c *cli.Context, id string, was *journal.Policy) error {
	if err := p.underPolicy(c); err != nil || p.policy != nil || was == nil {
		return err
	}
	if was.Origin == "" {
		return &codeError{engine.ExitUsage, &engine.PolicyError{Run: id, Policy: *was}}
	}
	return p.readPolicy(was.Origin, fmt.Sprintf("the run %s went under %s", id, was.Name), c.Bool("no-color"))
}

// sayBeyond says that the policy denies some of what a runbook asks for.
func (p *program) sayBeyond(rb *engine.Runbook) {
	if n := rb.Beyond(); n > 0 {
		fmt.Fprintf(p.err, "runbook: %s beyond the policy %s, and denied: see `runbook validate --policy %s %s`\n",
			count(n, "place"), report.Clean(p.policy.Name), report.Clean(p.policy.File), report.Clean(rb.Plan.File.Name))
	}
}

// aboutPolicy is what a policy comes to for a runbook.
type aboutPolicy struct {
	Name   string `json:"name"`
	File   string `json:"file"`
	Digest string `json:"digest"`
	// Beyond are the places of what it denies, Approve the entries by which actions
	// may need approval.
	Beyond  []string `json:"beyond,omitempty"`
	Approve []string `json:"approve,omitempty"`
}

func (p *program) aboutPolicy(rb *engine.Runbook) *aboutPolicy {
	if p.policy == nil {
		return nil
	}
	out := &aboutPolicy{Name: p.policy.Name, File: p.policy.File, Digest: p.policy.Digest}
	for _, d := range rb.Warnings {
		if d.Code == plan.PolicyCode {
			out.Beyond = append(out.Beyond, fmt.Sprintf("%s:%d: %s", d.Span.File.Name, d.Span.Position().Line, d.Summary))
		}
	}
	for i := range p.policy.Approve {
		out.Approve = append(out.Approve, p.policy.Demanded(i))
	}
	return out
}

func (a *aboutPolicy) write(p *program) {
	if a == nil {
		return
	}
	p.printf("\nPolicy    %s (%s)\n", report.Clean(a.Name), report.Clean(a.File))
	for _, b := range a.Beyond {
		p.printf("  beyond   %s\n", report.Clean(b))
	}
	for _, x := range a.Approve {
		p.printf("  approve  %s\n", report.Clean(x))
	}
}
