// Package guard is where effects leave: the only place that starts processes,
// dials, owns an HTTP transport, or opens a script's files. What a runbook is
// not permitted to do, it cannot do, because it has no other way out.
package guard

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"runbook/engine/permit"
)

// Options are the doors to the world and how they stand. The zero value is the
// process's own world.
type Options struct {
	// Env is the environment of programs, as NAME=VALUE; nil is the process's.
	Env []string
	// Hide names variables that no program gets: those that hold secrets.
	Hide []string
	// Grace is how long a process has between TERM and KILL; 0 is 5 seconds.
	Grace time.Duration
	// Hurry ends every grace period when it is closed; nil is never.
	Hurry <-chan struct{}
	// Run runs a program that was permitted; nil starts a process. A drill and a
	// simulation answer from a script of theirs.
	Run func(context.Context, Command) (exit int, err error)
	// Dial connects; nil uses the network. With a Dial of its own no name is
	// resolved here and no address is checked.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolve looks a host up; nil is the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// ReadFile looks at a file that is permitted by its name; nil looks at the
	// system's.
	ReadFile func(path string, limit int64) (File, error)
	// Nameservers are the system's name servers, as host:port; nil asks the
	// system which they are.
	Nameservers []string
	// Roots are the certificates to trust besides a step's own; nil is the
	// system's.
	Roots *x509.CertPool
	// Exchange answers a request to a host that is permitted, redirects included;
	// next would send it. Nil sends it.
	Exchange func(r *http.Request, next http.RoundTripper) (*http.Response, error)
	// Files is where scripts keep what they write, in place of the system's files;
	// what is not there is read with ReadFile. With Files of its own nothing real is
	// looked at: no certificate, no folder, no program.
	Files *Memory
	// Dir is the folder in which steps run that name none; "" is the process's.
	Dir string
}

// Guard holds one runbook's permissions and the world's doors. It is safe for
// use by many goroutines.
type Guard struct {
	Permissions permit.Set
	opts        Options

	mu      sync.Mutex
	clients map[TLS]*transport
	senders map[string]*Guard // for messages, by host
	sends   bool              // it is one of those
	temp    string            // the folder that holds the scripts' own; "" until one is needed
	scripts int
}

// New makes a guard.
func New(p permit.Set, o Options) *Guard {
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	g := &Guard{Permissions: p, opts: o, clients: map[TLS]*transport{}}
	g.opts.Env = g.visible(o.Env)
	return g
}

// visible drops the variables that hold secrets.
func (g *Guard) visible(env []string) []string {
	out := make([]string, 0, len(env))
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if !contains(g.opts.Hide, name) {
			out = append(out, kv)
		}
	}
	return out
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// Close lets idle connections go, and removes what scripts kept in $TMPDIR.
func (g *Guard) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.temp != "" && g.opts.Files == nil {
		_ = os.RemoveAll(g.temp) // the system's own cleaning takes the rest
	}
	g.temp = ""
	for _, t := range g.clients {
		t.http.CloseIdleConnections()
	}
	for _, s := range g.senders {
		s.Close()
	}
}

// WorkDir is the folder in which a step runs that names none.
func (g *Guard) WorkDir() (string, error) {
	if g.opts.Dir != "" {
		return g.opts.Dir, nil
	}
	return os.Getwd()
}

// Denied is an effect that is not permitted. Entry is what would permit it.
type Denied struct {
	Effect string // `kubectl delete pod/x`, a host, a file
	List   string // permissions.act
	Entry  string
	Reason string
	Policy string // the file of the policy that refuses it; "" where a runbook does
}

// Error says what was denied, and what would permit it.
func (d *Denied) Error() string {
	s := "not permitted: " + d.Reason
	if d.Entry != "" {
		s += fmt.Sprintf("; the entry `%s` under `%s`%s would permit it", d.Entry, d.List, d.of())
	}
	return s
}

func (d *Denied) of() string {
	if d.Policy == "" {
		return ""
	}
	return " of the policy " + d.Policy
}

// Command is a program to run, permitted and resolved.
type Command struct {
	Argv    []string
	Path    string // the resolved program
	Env     []string
	Dir     string
	Stdin   io.Reader // nil is empty
	Stdout  io.Writer
	Stderr  io.Writer
	Started func(Process) // may be nil
}

// Process is a process that was started for a step.
type Process struct {
	PID     int       `json:"pid"`
	Group   int       `json:"group"`
	Argv    []string  `json:"argv"`
	Started time.Time `json:"started"`
}

// Script is a prepared script: shell text in which every hole stands as a
// quoted parameter ${__rbN}, and the values of the holes in order. A value is a
// string, or a []string for a list, which stands as "${__rbN[@]}".
type Script struct {
	Text   string
	Values []any
}
