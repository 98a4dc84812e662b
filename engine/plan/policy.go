package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/permit"
	"runbook/engine/source"
)

// PolicyCode is the code of findings that an organisation's policy makes. They are
// warnings here: what the policy does not permit the run denies. Whoever proves
// files may take them for errors.
const PolicyCode = "policy"

// beyond reports what goes beyond the policy.
func (c *compiler) beyond(at source.Span, d permit.Decision) {
	if d.OK {
		return
	}
	x := source.Diagnostic{Code: PolicyCode, Severity: source.Warning, Span: at, Summary: strings.TrimSpace(d.Reason), Detail: "The run denies it. Ask for less, or have the policy changed."}
	if !d.Rule.IsZero() {
		x.Related = []source.Note{{Span: d.Rule, Text: "by this part of the policy"}}
	}
	c.report(x)
}

// holdPermissions holds what the file asks for against the policy.
func (c *compiler) holdPermissions() {
	p := c.opts.Policy
	if p == nil {
		return
	}
	n := c.root.Get("permissions")
	for _, list := range []struct {
		key  string
		hold func(string) permit.Decision
	}{
		{"observe", func(e string) permit.Decision { return p.Covers(e, false) }}, {"act", func(e string) permit.Decision { return p.Covers(e, true) }},
		{"env", p.CoversEnv}, {"read", func(e string) permit.Decision { return p.CoversFile(e, false) }}, {"write", func(e string) permit.Decision { return p.CoversFile(e, true) }},
		{"hosts", func(e string) permit.Decision {
			if strings.Contains(e, "{{") || strings.TrimSpace(e) == "" {
				return permit.Decision{OK: true} // the run knows it
			}
			return p.CoversHost(e)
		}},
	} {
		from := n
		if list.key == "read" || list.key == "write" {
			from = n.Get("files")
		}
		for i, e := range strs(from.Get(list.key)) {
			if d := list.hold(e); !d.OK {
				c.used.beyond[list.key+" "+e] = true
				c.beyond(items(from.Get(list.key))[i].Span, d)
			}
		}
	}
	for _, s := range c.plan.Secrets {
		at := c.root.Get("secrets").Get(s.Name)
		if len(s.Command) > 0 {
			c.beyond(at.Get("command").Span, p.Set().Command(s.Command, false))
		}
		if s.File != "" && p.Set().File(s.File, "", false) == permit.No {
			c.beyond(at.Get("file").Span, p.CoversFile(s.File, false))
		}
	}
}

// holdCommand holds a command that the file permits against the policy.
func (c *compiler) holdCommand(cmd kind.Command, action bool) {
	p := c.opts.Policy
	if p == nil {
		return
	}
	if p.Set().Partly(cmd.Words, cmd.Whole, action) == permit.No {
		by := c.plan.Permissions.Static.Command(cmd.Words, action).Entry
		said := c.used.beyond["observe "+by] || c.used.beyond["act "+by]
		// That an entry is too wide does not say that this is denied.
		if !said || p.Denies(cmd.Words) != nil && p.Denies(permit.Split(by)) == nil {
			c.beyond(cmd.Span, p.Set().Command(cmd.Words, action))
		}
		return
	}
	if yes, _ := p.NeedsRun(cmd.Words, cmd.Whole); !action && len(yes) > 0 {
		c.beyond(cmd.Span, permit.Decision{Reason: p.Wanted(strings.Join(cmd.Words, " "), yes, nil) + "; only an action can be approved", Rule: p.Approve[yes[0]].At})
	}
}

// holdHost does so with a host.
func (c *compiler) holdHost(host string, port int, at source.Span) {
	if p := c.opts.Policy; p != nil {
		if by := c.plan.Permissions.Static.Host(host, port).Entry; !c.used.beyond["hosts "+by] {
			c.beyond(at, p.Set().Host(host, port))
		}
	}
}

// holdFile does so with a file.
func (c *compiler) holdFile(path string, write bool, at source.Span) {
	p, list, by := c.opts.Policy, "read", c.plan.Permissions.Static.Read
	if write {
		list, by = "write", c.plan.Permissions.Static.Write
	}
	if p == nil || p.Set().File(path, "", write) != permit.No {
		return
	}
	if !slices.ContainsFunc(by, func(e string) bool { return c.used.beyond[list+" "+e] && permit.MatchFile(e, path) }) {
		c.beyond(at, p.CoversFile(path, write))
	}
}

// holdChannel does so with the host of a channel.
func (c *compiler) holdChannel(ch *Channel) {
	if p := c.opts.Policy; p != nil {
		c.beyond(ch.Span, p.Set().Host(hostPort(ch.Host)))
	}
}

