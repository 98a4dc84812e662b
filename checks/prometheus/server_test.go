package prometheus

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	osexec "os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind/exec"
	"runbook/engine/kind/kindtest"
	"runbook/engine/permit"
)

// metrics is what the target of these tests shows.
const metrics = `# TYPE test_errors gauge
test_errors{pod="web-1",path="/a\"b"} 3
test_errors{pod="web-2",path="ä☃"} 4
test_nan NaN
test_inf +Inf
test_small 0.1
# TYPE test_total counter
test_total 42
`

var local = guard.New(permit.Set{Hosts: []string{"127.0.0.1"}}, guard.Options{})

// start starts a Prometheus that scrapes a target of the test.
func start(t *testing.T) string {
	t.Helper()
	program, err := osexec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("prometheus is not installed; .ci/services installs it")
		}
		t.Skip("prometheus is not installed; .ci/services installs it")
	}
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		io.WriteString(w, metrics)
	}))
	t.Cleanup(target.Close)
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	content := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: test, static_configs: [{targets: [%q]}]}]\n", target.Listener.Addr())
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := osexec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=error")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	base := "http://" + address
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if r := ask1(base, map[string]any{"query": "count_over_time(test_total[1m]) >= 3"}); r.Error == nil && r.Fields["found"] == 1 {
			return base
		} else if time.Now().After(end) {
			t.Fatalf("prometheus does not come up: %v", r.Error)
		}
	}
}

func ask1(base string, o map[string]any) exec.Result {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	o["url"] = base
	return New().Executor.Execute(ctx, exec.Request{Options: o, Check: true, Guard: local})
}

// raw is what the server answers to a question, read past the client.
func raw(t *testing.T, base, path string, q url.Values) map[string]any {
	t.Helper()
	resp, err := http.Get(base + path + "?" + q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ Data map[string]any }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Data
}

// TestPrometheus is against a real server.
func TestPrometheus(t *testing.T) {
	base := start(t)
	t.Run("as its own answers", func(t *testing.T) { asItsOwn(t, base) })
	t.Run("values", func(t *testing.T) { values(t, base) })
	t.Run("params", func(t *testing.T) { params(t, base) })
	t.Run("range", func(t *testing.T) { ranges(t, base) })
	t.Run("failures", func(t *testing.T) { failures(t, base) })
	t.Run("side by side", func(t *testing.T) {
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				if r := ask1(base, map[string]any{"query": "vector($n)", "params": map[string]any{"n": i}}); r.Error != nil || r.Fields["value"] != float64(i) {
					t.Errorf("%d: %+v", i, r)
				}
			})
		}
		wg.Wait()
	})
	t.Run("behind TLS and a password", func(t *testing.T) { behind(t, base) })
}

// asItsOwn holds whole answers against the server's own JSON, at a fixed moment.
func asItsOwn(t *testing.T, base string) {
	at := time.Now().Add(-time.Second).UTC().Truncate(time.Millisecond)
	for _, query := range []string{"test_errors", "up", "test_nan", "test_inf", "sum(test_errors)", `{__name__=~"test.*"}`, "scalar(test_total)", "nothing_there", "test_errors / 3", "test_small"} {
		r := ask1(base, map[string]any{"query": query, "time": at.Format(time.RFC3339Nano)})
		want := raw(t, base, "/api/v1/query", url.Values{"query": {query}, "time": {at.Format(time.RFC3339Nano)}})
		if r.Error != nil || r.Fields["result_type"] != want["resultType"] {
			t.Errorf("%s: %v, %v", query, r.Error, r.Fields["result_type"])
			continue
		}
		result, _ := want["result"].([]any)
		if want["resultType"] == "scalar" {
			result = []any{map[string]any{"metric": map[string]any{}, "value": result}}
		}
		same(t, query, r.Fields["samples"].([]any), result)
	}
}

func same(t *testing.T, query string, got, want []any) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d samples, want %d", query, len(got), len(want))
	}
	for i, w := range want {
		w, g := w.(map[string]any), got[i].(map[string]any)
		pair := w["value"].([]any)
		if !reflect.DeepEqual(g["labels"], w["metric"]) || g["text"] != pair[1] {
			t.Errorf("%s: %v, want %v", query, g, w)
		}
		at, err := time.Parse(time.RFC3339Nano, g["time"].(string))
		if err != nil || math.Abs(float64(at.UnixMilli())-pair[0].(float64)*1000) > 1 {
			t.Errorf("%s: the time is %v, want %v", query, g["time"], pair[0])
		}
	}
}

