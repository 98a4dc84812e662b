//go:build unix

package engine

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"runbook/engine/guard"
	"runbook/engine/permit"
)

// answers are what the name server of the tests knows.
var answers = map[string][]string{
	"hop.test.": {"127.0.0.1"}, "loop.group.test.": {"127.0.0.1"}, "six.group.test.": {"::1"}, "mapped.group.test.": {"::ffff:127.0.0.1"}, "other.group.test.": {"127.0.0.9"}, "both.group.test.": {"203.0.113.1", "127.0.0.1"},
	"ten.group.test.": {"10.0.0.1"}, "bridge.group.test.": {"172.17.0.1"}, "home.group.test.": {"192.168.0.1"}, "link.group.test.": {"169.254.7.7"}, "link6.group.test.": {"fe80::1"}, "local6.group.test.": {"fd12::1"}, "any.group.test.": {"0.0.0.0"},
	"any6.group.test.": {"::"}, "shared.group.test.": {"100.64.0.1"}, "nat.group.test.": {"64:ff9b::7f00:1"}, "sixto4.group.test.": {"2002:7f00:1::"}, "cast.group.test.": {"224.0.0.1"}, "meta.group.test.": {"169.254.169.254"}, "meta.test.": {"169.254.169.254"},
	"metamapped.test.": {"::ffff:169.254.169.254"}, "metanat.test.": {"64:ff9b::a9fe:a9fe"}, "meta6.test.": {"fd00:ec2::254"}, "alias.group.test.": {"CNAME loop.group.test."}, "evil.test.": {"127.0.0.1"}, "named.test.": {"127.0.0.1"}, "port.test.": {"127.0.0.1"},
}