// Demand is an approval that an action needs: its own `confirm`, or what an
// organisation's policy demands, or both in one.
type Demand struct {
	Own     bool     // the step's own `confirm` is in it
	Policy  []string // which parts of the policy demand it, and why
	Entries []int    // of the policy's `approve`
	By      []string // who may approve; nil is everybody
	Count   int
	Timeout time.Duration
	Always  bool
	Retype  string
}

// Key tells demands of one step apart, and changes with what they want.
func (d *Demand) Key() string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%v %q %d %d %v %q", d.Own, d.By, d.Count, d.Timeout, d.Always, d.Retype)))
	return hex.EncodeToString(sum[:4])
}

// Join makes one question of two demands, where one can answer both.
func (d Demand) Join(o Demand) (Demand, bool) {
	by := d.By
	switch {
	case by == nil:
		by = o.By
	case o.By != nil && !slices.Equal(d.By, o.By):
		return d, false
	}
	count := max(d.Count, o.Count)
	if by != nil && len(by) < count || d.Retype != "" && o.Retype != "" && d.Retype != o.Retype {
		return d, false
	}
	timeout := d.Timeout
	if timeout == 0 || o.Timeout > 0 && o.Timeout < timeout {
		timeout = o.Timeout
	}
	return Demand{Own: d.Own || o.Own, Policy: append(slices.Clone(d.Policy), o.Policy...), Entries: append(slices.Clone(d.Entries), o.Entries...),
		By: by, Count: count, Timeout: timeout, Always: d.Always || o.Always, Retype: d.Retype + strings.Repeat(o.Retype, one(d.Retype == ""))}, true
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// Demands are what the policy demands before an action, in the order of its
// entries. Options are the action's, rendered. What cannot be told beforehand
// counts as demanded; what only shows while it runs is denied there.
func (p *Plan) Demands(s *Step, options map[string]any) []Demand {
	if !p.MayDemand(s) || s.Kind == nil || s.Kind.Effects == nil {
		return nil
	}
	use := kind.Used(options, false)
	use.Commands = commandsIn(options)
	method := methodOf(use)
	wanted := map[int]bool{}
	for _, e := range s.Kind.Effects(use) {
		var needs []int
		switch {
		case e.Command != nil:
			yes, may := p.Policy.NeedsRun(e.Command.Words, e.Command.Whole)
			needs = append(yes, may...)
		case e.Host != "":
			host, port := hostPort(e.Host)
			needs = p.Policy.NeedsHost(host, port, method, true)
		case e.File == "":
			needs = p.anyHost(method)
		}
		for _, i := range needs {
			wanted[i] = true
		}
	}
	var out []Demand
	for i, r := range p.Policy.Approve {
		if wanted[i] {
			out = append(out, Demand{Policy: []string{p.Policy.Name + " (" + p.Policy.Demanded(i) + ")"}, Entries: []int{i},
				By: r.Demand.By, Count: max(r.Demand.Count, 1), Timeout: r.Demand.Timeout, Always: r.Demand.Always, Retype: r.Demand.Retype})
		}
	}
	return out
}

// MayDemand reports whether a policy may demand approval before a step.
func (p *Plan) MayDemand(s *Step) bool {
	return p.Policy != nil && len(p.Policy.Approve) > 0 && s.Role == Action
}

// methodOf is the method of a request; "" where it is none.
func methodOf(u kind.Use) string {
	if _, requests := u.Options["url"]; !requests {
		return ""
	}
	if m, ok := u.Text("method"); ok && m != "" {
		return m
	}
	return "GET"
}

// anyHost are the entries that may be about a host that is not known.
func (p *Plan) anyHost(method string) []int {
	var out []int
	for i, r := range p.Policy.Approve {
		if (len(r.Hosts) > 0 || len(r.Methods) > 0) && (len(r.Methods) == 0 || slices.Contains(r.Methods, strings.ToUpper(method))) {
			out = append(out, i)
		}
	}
	return out
}

// commandsIn are the commands of rendered options: of scripts, of an argv, and the
// interpreter.
func commandsIn(options map[string]any) []kind.Command {
	var out []kind.Command
	for _, key := range []string{"interpreter", "argv"} {
		list, ok := options[key].([]any)
		if !ok || len(list) == 0 {
			continue
		}
		cmd := kind.Command{Whole: true}
		for _, x := range list {
			word, known := x.(string)
			if !known {
				cmd.Whole = false
				break
			}
			cmd.Words = append(cmd.Words, word)
		}
		out = append(out, cmd)
	}
	for _, v := range options {
		if b, ok := v.(lang.Bound); ok {
			for _, c := range b.Commands() {
				out = append(out, kind.Command{Words: c.Words, Whole: c.Whole})
			}
		}
	}
	return out
}
