package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/engine/secret/leaktest"
)

// way is one way out for a secret: a runbook that takes it, and what people and
// programs do. In its texts @S@ is a server that may have the secret, @O@ one that
// must not, @DIR@ the folder of the run, @SECRET@ the secret.
type way struct {
	name  string
	head  string // top-level keys besides name, permissions and the secret `tok`, which is in TOK
	steps string
	files map[string]string // beside the runbook
	shape func(random string) string
	parts func(secret string) []string // what of it is searched; nil is all of it
	env   []string
	args  []string
	stdin string
	typed []string // at a terminal, each once a prompt is there
	then  [][]string
	kill  string // this file's coming kills the program
	code  int
	// quiet: the secret reaches neither the probe nor the server. Otherwise one of
	// them must have had it, or nothing is shown.
	quiet bool
	said  string // what must have been said, to know that the way was taken
	pages bool   // the whole run is looked at in every view
}

// piece is how many bytes of a secret together count as a leak.
const piece = 10

// probe is the program that is given secrets. It keeps what can be seen of it by
// others (its words, its environment, all temporary files) and does what its second
// word says with its standard input.
const probe = `#!/bin/sh
seen=@DIR@/watched/seen-$$
tr '\0' '\n' < /proc/$$/cmdline > "$seen.argv"
case $1 in asked*) ;; *) tr '\0' '\n' < /proc/$$/environ > "$seen.environ";; esac
in=@DIR@/heard-$$
cat > "$in"
case $1 in asked*) ;; *) for f in $(find @DIR@/watched/tmp -type f 2>/dev/null); do cat "$f" >> "$seen.tmp"; done;; esac
case $2 in
out) cat "$in" ;;
err) cat "$in" >&2 ;;
both) cat "$in"; cat "$in" >&2 ;;
bytes) dd if="$in" bs=1 2>/dev/null ;;
slowly) head -c 9 "$in"; sleep 0.1; tail -c +10 "$in" ;;
base64) base64 "$in" ;;
base64one) base64 -w0 "$in" ;;
base64at1) { printf 'u'; cat "$in"; printf 'zz'; } | base64 -w0 ;;
base64at2) { printf 'u:'; cat "$in"; printf 'z'; } | base64 -w0 ;;
base64url) base64 -w0 "$in" | tr '+/' '-_' | tr -d '=' ;;
hex) od -An -tx1 -v "$in" | tr -d ' \n' ;;
HEX) od -An -tx1 -v "$in" | tr -d ' \n' | tr a-f A-F ;;
url) od -An -tx1 -v "$in" | tr -d '\n' | sed 's/ /%/g' ;;
u) od -An -tx1 -v "$in" | tr -d '\n' | sed 's/ /\\u00/g' ;;
x) od -An -tx1 -v "$in" | tr -d '\n' | sed 's/ /\\x/g' ;;
html) sed "s/&/\&amp;/g; s/</\&lt;/g; s/\"/\&quot;/g; s/'/\&#39;/g" "$in" ;;
entities) od -An -tx1 -v "$in" | tr -d '\n' | sed 's/ \(..\)/\&#x\1;/g' ;;
json) printf '{"k": "%s"}' "$(sed 's/\\/\\\\/g; s/"/\\"/g' "$in")" ;;
jsonin) printf '{"k": "{\\"in\\": \\"%s\\"}"}' "$(sed 's/\\/\\\\\\\\/g; s/"/\\\\\\"/g' "$in")" ;;
key) printf '{"%s": 1}' "$(cat "$in")" ;;
number) printf '{"n": %s, "l": [%s1]}' "$(cat "$in")" "$(cat "$in")" ;;
list) printf '["%s", "%s"]' "$(cat "$in")" "other" ;;
lines) sed 's/^/line: /' "$in" ;;
crlf) sed 's/$/\r/' "$in" ;;
quoted) sed "s/'/'\\\\''/g" "$in" ;;
cut) head -c $((1048576 - 12)) /dev/zero | tr '\0' x; cat "$in" ;;
bad) printf 'x\377'; cat "$in"; printf '\377' ;;
colour) printf '\033[31m%s\033[0m' "$(cat "$in")" ;;
fails) cat "$in" >&2; exit 3 ;;
prints) printf '%s' "$3"; cat "$in" >&2; exit "${4:-0}" ;;
environ) cat /proc/$$/environ ;;
hangs) cat "$in"; cat "$in" >&2; sleep 60 ;;
ready) echo $$ > @DIR@/pid; touch @DIR@/ready; while ! [ -e @DIR@/go ]; do sleep 0.05; done ;;
count) echo x >> @DIR@/times; n=$(wc -l < @DIR@/times); cat "$in"; [ "$n" -ge 3 ] ;;
esac
`

