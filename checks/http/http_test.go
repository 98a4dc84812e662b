package http

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
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

	"context"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/kindtest"
	"runbook/engine/permit"
	"runbook/engine/source"
)

func handler(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/json":
		w.Header().Set("X-Limit", "99")
		fmt.Fprint(w, `{"n":1,"big":12345678901234567890}`)
	case "/html":
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, "<html>bad gateway</html>")
	case "/echo":
		b, _ := io.ReadAll(r.Body)
		user, pass, _ := r.BasicAuth()
		_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "body": string(b), "type": r.Header.Get("Content-Type"), "q": r.URL.Query().Get("a"), "auth": r.Header.Get("Authorization"), "user": user, "pass": pass, "h": r.Header.Get("X-Own")})
	case "/loop":
		http.Redirect(w, r, "/loop", http.StatusFound)
	case "/to":
		http.Redirect(w, r, "/json", http.StatusFound)
	case "/away":
		http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
	case "/endless":
		for {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	case "/slow":
		w.WriteHeader(200)
		for i := 0; i < 600; i++ {
			fmt.Fprint(w, ".")
			w.(http.Flusher).Flush()
			select {
			case <-time.After(100 * time.Millisecond):
			case <-r.Context().Done():
				return
			}
		}
	case "/hangup":
		conn, _, _ := w.(http.Hijacker).Hijack()
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
		conn.Close()
	case "/binary":
		_, _ = w.Write([]byte{0xff, 0xfe, 'x'})
	}
}

// raw is a server that answers every connection with fixed bytes.
func raw(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				buf := make([]byte, 1024)
				_, _ = c.Read(buf)
				fmt.Fprint(c, answer)
				c.Close()
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestHTTP(t *testing.T) {
	kindtest.Declaration(t, New())
	srv := httptest.NewServer(http.HandlerFunc(handler))
	defer srv.Close()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(handler))
	secure.EnableHTTP2 = true
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	hosts := permit.Set{Hosts: []string{"127.0.0.1", "example.com", "wrong.name", "no.such.host"}}
	resolve := func(_ context.Context, host string) ([]netip.Addr, error) {
		if host == "no.such.host" {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	g := guard.New(hosts, guard.Options{Env: []string{}, Resolve: resolve, Roots: roots})
	defer g.Close()
	_, port, _ := net.SplitHostPort(secure.Listener.Addr().String())
	is := func(name string, want any) func(*testing.T, map[string]any) {
		return func(t *testing.T, f map[string]any) {
			t.Helper()
			if fmt.Sprint(f[name]) != fmt.Sprint(want) {
				t.Errorf("%s is %v, want %v", name, f[name], want)
			}
		}
	}
	echo := func(want string) func(*testing.T, map[string]any) {
		return func(t *testing.T, f map[string]any) {
			t.Helper()
			if !strings.Contains(f["body"].(string), want) {
				t.Errorf("the server saw %s, want %s", f["body"], want)
			}
		}
	}
	kindtest.Run(t, New(), g, []kindtest.Case{
		{Name: "json", Options: map[string]any{"url": srv.URL + "/json"}, Verify: func(t *testing.T, f map[string]any) {
			j := f["json"].(map[string]any)
			if f["status"] != 200 || j["n"] != 1 || j["big"] != json.Number("12345678901234567890") || f["headers"].(map[string]any)["x-limit"] != "99" {
				t.Errorf("%v", f)
			}
		}},
		{Name: "html", Options: map[string]any{"url": srv.URL + "/html"}, Verify: is("status", 502)},
		{Name: "html is no json", Options: map[string]any{"url": srv.URL + "/html"}, Verify: is("json", nil)},
		{Name: "json body", Options: map[string]any{"url": srv.URL + "/echo", "method": "POST", "json": map[string]any{"a": 1, "d": time.Minute}}, Verify: echo(`"body":"{\"a\":1,\"d\":\"1m0s\"}"`)},
		{Name: "form", Options: map[string]any{"url": srv.URL + "/echo", "method": "POST", "form": map[string]any{"a": "b c"}}, Verify: echo("a=b+c")},
		{Name: "text, query, header", Options: map[string]any{"url": srv.URL + "/echo?a=0", "method": "PUT", "body": "hi", "query": map[string]any{"a": "x&y"}, "headers": map[string]any{"X-Own": "v"}}, Verify: echo(`"q":"x\u0026y"`)},
		{Name: "basic", Options: map[string]any{"url": srv.URL + "/echo", "auth": map[string]any{"basic": map[string]any{"user": "u", "password": "p"}}}, Verify: echo(`"pass":"p"`)},
		{Name: "bearer", Options: map[string]any{"url": srv.URL + "/echo", "auth": map[string]any{"bearer": "tok"}}, Verify: echo("Bearer tok")},
		{Name: "header with line break", Options: map[string]any{"url": srv.URL + "/echo", "headers": map[string]any{"X": "a\r\nB: c"}}, Error: "protocol"},
		{Name: "redirect", Options: map[string]any{"url": srv.URL + "/to"}, Verify: is("url", srv.URL+"/json")},
		{Name: "no redirect", Options: map[string]any{"url": srv.URL + "/to", "redirects": 0}, Verify: is("status", 302)},
		{Name: "redirect loop", Options: map[string]any{"url": srv.URL + "/loop"}, Error: "protocol"},
		{Name: "redirect away", Options: map[string]any{"url": srv.URL + "/away"}, Error: "denied"},
		{Name: "endless", Options: map[string]any{"url": srv.URL + "/endless"}, Verify: is("truncated", true)},
		{Name: "small limit", Options: map[string]any{"url": srv.URL + "/json", "max_body": int64(4)}, Verify: is("body", `{"n"`)},
		{Name: "slow", Options: map[string]any{"url": srv.URL + "/slow"}, Timeout: 400 * time.Millisecond, Error: "timeout"},
		{Name: "hang up", Options: map[string]any{"url": srv.URL + "/hangup"}, Error: "protocol"},
		{Name: "binary", Options: map[string]any{"url": srv.URL + "/binary"}, Verify: is("body", "\ufffdx")},
		{Name: "nonsense", Options: map[string]any{"url": raw(t, "SSH-2.0-x\r\n")}, Error: "protocol"},
		{Name: "endless header", Options: map[string]any{"url": raw(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("a", 1<<20))}, Error: "protocol"},
		{Name: "refused", Options: map[string]any{"url": closedPort(t)}, Error: "connect"},
		{Name: "no such host", Options: map[string]any{"url": "http://no.such.host/"}, Error: "dns"},
		{Name: "not permitted", Options: map[string]any{"url": "http://other.example/"}, Error: "denied"},
		{Name: "bad url", Options: map[string]any{"url": "ftp://x"}, Error: "protocol"},
		{Name: "http2", Options: map[string]any{"url": "https://example.com:" + port + "/json"}, Verify: is("protocol", "HTTP/2.0")},
		{Name: "wrong name", Options: map[string]any{"url": "https://wrong.name:" + port + "/json"}, Error: "tls"},
		{Name: "server name", Options: map[string]any{"url": "https://wrong.name:" + port + "/json", "tls": map[string]any{"server_name": "example.com"}}, Verify: is("status", 200)},
		{Name: "no tls there", Options: map[string]any{"url": strings.Replace(srv.URL, "http:", "https:", 1)}, Error: "tls"},
		{Name: "no such ca", Options: map[string]any{"url": srv.URL, "tls": map[string]any{"ca": "/no/such/file"}}, Error: "tls"},
	})
	kindtest.Cancelled(t, New(), g, map[string]any{"url": srv.URL + "/slow"})
	untrusting := guard.New(hosts, guard.Options{Env: []string{}, Resolve: resolve})
	defer untrusting.Close()
	kindtest.Run(t, New(), untrusting, []kindtest.Case{{Name: "unknown authority", Options: map[string]any{"url": "https://example.com:" + port + "/json"}, Error: "tls"}})
}

func TestKeepAlive(t *testing.T) {
	conns := 0
	srv := httptest.NewUnstartedServer(http.HandlerFunc(handler))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns++
		}
	}
	srv.Start()
	defer srv.Close()
	g := guard.New(permit.Set{Hosts: []string{"127.0.0.1"}}, guard.Options{Env: []string{}})
	defer g.Close()
	var cases []kindtest.Case
	for i := range 5 {
		cases = append(cases, kindtest.Case{Name: fmt.Sprint(i), Options: map[string]any{"url": srv.URL + "/json"}})
	}
	kindtest.Run(t, New(), g, cases)
	if conns != 1 {
		t.Errorf("%d connections for 5 requests", conns)
	}
}

