//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"runbook/engine/journal"
)

// wreck is a folder in which the program is run and killed.
type wreck struct {
	t     *testing.T
	dir   string
	state string
}

// newWreck puts a runbook into a folder, where `runbook` is this program.
func newWreck(t *testing.T, book string) *wreck {
	t.Helper()
	w := &wreck{t: t, dir: t.TempDir()}
	w.state = filepath.Join(w.dir, "state")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"book.yaml": book, "runbook": "#!/bin/sh\nRUNBOOK_TEST_MAIN=1 exec " + self + ` "$@"` + "\n"} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// started is a process of the program, by a line as a person types it.
type started struct {
	*exec.Cmd
	out, err bytes.Buffer
}

func (w *wreck) start(line string) *started {
	w.t.Helper()
	s := &started{Cmd: exec.Command("/bin/sh", "-c", "exec "+line)}
	s.Dir, s.Stdout, s.Stderr = w.dir, &s.out, &s.err
	s.Env = []string{"HOME=" + w.dir, "RUNBOOK_STATE=" + w.state, "PATH=" + w.dir + ":/usr/bin:/bin", "NO_PROXY=*", "GORACE=" + hurried}
	if err := s.Start(); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// ends waits for a process and gives its code; -1 is a kill.
func (w *wreck) ends(s *started) int {
	var exit *exec.ExitError
	if err := s.Wait(); err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return s.ProcessState.ExitCode()
}

// does runs a line, and holds its code and something that it says on either stream.
func (w *wreck) does(code int, says, line string) string {
	w.t.Helper()
	s := w.start(line)
	got := w.ends(s)
	text := s.out.String() + s.err.String()
	if got != code || !regexp.MustCompile(says).MatchString(text) {
		w.t.Fatalf("%s: code %d, want %d and %q:\n%s", line, got, code, says, text)
	}
	return text
}

// TestTwoResumes: of two resumes at once one wins, and the other says who holds the
// run. A lock that a kill left is taken over.
func TestTwoResumes(t *testing.T) {
	release, called := make(chan struct{}), make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called <- struct{}{}; <-release }))
	defer server.Close()
	w := newWreck(t, `
apiVersion: runbook/v1
name: race
permissions: {hosts: [`+server.URL+`]}
steps:
  - {manual: ask, instructions: Look}
  - {action: call, http: {method: POST, url: `+server.URL+`}}
`)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		w.does(5, "waits for a person", "runbook run book.yaml --non-interactive")
		const line = "runbook resume last --answer ask=done --as "
		both := []*started{w.start(line + "ada"), w.start(line + "bob")}
		ended := make(chan int, 2)
		codes := make([]int, 2)
		for i, s := range both {
			go func() { codes[i] = w.ends(s); ended <- i }()
		}
		<-called
		lost := <-ended
		won := 1 - lost
		name := []string{"ada", "bob"}[won]
		if want := fmt.Sprintf("is under way: held by process %d of %s on %s since 2", both[won].Process.Pid, name, host); codes[lost] != 1 || !strings.Contains(both[lost].err.String(), want) {
			t.Fatalf("code %d, %q, want %q", codes[lost], both[lost].err.String(), want)
		}
		release <- struct{}{}
		if <-ended; codes[won] != 0 {
			t.Fatalf("code %d, %s", codes[won], both[won].err.String())
		}
	}
	w.does(5, "waits for a person", "runbook run book.yaml --non-interactive")
	killed := w.start("runbook resume last --answer ask=done")
	<-called
	w.does(0, "running", "runbook runs -n 1")
	_ = killed.Process.Kill() // it waits for the server
	if code := w.ends(killed); code != -1 {
		t.Fatal(code)
	}
	w.does(0, "interrupted", "runbook runs -n 1")
	w.does(0, "completed", "runbook resume last --answer call=done")
	close(release)
}