// wild is a world for one way, and the secret in it.
type wild struct {
	t      *testing.T
	dir    string
	secret string
	parts  func(string) []string
	server *httptest.Server
	other  *httptest.Server

	mu    sync.Mutex
	had   bytes.Buffer // what the server was sent
	leaks bytes.Buffer // what the other one was
}

func newWild(t *testing.T, x *way) *wild {
	t.Helper()
	w := &wild{t: t, dir: t.TempDir(), secret: "Zq" + rand.Text(), parts: x.parts}
	if x.shape != nil {
		w.secret = x.shape(w.secret)
	}
	w.server = httptest.NewServer(http.HandlerFunc(w.serve))
	w.secret = strings.ReplaceAll(w.secret, "@S@", w.server.URL)
	w.other = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.mu.Lock()
		fmt.Fprintf(&w.leaks, "%s %s %v %s\n", r.Method, r.URL, r.Header, body)
		w.mu.Unlock()
		io.WriteString(rw, "ok")
	}))
	t.Cleanup(func() { w.server.CloseClientConnections(); w.server.Close(); w.other.Close() })
	for _, d := range []string{"work", "bin", "watched/state", "watched/tmp", "watched/home"} {
		w.must(os.MkdirAll(filepath.Join(w.dir, d), 0o700))
	}
	w.must(os.WriteFile(filepath.Join(w.dir, "bin/probe"), []byte(w.fill(probe)), 0o700))
	for name, text := range x.files {
		w.must(os.WriteFile(filepath.Join(w.dir, "work", name), []byte(w.fill(text)), 0o600))
	}
	head := x.head
	if !strings.Contains(head, "secrets:") {
		head += "secrets: {tok: {env: TOK}}\n"
	}
	if !strings.Contains(head, "permissions:") {
		head += "permissions: {observe: [probe], act: [probe], hosts: [127.0.0.1]}\n"
	}
	w.must(os.WriteFile(filepath.Join(w.dir, "work/way.yaml"), []byte(w.fill("apiVersion: runbook/v1\nname: way\n"+head+"steps:\n"+x.steps)), 0o600))
	return w
}

func (w *wild) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *wild) fill(text string) string {
	return strings.NewReplacer("@S@", w.server.URL, "@O@", w.other.URL, "@DIR@", w.dir, "@SECRET@", w.secret, "@HOST@", strings.TrimPrefix(w.server.URL, "http://")).Replace(text)
}

// serve says back what it is sent, in the place that the path names.
func (w *wild) serve(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	fmt.Fprintf(&w.had, "%s %s %v %s %v\n", r.Method, r.URL, r.Header, body, r.URL.Query())
	w.mu.Unlock()
	said := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if said == "" {
		said = r.URL.RawQuery + string(body)
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/redirect"):
		rw.Header().Set("Location", w.other.URL+"/?q=none")
		if strings.HasSuffix(r.URL.Path, "said") {
			rw.Header().Set("Location", "/loopsaid?t="+said)
		}
		rw.WriteHeader(http.StatusFound)
	case strings.HasPrefix(r.URL.Path, "/loop"):
		rw.Header().Set("Location", r.URL.String())
		rw.WriteHeader(http.StatusFound)
	case r.URL.Path == "/elsewhere":
		rw.Header().Set("Location", "http://elsewhere.example/"+said)
		rw.WriteHeader(http.StatusFound)
	case r.URL.Path == "/header":
		rw.Header().Set("X-Said", said)
	case r.URL.Path == "/500", strings.HasPrefix(r.URL.Path, "/hook"), strings.HasPrefix(r.URL.Path, "/api/v1/query"):
		rw.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(rw, "cannot %s with %s %v\n", r.URL, said, r.Header)
	case r.URL.Path == "/status": // the words of the status line
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprintf(conn, "HTTP/1.1 500 no %s\r\nContent-Length: 0\r\n\r\n", said)
			conn.Close()
		}
	case r.URL.Path == "/nonsense":
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprintf(conn, "%s what\r\n\r\n", said)
			conn.Close()
		}
	case r.URL.Path == "/torn":
		rw.Header().Set("Content-Length", "100000")
		fmt.Fprint(rw, said)
	case r.URL.Path == "/hang":
		fmt.Fprint(rw, said)
		rw.(http.Flusher).Flush()
		hangs(rw, r)
	case r.URL.Path == "/long":
		fmt.Fprint(rw, strings.Repeat("x", 1000-12)+said+strings.Repeat("y", 5000))
	default:
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(rw, `{"url": %q, "auth": %q, "body": %q, "list": [%q], "at": {%q: 1}}`, r.URL, said, body, said, "k"+said)
	}
}

