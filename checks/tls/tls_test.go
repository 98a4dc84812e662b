package tls

import (
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
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/kind/kindtest"
	"runbook/engine/permit"
	"runbook/engine/source"
)

// pair is a certificate with its key; chain is what a server sends with it.
type pair struct {
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	chain [][]byte
}

var serial int64 = 0x1000

// issue makes a certificate that lasts from and to so many hours from now,
// signed by another, or by itself.
func issue(t *testing.T, by *pair, name string, from, to int, change func(*x509.Certificate)) *pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial++
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Now().Add(time.Duration(from) * time.Hour), NotAfter: time.Now().Add(time.Duration(to) * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(c)
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{cert: cert, key: key, chain: [][]byte{der}}
	if by != nil && by.cert.Subject.CommonName != "root" {
		p.chain = append(p.chain, by.chain...)
	}
	return p
}

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.DNSNames, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil, nil
}

// listen serves handshakes.
func listen(t *testing.T, cfg *tls.Config) int {
	t.Helper()
	return kindtest.Server(t, func(c net.Conn) {
		s := tls.Server(c, cfg)
		_, _ = io.Copy(io.Discard, s)
		s.Close()
	})
}

func (p *pair) serve(t *testing.T, change func(*tls.Config)) int {
	t.Helper()
	cfg := &tls.Config{Certificates: []tls.Certificate{{Certificate: p.chain, PrivateKey: p.key}}, MinVersion: tls.VersionTLS10}
	if change != nil {
		change(cfg)
	}
	return listen(t, cfg)
}

// files writes the pair as PEM.
func (p *pair) files(t *testing.T) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(p.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: p.cert.Raw}, key: {Type: "EC PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func at(host string, port int, more ...any) map[string]any {
	o := map[string]any{"host": host, "port": fmt.Sprint(port)}
	for i := 0; i < len(more); i += 2 {
		o[more[i].(string)] = more[i+1]
	}
	return o
}

func is(more ...any) func(*testing.T, map[string]any) {
	return func(t *testing.T, f map[string]any) {
		t.Helper()
		for i := 0; i < len(more); i += 2 {
			if got := f[more[i].(string)]; fmt.Sprint(got) != fmt.Sprint(more[i+1]) {
				t.Errorf("%s is %v (%v), want %v", more[i], got, f["detail"], more[i+1])
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

func world(roots ...*pair) (*guard.Guard, permit.Set) {
	pool := x509.NewCertPool()
	for _, r := range roots {
		pool.AddCert(r.cert)
	}
	set := permit.Set{Hosts: []string{"a.example", "b.example", "127.0.0.1", "no.such.host"}}
	return guard.New(set, guard.Options{Env: []string{}, Resolve: hosts, Roots: pool}), set
}

func TestCertificates(t *testing.T) {
	kindtest.Declaration(t, New())
	root := issue(t, nil, "root", -1000, 24000, authority)
	middle := issue(t, root, "middle", -1000, 24*5+1, authority)
	stale := issue(t, root, "stale", -1000, -30, authority)
	stranger := issue(t, nil, "stranger", -1000, 24000, authority)
	g, _ := world(root)
	defer g.Close()
	good := issue(t, middle, "a.example", -1, 24*10+1, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} })
	goodPort := good.serve(t, nil)
	bad := func(p *pair) map[string]any { return at("a.example", p.serve(t, nil)) }
	caFile, _ := stranger.files(t)
	self := issue(t, nil, "a.example", -1, 24, nil)
	selfFile, _ := self.files(t)
	kindtest.Run(t, New(), g, []kindtest.Case{
		{Name: "valid", Options: at("a.example", goodPort), Verify: func(t *testing.T, f map[string]any) {
			is("valid", true, "problem", "", "detail", "", "days_left", 10, "chain_days_left", 5, "names", "[a.example 127.0.0.1]", "version", "TLS 1.3")(t, f)
			chain := f["chain"].([]any)
			leaf, above := chain[0].(map[string]any), chain[1].(map[string]any)
			if len(chain) != 2 || leaf["issuer"] != "CN=middle" || leaf["subject"] != "CN=a.example" || above["issuer"] != "CN=root" || above["days_left"] != 5 || leaf["serial"] != good.cert.SerialNumber.Text(16) || !leaf["not_after"].(time.Time).Equal(good.cert.NotAfter) {
				t.Errorf("%v", chain)
			}
		}},
		{Name: "by address", Options: at("127.0.0.1", goodPort), Verify: is("valid", true)},
		{Name: "wrong name", Options: at("b.example", goodPort), Verify: is("valid", false, "problem", "wrong_name", "days_left", 10)},
		{Name: "other name", Options: at("b.example", goodPort, "name", "a.example"), Verify: is("valid", true)},
		{Name: "expired", Options: bad(issue(t, root, "a.example", -100, -25, nil)), Verify: is("valid", false, "problem", "expired", "days_left", -2)},
		{Name: "expired just now", Options: bad(issue(t, root, "a.example", -100, 0, nil)), Verify: is("problem", "expired", "days_left", -1)},
		{Name: "the last day", Options: bad(issue(t, root, "a.example", -100, 1, nil)), Verify: is("valid", true, "days_left", 0)},
		{Name: "not yet valid", Options: bad(issue(t, root, "a.example", 48, 480, nil)), Verify: is("problem", "not_yet_valid")},
		{Name: "self-signed", Options: bad(self), Verify: is("problem", "self_signed")},
		{Name: "self-signed and trusted", Options: func() map[string]any { o := bad(self); o["ca"] = selfFile; return o }(), Verify: is("valid", true)},
		{Name: "unknown authority", Options: bad(issue(t, stranger, "a.example", -1, 24, nil)), Verify: is("problem", "unknown_authority")},
		{Name: "own authority", Options: func() map[string]any {
			o := bad(issue(t, stranger, "a.example", -1, 24, nil))
			o["ca"] = caFile
			return o
		}(), Verify: is("valid", true)},
		{Name: "expired in the chain", Options: bad(issue(t, stale, "a.example", -1, 23, nil)), Verify: is("problem", "expired", "days_left", 0, "chain_days_left", -2)},
		{Name: "chain not sent", Options: bad(&pair{cert: good.cert, key: good.key, chain: good.chain[:1]}), Verify: is("problem", "unknown_authority", "chain_days_left", 10)},
		{Name: "for clients", Options: bad(issue(t, root, "a.example", -1, 24, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })), Verify: is("problem", "wrong_use")},
		{Name: "expired and for another name", Options: bad(issue(t, root, "b.example", -100, -25, nil)), Verify: is("problem", "expired")},
		{Name: "for ever", Options: bad(issue(t, root, "a.example", -1, 1, func(c *x509.Certificate) { c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) })), Verify: func(t *testing.T, f map[string]any) {
			if f["days_left"].(int) < 2_800_000 || f["valid"] != true {
				t.Errorf("%v", f)
			}
		}},
		{Name: "no such ca", Options: at("a.example", goodPort, "ca", "/no/such/file"), Error: "tls"},
		{Name: "own port", Options: map[string]any{"host": "other.example"}, Error: "denied"},
	})
}

