package sql

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"runbook/engine/guard"
	"runbook/engine/kind/exec"
	"runbook/engine/kind/kindtest"
	"runbook/engine/permit"
)

// lite is a SQLite file of a test, with whom may open it.
type lite struct {
	file  string
	guard *guard.Guard
}

func newLite(t *testing.T, schema string) *lite {
	t.Helper()
	dir := t.TempDir()
	l := &lite{file: filepath.Join(dir, "app.db"), guard: guard.New(permit.Set{Read: []string{dir}, Write: []string{dir}}, guard.Options{})}
	l.exec(t, schema)
	return l
}

// exec changes the file past the kind.
func (l *lite) exec(t *testing.T, statements string) {
	t.Helper()
	c, err := sqlite3.Open(l.file)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Exec(statements); err != nil {
		t.Fatal(err)
	}
}

func (l *lite) do(check bool, query string, params ...any) exec.Result {
	return l.within(context.Background(), 10*time.Second, check, map[string]any{"query": query, "params": params})
}

func (l *lite) within(ctx context.Context, d time.Duration, check bool, o map[string]any) exec.Result {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	o["driver"], o["file"] = "sqlite", l.file
	return New().Executor.Execute(ctx, exec.Request{Options: o, Check: check, Guard: l.guard})
}

func (l *lite) value(t *testing.T, query string, params ...any) any {
	t.Helper()
	r := l.do(true, query, params...)
	if r.Error != nil {
		t.Fatalf("%s: %v", query, r.Error)
	}
	return r.Fields["value"]
}

func TestSQLiteValues(t *testing.T) {
	l := newLite(t, `create table v (i integer, big integer, f real, inf real, b boolean, s text, x blob, j json, nix, day date);
		insert into v values (-5, 9223372036854775807, 0.1, 9e999, 1, 'ä☃😀', x'00ff', '{"a":[1,null]}', null, '2024-02-29')`)
	r := l.do(true, "select *, 1 as i from v")
	want := map[string]any{"i": -5, "big": 9223372036854775807, "f": 0.1, "inf": "Infinity", "b": true, "s": "ä☃😀", "x": "AP8=", "j": map[string]any{"a": []any{1, nil}}, "nix": nil, "day": "2024-02-29", "i_2": 1}
	if r.Error != nil || !reflect.DeepEqual(r.Fields["rows"], []any{want}) {
		t.Errorf("%v\n%#v, want\n%#v", r.Error, r.Fields["rows"], want)
	}
	for _, h := range append([]string{"a\x00b"}, hostileTexts...) {
		if v := l.value(t, "select ?", h); v != h {
			t.Errorf("%.40q came back as %.40q", h, v)
		}
	}
	for _, c := range []struct {
		query string
		param any
		want  any
	}{{"select 1 + ?", 2, 3}, {"select typeof(?)", 1.5, "real"}, {"select typeof(?)", nil, "null"}, {"select ?", true, 1}, {"select ? ->> 'a'", map[string]any{"a": "c'"}, "c'"}, {"select json_array_length(?1)", []any{1, 2}, 2}} {
		if v := l.value(t, c.query, c.param); v != c.want {
			t.Errorf("%s with %v gave %#v, want %#v", c.query, c.param, v, c.want)
		}
	}
}

