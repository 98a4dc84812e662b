//go:build unix

package real

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// watch is a real Prometheus, which finds its targets in a file.
type watch struct {
	dir, url string
	process  *exec.Cmd

	mu      sync.Mutex
	targets map[string]map[string]string // address -> labels
}

const watchConfig = `global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: node
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
    relabel_configs: [{source_labels: [drop], regex: "yes", action: drop}]
`

// startWatch starts Prometheus from Debian's package. In CI it has to be there.
func startWatch(t *testing.T) *watch {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("prometheus is not installed; .ci/services installs it")
		}
		t.Skip("prometheus is not installed; .ci/services installs it")
	}
	w := &watch{dir: t.TempDir(), targets: map[string]map[string]string{}}
	w.put(t, "prometheus.yml", watchConfig)
	w.put(t, "rules.yml", "groups: [{name: targets, rules: [{alert: InstanceDown, expr: up == 0}]}]\n")
	w.put(t, "targets.json", "[]")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.url = "http://" + l.Addr().String()
	l.Close()
	w.process = exec.Command(program, "--config.file="+filepath.Join(w.dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(w.dir, "data"), "--web.listen-address="+strings.TrimPrefix(w.url, "http://"), "--log.level=error")
	if err := w.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.process.Process.Kill()
		_ = w.process.Wait()
	})
	w.until(t, "Prometheus is ready", func() bool {
		resp, err := http.Get(w.url + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return w
}

func (w *watch) put(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (w *watch) until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); !f(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came about: %s", what)
		}
	}
}

// name puts a target into service discovery, or takes it out with nil.
func (w *watch) name(t *testing.T, address string, labels map[string]string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.targets[address] = labels
	groups := []any{}
	for a, l := range w.targets {
		if l != nil {
			groups = append(groups, map[string]any{"targets": []string{a}, "labels": l})
		}
	}
	data, err := json.Marshal(groups)
	if err != nil {
		t.Fatal(err)
	}
	w.put(t, "targets.json", string(data))
}

// health is what Prometheus says of a target.
func (w *watch) health(address string) (health, failure string) {
	resp, err := http.Get(w.url + "/api/v1/targets")
	if err != nil {
		return "", ""
	}
	defer resp.Body.Close()
	var out struct {
		Data struct {
			ActiveTargets []struct {
				Labels            map[string]string
				Health, LastError string
			}
			DroppedTargets []struct{ DiscoveredLabels map[string]string }
		}
	}
	if json.NewDecoder(resp.Body).Decode(&out) != nil {
		return "", ""
	}
	for _, x := range out.Data.ActiveTargets {
		if x.Labels["instance"] == address {
			return x.Health, x.LastError
		}
	}
	for _, x := range out.Data.DroppedTargets {
		if x.DiscoveredLabels["__address__"] == address {
			return "dropped", ""
		}
	}
	return "absent", ""
}

// is waits until Prometheus says so of a target.
func (w *watch) is(t *testing.T, address, health, failure string) {
	t.Helper()
	w.until(t, address+" is "+health+" "+failure, func() bool {
		h, f := w.health(address)
		return h == health && strings.Contains(f, failure)
	})
}

// reload has Prometheus read its configuration.
func (w *watch) reload(t *testing.T, content string) {
	t.Helper()
	w.put(t, "prometheus.yml", content)
	if err := w.process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// exporter is a target that can die and come back at the same address.
type exporter struct {
	address string
	server  *httptest.Server
	answer  http.HandlerFunc
}

func displays(metrics string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		io.WriteString(w, metrics)
	}
}

func refusesWith(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", status) }
}

func startExporter(t *testing.T, answer http.HandlerFunc, secure bool) *exporter {
	t.Helper()
	e := &exporter{address: "127.0.0.1:0", answer: answer}
	e.live(t, secure)
	t.Cleanup(e.die)
	return e
}

