package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"runbook/engine/permit"
)

func addresses(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func TestByFamily(t *testing.T) {
	for in, want := range map[string]string{
		"::1 ::2 ::3 10.0.0.1 10.0.0.2": "::1 10.0.0.1 ::2 10.0.0.2 ::3", "10.0.0.1 10.0.0.2 ::1": "10.0.0.1 ::1 10.0.0.2", "::1": "::1", "::ffff:10.0.0.1 ::1": "::ffff:10.0.0.1 ::1",
	} {
		if got := byFamily(addresses(strings.Fields(in)...)); !slices.Equal(got, addresses(strings.Fields(want)...)) {
			t.Errorf("%s: %v", in, got)
		}
	}
}

// TestInner: what stands for this machine or its network, however it is written.
func TestInner(t *testing.T) {
	g := guardFor(t, permit.Set{Hosts: []string{"*.example.com"}}, Options{})
	for a, inner := range map[string]bool{
		"127.0.0.1": true, "127.255.255.254": true, "::1": true, "::ffff:127.0.0.1": true, "10.0.0.1": true, "172.16.0.1": true, "172.32.0.1": false, "192.168.1.1": true, "169.254.1.1": true,
		"169.254.169.254": true, "::ffff:169.254.169.254": true, "fe80::1%eth0": true, "fc00::1": true, "fd00:ec2::254": true, "fec0::1": true, "ff02::1": true, "224.0.0.1": true, "0.0.0.0": true, "::": true,
		"0.1.2.3": true, "100.64.0.1": true, "100.128.0.1": false, "192.0.0.192": true, "255.255.255.255": true, "64:ff9b::7f00:1": true, "64:ff9b::a9fe:a9fe": true, "64:ff9b::808:808": false,
		"64:ff9b:1::1": true, "2002:7f00:1::": true, "2002:808:808::1": false, "::10.0.0.1": true, "8.8.8.8": false, "2001:4860:4860::8888": false,
	} {
		err := g.checkAddress("a.example.com", 443, netip.MustParseAddr(a))
		var d *Denied
		if errors.As(err, &d) != inner {
			t.Errorf("%s: %v", a, err)
		}
		if inner && strings.Contains(a, "169.254.169.254") && d.Entry != "169.254.169.254" {
			t.Errorf("%s would be permitted by %q", a, d.Entry)
		}
	}
}

// TestRace: a dead address costs its head start, one that refuses costs nothing,
// and whoever comes too late is hung up on.
func TestRace(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	refused := errors.New("refused")
	var hungUp atomic.Int32
	connect := func(ctx context.Context, a netip.Addr) (net.Conn, error) {
		switch a.String() {
		case "192.0.2.1": // dead
			<-ctx.Done()
			return nil, ctx.Err()
		case "192.0.2.2":
			return nil, refused
		case "192.0.2.3": // comes about although it is not wanted any more
			<-ctx.Done()
			c, _ := net.Pipe()
			return closing{c, &hungUp}, nil
		}
		return net.Dial("tcp", l.Addr().String())
	}
	for _, c := range []struct {
		addrs     string
		ok        bool
		late, end time.Duration
	}{
		{"192.0.2.9", true, 0, headStart}, {"192.0.2.1 192.0.2.9", true, headStart, 900 * time.Millisecond}, {"192.0.2.2 192.0.2.9", true, 0, headStart}, {"192.0.2.3 192.0.2.9", true, headStart, 900 * time.Millisecond},
		{"192.0.2.1 192.0.2.2 192.0.2.9", true, headStart, 900 * time.Millisecond}, {"192.0.2.2 192.0.2.2", false, 0, headStart}, {"192.0.2.1", false, time.Second, 2 * time.Second},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		start := time.Now()
		conn, err := race(ctx, addresses(strings.Fields(c.addrs)...), connect)
		cancel()
		if took := time.Since(start); (err == nil) != c.ok || took < c.late || took > c.end {
			t.Errorf("%s: %v after %s", c.addrs, err, took)
		}
		if conn != nil {
			conn.Close()
		}
	}
	for range 100 {
		if hungUp.Load() == 1 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("a connection that nobody wants was kept")
}

type closing struct {
	net.Conn
	n *atomic.Int32
}

// Close counts.
func (c closing) Close() error {
	c.n.Add(1)
	return c.Conn.Close()
}

// TestDeadAddress: a host of which one address takes no connections is reached by
// the other, while one that may not be dialled keeps all of them from being.
func TestDeadAddress(t *testing.T) {
	dead, port := deaf(t)
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	both := func(context.Context, string) ([]netip.Addr, error) { return addresses(dead, "127.0.0.1"), nil }
	g := guardFor(t, permit.Set{Hosts: []string{"db.example.com", "*.example.org"}}, Options{Resolve: both})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	start := time.Now()
	conn, err := g.Dial(ctx, "tcp", "db.example.com", port)
	if err != nil || time.Since(start) > 2*time.Second {
		t.Fatalf("%v after %s", err, time.Since(start))
	}
	conn.Close()
	var d *Denied
	if _, err := g.Dial(ctx, "tcp", "db.example.org", port); !errors.As(err, &d) {
		t.Error(err)
	}
}
