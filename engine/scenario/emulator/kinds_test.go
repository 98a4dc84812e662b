package emulator_test

import (
	"context"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/checks"
	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/kind/kindtest"
	"runbook/engine/permit"
	"runbook/engine/scenario"
	"runbook/engine/scenario/emulator"
	"runbook/engine/source"
)

func pure(kinds []exec.Kind) []kind.Kind {
	var out []kind.Kind
	for _, k := range kinds {
		out = append(out, k.Kind)
	}
	return out
}

// world opens a world with the given stubs, and gives a kind in it.
func world(t *testing.T, stubs string) (*scenario.World, func(name string) exec.Kind) {
	t.Helper()
	text := "runbook: x.yaml\nscenarios:\n  one:\n    title: x\n    expect: {outcome: completed}\n" + stubs
	f := scenario.Parse(source.NewFile("x.scenarios.yaml", []byte(text)), func(d source.Diagnostic) { t.Errorf("%s: %s", d.Summary, d.Detail) }, pure(checks.All())...)
	if f == nil {
		t.FailNow()
	}
	w := scenario.Play(f.Scenarios[0])
	kinds := emulator.Kinds(w, checks.All())
	return w, func(name string) exec.Kind {
		return kinds[slices.IndexFunc(kinds, func(k exec.Kind) bool { return k.Name == name })]
	}
}

var instant = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

const many = `
    dns:
      - on: A www.example.com
        with: {resolver: "192.0.2.*"}
        reply: {answers: [203.0.113.9, 203.0.113.7]}
      - {on: A *, reply: [{status: NXDOMAIN}, {error: timeout}, {error: {kind: dns, message: nobody knows}}]}
      - {on: MX example.com, reply: {answers: [{preference: 20, host: b.example.com}, {preference: 10, host: a.example.com}], ttl: 1m}}
    tcp:
      - {on: "www.example.com:443", reply: {banner: 220 hello}}
      - {on: "*:25", reply: {connected: false}}
      - {on: "*:26", reply: {error: protocol, connected: true, received: what}}
    tls:
      - {on: "www.example.com:443", reply: [{}, {days_left: 3}, {days_left: -2}, {problem: self_signed}, {valid: false}, {chain: [{days_left: 40, names: [a.example]}, {not_after: "2026-03-06T03:00:00Z"}]}]}
    file:
      - {on: /var/lock/deploy, reply: [{age: 26h, content: '{"a": 1}'}, {exists: false}, {type: folder}, {json: {b: [1]}, modified: "2026-03-01T02:00:00Z"}]}
    sql:
      - {on: "select * from pg_stat_activity*", with: {host: "db.*"}, reply: [{rows: [{pid: 12, state: idle}]}, {value: 3}, {affected: 2}]}
      - {on: select 1, with: {file: /data/app.db}, reply: {rows: [{a: 1}, {a: 2}, {a: 3}]}}
`

// limit is how long a call has: one that nobody answers uses up all of it.
func limit(word string) time.Duration {
	if word == "timeout" {
		return 50 * time.Millisecond
	}
	return 0
}

