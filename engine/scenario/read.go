package scenario

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"runbook/engine/kind"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// read turns one scenario's node, whose shape was checked, into a Scenario.
func read(e syntax.Entry, kinds []kind.Kind, report source.Report) *Scenario {
	n := e.Value
	s := &Scenario{Name: e.Key.Value, Title: text(n, "title"), Inputs: values(n.Get("inputs")), Secrets: texts(n.Get("secrets")), Answers: map[string]Answer{}, Span: e.Key.Span}
	for _, h := range items(n.Get("http")) {
		s.HTTP = append(s.HTTP, readHTTP(h, report))
	}
	for _, c := range items(n.Get("shell")) {
		s.Shell = append(s.Shell, readShell(c, report))
	}
	for i := range kinds {
		k := &kinds[i]
		if k.Stub == nil || k.Name == "http" || k.Name == "shell" {
			continue
		}
		for _, c := range items(n.Get(k.Name)) {
			s.Kinds = append(s.Kinds, readKind(c, k, report))
		}
	}
	for _, r := range items(n.Get("results")) {
		s.Results = append(s.Results, &ResultStub{On: text(r, "on"), Span: r.Span, replies: oneOrMore(r.Get("reply"))})
	}
	for _, a := range entries(n.Get("answers")) {
		switch v := syntax.Literal(a.Value).(type) {
		case map[string]any:
			s.Answers[a.Key.Value] = Answer{Choice: "done", Values: v}
		default:
			s.Answers[a.Key.Value] = Answer{Choice: types.Format(v)}
		}
	}
	x := n.Get("expect")
	s.Expect = Expect{Outcome: text(x, "outcome"), Decisions: texts(x.Get("decisions")), Verdicts: texts(x.Get("verdicts")), Facts: values(x.Get("facts")), Messages: map[string]Match{}}
	for _, m := range entries(x.Get("messages")) {
		s.Expect.Messages[m.Key.Value] = *readMatch(m.Value)
	}
	return s
}

func readHTTP(n *syntax.Node, report source.Report) *HTTPStub {
	on := n.Get("on")
	method, rest, ok := strings.Cut(strings.TrimSpace(on.Text.Value), " ")
	rest = strings.TrimSpace(rest)
	u, err := url.Parse(strings.ReplaceAll(rest, "*", "x"))
	if !ok || method != strings.ToUpper(method) || err != nil || u.Host == "" || u.RawQuery != "" {
		report(source.Diagnostic{Code: "bad-stub", Span: on.Span, Summary: "this is not a method and a URL", Detail: "Write `GET https://api.example.com/v1/*`; a query stands under `query:`."})
	}
	h := &HTTPStub{Method: method, URL: rest, Query: texts(n.Get("query")), Headers: texts(n.Get("headers")), Body: readMatch(n.Get("body")), Span: n.Span}
	for _, r := range oneOrMore(n.Get("reply")) {
		reply := HTTPReply{Status: 200, Headers: texts(r.Get("headers")), Body: text(r, "body"), Delay: duration(r.Get("delay")), Error: text(r, "error")}
		if v := r.Get("status"); v != nil {
			reply.Status, _ = syntax.Literal(v).(int)
		}
		if v := r.Get("json"); v != nil {
			reply.JSON, reply.HasJSON = syntax.Literal(v), true
		}
		h.Replies = append(h.Replies, reply)
	}
	return h
}

func readShell(n *syntax.Node, report source.Report) *ShellStub {
	s := &ShellStub{On: strings.Fields(text(n, "on")), Stdin: readMatch(n.Get("stdin")), Span: n.Span}
	if len(s.On) == 0 {
		report(source.Diagnostic{Code: "bad-stub", Span: n.Span, Summary: "`on` is empty", Detail: "Write the words that the command begins with: `kubectl get pods`."})
	}
	replies := oneOrMore(n.Get("reply"))
	if n.Get("reply") == nil {
		replies = []*syntax.Node{n}
	}
	for _, r := range replies {
		reply := ShellReply{Stdout: text(r, "stdout"), Stderr: text(r, "stderr"), Delay: duration(r.Get("delay"))}
		if v := r.Get("exit"); v != nil {
			reply.Exit, _ = syntax.Literal(v).(int)
		}
		s.Replies = append(s.Replies, reply)
	}
	return s
}

func readMatch(n *syntax.Node) *Match {
	if n == nil {
		return nil
	}
	if n.Kind == syntax.Scalar {
		return &Match{Equals: &n.Text.Value}
	}
	m := &Match{}
	if e := n.Get("equals"); e != nil {
		m.Equals = &e.Text.Value
	}
	for _, c := range oneOrMore(n.Get("contains")) {
		m.Contains = append(m.Contains, c.Text.Value)
	}
	for _, c := range oneOrMore(n.Get("absent")) {
		m.Absent = append(m.Absent, c.Text.Value)
	}
	return m
}

// Check holds a scenario against what the runbook has: its inputs, secrets,
// facts and steps.
func (s *Scenario) Check(known Known, report source.Report) {
	say := func(what, name string, have []string) {
		detail := "It has " + strings.Join(have, ", ") + "."
		if near := source.Suggest(name, have); near != "" {
			detail = fmt.Sprintf("Did you mean `%s`?", near)
		}
		report(source.Diagnostic{Code: "unknown-" + what, Span: s.Span, Summary: fmt.Sprintf("scenario %s: the runbook has no %s `%s`", s.Name, what, name), Detail: detail})
	}
	hold(s.Inputs, known.Inputs, func(n string) { say("input", n, known.Inputs) })
	hold(s.Secrets, known.Secrets, func(n string) { say("secret", n, known.Secrets) })
	hold(s.Expect.Facts, known.Facts, func(n string) { say("fact", n, known.Facts) })
	step := func(n string) { say("step", n, known.Steps) }
	hold(s.Expect.Decisions, known.Steps, step)
	hold(s.Expect.Verdicts, known.Steps, step)
	hold(s.Expect.Messages, known.Steps, step)
	for name := range s.Answers {
		if id := strings.TrimSuffix(name, ">undo"); !contains(known.Steps, id) {
			step(id)
		}
	}
}

// Known are the names that a runbook has.
type Known struct{ Inputs, Secrets, Facts, Steps []string }

func hold[T any](m map[string]T, have []string, missing func(string)) {
	for n := range m {
		if !contains(have, n) {
			missing(n)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// The accessors below read what Check has seen.

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

func entries(n *syntax.Node) []syntax.Entry {
	if n == nil {
		return nil
	}
	return n.Entries
}

func oneOrMore(n *syntax.Node) []*syntax.Node {
	if n == nil {
		return nil
	}
	if n.Kind == syntax.Sequence {
		return n.Items
	}
	return []*syntax.Node{n}
}

func texts(n *syntax.Node) map[string]string {
	out := map[string]string{}
	for _, e := range entries(n) {
		out[e.Key.Value] = e.Value.Text.Value
	}
	return out
}

func values(n *syntax.Node) map[string]any {
	out := map[string]any{}
	for _, e := range entries(n) {
		out[e.Key.Value] = syntax.Literal(e.Value)
	}
	return out
}

func duration(n *syntax.Node) time.Duration {
	if n == nil {
		return 0
	}
	d, _ := spec.ParseDuration(n.Text.Value)
	return d
}
