package emulator

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"runbook/engine/guard"
	"runbook/engine/scenario"
)

// content is a reply as HTTP carries it: the status, the headers with those that
// every server adds, and the body, cut where it breaks off.
func content(method string, reply scenario.HTTPReply) (status int, h http.Header, body []byte) {
	status, h, body = reply.Status, http.Header{}, []byte(reply.Body)
	if status < 200 {
		status = http.StatusOK // what comes before an answer is none
	}
	if reply.HasJSON {
		h.Set("Content-Type", "application/json;charset=utf-8")
	}
	for k, v := range reply.Headers {
		h.Set(k, strings.TrimSpace(oneLine.Replace(v))) // no header has more
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return status, h, nil
	}
	if h.Get("Content-Type") == "" && len(body) > 0 {
		h.Set("Content-Type", http.DetectContentType(body))
	}
	if reply.Error == scenario.Truncated {
		body = body[:len(body)/2]
	}
	if method != http.MethodHead || h.Get("Content-Length") == "" {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if method == http.MethodHead {
		body = nil
	}
	return status, h, body
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// pieces are the parts in which a body comes, and the time before each.
func pieces(body []byte, over time.Duration) ([][]byte, time.Duration) {
	const most = 10
	n := min(len(body), most)
	if over <= 0 || n == 0 {
		return [][]byte{body}, 0
	}
	for over%time.Duration(n) != 0 {
		n-- // the pauses are to be the whole time
	}
	out := make([][]byte, n)
	for i := range out {
		out[i] = body[len(body)*i/n : len(body)*(i+1)/n]
	}
	return out, over / time.Duration(n)
}

// serve writes a reply to a real connection.
func serve(ctx context.Context, w http.ResponseWriter, method string, reply scenario.HTTPReply) {
	status, h, body := content(method, reply)
	for k, v := range h {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
	parts, pause := pieces(body, reply.Drip)
	if pause > 0 {
		_ = http.NewResponseController(w).Flush() // the head comes at once
	}
	for _, p := range parts {
		if guard.Wait(ctx, pause) != nil {
			return
		}
		if _, err := w.Write(p); err != nil {
			return // a client that went away is its own business
		}
		if pause > 0 {
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// response is a reply without any connection.
func response(r *http.Request, reply scenario.HTTPReply) *http.Response {
	status, h, body := content(r.Method, reply)
	if c := guard.ClockOf(r.Context()); c != nil {
		h.Set("Date", c.Now().UTC().Format(http.TimeFormat))
	}
	resp := &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, ContentLength: int64(len(body)), Request: r,
	}
	if r.URL.Scheme == "https" {
		resp.Proto, resp.ProtoMajor, resp.ProtoMinor = "HTTP/2.0", 2, 0
	}
	parts, pause := pieces(body, reply.Drip)
	resp.Body = &slowly{ctx: r.Context(), parts: parts, pause: pause}
	if reply.Error == scenario.Truncated {
		resp.Body = &brokenOff{resp.Body}
	}
	return resp
}

// slow lets a body that is there come in pieces.
func slow(ctx context.Context, resp *http.Response, over time.Duration) error {
	body, err := io.ReadAll(resp.Body)
	if closed := resp.Body.Close(); err == nil {
		err = closed
	}
	parts, pause := pieces(body, over)
	resp.Body = &slowly{ctx: ctx, parts: parts, pause: pause}
	return err
}

// slowly is a body that comes in pieces.
type slowly struct {
	ctx   context.Context
	parts [][]byte
	rest  []byte
	pause time.Duration
}

// Read reads on, and waits for the next piece.
func (s *slowly) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if len(s.parts) == 0 {
			return 0, io.EOF
		}
		if err := guard.Wait(s.ctx, s.pause); err != nil {
			return 0, err
		}
		s.rest, s.parts = s.parts[0], s.parts[1:]
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Close does nothing: there is no connection.
func (s *slowly) Close() error { return nil }

// brokenOff is a body behind which more should have come.
type brokenOff struct{ io.ReadCloser }

// Read reads on; the end is too early.
func (b *brokenOff) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