// TestStubs: a reply is completed as the kind itself would have answered, with
// the declared types.
func TestStubs(t *testing.T) {
	w, of := world(t, many)
	g := guard.New(permit.Set{Hosts: []string{"*.example.com", "192.0.2.1", "a.example"}, Read: []string{"/var/lock", "/data"}}, emulator.InMemory(w).Doors(guard.Options{}))
	defer g.Close()
	has := func(more ...any) func(*testing.T, map[string]any) {
		return func(t *testing.T, f map[string]any) {
			t.Helper()
			for i := 0; i < len(more); i += 2 {
				if got := f[more[i].(string)]; !reflect.DeepEqual(got, more[i+1]) {
					t.Errorf("%s is %#v, want %#v", more[i], got, more[i+1])
				}
			}
		}
	}
	o := func(more ...any) map[string]any {
		out := map[string]any{}
		for i := 0; i < len(more); i += 2 {
			out[more[i].(string)] = more[i+1]
		}
		return out
	}
	cert := o("host", "WWW.example.com")
	rows := o("driver", "postgres", "host", "db.example.com", "query", "select *\n  from pg_stat_activity where x = 1")
	lite := o("driver", "sqlite", "file", "/data/app.db", "query", " select  1", "max_rows", 2)
	lock := o("path", "/var/lock/deploy", "read", true)
	for _, c := range []struct {
		kind    string
		options map[string]any
		err     string
		verify  func(*testing.T, map[string]any)
	}{
		{"dns", o("name", "www.example.com.", "resolver", "192.0.2.1"), "", has("status", "NOERROR", "answers", []any{"203.0.113.7", "203.0.113.9"}, "canonical", "www.example.com", "server", "192.0.2.1:53", "ttl", 5*time.Minute)},
		{"dns", o("name", "www.example.com"), "", has("status", "NXDOMAIN", "answers", []any{}, "canonical", "", "server", "192.0.2.53:53")},
		{"dns", o("name", "other.example.com"), "timeout", has("status", "", "answers", []any{})},
		{"dns", o("name", "other.example.com"), "dns", has("status", "")},
		{"dns", o("name", "example.com", "type", "MX"), "", func(t *testing.T, f map[string]any) {
			if first := f["answers"].([]any)[0].(map[string]any); first["host"] != "a.example.com" || f["ttl"] != time.Minute {
				t.Error(f)
			}
		}},
		{"tcp", o("host", "www.example.com", "port", "443", "banner", time.Second), "", has("connected", true, "banner", "220 hello", "received", "220 hello\r\n")},
		{"tcp", o("host", "mx.example.com", "port", "25"), "connect", has("connected", false)},
		{"tcp", o("host", "mx.example.com", "port", "26"), "protocol", has("connected", true, "received", "what")},
		{"tls", cert, "", has("valid", true, "problem", "", "days_left", 90, "chain_days_left", 90, "names", []any{"WWW.example.com"}, "version", "TLS 1.3")},
		{"tls", cert, "", has("valid", true, "days_left", 3)},
		{"tls", cert, "", has("valid", false, "problem", "expired", "days_left", -2)},
		{"tls", cert, "", has("valid", false, "problem", "self_signed", "days_left", 90)},
		{"tls", cert, "", has("valid", false, "problem", "other", "detail", "the certificate is not valid")},
		{"tls", cert, "", has("valid", true, "days_left", 40, "chain_days_left", 5, "names", []any{"a.example"})},
		{"file", lock, "", has("exists", true, "age", 26*time.Hour, "modified", instant.Add(-26*time.Hour), "size", 8, "json", map[string]any{"a": 1}, "type", "file")},
		{"file", lock, "", has("exists", false, "age", nil, "modified", nil, "type", "")},
		{"file", lock, "", has("exists", true, "type", "folder", "mode", "0755", "size", 0)},
		{"file", lock, "", has("content", `{"b":[1]}`, "age", time.Hour)},
		{"file", o("path", "/var/lock/deploy"), "", has("content", "", "json", nil, "size", 9)},
		{"sql", rows, "", has("found", 1, "columns", []any{"pid", "state"}, "value", nil)},
		{"sql", rows, "", has("found", 1, "value", 3, "columns", []any{"value"})},
		{"sql", rows, "", has("found", 0, "affected", 2, "rows", []any{})},
		{"sql", lite, "", has("found", 2, "truncated", true, "value", nil)},
	} {
		kindtest.Run(t, of(c.kind), g, []kindtest.Case{{Name: c.kind, Options: c.options, Check: true, Error: c.err, Verify: c.verify, Timeout: limit(c.err), Now: func() time.Time { return instant }}})
	}
	if m := w.Missed(); len(m) > 0 {
		t.Error(m)
	}
}

// TestDeniedBeforeAnswered: what is not permitted is denied in a scenario as it is
// in the world, in the same words.
func TestDeniedBeforeAnswered(t *testing.T) {
	w, of := world(t, many)
	g := guard.New(permit.Set{}, emulator.InMemory(w).Doors(guard.Options{}))
	defer g.Close()
	real := map[string]exec.Kind{}
	for _, k := range checks.All() {
		real[k.Name] = k
	}
	for _, c := range []struct {
		kind    string
		options map[string]any
	}{
		{"dns", map[string]any{"name": "www.example.com", "resolver": "192.0.2.1:53"}},
		{"tcp", map[string]any{"host": "www.example.com", "port": "443"}},
		{"tls", map[string]any{"host": "www.example.com"}},
		{"file", map[string]any{"path": "/var/lock/deploy"}},
		{"sql", map[string]any{"driver": "postgres", "host": "db.example.com", "query": "select * from pg_stat_activity"}},
		{"sql", map[string]any{"driver": "sqlite", "file": "/data/app.db", "query": "select 1"}},
	} {
		for _, check := range []bool{true, false} {
			r := exec.Request{Now: func() time.Time { return instant }, Options: c.options, Check: check, Guard: g}
			want, got := real[c.kind].Executor.Execute(context.Background(), r), of(c.kind).Executor.Execute(context.Background(), r)
			if want.Error == nil || got.Error == nil || *want.Error != *got.Error || want.Error.Kind != "denied" {
				t.Errorf("%s: denied with %v, and the kind itself with %v", c.kind, got.Error, want.Error)
			}
		}
	}
	if m := w.Missed(); len(m) > 0 {
		t.Error("a call that is denied was looked for: ", m)
	}
}

