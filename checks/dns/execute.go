package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"runbook/engine/guard"
	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

// DefaultTimeout is how long an answer is waited for where `timeout` says
// nothing.
const DefaultTimeout = 5 * time.Second

// rounds is how often each server is asked: a datagram may get lost.
const rounds = 2

type executor struct{}

// Execute asks.
func (executor) Execute(ctx context.Context, r exec.Request) exec.Result {
	start := r.Time()
	fields := map[string]any{"status": "", "answers": []any{}, "canonical": "", "ttl": time.Duration(0), "authoritative": false, "server": ""}
	err := look(ctx, r, fields)
	return exec.Result{Fields: fields, Error: failure(ctx, err), Duration: r.Since(start)}
}

func look(ctx context.Context, r exec.Request, fields map[string]any) error {
	kindOf := types.Format(r.Options["type"])
	if kindOf == "" {
		kindOf = "A"
	}
	name, err := question(types.Format(r.Options["name"]), kindOf)
	if err != nil {
		return wrong(fmt.Errorf("the name cannot be asked for: %w", err))
	}
	servers := r.Guard.Resolvers(ctx)
	if s := types.Format(r.Options["resolver"]); s != "" {
		host, port, err := server(s)
		if err != nil {
			return wrong(err)
		}
		servers = []string{net.JoinHostPort(host, strconv.Itoa(port))}
	}
	if len(servers) == 0 {
		return wrong(errors.New("the system names no name server; give one under `resolver`"))
	}
	limit := patience(r.Options)
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, r.Until(end))
	}
	msg, from, err := ask(ctx, r.Guard, servers, limit, query(name, kindOf))
	if err != nil {
		return err
	}
	fields["server"] = from
	describe(fields, msg, name)
	return nil
}

// patience is how long a question waits for its answer.
func patience(o map[string]any) time.Duration {
	if d, ok := o["timeout"].(time.Duration); ok && d > 0 {
		return d
	}
	return DefaultTimeout
}

func wrong(err error) error { return &guard.HTTPError{Kind: "dns", Err: err} }

func query(name, kindOf string) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name, dns.StringToType[kindOf])
	m.SetEdns0(1232, false) // what passes every network undivided
	return m
}

// ask puts a question to each server in turn, and then again, until one answers.
// One that says that it has failed is believed only if no other does better.
func ask(ctx context.Context, g *guard.Guard, servers []string, limit time.Duration, m *dns.Msg) (answer *dns.Msg, from string, err error) {
	each := limit / time.Duration(rounds*len(servers))
	for range rounds {
		for _, s := range servers {
			var got *dns.Msg
			if got, err = attempt(ctx, g, s, each, m); ctx.Err() != nil {
				return nil, "", ctx.Err()
			}
			var denied *guard.Denied
			if errors.As(err, &denied) {
				return nil, "", err
			}
			if err != nil {
				continue
			}
			if answer, from = got, s; got.Rcode == dns.RcodeSuccess || got.Rcode == dns.RcodeNameError {
				return answer, from, nil
			}
		}
		if answer != nil {
			return answer, from, nil
		}
	}
	if isTimeout(err) {
		err = &guard.HTTPError{Kind: "timeout", Err: fmt.Errorf("no answer from %s within %v", strings.Join(servers, ", "), limit.Round(time.Millisecond))}
	}
	return nil, "", err
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

// attempt asks one server once: by datagram, by TCP where the answer was cut, and
// without the extension of the protocol where the server does not know it.
func attempt(ctx context.Context, g *guard.Guard, server string, limit time.Duration, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	got, err := exchange(ctx, g, "udp", server, m)
	if err == nil && got.Rcode == dns.RcodeFormatError && got.IsEdns0() == nil {
		m = m.Copy()
		m.Extra = nil
		got, err = exchange(ctx, g, "udp", server, m)
	}
	if err == nil && got.Truncated {
		return exchange(ctx, g, "tcp", server, m)
	}
	return got, err
}

// exchange sends a question and reads its answer. Datagrams that belong to
// another question are passed over: anybody can send them.
func exchange(ctx context.Context, g *guard.Guard, network, server string, m *dns.Msg) (*dns.Msg, error) {
	conn, err := g.DialResolver(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c := &dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize}
	if err := c.WriteMsg(m); err != nil {
		return nil, broken(ctx, err)
	}
	for {
		got, err := c.ReadMsg()
		switch {
		case err != nil && got == nil:
			return nil, broken(ctx, err)
		case got.Id != m.Id && network == "udp":
			continue
		case err != nil:
			return nil, broken(ctx, err)
		case !answers(got, m):
			return nil, wrong(errors.New("the server answered another question"))
		}
		return got, nil
	}
}

// answers reports whether an answer is one to a question. A server that refuses
// may leave the question out.
func answers(got, m *dns.Msg) bool {
	if !got.Response || got.Id != m.Id {
		return false
	}
	if len(got.Question) == 0 {
		return got.Rcode != dns.RcodeSuccess && got.Rcode != dns.RcodeNameError
	}
	q, want := got.Question[0], m.Question[0]
	return strings.EqualFold(q.Name, want.Name) && q.Qtype == want.Qtype && q.Qclass == want.Qclass
}

// broken says what happened to a question that was under way.
func broken(ctx context.Context, err error) error {
	var op *net.OpError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, syscall.ECONNREFUSED):
		return &guard.HTTPError{Kind: "connect", Err: errors.New("no name server listens there")}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return &guard.HTTPError{Kind: "connect", Err: errors.New("the server hung up")}
	case errors.As(err, &op):
		return &guard.HTTPError{Kind: "connect", Err: op}
	}
	return wrong(fmt.Errorf("the answer cannot be read: %w", err))
}

func failure(ctx context.Context, err error) *exec.Error {
	if err == nil {
		return nil
	}
	he := guard.Classify(ctx, err)
	switch {
	case he.Kind == "timeout" && ctx.Err() == nil:
		return &exec.Error{Kind: he.Kind, Message: he.Err.Error()} // the question's own time
	case he.Kind == "protocol":
		he.Kind = "connect" // all that is left are troubles of the system with a socket
	}
	return &exec.Error{Kind: he.Kind, Message: guard.Reason(he)}
}
