package http

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/permit"
)

// authority signs certificates for the tests.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	pair := a.sign(t, "ca", template)
	a.cert, _ = x509.ParseCertificate(pair.Certificate[0])
	a.key = pair.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// sign makes a certificate and writes NAME.pem and NAME.key; without an
// authority yet it signs itself.
func (a *authority) sign(t *testing.T, name string, c *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.n++
	c.SerialNumber = big.NewInt(a.n)
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(a.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// server is a TLS server with a certificate.
func (a *authority) server(t *testing.T, cert tls.Certificate, change func(*tls.Config)) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(handler))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	if change != nil {
		change(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return "https://api.example.com:" + port
}

func leafFor(name string, from, to time.Duration) *x509.Certificate {
	c := &x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if to != 0 {
		c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to)
	}
	return c
}

// loopback resolves every name to this machine.
func loopback(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

var named = permit.Set{Hosts: []string{"api.example.com", "127.0.0.1"}}

func TestCertificates(t *testing.T) {
	a := newAuthority(t)
	good := a.sign(t, "good", leafFor("api.example.com", 0, 0))
	client := a.sign(t, "client", leafFor("client", 0, 0))
	_ = client
	other := newAuthority(t)
	stranger := other.sign(t, "stranger", leafFor("api.example.com", 0, 0))
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	mutual := func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, pool }
	ca := map[string]any{"ca": a.file("ca.pem")}
	with := func(cert, key string) map[string]any {
		return map[string]any{"ca": a.file("ca.pem"), "cert": cert, "key": key}
	}
	needsClient := a.server(t, good, mutual)
	for _, c := range []struct {
		name, url string
		tls       map[string]any
		kind      string
		says      string
	}{
		{"own CA", a.server(t, good, nil), ca, "", ""},
		{"without the CA", a.server(t, good, nil), nil, "tls", "signed by nobody"},
		{"expired", a.server(t, a.sign(t, "old", leafFor("api.example.com", -48*time.Hour, -24*time.Hour)), nil), ca, "tls", "out of its time"},
		{"not yet valid", a.server(t, a.sign(t, "new", leafFor("api.example.com", 24*time.Hour, 48*time.Hour)), nil), ca, "tls", "out of its time"},
		{"another name", a.server(t, a.sign(t, "name", leafFor("other.example.com", 0, 0)), nil), ca, "tls", "another name"},
		{"another name that was asked for", a.server(t, a.sign(t, "name2", leafFor("other.example.com", 0, 0)), nil), map[string]any{"ca": a.file("ca.pem"), "server_name": "other.example.com"}, "", ""},
		{"another authority", a.server(t, stranger, nil), ca, "tls", "signed by nobody"},
		{"only old TLS", a.server(t, good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), ca, "tls", "version"},
		{"client certificate", needsClient, with(a.file("client.pem"), a.file("client.key")), "", ""},
		{"no client certificate", needsClient, ca, "tls", "certificate"},
		{"client certificate of a stranger", needsClient, with(other.file("stranger.pem"), other.file("stranger.key")), "tls", "certificate"},
		{"key of another", needsClient, with(a.file("client.pem"), a.file("good.key")), "tls", "client certificate"},
		{"no such key", needsClient, with(a.file("client.pem"), a.file("none.key")), "tls", "client certificate"},
		{"a CA that is none", needsClient, map[string]any{"ca": a.file("good.key")}, "tls", "no PEM certificate"},
		{"plain HTTP on this port", strings.Replace(served(t, says("HTTP/1.1 400 Bad Request\r\n\r\n")), "http://127.0.0.1", "https://api.example.com", 1), ca, "tls", "does not speak TLS"},
		{"no TLS but noise", strings.Replace(served(t, says("\x16\x03\x01\xff\xff\xff")), "http://127.0.0.1", "https://api.example.com", 1), ca, "tls", ""},
		{"hang up in the handshake", strings.Replace(served(t, says("")), "http://127.0.0.1", "https://api.example.com", 1), ca, "tls", "hung up"},
		{"silence in the handshake", strings.Replace(served(t, silent), "http://127.0.0.1", "https://api.example.com", 1), ca, "timeout", "in time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := guard.New(named, guard.Options{Env: []string{}, Resolve: loopback, Roots: x509.NewCertPool()})
			defer g.Close()
			timeout := 10 * time.Second
			if c.kind == "timeout" {
				timeout = 500 * time.Millisecond
			}
			options := map[string]any{"url": c.url + "/json"}
			if c.tls != nil {
				options["tls"] = c.tls
			}
			verdict(t, ask(t, g, timeout, options), c.kind, 200, c.says)
		})
	}
}

