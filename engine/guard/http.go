package guard

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// TLS are a step's own certificates, as files of PEM.
type TLS struct{ CA, Cert, Key, ServerName string }

// HTTPError is a request that got no answer. Kind is dns, connect, tls, timeout,
// canceled, protocol or denied.
type HTTPError struct {
	Kind string
	Err  error
}

// Error is the cause's.
func (e *HTTPError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *HTTPError) Unwrap() error { return e.Err }

// maxHeader bounds an answer's headers.
const maxHeader = 256 << 10

// transport is a connection pool for one set of certificates.
type transport struct {
	http  *http.Transport
	guard *Guard
	proxy func(*url.URL) (*url.URL, error)
}

// Client is an HTTP client whose every request, redirects included, is put to
// the permission check. Connections are kept between steps. redirects is how
// many to follow; with 0 the first answer is the answer.
func (g *Guard) Client(t TLS, redirects int) (*http.Client, error) {
	tr, err := g.transport(t)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: tr, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		switch {
		case redirects == 0:
			return http.ErrUseLastResponse
		case len(via) > redirects:
			return &HTTPError{"protocol", fmt.Errorf("more than %d redirects; the last is to %s", redirects, req.URL.Redacted())}
		case req.URL.Scheme != "http" && req.URL.Scheme != "https" || req.URL.Hostname() == "":
			return &HTTPError{"protocol", fmt.Errorf("a redirect to %s, which is no http or https URL", req.URL.Redacted())}
		case via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https":
			return &HTTPError{"protocol", fmt.Errorf("a redirect from https to %s", req.URL.Redacted())}
		}
		if !sameServer(via[0].URL, req.URL) {
			keepHarmless(req.Header)
		}
		return nil
	}}, nil
}

// sameServer reports whether two URLs lead to the same scheme, host and port.
func sameServer(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

// harmless headers go along to another server. The others may hold what was meant
// for the first one alone: a key in a header of its own, the URL that was asked.
var harmless = []string{"Accept", "Accept-Language", "Content-Type", "User-Agent"}

func keepHarmless(h http.Header) {
	for name := range h {
		if !slices.Contains(harmless, name) {
			delete(h, name)
		}
	}
}

func (g *Guard) transport(t TLS) (*transport, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if tr := g.clients[t]; tr != nil {
		return tr, nil
	}
	cfg, err := g.tlsConfig(t)
	if err != nil {
		return nil, err
	}
	env := httpproxy.Config{HTTPProxy: g.either("HTTP_PROXY", "http_proxy"), HTTPSProxy: g.either("HTTPS_PROXY", "https_proxy"), NoProxy: g.either("NO_PROXY", "no_proxy")}
	tr := &transport{guard: g, proxy: env.ProxyFunc()}
	tr.http = &http.Transport{
		DialContext: tr.dial, TLSClientConfig: cfg, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second,
		MaxResponseHeaderBytes: maxHeader, ExpectContinueTimeout: time.Second,
	}
	if g.opts.Dial == nil {
		tr.http.Proxy = func(r *http.Request) (*url.URL, error) { return tr.proxy(r.URL) }
	}
	g.clients[t] = tr
	return tr, nil
}

func (g *Guard) either(a, b string) string {
	if v := g.getenv(a); v != "" {
		return v
	}
	return g.getenv(b)
}

// tlsConfig trusts the system's certificates and the step's own.
func (g *Guard) tlsConfig(t TLS) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12, RootCAs: g.opts.Roots}
	if g.opts.Files != nil {
		return cfg, nil // a world that is not real has its own certificates
	}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, &HTTPError{"tls", fmt.Errorf("cannot read the CA: %w", err)}
		}
		pool := x509.NewCertPool()
		if g.opts.Roots != nil {
			pool = g.opts.Roots.Clone()
		} else if sys, err := x509.SystemCertPool(); err == nil {
			pool = sys
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, &HTTPError{"tls", fmt.Errorf("%s holds no PEM certificate", t.CA)}
		}
		cfg.RootCAs = pool
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, &HTTPError{"tls", fmt.Errorf("cannot read the client certificate: %w", err)}
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// RoundTrip checks the host of each request before it is sent.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	host, port := r.URL.Hostname(), portOf(r.URL)
	if err := t.guard.CheckHost(r.Context(), r.URL.Redacted(), host, port, cmp.Or(r.Method, http.MethodGet)); err != nil {
		return nil, err
	}
	if err := t.guard.checkLiteral(host, port); err != nil {
		return nil, err
	}
	if x := t.guard.opts.Exchange; x != nil {
		return x(r, t.http)
	}
	return t.http.RoundTrip(r)
}

func portOf(u *url.URL) int {
	if p, err := strconv.Atoi(u.Port()); err == nil {
		return p
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}

// Classify says what kind of failure kept a request from being answered.
func Classify(ctx context.Context, err error) *HTTPError {
	var he *HTTPError
	var denied *Denied
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &denied):
		return &HTTPError{"denied", denied}
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err) && ctx.Err() != nil:
		return &HTTPError{"timeout", err}
	case ctx.Err() != nil:
		return &HTTPError{"canceled", err}
	case errors.As(err, &he):
		return he
	case errors.As(err, &dns):
		return &HTTPError{"dns", dns}
	case isTLS(err):
		return &HTTPError{"tls", err}
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout():
		return &HTTPError{"timeout", err} // the dialer looks at the clock itself, and can be ahead of the context
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"):
		return &HTTPError{"connect", op}
	}
	return &HTTPError{"protocol", err}
}

func isTLS(err error) bool {
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") {
		return true // an alert of TLS, of which crypto/tls hides the type
	}
	return errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &alert) || errors.As(err, &record) || errors.As(err, &verify) || errors.As(err, &host) || errors.As(err, &authority) || errors.As(err, &invalid)
}
