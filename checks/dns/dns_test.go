package dns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/kind/kindtest"
	"runbook/engine/permit"
	"runbook/engine/source"
	"runbook/engine/types"
)

var zone = []string{
	"www.example.com. 300 IN A 192.0.2.20", "www.example.com. 60 IN A 192.0.2.3", "www.example.com. 300 IN AAAA 2001:db8::1",
	"alias.example.com. 30 IN CNAME Two.Example.com.", "two.example.com. 300 IN CNAME www.example.com.",
	"loop.example.com. 30 IN CNAME loop.example.com.",
	"example.com. 300 IN MX 20 b.example.com.", "example.com. 300 IN MX 10 c.example.com.", "example.com. 300 IN MX 10 a.example.com.", "null.example.com. 300 IN MX 0 .",
	"example.com. 300 IN NS NS1.example.com.", `example.com. 300 IN TXT "v=spf1 " "include:x -all"`, `example.com. 300 IN TXT "a \"quoted\" \195\164 \255"`,
	"_sip._tcp.example.com. 300 IN SRV 20 5 5061 b.example.com.", "_sip._tcp.example.com. 300 IN SRV 5 5 5060 a.example.com.",
	"20.2.0.192.in-addr.arpa. 300 IN PTR www.example.com.", `example.com. 300 IN CAA 0 issue "ca.example.net"`,
	"example.com. 300 IN SOA ns1.example.com. admin.example.com. 2026112401 7200 3600 1209600 300", "xn--bcher-kva.example.com. 300 IN A 192.0.2.9",
}

// records are the records of the zone for a question, with the CNAMEs on the way.
func records(q dns.Question) (out []dns.RR, exists bool) {
	name := strings.ToLower(q.Name)
	for range 5 {
		next := ""
		for _, text := range zone {
			rr, err := dns.NewRR(text)
			if err != nil {
				panic(err)
			}
			if rr.Header().Name != name {
				continue
			}
			exists = true
			c, isAlias := rr.(*dns.CNAME)
			if rr.Header().Rrtype == q.Qtype || isAlias {
				out = append(out, rr)
			}
			if isAlias && q.Qtype != dns.TypeCNAME {
				next = dns.CanonicalName(c.Target)
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	return out, exists
}

func zoneServer(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetReply(r)
	m.Authoritative = true
	_, tcp := w.RemoteAddr().(*net.TCPAddr)
	switch q := r.Question[0]; strings.ToLower(q.Name) {
	case "large.example.com.":
		if m.Truncated = !tcp; tcp {
			for i := range 1000 {
				m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5}, A: net.IPv4(10, 0, byte(i/250), byte(i%250))})
			}
		}
	case "stray.example.com.":
		for _, s := range []string{"other.example.com. 300 IN A 192.0.2.66", "stray.example.com. 300 CH A 192.0.2.66", "stray.example.com. 300 IN A 192.0.2.1"} {
			if rr, err := dns.NewRR(s); err == nil {
				m.Answer = append(m.Answer, rr)
			}
		}
	default:
		rrs, exists := records(q)
		if m.Answer = rrs; !exists {
			m.Rcode = dns.RcodeNameError
		}
	}
	_ = w.WriteMsg(m)
}

func code(rcode int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, r *dns.Msg) { _ = w.WriteMsg(new(dns.Msg).SetRcode(r, rcode)) }
}

// raw answers with bytes, behind the question's id where it is told to.
func raw(withID bool, b ...byte) dns.HandlerFunc {
	return func(w dns.ResponseWriter, r *dns.Msg) {
		if withID {
			b = append([]byte{byte(r.Id >> 8), byte(r.Id)}, b...)
		}
		_, _ = w.Write(b)
	}
}

// serve listens on one port by both ways.
func serve(t *testing.T, h dns.HandlerFunc) string {
	t.Helper()
	for range 20 {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", pc.LocalAddr().String())
		if err != nil {
			pc.Close()
			continue
		}
		for _, s := range []*dns.Server{{PacketConn: pc, Handler: h}, {Listener: l, Handler: h}} {
			ready := make(chan struct{})
			s.NotifyStartedFunc = func() { close(ready) }
			go func() { _ = s.ActivateAndServe() }()
			<-ready
			t.Cleanup(func() { _ = s.Shutdown() })
		}
		return pc.LocalAddr().String()
	}
	t.Fatal("no port is free for both ways")
	return ""
}

func silentServer(t *testing.T) string {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return pc.LocalAddr().String()
}

func closedPort(t *testing.T) string {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	return pc.LocalAddr().String()
}

func ask4(server, name, kindOf string, more ...any) map[string]any {
	o := map[string]any{"name": name}
	if kindOf != "" {
		o["type"] = kindOf
	}
	if server != "" {
		o["resolver"] = server
	}
	for i := 0; i < len(more); i += 2 {
		o[more[i].(string)] = more[i+1]
	}
	return o
}

