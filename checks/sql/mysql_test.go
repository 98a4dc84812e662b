//go:build unix

package sql

import (
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"runbook/engine/kind/kindtest"
)

// TestMySQL is against a real MariaDB.
func TestMySQL(t *testing.T) {
	s := startMariaDB(t)
	s.must(t, false, "create table jobs (id int primary key, state text, done boolean default false) engine=InnoDB")
	t.Run("values", func(t *testing.T) { myValues(t, s) })
	t.Run("params", func(t *testing.T) { myParams(t, s) })
	t.Run("a check cannot write", func(t *testing.T) { myReadOnly(t, s) })
	t.Run("actions", func(t *testing.T) { actions(t, s, "?", "?") })
	t.Run("failures", func(t *testing.T) { myFailures(t, s) })
	t.Run("tls", func(t *testing.T) { encrypted(t, s) })
	t.Run("bounds", func(t *testing.T) { myBounds(t, s) })
	t.Run("locks", func(t *testing.T) { myLocks(t, s) })
	t.Run("side by side", func(t *testing.T) { sideBySide(t, s) })
}

func myValues(t *testing.T, s *server) {
	s.must(t, false, `create table vals (i int, u bigint unsigned, n decimal(30,10), f float, d double, b bool, s varchar(50), x varbinary(10), bits bit(8), j json, day date, dt datetime(3), ts timestamp, tm time, y year, nothing int, e enum('a','b'), bl blob, tx text)`)
	s.must(t, false, `insert into vals values (-5, 18446744073709551615, 1.10, 0.1, 1e300, true, 'ä☃😀', x'00ff', b'00000101', '{"a": 1}', '2024-02-29', '2024-02-29 12:34:56.5', '2024-02-29 12:34:56', '12:34:56', 2024, null, 'b', x'00', 'text')`)
	want := map[string]any{
		"i": -5, "u": integer("18446744073709551615"), "n": "1.1000000000", "f": 0.1, "d": 1e300, "b": 1, "s": "ä☃😀", "x": "AP8=", "bits": "BQ==", "j": `{"a": 1}`,
		"day": "2024-02-29", "dt": "2024-02-29T12:34:56.5Z", "ts": "2024-02-29T12:34:56Z", "tm": "12:34:56", "y": 2024, "nothing": nil, "e": "b", "bl": "AA==", "tx": "text",
	}
	for _, params := range [][]any{nil, {1}} { // the text and the binary protocol
		q := "select * from vals"
		if params != nil {
			q += " where 1 = ?"
		}
		f := s.must(t, true, q, params...)
		row := f["rows"].([]any)[0].(map[string]any)
		if !reflect.DeepEqual(row, want) {
			t.Errorf("the row is\n%#v, want\n%#v", row, want)
		}
	}
	if f := s.must(t, true, "select 1 as a, 2 as a"); !reflect.DeepEqual(f["columns"], []any{"a", "a_2"}) {
		t.Errorf("columns: %v", f["columns"])
	}
	if f := s.must(t, true, "select cast('0000-00-00' as date) as z, 'x' = 'y' as no"); f["found"] != 1 {
		t.Errorf("no time: %v", f)
	}
}

func myParams(t *testing.T, s *server) {
	for _, h := range append([]string{"a\x00b"}, hostile...) {
		if f := s.must(t, true, "select ?", h); f["value"] != h {
			t.Errorf("%.40q came back as %.40q", h, f["value"])
		}
	}
	for _, c := range []struct {
		query string
		param any
		want  any
	}{
		{"select 1 + ?", 2, 3}, {"select concat('v', ?)", 2, "v2"}, {"select not ?", false, 1}, {"select ? is null", nil, 1}, {"select json_value(?, '$.a')", map[string]any{"a": "c'"}, "c'"},
		{"select json_length(?)", []any{1, "2"}, 2}, {"select cast(? as datetime)", time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), "2024-01-02T02:04:05Z"},
	} {
		if f := s.must(t, true, c.query, c.param); f["value"] != c.want {
			t.Errorf("%s with %v gave %#v, want %#v", c.query, c.param, f["value"], c.want)
		}
	}
	for _, c := range [][]any{{"select ?"}, {"select 1", 1}, {"select ?, ?", 1}} {
		if r := s.do(t, true, c[0].(string), c[1:]...); r.Error == nil || r.Error.Kind != "query" {
			t.Errorf("%v: %v", c, r.Error)
		}
	}
}