var hostileTexts = []string{"", "'; drop table v; --", `\`, `"`, "?1", "ä☃😀", "\r\n", strings.Repeat("x", 100_000)}

func TestSQLiteChecksOnlyRead(t *testing.T) {
	l := newLite(t, "create table jobs (id integer primary key, state text); create index by_state on jobs (state); insert into jobs values (1, 'a')")
	other := filepath.Join(filepath.Dir(l.file), "other.db")
	before, err := os.ReadFile(l.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		"insert into jobs values (2, 'b')", "update jobs set state = 'b' returning *", "create table x (a)", "create temp table x (a)", "drop table jobs", "vacuum", "vacuum into '" + other + "'",
		"attach '" + other + "' as o", "pragma query_only = off", "pragma journal_mode = wal", "pragma user_version = 3", "pragma writable_schema = on", "commit", "rollback", "savepoint x", "reindex", "analyze",
		"select 1; insert into jobs values (2, 'b')", "select 1; select 2", "select load_extension('/lib/x.so')", "select writefile('" + other + "', 'x')",
	} {
		if r := l.do(true, q); r.Error == nil || r.Error.Kind != "query" {
			t.Errorf("%s in a check: %v", q, r.Error)
		}
	}
	for _, q := range []string{"select 1", "select 1;", "select 1; -- the end", "/* a */ select 1 /* b */ ; ; ", "with recursive n(x) as (select 1 union all select x + 1 from n where x < 5) select max(x) from n", "pragma table_info(jobs)", "pragma integrity_check", "explain query plan select * from jobs", "values (1)"} {
		if r := l.do(true, q); r.Error != nil {
			t.Errorf("%s in a check: %v", q, r.Error)
		}
	}
	if after, err := os.ReadFile(l.file); err != nil || string(after) != string(before) {
		t.Errorf("the file has changed: %v", err)
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("another file was made")
	}
}

func TestSQLiteActions(t *testing.T) {
	l := newLite(t, "create table jobs (id integer primary key, state text)")
	r := l.do(false, "insert into jobs values (?, ?), (2, 'b')", 1, "it's")
	if r.Error != nil || r.Fields["affected"] != 2 || l.value(t, "select state from jobs where id = 1") != "it's" {
		t.Errorf("an insert: %+v", r)
	}
	if r := l.do(false, "update jobs set state = 'x' returning id"); r.Error != nil || r.Fields["affected"] != 2 || r.Fields["found"] != 2 {
		t.Errorf("an update: %+v", r)
	}
	r = l.do(false, "insert into jobs values (3, 'c'), (1, 'twice')")
	if r.Error == nil || r.Error.Kind != "query" || !strings.Contains(r.Error.Message, "SQLITE_CONSTRAINT") || l.value(t, "select count(*) from jobs") != 2 {
		t.Errorf("a key that is there already: %+v", r)
	}
	other := filepath.Join(filepath.Dir(l.file), "other.db")
	for _, q := range []string{"insert into jobs values (4, 'd'); delete from jobs", "attach '" + other + "' as o", "vacuum into '" + other + "'", "commit", "insert into jobs values (5, ?)"} {
		if r := l.do(false, q); r.Error == nil || r.Error.Kind != "query" {
			t.Errorf("%s in an action: %v", q, r.Error)
		}
	}
	if n := l.value(t, "select count(*) from jobs"); n != 2 {
		t.Errorf("%v rows", n)
	}
	r = l.within(context.Background(), 5*time.Second, false, map[string]any{"query": "pragma journal_mode = wal", "transaction": false})
	if r.Error != nil || r.Fields["value"] != "wal" {
		t.Errorf("outside a transaction: %+v", r)
	}
	if r := l.do(false, "insert into jobs values (9, 'wal')"); r.Error != nil || l.value(t, "select count(*) from jobs") != 3 {
		t.Errorf("with a write-ahead log: %+v", r)
	}
}

func TestSQLiteFailures(t *testing.T) {
	l := newLite(t, "create table jobs (id integer)")
	dir := filepath.Dir(l.file)
	if err := os.WriteFile(filepath.Join(dir, "no.db"), []byte(strings.Repeat("not a database", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside.db")
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	there := &lite{file: filepath.Join(t.TempDir(), "there.db")}
	there.exec(t, "create table jobs (id integer)")
	if err := os.Symlink(there.file, filepath.Join(dir, "there.db")); err != nil {
		t.Fatal(err)
	}
	o := func(file string) map[string]any {
		return map[string]any{"driver": "sqlite", "file": file, "query": "select count(*) from jobs"}
	}
	kindtest.Run(t, New(), l.guard, []kindtest.Case{
		{Name: "it answers", Options: o(l.file), Check: true},
		{Name: "there is none", Options: o(filepath.Join(dir, "missing.db")), Check: true, Error: "connect"},
		{Name: "there is none, in an action", Options: o(filepath.Join(dir, "missing.db")), Error: "connect"},
		{Name: "no database", Options: o(filepath.Join(dir, "no.db")), Check: true, Error: "connect"},
		{Name: "a folder", Options: o(dir), Check: true, Error: "connect"},
		{Name: "not permitted", Options: o(outside), Check: true, Error: "denied"},
		{Name: "a link to nothing", Options: o(link), Check: true, Error: "denied"},
		{Name: "not permitted behind a link", Options: o(filepath.Join(dir, "there.db")), Check: true, Error: "denied"},
		{Name: "a URI is a path", Options: o("file:" + l.file + "?mode=rwc"), Check: true, Error: "denied"},
		{Name: "no name", Options: o(""), Check: true, Error: "connect"},
	})
	if _, err := os.Stat(filepath.Join(dir, "missing.db")); err == nil {
		t.Error("a database was made that was not there")
	}
	l.guard = guard.New(permit.Set{Read: []string{dir}}, guard.Options{})
	if r := l.do(false, "delete from jobs"); r.Error == nil || r.Error.Kind != "denied" || !strings.Contains(r.Error.Message, "permissions.files.write") {
		t.Errorf("an action without the permission to write: %v", r.Error)
	}
	if r := l.do(true, "select missing from jobs"); r.Error == nil || !strings.Contains(r.Error.Message, "no such column") {
		t.Errorf("the message is %v", r.Error)
	}
}

func TestSQLiteBounds(t *testing.T) {
	l := newLite(t, "create table jobs (id integer)")
	endless := "with recursive n(x) as (select 1 union all select x + 1 from n) select x, printf('%.100c', 'y') as y from n"
	r := l.within(context.Background(), 5*time.Second, true, map[string]any{"query": endless, "max_rows": 10})
	if r.Error != nil || r.Fields["found"] != 10 || r.Fields["truncated"] != true {
		t.Errorf("an endless answer: %v", r.Error)
	}
	r = l.within(context.Background(), 5*time.Second, true, map[string]any{"query": endless, "max_bytes": int64(1090)})
	if r.Error != nil || r.Fields["found"] != 10 || r.Fields["truncated"] != true {
		t.Errorf("a large answer: %v %v", r.Error, r.Fields["found"])
	}
	for _, size := range []int{20_000, 500_000_000} {
		r = l.within(context.Background(), 5*time.Second, true, map[string]any{"query": fmt.Sprintf("select zeroblob(%d) || 'x'", size), "max_bytes": int64(10_000)})
		if r.Error == nil || r.Error.Kind != "query" || !strings.Contains(r.Error.Message, "max_bytes") {
			t.Errorf("a value of %d: %v", size, r.Error)
		}
	}
	for _, check := range []bool{true, false} {
		began := time.Now()
		r := l.within(context.Background(), 300*time.Millisecond, check, map[string]any{"query": "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"})
		if r.Error == nil || r.Error.Kind != "timeout" || time.Since(began) > 3*time.Second {
			t.Errorf("a statement without an end: %v after %s", r.Error, time.Since(began))
		}
	}
}

func TestSQLiteLocks(t *testing.T) {
	l := newLite(t, "create table jobs (id integer)")
	holder, err := sqlite3.Open(l.file)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if err := holder.Exec("begin exclusive; insert into jobs values (1)"); err != nil {
		t.Fatal(err)
	}
	for _, check := range []bool{true, false} {
		began := time.Now()
		r := l.within(context.Background(), 300*time.Millisecond, check, map[string]any{"query": "select count(*) from jobs"})
		if r.Error == nil || r.Error.Kind != "timeout" || time.Since(began) > 3*time.Second {
			t.Errorf("a lock: %v after %s", r.Error, time.Since(began))
		}
	}
	kindtest.Cancelled(t, New(), l.guard, map[string]any{"driver": "sqlite", "file": l.file, "query": "select count(*) from jobs"})
	committed := make(chan error, 1)
	go func() {
		time.Sleep(200 * time.Millisecond)
		committed <- holder.Exec("commit")
	}()
	if n := l.value(t, "select count(*) from jobs"); n != 1 {
		t.Errorf("behind the lock there are %v rows", n)
	}
	if err := <-committed; err != nil {
		t.Error(err)
	}
}

func TestSQLiteSideBySide(t *testing.T) {
	l := newLite(t, "create table jobs (id integer)")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if r := l.do(i%2 == 0, []string{"select count(*) from jobs", "insert into jobs values (1)"}[i%2]); r.Error != nil {
				t.Errorf("%d: %v", i, r.Error)
			}
		})
	}
	wg.Wait()
	if n := l.value(t, "select count(*) from jobs"); n != 8 {
		t.Errorf("%v of 8 were written", n)
	}
}
