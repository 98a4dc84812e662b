//go:build unix

package sql

import (
	"context"
	"net"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"runbook/engine/guard"
	"runbook/engine/kind/kindtest"
	"runbook/engine/permit"
)

// TestPostgres is against a real server.
func TestPostgres(t *testing.T) {
	s := startPostgres(t)
	s.must(t, false, `create table jobs (id int primary key, state text, done boolean default false)`)
	s.must(t, false, `create function sneak() returns int language plpgsql as $f$ begin insert into jobs values (99, 'sneaked'); return 1; end $f$`)
	t.Run("values", func(t *testing.T) { pgValues(t, s) })
	t.Run("params", func(t *testing.T) { pgParams(t, s) })
	t.Run("a check cannot write", func(t *testing.T) { pgReadOnly(t, s) })
	t.Run("actions", func(t *testing.T) { actions(t, s, "$1", "$2") })
	t.Run("failures", func(t *testing.T) { pgFailures(t, s) })
	t.Run("tls", func(t *testing.T) { encrypted(t, s) })
	t.Run("bounds", func(t *testing.T) { pgBounds(t, s) })
	t.Run("locks", func(t *testing.T) { pgLocks(t, s) })
	t.Run("side by side", func(t *testing.T) { sideBySide(t, s) })
	t.Run("environment", func(t *testing.T) { pgEnvironment(t, s) })
}

func pgValues(t *testing.T, s *server) {
	f := s.must(t, true, `select 1::int2 as i2, 9007199254740993::int8 as i8, 1.10::numeric(10,2) as n, 'NaN'::numeric as nn, 0.1::float4 as f4, 1e300::float8 as f8, 'NaN'::float8 as nan, '-Infinity'::float8 as inf,
		true as t, false as f, null::int as nil, 'ä☃😀'::text as s, '\x00ff'::bytea as b, '{"a":[1,2.5,"x",null]}'::jsonb as j, '[12345678901234567890]'::json as big,
		'2024-02-29'::date as d, '2024-02-29 12:34:56.5'::timestamp as ts, '2024-02-29 12:34:56+02'::timestamptz as tz, 'infinity'::timestamptz as never,
		array[1,2] as arr, '9b2f1f0e-0000-4000-8000-000000000001'::uuid as u, interval '90 minutes' as iv, 1 as "a", 2 as "a", '10.0.0.1'::inet as ip`)
	want := map[string]any{
		"i2": 1, "i8": 9007199254740993, "n": "1.10", "nn": "NaN", "f4": 0.1, "f8": 1e300, "nan": "NaN", "inf": "-Infinity", "t": true, "f": false, "nil": nil, "s": "ä☃😀", "b": "AP8=",
		"j": map[string]any{"a": []any{1, 2.5, "x", nil}}, "d": "2024-02-29", "ts": "2024-02-29T12:34:56.5Z", "tz": "2024-02-29T10:34:56Z", "never": "infinity",
		"arr": "{1,2}", "u": "9b2f1f0e-0000-4000-8000-000000000001", "iv": "01:30:00", "a": 1, "a_2": 2, "ip": "10.0.0.1",
	}
	row := f["rows"].([]any)[0].(map[string]any)
	delete(row, "big") // exact, as JSON's own test says
	if !reflect.DeepEqual(row, want) {
		t.Errorf("the row is\n%#v, want\n%#v", row, want)
	}
	if f := s.must(t, true, "select count(*) from jobs"); f["value"] != 0 || f["found"] != 1 || f["affected"] != 0 {
		t.Errorf("a single value: %v", f)
	}
	if f := s.must(t, true, "select id, state from jobs"); f["found"] != 0 || !reflect.DeepEqual(f["columns"], []any{"id", "state"}) || f["value"] != nil {
		t.Errorf("no rows: %v", f)
	}
	if f := s.must(t, true, "select from (values (1),(2)) x"); f["found"] != 2 {
		t.Errorf("rows without columns: %v", f)
	}
}

