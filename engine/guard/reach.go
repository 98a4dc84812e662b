package guard

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
)

// DialHost connects to host:port on behalf of a library that speaks a protocol
// of its own: it can stand as the dial function of a database driver. The host
// is put to the permission check, and so is the address that its name leads to.
func (g *Guard) DialHost(ctx context.Context, network, address string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%q is not a port", service)
	}
	if err := g.CheckHost(ctx, address, host, int(port), ""); err != nil {
		return nil, err
	}
	return g.straight().dial(ctx, network, address)
}

// ClientTLS is the configuration for a library that speaks TLS itself: it trusts
// what the guard trusts, and the step's own certificates.
func (g *Guard) ClientTLS(t TLS) (*tls.Config, error) { return g.tlsConfig(t) }

// LibraryFile puts a file that a library opens by itself to the permission check,
// for writing where write is set. What it gives is the file behind all symbolic
// links, which is what must be opened.
func (g *Guard) LibraryFile(path string, write bool) (string, error) {
	at, err := g.judge(path, write, nil)
	if err != nil {
		return "", err
	}
	real := filepath.Join(at.dir, at.rel)
	return real, g.realFiles(real)
}

// realFiles refuses a file where another world stands for the real one: a
// library would open the real file.
func (g *Guard) realFiles(path string) error {
	if g.opts.ReadFile == nil {
		return nil
	}
	_, err := g.opts.ReadFile(path, 0)
	if err == nil {
		err = fmt.Errorf("the file %s is not a real one here", path)
	}
	return err
}
