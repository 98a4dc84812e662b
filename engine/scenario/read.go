package scenario

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"runbook/engine/kind"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// reader turns nodes, whose shape was checked, into scenarios.
type reader struct {
	kinds   []*kind.Kind
	stubbed []*kind.Kind // those with stubs of a form of their own
	report  source.Report
}

func (r *reader) bad(code string, at source.Span, summary, detail string) {
	r.report(source.Diagnostic{Code: code, Span: at, Summary: summary, Detail: detail})
}

func (r *reader) scenario(name string, n *syntax.Node) *Scenario {
	s := &Scenario{Name: name, Title: text(n, "title"), Extends: text(n, "extends"), Start: DefaultStart, Inputs: values(n.Get("inputs")), Secrets: texts(n.Get("secrets")), Answers: map[string]Answer{}, node: n, kinds: r.kinds}
	if at := n.Get("start"); at != nil {
		s.Start = moment(at, r.report)
	}
	for _, h := range items(n.Get("http")) {
		s.HTTP = append(s.HTTP, r.http(h))
	}
	for _, c := range items(n.Get("shell")) {
		s.Shell = append(s.Shell, r.shell(c))
	}
	for _, k := range r.stubbed {
		for _, c := range items(n.Get(k.Name)) {
			s.Kinds = append(s.Kinds, r.kind(c, k))
		}
	}
	for _, c := range items(n.Get("results")) {
		stub := &ResultStub{On: text(c, "on"), Times: whole(c.Get("times"), 0), Span: c.Span, replies: oneOrMore(c.Get("reply"))}
		r.times(c, stub.Times, len(stub.replies))
		s.Results = append(s.Results, stub)
	}
	for _, a := range entries(n.Get("answers")) {
		if a.Value.Kind != syntax.Null {
			s.Answers[a.Key.Value] = answer(a.Value)
		}
	}
	s.Cancel = cancel(n.Get("cancel"))
	s.Expect = r.expect(n.Get("expect"))
	return s
}

// times refuses replies that are never given.
func (r *reader) times(n *syntax.Node, times, replies int) {
	if times > 0 && times < replies {
		r.bad("bad-stub", n.Get("times").Span, fmt.Sprintf("it answers %s, and has %d replies", often(times), replies), "Remove the replies that are never given, or raise `times`.")
	}
}

func (r *reader) http(n *syntax.Node) *HTTPStub {
	on := n.Get("on")
	method, rest, ok := request(on.Text.Value)
	u, err := url.Parse(strings.ReplaceAll(rest, "*", "x"))
	if !ok || err != nil || u.Host == "" || u.RawQuery != "" {
		r.bad("bad-stub", on.Span, "this is not a method and a URL", remedyOf(on.Text.Value))
	}
	h := &HTTPStub{Method: method, URL: rest, Query: texts(n.Get("query")), Headers: texts(n.Get("headers")), Body: r.match(n.Get("body")), Times: whole(n.Get("times"), 0), Span: n.Span}
	for _, x := range oneOrMore(n.Get("reply")) {
		reply := HTTPReply{Status: whole(x.Get("status"), 200), Headers: texts(x.Get("headers")), Body: text(x, "body"), Delay: duration(x.Get("delay")), Drip: duration(x.Get("drip")), Error: text(x, "error")}
		if v := x.Get("json"); v != nil {
			b, _ := json.Marshal(literal(v)) // YAML literals always encode
			reply.Body, reply.HasJSON = string(b), true
		}
		for _, key := range []string{"status", "headers", "json", "body", "drip"} {
			if at, there := x.Key(key); there && reply.Error != "" && reply.Error != "truncated" {
				r.bad("bad-stub", at.Span, fmt.Sprintf("a server that does not answer (`error: %s`) gives no `%s`", reply.Error, key), "Leave one of them out; with `error: truncated` there is an answer that breaks off.")
			}
		}
		h.Replies = append(h.Replies, reply)
	}
	r.times(n, h.Times, len(h.Replies))
	return h
}

// remedyOf says how a request is written, with the one that was meant.
func remedyOf(on string) string {
	word, url, _ := strings.Cut(on, " ")
	for _, meant := range []string{strings.ToUpper(word) + " " + url, "GET " + on} {
		if _, rest, ok := request(meant); ok && strings.HasPrefix(rest, "http") && !strings.Contains(rest, "?") {
			return fmt.Sprintf("Write the method, in capitals, and the URL: `%s`.", meant)
		}
	}
	return "Write `GET https://api.example.com/v1/*`; a query stands under `query:`."
}

// done are the keys of what a program does, which stand in a stub or in its
// replies.
var done = []string{"stdout", "stderr", "exit", "signal", "delay"}