// TestInDoubtOverHTTP: a request was under way when the program was killed, and the
// server has it or not. The resume says what to paste, and what is pasted is done.
func TestInDoubtOverHTTP(t *testing.T) {
	for _, received := range []bool{true, false} {
		for answer, want := range map[string]struct {
			code, more int
			says       string
		}{"done": {0, 0, "completed"}, "again": {0, 1, "completed"}, "failed": {1, 0, "it was in doubt, and ada said that it failed"}} {
			var calls atomic.Int32
			var over atomic.Bool // the first process is
			begun := make(chan struct{}, 1)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if over.Load() {
					return
				}
				begun <- struct{}{}
				<-r.Context().Done()
			}))
			silent, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections, and nobody reads them
			if err != nil {
				t.Fatal(err)
			}
			if received {
				server.Start()
			} else {
				server.Listener.Close()
				server.Listener = silent
				go func() {
					if c, err := silent.Accept(); err == nil {
						begun <- struct{}{}
						defer c.Close()
						server.Start()
					}
				}()
			}
			url := "http://" + server.Listener.Addr().String()
			w := newWreck(t, "apiVersion: runbook/v1\nname: doubt\npermissions: {hosts: ["+url+"]}\nsteps:\n  - {action: pay, http: {method: POST, url: "+url+"/pay}}\n")
			run := w.start("runbook run book.yaml")
			select {
			case <-begun:
			case <-time.After(lifetime):
				t.Error("no request came")
			}
			_ = run.Process.Kill() // it waits for the answer
			if code := w.ends(run); code != -1 {
				t.Fatalf("code %d: %s", code, run.err.String())
			}
			over.Store(true)
			had := calls.Load()
			text := w.does(5, "pay  it is in doubt", "runbook resume last --non-interactive")
			if again := w.does(5, "The run waits for a person", "runbook resume last --non-interactive"); calls.Load() != had {
				t.Fatalf("it was called again: %s", again)
			}
			paste := regexp.MustCompile(`runbook resume \S+ --answer 'pay=` + answer + `'`).FindString(text)
			if paste == "" {
				t.Fatal(text)
			}
			w.does(want.code, want.says, paste+" --as ada")
			if got := int(calls.Load() - had); got != want.more {
				t.Errorf("received %v, %s: called %d times more, want %d", received, answer, got, want.more)
			}
			events := w.does(0, `"type":"approval.requested".*"kind":"in_doubt"`, "runbook show last --format json")
			if !strings.Contains(events, `"kind":"in_doubt","choice":"`+answer+`","by":"ada"`) {
				t.Errorf("the answer is not journalled: %s", events)
			}
			w.does(0, "each as it was written", "runbook verify last")
			server.Close()
		}
	}
}