func values(t *testing.T, base string) {
	for query, want := range map[string]any{"sum(test_errors)": 7.0, "test_nan": nil, "test_inf": nil, "test_small": 0.1, "scalar(test_total)": 42.0, "test_errors": nil, "nothing_there": nil, "1": 1.0} {
		if r := ask1(base, map[string]any{"query": query}); r.Error != nil || r.Fields["value"] != want {
			t.Errorf("%s: %v, %v; want %v", query, r.Error, r.Fields["value"], want)
		}
	}
	r := ask1(base, map[string]any{"query": "test_nan"})
	if s := r.Fields["samples"].([]any)[0].(map[string]any); s["text"] != "NaN" || s["value"] != nil {
		t.Errorf("NaN is %v", s)
	}
	if _, err := json.Marshal(r.Fields); err != nil {
		t.Errorf("it cannot be written down: %v", err)
	}
	r = ask1(base, map[string]any{"query": "test_total", "time": "10h"})
	if r.Error != nil || r.Fields["found"] != 0 {
		t.Errorf("ten hours ago: %+v", r)
	}
}

func params(t *testing.T, base string) {
	for _, c := range []struct {
		query string
		x     any
		found int
	}{
		{"test_errors{pod=$x}", "web-1", 1}, {"test_errors{path=$x}", `/a"b`, 1}, {"test_errors{path=$x}", "ä☃", 1}, {"test_errors{pod=$x}", `web-1"} or test_errors{pod!="`, 0}, {"test_errors{pod=$x}", "web-1\x00", 0},
		{"test_errors{pod=~$x}", "web-.", 0}, {"test_errors{pod=~$x}", []any{"web-1", "web-2"}, 2}, {"test_errors{pod!~$x}", []any{"web-1"}, 1}, {"test_errors > $x", 3, 1}, {"test_errors > $x", -3, 2}, {"test_errors > $x", "3", 1},
		{"count_over_time(test_total[$x])", "1m", 1}, {"count_over_time(test_total[$x])", time.Minute, 1}, {"topk($x, test_errors)", 1, 1}, {"test_errors offset $x", "10h", 0}, {"test_errors < $x", math.Inf(1), 2}, {"test_errors < $x", math.NaN(), 0},
	} {
		r := ask1(base, map[string]any{"query": c.query, "params": map[string]any{"x": c.x}})
		if r.Error != nil || r.Fields["found"] != c.found {
			t.Errorf("%s with %v: %v, %v; want %d", c.query, c.x, r.Error, r.Fields["found"], c.found)
		}
	}
}

func ranges(t *testing.T, base string) {
	end := time.Now().UTC().Truncate(time.Second)
	r := ask1(base, map[string]any{"query": "test_errors", "start": "2s", "end": end.Format(time.RFC3339), "step": time.Second})
	want := raw(t, base, "/api/v1/query_range", url.Values{"query": {"test_errors"}, "start": {end.Add(-2 * time.Second).Format(time.RFC3339)}, "end": {end.Format(time.RFC3339)}, "step": {"1"}})
	if r.Error != nil || r.Fields["result_type"] != "matrix" || r.Fields["found"] != 2 || r.Fields["value"] != nil {
		t.Fatalf("%+v", r)
	}
	for i, w := range want["result"].([]any) {
		g, w := r.Fields["series"].([]any)[i].(map[string]any), w.(map[string]any)
		points := g["points"].([]any)
		if !reflect.DeepEqual(g["labels"], w["metric"]) || len(points) != len(w["values"].([]any)) {
			t.Errorf("%v, want %v", g, w)
		}
		if last := points[len(points)-1].(map[string]any); last["time"] != end.Format(time.RFC3339) || last["value"] != []float64{3, 4}[i] {
			t.Errorf("the last point is %v", last)
		}
	}
}

func failures(t *testing.T, base string) {
	o := func(query string, more ...any) map[string]any {
		out := map[string]any{"url": base, "query": query}
		for i := 0; i < len(more); i += 2 {
			out[more[i].(string)] = more[i+1]
		}
		return out
	}
	kindtest.Run(t, New(), local, []kindtest.Case{
		{Name: "it answers", Options: o("up"), Check: true},
		{Name: "a string", Options: o(`"text"`), Check: true, Error: "query"},
		{Name: "no PromQL", Options: o("up{"), Check: true, Error: "query"},
		{Name: "types that do not fit", Options: o("rate(up)"), Check: true, Error: "query"},
		{Name: "many to many", Options: o("test_errors + on() test_errors"), Check: true, Error: "query"},
		{Name: "a parameter that is not there", Options: o("up > $x"), Check: true, Error: "query"},
		{Name: "a parameter of another kind", Options: o("up > $x", "params", map[string]any{"x": "a"}), Check: true, Error: "query"},
		{Name: "too many points", Options: o("up", "start", "1000h", "step", time.Second), Check: true, Error: "query"},
		{Name: "a step of nothing", Options: o("up", "start", "1h", "step", time.Duration(0)), Check: true, Error: "query"},
		{Name: "no time", Options: o("up", "time", "soon"), Check: true, Error: "query"},
		{Name: "a large answer", Options: o(`{__name__=~".+"}`, "max_body", int64(100)), Check: true, Error: "query"},
		{Name: "another path", Options: o("up", "url", base+"/elsewhere"), Check: true, Error: "protocol"},
		{Name: "not permitted", Options: o("up", "url", "http://127.0.0.2:9090"), Check: true, Error: "denied"},
		{Name: "nobody listens", Options: o("up", "url", "http://127.0.0.1:1"), Check: true, Error: "connect"},
		{Name: "it speaks no TLS", Options: o("up", "url", strings.Replace(base, "http:", "https:", 1)), Check: true, Error: "tls"},
		{Name: "no URL", Options: o("up", "url", ""), Check: true, Error: "protocol"},
		{Name: "a header of two lines", Options: o("up", "headers", map[string]any{"X-A": "a\r\nb"}), Check: true, Error: "protocol"},
	})
	if r := ask1(base, map[string]any{"query": "up{"}); !strings.Contains(r.Error.Message, "parse error") {
		t.Errorf("the message is %v", r.Error)
	}
}

