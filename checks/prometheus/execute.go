package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"runbook/engine/guard"
	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

type executor struct{}

// Execute asks the question.
func (executor) Execute(ctx context.Context, r exec.Request) exec.Result {
	start := r.Time()
	s := &sender{options: r.Options, limit: DefaultBody}
	fields, err := ask(ctx, r, s)
	if err != nil {
		fields = map[string]any{"result_type": "", "value": nil, "samples": []any{}, "series": []any{}, "found": 0, "warnings": []any{}}
	}
	return exec.Result{Fields: fields, Error: failure(ctx, s, err), Duration: r.Since(start)}
}

// fault is a failure whose kind is known where it is made.
type fault struct{ kind, message string }

// Error is the message.
func (f *fault) Error() string { return f.message }

func ask(ctx context.Context, r exec.Request, s *sender) (map[string]any, error) {
	o := r.Options
	u, err := parseURL(types.Format(o["url"]))
	if err != nil {
		return nil, &fault{"protocol", "the URL cannot be used: " + err.Error()}
	}
	params, _ := o["params"].(map[string]any)
	query, err := fill(types.Format(o["query"]), params)
	if err != nil {
		return nil, &fault{"query", err.Error()}
	}
	client, err := s.client(r.Guard, u)
	if err != nil {
		return nil, err
	}
	answer, remarks, err := put(ctx, r, v1.NewAPI(client), query)
	if err != nil {
		return nil, err
	}
	return fields(answer, remarks)
}

// put puts the question: for a range where there is a `start`, else for a moment.
func put(ctx context.Context, r exec.Request, server v1.API, query string) (model.Value, []string, error) {
	o := r.Options
	var options []v1.Option
	if end, ok := ctx.Deadline(); ok { // so that the server does not go on without us; it reads whole seconds
		options = append(options, v1.WithTimeout(r.Until(end).Truncate(time.Second)+time.Second))
	}
	if _, ok := o["start"]; ok {
		span, err := rangeOf(o, r.Time())
		if err != nil {
			return nil, nil, err
		}
		answer, warnings, infos, err := server.QueryRange(ctx, query, span, options...)
		return answer, append(warnings, infos...), err
	}
	at, err := timeOf(o, "time", r.Time())
	if err != nil {
		return nil, nil, err
	}
	answer, warnings, infos, err := server.Query(ctx, query, at, options...)
	return answer, append(warnings, infos...), err
}

// timeOf is a time of the options; it is before where there is none.
func timeOf(o map[string]any, key string, before time.Time) (time.Time, error) {
	s := types.Format(o[key])
	if s == "" {
		return before, nil
	}
	t, err := moment(s, before)
	if err != nil {
		return t, &fault{"query", fmt.Sprintf("`%s` is no time: %s", key, err)}
	}
	return t, nil
}

func rangeOf(o map[string]any, now time.Time) (v1.Range, error) {
	end, err := timeOf(o, "end", now)
	if err != nil {
		return v1.Range{}, err
	}
	start, err := timeOf(o, "start", end)
	if err != nil {
		return v1.Range{}, err
	}
	step := time.Minute
	if d, ok := o["step"].(time.Duration); ok {
		step = d
	}
	return v1.Range{Start: start, End: end, Step: step}, nil
}

// sender is what the client's requests go through: it adds the headers and bounds
// the answer.
type sender struct {
	options map[string]any
	next    http.RoundTripper
	limit   int64
	to      string // where the server wants to send us
}

func (s *sender) client(g *guard.Guard, u *url.URL) (api.Client, error) {
	t, _ := s.options["tls"].(map[string]any)
	f := func(key string) string { return types.Format(t[key]) }
	c, err := g.Client(guard.TLS{CA: f("ca"), Cert: f("cert"), Key: f("key"), ServerName: f("server_name")}, 0)
	if err != nil {
		return nil, err
	}
	if n, ok := s.options["max_body"].(int64); ok {
		s.limit = n
	}
	s.next, c.Transport = c.Transport, s
	return api.NewClient(api.Config{Address: u.String(), Client: c})
}

