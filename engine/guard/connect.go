package guard

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// dial connects to an address that was checked after the name was resolved, so
// that a name cannot lead to this machine or its network unnoticed. Every address
// is checked before the first is dialled.
func (t *transport) dial(ctx context.Context, network, address string) (net.Conn, error) {
	g := t.guard
	if g.opts.Dial != nil {
		return g.opts.Dial(ctx, network, address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := g.resolve(ctx, host)
	if err != nil {
		return nil, &HTTPError{"dns", err}
	}
	number, _ := strconv.Atoi(port) // a service by its name is no port of an entry
	if !t.isProxy(host, port) {
		for _, a := range addrs {
			if err := g.checkAddress(host, number, a); err != nil {
				return nil, err
			}
		}
	}
	return race(ctx, byFamily(addrs), func(ctx context.Context, a netip.Addr) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
	})
}

func (g *Guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	lookup := g.opts.Resolve
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	addrs, err := lookup(ctx, host)
	if err == nil && len(addrs) == 0 {
		err = fmt.Errorf("no address for %s", host)
	}
	return addrs, err
}

// byFamily lets addresses of IPv6 and IPv4 take turns, beginning with that of the
// resolver's first choice, as RFC 8305 says: where one family leads nowhere, the
// other is next.
func byFamily(addrs []netip.Addr) []netip.Addr {
	var first, second, out []netip.Addr
	for _, a := range addrs {
		if a.Unmap().Is4() == addrs[0].Unmap().Is4() {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	for i := range max(len(first), len(second)) {
		if i < len(first) {
			out = append(out, first[i])
		}
		if i < len(second) {
			out = append(out, second[i])
		}
	}
	return out
}

// headStart is how long an address is tried alone before the next is tried beside
// it.
const headStart = 250 * time.Millisecond

// race connects to the first address that answers. The next is begun when one has
// failed, or has not answered within its head start, so that a dead address costs
// that and not all the time there is.
func race(ctx context.Context, addrs []netip.Addr, connect func(context.Context, netip.Addr) (net.Conn, error)) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the others
	results := make(chan result)
	timer := time.NewTimer(headStart)
	defer timer.Stop()
	under, next := 0, 0
	begin := func() {
		if next == len(addrs) || ctx.Err() != nil && under+next > 0 {
			return
		}
		a := addrs[next]
		under, next = under+1, next+1
		timer.Reset(headStart)
		go func() {
			conn, err := connect(ctx, a)
			results <- result{conn, err}
		}()
	}
	begin()
	var first error
	for under > 0 {
		select {
		case <-timer.C:
			begin()
		case r := <-results:
			under--
			if r.err == nil {
				go func(late int) {
					for range late {
						if r := <-results; r.err == nil {
							r.conn.Close()
						}
					}
				}(under)
				return r.conn, nil
			}
			if first == nil {
				first = r.err
			}
			begin()
		}
	}
	return nil, first
}

// metadata are the addresses at which clouds hand out credentials: they are
// permitted by their own names alone.
var metadata = []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254")}

// reserved are inner ranges besides those that netip knows: this network, what
// providers share, protocols' own, the local one of NAT64, and sites'.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("255.255.255.255/32"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("fec0::/10"),
}

// isInner reports whether an address is this machine's or its network's.
func isInner(a netip.Addr) bool {
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() ||
		slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(a) })
}

// carriers are the ranges of IPv6 in which an address of IPv4 stands, and where:
// gateways lead on to that.
var carriers = []struct {
	in netip.Prefix
	at int
}{{netip.MustParsePrefix("64:ff9b::/96"), 12}, {netip.MustParsePrefix("2002::/16"), 2}, {netip.MustParsePrefix("::/96"), 12}}

// innermost is the address that a packet reaches in the end, as far as it can be
// told from the address.
func innermost(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() || isInner(a) {
		return a
	}
	for _, c := range carriers {
		if c.in.Contains(a) {
			b := a.As16()
			return netip.AddrFrom4([4]byte(b[c.at : c.at+4]))
		}
	}
	return a
}

// checkAddress refuses inner addresses behind a host that the file does not name
// itself.
func (g *Guard) checkAddress(host string, port int, a netip.Addr) error {
	p := g.Permissions.ByPolicy()
	for _, x := range []netip.Addr{a, innermost(a)} {
		if p == nil {
			break
		}
		if d := p.DeniesHost(x.String(), port); d != nil {
			return refused(*d, host, "")
		}
	}
	a = innermost(a)
	name := host
	if slices.Contains(metadata, a) {
		name = a.String()
	} else if !isInner(a) {
		return nil
	}
	if g.Permissions.Names(name) {
		return nil
	}
	if p != nil {
		if d := p.Set().Host(name, port); !d.OK {
			return refused(d, host, "permissions.hosts")
		}
	}
	return &Denied{Effect: host, List: "permissions.hosts", Entry: name, Reason: fmt.Sprintf("`%s` leads to the inner address %s, and only a host that is named itself may", host, a)}
}

// checkLiteral checks a host that is an address, which a proxy of the environment
// would reach for us.
func (g *Guard) checkLiteral(host string, port int) error {
	a, err := netip.ParseAddr(host)
	if err != nil || g.opts.Dial != nil {
		return nil
	}
	return g.checkAddress(host, port, a)
}

// isProxy reports whether a connection goes to a proxy of the environment, which
// may stand anywhere: the host behind it was checked.
func (t *transport) isProxy(host, port string) bool {
	for _, scheme := range []string{"http", "https"} {
		p, err := t.proxy(&url.URL{Scheme: scheme, Host: "proxy-probe.invalid"})
		if err == nil && p != nil && p.Hostname() == host && proxyPort(p) == port {
			return true
		}
	}
	return false
}

func proxyPort(p *url.URL) string {
	known := map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}
	if port := p.Port(); port != "" {
		return port
	}
	return known[p.Scheme]
}