// behind is a proxy with TLS and a password before the real server.
func behind(t *testing.T, base string) {
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, basic := r.BasicAuth()
		switch {
		case basic && user == "u" && password == "p:ä", r.Header.Get("Authorization") == "Bearer token-0001":
			if r.Header.Get("X-Scope-OrgID") != "team" {
				http.Error(w, "no org id", http.StatusInternalServerError)
				return
			}
			proxy.ServeHTTP(w, r)
		default:
			http.Error(w, "go away", http.StatusUnauthorized)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	o := func(auth any, file string) map[string]any {
		return map[string]any{"url": s.URL, "query": "up", "auth": auth, "tls": map[string]any{"ca": file}, "headers": map[string]any{"X-Scope-OrgID": "team"}}
	}
	basic := func(password string) any {
		return map[string]any{"basic": map[string]any{"user": "u", "password": password}}
	}
	kindtest.Run(t, New(), local, []kindtest.Case{
		{Name: "a password", Options: o(basic("p:ä"), ca), Check: true},
		{Name: "a token", Options: o(map[string]any{"bearer": "token-0001"}, ca), Check: true},
		{Name: "a wrong password", Options: o(basic("x"), ca), Check: true, Error: "auth"},
		{Name: "no password", Options: o(nil, ca), Check: true, Error: "auth"},
		{Name: "trusted by nobody", Options: o(basic("p:ä"), ""), Check: true, Error: "tls"},
	})
}

// TestNonsense: what is no Prometheus.
func TestNonsense(t *testing.T) {
	var elsewhere, seen sync.Map
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere.Store(r.Header.Get("Authorization"), true) }))
	t.Cleanup(other.Close)
	behave := map[string]http.HandlerFunc{
		"protocol:html":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"protocol:empty": func(w http.ResponseWriter, _ *http.Request) {},
		"protocol:null":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"status":"success","data":null}`) },
		"protocol:notype": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"status":"success","data":{"resultType":"odd","result":[]}}`)
		},
		"protocol:deep": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"status":"success","data":`+strings.Repeat("[", 200_000))
		},
		"protocol:500":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oh", 500) },
		"protocol:hangs up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"protocol:redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		},
		"query:error": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"status":"error","errorType":"execution","error":"x"}`)
		},
		"timeout:its own": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(503)
			io.WriteString(w, `{"status":"error","errorType":"timeout","error":"query timed out"}`)
		},
		"timeout:slow": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"query:endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
					return
				}
			}
		},
	}
	for name, f := range behave {
		want, _, _ := strings.Cut(name, ":")
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			seen.Store(name, true)
			f(w, r)
		}))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
		kindtest.Run(t, New(), local, []kindtest.Case{{Name: name, Check: true, Error: want, Timeout: 2 * time.Second,
			Options: map[string]any{"url": s.URL, "query": "up", "auth": map[string]any{"bearer": "token"}}}})
		if name == "timeout:slow" {
			kindtest.Cancelled(t, New(), local, map[string]any{"url": s.URL, "query": "up"})
		}
	}
	elsewhere.Range(func(k, _ any) bool {
		t.Errorf("a redirect was followed, with %q", k)
		return true
	})
}

func TestNames(t *testing.T) {
	nobody := func(_ context.Context, host string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	g := guard.New(permit.Set{Hosts: []string{"p.example.com"}}, guard.Options{Resolve: nobody, Env: []string{}})
	kindtest.Run(t, New(), g, []kindtest.Case{{Name: "no such name", Options: map[string]any{"url": "http://u:hunter2-x@p.example.com", "query": "up"}, Check: true, Error: "dns"}})
}