func myReadOnly(t *testing.T, s *server) {
	s.must(t, false, "create procedure sneak() begin commit; insert into jobs values (99, 'sneaked', 0); end")
	s.must(t, false, "create function sneaks() returns int modifies sql data begin insert into jobs values (98, 'sneaked', 0); return 1; end")
	before := s.must(t, true, "select count(*) from jobs")["value"]
	for _, q := range []string{"insert into jobs values (1, 'x', 0)", "call sneak()", "select sneaks()", "create table other (a int)", "drop table jobs", "truncate jobs", "delete from jobs"} {
		r := s.do(t, true, q)
		if r.Error == nil || r.Error.Kind != "query" || !strings.Contains(r.Error.Message, "1792") || !strings.Contains(r.Error.Message, "SQLSTATE 25006") {
			t.Errorf("%s in a check: %v", q, r.Error)
		}
	}
	for _, q := range []string{"select 1; insert into jobs values (1, 'x', 0)", "commit; insert into jobs values (1, 'x', 0)"} {
		for _, check := range []bool{true, false} {
			r := s.do(t, check, q)
			if r.Error == nil || r.Error.Kind != "query" || !strings.Contains(r.Error.Message, "1064") {
				t.Errorf("%s: %v", q, r.Error)
			}
		}
	}
	if r := s.do(t, false, "load data local infile '/etc/passwd' into table jobs"); r.Error == nil {
		t.Error("a file of this machine was sent to the server")
	}
	if after := s.must(t, true, "select count(*) from jobs")["value"]; after != before {
		t.Errorf("there were %v jobs, and now %v", before, after)
	}
}

func myFailures(t *testing.T, s *server) {
	kindtest.Run(t, New(), s.guard, []kindtest.Case{
		{Name: "no such table", Options: s.options("select * from nothing", nil), Check: true, Error: "query"},
		{Name: "no statement", Options: s.options("-- nothing", nil), Check: true, Error: "query"},
		{Name: "wrong password", Options: s.options("select 1", map[string]any{"password": "wrong-password"}), Check: true, Error: "auth"},
		{Name: "no such user", Options: s.options("select 1", map[string]any{"user": "nobody-here"}), Check: true, Error: "auth"},
		{Name: "no such database", Options: s.options("select 1", map[string]any{"database": "nothing"}), Check: true, Error: "query"},
		{Name: "nobody listens", Options: s.options("select 1", map[string]any{"port": "1"}), Check: true, Error: "connect"},
		{Name: "not permitted", Options: s.options("select 1", map[string]any{"host": "127.0.0.2"}), Check: true, Error: "denied"},
		{Name: "a URL", Options: map[string]any{"driver": "mysql", "query": "select 1", "url": "mysql://oncall:s3cret-W%C3%B6rd'1@127.0.0.1:" + s.port + "/test?tls=false"}, Check: true},
		{Name: "outside a transaction", Options: s.options("optimize table jobs", map[string]any{"transaction": false})},
	})
	r := s.within(t, 5*time.Second, true, s.options("select * from nothing", nil))
	if r.Error == nil || !strings.Contains(r.Error.Message, "(SQLSTATE 42S02)") {
		t.Errorf("the message is %v", r.Error)
	}
}

func myBounds(t *testing.T, s *server) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	r := s.within(t, 10*time.Second, true, s.options("select seq, repeat('x', 100) as x from seq_1_to_1000000000", map[string]any{"max_rows": 10}))
	if r.Error != nil || r.Fields["found"] != 10 || r.Fields["truncated"] != true {
		t.Errorf("an endless answer: %v, %v of them", r.Error, r.Fields["found"])
	}
	for _, check := range []bool{true, false} {
		for _, size := range []string{"100000", "15000000"} { // that comes, and that is refused while it comes
			r = s.within(t, 10*time.Second, check, s.options("select repeat('x', "+size+")", map[string]any{"max_bytes": int64(10_000)}))
			if r.Error == nil || r.Error.Kind != "query" || !strings.Contains(r.Error.Message, "max_bytes") {
				t.Errorf("a large value of %s: %v", size, r.Error)
			}
		}
	}
	runtime.ReadMemStats(&after)
	if d := after.TotalAlloc - before.TotalAlloc; d > 96<<20 {
		t.Errorf("%d MiB were allocated", d>>20)
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("it took %s", d)
	}
	idle(t, s)
	r = s.within(t, 20*time.Second, false, s.options("insert into jobs select seq, 'many', 0 from seq_1000_to_21000 returning id", map[string]any{"max_rows": 5}))
	if r.Error != nil || r.Fields["found"] != 5 || r.Fields["truncated"] != true {
		t.Errorf("an action's answer is read to its end: %v, %v", r.Error, r.Fields["affected"])
	}
	if n := s.must(t, true, "select count(*) from jobs where state = 'many'")["value"]; n != 20001 {
		t.Errorf("%v rows were committed", n)
	}
}

func myLocks(t *testing.T, s *server) {
	s.must(t, false, "insert into jobs values (5, 'held', 0)")
	holding := make(chan struct{})
	go func() {
		defer close(holding)
		s.within(t, 3*time.Second, false, s.options("update jobs set state = sleep(2) where id = 5", nil))
	}()
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	r := s.within(t, 500*time.Millisecond, false, s.options("update jobs set state = 'mine' where id = 5", nil))
	if r.Error == nil || r.Error.Kind != "timeout" || time.Since(began) > 3*time.Second {
		t.Errorf("a lock: %v after %s", r.Error, time.Since(began))
	}
	<-holding
	kindtest.Cancelled(t, New(), s.guard, s.options("select sleep(60)", nil))
	idle(t, s)
}