// hostile are values that must arrive as they are.
var hostile = []string{"", "'; drop table jobs; --", `\`, `\'`, `"`, "$1", "?", "{{ .x }}", "ä☃😀", "\r\n\t", "{1,2}", "NULL", "%s%n", "' or 1=1 /*", strings.Repeat("x", 100_000)}

func pgParams(t *testing.T, s *server) {
	for _, h := range hostile {
		if f := s.must(t, true, "select $1::text", h); f["value"] != h {
			t.Errorf("%.40q came back as %.40q", h, f["value"])
		}
		if f := s.must(t, true, "select ($1::text[])[2]", []any{"a", h}); f["value"] != h {
			t.Errorf("%.40q in a list came back as %.40q", h, f["value"])
		}
	}
	for _, c := range []struct {
		query string
		param any
		want  any
	}{
		{"select 1 + $1", 2, 3}, {"select 'v' || $1", 2, "v2"}, {"select $1::int", "7", 7}, {"select not $1", false, true}, {"select $1::numeric", 0.1, "0.1"},
		{"select $1::int is null", nil, true}, {"select ($1::jsonb)->'a'->>'b'", map[string]any{"a": map[string]any{"b": "c'"}}, "c'"}, {"select 2 = any($1)", []any{1, 2}, true},
		{"select cardinality($1::int[])", []any{[]any{1, 2}, []any{3, 4}}, 4}, {"select $1::interval > interval '1 minute'", 90 * time.Second, true},
		{"select $1::timestamptz", time.Date(2024, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600)), "2024-01-02T02:04:05.000006Z"},
	} {
		if f := s.must(t, true, c.query, c.param); f["value"] != c.want {
			t.Errorf("%s with %v gave %#v, want %#v", c.query, c.param, f["value"], c.want)
		}
	}
	for _, c := range []struct {
		query string
		state string
		with  []any
	}{{"select $1::text", "22021", []any{"a\x00b"}}, {"select $1::text", "22021", []any{"\xff"}}, {"select $1::int", "22P02", []any{"x"}}, {"select $1::int, $2::int", "08P01", []any{"1"}}, {"select 1", "", []any{"1"}}} {
		r := s.do(t, true, c.query, c.with...)
		if r.Error == nil || !strings.Contains(r.Error.Message, c.state) {
			t.Errorf("%s with %q: %v", c.query, c.with, r.Error)
		}
	}
}

func pgReadOnly(t *testing.T, s *server) {
	before := s.must(t, true, "select count(*) from jobs")["value"]
	for _, q := range []string{
		"insert into jobs values (1, 'x')", "with w as (insert into jobs values (1, 'x') returning 1) select * from w", "select sneak()", "create table other (a int)", "drop table jobs",
		"do $$ begin set transaction read write; insert into jobs values (1, 'x'); end $$", "do $$ begin perform set_config('transaction_read_only', 'off', true); insert into jobs values (1, 'x'); end $$",
		"select set_config('transaction_read_only', 'off', true), sneak()", "select nextval(pg_get_serial_sequence('jobs', 'id')), sneak()",
	} {
		r := s.do(t, true, q)
		if r.Error == nil || r.Error.Kind != "query" || !strings.Contains(r.Error.Message, "SQLSTATE 25") {
			t.Errorf("%s in a check: %v", q, r.Error)
		}
	}
	for _, q := range []string{"set transaction read write", "commit", "commit and chain"} { // these alone change nothing
		s.do(t, true, q)
	}
	for _, q := range []string{"select 1; insert into jobs values (1, 'x')", "commit; insert into jobs values (1, 'x')"} {
		r := s.do(t, true, q)
		if r.Error == nil || r.Error.Kind != "query" || !strings.Contains(r.Error.Message, "42601") {
			t.Errorf("%s: %v", q, r.Error)
		}
		r = s.do(t, false, q)
		if r.Error == nil || r.Error.Kind != "query" || !strings.Contains(r.Error.Message, "42601") {
			t.Errorf("%s in an action: %v", q, r.Error)
		}
	}
	if after := s.must(t, true, "select count(*) from jobs")["value"]; after != before {
		t.Errorf("there were %v jobs, and now %v", before, after)
	}
}

func pgFailures(t *testing.T, s *server) {
	kindtest.Run(t, New(), s.guard, []kindtest.Case{
		{Name: "no such table", Options: s.options("select * from nothing", nil), Check: true, Error: "query"},
		{Name: "no statement", Options: s.options("-- nothing", nil), Check: true, Error: "query"},
		{Name: "wrong password", Options: s.options("select 1", map[string]any{"password": "wrong-password"}), Check: true, Error: "auth"},
		{Name: "no such user", Options: s.options("select 1", map[string]any{"user": "nobody"}), Check: true, Error: "auth"},
		{Name: "no such database", Options: s.options("select 1", map[string]any{"database": "nothing"}), Check: true, Error: "query"},
		{Name: "nobody listens", Options: s.options("select 1", map[string]any{"port": "1"}), Check: true, Error: "connect"},
		{Name: "not permitted", Options: s.options("select 1", map[string]any{"host": "127.0.0.2"}), Check: true, Error: "denied"},
		{Name: "params that are no list", Options: s.options("select 1", map[string]any{"params": "x"}), Check: true, Error: "query"},
		{Name: "a host out of a template that is empty", Options: s.options("select 1", map[string]any{"host": ""}), Check: true, Error: "connect"},
		{Name: "a deferred constraint, at commit", Options: s.options("create temp table x (a int) on commit drop", nil)},
		{Name: "outside a transaction", Options: s.options("vacuum jobs", map[string]any{"transaction": false})},
		{Name: "vacuum in a transaction", Options: s.options("vacuum jobs", nil), Error: "query"},
		{Name: "a URL", Options: map[string]any{"driver": "postgres", "query": "select 1", "url": "postgres://oncall:s3cret-W%C3%B6rd'1@" + net.JoinHostPort(s.host, s.port) + "/test?sslmode=disable"}, Check: true},
	})
	r := s.within(t, 5*time.Second, true, s.options("select * from nothing", nil))
	if r.Error == nil || !strings.Contains(r.Error.Message, `relation "nothing" does not exist (SQLSTATE 42P01)`) {
		t.Errorf("the message is %v", r.Error)
	}
	if r := s.do(t, true, "select $1::int", secretWord); r.Error == nil || strings.Contains(r.Error.Message, secretWord) {
		t.Errorf("a password stands in %v", r.Error)
	}
}

func pgBounds(t *testing.T, s *server) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	r := s.within(t, 10*time.Second, true, s.options("select generate_series(1, 1000000000) as g, repeat('x', 100) as x", map[string]any{"max_rows": 10}))
	if r.Error != nil || r.Fields["found"] != 10 || r.Fields["truncated"] != true {
		t.Errorf("an endless answer: %v, %v of them", r.Error, r.Fields["found"])
	}
	r = s.within(t, 10*time.Second, true, s.options("select repeat('x', 1000 + 0 * generate_series(1, 1000000000))", map[string]any{"max_bytes": int64(10_500), "max_rows": 100_000}))
	if r.Error != nil || r.Fields["found"] != 10 || r.Fields["truncated"] != true {
		t.Errorf("a large answer: %v, %v of them", r.Error, r.Fields["found"])
	}
	for _, check := range []bool{true, false} {
		for _, size := range []string{"100000", "20000000"} { // that comes in a message, and that is refused before
			r = s.within(t, 10*time.Second, check, s.options("select 1 as a, repeat('x', "+size+") as b", map[string]any{"max_bytes": int64(10_000)}))
			if r.Error == nil || r.Error.Kind != "query" || !strings.Contains(r.Error.Message, "max_bytes") {
				t.Errorf("a large value of %s: %v", size, r.Error)
			}
		}
	}
	runtime.ReadMemStats(&after)
	if d := after.TotalAlloc - before.TotalAlloc; d > 64<<20 {
		t.Errorf("%d MiB were allocated", d>>20)
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("it took %s", d)
	}
	idle(t, s)
	r = s.within(t, 20*time.Second, false, s.options("insert into jobs select g, 'many' from generate_series(1000, 21000) g returning id", map[string]any{"max_rows": 5}))
	if r.Error != nil || r.Fields["affected"] != 20001 || r.Fields["found"] != 5 || r.Fields["truncated"] != true {
		t.Errorf("an action's answer is read to its end: %v, %v", r.Error, r.Fields["affected"])
	}
	if n := s.must(t, true, "select count(*) from jobs where state = 'many'")["value"]; n != 20001 {
		t.Errorf("%v rows were committed", n)
	}
}

// idle demands that no statement of ours goes on at the server.
func idle(t *testing.T, s *server) {
	t.Helper()
	q := "select count(*) from pg_stat_activity where application_name = 'runbook' and pid <> pg_backend_pid() and state <> 'idle'"
	if s.driver == "mysql" {
		q = "select count(*) from information_schema.processlist where user = 'oncall' and id <> connection_id() and command <> 'Sleep'"
	}
	var n any
	for range 30 {
		if n = s.must(t, true, q)["value"]; n == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%v statements go on at the server", n)
}

func pgLocks(t *testing.T, s *server) {
	cfg, err := pgConfig(&job{guard: s.guard, target: mustTarget(t, s.options("", nil)), table: &table{}})
	if err != nil {
		t.Fatal(err)
	}
	holder, err := pgconn.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close(context.Background())
	if err := holder.Exec(t.Context(), "begin; lock table jobs").Close(); err != nil {
		t.Fatal(err)
	}
	for _, check := range []bool{true, false} {
		began := time.Now()
		r := s.within(t, 500*time.Millisecond, check, s.options("select * from jobs", nil))
		if r.Error == nil || r.Error.Kind != "timeout" || time.Since(began) > 3*time.Second {
			t.Errorf("a lock: %v after %s", r.Error, time.Since(began))
		}
	}
	kindtest.Cancelled(t, New(), s.guard, s.options("select pg_sleep(60)", nil))
	var waiting any
	q := "select count(*) from pg_stat_activity where application_name = 'runbook' and wait_event_type in ('Lock', 'Timeout')"
	for range 20 {
		if waiting = s.must(t, true, q)["value"]; waiting == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if waiting != 0 {
		t.Errorf("%v statements still wait at the server", waiting)
	}
}

func mustTarget(t *testing.T, o map[string]any) *target {
	t.Helper()
	x, err := targetOf(o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// pgEnvironment: what the user's environment says to psql has no part.
func pgEnvironment(t *testing.T, s *server) {
	t.Setenv("PGHOST", "192.0.2.1")
	t.Setenv("PGOPTIONS", "-c transaction_read_only=on")
	t.Setenv("PGSSLMODE", "verify-full")
	t.Setenv("PGTARGETSESSIONATTRS", "standby")
	t.Setenv("PGPASSWORD", "wrong")
	s.must(t, false, "create table fresh (a int)")
}

// Shared with MySQL.

func actions(t *testing.T, s *server, one, two string) {
	f := s.must(t, false, "insert into jobs (id, state) values ("+one+", "+two+")", 7, "it's")
	if f["affected"] != 1 || f["found"] != 0 {
		t.Errorf("an insert: %v", f)
	}
	if v := s.must(t, true, "select state from jobs where id = 7")["value"]; v != "it's" {
		t.Errorf("it was not committed: %v", v)
	}
	if f := s.must(t, false, "update jobs set state = 'x' where id >= 7"); f["affected"] != 1 {
		t.Errorf("an update: %v", f)
	}
	r := s.do(t, false, "insert into jobs (id, state) values (8, 'a'), (7, 'twice')")
	if r.Error == nil || r.Error.Kind != "query" || !strings.Contains(r.Error.Message, "(SQLSTATE 23") {
		t.Errorf("a key that is there already: %v", r.Error)
	}
	if v := s.must(t, true, "select count(*) from jobs where id = 8")["value"]; v != 0 {
		t.Errorf("half of a failed statement was committed: %v", v)
	}
	if f := s.must(t, false, "delete from jobs where id = 7"); f["affected"] != 1 {
		t.Errorf("a delete: %v", f)
	}
}

func encrypted(t *testing.T, s *server) {
	g := guard.New(permit.Set{Hosts: []string{"127.0.0.1", "db.example.com"}}, guard.Options{Resolve: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}})
	q := "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
	if s.driver == "mysql" {
		q = "select variable_value <> '' from information_schema.session_status where variable_name = 'Ssl_cipher'"
	}
	with := func(host string, tls map[string]any) map[string]any {
		return s.options(q, map[string]any{"host": host, "tls": tls})
	}
	is := func(want bool) func(*testing.T, map[string]any) {
		return func(t *testing.T, f map[string]any) {
			if v := f["value"]; (v == true || v == 1) != want {
				t.Errorf("encrypted is %v, want %v", v, want)
			}
		}
	}
	kindtest.Run(t, New(), g, []kindtest.Case{
		{Name: "its own authority", Options: with("db.example.com", map[string]any{"ca": s.ca}), Check: true, Verify: is(true)},
		{Name: "its own name", Options: with("127.0.0.1", map[string]any{"ca": s.ca, "server_name": "db.example.com"}), Check: true, Verify: is(true)},
		{Name: "another name", Options: with("127.0.0.1", map[string]any{"ca": s.ca}), Check: true, Error: "tls"},
		{Name: "trusted by nobody", Options: with("db.example.com", nil), Check: true, Error: "tls"},
		{Name: "with whomever", Options: with("127.0.0.1", map[string]any{"mode": "encrypt"}), Check: true, Verify: is(true)},
		{Name: "not encrypted", Options: with("127.0.0.1", map[string]any{"mode": "none"}), Check: true, Verify: is(false)},
		{Name: "no CA there", Options: with("127.0.0.1", map[string]any{"ca": "/nonexistent"}), Check: true, Error: "tls"},
	})
}

func sideBySide(t *testing.T, s *server) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			one := "$1::int"
			if s.driver == "mysql" {
				one = "?"
			}
			r := s.do(t, true, "select "+one, i)
			if r.Error != nil || r.Fields["value"] != i {
				t.Errorf("%d: %v, %v", i, r.Error, r.Fields["value"])
			}
		})
	}
	wg.Wait()
}
