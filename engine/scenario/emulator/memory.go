package emulator

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"

	"runbook/engine/guard"
	"runbook/engine/scenario"
)

// Memory is a world without a server: what would be sent is answered where it
// stands. The kinds and the guard are the real ones; no socket is opened, no
// process started, no file made.
type Memory struct{ stage }

// InMemory opens a world. There is nothing to close.
func InMemory(w *scenario.World) *Memory { return &Memory{stage{w, say}} }

// Doors are the guard's doors into this world.
func (m *Memory) Doors(o guard.Options) guard.Options {
	o = m.doors(o)
	o.Exchange = m.exchange
	o.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
		return nil, errors.New(m.World.Miss("the connection to " + network + " " + address))
	}
	return o
}

// exchange answers a request.
func (m *Memory) exchange(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
	body, err := payload(r)
	if err != nil {
		return nil, err
	}
	reply := m.pick(r.Context(), r.Method, r.URL, r.Header, body)
	trace := httptrace.ContextClientTrace(r.Context())
	if trace != nil && trace.WroteRequest != nil && !isBroken(reply) {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	if err := guard.Wait(r.Context(), reply.Delay); err != nil {
		return nil, err
	}
	if err := broken(r.Context(), r.URL, reply.Error); err != nil {
		return nil, err
	}
	if trace != nil && trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	return response(r, reply), nil
}