// TestMissed: a call that no stub answers says which is nearest.
func TestMissed(t *testing.T) {
	w, of := world(t, `
    dns: [{on: A www.example.com, with: {resolver: 192.0.2.1}, reply: {}}]
    file: [{on: /var/lock/deploy, reply: {}}]
`)
	g := guard.New(permit.Set{Read: []string{"/var"}}, emulator.InMemory(w).Doors(guard.Options{}))
	defer g.Close()
	for _, c := range []struct {
		kind    string
		options map[string]any
	}{{"dns", map[string]any{"name": "www.example.com"}}, {"file", map[string]any{"path": "/var/lock/deplo"}}, {"file", map[string]any{"path": "/var/x"}}} {
		r := of(c.kind).Executor.Execute(context.Background(), exec.Request{Now: func() time.Time { return instant }, Options: c.options, Check: true, Guard: g})
		if r.Error == nil || !strings.HasPrefix(r.Error.Message, "drill: no stub answers") {
			t.Error(r.Error)
		}
	}
	want := []string{
		"no stub answers dns A www.example.com; the nearest, A www.example.com at x.scenarios.yaml:7:11, does not fit: the option `resolver` is not given",
		"no stub answers file /var/lock/deplo; the nearest is for /var/lock/deploy at x.scenarios.yaml:8:12",
		"no stub answers file /var/x",
	}
	if got := w.Missed(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestResults: what a step comes back with is said for any kind, and goes before
// all other stubs.
func TestResults(t *testing.T) {
	w, of := world(t, `
    results:
      - {on: api, reply: [{json: {a: 1}, headers: {X-Left: "3"}}, {error: tls}]}
      - {on: "group/*#a2", reply: {exit: 3}}
      - {on: lock, reply: {age: 26h}}
      - {on: slow, reply: {delay: 1h}}
    file: [{on: /var/lock/deploy, reply: {exists: false}}]
`)
	g := guard.New(permit.Set{Hosts: []string{"example.com"}, Read: []string{"/var"}}, emulator.InMemory(w).Doors(guard.Options{}))
	defer g.Close()
	http := map[string]any{"url": "http://example.com"}
	do := func(name, step, key string, options map[string]any) exec.Result {
		ctx, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer stop()
		return of(name).Executor.Execute(ctx, exec.Request{Now: func() time.Time { return instant }, Options: options, Check: true, Guard: g, Step: step, Key: key})
	}
	first, second, denied := do("http", "api", "api#a1", http), do("http", "api", "api#a2", http), do("http", "api", "api#a3", map[string]any{"url": "http://elsewhere.example"})
	if f := first.Fields; first.Error != nil || f["status"] != 200 || f["body"] != `{"a":1}` || !maps.Equal(f["headers"].(map[string]any), map[string]any{"x-left": "3"}) {
		t.Error(first)
	}
	if second.Error == nil || second.Error.Kind != "tls" || second.Fields["status"] != 0 || denied.Error == nil || denied.Error.Kind != "denied" {
		t.Error(second, denied)
	}
	if r := do("shell", "x", "group/x#a2", nil); r.Fields["exit"] != 3 || r.Fields["stdout"] != "" {
		t.Error(r)
	}
	if r := do("file", "lock", "lock#a1", map[string]any{"path": filepath.FromSlash("/var/lock/deploy")}); r.Fields["age"] != 26*time.Hour || r.Fields["exists"] != true {
		t.Error(r)
	}
	if r := do("http", "slow", "slow#a1", http); r.Error == nil || r.Error.Kind != "timeout" {
		t.Error(r)
	}
}