// RoundTrip sends a request with the step's headers.
func (s *sender) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "runbook")
	headers, _ := s.options["headers"].(map[string]any)
	for k, v := range headers {
		text := types.Format(v)
		if strings.ContainsAny(text, "\r\n\x00") {
			return nil, &fault{"protocol", fmt.Sprintf("header %s holds a line break", k)}
		}
		r.Header.Set(k, text)
	}
	a, _ := s.options["auth"].(map[string]any)
	if b, ok := a["basic"].(map[string]any); ok {
		r.SetBasicAuth(types.Format(b["user"]), types.Format(b["password"]))
	}
	if b, ok := a["bearer"]; ok {
		r.Header.Set("Authorization", "Bearer "+types.Format(b))
	}
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if to, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 {
		s.to = to.Redacted()
	}
	resp.Body = &bounded{ReadCloser: resp.Body, sender: s, left: s.limit}
	return resp, nil
}

// bounded is an answer that may not be larger than it is permitted to be.
type bounded struct {
	io.ReadCloser
	sender *sender
	left   int64
}

// Read reads within the bounds.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errTooLarge
	}
	return n, err
}

var errTooLarge = &fault{"query", "the answer is larger than `max_body`: ask for less (sum, topk, a larger step), or allow more"}

// failure tells what kept the question from being answered.
func failure(ctx context.Context, s *sender, err error) *exec.Error {
	var known *fault
	var said *v1.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known) && ctx.Err() == nil:
		return &exec.Error{Kind: known.kind, Message: known.message}
	case errors.As(err, &said) && ctx.Err() == nil:
		return server(s, said)
	}
	he := guard.Classify(ctx, err)
	cause := he.Err
	var ue *url.Error
	if errors.As(cause, &ue) {
		cause = ue.Err // the URL stands in the request already
	}
	message := cause.Error()
	switch {
	case he.Kind == "timeout":
		message = "no complete answer in time"
	case he.Kind == "canceled":
		message = "the run was cancelled"
	case errors.Is(cause, io.EOF), errors.Is(cause, io.ErrUnexpectedEOF):
		message = "the server hung up"
	}
	return &exec.Error{Kind: he.Kind, Message: message}
}

// server is what the server, or one on the way to it, said instead of an answer.
func server(s *sender, e *v1.Error) *exec.Error {
	typ, message := string(e.Type), e.Msg
	var inner struct{ ErrorType, Error string }
	if json.Unmarshal([]byte(e.Detail), &inner) == nil && inner.ErrorType != "" {
		typ, message = inner.ErrorType, inner.Error
	}
	switch v1.ErrorType(typ) {
	case v1.ErrTimeout:
		return &exec.Error{Kind: "timeout", Message: "the server ran out of time: " + message}
	case v1.ErrCanceled, v1.ErrBadData, v1.ErrExec, "unavailable", "internal", "not_found":
		return &exec.Error{Kind: "query", Message: typ + ": " + message}
	}
	switch {
	case s.to != "":
		return &exec.Error{Kind: "protocol", Message: "the server redirects to " + s.to + "; redirects are not followed: write the URL where it is"}
	case message == "client error: 401", message == "client error: 403":
		return &exec.Error{Kind: "auth", Message: "the server refuses us: status " + strings.TrimPrefix(message, "client error: ")}
	case strings.Contains(message, `unexpected value type "string"`):
		return &exec.Error{Kind: "query", Message: "the answer is a string, of which nothing can be expected"}
	case e.Type == v1.ErrBadResponse:
		return &exec.Error{Kind: "protocol", Message: "that is no answer of Prometheus's API: " + message}
	}
	return &exec.Error{Kind: "protocol", Message: message}
}
