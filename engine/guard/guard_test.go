package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/engine/permit"
)

func guardFor(t *testing.T, p permit.Set, o Options) *Guard {
	t.Helper()
	if o.Grace == 0 {
		o.Grace = 300 * time.Millisecond
	}
	g := New(p, o)
	t.Cleanup(g.Close)
	return g
}

func script(t *testing.T, g *Guard, text string, values ...any) (Output, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return g.RunScript(ctx, ScriptRun{Script: Script{Text: text, Values: values}, Action: true, Dir: t.TempDir()})
}

func TestScriptRuns(t *testing.T) {
	g := guardFor(t, permit.Set{Act: []string{"cat", "printenv", "true"}}, Options{Hide: []string{"MY_SECRET"}, Env: []string{"PATH=" + os.Getenv("PATH"), "MY_SECRET=x", "A=1"}})
	for _, c := range []struct {
		text string
		exit int
		out  string
	}{
		{`echo hi | cat`, 0, "hi\n"}, {`exit 3`, 3, ""}, {`false; echo no`, 1, ""}, {`echo "${__rb0}"`, 0, "a 'b' $(x)\n"}, {`x=$(printf %s a); echo "$x"`, 0, "a\n"},
		{`printenv MY_SECRET || echo none`, 0, "none\n"}, {`B=2 printenv B`, 0, "2\n"}, {`printenv A`, 0, "1\n"}, {`LD_PRELOAD=/x PATH=/evil true; printenv LD_PRELOAD || echo none`, 0, "none\n"},
		{`echo x > "$TMPDIR/f"; cat < "$TMPDIR/f"`, 0, "x\n"}, {`echo a > "$TMPDIR/f"; for f in "$TMPDIR"/*; do echo "${f##*/}"; done`, 0, "f\n"},
		{`echo in | cat < /dev/stdin`, 0, "in\n"}, {`echo out > /dev/stdout; echo err > /dev/stderr; echo more >> /dev/fd/1`, 0, "out\nmore\n"}, {`cat <(echo piped)`, 0, "piped\n"},
		{`cd "$TMPDIR"; echo x > y; [ -r y ] && [ -s ./y ] && [ -L y ] || cat < ../"${TMPDIR##*/}"/y`, 0, "x\n"}, {`echo 1 > "$TMPDIR/a"; echo 2 >> "$TMPDIR/a"; cat < "$TMPDIR/a"`, 0, "1\n2\n"},
		{`[ -e "" ] || [ -r "" ] || [ -f "" ] || echo none`, 0, "none\n"}, {`[ -O /dev/stdin ] && [ -G /dev/stdin ]; [ -N /dev/stdin ] || echo old`, 0, "old\n"},
		{`command -v true >/dev/null && type cat >/dev/null && echo found`, 0, "found\n"}, {`[ -e /dev/null ] && [ -w /dev/stdout ] && echo there`, 0, "there\n"}, {`echo x > /dev/null; echo ok`, 0, "ok\n"}, {`nosuchprogram() { echo f; }; nosuchprogram`, 0, "f\n"},
	} {
		out, err := script(t, g, c.text, "a 'b' $(x)")
		if err != nil || out.Exit != c.exit || out.Stdout != c.out {
			t.Errorf("%s: %+v %v", c.text, out, err)
		}
	}
}

func TestScriptIsDenied(t *testing.T) {
	g := guardFor(t, permit.Set{Act: []string{"true"}}, Options{})
	for text, effect := range map[string]string{
		`ls /`: "ls /", `x=ls; $x /`: "ls /", `echo $(id)`: "id", `eval 'id -u'`: "id -u", `f() { id; }; f`: "id", `true | id`: "id", `(id)`: "id", `/usr/bin/id`: "/usr/bin/id", `id || true`: "id",
		`command id`: "id", `cat < /etc/passwd`: "/etc/passwd", `echo x > /tmp/runbook-denied`: "/tmp/runbook-denied", `echo /etc/*`: "/etc", `[ -f /etc/shadow ]`: "/etc/shadow", `source /etc/profile`: "/etc/profile", `id & wait`: "id",
	} {
		out, err := script(t, g, text)
		var d *Denied
		if !errors.As(err, &d) || d.Effect != effect || d.List == "" {
			t.Errorf("%s: %+v %v", text, out, err)
		}
	}
	if _, err := os.Stat("/tmp/runbook-denied"); err == nil {
		t.Error("a file was written")
	}
}

func TestFilesAreGoverned(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	g := guardFor(t, permit.Set{Act: []string{"cat"}, Read: []string{dir}}, Options{})
	if out, err := script(t, g, `cat < "${__rb0}/in"`, dir); err != nil || out.Stdout != "data" {
		t.Errorf("%+v %v", out, err)
	}
	for _, text := range []string{`echo x > "${__rb0}/out"`, `cat < "${__rb0}/link"`, `cat < "${__rb0}/../x"`} {
		var d *Denied
		if out, err := script(t, g, text, dir); !errors.As(err, &d) {
			t.Errorf("%s: %+v %v", text, out, err)
		}
	}
}