func is(more ...any) func(*testing.T, map[string]any) {
	return func(t *testing.T, f map[string]any) {
		t.Helper()
		for i := 0; i < len(more); i += 2 {
			if got := types.Format(f[more[i].(string)]); got != types.Format(more[i+1]) {
				t.Errorf("%s is %v, want %v", more[i], got, more[i+1])
			}
		}
	}
}

func loopback(_ context.Context, host string) ([]netip.Addr, error) {
	if host == "no.such.host" {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func world(nameservers ...string) *guard.Guard {
	return guard.New(permit.Set{Hosts: []string{"127.0.0.1", "ns.example.com", "no.such.host"}}, guard.Options{Env: []string{}, Resolve: loopback, Nameservers: append([]string{}, nameservers...)})
}

func TestAnswers(t *testing.T) {
	kindtest.Declaration(t, New())
	s := serve(t, zoneServer)
	_, port, _ := net.SplitHostPort(s)
	g := world()
	defer g.Close()
	kindtest.Run(t, New(), g, []kindtest.Case{
		{Name: "A", Options: ask4(s, "www.example.com", ""), Verify: is("status", "NOERROR", "answers", `["192.0.2.20","192.0.2.3"]`, "ttl", time.Minute, "authoritative", "true", "canonical", "www.example.com", "server", s)},
		{Name: "in capitals", Options: ask4(s, "WWW.Example.COM.", "A"), Verify: is("answers", `["192.0.2.20","192.0.2.3"]`)},
		{Name: "AAAA", Options: ask4(s, "www.example.com", "AAAA"), Verify: is("answers", `["2001:db8::1"]`)},
		{Name: "behind aliases", Options: ask4(s, "alias.example.com", "A"), Verify: is("answers", `["192.0.2.20","192.0.2.3"]`, "canonical", "www.example.com", "ttl", 30*time.Second)},
		{Name: "CNAME", Options: ask4(s, "alias.example.com", "CNAME"), Verify: is("answers", `["two.example.com"]`, "canonical", "alias.example.com")},
		{Name: "an alias of itself", Options: ask4(s, "loop.example.com", "A"), Verify: is("answers", "[]", "status", "NOERROR")},
		{Name: "MX", Options: ask4(s, "example.com", "MX"), Verify: is("answers", `[{"host":"a.example.com","preference":10},{"host":"c.example.com","preference":10},{"host":"b.example.com","preference":20}]`)},
		{Name: "null MX", Options: ask4(s, "null.example.com", "MX"), Verify: is("answers", `[{"host":".","preference":0}]`)},
		{Name: "NS", Options: ask4(s, "example.com", "NS"), Verify: is("answers", `["ns1.example.com"]`)},
		{Name: "TXT", Options: ask4(s, "example.com", "TXT"), Verify: is("answers", []any{"a \"quoted\" ä \ufffd", "v=spf1 include:x -all"})},
		{Name: "SRV", Options: ask4(s, "_sip._tcp.example.com", "SRV"), Verify: is("answers", `[{"host":"a.example.com","port":5060,"priority":5,"weight":5},{"host":"b.example.com","port":5061,"priority":20,"weight":5}]`)},
		{Name: "PTR", Options: ask4(s, "192.0.2.20", "PTR"), Verify: is("answers", `["www.example.com"]`)},
		{Name: "CAA", Options: ask4(s, "example.com", "CAA"), Verify: is("answers", `[{"flag":0,"tag":"issue","value":"ca.example.net"}]`)},
		{Name: "SOA", Options: ask4(s, "example.com", "SOA"), Verify: is("answers", `[{"expire":1209600,"mailbox":"admin.example.com","minimum":300,"refresh":7200,"retry":3600,"serial":2026112401,"server":"ns1.example.com"}]`)},
		{Name: "international", Options: ask4(s, "bücher.example.com", "A"), Verify: is("answers", `["192.0.2.9"]`)},
		{Name: "nothing of this type", Options: ask4(s, "www.example.com", "MX"), Verify: is("status", "NOERROR", "answers", "[]", "canonical", "")},
		{Name: "no such name", Options: ask4(s, "nothing.example.com", "A"), Verify: is("status", "NXDOMAIN", "answers", "[]", "authoritative", "true", "server", s)},
		{Name: "large", Options: ask4(s, "large.example.com", "A"), Verify: func(t *testing.T, f map[string]any) {
			if n := len(f["answers"].([]any)); n != 1000 {
				t.Errorf("%d answers", n)
			}
		}},
		{Name: "strays", Options: ask4(s, "stray.example.com", "A"), Verify: is("answers", `["192.0.2.1"]`)},
		{Name: "resolver by name", Options: ask4("ns.example.com:"+port, "www.example.com", "A"), Verify: is("status", "NOERROR")},
	})
}

func TestResolvers(t *testing.T) {
	good, bad, silent, closed := serve(t, zoneServer), serve(t, code(dns.RcodeServerFailure)), silentServer(t), closedPort(t)
	for _, c := range []struct {
		servers []string
		want    kindtest.Case
	}{
		{[]string{good}, kindtest.Case{Name: "the system's", Verify: is("server", good)}},
		{[]string{bad, good}, kindtest.Case{Name: "the first fails", Verify: is("server", good, "status", "NOERROR")}},
		{[]string{silent, good}, kindtest.Case{Name: "the first is silent", Verify: is("server", good, "status", "NOERROR")}},
		{[]string{closed, good}, kindtest.Case{Name: "the first is closed", Verify: is("server", good, "status", "NOERROR")}},
		{[]string{bad, closed}, kindtest.Case{Name: "one fails, one is closed", Verify: is("server", bad, "status", "SERVFAIL")}},
		{[]string{}, kindtest.Case{Name: "none", Error: "dns"}},
	} {
		g := world(c.servers...)
		c.want.Options = ask4("", "www.example.com", "A", "timeout", 800*time.Millisecond)
		kindtest.Run(t, New(), g, []kindtest.Case{c.want})
		g.Close()
	}
}

func TestTroubles(t *testing.T) {
	g := world()
	defer g.Close()
	var asked atomic.Int32
	forgetful := serve(t, func(w dns.ResponseWriter, r *dns.Msg) {
		if asked.Add(1) > 1 {
			zoneServer(w, r)
		}
	})
	old := serve(t, func(w dns.ResponseWriter, r *dns.Msg) {
		if r.IsEdns0() != nil {
			_ = w.WriteMsg(new(dns.Msg).SetRcodeFormatError(r))
			return
		}
		zoneServer(w, r)
	})
	forged := serve(t, func(w dns.ResponseWriter, r *dns.Msg) {
		other := r.Copy()
		other.Id++
		m := new(dns.Msg).SetReply(other)
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(6, 6, 6, 6)}}
		_ = w.WriteMsg(m)
		zoneServer(w, r)
	})
	another := serve(t, func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		m.Question = []dns.Question{{Name: "other.example.com.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
		_ = w.WriteMsg(m)
	})
	cutShort := serve(t, func(w dns.ResponseWriter, r *dns.Msg) {
		if _, tcp := w.RemoteAddr().(*net.TCPAddr); tcp {
			w.Close()
			return
		}
		m := new(dns.Msg).SetReply(r)
		m.Truncated = true
		_ = w.WriteMsg(m)
	})
	bare := serve(t, func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetRcode(r, dns.RcodeRefused)
		m.Question = nil
		_ = w.WriteMsg(m)
	})
	endless := serve(t, func(w dns.ResponseWriter, r *dns.Msg) {
		r.Id++
		for range 20000 {
			if w.WriteMsg(r) != nil {
				return
			}
		}
	})
	silent, soon := silentServer(t), []any{"timeout", 200 * time.Millisecond}
	name := "www.example.com"
	kindtest.Run(t, New(), g, []kindtest.Case{
		{Name: "a datagram is lost", Options: ask4(forgetful, name, "A", "timeout", 600*time.Millisecond), Verify: is("status", "NOERROR")},
		{Name: "knows no extension", Options: ask4(old, name, "A"), Verify: is("answers", `["192.0.2.20","192.0.2.3"]`)},
		{Name: "forged", Options: ask4(forged, name, "A"), Verify: is("answers", `["192.0.2.20","192.0.2.3"]`)},
		{Name: "answers another question", Options: ask4(another, name, "A", soon...), Error: "dns"},
		{Name: "cut, then hangs up", Options: ask4(cutShort, name, "A", soon...), Error: "connect", Verify: is("status", "")},
		{Name: "fails", Options: ask4(serve(t, code(dns.RcodeServerFailure)), name, "A"), Verify: is("status", "SERVFAIL")},
		{Name: "refuses", Options: ask4(bare, name, "A"), Verify: is("status", "REFUSED")},
		{Name: "does not know how", Options: ask4(serve(t, code(dns.RcodeNotImplemented)), name, "A"), Verify: is("status", "NOTIMP")},
		{Name: "format", Options: ask4(serve(t, code(dns.RcodeFormatError)), name, "A"), Verify: is("status", "FORMERR")},
		{Name: "odd code", Options: ask4(serve(t, code(dns.RcodeYXDomain)), name, "A"), Verify: is("status", "OTHER")},
		{Name: "nonsense", Options: ask4(serve(t, raw(true, 0x81, 0x80, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xc0)), name, "A", soon...), Error: "dns"},
		{Name: "too short", Options: ask4(serve(t, raw(false, 1, 2, 3)), name, "A", soon...), Error: "dns"},
		{Name: "says nothing", Options: ask4(silent, name, "A", soon...), Error: "timeout"},
		{Name: "endless", Options: ask4(endless, name, "A", soon...), Error: "timeout"},
		{Name: "the step's time ends first", Options: ask4(silent, name, "A"), Timeout: 150 * time.Millisecond, Error: "timeout"},
		{Name: "nobody listens", Options: ask4(closedPort(t), name, "A"), Error: "connect"},
		{Name: "no such resolver", Options: ask4("no.such.host", name, "A"), Error: "dns"},
		{Name: "not permitted", Options: ask4("192.0.2.1", name, "A"), Error: "denied"},
		{Name: "no resolver", Options: ask4("a:b", name, "A"), Error: "dns"},
		{Name: "no name", Options: ask4(silent, "a b", "A"), Error: "dns"},
	})
	kindtest.Cancelled(t, New(), g, ask4(silent, name, "A", "timeout", time.Minute))
}

