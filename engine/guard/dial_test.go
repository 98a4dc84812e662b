package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/engine/permit"
)

// secure is a server that speaks TLS, with the pool that trusts it.
func secure(t *testing.T, cfg *tls.Config) (*httptest.Server, int, *x509.CertPool) {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = cfg
	srv.StartTLS()
	t.Cleanup(srv.Close)
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	return srv, srv.Listener.Addr().(*net.TCPAddr).Port, pool
}

func local(_ context.Context, host string) ([]netip.Addr, error) {
	if host == "no.such.host" {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func TestDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	open := l.Addr().(*net.TCPAddr).Port
	g := guardFor(t, permit.Set{Hosts: []string{"127.0.0.1:" + strconv.Itoa(open), "named.example", "*.group.example", "no.such.host"}}, Options{Resolve: local, Env: []string{"HTTP_PROXY=http://a.group.example:1", "HTTPS_PROXY=http://a.group.example:1"}})
	for _, c := range []struct {
		host string
		port int
		want string
	}{
		{"127.0.0.1", open, ""}, {"named.example", open, ""}, {"127.0.0.1", open - 1, "denied"}, {"other.example", open, "denied"},
		{"a.group.example", open, "denied"}, {"no.such.host", open, "dns"}, {"named.example", 1, "connect"},
	} {
		conn, err := g.Dial(context.Background(), "tcp", c.host, c.port)
		got := ""
		if err != nil {
			got = Classify(context.Background(), err).Kind
		} else {
			conn.Close()
		}
		if got != c.want {
			t.Errorf("%s:%d: %q %v, want %q", c.host, c.port, got, err, c.want)
		}
	}
	drill := guardFor(t, permit.Set{Hosts: []string{"far.example"}}, Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("drilled") }})
	if _, err := drill.Dial(context.Background(), "tcp", "far.example", 1); err == nil || err.Error() != "drilled" {
		t.Errorf("a door of its own was passed by: %v", err)
	}
	var d *Denied
	if _, err := drill.Dial(context.Background(), "tcp", "other.example", 1); !errors.As(err, &d) {
		t.Errorf("a door of its own permits everything: %v", err)
	}
}

func TestSecure(t *testing.T) {
	_, port, pool := secure(t, nil)
	for name, c := range map[string]struct {
		tls  TLS
		opts Options
		want string
	}{
		"example.com": {TLS{}, Options{Roots: pool}, ""}, "wrong.example": {TLS{}, Options{Roots: pool}, "another name"},
		"also.example": {TLS{ServerName: "example.com"}, Options{Roots: pool}, ""}, "127.0.0.1": {TLS{}, Options{}, "nobody who is trusted"},
		"ca.example": {TLS{CA: "/no/such/file"}, Options{}, "cannot read the CA"},
	} {
		c.opts.Resolve = local
		g := guardFor(t, permit.Set{Hosts: []string{name}}, c.opts)
		conn, err := g.Dial(context.Background(), "tcp", name, port)
		if err != nil {
			t.Fatal(err)
		}
		s, err := g.Secure(context.Background(), conn, name, c.tls)
		switch {
		case c.want == "" && err != nil, c.want != "" && err == nil:
			t.Errorf("%s: %v", name, err)
		case err != nil:
			if he := Classify(context.Background(), err); he.Kind != "tls" || !strings.Contains(Reason(he), c.want) {
				t.Errorf("%s: %+v", name, he)
			}
		default:
			s.Close()
		}
		conn.Close()
	}
}