func TestReasons(t *testing.T) {
	for want, err := range map[string]error{"does not speak TLS": tls.RecordHeaderError{Msg: "first record"}, "signed by nobody": x509.UnknownAuthorityError{}, "hung up": io.EOF, "plain": errors.New("plain")} {
		if got := guard.Reason(&guard.HTTPError{Kind: "tls", Err: err}); !strings.Contains(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
}

func leaf(v any) kind.Leaf { return kind.Leaf{Value: v, Known: true} }

func TestStaticChecks(t *testing.T) {
	for _, c := range []struct {
		use  kind.Use
		says string
	}{
		{kind.Use{Check: true, Options: map[string]kind.Leaf{"url": leaf("https://a.b"), "method": leaf("POST")}}, "must not change"},
		{kind.Use{Check: true, Options: map[string]kind.Leaf{"url": leaf("https://a.b"), "method": leaf("POST"), "safe": leaf(true)}}, ""},
		{kind.Use{Options: map[string]kind.Leaf{"url": leaf("https://a.b"), "method": leaf("POST"), "body": leaf("x"), "json.a": leaf(1)}}, "exclude"},
		{kind.Use{Options: map[string]kind.Leaf{"url": leaf("https://a.b"), "form.a": leaf("x")}}, "no body"},
		{kind.Use{Options: map[string]kind.Leaf{"url": leaf("gopher://a.b")}}, "cannot be used"},
		{kind.Use{Options: map[string]kind.Leaf{"url": {Prefix: "file://"}}}, "scheme"},
	} {
		var found []source.Diagnostic
		check(c.use, func(d source.Diagnostic) { found = append(found, d) })
		if (c.says == "") != (len(found) == 0) || len(found) > 0 && !strings.Contains(found[0].Summary, c.says) {
			t.Errorf("%v: %v", c.use.Options, found)
		}
	}
	for url, host := range map[string]string{"https://a.b/c": "a.b", "https://a.b:8443": "a.b:8443"} {
		if e := kind.Use.Asks(kind.Use{Options: map[string]kind.Leaf{"url": leaf(url)}}); len(e) != 1 || e[0].Host != host {
			t.Errorf("%s: %v", url, e)
		}
	}
	if e := kind.Use.Asks(kind.Use{Options: map[string]kind.Leaf{"url": {Prefix: "https://a.b/x"}}}); e[0].Host != "a.b" {
		t.Errorf("%v", e)
	}
	if e := kind.Use.Asks(kind.Use{Options: map[string]kind.Leaf{"url": {Prefix: "https://a."}}}); e[0].Host != "" {
		t.Errorf("%v", e)
	}
}
