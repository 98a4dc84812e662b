package sql

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
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

func TestDeclaration(t *testing.T) { kindtest.Declaration(t, New()) }

// use is a use whose options are all known.
func use(check bool, options map[string]any) kind.Use {
	u := kind.Use{Check: check, Options: map[string]kind.Leaf{}}
	for k, v := range options {
		u.Options[k] = kind.Leaf{Value: v, Known: true}
	}
	return u
}

func TestCheck(t *testing.T) {
	pg := func(query string) map[string]any {
		return map[string]any{"driver": "postgres", "host": "h", "query": query}
	}
	lite := func(more ...string) map[string]any {
		o := map[string]any{"driver": "sqlite", "file": "f", "query": "select 1"}
		for _, k := range more {
			o[k] = "x"
		}
		return o
	}
	for _, c := range []struct {
		options map[string]any
		action  bool
		want    string // "" is sound
	}{
		{pg("select 1"), false, ""}, {pg("select 1;"), false, ""}, {pg("select ';' from t"), false, ""}, {pg("with x as (select 1) select * from x"), false, ""}, {pg("-- a; b\nselect 1"), false, ""},
		{pg("select '{{1}}'::int[]"), false, "no template"}, {pg("select {{ .inputs.x }}"), true, "no template"}, {pg("  "), false, "empty"}, {pg("-- a\n/* b */"), false, "empty"},
		{pg("select 1; select 2"), false, "more than one"}, {pg("create procedure p() begin select 1; select 2; end"), true, ""}, {pg("commit"), true, "transaction"},
		{pg("insert into t values (1)"), false, "must not change"}, {pg("insert into t values (1)"), true, ""}, {pg("/* x */ -- y\n DELETE from t"), false, "must not change"}, {pg("copy t from stdin"), true, "copy"},
		{lite(), false, ""}, {lite("port"), false, "belongs to `host`"}, {lite("tls.mode"), false, "SQLite has none"}, {map[string]any{"driver": "sqlite", "host": "h", "query": "select 1"}, false, "is a file"},
		{map[string]any{"driver": "mysql", "file": "f", "query": "select 1"}, false, "for `driver: sqlite`"}, {map[string]any{"driver": "mysql", "url": "postgres://h", "query": "select 1"}, false, "not one for mysql"},
		{map[string]any{"driver": "mysql", "url": "mysql://h", "user": "u", "query": "select 1"}, false, "belongs to `host`"}, {map[string]any{"driver": "mysql", "host": "h", "port": "x", "query": "select 1"}, false, "no port"},
		{map[string]any{"driver": "mysql", "host": "h", "query": "select ?", "params.a": 1}, false, "a list, not a mapping"}, {map[string]any{"driver": "mysql", "host": "h", "query": "select ?", "params": "x"}, false, "is a list"},
		{map[string]any{"driver": "mysql", "host": "h", "query": "select 1", "transaction": false}, false, "always runs in a transaction"}, {map[string]any{"driver": "mysql", "host": "h", "query": "select 1", "max_bytes": int64(65 << 20)}, false, "out of range"},
	} {
		var said []string
		check(use(!c.action, c.options), func(d source.Diagnostic) { said = append(said, d.Summary) })
		if all := strings.Join(said, "\n"); c.want == "" && all != "" || len(said) > 1 || !strings.Contains(all, c.want) {
			t.Errorf("%v: %q, want %q", c.options, said, c.want)
		}
	}
}

func TestEffects(t *testing.T) {
	for _, c := range []struct {
		options map[string]any
		want    string
	}{
		{map[string]any{"driver": "postgres", "host": "h"}, "h:5432"}, {map[string]any{"driver": "mysql", "host": "h"}, "h:3306"}, {map[string]any{"driver": "mysql", "host": "h", "port": "1"}, "h:1"},
		{map[string]any{"driver": "postgres", "url": "postgres://u:p@h:7/d?sslmode=require"}, "h:7"}, {map[string]any{"driver": "postgres", "host": "::1"}, "[::1]:5432"},
	} {
		if e := effects(use(true, c.options)); len(e) != 1 || e[0].Host != c.want {
			t.Errorf("%v: %v, want %s", c.options, e, c.want)
		}
	}
	unknown := use(true, map[string]any{"driver": "postgres"})
	unknown.Options["host"] = kind.Leaf{Prefix: "db"}
	if e := effects(unknown); len(e) != 1 || e[0].Host != "" {
		t.Errorf("a host that is not known: %v", e)
	}
	for _, check := range []bool{true, false} {
		if e := effects(use(check, map[string]any{"driver": "sqlite", "file": "f"})); len(e) != 1 || e[0].File != "f" || e[0].Write == check {
			t.Errorf("a file, in a check %v: %v", check, e)
		}
	}
}