// connections are attempts to reach what is not permitted. {P} is the port of the
// server that must not be reached, {H} that of one that redirects to what stands
// behind /to?; named.test and hop.test are permitted, and *.group.test.
var connections = []struct {
	name, step, entry string
	proxy             bool // the environment has a proxy, which must not be reached
	inert             bool // the address leads nowhere from here
}{
	{name: "a host", step: `http: {url: "http://evil.test:{P}/"}`, entry: "hosts evil.test"},
	{name: "an address", step: `http: {url: "http://127.0.0.1:{P}/"}`, entry: "hosts 127.0.0.1"},
	{name: "an address of IPv6", step: `http: {url: "http://[::1]:{P}/"}`, entry: "hosts ::1"},
	{name: "a mapped address", step: `http: {url: "http://[::ffff:127.0.0.1]:{P}/"}`, entry: "hosts ::ffff:127.0.0.1"},
	{name: "capitals", step: `http: {url: "http://EVIL.TEST:{P}/"}`, entry: "hosts evil.test"},
	{name: "a dot at the end", step: `http: {url: "http://evil.test.:{P}/"}`, entry: "hosts evil.test"},
	{name: "a permitted name as the user", step: `http: {url: "http://named.test@evil.test:{P}/"}`, entry: "hosts evil.test"},
	{name: "a permitted name in the path", step: `http: {url: "http://evil.test:{P}/named.test"}`, entry: "hosts evil.test"},
	{name: "a permitted name in the question", step: `http: {url: "http://evil.test:{P}/?named.test"}`, entry: "hosts evil.test"},
	{name: "a permitted name in the Host header", step: `http: {url: "http://evil.test:{P}/", headers: {Host: named.test}}`, entry: "hosts evil.test"},
	{name: "what ends like a group", step: `http: {url: "http://evilgroup.test:{P}/"}`, entry: "hosts evilgroup.test", inert: true},
	{name: "the group itself", step: `http: {url: "http://group.test:{P}/"}`, entry: "hosts group.test", inert: true},
	{name: "what begins like a permitted name", step: `http: {url: "http://named.test.evil.test:{P}/"}`, entry: "hosts named.test.evil.test", inert: true},
	{name: "another port of a permitted address", step: `http: {url: "http://127.0.0.1:{P}/"}`, entry: "hosts 127.0.0.1"},
	{name: "a number for an address", step: `http: {url: "http://2130706433:{P}/"}`, entry: "hosts 2130706433", inert: true},
	{name: "a short address", step: `http: {url: "http://127.1:{P}/"}`, entry: "hosts 127.1", inert: true},
	{name: "this machine by its name", step: `http: {url: "http://localhost:{P}/"}`, entry: "hosts localhost", inert: true},
	{name: "the metadata service", step: `http: {url: "http://169.254.169.254/latest/"}`, entry: "hosts 169.254.169.254", inert: true},

	{name: "an address with a zone", step: `http: {url: "http://[::1%25lo]:{P}/"}`, entry: "hosts ::1%lo", inert: true},
	{name: "an address with a zone that ends like a group", step: `http: {url: "http://[::1%25.group.test]:{P}/"}`, entry: "hosts ::1%.group.test", inert: true},
	{name: "an outer address with a zone that ends like a group", step: `http: {url: "http://[2001:db8::1%25x.group.test]:{P}/"}`, entry: "hosts 2001:db8::1%x.group.test", inert: true},
	{name: "an address that ends like an entry", step: `http: {url: "http://127.0.0.254:{P}/"}`, entry: "hosts 127.0.0.254"},
	{name: "a number of base 16", step: `http: {url: "http://0x7f000001:{P}/"}`, entry: "hosts 0x7f000001", inert: true},
	{name: "a number of base 8", step: `http: {url: "http://0177.0.0.1:{P}/"}`, entry: "hosts 0177.0.0.1", inert: true},
	{name: "parts of base 16", step: `http: {url: "http://0x7f.0.0.1:{P}/"}`, entry: "hosts 0x7f.0.0.1", inert: true},
	{name: "the address of none, itself", step: `http: {url: "http://0.0.0.0:{P}/"}`, entry: "hosts 0.0.0.0"},
	{name: "nothing but a zero", step: `http: {url: "http://0:{P}/"}`, entry: "hosts 0", inert: true},
	{name: "an old form of a mapped address", step: `http: {url: "http://[::127.0.0.1]:{P}/"}`, entry: "hosts ::127.0.0.1", inert: true},
	{name: "a long form of an address", step: `http: {url: "http://[0:0:0:0:0:0:0:1]:{P}/"}`, entry: "hosts 0:0:0:0:0:0:0:1", inert: true},
	{name: "two dots at the end", step: `http: {url: "http://evil.test..:{P}/"}`, entry: "hosts evil.test.", inert: true},
	{name: "letters that are wide", step: "http: {url: \"http://\uff45vil.test:{P}/\"}", entry: "hosts \uff45vil.test", inert: true},
	{name: "a dot that is wide", step: "http: {url: \"http://evil\u3002test:{P}/\"}", entry: "hosts evil\u3002test", inert: true},
	{name: "a letter that looks alike", step: "http: {url: \"http://n\u0430med.test:{P}/\"}", entry: "hosts n\u0430med.test", inert: true},
	{name: "a name in Punycode", step: `http: {url: "http://xn--nmed-53d.test:{P}/"}`, entry: "hosts xn--nmed-53d.test", inert: true},
	{name: "a backslash for a slash", step: `http: {url: 'http://evil.test:{P}/\@named.test/'}`, entry: "hosts evil.test"},
	{name: "a user with a password", step: `http: {url: "http://named.test:{P}@evil.test:{P}/"}`, entry: "hosts evil.test"},
	{name: "a permitted name behind a sharp", step: `http: {url: "http://evil.test:{P}#@named.test/"}`, entry: "hosts evil.test"},
	{name: "an upgrade to another protocol", step: `http: {url: "http://evil.test:{P}/", headers: {Connection: Upgrade, Upgrade: websocket}}`, entry: "hosts evil.test"},
	{name: "a status page", step: `statuspage: {url: "http://evil.test:{P}"}`, entry: "hosts evil.test"},
	{name: "a status page by a name that leads inside", step: `statuspage: {url: "http://loop.group.test:{P}"}`, entry: "hosts loop.group.test"},
	{name: "a database by a URL", step: `sql: {driver: postgres, url: "postgres://u:p@evil.test:{P}/named.test", query: select 1}`, entry: "hosts evil.test"},
	{name: "a request under a permitted name", step: `http: {url: "https://evil.test:{P}/", tls: {server_name: named.test}}`, entry: "hosts evil.test"},

	{name: "a redirect to another port", step: `http: {url: "http://port.test:{H}/to?http://port.test:{P}/"}`, entry: "hosts port.test"},
	{name: "a redirect with a user", step: `http: {url: "http://hop.test:{H}/to?http://named.test@evil.test:{P}/"}`, entry: "hosts evil.test"},
	{name: "a redirect to an address with a zone", step: `http: {url: "http://hop.test:{H}/to?http://[::1%2525x.group.test]:{P}/"}`, entry: "hosts ::1%x.group.test", inert: true},
	{name: "a redirect to a secure host", step: `http: {url: "http://hop.test:{H}/to?https://evil.test:{P}/"}`, entry: "hosts evil.test"},
	{name: "a redirect to a host", step: `http: {url: "http://hop.test:{H}/to?http://evil.test:{P}/"}`, entry: "hosts evil.test"},
	{name: "a redirect to an address", step: `http: {url: "http://hop.test:{H}/to?http://127.0.0.1:{P}/"}`, entry: "hosts 127.0.0.1"},
	{name: "a redirect without a scheme", step: `http: {url: "http://hop.test:{H}/to?//127.0.0.1:{P}/"}`, entry: "hosts 127.0.0.1"},
	{name: "a redirect to a redirect", step: `http: {url: "http://hop.test:{H}/to?/to?/to?http://evil.test:{P}/"}`, entry: "hosts evil.test"},
	{name: "a redirect to the metadata service", step: `http: {url: "http://hop.test:{H}/to?http://169.254.169.254/"}`, entry: "hosts 169.254.169.254", inert: true},
	{name: "a redirect to a name that leads inside", step: `http: {url: "http://hop.test:{H}/to?http://loop.group.test:{P}/"}`, entry: "hosts loop.group.test"},
	{name: "a redirect of a request that changes something", step: `http: {method: POST, body: x, url: "http://hop.test:{H}/to?http://evil.test:{P}/"}`, entry: "hosts evil.test"},

	{name: "a name that leads to this machine", step: `http: {url: "http://loop.group.test:{P}/"}`, entry: "hosts loop.group.test"},
	{name: "a name that leads to this machine by IPv6", step: `http: {url: "http://six.group.test:{P}/"}`, entry: "hosts six.group.test"},
	{name: "a name that leads to a mapped address", step: `http: {url: "http://mapped.group.test:{P}/"}`, entry: "hosts mapped.group.test"},
	{name: "a name with an alias that leads inside", step: `http: {url: "http://alias.group.test:{P}/"}`, entry: "hosts alias.group.test"},
	{name: "a name with an outer and an inner address", step: `http: {url: "http://both.group.test:{P}/"}`, entry: "hosts both.group.test"},
	{name: "another address of this machine", step: `http: {url: "http://other.group.test:{P}/"}`, entry: "hosts other.group.test", inert: true},
	{name: "a private network of class A", step: `http: {url: "http://ten.group.test/"}`, entry: "hosts ten.group.test", inert: true},
	{name: "a private network of class B", step: `http: {url: "http://bridge.group.test/"}`, entry: "hosts bridge.group.test", inert: true},
	{name: "a private network of class C", step: `http: {url: "http://home.group.test/"}`, entry: "hosts home.group.test", inert: true},
	{name: "a local link", step: `http: {url: "http://link.group.test/"}`, entry: "hosts link.group.test", inert: true},
	{name: "a local link of IPv6", step: `http: {url: "http://link6.group.test/"}`, entry: "hosts link6.group.test", inert: true},
	{name: "a private network of IPv6", step: `http: {url: "http://local6.group.test/"}`, entry: "hosts local6.group.test", inert: true},
	{name: "the address of none", step: `http: {url: "http://any.group.test:{P}/"}`, entry: "hosts any.group.test"},
	{name: "the address of none by IPv6", step: `http: {url: "http://any6.group.test:{P}/"}`, entry: "hosts any6.group.test"},
	{name: "a provider's network", step: `http: {url: "http://shared.group.test/"}`, entry: "hosts shared.group.test", inert: true},
	{name: "this machine behind NAT64", step: `http: {url: "http://nat.group.test/"}`, entry: "hosts nat.group.test", inert: true},
	{name: "this machine behind 6to4", step: `http: {url: "http://sixto4.group.test/"}`, entry: "hosts sixto4.group.test", inert: true},
	{name: "many at once", step: `http: {url: "http://cast.group.test/"}`, entry: "hosts cast.group.test", inert: true},
	{name: "a name of a group that leads to the metadata service", step: `http: {url: "http://meta.group.test/"}`, entry: "hosts 169.254.169.254", inert: true},
	{name: "a name that is permitted and leads to the metadata service", step: `http: {url: "http://meta.test/"}`, entry: "hosts 169.254.169.254", inert: true},
	{name: "one that leads to it by a mapped address", step: `http: {url: "http://metamapped.test/"}`, entry: "hosts 169.254.169.254", inert: true},
	{name: "one that leads to it behind NAT64", step: `http: {url: "http://metanat.test/"}`, entry: "hosts 169.254.169.254", inert: true},
	{name: "one that leads to that of IPv6", step: `http: {url: "http://meta6.test/"}`, entry: "hosts fd00:ec2::254", inert: true},

	{name: "a host behind a proxy", step: `http: {url: "http://evil.test/"}`, entry: "hosts evil.test", proxy: true},
	{name: "a secure host behind a proxy", step: `http: {url: "https://evil.test/"}`, entry: "hosts evil.test", proxy: true},
	{name: "the metadata service behind a proxy", step: `http: {url: "http://169.254.169.254/"}`, entry: "hosts 169.254.169.254", proxy: true},
	{name: "the same by a pattern of addresses", step: `http: {url: "http://169.254.169.253/"}`, entry: "hosts 169.254.169.253", proxy: true},
	{name: "the proxy's machine at another port", step: `http: {url: "http://loop.group.test:{P}/"}`, entry: "hosts loop.group.test", proxy: true},

	{name: "a port", step: `tcp: {host: evil.test, port: "{P}"}`, entry: "hosts evil.test"},
	{name: "a port of a name that leads inside", step: `tcp: {host: loop.group.test, port: "{P}"}`, entry: "hosts loop.group.test"},
	{name: "a certificate", step: `tls: {host: evil.test, port: "{P}"}`, entry: "hosts evil.test"},
	{name: "a certificate of a name that leads inside", step: `tls: {host: loop.group.test, port: "{P}"}`, entry: "hosts loop.group.test"},
	{name: "a name server", step: `dns: {name: x.test, resolver: "127.0.0.1:{P}", timeout: 100ms}`, entry: "hosts 127.0.0.1", inert: true},
	{name: "a name server by a name that leads inside", step: `dns: {name: x.test, resolver: "loop.group.test:{P}", timeout: 100ms}`, entry: "hosts loop.group.test", inert: true},
	{name: "a Prometheus", step: `prometheus: {url: "http://evil.test:{P}", query: up}`, entry: "hosts evil.test"},
	{name: "a Prometheus by a name that leads inside", step: `prometheus: {url: "http://loop.group.test:{P}", query: up}`, entry: "hosts loop.group.test"},
	{name: "a database", step: `sql: {driver: postgres, host: evil.test, port: "{P}", user: u, query: select 1}`, entry: "hosts evil.test"},
	{name: "a database by a name that leads inside", step: `sql: {driver: mysql, host: loop.group.test, port: "{P}", user: u, query: select 1}`, entry: "hosts loop.group.test"},
}