func TestHandshakes(t *testing.T) {
	root := issue(t, nil, "root", -1000, 24000, authority)
	good := issue(t, root, "a.example", -1, 24, nil)
	g, _ := world(root)
	defer g.Close()
	client := issue(t, root, "client", -1, 24, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	foreign := issue(t, nil, "foreign", -1, 24, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	cert, key := client.files(t)
	cert2, key2 := foreign.files(t)
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	old := good.serve(t, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 })
	modern := good.serve(t, func(c *tls.Config) { c.MinVersion = tls.VersionTLS12 })
	mutual := good.serve(t, func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, pool })
	named := good.serve(t, func(c *tls.Config) {
		own := c.Certificates
		c.Certificates = nil
		c.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if h.ServerName != "a.example" {
				return nil, fmt.Errorf("no name %q here", h.ServerName)
			}
			return &own[0], nil
		}
	})
	silent := kindtest.Server(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	kindtest.Run(t, New(), g, []kindtest.Case{
		{Name: "an old server", Options: at("a.example", old), Error: "tls", Verify: is("version", "", "valid", false, "days_left", nil)},
		{Name: "an old server, offered old versions", Options: at("a.example", old, "min_version", "TLS 1.0"), Verify: is("version", "TLS 1.1", "valid", true)},
		{Name: "does it take an old version? yes", Options: at("a.example", old, "max_version", "TLS 1.0"), Verify: is("version", "TLS 1.0")},
		{Name: "does it take an old version? no", Options: at("a.example", modern, "max_version", "TLS 1.1"), Error: "tls"},
		{Name: "no more than 1.2", Options: at("a.example", modern, "max_version", "TLS 1.2"), Verify: is("version", "TLS 1.2")},
		{Name: "client certificate", Options: at("a.example", mutual, "cert", cert, "key", key), Verify: is("valid", true)},
		{Name: "client certificate, 1.2", Options: at("a.example", mutual, "cert", cert, "key", key, "max_version", "TLS 1.2"), Verify: is("valid", true)},
		{Name: "no client certificate", Options: at("a.example", mutual), Error: "tls"},
		{Name: "foreign client certificate", Options: at("a.example", mutual, "cert", cert2, "key", key2), Error: "tls"},
		{Name: "no such client certificate", Options: at("a.example", mutual, "cert", "/no/such", "key", key), Error: "tls"},
		{Name: "asks for a name", Options: at("b.example", named), Error: "tls"},
		{Name: "is given the name", Options: at("b.example", named, "name", "a.example"), Verify: is("valid", true)},
		{Name: "no tls there", Options: at("a.example", kindtest.Server(t, func(c net.Conn) { fmt.Fprint(c, "220 mail.example ESMTP\r\n"); _, _ = io.Copy(io.Discard, c) })), Error: "tls"},
		{Name: "nonsense", Options: at("a.example", kindtest.Server(t, func(c net.Conn) {
			_, _ = c.Write([]byte{22, 3, 3, 0, 8, 2, 0, 0, 4, 9, 9, 9, 9})
			_, _ = io.Copy(io.Discard, c)
		})), Error: "tls"},
		{Name: "endless", Options: at("a.example", kindtest.Server(t, func(c net.Conn) {
			for {
				if _, err := c.Write([]byte{22, 3, 3, 0, 1, 0}); err != nil {
					return
				}
			}
		})), Error: "tls"},
		{Name: "hangs up", Options: at("a.example", kindtest.Server(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 2000)) })), Error: "tls"},
		{Name: "says nothing", Options: at("a.example", silent), Timeout: 200 * time.Millisecond, Error: "timeout"},
		{Name: "refused", Options: at("a.example", kindtest.ClosedPort(t)), Error: "connect"},
		{Name: "no such host", Options: at("no.such.host", 443), Error: "dns"},
		{Name: "no port", Options: map[string]any{"host": "a.example", "port": "https"}, Error: "protocol"},
	})
	kindtest.Cancelled(t, New(), g, at("a.example", silent))
}

