// Package channel sends messages to where people read them: a Slack webhook, a
// status page, any server that takes JSON. Each kind of channel says what its
// request is and how an answer is read; this file sends it through the guard, a
// few times if need be, within the time that it is given.
//
// A channel's URL and token are secrets: nothing of them stands in what comes
// back.
package channel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

// All are the kinds of channels.
func All() []exec.Kind {
	return []exec.Kind{slack(), statuspage(), webhook()}
}

// Drill are the kinds as a drill has them: what goes to a host by a method for which
// the scenario has no answer counts as sent, and goes nowhere.
func Drill(answers func(method, host string) bool) []exec.Kind {
	kinds := All()
	for i, k := range kinds {
		s := k.Executor.(sender)
		s.answers = answers
		kinds[i].Executor = s
	}
	return kinds
}

// message is what is sent, as the options of a call have it under `message`.
type message struct{ text, title, status, step, key, run, runbook, incident, channel string }

// request is what a channel's server is sent.
type request struct {
	method, url string
	headers     map[string]string
	body        any
	// once says that a second request could be a second message where the first
	// one may have been taken.
	once bool
}

// sender is the executing half of a kind of channel.
type sender struct {
	build func(settings map[string]any, m message) (request, error)
	// read says what an answer means: the incident that it names, and what is
	// wrong, or "".
	read    func(status int, body []byte) (incident, problem string)
	answers func(method, host string) bool // of a drill; nil: messages really go out
}

func newKind(name, doc string, s sender) exec.Kind {
	field := func(name string, k types.Kind) types.Field {
		return types.Field{Name: name, Type: &types.Type{Kind: k}, Late: true}
	}
	return exec.Kind{Executor: s, Kind: kind.Kind{
		Name: name, Doc: doc, Errors: []string{"dns", "connect", "tls", "protocol", "denied", "refused"},
		Result: &types.Type{Kind: types.Object, Fields: []types.Field{
			field("status", types.Int), field("reply", types.String), field("attempts", types.Int), field("incident", types.String),
		}},
	}}
}

// maxReply bounds what is read of an answer, and maxShown what is told of it.
const maxReply, maxShown = 64 << 10, 200

// tries is how often a message is tried at most.
const tries = 3

// Execute sends a message. It returns within the context's deadline.
func (s sender) Execute(ctx context.Context, r exec.Request) exec.Result {
	start := r.Time()
	a := s.send(ctx, r)
	a.fields["attempts"] = a.tried
	res := exec.Result{Fields: a.fields, Duration: r.Since(start)}
	if a.err != nil {
		res.Error = a.err
	}
	return res
}

// attempt is how far sending has come.
type attempt struct {
	fields map[string]any
	err    *exec.Error
	tried  int
	again  bool          // another try may help, and does no harm
	wait   time.Duration // before it
}

func (a *attempt) fail(kind, text string) { a.err = &exec.Error{Kind: kind, Message: text} }

func (s sender) send(ctx context.Context, r exec.Request) *attempt {
	a := &attempt{fields: map[string]any{"status": 0, "reply": "", "incident": ""}}
	settings, _ := r.Options["channel"].(map[string]any)
	given, _ := r.Options["message"].(map[string]any)
	rq, err := s.build(settings, messageOf(given))
	if err != nil {
		a.fail("protocol", err.Error())
		return a
	}
	u, err := kind.ParseURL(rq.url)
	if err != nil {
		a.fail("protocol", "the channel's URL cannot be used: "+err.Error())
		return a
	}
	if s.answers != nil && !s.answers(rq.method, u.Hostname()) {
		a.fields["reply"], a.fields["incident"] = "the scenario has no answer for "+u.Hostname()+", so it counts as sent", "drill"
		return a
	}
	body, err := encode(rq.body)
	if err != nil {
		a.fail("protocol", "what is to be sent is no JSON: "+err.Error())
		return a
	}
	for a.tried < tries {
		a.tried++
		s.try(ctx, r.Guard, u, rq, body, a)
		if a.err == nil || !a.again || a.tried == tries || !sleep(ctx, r, a.wait) {
			break
		}
	}
	return a
}