// network is a name server, a server that redirects, and one that must not be
// reached, which counts who does, also as a proxy.
type network struct {
	resolver *net.Resolver
	hop      string
	target   string
	six      bool // whether this machine speaks IPv6
	mu       sync.Mutex
	seen     []string // whose connections were taken, in order
}

// reached is who has connected to the target since it was last asked. It connects
// itself, and waits for that: the target takes connections in order.
func (n *network) reached(t *testing.T) int {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+n.target)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	port := conn.LocalAddr().(*net.TCPAddr).Port
	for range 1000 {
		n.mu.Lock()
		i := slices.IndexFunc(n.seen, func(who string) bool { return strings.HasSuffix(who, fmt.Sprintf("127.0.0.1:%d", port)) })
		if i >= 0 {
			n.seen = nil
		}
		n.mu.Unlock()
		if i >= 0 {
			return i
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal("the target takes no connections")
	return 0
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{}
	hop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, _ := url.QueryUnescape(r.URL.RawQuery)
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	t.Cleanup(hop.Close)
	n.hop = hop.URL[strings.LastIndexByte(hop.URL, ':')+1:]
	l, err := net.Listen("tcp", ":0") // each address of this machine, of both families
	if err != nil {
		t.Fatal(err)
	}
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "reached") }))
	target.Listener.Close()
	target.Listener = l
	target.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			n.mu.Lock()
			n.seen = append(n.seen, c.RemoteAddr().String())
			n.mu.Unlock()
		}
	}
	target.Start()
	t.Cleanup(target.Close)
	if conn, err := net.Dial("tcp", fmt.Sprintf("[::1]:%d", l.Addr().(*net.TCPAddr).Port)); err == nil {
		n.six = true
		conn.Close()
	}
	n.target = fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	n.resolver = nameServer(t)
	n.reached(t) // the question about IPv6 is none of the attempts
	return n
}

