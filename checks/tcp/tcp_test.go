package tcp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/kindtest"
	"runbook/engine/permit"
	"runbook/engine/source"
)

// mail speaks enough of SMTP to be asked, in pieces that end amid a line.
func mail(c net.Conn) {
	for _, piece := range []string{"220-wel", "come\r\n220 mail.example ES", "MTP ready\r\n"} {
		fmt.Fprint(c, piece)
		time.Sleep(5 * time.Millisecond)
	}
	for s := bufio.NewScanner(c); s.Scan(); {
		switch word, _, _ := strings.Cut(s.Text(), " "); word {
		case "EHLO":
			fmt.Fprint(c, "250-mail.example\r\n250 SIZE 1000\r\n")
		case "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "500 what?\r\n")
		}
	}
}

func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func endless(c net.Conn) {
	for {
		if _, err := c.Write(bytes.Repeat([]byte("x"), 8<<10)); err != nil {
			return
		}
	}
}

func drip(c net.Conn) {
	for range 600 {
		if _, err := fmt.Fprint(c, "."); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func says(send, expect string, within time.Duration) map[string]any {
	m := map[string]any{}
	if send != "" {
		m["send"] = send
	}
	if expect != "" {
		m["expect"] = expect
	}
	if within != 0 {
		m["within"] = within
	}
	return m
}

func at(port int, more ...any) map[string]any {
	o := map[string]any{"host": "127.0.0.1", "port": fmt.Sprint(port)}
	for i := 0; i < len(more); i += 2 {
		o[more[i].(string)] = more[i+1]
	}
	return o
}

func is(want map[string]any) func(*testing.T, map[string]any) {
	return func(t *testing.T, f map[string]any) {
		t.Helper()
		for k, v := range want {
			if f[k] != v {
				t.Errorf("%s is %q, want %q", k, f[k], v)
			}
		}
	}
}

func hosts(_ context.Context, host string) ([]netip.Addr, error) {
	if host == "no.such.host" {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func TestTCP(t *testing.T) {
	kindtest.Declaration(t, New())
	g := guard.New(permit.Set{Hosts: []string{"127.0.0.1", "no.such.host"}}, guard.Options{Env: []string{}, Resolve: hosts})
	defer g.Close()
	smtp, quiet, hangs, flood, slow := kindtest.Server(t, mail), kindtest.Server(t, silent), kindtest.Server(t, func(net.Conn) {}), kindtest.Server(t, endless), kindtest.Server(t, drip)
	short := kindtest.Server(t, func(c net.Conn) { fmt.Fprint(c, "half a l") })
	binary := kindtest.Server(t, func(c net.Conn) { _, _ = c.Write([]byte{0xff, 0xfe, 0, 'x', '\n'}) })
	hello := []any{says("", "^220 ", 0), says("EHLO me\r\n", "^250 ", 0), says("QUIT\r\n", `^221 `, 0)}
	kindtest.Run(t, New(), g, []kindtest.Case{
		{Name: "connects", Options: at(quiet), Verify: is(map[string]any{"connected": true, "banner": "", "received": ""})},
		{Name: "dialogue", Options: at(smtp, "dialogue", hello), Verify: is(map[string]any{"received": "220-welcome\r\n220 mail.example ESMTP ready\r\n250-mail.example\r\n250 SIZE 1000\r\n221 bye\r\n"})},
		{Name: "banner", Options: at(smtp, "banner", time.Second), Verify: is(map[string]any{"banner": "220-welcome"})},
		{Name: "banner, then dialogue", Options: at(smtp, "banner", time.Second, "dialogue", hello), Verify: is(map[string]any{"banner": "220-welcome", "connected": true})},
		{Name: "no banner", Options: at(quiet, "banner", 50*time.Millisecond), Verify: is(map[string]any{"banner": "", "connected": true})},
		{Name: "half a banner", Options: at(short, "banner", time.Second), Verify: is(map[string]any{"banner": "half a l"})},
		{Name: "binary banner", Options: at(binary, "banner", time.Second), Verify: is(map[string]any{"banner": "\ufffd\x00x"})},
		{Name: "endless banner", Options: at(flood, "banner", time.Second, "max_received", int64(100)), Verify: is(map[string]any{"banner": strings.Repeat("x", 100)})},
		{Name: "hangs up, not asked", Options: at(hangs), Verify: is(map[string]any{"connected": true})},
		{Name: "hangs up for a banner", Options: at(hangs, "banner", time.Second), Error: "protocol", Verify: is(map[string]any{"connected": true})},
		{Name: "hangs up amid a dialogue", Options: at(short, "dialogue", []any{says("", "^220 ", 0)}), Error: "protocol", Verify: is(map[string]any{"received": "half a l"})},
		{Name: "hangs up without a word", Options: at(hangs, "dialogue", []any{says("", "^220 ", 0)}), Error: "protocol"},
		{Name: "says something else", Options: at(smtp, "dialogue", []any{says("", "^554 ", 80*time.Millisecond)}), Error: "protocol"},
		{Name: "answers something else", Options: at(smtp, "dialogue", []any{says("", "ready", 0), says("RSET\r\n", "^250 ", 80*time.Millisecond)}), Error: "protocol"},
		{Name: "says nothing", Options: at(quiet, "dialogue", []any{says("PING\r\n", "PONG", 80*time.Millisecond)}), Error: "timeout", Verify: is(map[string]any{"connected": true})},
		{Name: "slow", Options: at(slow, "dialogue", []any{says("", "!", time.Minute)}), Timeout: 200 * time.Millisecond, Error: "timeout"},
		{Name: "slow banner", Options: at(slow, "banner", time.Minute), Timeout: 200 * time.Millisecond, Error: "timeout"},
		{Name: "endless", Options: at(flood, "dialogue", []any{says("", "!", time.Minute)}), Error: "protocol", Verify: func(t *testing.T, f map[string]any) {
			if len(f["received"].(string)) != DefaultReceived {
				t.Errorf("%d bytes were kept", len(f["received"].(string)))
			}
		}},
		{Name: "never reads", Options: at(flood, "dialogue", []any{says(strings.Repeat("y", 64<<20), "", 0)}), Timeout: 300 * time.Millisecond, Error: "timeout"},
		{Name: "bad pattern", Options: at(smtp, "dialogue", []any{says("", "(", 0)}), Error: "protocol"},
		{Name: "refused", Options: at(kindtest.ClosedPort(t)), Error: "connect", Verify: is(map[string]any{"connected": false})},
		{Name: "no such host", Options: map[string]any{"host": "no.such.host", "port": "25"}, Error: "dns"},
		{Name: "not permitted", Options: map[string]any{"host": "other.example", "port": "25"}, Error: "denied"},
		{Name: "no port", Options: map[string]any{"host": "127.0.0.1", "port": "x"}, Error: "protocol"},
	})
	kindtest.Cancelled(t, New(), g, at(quiet, "dialogue", []any{says("", "x", time.Minute)}))
}

func TestTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	port := srv.Listener.Addr().(*net.TCPAddr).Port
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	g := guard.New(permit.Set{Hosts: []string{"example.com", "wrong.example"}}, guard.Options{Env: []string{}, Resolve: hosts, Roots: roots})
	defer g.Close()
	to := func(host string, port int, more ...any) map[string]any {
		o := at(port, append(more, "tls", true)...)
		o["host"] = host
		return o
	}
	hello := []any{says("HEAD / HTTP/1.0\r\n\r\n", "^HTTP/1.0 404", 0)}
	stuck := kindtest.Server(t, silent)
	slowTLS := kindtest.Server(t, func(c net.Conn) {
		s := tls.Server(c, srv.TLS)
		fmt.Fprint(s, "one")
		time.Sleep(150 * time.Millisecond)
		fmt.Fprint(s, " two\n")
	})
	kindtest.Run(t, New(), g, []kindtest.Case{
		{Name: "tls", Options: to("example.com", port, "dialogue", hello)},
		{Name: "goes on behind a wait", Options: to("example.com", slowTLS, "banner", 50*time.Millisecond, "dialogue", []any{says("", "two", time.Second)}), Verify: is(map[string]any{"received": "one two\n"})},
		{Name: "wrong name", Options: to("wrong.example", port), Error: "tls", Verify: is(map[string]any{"connected": true})},
		{Name: "own name", Options: to("wrong.example", port, "name", "example.com", "dialogue", hello)},
		{Name: "no such ca", Options: to("example.com", port, "ca", "/no/such/file"), Error: "tls"},
		{Name: "no tls there", Options: to("example.com", kindtest.Server(t, mail)), Error: "tls"},
		{Name: "hangs up", Options: to("example.com", kindtest.Server(t, func(net.Conn) {})), Error: "tls"},
		{Name: "says nothing", Options: to("example.com", stuck), Timeout: 200 * time.Millisecond, Error: "timeout"},
	})
	kindtest.Cancelled(t, New(), g, to("example.com", stuck))
}

func leaf(v any) kind.Leaf { return kind.Leaf{Value: v, Known: true} }

func TestStaticChecks(t *testing.T) {
	for _, c := range []struct {
		check   bool
		options map[string]kind.Leaf
		says    string
	}{
		{true, map[string]kind.Leaf{"host": leaf("a.b"), "port": leaf("80")}, ""},
		{true, map[string]kind.Leaf{"host": leaf("a.b"), "port": leaf("0")}, "no port"},
		{true, map[string]kind.Leaf{"host": leaf("http://a.b"), "port": leaf("80")}, "host cannot be used"},
		{true, map[string]kind.Leaf{"dialogue[0].expect": leaf("(")}, "no regular expression"},
		{true, map[string]kind.Leaf{"dialogue[0].send": leaf("x")}, "must not change"},
		{true, map[string]kind.Leaf{"dialogue[0].send": {Prefix: "x"}, "safe": leaf(false)}, "must not change"},
		{true, map[string]kind.Leaf{"dialogue[0].send": leaf("x"), "safe": leaf(true)}, ""},
		{false, map[string]kind.Leaf{"dialogue[0].send": leaf("x"), "dialogue[0].expect": leaf("^a")}, ""},
		{true, map[string]kind.Leaf{"ca": leaf("x")}, "without TLS"},
		{true, map[string]kind.Leaf{"ca": leaf("x"), "tls": leaf(true)}, ""},
	} {
		var found []source.Diagnostic
		check(kind.Use{Check: c.check, Options: c.options}, func(d source.Diagnostic) { found = append(found, d) })
		if (c.says == "") != (len(found) == 0) || len(found) > 0 && (!strings.Contains(found[0].Summary, c.says) || found[0].Detail == "") {
			t.Errorf("%v: %v", c.options, found)
		}
	}
	for want, o := range map[string]map[string]kind.Leaf{
		"a.b:80": {"host": leaf("a.b"), "port": leaf("80")}, "[::1]:80": {"host": leaf("::1"), "port": leaf("80")}, "a.b:0": {"host": leaf("a.b"), "port": {}}, "": {"host": {Prefix: "a."}, "port": leaf("80")},
	} {
		if e := effects(kind.Use{Options: o}); len(e) != 1 || e[0].Host != want {
			t.Errorf("%v: %v", o, e)
		}
	}
}