func (w *wild) command(x *way, args ...string) *exec.Cmd {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	w.t.Cleanup(stop)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.WaitDelay = time.Second
	cmd.Dir = filepath.Join(w.dir, "work")
	at := filepath.Join(w.dir, "watched")
	cmd.Env = []string{"RUNBOOK_TEST_MAIN=1", "HOME=" + at + "/home", "RUNBOOK_STATE=" + at + "/state", "TMPDIR=" + at + "/tmp", "TERM=xterm",
		"PATH=" + w.dir + "/bin:/usr/bin:/bin", "NO_PROXY=*", "GORACE=" + hurried}
	if !strings.Contains(x.head, "secrets:") {
		cmd.Env = append(cmd.Env, "TOK="+w.secret)
	}
	for _, kv := range x.env {
		cmd.Env = append(cmd.Env, w.fill(kv))
	}
	return cmd
}

// run runs the program as the way says, and keeps what it writes.
func (w *wild) run(x *way, args ...string) int {
	w.t.Helper()
	for i := range args {
		args[i] = w.fill(args[i])
	}
	cmd := w.command(x, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(w.fill(x.stdin)), &out, &errs
	if x.stdin == "" {
		cmd.Stdin = nil
	}
	w.must(cmd.Start())
	if x.kill != "" {
		w.awaits(filepath.Join(w.dir, x.kill))
		w.must(cmd.Process.Kill())
		w.must(os.WriteFile(filepath.Join(w.dir, "go"), nil, 0o600))
		w.buried()
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	w.keep("stdout", out.Bytes())
	w.keep("stderr", errs.Bytes())
	return cmd.ProcessState.ExitCode()
}

// buried waits for the end of the probe that outlived the program.
func (w *wild) buried() {
	w.t.Helper()
	pid, err := os.ReadFile(filepath.Join(w.dir, "pid"))
	w.must(err)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		if _, rest, ok := strings.Cut(string(state), ") "); err != nil || ok && rest[0] == 'Z' {
			return
		}
	}
	w.t.Fatal("the probe never ended")
}

func (w *wild) awaits(file string) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			return
		}
	}
	w.t.Fatalf("%s never came", file)
}