// nameServer serves the answers over UDP, and gives a resolver that asks it.
func nameServer(t *testing.T) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(answer(q)) })}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func answer(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	name := strings.ToLower(q.Question[0].Name)
	list, known := answers[name]
	if !known {
		m.Rcode = dns.RcodeNameError
	}
	for _, a := range list {
		if to, ok := strings.CutPrefix(a, "CNAME "); ok {
			m.Answer = append(m.Answer, &dns.CNAME{Hdr: header(name, dns.TypeCNAME), Target: to})
			name, a = to, answers[to][0]
		}
		ip := netip.MustParseAddr(a)
		switch {
		case ip.Is4() && q.Question[0].Qtype == dns.TypeA:
			m.Answer = append(m.Answer, &dns.A{Hdr: header(name, dns.TypeA), A: ip.AsSlice()})
		case ip.Is6() && q.Question[0].Qtype == dns.TypeAAAA:
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: header(name, dns.TypeAAAA), AAAA: ip.AsSlice()})
		}
	}
	return m
}

func header(name string, typ uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: typ, Class: dns.ClassINET, Ttl: 1}
}

func (n *network) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	return n.resolver.LookupNetIP(ctx, "ip", host)
}

// TestEscapesOfHosts: no request reaches a host or an address that is not
// permitted. Once the entries that the denials name are there, it does: the
// attempts are real.
func TestEscapesOfHosts(t *testing.T) {
	n := newNetwork(t)
	at := strings.NewReplacer("{P}", n.target, "{H}", n.hop)
	for i, c := range connections {
		t.Run(fmt.Sprintf("%02d %s", i, c.name), func(t *testing.T) {
			a := attempt{
				step:  "{action: try, timeout: 5s, " + at.Replace(c.step) + "}",
				set:   permit.Set{Hosts: []string{"named.test", "hop.test", "meta.test", "metamapped.test", "metanat.test", "meta6.test", "*.group.test", "*.254", "127.0.0.1:1", "port.test:" + n.hop}},
				doors: guard.Options{Env: []string{}, Resolve: n.resolve, Grace: time.Second},
			}
			if c.proxy {
				proxy := "http://loop.group.test:" + n.hop
				if !strings.Contains(c.step, "{P}") {
					proxy = "http://127.0.0.1:" + n.target
				}
				a.doors.Env = []string{"HTTP_PROXY=" + proxy, "HTTPS_PROXY=" + proxy, "NO_PROXY=loop.group.test"}
			}
			got := a.run(t)
			denied(t, got)
			if n.reached(t) != 0 {
				t.Fatalf("it was reached: %s", got.journal)
			}
			var entry string
			if a.set, entry = permits(t, a.set, got.message); entry != c.entry {
				t.Errorf("the entry `%s` is named, not `%s`", entry, c.entry)
			}
			if c.inert || !n.six && (strings.Contains(c.name, "IPv6") || strings.Contains(c.name, "mapped")) {
				return
			}
			if strings.Contains(a.step, "sql:") {
				a.step = strings.Replace(a.step, "timeout: 5s", "timeout: 300ms", 1) // the target says nothing of itself
			}
			for range 3 {
				if got = a.run(t); got.kind != "denied" {
					break
				}
				a.set, _ = permits(t, a.set, got.message)
			}
			if got.kind == "denied" || n.reached(t) == 0 {
				t.Errorf("with all that was named, it came to %d %s %s: %s", got.code, got.kind, got.message, got.journal)
			}
		})
	}
}