func (r *reader) shell(n *syntax.Node) *ShellStub {
	on, ok := argvOf(text(n, "on"))
	if !ok {
		r.bad("bad-stub", n.Get("on").Span, "a quote in `on` has no end, or something stands behind it", "Put a word with spaces between quotes: `kubectl annotate pod/x 'note=on call'`.")
	}
	s := &ShellStub{On: on, Stdin: r.match(n.Get("stdin")), Times: whole(n.Get("times"), 0), Span: n.Span}
	if len(s.On) == 0 {
		r.bad("bad-stub", n.Span, "`on` is empty", "Write the words that the command begins with: `kubectl get pods`.")
	}
	replies := oneOrMore(n.Get("reply"))
	if n.Get("reply") == nil {
		replies = []*syntax.Node{n}
	} else {
		for _, key := range done {
			if at, beside := n.Key(key); beside {
				r.bad("bad-stub", at.Span, fmt.Sprintf("`%s` stands beside `reply`, which is in its place", key), "Put it into the reply.")
			}
		}
	}
	for _, x := range replies {
		reply := ShellReply{Stdout: text(x, "stdout"), Stderr: text(x, "stderr"), Delay: duration(x.Get("delay")), Exit: whole(x.Get("exit"), 0), Signal: text(x, "signal")}
		if n := signals[reply.Signal]; n > 0 {
			reply.Exit = 128 + n
		}
		s.Replies = append(s.Replies, reply)
	}
	r.times(n, s.Times, len(s.Replies))
	return s
}

func (r *reader) kind(n *syntax.Node, k *kind.Kind) *KindStub {
	s := &KindStub{Kind: k.Name, On: folded(text(n, "on")), With: texts(n.Get("with")), Times: whole(n.Get("times"), 0), Span: n.Span}
	for _, e := range entries(n.Get("with")) {
		heldOption(e.Key, k, r.report)
	}
	for _, x := range oneOrMore(n.Get("reply")) {
		s.Replies = append(s.Replies, readReply(x, k, r.report))
	}
	r.times(n, s.Times, len(s.Replies))
	return s
}

// heldOption refuses an option that the kind does not have.
func heldOption(key source.Text, k *kind.Kind, report source.Report) {
	shape := k.Options
	if shape != nil && shape.Form == spec.OneOf && len(shape.Alts) > 0 {
		shape = shape.Alts[len(shape.Alts)-1]
	}
	if shape == nil || shape.Form != spec.Object {
		return
	}
	first := key.Value
	if i := strings.IndexAny(first, ".["); i >= 0 {
		first = first[:i]
	}
	names := make([]string, len(shape.Fields))
	for i, f := range shape.Fields {
		names[i] = f.Key
	}
	if !slices.Contains(names, first) {
		report(source.Diagnostic{Code: "unknown-option", Span: key.Span, Summary: fmt.Sprintf("`%s` has no option `%s`", k.Name, first), Detail: didYouMean(first, names)})
	}
}