func leaf(v any) kind.Leaf { return kind.Leaf{Value: v, Known: true} }

func TestStaticChecks(t *testing.T) {
	for _, c := range []struct {
		options map[string]kind.Leaf
		says    string
	}{
		{map[string]kind.Leaf{"host": leaf("a.b")}, ""},
		{map[string]kind.Leaf{"host": leaf("https://a.b")}, "host cannot be used"},
		{map[string]kind.Leaf{"host": leaf("a.b"), "port": leaf("x")}, "no port"},
		{map[string]kind.Leaf{"min_version": leaf("TLS 1.3"), "max_version": leaf("TLS 1.2")}, "none can be offered"},
		{map[string]kind.Leaf{"max_version": leaf("TLS 1.0")}, ""},
		{map[string]kind.Leaf{"min_version": leaf("TLS 1.3")}, ""},
		{map[string]kind.Leaf{"cert": leaf("x")}, "needs `key`"},
		{map[string]kind.Leaf{"key": {Prefix: "x"}}, "needs `cert`"},
		{map[string]kind.Leaf{"cert": leaf("x"), "key": leaf("y")}, ""},
	} {
		var found []source.Diagnostic
		check(kind.Use{Check: true, Options: c.options}, func(d source.Diagnostic) { found = append(found, d) })
		if (c.says == "") != (len(found) == 0) || len(found) > 0 && (!strings.Contains(found[0].Summary, c.says) || found[0].Detail == "") {
			t.Errorf("%v: %v", c.options, found)
		}
	}
	for want, o := range map[string]map[string]kind.Leaf{
		"a.b:443": {"host": leaf("a.b")}, "a.b:8443": {"host": leaf("a.b"), "port": leaf("8443")}, "a.b:0": {"host": leaf("a.b"), "port": {}}, "": {"host": {Prefix: "a."}},
	} {
		if e := effects(kind.Use{Options: o}); len(e) != 1 || e[0].Host != want {
			t.Errorf("%v: %v", o, e)
		}
	}
}

func TestReasonNamesTheVersions(t *testing.T) {
	root := issue(t, nil, "root", -1000, 24000, authority)
	port := issue(t, root, "a.example", -1, 24, nil).serve(t, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 })
	g, _ := world(root)
	defer g.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r := executor{}.Execute(ctx, exec.Request{Guard: g, Options: at("a.example", port)})
	if r.Error == nil || !strings.Contains(r.Error.Message, "no version from TLS 1.2 to TLS 1.3") {
		t.Errorf("%+v", r.Error)
	}
}