// proxy is a real HTTP proxy on loopback that leads every name to one server.
type proxy struct {
	mu    sync.Mutex
	asked []string
	to    string
	url   string
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	p := &proxy{to: to}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p.url = "http://" + l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *proxy) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, req.Method+" "+req.RequestURI+" "+req.Header.Get("Proxy-Authorization"))
	p.mu.Unlock()
	up, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer up.Close()
	if req.Method == http.MethodConnect {
		fmt.Fprint(c, "HTTP/1.1 200 Connection established\r\n\r\n")
	} else {
		req.Header.Set("Connection", "close")
		_ = req.Write(up)
	}
	go func() { _, _ = io.Copy(up, in) }()
	_, _ = io.Copy(c, up)
}

func (p *proxy) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.asked, "\n")
}

func TestProxies(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(handler))
	defer plain.Close()
	a := newAuthority(t)
	secure := a.server(t, a.sign(t, "good", leafFor("api.example.com", 0, 0)), nil)
	ca := map[string]any{"ca": a.file("ca.pem")}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(secure, "https://"))
	far := permit.Set{Hosts: []string{"api.example.com", "*.far.example"}}
	for _, c := range []struct {
		name, url string
		env       func(p *proxy) []string
		kind      string
		sees      string // what the proxy was asked, "" for nothing
	}{
		{"plain", "http://api.example.com/json", func(p *proxy) []string { return []string{"HTTP_PROXY=" + p.url} }, "", "GET http://api.example.com/json"},
		{"lower case", "http://api.example.com/json", func(p *proxy) []string { return []string{"http_proxy=" + p.url} }, "", "GET http://api.example.com/json"},
		{"tunnel", secure + "/json", func(p *proxy) []string { return []string{"HTTPS_PROXY=" + p.url} }, "", "CONNECT api.example.com:" + port},
		{"with a password", "http://api.example.com/json", func(p *proxy) []string {
			return []string{"HTTP_PROXY=" + strings.Replace(p.url, "://", "://user:pass@", 1)}
		}, "", "Basic dXNlcjpwYXNz"},
		{"another scheme's", secure + "/json", func(p *proxy) []string { return []string{"HTTP_PROXY=" + p.url} }, "", ""},
		{"no proxy for this", secure + "/json", func(p *proxy) []string { return []string{"HTTPS_PROXY=" + p.url, "NO_PROXY=.example.com"} }, "", ""},
		{"a host that is not permitted", "http://elsewhere.example/json", func(p *proxy) []string { return []string{"HTTP_PROXY=" + p.url} }, "denied", ""},
		{"a tunnel that is not permitted", "https://elsewhere.example/json", func(p *proxy) []string { return []string{"HTTPS_PROXY=" + p.url} }, "denied", ""},
		{"a proxy that is down", "http://api.example.com/json", func(p *proxy) []string {
			return []string{"HTTP_PROXY=" + strings.TrimSuffix(closedPort(t), "/")}
		}, "connect", ""},
		{"a redirect through the proxy to a host that is not permitted", "http://api.example.com/away", func(p *proxy) []string { return []string{"HTTP_PROXY=" + p.url} }, "denied", "GET http://api.example.com/away"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := plain.Listener.Addr().String()
			if strings.HasPrefix(c.url, "https") {
				to = "127.0.0.1:" + port
			}
			p := newProxy(t, to)
			g := guard.New(far, guard.Options{Env: c.env(p), Resolve: loopback, Roots: x509.NewCertPool()})
			defer g.Close()
			verdict(t, ask(t, g, 10*time.Second, map[string]any{"url": c.url, "tls": ca}), c.kind, 200, "")
			if seen := p.seen(); (c.sees == "") != (seen == "") || !strings.Contains(seen, c.sees) || strings.Contains(seen, "elsewhere") {
				t.Errorf("the proxy was asked %q, want %q", seen, c.sees)
			}
		})
	}
}