func TestPeer(t *testing.T) {
	old, oldPort, pool := secure(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	_, picky, _ := secure(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert})
	_, picky12, _ := secure(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12})
	_, asks, _ := secure(t, &tls.Config{ClientAuth: tls.RequestClientCert})
	g := guardFor(t, permit.Set{Hosts: []string{"example.com", "wrong.example"}}, Options{Resolve: local, Roots: pool})
	for _, c := range []struct {
		host    string
		port    int
		probe   Probe
		fails   bool
		invalid bool
	}{
		{"example.com", oldPort, Probe{MinVersion: tls.VersionTLS10}, false, false}, {"wrong.example", oldPort, Probe{MinVersion: tls.VersionTLS10}, false, true}, {"example.com", oldPort, Probe{}, true, false},
		{"example.com", picky, Probe{}, true, false}, {"example.com", picky12, Probe{}, true, false}, {"example.com", asks, Probe{}, false, false}, {"example.com", asks, Probe{MaxVersion: tls.VersionTLS12}, false, false},
	} {
		start := time.Now()
		p, err := g.Peer(context.Background(), c.host, c.port, c.probe)
		switch {
		case c.fails && (err == nil || Classify(context.Background(), err).Kind != "tls"):
			t.Errorf("%+v: %v", c, err)
		case !c.fails && (err != nil || (p.Invalid != nil) != c.invalid || !p.State.PeerCertificates[0].Equal(old.Certificate())):
			t.Errorf("%+v: %+v %v", c, p, err)
		case time.Since(start) > patience/2:
			t.Errorf("%+v took %v", c, time.Since(start))
		}
	}
}

func TestResolvers(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	address := pc.LocalAddr().String()
	g := guardFor(t, permit.Set{Hosts: []string{"127.0.0.2"}}, Options{Nameservers: []string{address}})
	for a, want := range map[string]string{address: "", "127.0.0.2:53": "", "127.0.0.3:53": "denied", "127.0.0.3": "protocol", "127.0.0.3:dns": "protocol"} {
		conn, err := g.DialResolver(context.Background(), "udp", a)
		got := ""
		if err != nil {
			got = Classify(context.Background(), err).Kind
		} else {
			conn.Close()
		}
		if got != want {
			t.Errorf("%s: %q %v", a, got, err)
		}
	}
	for _, a := range systemResolvers(context.Background()) {
		if _, err := netip.ParseAddrPort(a); err != nil {
			t.Errorf("the system's resolver %q: %v", a, err)
		}
	}
	if len(systemResolvers(context.Background())) == 0 {
		t.Error("the system has no resolver, where Go's own would ask 127.0.0.1 at least")
	}
	drill := guardFor(t, permit.Set{}, Options{Nameservers: []string{address}, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("drilled") }})
	if _, err := drill.DialResolver(context.Background(), "udp", address); err == nil || err.Error() != "drilled" {
		t.Errorf("a door of its own was passed by: %v", err)
	}
}

// TestLateDial: a dialer looks at the deadline itself, and can find it over before
// the context has noticed. That is no refused connection.
func TestLateDial(t *testing.T) {
	d := net.Dialer{Deadline: time.Now().Add(-time.Second)}
	_, late := d.Dial("tcp", "127.0.0.1:9")
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for want, errs := range map[string][]error{"timeout": {late, &url.Error{Op: "Get", Err: late}, &net.OpError{Op: "dial", Err: syscall.ETIMEDOUT}}, "connect": {refused, &url.Error{Op: "Get", Err: refused}}} {
		for _, err := range errs {
			if he := Classify(context.Background(), err); he.Kind != want {
				t.Errorf("%v is %s, not %s", err, he.Kind, want)
			}
		}
	}
}

func TestReason(t *testing.T) {
	for _, c := range []struct {
		he   HTTPError
		want string
	}{
		{HTTPError{"timeout", context.DeadlineExceeded}, "in time"}, {HTTPError{"canceled", context.Canceled}, "cancelled"},
		{HTTPError{"tls", tls.RecordHeaderError{Msg: "x"}}, "does not speak TLS"}, {HTTPError{"tls", x509.UnknownAuthorityError{}}, "nobody who is trusted"}, {HTTPError{"tls", io.EOF}, "in the TLS handshake"},
		{HTTPError{"tls", errors.New("odd")}, "odd"}, {HTTPError{"protocol", &url.Error{Op: "Get", URL: "http://secret", Err: io.EOF}}, "hung up"}, {HTTPError{"protocol", syscall.ECONNRESET}, "hung up"}, {HTTPError{"connect", errors.New("refused")}, "refused"},
	} {
		if got := Reason(&c.he); !strings.Contains(got, c.want) || strings.Contains(got, "secret") {
			t.Errorf("%+v: %s", c.he, got)
		}
	}
	if !slices.Contains(everySuite(), tls.TLS_RSA_WITH_AES_128_CBC_SHA) {
		t.Error("old suites are not offered")
	}
}
