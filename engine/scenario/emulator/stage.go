package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"syscall"

	"golang.org/x/net/http/httpguts"

	"runbook/engine/guard"
	"runbook/engine/scenario"
)

// maxBody bounds what is read of a request.
const maxBody = 16 << 20

// stage is what a drill and a simulation share: what is said to a request or a
// command, and what the world around the shell looks like.
type stage struct {
	World *scenario.World
	speak Speak
}

// Speak lets a program say what a scenario says of it, once its time has passed, and
// gives its exit code.
type Speak func(context.Context, guard.Command, scenario.ShellReply) (int, error)

// Speaking gives the programs of the world another way to say what they say: real
// processes, for one.
func (s *stage) Speaking(speak Speak) { s.speak = speak }

// say is the way in which programs are heard that are none.
func say(_ context.Context, c guard.Command, reply scenario.ShellReply) (int, error) {
	_, err1 := io.WriteString(c.Stderr, reply.Stderr)
	_, err2 := io.WriteString(c.Stdout, reply.Stdout)
	return reply.Exit, errors.Join(err1, err2)
}

// doors are those that are the same in both. Nothing of this machine shows in
// them: a scenario comes out the same everywhere.
func (s stage) doors(o guard.Options) guard.Options {
	o.Run, o.Files, o.Dir = s.run, guard.NewMemory(), "/"
	o.Env = []string{"HOME=/home/runbook", "LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin", "USER=runbook"}
	o.ReadFile = func(path string, _ int64) (guard.File, error) {
		return guard.File{}, errors.New(s.World.Miss("the file " + path))
	}
	o.Resolve = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	o.Nameservers = []string{"127.0.0.53:53"}
	return o
}

// pick is the reply to a request. Where no stub fits, it says so.
func (s stage) pick(ctx context.Context, method string, u *url.URL, h http.Header, body string) scenario.HTTPReply {
	step, key := scenario.Attempt(ctx)
	reply, ok, why := s.World.HTTP(scenario.Request{Method: method, URL: u, Header: h.Get, Body: body, Step: step, Key: key})
	if ok {
		return reply
	}
	return scenario.HTTPReply{
		Status: http.StatusNotImplemented, Body: "drill: " + why + "\n",
		Headers: map[string]string{"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"},
	}
}

// payload reads the body of a request, which must be one that can be sent.
func payload(r *http.Request) (string, error) {
	if r.Body == nil {
		return "", sendable(r)
	}
	defer r.Body.Close()
	if err := sendable(r); err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	return string(b), err
}

// sendable refuses what an HTTP transport does not send, in its words.
func sendable(r *http.Request) error {
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
		return fmt.Errorf("unsupported protocol scheme %q", r.URL.Scheme)
	}
	for k, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(k) {
			return fmt.Errorf("net/http: invalid header field name %q", k)
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return fmt.Errorf("net/http: invalid header field value for %q", k)
			}
		}
	}
	if r.URL.Host == "" {
		return errors.New("http: no Host in request URL")
	}
	return nil
}

// isBroken reports whether a reply is none.
func isBroken(r scenario.HTTPReply) bool { return r.Error != "" && r.Error != scenario.Truncated }

// broken is what comes of a server that does not answer, as the network says it.
func broken(ctx context.Context, u *url.URL, fault string) error {
	switch {
	case fault == "" || fault == scenario.Truncated:
		return nil
	case fault == "timeout":
		return guard.Wait(ctx, guard.Forever)
	case fault == "dns":
		return &net.DNSError{Err: "no such host", Name: u.Hostname(), IsNotFound: true}
	case fault == "refused":
		return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case fault == "tls" && u.Scheme == "https":
		return http.ErrSchemeMismatch
	}
	return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

// run answers a command. What it says on standard error comes first: whoever
// reads its output may act on that at once.
func (s stage) run(ctx context.Context, c guard.Command) (int, error) {
	stdin := ""
	if c.Stdin != nil && s.World.NeedsStdin(c.Argv) {
		b, err := io.ReadAll(io.LimitReader(c.Stdin, maxBody))
		if err != nil {
			return 1, err
		}
		stdin = string(b)
	}
	step, key := scenario.Attempt(ctx)
	reply, ok, why := s.World.Command(scenario.Command{Argv: c.Argv, Stdin: stdin, Step: step, Key: key})
	if !ok {
		fmt.Fprintln(c.Stderr, "drill: "+why)
		return 127, nil
	}
	if err := guard.Wait(ctx, reply.Delay); err != nil {
		return -1, err
	}
	return s.speak(ctx, c, reply)
}
