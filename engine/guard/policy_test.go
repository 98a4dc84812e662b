//go:build unix

package guard

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/engine/permit"
)

// TestPolicyPrograms: what a policy denies is denied under every name that the
// program has, and what it wants approved is not begun without.
func TestPolicyPrograms(t *testing.T) {
	dir := t.TempDir()
	tool := filepath.Join(dir, "bin", "tool")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "bin"), 0o700), os.WriteFile(tool, []byte("#!/bin/sh\necho \"ran $*\" >> '"+dir+"/log'\n"), 0o700),
		os.Symlink(tool, filepath.Join(dir, "other")), os.Link(tool, filepath.Join(dir, "twin")), os.Symlink(filepath.Join(dir, "twin"), filepath.Join(dir, "far")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p := &permit.Policy{Name: "p", File: "p.yaml", Deny: []permit.Rule{{Run: []string{"tool delete"}, Reason: "ask first"}}, Approve: []permit.Rule{{Run: []string{"tool restart"}}}}
	names := []string{"tool", tool, filepath.Join(dir, "other"), filepath.Join(dir, "twin"), filepath.Join(dir, "far")}
	g := New(permit.Set{Observe: append([]string{"env"}, names...)}.Under(p), Options{Env: []string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")}, Dir: dir})
	defer g.Close()
	run := func(ctx context.Context, action bool, argv ...string) error {
		_, err := g.RunProgram(ctx, Program{Argv: argv, Action: action, Dir: dir})
		return err
	}
	var d *Denied
	for _, name := range names {
		for _, action := range []bool{false, true} {
			if err := run(t.Context(), action, name, "-n", "x", "delete", "y"); !errors.As(err, &d) || !strings.Contains(d.Error(), "the policy p denies") || !strings.Contains(d.Error(), "ask first") {
				t.Errorf("%s: %v", name, err)
			}
			if err := run(t.Context(), action, name, "restart"); !errors.As(err, &d) || !strings.Contains(d.Error(), "needs approval by the policy p") {
				t.Errorf("%s, not approved: %v", name, err)
			}
			if err := run(Acting(t.Context(), []int{1}), action, name, "restart"); !errors.As(err, &d) {
				t.Errorf("%s, another one approved: %v", name, err)
			}
		}
	}
	if err := run(t.Context(), true, "env", "X=1", "tool", "delete"); !errors.As(err, &d) {
		t.Error("behind env:", err)
	}
	if _, err := g.RunScript(t.Context(), ScriptRun{Script: Script{Text: `x=delete; eval "tool $x"`}, Dir: dir}); !errors.As(err, &d) {
		t.Error("by eval:", err)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "log")); err == nil {
		t.Errorf("something ran: %s", log)
	}
	for _, name := range names {
		if err := run(Acting(t.Context(), []int{0}), true, name, "restart"); err != nil {
			t.Errorf("%s, approved: %v", name, err)
		}
		if err := run(t.Context(), false, name, "get"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if log, _ := os.ReadFile(filepath.Join(dir, "log")); strings.Count(string(log), "ran ") != 2*len(names) {
		t.Errorf("not all ran: %s", log)
	}
}

// TestPolicyHosts: hosts are denied by name and by the address that they lead to,
// also behind a redirect and for messages; approval is for actions and methods.
func TestPolicyHosts(t *testing.T) {
	reached := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached++
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://bad.example.com:"+r.URL.Port(), http.StatusFound)
		}
	}))
	defer s.Close()
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port := ":" + at.Port()
	hosts := []string{"a.example.com", "b.example.com", "bad.example.com", "other.org"}
	guardOf := func(p *permit.Policy) *Guard {
		g := New(permit.Set{Hosts: hosts}.Under(p), Options{Env: []string{}, Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			if host == "b.example.com" {
				return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}})
		t.Cleanup(g.Close)
		return g
	}
	ask := func(ctx context.Context, g *Guard, method, to string) error {
		c, err := g.Client(TLS{}, 3)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(ctx, method, "http://"+to, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Do(r)
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	var d *Denied
	denies := func(what string, err error, says string) {
		t.Helper()
		if !errors.As(err, &d) || !strings.Contains(d.Error(), says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	p := &permit.Policy{Name: "p", File: "p.yaml", Most: permit.Set{Hosts: []string{"*.example.com"}}, Deny: []permit.Rule{{Hosts: []string{"bad.example.com"}}},
		Approve: []permit.Rule{{Hosts: []string{"b.example.com"}}, {Hosts: []string{"a.example.com"}, Methods: []string{"DELETE"}}}}
	g := guardOf(p)
	denies("what is not in the list", ask(t.Context(), g, "GET", "other.org"+port), "the entry `other.org` under `permissions.hosts` of the policy p.yaml would permit it")
	denies("what is denied", ask(t.Context(), g, "GET", "bad.example.com"+port), "denies `bad.example.com`")
	denies("a message to what is denied", ask(t.Context(), g.Sending("bad.example.com"), "POST", "bad.example.com"+port), "denies")
	denies("a message to what is not in the list", ask(t.Context(), g.Sending("other.org"), "POST", "other.org"+port), "does not permit it")
	_, err = g.DialHost(t.Context(), "tcp", "bad.example.com"+port)
	denies("a connection of a library", err, "denies")
	_, err = g.Dial(t.Context(), "tcp", "other.org", 80)
	denies("a connection", err, "does not permit it")
	denies("an action that was not approved", ask(Acting(t.Context(), nil), g, "GET", "b.example.com"+port), "needs approval")
	denies("a method that was not approved", ask(t.Context(), g, "DELETE", "a.example.com"+port), "only an action can be approved")
	if reached != 0 {
		t.Errorf("the server was reached %d times", reached)
	}
	for what, err := range map[string]error{
		"a check": ask(t.Context(), g, "GET", "b.example.com"+port), "an action that was approved": ask(Acting(t.Context(), []int{0}), g, "POST", "b.example.com"+port),
		"another method": ask(t.Context(), g, "GET", "a.example.com"+port), "an approved method": ask(Acting(t.Context(), []int{1}), g, "DELETE", "a.example.com"+port),
		"a message": ask(t.Context(), g.Sending("a.example.com"), "DELETE", "a.example.com"+port),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	reached = 0
	denies("a redirect", ask(t.Context(), g, "GET", "a.example.com"+port+"/away"), "denies")
	if reached != 1 {
		t.Errorf("the server was reached %d times", reached)
	}
	byAddress := guardOf(&permit.Policy{Name: "p", File: "p.yaml", Deny: []permit.Rule{{Hosts: []string{"127.0.0.1"}}}})
	for _, host := range hosts {
		denies("the address behind "+host, ask(t.Context(), byAddress, "GET", host+port), "by its entry `127.0.0.1`")
	}
}

// TestPolicyFiles: a file is denied by its name, by the name of what its links lead
// to, and by that of a folder above.
func TestPolicyFiles(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "keys", "old"), 0o700), os.WriteFile(filepath.Join(dir, "keys", "old", "k"), []byte("SEEN"), 0o600), os.WriteFile(filepath.Join(dir, "log"), []byte("fine"), 0o600),
		os.Symlink(filepath.Join(dir, "keys"), filepath.Join(dir, "way")), os.Symlink(filepath.Join(dir, "log"), filepath.Join(dir, "keys", "log")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	run := func(p *permit.Policy, script string) (Output, error) {
		g := New(permit.Set{Read: []string{dir}, Write: []string{dir}, Env: []string{"LD_PRELOAD"}}.Under(p), Options{Env: []string{}, Dir: dir})
		defer g.Close()
		return g.RunScript(t.Context(), ScriptRun{Script: Script{Text: "cd '" + dir + "'; " + script}, Dir: dir})
	}
	deny := &permit.Policy{Name: "p", File: "p.yaml", Deny: []permit.Rule{{Read: []string{filepath.Join(dir, "keys")}, Write: []string{filepath.Join(dir, "*.conf")}}}}
	for _, script := range []string{"read -r x < keys/old/k; echo \"$x\"", "read -r x < way/old/k; echo \"$x\"", "cd keys; read -r x < ../way/old/k; echo \"$x\"", "read -r x < keys/log", "for f in keys/*; do echo \"$f\"; done", "[ -e keys/old/k ] && echo SEEN", "echo x > a.conf"} {
		var d *Denied
		if out, err := run(deny, script); !errors.As(err, &d) || !strings.Contains(d.Error(), "the policy p denies") || strings.Contains(out.Stdout, "SEEN") {
			t.Errorf("%s: %v %q", script, err, out.Stdout)
		}
	}
	if out, err := run(deny, "read -r x < log || :; echo \"$x\"; echo y > out"); err != nil || out.Stdout != "fine\n" {
		t.Error(out, err)
	}
	var d *Denied
	if _, err := run(&permit.Policy{Name: "p", File: "p.yaml", Most: permit.Set{Read: []string{filepath.Join(dir, "log")}, Write: []string{}}}, "echo y > out"); !errors.As(err, &d) || !strings.Contains(d.Error(), "under `permissions.files.write` of the policy p.yaml would permit it") {
		t.Error(err)
	}
	if _, err := run(&permit.Policy{Name: "p", File: "p.yaml", Most: permit.Set{Read: []string{filepath.Join(dir, "log")}}}, "echo y > out; read -r x < keys/old/k"); !errors.As(err, &d) || !strings.Contains(d.Error(), "keys/old/k") {
		t.Error(err)
	}
}
