package http

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

type executor struct{}

// Execute makes the request.
func (executor) Execute(ctx context.Context, r exec.Request) exec.Result {
	start := r.Time()
	fields := map[string]any{"status": 0, "headers": map[string]any{}, "body": "", "json": nil, "truncated": false, "url": "", "protocol": "", "timing": new(timing).result(0)}
	t := &timing{now: r.Time}
	err := t.exchange(ctx, r, fields)
	d := r.Since(start)
	fields["timing"] = t.result(d)
	return exec.Result{Fields: fields, Error: failure(ctx, err), Duration: d}
}

func failure(ctx context.Context, err error) *exec.Error {
	if err == nil {
		return nil
	}
	he := guard.Classify(ctx, err)
	return &exec.Error{Kind: he.Kind, Message: guard.Reason(he)}
}

// exchange sends the request and reads the answer into fields, as far as it
// gets.
func (t *timing) exchange(ctx context.Context, r exec.Request, fields map[string]any) error {
	req, err := request(ctx, r.Options)
	if err != nil {
		return err
	}
	fields["url"] = req.URL.String()
	redirects := 10
	if n, ok := r.Options["redirects"].(int); ok {
		redirects = n
	}
	c, err := r.Guard.Client(tlsOptions(r.Options), redirects)
	if err != nil {
		return err
	}
	req = req.WithContext(httptrace.WithClientTrace(ctx, t.trace()))
	resp, err := c.Do(req)
	if err != nil {
		return t.inHandshake(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 100 || resp.StatusCode > 599 { // 0 means no answer
		return &guard.HTTPError{Kind: "protocol", Err: fmt.Errorf("the server answered with status %03d, which HTTP does not know", resp.StatusCode)}
	}
	limit := int64(DefaultBody)
	if n, ok := r.Options["max_body"].(int64); ok {
		limit = n
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return err
	}
	answer(fields, resp, body, limit)
	return nil
}

// answer takes an answer apart.
func answer(fields map[string]any, resp *http.Response, body []byte, limit int64) {
	fields["status"], fields["protocol"], fields["url"] = resp.StatusCode, resp.Proto, resp.Request.URL.String()
	headers := map[string]any{}
	for name, values := range resp.Header {
		headers[strings.ToLower(name)] = strings.ToValidUTF8(strings.Join(values, ", "), "\ufffd")
	}
	fields["headers"] = headers
	if int64(len(body)) > limit {
		body = body[:limit]
		fields["truncated"] = true
	} else if v, err := types.DecodeJSON(body); err == nil {
		fields["json"] = v
	}
	fields["body"] = strings.ToValidUTF8(string(body), "\ufffd")
}

// request builds the request from the options.
func request(ctx context.Context, o map[string]any) (*http.Request, error) {
	u, err := kind.ParseURL(text1(o["url"]))
	if err != nil {
		return nil, &guard.HTTPError{Kind: "protocol", Err: fmt.Errorf("the URL cannot be used: %w", err)}
	}
	if q, ok := o["query"].(map[string]any); ok {
		values := u.Query()
		for k, v := range q {
			values.Set(k, text1(v))
		}
		u.RawQuery = values.Encode()
	}
	body, contentType, err := payload(o)
	if err != nil {
		return nil, err
	}
	method := text1(o["method"])
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return req, headers(req, o)
}

func headers(req *http.Request, o map[string]any) error {
	h, _ := o["headers"].(map[string]any)
	req.Header.Set("User-Agent", "runbook")
	for k, v := range h {
		s := text1(v)
		if strings.ContainsAny(s, "\r\n\x00") {
			return &guard.HTTPError{Kind: "protocol", Err: fmt.Errorf("header %s holds a line break", k)}
		}
		if strings.EqualFold(k, "Host") {
			req.Host = s
			continue
		}
		req.Header.Set(k, s)
	}
	a, _ := o["auth"].(map[string]any)
	if b, ok := a["basic"].(map[string]any); ok {
		req.SetBasicAuth(text1(b["user"]), text1(b["password"]))
	}
	if b, ok := a["bearer"]; ok {
		req.Header.Set("Authorization", "Bearer "+text1(b))
	}
	return nil
}

// payload is the body with its type.
func payload(o map[string]any) (io.Reader, string, error) {
	if v, ok := o["json"]; ok {
		b, err := json.Marshal(types.Encode(v))
		return bytes.NewReader(b), "application/json", err
	}
	if f, ok := o["form"].(map[string]any); ok {
		values := url.Values{}
		for k, v := range f {
			values.Set(k, text1(v))
		}
		return strings.NewReader(values.Encode()), "application/x-www-form-urlencoded", nil
	}
	if b, ok := o["body"]; ok {
		return strings.NewReader(text1(b)), "", nil
	}
	return nil, "", nil
}

func text1(v any) string { return types.Format(v) }

func tlsOptions(o map[string]any) guard.TLS {
	t, _ := o["tls"].(map[string]any)
	return guard.TLS{CA: text1(t["ca"]), Cert: text1(t["cert"]), Key: text1(t["key"]), ServerName: text1(t["server_name"])}
}

// inHandshake makes an error that ended a handshake one of TLS: a server that
// hangs up there does not say why.
func (t *timing) inHandshake(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused == nil || !errors.Is(err, t.refused) {
		return err
	}
	return &guard.HTTPError{Kind: "tls", Err: fmt.Errorf("the TLS handshake failed: %w", err)}
}

// timing measures the parts of the last request of a chain.
type timing struct {
	now                   func() time.Time
	mu                    sync.Mutex
	dns0, conn0, tls0, wr time.Time
	dns, conn, tls, first time.Duration
	refused               error // what ended the handshake
}

func (t *timing) set(f func(now time.Time)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t.now())
}

func (t *timing) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:           func(string) { t.set(func(n time.Time) { t.dns0 = n }) },
		ConnectStart:      func(string, string) { t.set(func(n time.Time) { t.conn0, t.dns = n, n.Sub(t.dns0) }) },
		ConnectDone:       func(string, string, error) { t.set(func(n time.Time) { t.conn = n.Sub(t.conn0) }) },
		TLSHandshakeStart: func() { t.set(func(n time.Time) { t.tls0 = n }) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			t.set(func(n time.Time) { t.tls, t.refused = n.Sub(t.tls0), err })
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.set(func(n time.Time) { t.wr = n }) },
		GotFirstResponseByte: func() { t.set(func(n time.Time) { t.first = n.Sub(t.wr) }) },
	}
}

func (t *timing) result(total time.Duration) map[string]any {
	t.mu.Lock()
	defer t.mu.Unlock()
	return map[string]any{"dns": t.dns, "connect": t.conn, "tls": t.tls, "first_byte": t.first, "total": total}
}
