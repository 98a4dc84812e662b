package http

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind/exec"
	"runbook/engine/permit"
)

// served is a server that does as it likes with each connection, once it has
// read a request's first bytes.
func served(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 4096))
				answer(c)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// text says one thing and hangs up.
func says(s string) func(net.Conn) { return func(c net.Conn) { _, _ = io.WriteString(c, s) } }

// endlessly says first, then next over and over.
func endlessly(first, next string, pause time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		_, err := io.WriteString(c, first)
		for err == nil {
			_, err = io.WriteString(c, next)
			time.Sleep(pause)
		}
	}
}

// silent takes the request and never answers.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func zipped(n int) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range n {
		_, _ = z.Write(zeros)
	}
	_ = z.Close()
	return b.String()
}

const ok = "HTTP/1.1 200 OK\r\n"

// nonsense are servers that break every rule, with the verdict: the error's
// kind and a word of its message, or the status of an answer.
var nonsense = []struct {
	name   string
	answer func(net.Conn)
	kind   string
	status int
	says   string
}{
	{"another protocol", says("220 mail.example ESMTP\r\n"), "protocol", 0, "malformed"},
	{"binary", says("\x00\x01\x02\xff\xfe"), "protocol", 0, ""},
	{"TLS where HTTP is asked", says("\x15\x03\x01\x00\x02\x02\x46"), "protocol", 0, ""},
	{"hang up at once", says(""), "protocol", 0, "hung up"},
	{"half a status line", says("HTTP/1.1 2"), "protocol", 0, "malformed"},
	{"a status that is no number", says("HTTP/1.1 abc OK\r\n\r\n"), "protocol", 0, "status"},
	{"a status of four digits", says("HTTP/1.1 2000 OK\r\n\r\n"), "protocol", 0, "status"},
	{"status 000", says("HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n"), "protocol", 0, "status"},
	{"status 999", says("HTTP/1.1 999 High\r\nContent-Length: 0\r\n\r\n"), "protocol", 0, "status"},
	{"header without a colon", says(ok + "nonsense\r\n\r\n"), "protocol", 0, ""},
	{"header of 1 MiB", says(ok + "X: " + strings.Repeat("a", 1<<20) + "\r\n\r\n"), "protocol", 0, "header"},
	{"endless header line", endlessly(ok+"X: ", strings.Repeat("a", 4096), 0), "protocol", 0, "header"},
	{"endless headers", endlessly(ok, "X: "+strings.Repeat("a", 1000)+"\r\n", 0), "protocol", 0, "header"},
	{"endless status line", endlessly("HTTP/1.1 200 ", strings.Repeat("a", 4096), 0), "protocol", 0, ""},
	{"1xx without end", endlessly("", "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", 0), "protocol", 0, ""},
	{"1xx, slowly", endlessly("", "HTTP/1.1 103 Early Hints\r\n\r\n", 100*time.Millisecond), "", 0, ""},
	{"a few 1xx", says("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi"), "", 200, ""},
	{"a body without end", endlessly(ok+"\r\n", strings.Repeat("a", 4096), 0), "", 200, ""},
	{"chunks without end", endlessly(ok+"Transfer-Encoding: chunked\r\n\r\n", "4\r\naaaa\r\n", 0), "", 200, ""},
	{"a chunk of a wrong size", says(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "protocol", 0, "chunk"},
	{"a chunk that is huge", says(ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"), "protocol", 0, "chunk"},
	{"chunk extensions without end", endlessly(ok+"Transfer-Encoding: chunked\r\n\r\n4;", strings.Repeat("a", 4096), 0), "protocol", 0, ""},
	{"trailers without end", endlessly(ok+"Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: "+strings.Repeat("a", 1000)+"\r\n", 0), "protocol", 0, ""},
	{"hang up in a chunk", says(ok + "Transfer-Encoding: chunked\r\n\r\nff\r\nabc"), "protocol", 0, "hung up"},
	{"hang up in the body", says(ok + "Content-Length: 100\r\n\r\nabc"), "protocol", 0, "hung up"},
	{"more than was promised", says(ok + "Content-Length: 2\r\n\r\nhi and more"), "", 200, ""},
	{"a length that is negative", says(ok + "Content-Length: -1\r\n\r\nhi"), "protocol", 0, "Content-Length"},
	{"two lengths", says(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nhi"), "protocol", 0, "Content-Length"},
	{"a huge length", says(ok + "Content-Length: 9223372036854775807\r\n\r\nhi"), "protocol", 0, "hung up"},
	{"drips of a header", endlessly(ok+"X: ", "a", 50*time.Millisecond), "timeout", 0, "in time"},
	{"drips of a body", endlessly(ok+"\r\n", "a", 50*time.Millisecond), "timeout", 0, "in time"},
	{"silence", silent, "timeout", 0, "in time"},
	{"silence behind the headers", func(c net.Conn) { _, _ = io.WriteString(c, ok+"Content-Length: 5\r\n\r\n"); silent(c) }, "timeout", 0, "in time"},
	{"a bomb of gzip", says(ok + "Content-Encoding: gzip\r\n\r\n" + zipped(200)), "", 200, ""},
	{"gzip that is none", says(ok + "Content-Encoding: gzip\r\nContent-Length: 17\r\n\r\nhello hello hello"), "protocol", 0, "gzip"},
	{"gzip that ends early", says(ok + "Content-Encoding: gzip\r\n\r\n" + zipped(1)[:500]), "protocol", 0, "hung up"},
	{"switching protocols", says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), "", -1, ""},
	{"no content with content", says("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"), "", 204, ""},
	{"a redirect to nowhere", says("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"), "", -1, ""},
	{"a redirect to nonsense", says("HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n"), "protocol", 0, ""},
	{"a redirect to a file", says("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"), "", -1, ""},
	{"a redirect to a host that is not permitted", says("HTTP/1.1 307 T\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n"), "denied", 0, "169.254.169.254"},
	{"a redirect to another port of the host", says("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), "connect", 0, ""},
}

// ask makes one request and checks that it ends when it must.
func ask(t *testing.T, g *guard.Guard, timeout time.Duration, options map[string]any) exec.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	began := time.Now()
	r := New().Executor.Execute(ctx, exec.Request{Options: options, Check: true, Guard: g})
	if late := time.Since(began) - timeout; late > 2*time.Second {
		t.Errorf("it ended %s behind its time", late)
	}
	return r
}

func TestServersThatAnswerNonsense(t *testing.T) {
	g := guard.New(permit.Set{Hosts: []string{"127.0.0.1"}}, guard.Options{Env: []string{}})
	defer g.Close()
	for _, c := range nonsense {
		t.Run(c.name, func(t *testing.T) {
			url := served(t, c.answer)
			timeout := 10 * time.Second
			if c.kind == "timeout" || c.name == "1xx, slowly" {
				timeout = 700 * time.Millisecond
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := ask(t, g, timeout, map[string]any{"url": url})
			runtime.ReadMemStats(&after)
			if grew := (after.TotalAlloc - before.TotalAlloc) >> 20; grew > 64 {
				t.Errorf("%d MiB were allocated", grew)
			}
			verdict(t, r, c.kind, c.status, c.says)
		})
	}
}

func verdict(t *testing.T, r exec.Result, kind string, status int, says string) {
	t.Helper()
	switch {
	case kind == "" && status == 0: // slow 1xx: out of time, or too many of them
		if r.Error == nil {
			t.Errorf("it was answered: %v", r.Fields["status"])
		}
	case kind == "" && status < 0: // an answer or a refusal, but never a hang
		if r.Error == nil && r.Fields["status"] == 0 {
			t.Error("neither an answer nor an error")
		}
	case kind == "":
		if r.Error != nil || r.Fields["status"] != status {
			t.Errorf("got %v, %v, want %d", r.Fields["status"], r.Error, status)
		}
	case r.Error == nil || r.Error.Kind != kind || !strings.Contains(r.Error.Message, says):
		t.Errorf("got %v, want %s: %s", r.Error, kind, says)
	case r.Fields["status"] != 0:
		t.Errorf("the status is %v beside an error", r.Fields["status"])
	}
	if body, isText := r.Fields["body"].(string); !isText || len(body) > DefaultBody {
		t.Errorf("the body has %d bytes", len(body))
	}
}

func TestBodiesThatAreNoJSON(t *testing.T) {
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	for body, want := range map[string]string{
		deep: "<nil>", strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000): "<nil>", `{"a": NaN}`: "<nil>", `{"a": Infinity}`: "<nil>", `{"a": -0}`: "map[a:0]", `{"a": 1} {"b": 2}`: "<nil>", `{"a": 01}`: "<nil>", "": "<nil>", "null": "<nil>",
		`{"a": 123456789012345678901234567890}`: "map[a:123456789012345678901234567890]", `{"a": 9007199254740993}`: "map[a:9007199254740993]", `{"a": 1e400}`: "map[a:1e400]", `{"a": 0.1}`: "map[a:0.1]", `{"a": 1, "a": 2}`: "map[a:2]", "\xef\xbb\xbf{}": "", "{\"a\": \"\xff\"}": "",
		`{"a": "\ud800"}`: "map[a:\ufffd]", `[1,2`: "<nil>", `"text"`: "text", `5`: "5", `{"a":` + strings.Repeat(" ", 100_000) + `1}`: "map[a:1]",
	} {
		g := guard.New(permit.Set{Hosts: []string{"127.0.0.1"}}, guard.Options{Env: []string{}})
		url := served(t, says(fmt.Sprintf("%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", ok, len(body), body)))
		r := ask(t, g, 10*time.Second, map[string]any{"url": url})
		g.Close()
		if r.Error != nil || r.Fields["status"] != 200 {
			t.Errorf("%.40q: %v", body, r.Error)
			continue
		}
		if got := fmt.Sprint(r.Fields["json"]); want != "" && got != want {
			t.Errorf("%.40q: json is %.80s, want %s", body, got, want)
		}
		if _, err := json.Marshal(r.Fields["body"]); err != nil {
			t.Errorf("%.40q: %v", body, err)
		}
	}
}

// TestCancelledMidway: a request ends with the run wherever it is.
func TestCancelledMidway(t *testing.T) {
	for name, answer := range map[string]func(net.Conn){"before an answer": silent, "in the headers": endlessly(ok+"X: ", "a", 20*time.Millisecond), "in the body": endlessly(ok+"\r\n", "a", 20*time.Millisecond)} {
		g := guard.New(permit.Set{Hosts: []string{"127.0.0.1"}}, guard.Options{Env: []string{}})
		url := served(t, answer)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(200*time.Millisecond, cancel)
		began := time.Now()
		r := New().Executor.Execute(ctx, exec.Request{Options: map[string]any{"url": url}, Guard: g})
		if r.Error == nil || r.Error.Kind != "canceled" || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %v after %s", name, r.Error, time.Since(began))
		}
		g.Close()
	}
}

// TestHeadersOfAnyBytes: names without case, several values joined, bytes that
// are no UTF-8 replaced.
func TestHeadersOfAnyBytes(t *testing.T) {
	g := guard.New(permit.Set{Hosts: []string{"127.0.0.1"}}, guard.Options{Env: []string{}})
	defer g.Close()
	url := served(t, says(ok+"X-Many: a\r\nx-many: b\r\nX-Bytes: caf\xe9\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n"))
	r := ask(t, g, 5*time.Second, map[string]any{"url": url})
	h, _ := r.Fields["headers"].(map[string]any)
	if h["x-many"] != "a, b" || h["x-bytes"] != "caf\ufffd" || h["x-empty"] != "" || h["x-none"] != nil {
		t.Errorf("%v %v", r.Error, h)
	}
}
