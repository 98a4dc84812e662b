package file

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
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

func write(t *testing.T, path string, content []byte, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}

func is(more ...any) func(*testing.T, map[string]any) {
	return func(t *testing.T, f map[string]any) {
		t.Helper()
		for i := 0; i < len(more); i += 2 {
			if f[more[i].(string)] != more[i+1] {
				t.Errorf("%s is %v, want %v", more[i], f[more[i].(string)], more[i+1])
			}
		}
	}
}

func TestFile(t *testing.T) {
	kindtest.Declaration(t, New())
	dir, out := t.TempDir(), t.TempDir()
	write(t, filepath.Join(out, "secret"), []byte("secret"), 0o600)
	write(t, filepath.Join(dir, "plain.txt"), []byte("one\ntwo"), 0o640)
	write(t, filepath.Join(dir, "data.json"), []byte(`{"n": 1, "big": 12345678901234567890}`), 0o644)
	write(t, filepath.Join(dir, "empty"), nil, 0o644)
	write(t, filepath.Join(dir, "binary"), []byte{1, 0, 2}, 0o644)
	write(t, filepath.Join(dir, "latin"), []byte{'a', 0xe4}, 0o644)
	write(t, filepath.Join(dir, "umlauts"), []byte("ää"), 0o644)
	write(t, filepath.Join(dir, "deep.json"), []byte(strings.Repeat("[", 100_000)), 0o644)
	write(t, filepath.Join(dir, "old"), []byte("x"), 0o644)
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "old"), old, old); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "huge"), nil, 0o644)
	if err := os.Truncate(filepath.Join(dir, "huge"), 1<<40); err != nil { // no disk is needed for holes
		t.Logf("no huge file here: %v", err)
	}
	g := guard.New(permit.Set{Read: []string{dir}}, guard.Options{Env: []string{}})
	defer g.Close()
	at := func(name string, more ...any) map[string]any {
		o := map[string]any{"path": filepath.Join(dir, name)}
		for i := 0; i < len(more); i += 2 {
			o[more[i].(string)] = more[i+1]
		}
		return o
	}
	kindtest.Run(t, New(), g, []kindtest.Case{
		{Name: "only looks", Options: at("plain.txt"), Verify: is("exists", true, "type", "file", "size", 7, "mode", "0640", "content", "", "truncated", false)},
		{Name: "reads", Options: at("plain.txt", "read", true), Verify: is("content", "one\ntwo", "json", nil, "binary", false)},
		{Name: "reads a part", Options: at("plain.txt", "read", true, "max_size", int64(3)), Verify: is("content", "one", "truncated", true, "size", 7)},
		{Name: "reads exactly", Options: at("plain.txt", "read", true, "max_size", int64(7)), Verify: is("content", "one\ntwo", "truncated", false)},
		{Name: "cuts no character", Options: at("umlauts", "read", true, "max_size", int64(3)), Verify: is("content", "ä", "truncated", true, "binary", false)},
		{Name: "json", Options: at("data.json", "read", true), Verify: func(t *testing.T, f map[string]any) {
			if j, ok := f["json"].(map[string]any); !ok || j["n"] != 1 || j["big"] != json.Number("12345678901234567890") {
				t.Errorf("%v", f["json"])
			}
		}},
		{Name: "json, not asked for", Options: at("data.json"), Verify: is("json", nil)},
		{Name: "json, cut", Options: at("data.json", "read", true, "max_size", int64(1)), Verify: is("json", nil, "content", "{")},
		{Name: "deep json", Options: at("deep.json", "read", true), Verify: is("json", nil, "binary", false)},
		{Name: "empty", Options: at("empty", "read", true), Verify: is("exists", true, "size", 0, "content", "", "binary", false)},
		{Name: "binary", Options: at("binary", "read", true), Verify: is("binary", true, "content", "")},
		{Name: "not UTF-8", Options: at("latin", "read", true), Verify: is("binary", true, "content", "")},
		{Name: "old", Options: at("old"), Verify: func(t *testing.T, f map[string]any) {
			if age := f["age"].(time.Duration); age < 48*time.Hour || age > 49*time.Hour || !f["modified"].(time.Time).Equal(old) {
				t.Errorf("%v %v", age, f["modified"])
			}
		}},
		{Name: "huge", Options: at("huge", "read", true), Verify: is("truncated", true, "size", 1<<40)},
		{Name: "missing", Options: at("nothing", "read", true), Verify: is("exists", false, "type", "", "modified", nil, "age", nil, "mode", "")},
		{Name: "missing folder", Options: at("no/such/file"), Verify: is("exists", false)},
		{Name: "folder", Options: map[string]any{"path": dir, "read": true}, Verify: is("exists", true, "type", "folder", "size", 0, "content", "")},
		{Name: "not permitted", Options: map[string]any{"path": filepath.Join(out, "secret"), "read": true}, Error: "denied", Verify: is("exists", false, "content", "")},
		{Name: "up and out", Options: map[string]any{"path": dir + "/../" + filepath.Base(out) + "/secret"}, Error: "denied"},
		{Name: "name with NUL", Options: at("a\x00b"), Error: "access"},
		{Name: "long name", Options: at(strings.Repeat("a", 5000)), Error: "access"},
	})
}

// TestTimeout: a call that has no time left says so, and does not wait.
func TestTimeout(t *testing.T) {
	dir := t.TempDir()
	g := guard.New(permit.Set{Read: []string{dir}}, guard.Options{Env: []string{}})
	defer g.Close()
	for want, limit := range map[string]time.Duration{"timeout": -time.Second, "canceled": time.Hour} {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		if want == "canceled" {
			cancel()
		}
		r := failure(ctx, ctx.Err())
		if r == nil || r.Kind != want || r.Message == "" {
			t.Errorf("%s: %+v", want, r)
		}
		got := executor{}.Execute(ctx, exec.Request{Guard: g, Options: map[string]any{"path": dir}, Check: true})
		if got.Error != nil && got.Error.Kind != want || got.Duration > time.Second {
			t.Errorf("%s: %+v", want, got)
		}
		cancel()
	}
}

func leaf(v any) kind.Leaf { return kind.Leaf{Value: v, Known: true} }

func TestStaticChecks(t *testing.T) {
	for _, c := range []struct {
		check   bool
		options map[string]kind.Leaf
		says    string
	}{
		{true, map[string]kind.Leaf{"path": leaf("/a")}, ""},
		{false, map[string]kind.Leaf{"path": leaf("/a")}, "only looks"},
		{true, map[string]kind.Leaf{"path": leaf("")}, "path is empty"},
		{true, map[string]kind.Leaf{"path": leaf("/a"), "max_size": leaf(int64(5))}, "no meaning"},
		{true, map[string]kind.Leaf{"path": leaf("/a"), "max_size": leaf(int64(5)), "read": leaf(true)}, ""},
	} {
		var found []source.Diagnostic
		check(kind.Use{Check: c.check, Options: c.options}, func(d source.Diagnostic) { found = append(found, d) })
		if (c.says == "") != (len(found) == 0) || len(found) > 0 && (!strings.Contains(found[0].Summary, c.says) || found[0].Detail == "") {
			t.Errorf("%v: %v", c.options, found)
		}
	}
	if e := effects(kind.Use{Options: map[string]kind.Leaf{"path": leaf("/a")}}); len(e) != 1 || e[0].File != "/a" {
		t.Errorf("%v", e)
	}
	if e := effects(kind.Use{Options: map[string]kind.Leaf{"path": {Prefix: "/a"}}}); len(e) != 1 || e[0].File != "" {
		t.Errorf("%v", e)
	}
}

func listenUnix(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}