// TestFullAndReadOnlyDisk has a real file system that is full, and one that is read
// only.
func TestFullAndReadOnlyDisk(t *testing.T) {
	w := newWreck(t, `
apiVersion: runbook/v1
name: full
permissions: {observe: [grep], files: {write: [acts]}}
steps:
  - {manual: ask, instructions: Look}
  - each: all
    in: 1..200
    as: n
    steps:
      - {action: act, shell: "echo {{ .n }} >> acts", check_after: {shell: "grep -qx {{ .n }} acts"}}
`)
	if err := os.Mkdir(w.state, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=128k,mode=700", "tmpfs", w.state).CombinedOutput(); err != nil {
		t.Skipf("a file system cannot be mounted here: %s", bytes.TrimSpace(out))
	}
	defer func() {
		if out, err := exec.Command("umount", w.state).CombinedOutput(); err != nil {
			t.Errorf("%s", out)
		}
	}()
	acts := func() []string {
		data, err := os.ReadFile(filepath.Join(w.dir, "acts"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.Fields(string(data))
	}
	remount := func(how string) {
		t.Helper()
		if out, err := exec.Command("mount", "-o", "remount,"+how, w.state).CombinedOutput(); err != nil {
			t.Fatalf("%s", out)
		}
	}
	w.does(5, "waits for a person", "runbook run book.yaml --non-interactive")
	remount("ro")
	for line, says := range map[string]string{
		"runbook run book.yaml":                   "nothing was begun: .*read-only file system; .* give another one with --state",
		"runbook resume last --answer ask=done":   "nothing more is done: .*read-only file system; .*runbook resume ",
		"runbook resume last --accept-changes -y": "read-only file system",
	} {
		w.does(1, says, line)
	}
	w.does(0, "each as it was written", "runbook verify last")
	w.does(0, "paused", "runbook runs")
	if len(acts()) > 0 {
		t.Fatal("it acted: ", acts())
	}
	remount("rw")
	text := w.does(1, "nothing more is done: .*no space left on device; make room there", "runbook resume last --answer ask=done --output json")
	id := regexp.MustCompile(`then go on: (runbook resume \S+)`).FindStringSubmatch(text)
	w.does(0, "each as it was written", "runbook verify last")
	store := &journal.Store{Dir: w.state}
	ids, err := store.IDs()
	if err != nil || len(ids) != 1 || id == nil {
		t.Fatal(ids, err, text)
	}
	log, err := store.Read(ids[0])
	if err != nil {
		t.Fatal(err)
	}
	begun := 0
	for _, e := range log.Events {
		if e.Type == journal.AttemptStarted && e.Step == "act" {
			begun++
		}
	}
	if n := len(acts()); n > begun || n < 20 {
		t.Fatalf("%d actions done, %d begun", n, begun)
	}
	w.does(1, "no space left on device", "runbook run book.yaml --answer ask=done")
	if ids, err := store.IDs(); err != nil || len(ids) != 1 {
		t.Errorf("something is left of what was not begun: %v %v", ids, err)
	}
	remount("size=8m")
	w.does(0, "completed", id[1])
	seen := map[string]int{}
	for _, a := range acts() {
		if seen[a]++; seen[a] > 1 {
			t.Errorf("%s was done twice", a)
		}
	}
	if len(seen) != 200 {
		t.Errorf("%d of 200 were done", len(seen))
	}
	w.does(0, "each as it was written", "runbook verify last")
}

// lifetime bounds a test that waits for processes.
const lifetime = time.Minute

// TestClockJumps: the clock of the system is set between a run and its resume, forward
// and back. No duration is below nothing, and what was waited for is not waited for
// again for ever.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{-48 * time.Hour, 48 * time.Hour} {
		w := newWreck(t, `
apiVersion: runbook/v1
name: jumps
steps:
  - {check: before, delay: 50ms, shell: echo 1}
  - group: g
    timeout: 30s
    steps:
      - {manual: ask, instructions: Look}
      - {check: after, delay: 50ms, timeout: 10s, shell: echo 2}
      - {check: polls, shell: echo 3, expect: 'stdout == "3\n"', poll: {every: 10ms, for: 20s}}
  - {manual: again, instructions: Look again}
  - {action: act, confirm: {ask: "Sure?", timeout: 20s}, shell: echo 4}
  - {message: told, text: "after {{ .run.elapsed }}"}
`)
		w.does(5, "waits for a person", "runbook run book.yaml --non-interactive")
		w.shift(jump)
		began := time.Now()
		text := w.does(5, "Look again", "runbook resume last --non-interactive --answer ask=done")
		text += w.does(0, "paused", "runbook runs") + w.does(0, "Look again", "runbook show last")
		text += w.does(0, "completed", "runbook resume last --answer again=done --approve act")
		if time.Since(began) > lifetime {
			t.Errorf("%s: it waited", jump)
		}
		for _, format := range []string{"text", "markdown", "postmortem", "html", "junit", "json"} {
			text += w.does(0, ".", "runbook show last --format "+format)
		}
		text += w.does(0, "completed", "runbook runs") + w.does(0, "each as it was written", "runbook verify last")
		if m := regexp.MustCompile(`.*[\s"(:>+]-\d+(\.\d+)?(ms|µs|ns|m|h|s|,|").*`).FindString(text); m != "" {
			t.Errorf("%s: less than nothing: %s", jump, m)
		}
	}
}

// shift moves the only run's journal in time, as if the clock had been set since.
func (w *wreck) shift(by time.Duration) {
	w.t.Helper()
	store := &journal.Store{Dir: w.state}
	ids, err := store.IDs()
	if err != nil || len(ids) != 1 {
		w.t.Fatal(ids, err)
	}
	log, err := store.Read(ids[0])
	if err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(store.Path(ids[0]), journal.FileName)
	if err := os.Remove(path); err != nil {
		w.t.Fatal(err)
	}
	at := time.Time{}
	out, err := journal.Create(store.Path(ids[0]), ids[0], journal.Options{Now: func() time.Time { return at }})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range log.Events {
		at = e.Time.Add(-by)
		if _, err := out.Append(e.Type, e.Step, e.Key, e.Data, false); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		w.t.Fatal(err)
	}
}
