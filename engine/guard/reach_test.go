package guard

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"runbook/engine/permit"
)

// TestDialHost: a library that dials by itself reaches what is listed, and only
// that, also behind a name.
func TestDialHost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	inner := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	for _, c := range []struct {
		hosts        []string
		host         string
		ok, isDenied bool
	}{
		{[]string{"127.0.0.1"}, "127.0.0.1", true, false},
		{[]string{"127.0.0.1:" + port}, "127.0.0.1", true, false},
		{[]string{"127.0.0.1:1"}, "127.0.0.1", false, true},
		{nil, "127.0.0.1", false, true},
		{[]string{"db.example.com"}, "db.example.com", true, false},
		{[]string{"*.example.com"}, "db.example.com", false, true}, // an inner address behind a group of hosts
		{[]string{"db.example.com"}, "db.example.org", false, true},
	} {
		g := New(permit.Set{Hosts: c.hosts}, Options{Resolve: inner})
		conn, err := g.DialHost(t.Context(), "tcp", net.JoinHostPort(c.host, port))
		var d *Denied
		if (err == nil) != c.ok || errors.As(err, &d) != c.isDenied {
			t.Errorf("%v to %s: %v", c.hosts, c.host, err)
		}
		if conn != nil {
			conn.Close()
		}
	}
	g := New(permit.Set{Hosts: []string{"h"}}, Options{})
	for _, address := range []string{"h", "h:", "h:x", "h:70000", "h:-1"} {
		if _, err := g.DialHost(t.Context(), "tcp", address); err == nil {
			t.Errorf("%q was dialled", address)
		}
	}
}

// TestDialHostOfADrill: a drill's own dial is used, behind the same check.
func TestDialHostOfADrill(t *testing.T) {
	called := ""
	g := New(permit.Set{Hosts: []string{"db.example.com"}}, Options{Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		called = address
		return nil, errors.New("drill")
	}})
	if _, err := g.DialHost(t.Context(), "tcp", "db.example.com:5432"); err == nil || called != "db.example.com:5432" {
		t.Errorf("the drill's dial was given %q: %v", called, err)
	}
	called = ""
	if _, err := g.DialHost(t.Context(), "tcp", "other.example.com:5432"); err == nil || called != "" {
		t.Errorf("a host that is not permitted was dialled: %q, %v", called, err)
	}
}

func TestLibraryFile(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out.db")
	if err := os.Mkdir(in, 0o755); err != nil {
		t.Fatal(err)
	}
	inside, link := filepath.Join(in, "a.db"), filepath.Join(in, "link.db")
	for _, f := range []string{inside, out} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(out, link); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(in, "nowhere.db")
	if err := os.Symlink(filepath.Join(dir, "gone.db"), nowhere); err != nil {
		t.Fatal(err)
	}
	g := New(permit.Set{Read: []string{in}, Write: []string{filepath.Join(in, "*.db")}}, Options{})
	for _, c := range []struct {
		path  string
		write bool
		ok    bool
	}{{inside, false, true}, {inside, true, true}, {out, false, false}, {out, true, false}, {link, false, false}, {link, true, false}, {nowhere, false, false}, {nowhere, true, false},
		{filepath.Join(in, "..", "out.db"), false, false}, {filepath.Join(in, "new.txt"), true, false}, {filepath.Join(in, "new.txt"), false, true}} {
		real, err := g.LibraryFile(c.path, c.write)
		var d *Denied
		if (err == nil) != c.ok || (err != nil) != errors.As(err, &d) {
			t.Errorf("%s, write %v: %q, %v", c.path, c.write, real, err)
		}
	}
}