func messageOf(m map[string]any) message {
	text := func(key string) string { return types.Format(m[key]) }
	return message{text("text"), text("title"), text("status"), text("step"), text("key"), text("run"), text("runbook"), text("incident"), text("channel")}
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(types.Encode(v))
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// sleep waits, unless the time would be up before.
func sleep(ctx context.Context, r exec.Request, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && r.Until(end) <= d {
		return false
	}
	return guard.Wait(ctx, d) == nil
}

// maxRedirects is how many redirects are followed; the guard lets none leave the
// channel's host.
const maxRedirects = 3

// try makes one request.
func (s sender) try(ctx context.Context, g *guard.Guard, u *url.URL, rq request, body []byte, a *attempt) {
	a.err, a.again, a.wait = nil, false, time.Duration(a.tried)*time.Second
	client, err := g.Sending(hostOf(u)).Client(guard.TLS{}, maxRedirects)
	if err != nil {
		a.fail("tls", err.Error())
		return
	}
	req, err := http.NewRequestWithContext(ctx, rq.method, u.String(), bytes.NewReader(body))
	if err != nil {
		a.fail("protocol", "the request cannot be made")
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "runbook")
	for k, v := range rq.headers {
		if strings.ContainsAny(v, "\r\n\x00") {
			a.fail("protocol", "the header "+k+" holds a line break")
			return
		}
		req.Header.Set(k, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		s.unanswered(ctx, u, err, rq.once, a)
		return
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		s.unanswered(ctx, u, err, rq.once, a)
		return
	}
	if resp.Request.Method != rq.method {
		a.fail("protocol", "it was redirected in a way that drops the message")
		return
	}
	s.answered(u, resp, reply, rq.once, a)
}

// hostOf is the host that a URL leads to, with its port.
func hostOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80"}[u.Scheme]
	}
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// unanswered is a request that got no answer. Where it did not leave this
// machine, it can be made again in any case.
func (s sender) unanswered(ctx context.Context, u *url.URL, err error, once bool, a *attempt) {
	he := guard.Classify(ctx, err)
	text := guard.Reason(he)
	var denied *guard.Denied
	if errors.As(err, &denied) {
		text = denied.Reason
		if denied.Effect != u.Redacted() && denied.Effect != u.Hostname() {
			text = "it was redirected to another host, and a channel permits its own alone: " + text
		}
	}
	a.fields["status"], a.fields["reply"] = 0, ""
	a.fail(he.Kind, redact(text, u))
	a.again = he.Kind == "dns" || he.Kind == "connect" || he.Kind == "protocol" && !once
}

// answered reads an answer.
func (s sender) answered(u *url.URL, resp *http.Response, reply []byte, once bool, a *attempt) {
	incident, problem := s.read(resp.StatusCode, reply)
	a.fields["status"], a.fields["reply"], a.fields["incident"] = resp.StatusCode, redact(short(reply), u), incident
	if problem == "" {
		return
	}
	a.fail("refused", redact(problem, u))
	limited := resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == 420
	a.again = limited || resp.StatusCode >= 500 && !once
	if after, ok := retryAfter(resp.Header.Get("Retry-After")); limited && ok {
		a.wait = after
		a.err.Message += fmt.Sprintf("; it may be tried again in %s", after)
	}
}

// retryAfter reads the header of that name, which is seconds or a date.
func retryAfter(s string) (time.Duration, bool) {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n >= 0 && n < 1<<20 {
		return time.Duration(n) * time.Second, true
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(time.Until(at), 0).Round(time.Second), true
	}
	return 0, false
}

// refusal says what was answered instead of a success.
func refusal(status int, body []byte) string {
	text := fmt.Sprintf("the answer was %d", status)
	if s := short(body); s != "" {
		text += " " + s
	}
	return text
}

// short is the beginning of an answer on one line.
func short(body []byte) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "\ufffd")), " ")
	if r := []rune(s); len(r) > maxShown {
		s = string(r[:maxShown]) + "…"
	}
	return s
}

// redact takes the secret parts of a channel's URL out of a text: servers like to
// repeat what they were asked.
func redact(text string, u *url.URL) string {
	parts := []string{u.String(), u.RequestURI(), u.EscapedPath(), u.Path, u.RawQuery}
	if p, ok := u.User.Password(); ok {
		parts = append(parts, p)
	}
	for _, part := range strings.Split(u.Path, "/") {
		if len(part) >= 8 {
			parts = append(parts, part)
		}
	}
	for _, p := range parts {
		if len(p) > 3 {
			text = strings.ReplaceAll(text, p, "‹hidden›")
		}
	}
	return text
}

// cut bounds a text to so many characters, each counted as cost says, and tells
// how many are missing.
func cut(s string, limit int, cost func(rune) int) string {
	runes := []rune(s)
	total := 0
	for _, r := range runes {
		total += cost(r)
	}
	if total <= limit {
		return s
	}
	const room = 100 // for the note
	used := 0
	for i, r := range runes {
		if used += cost(r); used > limit-room {
			return string(runes[:i]) + fmt.Sprintf("\n… cut here: %d more characters stand in the run's journal", len(runes)-i)
		}
	}
	return s
}

func one(rune) int { return 1 }