func (e *exporter) live(t *testing.T, secure bool) {
	t.Helper()
	l, err := net.Listen("tcp", e.address)
	if err != nil {
		t.Fatal(err)
	}
	e.address = l.Addr().String()
	e.server = httptest.NewUnstartedServer(e.answer)
	e.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	e.server.Listener.Close()
	e.server.Listener = l
	if secure {
		e.server.StartTLS()
	} else {
		e.server.Start()
	}
}

func (e *exporter) die() {
	e.server.CloseClientConnections()
	e.server.Close()
}

// alertmanager keeps silences as the real one does.
type alertmanager struct {
	url string

	mu       sync.Mutex
	broken   bool
	alerts   []any
	silences []map[string]any
}

func openAlertmanager(t *testing.T) *alertmanager {
	t.Helper()
	a := &alertmanager{}
	s := httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(s.Close)
	a.url = s.URL
	return a
}

func (a *alertmanager) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id, one := strings.CutPrefix(r.URL.Path, "/api/v2/silence/")
	switch {
	case r.Header.Get("Authorization") != "Bearer alertmanager-secret-0007":
		http.Error(w, "no", http.StatusUnauthorized)
	case a.broken:
		http.Error(w, "no space left on device", http.StatusInternalServerError)
	case r.Method == http.MethodGet && r.URL.Path == "/api/v2/alerts":
		w.Write(encoded(a.alerts))
	case r.Method == http.MethodGet && r.URL.Path == "/api/v2/silences":
		w.Write(encoded(a.silences))
	case r.Method == http.MethodPost && r.URL.Path == "/api/v2/silences":
		a.add(w, r)
	case r.Method == http.MethodDelete && one:
		for _, s := range a.silences {
			if s["id"] == id && a.state(s) == "active" {
				s["status"] = map[string]any{"state": "expired"}
				return
			}
		}
		http.NotFound(w, r)
	default:
		http.Error(w, "Alertmanager has no such endpoint: "+r.Method+" "+r.URL.String(), http.StatusNotFound)
	}
}

func (a *alertmanager) state(s map[string]any) any {
	status, _ := s["status"].(map[string]any)
	return status["state"]
}

// add takes a silence, as strictly as the real one.
func (a *alertmanager) add(w http.ResponseWriter, r *http.Request) {
	var s map[string]any
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, `{"code":400,"message":"parsing silence body failed"}`, http.StatusBadRequest)
		return
	}
	begins, err1 := time.Parse(time.RFC3339Nano, fmt.Sprint(s["startsAt"]))
	ends, err2 := time.Parse(time.RFC3339Nano, fmt.Sprint(s["endsAt"]))
	matchers, _ := s["matchers"].([]any)
	if err1 != nil || err2 != nil || !ends.After(begins) || !ends.After(time.Now()) || len(matchers) == 0 || s["comment"] == "" || s["createdBy"] == "" {
		http.Error(w, `"bad silence"`, http.StatusBadRequest)
		return
	}
	s["endsAt"] = ends.UTC().Format("2006-01-02T15:04:05.000Z") // as the real one writes times
	s["id"], s["status"] = fmt.Sprintf("silence-%d", len(a.silences)+1), map[string]any{"state": "active"}
	a.silences = append(a.silences, s)
	w.Write(encoded(map[string]any{"silenceID": s["id"]}))
}

// encoded is a value as JSON; none is an empty list.
func encoded(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // a mistake in the emulation
	}
	if string(data) == "null" {
		return []byte("[]")
	}
	return data
}

// hold is what it holds, and whether it takes anything.
func (a *alertmanager) hold(broken bool, alerts ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.broken, a.alerts = broken, alerts
}

// active reports whether a silence holds.
func (a *alertmanager) active(s map[string]any) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state(s) == "active"
}

// take forgets the silences, and gives those that there were.
func (a *alertmanager) take() []map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.silences
	a.silences, a.alerts, a.broken = nil, nil, false
	return out
}

// silentPort is an address that takes no connection and refuses none, as that of
// a dead host: its queue of connections is full.
func silentPort(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
	for range 10 {
		conn, err := net.DialTimeout("tcp", address, 500*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Skip("a full queue does not silence a port here")
	return ""
}
