// Package real runs the runbooks of the library through the real binary, against
// real servers, databases and programs that keep state.
package real

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
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

	"runbook/engine/journal"
)

// hall is where runbooks of the library are run through the real binary, against
// real servers and programs that keep state: what they send to Slack arrives
// here, and nothing that is secret may be seen.
type hall struct {
	dir     string
	env     []string
	secrets []string

	mu    sync.Mutex
	posts []string
}

// binary is the program, built once for all tests of the package.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(withBinary(m.Run))
}

func withBinary(tests func() int) int {
	dir, err := os.MkdirTemp("", "runbook-real-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "runbook")
	if out, err := exec.Command("go", "build", "-o", binary, "runbook/cmd/runbook").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %s\n", err, out)
		return 1
	}
	return tests()
}

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{dir: t.TempDir(), secrets: []string{"slack-secret-0004"}}
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var post struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&post); err != nil || r.URL.Path != "/slack-secret-0004" {
			http.Error(w, "invalid_payload", http.StatusBadRequest)
			return
		}
		h.mu.Lock()
		h.posts = append(h.posts, post.Text)
		h.mu.Unlock()
		fmt.Fprint(w, "ok")
	}))
	t.Cleanup(slack.Close)
	h.env = []string{"HOME=" + h.dir, "NO_PROXY=*", "PATH=/usr/bin:/bin", "SLACK_WEBHOOK_URL=" + slack.URL + "/slack-secret-0004"}
	return h
}

// run is one process of the binary; before is the one that it goes on from.
func (h *hall) run(t *testing.T, before *result, env []string, args ...string) *result {
	t.Helper()
	state := filepath.Join(h.dir, "state")
	if before == nil {
		if err := os.RemoveAll(state); err != nil {
			t.Fatal(err)
		}
		h.mu.Lock()
		h.posts = nil
		h.mu.Unlock()
	}
	cmd := exec.Command(binary, append(args, "--output", "json", "--state", state, "--as", "night")...)
	cmd.Env = slices.Concat(h.env, env)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := &result{code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}
	if before != nil {
		r.events = slices.Clone(before.events)
	}
	for line := range strings.Lines(r.out) {
		var ev journal.Event
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			t.Fatalf("standard output holds more than events: %q", line)
		}
		r.events = append(r.events, ev)
	}
	r.state = journal.Fold(r.events)
	h.leaks(t, r, state)
	return r
}

// leaks: no secret stands in what the process wrote.
func (h *hall) leaks(t *testing.T, r *result, state string) {
	t.Helper()
	for _, secret := range h.secrets {
		if strings.Contains(r.out, secret) || strings.Contains(r.err, secret) {
			t.Errorf("the output shows %s", secret)
		}
		err := filepath.WalkDir(state, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(name)
			if err == nil && bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds %s", name, secret)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
}

// want is what must have come of a run.
type want struct {
	code      int
	outcome   string
	decisions string // id=branch id=branch
	facts     map[string]string
	summary   []string            // parts of the end's text
	messages  map[string][]string // parts of texts, by step; none is a message that was not written
	asks      map[string][]string // parts of what people are asked, by step
	silent    []string            // steps that ask nobody
}

// hold holds a run against it, and what reached Slack against the journal.
func (w want) hold(t *testing.T, h *hall, r *result) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("%s", r.err)
		}
	}()
	s := situation{code: w.code, outcome: w.outcome, decisions: w.decisions, facts: w.facts, summary: w.summary}
	if r.code != w.code {
		t.Errorf("exit code %d, not %d", r.code, w.code)
	}
	s.holdState(t, r)
	var sent []string
	said, asked := map[string]string{}, map[string]string{}
	for _, st := range r.state.Steps {
		if st.Done != nil && st.Done.Role == "message" && st.Done.Verdict == "error" {
			t.Errorf("%s: %s", st.Key, st.Done.Reason)
		}
		if st.Done != nil && st.Done.Error != nil && (st.Done.Error.Kind == "output" || st.Done.Error.Kind == "render") {
			t.Errorf("%s: %s", st.Key, st.Done.Error.Message)
		}
		if st.Message != nil {
			said[st.ID] += st.Message.Text + "\n"
		}
		if st.Message != nil && slices.Contains(st.Message.To, "incident") {
			sent = append(sent, st.Message.Text)
		}
		for _, q := range st.Questions {
			asked[st.ID] += q.Asked.Text + "\n"
		}
	}
	holdParts(t, "message", w.messages, said)
	holdParts(t, "question", w.asks, asked)
	for _, id := range w.silent {
		if asked[id] != "" {
			t.Errorf("%s was asked for", id)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.posts) > 0 && !slices.Equal(h.posts, sent) {
		t.Errorf("Slack was told %q, and the journal has %q", h.posts, sent)
	}
}

func holdParts(t *testing.T, what string, want map[string][]string, have map[string]string) {
	t.Helper()
	for id, parts := range want {
		if len(parts) == 0 && have[id] != "" {
			t.Errorf("the %s %s is there: %q", what, id, have[id])
		}
		for _, part := range parts {
			if !strings.Contains(have[id], part) {
				t.Errorf("the %s %s does not say %q, but %q", what, id, part, have[id])
			}
		}
	}
}
