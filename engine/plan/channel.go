package plan

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// homes are where the kinds of channels lead to that have a place of their own.
// Slack's webhook may stand elsewhere, with a server that takes the same.
var homes = map[string]string{"slack": "hooks.slack.com", "statuspage": "api.statuspage.io"}

// secretOptions are the options of channels that let whoever knows them send.
var secretOptions = []string{"webhook", "token"}

// Channel is the channel of a name, or nil.
func (p *Plan) Channel(name string) *Channel {
	i := slices.IndexFunc(p.Channels, func(c *Channel) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return p.Channels[i]
}

// channels are where the file may send messages to, in words.
func (p *Plan) channels() []string {
	var out []string
	for _, c := range p.Channels {
		out = append(out, c.Name+" ("+c.Where()+")")
	}
	return out
}

// Where says in words where a channel leads to.
func (c *Channel) Where() string {
	if c.Host == "" {
		return c.Kind
	}
	return c.Kind + " at " + c.Host
}

// messageType is what a webhook's json reads as `message`.
func messageType() *types.Type {
	t := &types.Type{Kind: types.Object}
	for _, name := range []string{"text", "title", "status", "step", "key", "run", "runbook"} {
		t.Fields = append(t.Fields, types.Field{Name: name, Type: &types.Type{Kind: types.String}})
	}
	return t
}

// channel compiles a channel. Its templates read what is known before the first
// step: its host is then the same in all of the run.
func (c *compiler) channel(e syntax.Entry) {
	shapes := syntax.ChannelShape()
	for _, k := range entries(e.Value) {
		shape, ok := shapes.Field(k.Key.Value)
		if !ok || k.Value.Kind != syntax.Mapping {
			continue // reported by Check
		}
		o := &optionCompiler{compiler: c, use: kind.Use{Options: map[string]kind.Leaf{}, Span: k.Value.Span}}
		t := &Tree{IsMap: true, Span: k.Value.Span}
		for _, x := range entries(k.Value) {
			f, ok := shape.Shape.Field(x.Key.Value)
			if !ok {
				continue
			}
			o.scope = &lang.Scope{Vars: c.vars[:2]}
			if f.Shape.Form == spec.Tree {
				o.scope.Vars = append(slices.Clone(o.scope.Vars), types.Field{Name: "message", Type: messageType()})
			}
			if v := o.tree(x.Value, f.Shape, x.Key.Value); v != nil {
				t.Map = append(t.Map, TreeEntry{x.Key.Value, v})
			}
		}
		ch := &Channel{Name: e.Key.Value, Kind: k.Key.Value, Options: t, Span: e.Key.Span}
		if e.Value.Sound() {
			c.destination(ch, o.use)
		}
		c.plan.Channels = append(c.plan.Channels, ch)
	}
}

// destination finds out where a channel leads to, and what is wrong with that.
func (c *compiler) destination(ch *Channel, use kind.Use) {
	for _, name := range secretOptions {
		if s, known := use.Text(name); known && s != "" {
			c.warn("plain-secret", use.Options[name].Span, fmt.Sprintf("`%s` is a secret, and it stands in the file", name), "Declare it under `secrets`, and write \"{{ .secrets.NAME }}\" here: whoever reads the file can send messages.")
		}
	}
	url, where := use, homes[ch.Kind]
	switch ch.Kind {
	case "slack":
		url.Options = map[string]kind.Leaf{"url": use.Options["webhook"]}
	case "statuspage":
		url.Options = nil
	}
	url.CheckURL("https://chat.example.com/hooks/incidents", func(at source.Span, summary, detail string) { c.error("bad-channel", at, summary, detail) })
	for _, e := range url.Asks() {
		if e.Host != "" {
			where = e.Host
		}
	}
	ch.Host = where
	if where != "" {
		c.callersSend(ch)
		c.holdChannel(ch)
	}
}

// callersSend warns where a runbook that runs this one cannot reach a channel's
// host: its message would stay unsent.
func (c *compiler) callersSend(ch *Channel) {
	for _, by := range c.callers() {
		p := by.c.plan
		reached := len(p.Permissions.Hosts) > 0 || p.Permissions.Static.Host(hostPort(ch.Host)).OK
		if reached || slices.ContainsFunc(p.Channels, func(o *Channel) bool { return o.Host == ch.Host }) {
			continue
		}
		c.report(source.Diagnostic{Code: "not-permitted", Severity: source.Warning, Span: ch.Span, Summary: fmt.Sprintf("messages to `%s` will not be sent: `%s`, which runs this file, does not permit `%s`", ch.Name, by.c.file.Name, ch.Host),
			Detail: fmt.Sprintf("Both must permit it. Add `%s` to `permissions.hosts` there, or a channel that leads to it.", ch.Host), Related: []source.Note{{Span: by.at, Text: "it is run here"}}})
	}
}

// channels finds the channels of a message.
func (c *compiler) channels(st *Step, n *syntax.Node) {
	names := items(n.Get("to"))
	if to := n.Get("to"); to != nil && to.Kind == syntax.Scalar {
		names = []*syntax.Node{to}
	}
	var have []string
	for _, ch := range c.plan.Channels {
		have = append(have, ch.Name)
	}
	page := false
	for _, to := range names {
		if to.Reported || to.Kind != syntax.Scalar {
			continue
		}
		ch := c.plan.Channel(to.Text.Value)
		declared := c.root.Get("channels")
		if ch == nil && (c.root.Doubtful("channels") || declared.Doubtful(to.Text.Value) || declared.Get(to.Text.Value) != nil) {
			continue // what is wrong with it is said where it is declared
		}
		if ch == nil {
			c.unknown(to.Span, "channel", to.Text.Value, have)
			continue
		}
		page = page || ch.Kind == "statuspage"
		c.used.channels[ch.Name] = true
		if !slices.Contains(st.To, ch.Name) {
			st.To = append(st.To, ch.Name)
		}
	}
	if st.Status = str(n, "status"); st.Status != "" && !page && len(names) == len(st.To) && !n.Doubtful("to") && n.Get("to").Sound() {
		c.error("misplaced-key", n.Get("status").Span, "`status` is for messages to a status page, and this one goes to none", "Remove it, or name a channel of the kind `statuspage` in `to`.")
	}
}

// Secrets are the names of the secrets that a channel cannot do without.
func (c *Channel) Secrets() []string {
	var out []string
	for _, path := range c.Options.Reads() {
		if name, ok := strings.CutPrefix(path, "secrets."); ok && !strings.HasSuffix(name, ".present") {
			out = append(out, name)
		}
	}
	return out
}
