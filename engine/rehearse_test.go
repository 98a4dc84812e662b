package engine_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/source"
)

// everything uses all that a runbook can touch.
const everything = `
apiVersion: runbook/v1
name: everything
permissions: {observe: [ls, cat], act: [touch], hosts: [127.0.0.1, "{{ .inputs.host }}"], files: {read: [/etc/hostname], write: [/tmp/rehearsed]}}
requires: {commands: [ls, touch]}
inputs: {host: {type: string, default: example.com}, missing: {type: string}}
secrets:
  from_env: {env: REHEARSED_SECRET}
  from_file: {file: /tmp/rehearsed-secret}
  from_command: {command: [cat, /tmp/rehearsed-secret]}
channels: {room: {slack: {webhook: "{{ .secrets.from_env }}"}}}
facts: {level: {type: string, default: low}}
steps:
  - parallel: look
    timeout: 10s
    steps:
      - check: api
        http: {url: "http://127.0.0.1:1/{{ .inputs.missing }}", headers: {Authorization: "Bearer {{ .secrets.from_command }}"}}
        retry: {attempts: 3, delay: 1s}
      - check: files
        shell: |
          ls /etc > /dev/null
          if [[ -f /etc/hostname ]]; then cat < /etc/hostname; fi
  - decide: which
    branches:
      - {id: down, when: steps.api.status == 0, facts: {level: high}, then: mend}
    else: {id: fine}
  - {message: told, to: room, text: "{{ .facts.level }} {{ .steps.api.status }}"}
procedures:
  mend:
    steps:
      - manual: token
        instructions: Make a new one
        collect: {value: {type: string, secret: true, replaces: from_file}}
      - action: mend
        confirm: Mend it?
        shell: {script: "echo x > /tmp/rehearsed", stdin: "{{ .secrets.from_file }}"}
        verify: {repeat: files, poll: {every: 1s, for: 5s}}
        undo: {when: failure, steps: [{action: back, shell: {argv: [touch, /tmp/rehearsed]}}]}
`

func load(t *testing.T, text string) *engine.Runbook {
	t.Helper()
	rb, found := engine.Load(source.NewFile("x.yaml", []byte(text)))
	if rb == nil {
		t.Fatal(found)
	}
	return rb
}

// The child calls them around the rehearsal, for the trace to be cut there.
const begin, end = "/nothing/rehearsal-begins", "/nothing/rehearsal-ends"

// TestRehearsalChild is run by TestRehearsalTouchesNothing under strace.
func TestRehearsalChild(t *testing.T) {
	if os.Getenv("RUNBOOK_TEST_REHEARSAL") == "" {
		t.Skip("a part of TestRehearsalTouchesNothing")
	}
	rb := load(t, everything)
	_ = time.Now().Local().String() // the zone's file is read once
	n := 0
	_, _ = os.Open(begin)
	err := rb.Rehearse(context.Background(), engine.RehearseOptions{
		Session: engine.Session{Env: os.Getenv, Watch: []func(journal.Event){func(journal.Event) { n++ }}},
		Inputs:  map[string]any{"host": "example.com"},
	})
	_, _ = os.Open(end)
	if err != nil || n < 12 {
		t.Fatal(n, err)
	}
}

// TestRehearsalTouchesNothing looks at the system calls of a rehearsal: there is
// none that opens a file or a socket, or starts a process.
func TestRehearsalTouchesNothing(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace")
	}
	out := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-f", "-qq", "-o", out, "-e", "trace=%file,%network,execve,fork,vfork", os.Args[0], "-test.run=^TestRehearsalChild$")
	cmd.Env = append(os.Environ(), "RUNBOOK_TEST_REHEARSAL=1")
	if text, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(text), "ptrace") {
			t.Skip("strace may not trace here")
		}
		t.Fatalf("%v: %s", err, text)
	}
	trace, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, began := strings.Cut(string(trace), begin)
	between, _, ended := strings.Cut(rest, end)
	if !began || !ended {
		t.Fatalf("the trace has no rehearsal: %s", trace)
	}
	lines := strings.Split(between, "\n")
	for _, l := range lines[1 : len(lines)-1] { // without the rests of the markers' own lines
		if regexp.MustCompile(`^\d+ +[a-z0-9_]+\(`).MatchString(l) {
			t.Errorf("a rehearsal calls %s", l)
		}
	}
}

// TestRehearsalObserves: with Observe checks are really made, actions are not, and
// what was found fills in what follows.
func TestRehearsalObserves(t *testing.T) {
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(`{"level": "high", "echo": "` + r.Header.Get("Authorization") + `"}`)) // a client that went away
	}))
	defer srv.Close()
	touched := filepath.Join(t.TempDir(), "touched")
	rb := load(t, `
apiVersion: runbook/v1
name: observed
permissions: {act: [touch], hosts: [127.0.0.1]}
secrets: {key: {env: KEY}}
inputs: {url: {type: url}}
facts: {level: {type: string, default: low}}
steps:
  - check: api
    http: {url: "{{ .inputs.url }}/first", headers: {Authorization: "{{ .secrets.key }}"}}
    outputs: {level: 'json?.level ?? ""', echo: 'json?.echo ?? ""'}
    facts: {level: "{{ .steps.api.level }}"}
  - check: second
    http: {url: "{{ .inputs.url }}/{{ .steps.api.level }}"}
  - action: change
    shell: touch `+touched+`
  - check: third
    http: {url: "{{ .inputs.url }}/{{ .steps.change.exit }}"}
  - check: fourth
    if: steps.api.level == "low"
    http: {url: "{{ .inputs.url }}/fourth"}
  - {message: told, text: "{{ .facts.level }} {{ .steps.change.exit }} {{ .steps.api.echo }}"}
  - decide: which
    branches: [{id: high, when: facts.level == "high"}]
    else: {id: low}
`)
	var text, taken string
	err := rb.Rehearse(context.Background(), engine.RehearseOptions{Observe: true, Inputs: map[string]any{"url": srv.URL},
		Session: engine.Session{Env: func(string) string { return "secret-number-1" }, Watch: []func(journal.Event){func(e journal.Event) {
			if strings.Contains(string(e.Data), "secret-number") {
				t.Errorf("a secret stands in %s", e.Data)
			}
			var d struct {
				Text, Branch string
				Taken        bool
			}
			if err := json.Unmarshal(e.Data, &d); err != nil {
				t.Error(err)
			}
			if e.Step == "told" {
				text = d.Text
			}
			if d.Taken {
				taken = d.Branch
			}
		}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(asked, ", "); got != "GET /first secret-number-1, GET /high " {
		t.Errorf("asked %s", got)
	}
	if text != "high ‹steps.change.exit› ‹secrets.key›" || taken != "high" {
		t.Errorf("told %q, taken %q", text, taken)
	}
	if _, err := os.Stat(touched); err == nil {
		t.Error("the action was done")
	}
}
