package tcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

type executor struct{}

// talk is a connection with what was said on it.
type talk struct {
	ctx       context.Context
	conn      net.Conn
	received  []byte
	matched   int // how much of received belongs to earlier expectations
	limit     int
	timing    map[string]any
	connected time.Time
	ended     error // why nothing more will be received
}

// Execute connects and holds the dialogue.
func (executor) Execute(ctx context.Context, r exec.Request) exec.Result {
	start := r.Time()
	t := &talk{ctx: ctx, limit: DefaultReceived, timing: map[string]any{"connect": time.Duration(0), "tls": time.Duration(0), "first_byte": time.Duration(0)}}
	fields := map[string]any{"connected": false, "banner": "", "received": ""}
	err := t.run(r, fields)
	fields["received"] = clean(t.received)
	total := r.Since(start)
	t.timing["total"] = total
	fields["timing"] = maps.Clone(t.timing)
	return exec.Result{Fields: fields, Error: failure(ctx, err), Duration: total}
}

func clean(b []byte) string { return strings.ToValidUTF8(string(b), "\ufffd") }

func failure(ctx context.Context, err error) *exec.Error {
	if err == nil {
		return nil
	}
	he := guard.Classify(ctx, err)
	if he.Kind == "timeout" && ctx.Err() == nil {
		return &exec.Error{Kind: he.Kind, Message: he.Err.Error()} // an expectation's own time
	}
	return &exec.Error{Kind: he.Kind, Message: guard.Reason(he)}
}

func (t *talk) run(r exec.Request, fields map[string]any) error {
	port, err := kind.ParsePort(types.Format(r.Options["port"]))
	if err != nil {
		return &guard.HTTPError{Kind: "protocol", Err: err}
	}
	if n, ok := r.Options["max_received"].(int64); ok {
		t.limit = int(n)
	}
	host, began := types.Format(r.Options["host"]), time.Now()
	conn, err := r.Guard.Dial(t.ctx, "tcp", host, port)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(t.ctx, func() { conn.Close() })()
	t.conn, t.connected = conn, time.Now()
	t.timing["connect"], fields["connected"] = t.connected.Sub(began), true
	if r.Options["tls"] == true {
		if t.conn, err = r.Guard.Secure(t.ctx, conn, host, certificates(r.Options)); err != nil {
			return err
		}
		t.timing["tls"] = time.Since(t.connected)
	}
	if d, ok := r.Options["banner"].(time.Duration); ok && d > 0 {
		if fields["banner"], err = t.banner(d); err != nil {
			return err
		}
	}
	return t.dialogue(r.Options["dialogue"])
}

func certificates(o map[string]any) guard.TLS {
	return guard.TLS{CA: types.Format(o["ca"]), Cert: types.Format(o["cert"]), Key: types.Format(o["key"]), ServerName: types.Format(o["name"])}
}

// banner waits for the first line. A server that waits to be spoken to has none,
// and that is no error; one that hangs up is.
func (t *talk) banner(within time.Duration) (string, error) {
	err := t.until(within, func(b []byte) bool { return strings.ContainsRune(string(b), '\n') })
	first, _, _ := strings.Cut(clean(t.received), "\n")
	first = strings.TrimSuffix(first, "\r")
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errTooMuch) || first != "" {
		return first, t.ctx.Err()
	}
	return first, err
}

func (t *talk) dialogue(steps any) error {
	list, _ := steps.([]any)
	for i, s := range list {
		step, _ := s.(map[string]any)
		if say, ok := step["send"]; ok {
			if _, err := io.WriteString(t.conn, types.Format(say)); err != nil {
				return protocol(fmt.Errorf("step %d of the dialogue could not be sent: %w", i+1, err))
			}
		}
		if pattern, ok := step["expect"].(string); ok {
			within, ok := step["within"].(time.Duration)
			if !ok {
				within = 5 * time.Second
			}
			if err := t.expect(pattern, within); err != nil {
				return err
			}
		}
	}
	return nil
}

func protocol(err error) error { return &guard.HTTPError{Kind: "protocol", Err: err} }

// compile reads an expectation; protocols speak in lines, so it is held against
// each.
func compile(pattern string) (*regexp.Regexp, error) {
	if re, err := regexp.Compile(pattern); err != nil {
		return re, err // which names the pattern as it was written
	}
	return regexp.Compile("(?m)" + pattern)
}

// expect waits until what was said since the last match matches.
func (t *talk) expect(pattern string, within time.Duration) error {
	re, err := compile(pattern)
	if err != nil {
		return protocol(fmt.Errorf("the expectation is no regular expression: %w", err))
	}
	var at []int
	err = t.until(within, func(b []byte) bool { at = re.FindIndex(b[t.matched:]); return at != nil })
	said := clean(t.received[t.matched:])
	switch {
	case err == nil:
		t.matched += at[1]
		return nil
	case t.ctx.Err() != nil:
		return err
	case errors.Is(err, errTooMuch):
		return protocol(fmt.Errorf("the server said %d bytes, and nothing that matches `%s`", len(t.received), pattern))
	case !errors.Is(err, os.ErrDeadlineExceeded) && said == "":
		return protocol(fmt.Errorf("the server hung up before it said anything that matches `%s`", pattern))
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return protocol(fmt.Errorf("the server hung up, and had said nothing that matches `%s` but %q", pattern, short(said)))
	case said == "":
		return &guard.HTTPError{Kind: "timeout", Err: fmt.Errorf("the server said nothing within %v, where `%s` was expected", within, pattern)}
	}
	return protocol(fmt.Errorf("the server said nothing within %v that matches `%s` but %q", within, pattern, short(said)))
}

func short(s string) string {
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return s
}

var errTooMuch = errors.New("more than is taken in")

// until reads until enough was said, the time is over, or the server hangs up.
func (t *talk) until(within time.Duration, enough func([]byte) bool) error {
	if err := t.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	buf := make([]byte, 8<<10)
	for !enough(t.received) {
		if t.ended != nil {
			return t.ended
		}
		room := t.limit - len(t.received)
		if room <= 0 {
			return errTooMuch
		}
		n, err := t.conn.Read(buf[:min(room, len(buf))])
		if n > 0 && len(t.received) == 0 {
			t.timing["first_byte"] = time.Since(t.connected)
		}
		t.received = append(t.received, buf[:n]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if enough(t.received) {
				return nil
			}
			return err
		}
		t.ended = err
	}
	return nil
}