// keep adds to a file of what was written.
func (w *wild) keep(name string, data []byte) {
	f, err := os.OpenFile(filepath.Join(w.dir, "watched", name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	w.must(err)
	_, err = f.Write(append(data, '\n'))
	w.must(errors.Join(err, f.Close()))
}

// views writes the run in every form in which people see it.
func (w *wild) views(x *way) {
	calm := &way{head: x.head, env: x.env}
	list := [][]string{{"show", "last", "--verbose"}, {"show", "last", "--format", "html"}, {"show", "last", "--format", "json"}}
	if x.pages {
		for _, format := range []string{"markdown", "junit", "postmortem"} {
			list = append(list, []string{"show", "last", "--format", format})
		}
		list = append(list, []string{"runs"}, []string{"describe", "way.yaml"}, []string{"verify", "last"}, []string{"record", "last"}, []string{"record", "last", "--to", "@DIR@/watched/recorded.scenarios.yaml"},
			[]string{"run", "way.yaml", "--dry-run"}, []string{"run", "way.yaml", "--dry-run", "--observe"})
	}
	for _, args := range list {
		w.run(calm, args...)
	}
}

// atTerminal runs the program at a pseudo terminal, and types each text once the
// program has asked again.
func (w *wild) atTerminal(x *way, args ...string) int {
	w.t.Helper()
	master, slave := openTerminal(w.t)
	cmd := w.command(x, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	w.must(cmd.Start())
	slave.Close()
	var mu sync.Mutex
	var shown bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			mu.Lock()
			shown.Write(buf[:n])
			mu.Unlock()
			if err != nil { // the program has closed its end
				return
			}
		}
	}()
	at := 0
	for _, text := range x.typed {
		prompt, keys, _ := strings.Cut(w.fill(text), "|")
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			mu.Lock()
			i := strings.Index(shown.String()[at:], prompt)
			if i >= 0 {
				at += i + len(prompt)
			}
			mu.Unlock()
			if i >= 0 {
				break
			}
			if time.Now().After(end) {
				w.t.Errorf("never asked %q in %q", prompt, shown.String())
				w.must(cmd.Process.Kill())
				break
			}
		}
		_, err := io.WriteString(master, keys)
		w.must(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	<-done
	master.Close()
	w.keep("terminal", shown.Bytes())
	return cmd.ProcessState.ExitCode()
}

func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("pseudo terminals: ", err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// found is every place below `watched` at which the secret can be read, in whatever
// encoding, and what reached the server that must not have it.
func (w *wild) found() (out []string) {
	pieces := []string{w.secret}
	if w.parts != nil {
		pieces = w.parts(w.secret)
	}
	look := func(where, text string) {
		for _, s := range pieces {
			if form := leaktest.Search(text, s, piece); form != "" {
				out = append(out, fmt.Sprintf("%s holds it as %s: %.3000s", where, form, text))
			}
		}
	}
	w.must(filepath.WalkDir(filepath.Join(w.dir, "watched"), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		look("the name of a file", name)
		if d.IsDir() {
			return nil
		}
		data, err := os.ReadFile(name)
		look(strings.TrimPrefix(name, w.dir), string(data))
		return err
	}))
	w.mu.Lock()
	defer w.mu.Unlock()
	look("the other server", w.leaks.String())
	return out
}

// arrived reports whether the probe or the server had the secret.
func (w *wild) arrived() bool {
	var all []byte
	names, err := filepath.Glob(filepath.Join(w.dir, "heard-*"))
	w.must(err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		w.must(err)
		all = append(all, data...)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	whole := []string{strings.TrimSpace(w.secret)}
	if w.parts != nil {
		whole = append(whole, w.parts(w.secret)...)
	}
	return slices.ContainsFunc(whole, func(s string) bool { return leaktest.Search(string(all)+w.had.String(), s, 0) != "" })
}

// written is all that the program wrote for people and machines.
func (w *wild) written() string {
	var all []byte
	for _, name := range []string{"stdout", "stderr", "terminal"} {
		data, err := os.ReadFile(filepath.Join(w.dir, "watched", name))
		if err == nil {
			all = append(all, data...)
		}
	}
	return string(all)
}

// hold takes a way and holds what it left behind.
func (x *way) hold(t *testing.T) {
	w := newWild(t, x)
	args := slices.Concat([]string{"run", "way.yaml"}, x.args)
	if x.args != nil && x.args[0] != "" && !strings.HasPrefix(x.args[0], "-") {
		args = x.args
	}
	if !slices.Contains(args, "--output") && x.typed == nil && args[0] == "run" {
		args = append(args, "--output", "json")
	}
	code := 0
	if x.typed != nil {
		code = w.atTerminal(x, args...)
	} else {
		code = w.run(x, args...)
	}
	for _, args := range x.then {
		code = w.run(&way{head: x.head, env: x.env}, args...)
	}
	w.views(x)
	if code != x.code || x.said != "" && !strings.Contains(w.written(), w.fill(x.said)) {
		t.Errorf("ended with %d, not %d, or did not say %q:\n%s", code, x.code, x.said, w.written())
	}
	if !x.quiet && !w.arrived() {
		t.Errorf("nobody was given the secret:\n%s", w.written())
	}
	for _, place := range w.found() {
		t.Error(place)
	}
}

// TestTheSearchSees: a search that finds nothing proves nothing unless it would find
// a secret in each of these places.
func TestTheSearchSees(t *testing.T) {
	t.Parallel()
	w := newWild(t, &way{steps: "  - {message: m, text: none}\n"})
	b, err := json.Marshal(map[string]string{"in": "x%22" + w.secret})
	w.must(err)
	for name, put := range map[string]func(){
		"a file":         func() { w.keep("state/x/journal.jsonl", b) },
		"a piece":        func() { w.keep("tmp/y", []byte("..."+w.secret[5:5+piece])) },
		"a name":         func() { w.keep("home/"+w.secret, nil) },
		"standard error": func() { w.keep("stderr", []byte(w.secret)) },
		"the other server": func() {
			res, err := http.Post(w.other.URL+"/x", "text/plain", strings.NewReader(w.secret))
			w.must(err)
			res.Body.Close()
		},
	} {
		w.must(os.MkdirAll(filepath.Join(w.dir, "watched/state/x"), 0o700))
		put()
		if len(w.found()) == 0 {
			t.Errorf("not noticed in %s", name)
		}
		w.must(os.RemoveAll(filepath.Join(w.dir, "watched")))
		w.must(os.MkdirAll(filepath.Join(w.dir, "watched/tmp"), 0o700))
		w.must(os.MkdirAll(filepath.Join(w.dir, "watched/home"), 0o700))
		w.leaks.Reset()
	}
}
