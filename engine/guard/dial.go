package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"strconv"
	"time"
)

// Dial connects to a port of a host. The host is put to the permission check,
// and so is each address that its name leads to. No proxy is used: whoever dials
// a port wants to know of that port.
func (g *Guard) Dial(ctx context.Context, network, host string, port int) (net.Conn, error) {
	if err := g.CheckHost(ctx, join(host, port), host, port, ""); err != nil {
		return nil, err
	}
	return g.straight().dial(ctx, network, join(host, port))
}

func join(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// straight is a way out without a proxy.
func (g *Guard) straight() *transport {
	return &transport{guard: g, proxy: func(*url.URL) (*url.URL, error) { return nil, nil }}
}

// Secure speaks TLS on a connection, and demands a valid certificate for the
// host. A failure is an *HTTPError of the kind tls.
func (g *Guard) Secure(ctx context.Context, conn net.Conn, host string, t TLS) (net.Conn, error) {
	cfg, err := g.configFor(host, t)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, &HTTPError{"tls", err}
	}
	return secure, nil
}

func (g *Guard) configFor(host string, t TLS) (*tls.Config, error) {
	if t.ServerName == "" {
		t.ServerName = host
	}
	return g.tlsConfig(t)
}

// Probe is how to shake hands with a server whose certificate is to be looked
// at: with which certificates and, where not 0, which versions of TLS.
type Probe struct {
	TLS
	MinVersion, MaxVersion uint16
}

// Peer is what a server showed in a handshake.
type Peer struct {
	State tls.ConnectionState
	At    time.Time // when it was looked at
	// Invalid says why the certificate is not valid; nil where it is.
	Invalid error
}

// Peer shakes hands with a server and says what it showed. A certificate that is
// not valid is no error here, since nothing is sent to that server.
func (g *Guard) Peer(ctx context.Context, host string, port int, p Probe) (*Peer, error) {
	cfg, err := g.configFor(host, p.TLS)
	if err != nil {
		return nil, err
	}
	cfg.InsecureSkipVerify = true // it is verified below, so that it can be shown as well
	if p.MinVersion != 0 {
		cfg.MinVersion = p.MinVersion
	}
	cfg.MaxVersion, cfg.CipherSuites = p.MaxVersion, everySuite()
	asked := watch(cfg)
	raw, err := g.Dial(ctx, "tcp", host, port)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	conn := tls.Client(raw, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, &HTTPError{"tls", err}
	}
	if *asked {
		if err := accepted(conn); err != nil {
			return nil, &HTTPError{"tls", err}
		}
	}
	peer := &Peer{State: conn.ConnectionState(), At: time.Now()}
	peer.Invalid = verify(peer, cfg)
	return peer, nil
}

// everySuite also has what nothing should be sent with: a probe sends nothing,
// and wants to see servers as old as they are.
func everySuite() []uint16 {
	var ids []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, s.ID)
	}
	return ids
}

// watch notes whether the server asks for a client certificate.
func watch(cfg *tls.Config) *bool {
	asked := new(bool)
	certs := cfg.Certificates
	cfg.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		*asked = true
		for i := range certs {
			if r.SupportsCertificate(&certs[i]) == nil {
				return &certs[i], nil
			}
		}
		if len(certs) > 0 {
			return &certs[0], nil // the server says itself what is wrong with it
		}
		return &tls.Certificate{}, nil
	}
	return asked
}

// patience is how long a server has to refuse a client certificate.
const patience = 2 * time.Second

// accepted waits for the server's word about the client certificate, which in
// TLS 1.3 comes only after the handshake. It says that there is nothing more to
// come, so that a server that is content hangs up.
func accepted(conn *tls.Conn) error {
	_ = conn.CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, err := conn.Read(make([]byte, 1))
	var ne net.Error
	if err == nil || errors.Is(err, io.EOF) || errors.As(err, &ne) && ne.Timeout() {
		return nil
	}
	return err
}

// verify holds what was shown against the roots, the name and the time.
func verify(p *Peer, cfg *tls.Config) error {
	certs := p.State.PeerCertificates
	if len(certs) == 0 {
		return errors.New("the server showed no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	_, err := certs[0].Verify(x509.VerifyOptions{DNSName: cfg.ServerName, Roots: cfg.RootCAs, Intermediates: between, CurrentTime: p.At})
	return err
}
