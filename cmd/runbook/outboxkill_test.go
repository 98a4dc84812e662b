package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"runbook/engine/journal"
)

// threeMessages go to a webhook, which can tell a message that it had.
const threeMessages = `apiVersion: runbook/v1
name: tells
secrets: {hook: {env: HOOK}}
channels: {room: {webhook: {url: "{{ .secrets.hook }}"}}}
steps:
  - {message: one, to: room, text: First}
  - {message: two, to: room, text: Second}
  - {message: three, to: room, text: Third}
  - {end: over, outcome: resolved}
`

// journal is the only run's journal, and its lines.
func (d *desk) journal() (file string, lines []string) {
	d.t.Helper()
	found, err := filepath.Glob(filepath.Join(d.dir, "state", "*", "*", journal.FileName))
	if more, _ := filepath.Glob(filepath.Join(d.dir, "state", "*", journal.FileName)); err == nil {
		found = append(found, more...)
	}
	if len(found) != 1 {
		d.t.Fatal(found, err)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		d.t.Fatal(err)
	}
	return found[0], strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
}

// TestKilledBeforeSending: what is to be sent stands in the journal before the
// first byte leaves, so that a process that dies in between has lost nothing.
func TestKilledBeforeSending(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, threeMessages, "HOOK=http://"+l.Addr().String()+hookPath)
	cmd := d.command("run", "tells.yaml")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept() // it is connected, and nothing was read
	if err != nil {
		t.Fatal(err)
	}
	_, lines := d.journal()
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	conn.Close()
	l.Close()
	if all := strings.Join(lines, ""); !strings.Contains(all, `"message.rendered"`) || !strings.Contains(all, "First") || !strings.Contains(all, `"attempt.started"`) {
		t.Errorf("when it connects the journal is\n%s", all)
	}
	if _, out := d.run("show", "last"); !strings.Contains(out, "\nFirst\n") {
		t.Errorf("show says\n%s", out)
	}
	server := newRoom(t, fine)
	d.env = append(d.env, "HOOK="+server.URL+hookPath)
	if code, out := d.run("resume", "last"); code != 0 || len(d.state().Outbox()) != 0 || !slices.Equal(said(server), []string{"First", "Second", "Third"}) {
		t.Errorf("exit %d, %v\n%s", code, said(server), out)
	}
}

// said are the texts that a webhook's server was told, in order.
func said(x *room) []string {
	var out []string
	for _, p := range x.got() {
		out = append(out, p.text())
	}
	return out
}

// TestKilledBehindTheAnswer: the server took the message, and only the last word of
// it is missing in the journal: it is not sent again.
func TestKilledBehindTheAnswer(t *testing.T) {
	t.Parallel()
	for _, over := range []bool{true, false} {
		server := newRoom(t, fine)
		d := newDesk(t, threeMessages, "HOOK="+server.URL+hookPath)
		if code, out := d.run("run", "tells.yaml"); code != 0 {
			t.Fatalf("exit %d\n%s", code, out)
		}
		file, lines := d.journal()
		i := slices.IndexFunc(lines, func(l string) bool {
			return strings.Contains(l, `"type":"message.sent"`) && strings.Contains(l, `"three`)
		})
		if i < 0 {
			t.Fatal(strings.Join(lines, ""))
		}
		if !over {
			i = slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, `"type":"message.sent"`) })
		}
		if err := os.WriteFile(file, []byte(strings.Join(lines[:i], "")), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out := d.run("resume", "last")
		want := []string{"First", "Second", "Third"}
		if !over {
			want = append(want, "Second", "Third") // of which the journal knows nothing any more
		}
		if got := said(server); code != 0 || len(d.state().Outbox()) != 0 || !slices.Equal(got, want) {
			t.Errorf("exit %d, %v\n%s", code, got, out)
		}
	}
}