// TestServersSendNobodyElsewhere: nothing that a permitted server answers leads to
// another one, save a redirect, which is put to the permission check.
func TestServersSendNobodyElsewhere(t *testing.T) {
	n := newNetwork(t)
	evil := "http://evil.test:" + n.target + "/"
	for name, c := range map[string]struct {
		status int
		header string
		value  string
		kind   string // of the step's error
	}{
		"another service":          {200, "Alt-Svc", `http/1.1="evil.test:` + n.target + `"`, ""},
		"a page to go on with":     {200, "Refresh", "0; url=" + evil, ""},
		"a link":                   {200, "Link", "<" + evil + ">; rel=preload", ""},
		"a place of what was made": {201, "Location", evil, ""},
		"choices":                  {300, "Location", evil, ""},
		"a proxy to use":           {305, "Location", evil, ""},
		"a switch of protocol":     {426, "Upgrade", "h2c", ""},
		"a cookie for others":      {200, "Set-Cookie", "a=b; Domain=evil.test", ""},
		"a file":                   {302, "Location", "file:///etc/passwd", "protocol"},
		"another protocol":         {302, "Location", "gopher://evil.test:" + n.target + "/", "protocol"},
		"a web socket":             {307, "Location", "ws://evil.test:" + n.target + "/", "protocol"},
		"no host":                  {302, "Location", "http:///", "protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(c.header, c.value)
				w.WriteHeader(c.status)
			}))
			defer srv.Close()
			got := attempt{
				step:  "{action: try, timeout: 5s, http: {url: " + srv.URL + ", method: POST}, expect: [status > 0]}",
				set:   permit.Set{Hosts: []string{"127.0.0.1:" + srv.URL[strings.LastIndexByte(srv.URL, ':')+1:]}},
				doors: guard.Options{Env: []string{}, Resolve: n.resolve},
			}.run(t)
			if got.kind != c.kind || c.kind == "" && got.code != ExitOK || n.reached(t) != 0 {
				t.Errorf("%d %s: %s\n%s", got.code, got.kind, got.message, got.journal)
			}
		})
	}
}

// TestNamesThatChange: a name whose answer changes from one question to the next is
// asked once a connection, and what was checked is what is dialled.
func TestNamesThatChange(t *testing.T) {
	n := newNetwork(t)
	var asked []string
	var mu sync.Mutex
	doors := guard.Options{Env: []string{}, Resolve: func(context.Context, string) ([]netip.Addr, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, "")
		if len(asked)%2 == 1 {
			return []netip.Addr{netip.MustParseAddr("203.0.113.1")}, nil // leads nowhere
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}}
	set := permit.Set{Hosts: []string{"*.group.test"}}
	for i, want := range []string{"", "denied", "", "denied"} {
		got := attempt{step: "{action: try, timeout: 500ms, http: {url: 'http://turns.group.test:" + n.target + "/'}}", set: set, doors: doors}.run(t)
		if (got.kind == "denied") != (want == "denied") || got.kind == "" || len(asked) != i+1 || n.reached(t) != 0 {
			t.Errorf("%d: after %d questions: %d %s %s", i, len(asked), got.code, got.kind, got.message)
		}
	}
}