func TestTimingIsSplit(t *testing.T) {
	a := newAuthority(t)
	url := a.server(t, a.sign(t, "good", leafFor("api.example.com", 0, 0)), nil)
	slow := func(ctx context.Context, host string) ([]netip.Addr, error) {
		time.Sleep(80 * time.Millisecond)
		return loopback(ctx, host)
	}
	g := guard.New(named, guard.Options{Env: []string{}, Resolve: slow})
	defer g.Close()
	options := map[string]any{"url": url + "/json", "tls": map[string]any{"ca": a.file("ca.pem")}}
	part := func(r map[string]any, name string) time.Duration {
		return r["timing"].(map[string]any)[name].(time.Duration)
	}
	f := ask(t, g, 10*time.Second, options).Fields
	if part(f, "dns") < 80*time.Millisecond || part(f, "connect") <= 0 || part(f, "tls") <= 0 || part(f, "first_byte") <= 0 {
		t.Errorf("the first request: %v", f["timing"])
	}
	if sum := part(f, "dns") + part(f, "connect") + part(f, "tls") + part(f, "first_byte"); sum > part(f, "total") {
		t.Errorf("the parts take %s of %s", sum, part(f, "total"))
	}
	f = ask(t, g, 10*time.Second, options).Fields
	if part(f, "dns") != 0 || part(f, "connect") != 0 || part(f, "tls") != 0 || part(f, "first_byte") <= 0 || part(f, "total") >= 80*time.Millisecond {
		t.Errorf("a request on a connection that was kept: %v", f["timing"])
	}
}

// TestRedirectsKeepToTheRules: how many, whether at all, what is sent on.
func TestRedirectsKeepToTheRules(t *testing.T) {
	var seen []string
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Method+" "+r.URL.Path+" "+string(body)+" "+r.Header.Get("Authorization")+r.Header.Get("X-Key")+r.Header.Get("Referer")+r.Header.Get("Cookie"))
	}))
	defer target.Close()
	_, port, _ := net.SplitHostPort(target.Listener.Addr().String())
	start := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code := map[string]int{"/307": 307, "/302": 302, "/308": 308}[r.URL.Path]
		http.Redirect(w, r, r.URL.Query().Get("to")+":"+port+"/there", code)
	}))
	defer start.Close()
	g := guard.New(named, guard.Options{Env: []string{}, Resolve: loopback})
	defer g.Close()
	for _, to := range []string{"http://api.example.com", "http://127.0.0.1"} { // another host, and another server of the same one
		for path, want := range map[string]string{"/302": "GET /there  ", "/307": "POST /there hi ", "/308": "POST /there hi "} {
			seen = nil
			r := ask(t, g, 5*time.Second, map[string]any{"url": start.URL + path + "?to=" + to, "method": "POST", "body": "hi", "headers": map[string]any{"X-Key": "key", "Cookie": "c=1"}, "auth": map[string]any{"bearer": "token"}})
			if r.Error != nil || len(seen) != 1 || seen[0] != want {
				t.Errorf("%s to %s: %v %q, want %q: what was meant for one server is not sent to another", path, to, r.Error, seen, want)
			}
		}
	}
	seen = nil
	r := ask(t, g, 5*time.Second, map[string]any{"url": start.URL + "/302?to=http://api.example.com", "redirects": 0})
	if r.Error != nil || r.Fields["status"] != 302 || len(seen) != 0 {
		t.Errorf("%v %v %q", r.Error, r.Fields["status"], seen)
	}
}