// alive reports whether a process is there and is no zombie.
func alive(pid string) bool {
	b, err := os.ReadFile("/proc/" + strings.TrimSpace(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func TestNothingIsLeftBehind(t *testing.T) {
	g := guardFor(t, permit.Set{Act: []string{"sh", "sleep"}}, Options{})
	for name, text := range map[string]string{
		"background of the shell": `sleep 300 & sh -c 'echo $PPID >/dev/null; echo done'`,
		"grandchild":              `sh -c 'sleep 300 & echo $!'`,
		"grandchild, no output":   `sh -c 'sleep 300 >/dev/null 2>&1 & echo $!'`,
	} {
		start := time.Now()
		out, err := script(t, g, text)
		if err != nil || out.Exit != 0 || time.Since(start) > 10*time.Second {
			t.Errorf("%s: %+v %v after %s", name, out, err, time.Since(start))
		}
		if pid := strings.TrimSpace(out.Stdout); pid != "done" && alive(pid) {
			t.Errorf("%s: process %s is left", name, pid)
		}
	}
}

func TestTimeoutEndsTheGroup(t *testing.T) {
	g := guardFor(t, permit.Set{Act: []string{"sh"}}, Options{})
	for _, text := range []string{`sh -c 'trap "" TERM; echo $$; sleep 300 & wait; sleep 300'`, `while :; do :; done`} {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		out, err := g.RunScript(ctx, ScriptRun{Script: Script{Text: text}, Action: true, Dir: t.TempDir()})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || out.Exit != -1 {
			t.Errorf("%s: %+v %v", text, out, err)
		}
		if pid := strings.TrimSpace(out.Stdout); pid != "" && alive(pid) {
			t.Errorf("%s: process %s is left", text, pid)
		}
	}
}

func TestOutputIsBounded(t *testing.T) {
	g := guardFor(t, permit.Set{Act: []string{"head"}}, Options{})
	out, err := g.RunProgram(context.Background(), Program{Argv: []string{"head", "-c", "5000000", "/dev/zero"}, Action: true, MaxOut: 1000})
	if err != nil || len(out.Stdout) != 1000 || !out.Truncated || out.Exit != 0 {
		t.Errorf("%d %v %v %v", len(out.Stdout), out.Truncated, out.Exit, err)
	}
}

func TestRunProgram(t *testing.T) {
	g := guardFor(t, permit.Set{Observe: []string{"cat", "nosuch-program"}, Act: []string{"sh"}}, Options{})
	out, err := g.RunProgram(context.Background(), Program{Argv: []string{"cat"}, Stdin: "in"})
	if err != nil || out.Stdout != "in" {
		t.Errorf("%+v %v", out, err)
	}
	var nf *NotFound
	if _, err := g.RunProgram(context.Background(), Program{Argv: []string{"nosuch-program"}}); !errors.As(err, &nf) {
		t.Errorf("%v", err)
	}
	var d *Denied
	if _, err := g.RunProgram(context.Background(), Program{Argv: []string{"sh", "-c", "x"}}); !errors.As(err, &d) {
		t.Errorf("a check ran what only actions may: %v", err)
	}
	out, err = g.RunProgram(context.Background(), Program{Argv: []string{"sh", "-c", "kill -9 $$"}, Action: true})
	if err != nil || out.Exit != 128+int(syscall.SIGKILL) {
		t.Errorf("%+v %v", out, err)
	}
}

func TestInterpreter(t *testing.T) {
	g := guardFor(t, permit.Set{Act: []string{"bash"}}, Options{})
	out, err := g.RunScript(context.Background(), ScriptRun{Script: Script{Text: "umask 077; echo \"${__rb0}\"", Values: []any{"a b"}}, Interpreter: []string{"bash"}, Action: true, Dir: t.TempDir()})
	if err != nil || out.Stdout != "a b\n" {
		t.Errorf("%+v %v", out, err)
	}
}

func TestHosts(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "http://other.example/x", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			_, _ = io.WriteString(w, "ok")
		}
	}))
	defer srv.Close()
	u, _ := url.Parse(srv.URL)
	inner := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	g := guardFor(t, permit.Set{Hosts: []string{"127.0.0.1", "*.example.com", "named.example.com"}}, Options{Resolve: inner, Env: []string{}})
	for path, want := range map[string]string{
		srv.URL + "/": "", srv.URL + "/away": "denied", srv.URL + "/loop": "protocol", "http://other.example/": "denied",
		"http://a.example.com:" + u.Port() + "/": "denied", "http://named.example.com:" + u.Port() + "/": "",
	} {
		c, err := g.Client(TLS{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Get(path)
		if err == nil {
			resp.Body.Close()
		}
		got := ""
		if err != nil {
			got = Classify(context.Background(), err).Kind
		}
		if got != want {
			t.Errorf("%s: %q %v", path, got, err)
		}
	}
}

func TestDeniedSaysWhatWouldPermit(t *testing.T) {
	d := &Denied{Effect: "x", List: "permissions.act", Entry: "kubectl delete", Reason: "no entry permits `x`"}
	if got := fmt.Sprint(d); !strings.Contains(got, "the entry `kubectl delete` under `permissions.act` would permit it") {
		t.Error(got)
	}
}