// TestKilledAtAnyMoment: however often and whenever the process is killed, each
// message arrives, in order, and one that arrives twice has the same key.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	for round := range 12 {
		server := newRoom(t, func(w http.ResponseWriter, r *http.Request) { time.Sleep(5 * time.Millisecond); fine(w, r) })
		d := newDesk(t, threeMessages, "HOOK="+server.URL+hookPath)
		args := []string{"run", "tells.yaml"}
		for range 3 {
			cmd := d.command(args...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond)
			_ = cmd.Process.Signal(syscall.SIGKILL)
			_ = cmd.Wait()
			if found, _ := filepath.Glob(filepath.Join(d.dir, "state", "*")); len(found) > 0 {
				args = []string{"resume", "last"}
			}
		}
		code, out := d.run(args...)
		if code != 0 && !strings.Contains(out, "is over") {
			t.Logf("round %d: exit %d\n%s", round, code, out) // killed before there was a run
			d.run("run", "tells.yaml")
		}
		keys, first := map[string]string{}, []string{}
		for _, p := range server.got() {
			key := p.header.Get("Idempotency-Key")
			if keys[key] == "" {
				first = append(first, p.text())
				keys[key] = p.text()
			}
			if keys[key] != p.text() {
				t.Errorf("round %d: the key of %q is that of %q", round, p.text(), keys[key])
			}
		}
		if !slices.Equal(first, []string{"First", "Second", "Third"}) {
			t.Errorf("round %d: got %v\n%s", round, first, out)
		}
	}
}

// TestTwoSendAtOnce: of two that resume a run to send what is left, one does, and
// the other says who holds the run.
func TestTwoSendAtOnce(t *testing.T) {
	t.Parallel()
	server := newRoom(t, says(404, "gone"), says(404, "gone"), says(404, "gone"), fine)
	d := newDesk(t, threeMessages, "HOOK="+server.URL+hookPath)
	if code, out := d.run("run", "tells.yaml"); code != 0 || len(d.state().Outbox()) != 3 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	codes, outs := make([]int, 2), make([]bytes.Buffer, 2)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			cmd := d.command("resume", "last")
			cmd.Stdout, cmd.Stderr = &outs[i], &outs[i]
			_ = cmd.Run()
			codes[i] = cmd.ProcessState.ExitCode()
		})
	}
	wg.Wait()
	if got := said(server); !slices.Equal(got[3:], []string{"First", "Second", "Third"}) || len(d.state().Outbox()) != 0 {
		t.Errorf("got %v", got)
	}
	slices.Sort(codes)
	if both := outs[0].String() + outs[1].String(); codes[0] != 0 || codes[1] == 0 || !strings.Contains(both, "sent to room") || !strings.Contains(both, "process") {
		t.Errorf("exits %v\n%s", codes, both)
	}
}

// TestUnsentIsReadyToPaste: what was not sent is listed to the letter, however a run
// came to its end, and later by show and by resume.
func TestUnsentIsReadyToPaste(t *testing.T) {
	t.Parallel()
	text := "Dear \"all\",\n\n  it's `down`: 50% <b> & $HOME \\n {x}\n\ttabbed, größer 日本語 🚒 👩‍🚒\n- last line  with  spaces"
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	for end, code := range map[string]int{
		"{end: over, outcome: resolved}":                             0,
		"{end: over, outcome: failed}":                               1,
		"{check: none, required: true, file: {path: /nowhere}}":      6,
		"{manual: look, instructions: Look}":                         5,
		"{action: none, shell: {argv: ['false']}, on_failure: stop}": 1,
	} {
		server := newRoom(t, says(404, "gone"))
		book := "apiVersion: runbook/v1\nname: tells\npermissions: {act: ['false'], files: {read: ['{{ .inputs.dir }}']}}\ninputs: {dir: {default: /srv}}\nsecrets: {hook: {env: HOOK}}\n" +
			"channels: {room: {slack: {webhook: \"{{ .secrets.hook }}\"}}}\nsteps:\n  - {message: told, to: room, text: " + string(quoted) + "}\n  - " + end + "\n"
		d := newDesk(t, book, "HOOK="+server.URL+hookPath)
		got, out := d.run("run", "tells.yaml")
		if got != code {
			t.Fatalf("%s: exit %d\n%s", end, got, out)
		}
		_, shown := d.run("show", "last")
		_, again := d.run("resume", "last")
		for by, out := range map[string]string{"run": out, "show": shown, "resume": again} {
			if !strings.Contains(out, "\n"+text+"\n") || strings.Count(out, "ready") > 1 {
				t.Errorf("%s, %s:\n%s", end, by, out)
			}
		}
		if st := d.state(); len(st.Outbox()) != 1 || st.Step("told").Message.Text != text {
			t.Errorf("%s: %s", end, fmt.Sprint(st.Outbox()))
		}
	}
}
