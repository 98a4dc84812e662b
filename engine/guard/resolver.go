package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
)

// Resolvers are the name servers that the system asks, as host:port, in its
// order.
func (g *Guard) Resolvers(ctx context.Context) []string {
	if g.opts.Nameservers != nil {
		return g.opts.Nameservers
	}
	return systemResolvers(ctx)
}

var errNotAsked = errors.New("only the address was wanted")

// systemResolvers lets Go's own resolver, which knows where each system keeps
// its list, begin a question, and notes whom it would ask.
func systemResolvers(ctx context.Context) []string {
	var out []string
	r := &net.Resolver{PreferGo: true, Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		if !slices.Contains(out, address) {
			out = append(out, address)
		}
		return nil, errNotAsked
	}}
	_, _ = r.LookupTXT(ctx, "runbook.invalid.")
	return out
}

// DialResolver connects to a name server, given as host:port. One of the
// system's needs no permission: every program asks it.
func (g *Guard) DialResolver(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("the resolver %q is not host:port: %w", address, err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("the resolver's port %q is no number", port)
	}
	if !slices.Contains(g.Resolvers(ctx), address) {
		return g.Dial(ctx, network, host, n)
	}
	if g.opts.Dial != nil {
		return g.opts.Dial(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