func TestTimeoutSaysWhom(t *testing.T) {
	silent := silentServer(t)
	g := world()
	defer g.Close()
	start := time.Now()
	r := executor{}.Execute(context.Background(), exec.Request{Guard: g, Options: ask4(silent, "a.example", "A", "timeout", 300*time.Millisecond)})
	if d := time.Since(start); r.Error == nil || r.Error.Message != "no answer from "+silent+" within 300ms" || d < 250*time.Millisecond || d > 2*time.Second {
		t.Errorf("%+v after %v", r.Error, d)
	}
}

func leaf(v any) kind.Leaf { return kind.Leaf{Value: v, Known: true} }

func TestStaticChecks(t *testing.T) {
	for _, c := range []struct{ name, kindOf, resolver, says string }{
		{"www.example.com", "", "", ""}, {"_sip._tcp.example.com", "SRV", "", ""}, {"192.0.2.1", "PTR", "", ""}, {"2001:db8::1", "PTR", "[::1]:53", ""}, {"bücher.example", "A", "ns1.example.com:5353", ""},
		{"192.0.2.1", "A", "", "only PTR"}, {"192.0.2.1", "", "", "only PTR"}, {"a b", "", "", "no domain name"}, {"", "", "", "no domain name"}, {"https://a.b", "", "", "no domain name"}, {strings.Repeat("a", 64) + ".b", "", "", "no domain name"},
		{"a.b", "", "a:b:c", "host:port"}, {"a.b", "", "a:99999", "host:port"}, {"a.b", "", "https://dns.example/query", "host:port"}, {"a.b", "", ":53", "host:port"},
	} {
		o := map[string]kind.Leaf{"name": leaf(c.name)}
		if c.kindOf != "" {
			o["type"] = leaf(c.kindOf)
		}
		if c.resolver != "" {
			o["resolver"] = leaf(c.resolver)
		}
		var found []source.Diagnostic
		check(kind.Use{Check: true, Options: o}, func(d source.Diagnostic) { found = append(found, d) })
		if (c.says == "") != (len(found) == 0) || len(found) > 0 && (!strings.Contains(found[0].Summary, c.says) || found[0].Detail == "") {
			t.Errorf("%+v: %v", c, found)
		}
	}
	for resolver, want := range map[string]string{"ns1.example.com": "ns1.example.com:53", "192.0.2.1:5353": "192.0.2.1:5353", "::1": "[::1]:53", "[::1]:54": "[::1]:54", "a:b": ""} {
		if e := effects(kind.Use{Options: map[string]kind.Leaf{"resolver": leaf(resolver)}}); len(e) != 1 || e[0].Host != want {
			t.Errorf("%s: %v", resolver, e)
		}
	}
	if e := effects(kind.Use{Options: map[string]kind.Leaf{"name": leaf("a.b")}}); len(e) != 0 {
		t.Errorf("%v", e)
	}
}

// FuzzAnswer: whatever a server says gives results of their declared types, in
// order.
func FuzzAnswer(f *testing.F) {
	for _, name := range []string{"example.com.", "alias.example.com.", "loop.example.com."} {
		for _, kindOf := range questions {
			m := new(dns.Msg)
			m.SetQuestion(name, dns.StringToType[kindOf])
			m.Answer, _ = records(m.Question[0])
			b, err := m.Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	decl := types.Decl{Name: "results", Type: results}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(dns.Msg)
		if m.Unpack(b) != nil {
			return
		}
		fields := map[string]any{}
		name := "example.com."
		if len(m.Question) > 0 {
			name = dns.CanonicalName(m.Question[0].Name)
		}
		describe(fields, m, name)
		if _, err := decl.Check(fields); err != nil {
			t.Error(err)
		}
		if l, ok := fields["answers"].([]any); ok && !slices.IsSortedFunc(l, order) {
			t.Error(fmt.Sprint(l))
		}
	})
}
