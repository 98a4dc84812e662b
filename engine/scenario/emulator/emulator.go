// Package emulator serves a scenario's world on loopback: the real kinds talk to
// it through the guard's doors, over real connections and real TLS. Nothing
// leaves the machine.
package emulator

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"runbook/engine/guard"
	"runbook/engine/scenario"
)

// Emulator is a world that is being served.
type Emulator struct {
	stage

	plain, secure net.Listener
	server        *http.Server
	roots         *x509.CertPool
	ca            *x509.Certificate
	key           *ecdsa.PrivateKey

	mu     sync.Mutex
	certs  map[string]*tls.Certificate
	picked map[string]scenario.HTTPReply // by the number that a request carries
}

// Serve opens a world. Close ends it.
func Serve(w *scenario.World) (*Emulator, error) {
	e := &Emulator{stage: stage{w, say}, certs: map[string]*tls.Certificate{}, picked: map[string]scenario.HTTPReply{}, roots: x509.NewCertPool()}
	if err := e.authority(); err != nil {
		return nil, fmt.Errorf("the emulator has no certificate: %w", err)
	}
	var err error
	if e.plain, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("the emulator cannot listen: %w", err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		e.plain.Close()
		return nil, fmt.Errorf("the emulator cannot listen: %w", err)
	}
	e.secure = tls.NewListener(inner, &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return e.certificate(h.ServerName) }})
	e.server = &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go e.server.Serve(e.plain)
	go e.server.Serve(e.secure)
	return e, nil
}

// Close ends the world, with the connections that are open.
func (e *Emulator) Close() error { return e.server.Close() }

// Doors are the guard's doors into this world.
func (e *Emulator) Doors(o guard.Options) guard.Options {
	o = e.doors(o)
	o.Dial, o.Roots, o.Exchange = e.dial, e.roots, e.exchange
	return o
}

// dial leads every address to one of the two listeners. A host whose stubs all
// say that it cannot be reached is not reached.
func (e *Emulator) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if network == "udp" {
		return nil, errors.New(e.World.Miss("the question to the name server " + address))
	}
	if guard.ClockOf(ctx) != nil { // its deadline is one of a simulated clock
		ctx = context.WithoutCancel(ctx)
	}
	switch e.fault(host) {
	case "dns":
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	case "refused":
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	case "tls":
		return (&net.Dialer{}).DialContext(ctx, network, e.plain.Addr().String()) // speaks no TLS
	}
	target := e.plain.Addr().String()
	if e.isSecure(host, port) {
		target = e.secure.Addr().String()
	}
	return (&net.Dialer{}).DialContext(ctx, network, target)
}

// fault is the fault of a host whose every stub is that same fault.
func (e *Emulator) fault(host string) string {
	word := ""
	for _, h := range e.World.Scenario.HTTP {
		u, err := url.Parse(h.URL)
		if err != nil || u.Hostname() != host {
			continue
		}
		for _, r := range h.Replies {
			if !isBroken(r) || word != "" && r.Error != word {
				return ""
			}
			word = r.Error
		}
	}
	return word
}

// isSecure reports whether TLS is spoken at an address: at 443, and wherever a
// stub says https.
func (e *Emulator) isSecure(host, port string) bool {
	if port == "443" {
		return true
	}
	for _, h := range e.World.Scenario.HTTP {
		if u, err := url.Parse(h.URL); err == nil && u.Scheme == "https" && u.Host == net.JoinHostPort(host, port) {
			return true
		}
	}
	return false
}

// ServeHTTP answers as the scenario says.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return
	}
	u := *r.URL
	u.Scheme, u.Host = "http", r.Host
	if r.TLS != nil {
		u.Scheme = "https"
	}
	reply, known := e.take(r.Header.Get(pickedHeader))
	if !known {
		reply = e.pick(r.Context(), r.Method, &u, r.Header, string(body))
	}
	if guard.Wait(r.Context(), reply.Delay) != nil {
		return
	}
	if broken(r.Context(), &u, reply.Error) != nil {
		panic(http.ErrAbortHandler) // the connection is cut
	}
	serve(r.Context(), w, r.Method, reply)
}

// pickedHeader carries the number of the reply that was picked for a request. It
// is picked before the request is sent: a server that cannot be reached does not
// see it.
const pickedHeader = "Runbook-Reply"

// exchange sends a request to the emulator, unless the reply is that the server
// cannot be reached.
func (e *Emulator) exchange(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	body, err := payload(r)
	if err != nil {
		return nil, err
	}
	reply := e.pick(r.Context(), r.Method, r.URL, r.Header, body)
	if isBroken(reply) {
		if err := guard.Wait(r.Context(), reply.Delay); err != nil {
			return nil, err
		}
		return nil, broken(r.Context(), r.URL, reply.Error)
	}
	var drip time.Duration
	if guard.ClockOf(r.Context()) != nil { // simulated time passes here: the server has none
		if err := guard.Wait(r.Context(), reply.Delay); err != nil {
			return nil, err
		}
		drip, reply.Delay, reply.Drip = reply.Drip, 0, 0
	}
	sent := r.Clone(r.Context())
	if r.Body != nil {
		sent.Body = io.NopCloser(strings.NewReader(body))
	}
	sent.Header.Set(pickedHeader, e.keep(reply))
	resp, err := next.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	resp.Request = r
	if drip > 0 {
		if err := slow(r.Context(), resp, drip); err != nil {
			return nil, err
		}
	}
	if reply.Error == scenario.Truncated {
		resp.Body = &brokenOff{resp.Body}
	}
	return resp, nil
}

func (e *Emulator) keep(reply scenario.HTTPReply) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := strconv.Itoa(len(e.picked) + 1)
	e.picked[id] = reply
	return id
}

func (e *Emulator) take(id string) (scenario.HTTPReply, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	reply, ok := e.picked[id]
	return reply, ok
}

// authority makes the certificate authority of this world, known to nobody else.
func (e *Emulator) authority() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "runbook drill"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return err
	}
	if e.ca, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	e.key = key
	e.roots.AddCert(e.ca)
	return nil
}

// certificate is made for a name when it is first asked for.
func (e *Emulator) certificate(name string) (*tls.Certificate, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.certs[name]; c != nil {
		return c, nil
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(int64(len(e.certs) + 2)), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: e.ca.NotBefore, NotAfter: e.ca.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, t, e.ca, &e.key.PublicKey, e.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: e.key}
	e.certs[name] = c
	return c, nil
}