// match reads what a text must be.
func (r *reader) match(n *syntax.Node) *Match {
	if n == nil || n.Kind == syntax.Null {
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
	for _, c := range oneOrMore(n.Get("matches")) {
		re, err := regexp.Compile(c.Text.Value)
		if err != nil {
			r.bad("bad-value", c.Span, "this is no regular expression: "+err.Error(), "Write one in Go's syntax, such as `^P[12]`.")
			continue
		}
		m.Matches = append(m.Matches, re)
	}
	if v := n.Get("json"); v != nil {
		m.JSON, m.HasJSON = literal(v), true
	}
	if p := m.contradicts(); p != "" {
		r.bad("bad-value", n.Span, "no text can be as this wants it: "+p, "Leave one of them out.")
	}
	return m
}

// long are the keys of an answer in its long form; any other is a field.
var long = []string{"answer", "values", "after", "by"}

func answer(n *syntax.Node) Answer {
	if n.Kind == syntax.Sequence {
		a := answer(n.Items[0])
		for _, item := range n.Items[1:] {
			a.Then = append(a.Then, answer(item))
		}
		return a
	}
	if n.Kind == syntax.Scalar {
		return Answer{Choice: n.Text.Value}
	}
	a := Answer{Choice: "done", After: duration(n.Get("after")), By: text(n, "by"), Values: values(n.Get("values"))}
	if c := text(n, "answer"); c != "" {
		a.Choice = c
	}
	for _, e := range n.Entries {
		if !slices.Contains(long, e.Key.Value) {
			a.Values[e.Key.Value] = literal(e.Value)
		}
	}
	return a
}

// cancel reads when somebody presses Ctrl-C.
func cancel(n *syntax.Node) Cancel {
	switch {
	case n == nil || n.Kind == syntax.Null:
		return Cancel{}
	case n.Kind == syntax.Scalar:
		return Cancel{Step: n.Text.Value, At: n.Span}
	}
	return Cancel{Step: text(n, "step"), After: duration(n.Get("after")), At: n.Get("step").Span}
}

func (r *reader) expect(n *syntax.Node) Expect {
	x := Expect{Outcome: text(n, "outcome"), Decisions: texts(n.Get("decisions")), Verdicts: texts(n.Get("verdicts")), Facts: values(n.Get("facts")),
		Outputs: values(n.Get("outputs")), Evidence: values(n.Get("evidence")), Messages: map[string]Match{}, Duration: map[string]Bounds{}, at: map[string]source.Span{}}
	for _, m := range entries(n.Get("messages")) {
		if m.Value.Kind == syntax.Null {
			continue
		}
		x.Messages[m.Key.Value] = *r.match(m.Value)
		if m.Value.Kind == syntax.Scalar && m.Value.Text.Value == "absent" {
			x.Messages[m.Key.Value] = Match{None: true}
		}
	}
	for _, c := range items(n.Get("calls")) {
		x.Calls = append(x.Calls, r.call(c))
	}
	for _, o := range items(n.Get("order")) {
		x.Order = append(x.Order, o.Text.Value)
	}
	r.lasts(&x, n.Get("duration"))
	for _, e := range entries(n) {
		x.at[e.Key.Value] = e.Key.Span
		for _, inner := range e.Value.Entries {
			x.at[e.Key.Value+"."+inner.Key.Value] = inner.Key.Span
		}
	}
	return x
}

// call reads how often something must be called.
func (r *reader) call(n *syntax.Node) CallWant {
	c := CallWant{On: text(n, "on"), Min: 1, Max: -1, Body: r.match(n.Get("body")), Span: n.Span}
	if folded(c.On) == "" {
		r.bad("bad-value", n.Get("on").Span, "`on` is empty", "Write the call: `GET https://api.example.com/v1/*`, or `kubectl get pods`.")
	}
	t := n.Get("times")
	switch {
	case t == nil:
	case t.Kind == syntax.Mapping:
		c.Min, c.Max = whole(t.Get("min"), 0), whole(t.Get("max"), -1)
		if c.Max >= 0 && c.Min > c.Max {
			r.bad("bad-value", t.Span, "`min` is greater than `max`", "Turn them round.")
		}
	default:
		c.Min = whole(t, 1)
		c.Max = c.Min
	}
	return c
}

// lasts reads how long the run, and steps, may take.
func (r *reader) lasts(x *Expect, n *syntax.Node) {
	run := Bounds{Max: math.MaxInt64}
	for _, e := range entries(n) {
		at := e.Key.Value
		switch {
		case e.Value.Kind == syntax.Null:
		case e.Value.Kind == syntax.Mapping:
			x.Duration[at] = r.bounds(e.Value)
		case at == "min":
			run.Min = duration(e.Value)
			x.Duration[""] = run
		case at == "max":
			run.Max = duration(e.Value)
			x.Duration[""] = run
		}
	}
	if run.Min > run.Max {
		r.bad("bad-value", n.Span, "`min` is greater than `max`", "Turn them round.")
	}
}

func (r *reader) bounds(n *syntax.Node) Bounds {
	b := Bounds{Min: duration(n.Get("min")), Max: math.MaxInt64}
	if m := n.Get("max"); m != nil {
		b.Max = duration(m)
	}
	if b.Min > b.Max {
		r.bad("bad-value", n.Span, "`min` is greater than `max`", "Turn them round.")
	}
	return b
}

// The accessors below read what Check has seen.

func text(n *syntax.Node, key string) string {
	if v := n.Get(key); v != nil && v.Kind == syntax.Scalar {
		return v.Text.Value
	}
	return ""
}

// literal is a value as JSON has it: a number that no int or float64 holds stays
// what it is.
func literal(n *syntax.Node) any {
	switch {
	case n == nil:
		return nil
	case n.Kind == syntax.Mapping:
		out := make(map[string]any, len(n.Entries))
		for _, e := range n.Entries {
			out[e.Key.Value] = literal(e.Value)
		}
		return out
	case n.Kind == syntax.Sequence:
		out := make([]any, len(n.Items))
		for i, item := range n.Items {
			out[i] = literal(item)
		}
		return out
	case n.Kind == syntax.Scalar && (n.Tag == syntax.Int || n.Tag == syntax.Float) && json.Valid([]byte(n.Text.Value)):
		return types.Exact(json.Number(n.Text.Value))
	}
	return types.Encode(syntax.Literal(n))
}

// whole is an integer, or what stands for it where it is missing.
func whole(n *syntax.Node, missing int) int {
	if i, ok := syntax.Literal(n).(int); ok {
		return i
	}
	return missing
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
		if e.Value.Kind == syntax.Scalar {
			out[e.Key.Value] = e.Value.Text.Value
		}
	}
	return out
}

func values(n *syntax.Node) map[string]any {
	out := map[string]any{}
	for _, e := range entries(n) {
		out[e.Key.Value] = literal(e.Value)
	}
	return out
}

func duration(n *syntax.Node) time.Duration {
	if n == nil || n.Kind != syntax.Scalar {
		return 0
	}
	d, _ := spec.ParseDuration(n.Text.Value)
	return d
}
