// Package policy reads an organisation's policy: a file that narrows what any
// runbook may ask for, denies what none may do, and demands approval. It says what
// such a file holds; package permit decides by it.
package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/engine/permit"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// Parse reads a policy. It reports all that is wrong, and gives nil where any of
// it is an error.
func Parse(f *source.File, report source.Report) *permit.Policy {
	r := &reader{report: report}
	root := syntax.Parse(f, r.say)
	if root == nil {
		return nil
	}
	syntax.Check(root, Shape(), func(string) *spec.Shape { return nil }, r.say)
	if r.failed {
		return nil
	}
	sum := sha256.Sum256(f.Data)
	p := &permit.Policy{Name: text(root, "policy"), File: f.Name, Digest: hex.EncodeToString(sum[:]), Lists: map[string]source.Span{}}
	r.permissions(p, root.Get("permissions"))
	for _, n := range items(root.Get("deny")) {
		p.Deny = append(p.Deny, r.rule(n))
	}
	for _, n := range items(root.Get("approve")) {
		rule := r.rule(n)
		rule.Demand = r.demand(n)
		p.Approve = append(p.Approve, rule)
	}
	if r.failed {
		return nil
	}
	return p
}

type reader struct {
	report source.Report
	failed bool
}

func (r *reader) say(d source.Diagnostic) {
	r.failed = r.failed || d.Severity == source.Error
	r.report(d.Bounded())
}

func (r *reader) bad(code string, at source.Span, summary, detail string) {
	r.say(source.Diagnostic{Code: code, Span: at, Summary: summary, Detail: detail})
}

// permissions reads the lists that narrow. One that is there and empty is not one
// that is left out.
func (r *reader) permissions(p *permit.Policy, n *syntax.Node) {
	read := func(key, name string, from *syntax.Node, into *[]string, check func(*syntax.Node)) {
		list := from.Get(key)
		if list == nil {
			return
		}
		k, _ := from.Key(key)
		p.Lists[name] = k.Span
		*into = []string{}
		for _, e := range items(list) {
			check(e)
			*into = append(*into, e.Text.Value)
		}
	}
	files := n.Get("files")
	read("observe", "observe", n, &p.Most.Observe, r.command)
	read("act", "act", n, &p.Most.Act, r.command)
	read("hosts", "hosts", n, &p.Most.Hosts, r.host)
	read("env", "env", n, &p.Most.Env, r.filled)
	read("read", "files.read", files, &p.Most.Read, r.filled)
	read("write", "files.write", files, &p.Most.Write, r.filled)
}

// rule reads an entry of deny or approve.
func (r *reader) rule(n *syntax.Node) permit.Rule {
	out := permit.Rule{Reason: strings.TrimSpace(text(n, "reason")), At: n.Span}
	if len(n.Entries) > 0 {
		out.At = n.Entries[0].Key.Span
	}
	out.Run = r.texts(n.Get("run"), r.program)
	out.Hosts = r.texts(n.Get("hosts"), r.host)
	out.Methods = r.texts(n.Get("methods"), r.filled)
	out.Read, out.Write = r.texts(n.Get("read"), r.filled), r.texts(n.Get("write"), r.filled)
	return out
}

// demand reads how an approval has to be given.
func (r *reader) demand(n *syntax.Node) permit.Demand {
	d := permit.Demand{By: r.texts(n.Get("by"), r.filled), Count: 1, Retype: text(n, "retype")}
	if i, ok := syntax.Literal(n.Get("count")).(int); ok {
		d.Count = i
	}
	if b, ok := syntax.Literal(n.Get("always")).(bool); ok {
		d.Always = b
	}
	if t := text(n, "timeout"); t != "" {
		d.Timeout, _ = spec.ParseDuration(t) // Check reports what cannot be read
	}
	for i, name := range items(n.Get("by")) {
		if slices.Contains(d.By[:i], name.Text.Value) {
			r.bad("duplicate-name", name.Span, fmt.Sprintf("`%s` is named twice", name.Text.Value), "Name everybody once.")
		}
	}
	if k, ok := n.Key("count"); ok && len(d.By) > 0 && d.Count > len(d.By) {
		r.bad("bad-value", k.Span, fmt.Sprintf("%d people cannot approve it: `by` names %d", d.Count, len(d.By)), "Name more people, or ask for fewer.")
	}
	if v := n.Get("retype"); v != nil && strings.TrimSpace(d.Retype) == "" {
		r.bad("empty-value", v.Span, "there is nothing to type", "Write what has to be typed, or remove `retype`.")
	}
	if k, ok := n.Key("timeout"); ok && d.Timeout < time.Millisecond {
		r.bad("bad-value", k.Span, "nobody can approve it in no time", "Write how long they have, or remove `timeout`.")
	}
	return d
}

func (r *reader) texts(n *syntax.Node, check func(*syntax.Node)) []string {
	list := items(n)
	if n != nil && n.Kind == syntax.Scalar {
		list = []*syntax.Node{n}
	}
	var out []string
	for _, e := range list {
		check(e)
		out = append(out, e.Text.Value)
	}
	return out
}

// command is an entry that permits, as in a runbook.
func (r *reader) command(n *syntax.Node) {
	if why := permit.CheckEntry(n.Text.Value); why != "" {
		r.bad("bad-permission", n.Span, why, "Write the words that argv must begin with: `kubectl get`. A list that is left out narrows nothing.")
	}
}

// program is an entry that denies, or wants approval: its program may be any.
func (r *reader) program(n *syntax.Node) {
	entry := n.Text.Value
	if words := permit.Split(entry); len(words) > 0 && strings.Contains(words[0], "*") {
		entry = strings.Join(append([]string{"any"}, words[1:]...), " ")
	}
	if why := permit.CheckEntry(entry); why != "" {
		r.bad("bad-permission", n.Span, why, "Write words that have to stand in a command, in this order: `kubectl delete`.")
	}
}

func (r *reader) host(n *syntax.Node) {
	host := strings.TrimSpace(n.Text.Value)
	_, suffix, stars := strings.Cut(host, "*")
	switch {
	case host == "":
		r.bad("empty-value", n.Span, "a host has no name", "Name it, or remove the entry.")
	case strings.Contains(host, "{{"):
		r.bad("bad-permission", n.Span, "a policy has no templates: it is the same for every run", "Write the host, or `*.example.com` for all below it.")
	case stars && (!strings.HasPrefix(host, "*.") || strings.Contains(suffix, "*") || len(suffix) < 2):
		r.bad("bad-permission", n.Span, fmt.Sprintf("`%s` is no host: `*` stands for the names before a suffix only", host), "Write `*.example.com`. What is left out is about every host.")
	case strings.ContainsAny(host, " /"):
		r.bad("bad-permission", n.Span, fmt.Sprintf("`%s` is no host", host), "Write a name or an address, with a port or without: `api.example.com:8443`.")
	}
}

func (r *reader) filled(n *syntax.Node) {
	if strings.TrimSpace(n.Text.Value) == "" {
		r.bad("empty-value", n.Span, "an entry is empty", "Write it, or remove it.")
	}
}

func text(n *syntax.Node, key string) string {
	if v := n.Get(key); v != nil && v.Kind == syntax.Scalar {
		return v.Text.Value
	}
	return ""
}

func items(n *syntax.Node) []*syntax.Node {
	if n == nil {
		return nil
	}
	return n.Items
}
