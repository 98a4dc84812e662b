// Package bench times the whole program, each figure beside its floor in the
// same run: machines are noisy, ratios are not.
package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// steps is how many steps the long runs have.
const steps = 1000

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "runbook-bench")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "empty.go"), []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return dir, err
	}
	for _, args := range [][]string{{"build", "-o", filepath.Join(dir, "runbook"), "runbook/cmd/runbook"}, {"build", "-o", filepath.Join(dir, "empty"), filepath.Join(dir, "empty.go")}} {
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			return dir, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := build(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func programs(b *testing.B) (runbook, empty string) {
	b.Helper()
	dir, err := build()
	if err != nil {
		b.Fatal(err)
	}
	return filepath.Join(dir, "runbook"), filepath.Join(dir, "empty")
}

// pair times a and its floor in turn, n times each, and reports the medians and
// the ratio of their sums.
func pair(b *testing.B, n int, unit string, per float64, a, floor func()) {
	b.Helper()
	a()
	floor()
	var ta, tf time.Duration
	b.ResetTimer()
	for range b.N {
		for range n {
			t := time.Now()
			a()
			ta += time.Since(t)
			t = time.Now()
			floor()
			tf += time.Since(t)
		}
	}
	b.StopTimer()
	runs := float64(n*b.N) * per
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(ta.Microseconds())/runs, "µs/"+unit)
	b.ReportMetric(float64(tf.Microseconds())/runs, "floor-µs/"+unit)
	b.ReportMetric(float64(ta)/float64(tf), "times-floor")
}

func must(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

func write(b *testing.B, text string) string {
	b.Helper()
	name := filepath.Join(b.TempDir(), "bench.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return name
}

// BenchmarkStart is `runbook version` beside an empty Go program.
func BenchmarkStart(b *testing.B) {
	runbook, empty := programs(b)
	pair(b, 20, "start", 1, func() { must(b, exec.Command(runbook, "version")) }, func() { must(b, exec.Command(empty)) })
}

// BenchmarkSmallestRun is a run with one step, journal included, beside an empty
// Go program.
func BenchmarkSmallestRun(b *testing.B) {
	runbook, empty := programs(b)
	file := write(b, "apiVersion: runbook/v1\nname: bench\nsteps:\n  - end: over\n    outcome: resolved\n")
	state := b.TempDir()
	pair(b, 20, "run", 1, func() { must(b, exec.Command(runbook, "run", file, "--state", state)) }, func() { must(b, exec.Command(empty)) })
}

// BenchmarkShell is a run of 1,000 checks that each start a program, beside
// os/exec starting it 1,000 times through a shell.
func BenchmarkShell(b *testing.B) {
	runbook, _ := programs(b)
	text := "apiVersion: runbook/v1\nname: bench\npermissions: {observe: ['true']}\nsteps:\n"
	for i := range steps {
		text += fmt.Sprintf("  - check: c%d\n    shell: {argv: ['true']}\n", i)
	}
	file, state := write(b, text), b.TempDir()
	pair(b, 1, "step", steps, func() { must(b, exec.Command(runbook, "run", file, "--state", state)) }, func() {
		for range steps {
			must(b, exec.Command("sh", "-c", "true"))
		}
	})
}

// BenchmarkBuiltins is a run of 1,000 checks whose script starts no program,
// beside bash doing the same in one process each.
func BenchmarkBuiltins(b *testing.B) {
	runbook, _ := programs(b)
	text := "apiVersion: runbook/v1\nname: bench\nsteps:\n"
	for i := range steps {
		text += fmt.Sprintf("  - check: c%d\n    shell: test 1 -lt 2\n", i)
	}
	file, state := write(b, text), b.TempDir()
	pair(b, 1, "step", steps, func() { must(b, exec.Command(runbook, "run", file, "--state", state)) }, func() {
		for range steps {
			must(b, exec.Command("sh", "-c", "test 1 -lt 2"))
		}
	})
}

// BenchmarkHTTP is a run of 1,000 checks that each make a request and hold an
// expectation, beside net/http with keep-alive making them.
func BenchmarkHTTP(b *testing.B) {
	runbook, _ := programs(b)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"ok":true,"items":[1,2,3]}`)
	}))
	defer server.Close()
	text := "apiVersion: runbook/v1\nname: bench\npermissions: {hosts: [127.0.0.1]}\nsteps:\n"
	for i := range steps {
		text += fmt.Sprintf("  - check: c%d\n    http: {url: %s/}\n    expect: json?.ok == true\n", i, server.URL)
	}
	file, state := write(b, text), b.TempDir()
	pair(b, 1, "step", steps, func() { must(b, exec.Command(runbook, "run", file, "--state", state)) }, func() {
		for range steps {
			get(b, server.Client(), server.URL)
		}
	})
}

func get(b *testing.B, c *http.Client, url string) {
	b.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url+"/", nil)
	if err != nil {
		b.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		b.Fatal(res.Status, err)
	}
}

// BenchmarkValidate is `runbook validate` over 500 files, beside reading them.
func BenchmarkValidate(b *testing.B) {
	runbook, _ := programs(b)
	dir := b.TempDir()
	text, err := os.ReadFile("../../../runbooks/payments.yaml")
	if err != nil {
		b.Fatal(err)
	}
	const files = 500
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("r%d.yaml", i)), text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	pair(b, 1, "file", files, func() { must(b, exec.Command(runbook, "validate", dir)) }, func() { must(b, exec.Command("grep", "-rc", "runbook/v1", dir)) })
}