// TestURL: a URL says what it says, and no error quotes it.
func TestURL(t *testing.T) {
	const word = "hunter2-Passwort"
	for url, want := range map[string]string{
		"postgres://u:" + word + "@h/d": "", "postgresql://u:" + word + "@h:5/d?sslmode=verify-full": "", "postgres://u:" + word + "@h/d?sslmode=disable": "",
		"postgres://u:" + word + "@h/d?sslmode=prefer": "tls: {mode", "postgres://u:" + word + "@h/d?sslrootcert=/etc/passwd": "not known", "postgres://u:" + word + "@h/d?host=evil": "not known",
		"mysql://u:" + word + "@h/d": "not one for postgres", "u:" + word + "@tcp(h)/d": "URL", "postgres://u:" + word + "%zz@h/d": "cannot be read", "postgres://u:" + word + "@h:x/d": "cannot be read",
		"postgres://u:" + word + "@/d": "host", "postgres://u:" + word + "@h1,h2/d": "", "postgres://u:" + word + "@h:0/d": "port", word: "URL", "postgres://u:" + word + "@h/d?" + word + "=1": "not known",
		"postgres://u:" + word + "@h/d?sslmode=" + word: "not known", "postgres://u:" + word + "@h/d?%zz": "cannot be read", "postgres://u:" + word + "@h/d\x00": "cannot be read", "host=h password=" + word: "URL",
	} {
		o := map[string]any{"driver": "postgres", "url": url, "query": "select 1"}
		_, err := targetOf(o)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", url, err, want)
		}
		for _, g := range []*guard.Guard{guard.New(permit.Set{}, guard.Options{}), guard.New(permit.Set{Hosts: []string{"h"}}, guard.Options{Resolve: nobody})} {
			r := New().Executor.Execute(t.Context(), exec.Request{Options: o, Check: true, Guard: g})
			if r.Error == nil || strings.Contains(r.Error.Message, word) {
				t.Errorf("%q: the error is %v", url, r.Error)
			}
		}
	}
}

func nobody(_ context.Context, host string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// TestNonsense: servers that are none, for both protocols.
func TestNonsense(t *testing.T) {
	behave := map[string]func(net.Conn){
		"hangs up":        func(c net.Conn) {},
		"says nothing":    func(c net.Conn) { io.Copy(io.Discard, c) },
		"speaks HTTP":     func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); drain(c) },
		"is endless":      func(c net.Conn) { endless(c) },
		"speaks no TLS":   func(c net.Conn) { c.Read(make([]byte, 8)); io.WriteString(c, "N"); drain(c) },
		"sends few bytes": func(c net.Conn) { c.Write([]byte{'R', 0, 0, 0, 8}) },
		"sends zeros":     func(c net.Conn) { c.Write(make([]byte, 1<<16)); drain(c) },
	}
	for name, f := range behave {
		for _, driver := range []string{driverPostgres, driverMySQL} {
			for _, mode := range []string{modeVerify, modeNone} {
				t.Run(name+" "+driver+" "+mode, func(t *testing.T) {
					t.Parallel()
					nonsense(t, f, driver, mode)
				})
			}
		}
	}
}

func drain(c net.Conn) {
	c.SetDeadline(time.Now().Add(200 * time.Millisecond))
	io.Copy(io.Discard, c)
}

func endless(c net.Conn) {
	junk := []byte(strings.Repeat("S\x00\x00\x00\x08a\x00b\x00", 1000))
	for {
		if _, err := c.Write(junk); err != nil {
			return
		}
	}
}

func nonsense(t *testing.T, behave func(net.Conn), driver, mode string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); behave(c) }()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	r := New().Executor.Execute(ctx, exec.Request{Check: true, Guard: guard.New(permit.Set{Hosts: []string{"127.0.0.1"}}, guard.Options{}), Options: map[string]any{
		"driver": driver, "host": "127.0.0.1", "port": port, "user": "u", "password": "some-password", "query": "select 1", "tls": map[string]any{"mode": mode}}})
	if r.Error == nil || r.Error.Message == "" || strings.Contains(r.Error.Message, "some-password") {
		t.Fatalf("nonsense gave %+v", r)
	}
	if r.Error.Kind != "timeout" && r.Error.Kind != "connect" && r.Error.Kind != "protocol" && r.Error.Kind != "tls" {
		t.Errorf("nonsense gave %v", r.Error)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %s", d)
	}
}

// TestNames: what a name can come to.
func TestNames(t *testing.T) {
	for _, driver := range []string{driverPostgres, driverMySQL} {
		o := map[string]any{"driver": driver, "host": "db.example.com", "query": "select 1"}
		kindtest.Run(t, New(), guard.New(permit.Set{Hosts: []string{"db.example.com"}}, guard.Options{Resolve: nobody}), []kindtest.Case{{Name: "no such name " + driver, Options: o, Check: true, Error: "dns"}})
		inner := guard.New(permit.Set{Hosts: []string{"*.example.com"}}, guard.Options{Resolve: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
		}})
		kindtest.Run(t, New(), inner, []kindtest.Case{{Name: "an inner address " + driver, Options: o, Check: true, Error: "denied"}})
	}
}

func TestMessagesHideThePassword(t *testing.T) {
	e := failure(t.Context(), errors.New("cannot parse `password=hunter2-x` (hunter2-x)"), "hunter2-x")
	if strings.Contains(e.Message, "hunter2") {
		t.Errorf("the message is %q", e.Message)
	}
}
