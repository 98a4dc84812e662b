package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"runbook/engine/channel"
	"runbook/engine/journal"
)

// post is a request that a channel's server got.
type post struct {
	method, path, body string
	header             http.Header
}

// text is what a post to Slack says.
func (p post) text() string {
	var m struct{ Text string }
	_ = json.Unmarshal([]byte(p.body), &m) // what is no JSON has no text
	return m.Text
}

// room is a channel's server: it keeps what it gets, and answers what it is told
// to, the last answer again and again.
type room struct {
	*httptest.Server
	mu      sync.Mutex
	posts   []post
	answers []func(w http.ResponseWriter, r *http.Request)
}

func newRoom(t *testing.T, answers ...func(http.ResponseWriter, *http.Request)) *room {
	t.Helper()
	x := &room{answers: answers}
	x.Server = httptest.NewServer(x)
	t.Cleanup(func() { x.CloseClientConnections(); x.Close() })
	return x
}

func (x *room) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	x.mu.Lock()
	x.posts = append(x.posts, post{r.Method, r.URL.RequestURI(), string(body), r.Header.Clone()})
	next := x.answers[min(len(x.posts), len(x.answers))-1]
	x.mu.Unlock()
	next(w, r)
}

func (x *room) got() []post {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.posts)
}

// says answers with a status, a body, and headers as name and value.
func says(status int, body string, headers ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

var fine = says(200, "ok")

// hangs never answers.
func hangs(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
}

// cuts hangs up without an answer.
func cuts(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// hookPath is the secret part of a webhook's URL.
const hookPath = "/services/T0001/B0001/hook-secret-0009"

// tells is a runbook that sends one message.
const tells = `apiVersion: runbook/v1
name: tells
title: It tells
inputs: {word: {default: fine}}
secrets: {hook: {env: HOOK, optional: true}}
channels: {room: {slack: {webhook: "{{ .secrets.hook }}"}}}
steps:
  - {message: told, title: What there is, to: room, text: "It is {{ .inputs.word }}"}
  - {end: over, outcome: resolved}
`

// desk is where a person runs the program: a folder with a runbook in it.
type desk struct {
	t   *testing.T
	dir string
	env []string
}

func newDesk(t *testing.T, runbook string, env ...string) *desk {
	t.Helper()
	d := &desk{t, t.TempDir(), env}
	if err := os.WriteFile(filepath.Join(d.dir, "tells.yaml"), []byte(runbook), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = d.dir
	cmd.Env = append([]string{"RUNBOOK_TEST_MAIN=1", "HOME=" + d.dir, "RUNBOOK_STATE=" + d.dir + "/state", "PATH=" + os.Getenv("PATH"), "NO_PROXY=*", "GORACE=" + hurried}, d.env...)
	return cmd
}

// run runs the program and holds all that it left behind against the secret.
func (d *desk) run(args ...string) (code int, out string) {
	d.t.Helper()
	cmd := d.command(args...)
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		d.t.Fatal(err)
	}
	if strings.Contains(b.String(), "hook-secret") || strings.Contains(b.String(), "page-secret") {
		d.t.Errorf("a secret is shown:\n%s", b.String())
	}
	return cmd.ProcessState.ExitCode(), b.String()
}

// state is what the only run's journal says.
func (d *desk) state() *journal.State {
	d.t.Helper()
	store := &journal.Store{Dir: filepath.Join(d.dir, "state")}
	ids, err := store.IDs()
	if err != nil || len(ids) != 1 {
		d.t.Fatal(ids, err)
	}
	log, err := store.Read(ids[0])
	if err == nil {
		err = log.Verify()
	}
	if err != nil {
		d.t.Fatal(err)
	}
	raw, _ := os.ReadFile(filepath.Join(store.Path(ids[0]), journal.FileName))
	if strings.Contains(string(raw), "hook-secret") || strings.Contains(string(raw), "page-secret") {
		d.t.Errorf("a secret stands in the journal:\n%s", raw)
	}
	return journal.Fold(log.Events)
}

// TestMessagesAreSent: what a channel's server does, and what becomes of the
// message and of the run.
func TestMessagesAreSent(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name    string
		answers []func(http.ResponseWriter, *http.Request)
		posts   int
		kind    string // of the error; "" is sent
		says    string // in it
		takes   time.Duration
	}{
		{"sent", list(fine), 1, "", "", 0},
		{"the webhook is gone", list(says(404, "no_service")), 1, "refused", "404 no_service", 0},
		{"it does not take the text", list(says(400, "invalid_payload")), 1, "refused", "400 invalid_payload", 0},
		{"the channel is archived", list(says(410, "channel_is_archived")), 1, "refused", "410 channel_is_archived", 0},
		{"a page to log in at", list(says(200, "<html>Please log in</html>")), 1, "refused", "200 <html>", 0},
		{"a fault that passes", list(says(500, "rollup_error"), fine), 2, "", "", 0},
		{"a fault that stays", list(says(503, "")), 3, "refused", "503", 0},
		{"too many", list(says(429, "rate_limited", "Retry-After", "1"), fine), 2, "", "", 0},
		{"too many for long", list(says(429, "rate_limited", "Retry-After", "3600")), 1, "refused", "again in 1h", 0},
		{"it hangs up", list(cuts, fine), 2, "", "", 0},
		{"it hangs", list(hangs), 1, "timeout", "no complete answer in time", 10 * time.Second},
		{"it repeats what it was asked", list(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such path "+r.URL.Path, 404) }), 1, "refused", "no such path ‹hidden›", 0},
		{"redirected within", list(says(307, "", "Location", "/elsewhere"), fine), 2, "", "", 0},
		{"redirected to a GET", list(says(302, "", "Location", "/login"), fine), 2, "protocol", "drops the message", 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			server := newRoom(t, x.answers...)
			d := newDesk(t, tells, "HOOK="+server.URL+hookPath)
			began := time.Now()
			code, out := d.run("run", "tells.yaml")
			if took := time.Since(began); took > x.takes+9*time.Second {
				t.Errorf("it took %s", took)
			}
			st := d.state()
			if code != 0 || st.Finished == nil || st.Finished.Outcome != "resolved" || st.Step("told").Done.Verdict != "passed" {
				t.Errorf("exit %d: %+v\n%s", code, st.Finished, out)
			}
			posts := server.got()
			if len(posts) != x.posts || posts[0].method != "POST" || posts[0].path != hookPath || posts[0].body != `{"text":"It is fine"}` {
				t.Errorf("got %+v", posts)
			}
			d.holdOutbox(st, out, x.kind, x.says)
		})
	}
}

func list(answers ...func(http.ResponseWriter, *http.Request)) []func(http.ResponseWriter, *http.Request) {
	return answers
}

// holdOutbox: the message is sent, or stays with its text ready to paste, on the
// screen, in the list of runs and in the reports.
func (d *desk) holdOutbox(st *journal.State, out, kind, why string) {
	t := d.t
	t.Helper()
	box := st.Outbox()
	_, runs := d.run("runs")
	_, page := d.run("show", "last", "--format", "postmortem")
	_, html := d.run("show", "last", "--format", "html")
	if kind == "" {
		if len(box) != 0 || st.Step("told").Reached("room") == nil || !strings.Contains(out, "sent to room") || strings.Contains(out, "not sent") || strings.Contains(runs+page+html, "not sent") {
			t.Errorf("it is not sent: %+v\n%s%s", box, out, page)
		}
		return
	}
	if len(box) != 1 || box[0].Why == nil || box[0].Why.Error.Kind != kind || !strings.Contains(box[0].Why.Error.Message, why) {
		t.Errorf("got %+v", st.Step("told").Unsent)
	}
	for _, want := range []string{"not sent to room: told", "\nIt is fine\n", "runbook resume " + st.Run} {
		if !strings.Contains(out, want) {
			t.Errorf("the screen lacks %q:\n%s", want, out)
		}
	}
	if !strings.Contains(runs, "1 message not sent") {
		t.Errorf("runs says\n%s", runs)
	}
	if !strings.Contains(page, "Messages that are not sent") || !strings.Contains(html, "Messages that are not sent") || !strings.Contains(page, "It is fine") {
		t.Errorf("the postmortem says\n%s", page)
	}
}

// TestNowhereToSend: a host that is not there, one that refuses, a redirect to
// another server, and no secret at all.
func TestNowhereToSend(t *testing.T) {
	t.Parallel()
	other := newRoom(t, fine)
	astray := newRoom(t, says(307, "", "Location", other.URL+"/taken"))
	closed := newRoom(t, fine)
	closed.Close()
	for _, x := range []struct{ name, hook, kind, says string }{
		{"refused", closed.URL + hookPath, "connect", "refused"},
		{"no such host", "http://" + strings.Repeat("a", 64) + ".example" + hookPath, "dns", ""},
		{"elsewhere", astray.URL + hookPath, "denied", "redirected to another host"},
		{"no URL", "nonsense" + hookPath, "protocol", "the channel's URL cannot be used"},
		{"no TLS", strings.Replace(other.URL, "http", "https", 1) + hookPath, "tls", "does not speak TLS"},
		{"off", "", "off", "there is no secret hook"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, tells, "HOOK="+x.hook)
			code, out := d.run("run", "tells.yaml")
			if code != 0 {
				t.Errorf("exit %d", code)
			}
			d.holdOutbox(d.state(), out, x.kind, x.says)
		})
	}
	t.Cleanup(func() {
		if got := other.got(); len(got) > 0 {
			t.Errorf("another server was told %+v", got)
		}
	})
}

// TestChannelHostIsForMessagesOnly: that a message may go there permits no check.
func TestChannelHostIsForMessagesOnly(t *testing.T) {
	t.Parallel()
	server := newRoom(t, fine)
	d := newDesk(t, `apiVersion: runbook/v1
name: tells
inputs: {url: {}}
secrets: {hook: {env: HOOK}}
channels: {room: {slack: {webhook: "{{ .secrets.hook }}"}}}
permissions: {hosts: ["{{ .inputs.url }}"]}
steps:
  - {message: told, to: room, text: It is fine}
  - {check: asks, http: {url: "{{ .secrets.hook }}"}, timeout: 5s}
`, "HOOK="+server.URL+hookPath)
	if code, out := d.run("run", "tells.yaml", "--input", "url=http://elsewhere.example"); code != 0 || len(server.got()) != 1 {
		t.Errorf("exit %d, %d posts\n%s", code, len(server.got()), out)
	}
	st := d.state()
	if st.Step("told").Reached("room") == nil || st.Step("asks").Done.Error == nil || st.Step("asks").Done.Error.Kind != "denied" {
		t.Errorf("got %+v", st.Step("asks").Done)
	}
}

// TestTextsReachSlackAsTexts: values of strangers mention nobody, other scripts
// arrive whole, and what is too long is cut where people see it.
func TestTextsReachSlackAsTexts(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("0123456789<&", 6000)
	for _, x := range []struct{ word, want string }{
		{"<!channel> & <https://evil.example|your bank>", "It is &lt;!channel&gt; &amp; &lt;https://evil.example|your bank&gt;"},
		{"größer 日本語 🚒 é", "It is größer 日本語 🚒 é"},
		{huge, ""},
	} {
		server := newRoom(t, fine)
		d := newDesk(t, tells, "HOOK="+server.URL+hookPath)
		if code, out := d.run("run", "tells.yaml", "--input", "word="+x.word); code != 0 {
			t.Fatalf("exit %d\n%s", code, out)
		}
		got := server.got()
		if len(got) != 1 {
			t.Fatalf("%d posts", len(got))
		}
		text := got[0].text()
		if x.word == huge {
			if n := len([]rune(text)); n > 40000 || n < 39000 || !strings.Contains(text, "cut here: ") || strings.ContainsAny(text, "<>") {
				t.Errorf("%d characters, at the end %q", n, text[len(text)-100:])
			}
			if m := d.state().Step("told").Message.Text; m != "It is "+huge {
				t.Errorf("the journal has %d bytes", len(m))
			}
			continue
		}
		if text != x.want || text != channel.SlackText("It is "+x.word) {
			t.Errorf("got %q", text)
		}
	}
}

// TestSentLater: what was not sent is sent by a resume of the run that is over,
// once, and nothing else is done again.
func TestSentLater(t *testing.T) {
	t.Parallel()
	server := newRoom(t, says(404, "no_service"), says(404, "no_service"), fine)
	mark := filepath.Join(t.TempDir(), "mark")
	book := strings.Replace(tells, "steps:\n", "permissions: {act: [sh]}\nsteps:\n  - {action: once, shell: {argv: [sh, -c, 'echo x >> "+mark+"']}}\n", 1)
	book = strings.Replace(book, "  - {end:", "  - {message: more, to: room, text: More of it}\n  - {end:", 1)
	d := newDesk(t, book, "HOOK="+server.URL+hookPath)
	if code, out := d.run("run", "tells.yaml"); code != 0 || !strings.Contains(out, "not sent to room: told") || !strings.Contains(out, "\nMore of it\n") {
		t.Fatalf("exit %d\n%s", code, out)
	}
	ended := d.state().Ended
	if err := os.WriteFile(filepath.Join(d.dir, "tells.yaml"), []byte(strings.ReplaceAll(book, "More of it", "Other words")), 0o600); err != nil {
		t.Fatal(err) // what was written then is sent, whatever the file says by now
	}
	code, out := d.run("resume", "last")
	if code != 0 || !strings.Contains(out, "What there is  sent to room") || !strings.Contains(out, "more  sent to room") || strings.Contains(out, "not sent to") {
		t.Errorf("exit %d\n%s", code, out)
	}
	st := d.state()
	if len(st.Outbox()) != 0 || st.Finished.Outcome != "resolved" || !st.Ended.Equal(ended) || st.Status(false) != "resolved" {
		t.Errorf("got %+v", st.Outbox())
	}
	var texts []string
	for _, p := range server.got() {
		texts = append(texts, p.text())
	}
	if want := []string{"It is fine", "More of it", "It is fine", "More of it"}; !slices.Equal(texts, want) {
		t.Errorf("got %q", texts)
	}
	if data, _ := os.ReadFile(mark); string(data) != "x\n" {
		t.Errorf("the action was done again: %q", data)
	}
	if code, out := d.run("resume", "last"); code != 1 || !strings.Contains(out, "is over: resolved") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if code, out := d.run("verify", "last"); code != 0 {
		t.Errorf("exit %d\n%s", code, out)
	}
	if _, out := d.run("show", "last"); strings.Contains(out, "paste") || strings.Contains(out, "\nMore of it\n") || !strings.Contains(out, "more  sent to room") {
		t.Errorf("show says\n%s", out)
	}
	if _, out := d.run("runs"); !strings.Contains(out, "resolved") || strings.Contains(out, "not sent") {
		t.Errorf("runs says\n%s", out)
	}
}

// TestStillNotSent: a resume that cannot send says so, and takes no longer for
// many messages than for one where the server does not answer.
func TestStillNotSent(t *testing.T) {
	t.Parallel()
	book := tells
	for i := range 5 {
		book = strings.Replace(book, "  - {end:", fmt.Sprintf("  - {message: m%d, to: room, text: Number %d}\n  - {end:", i, i), 1)
	}
	d := newDesk(t, book)
	if code, out := d.run("run", "tells.yaml"); code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	server := newRoom(t, hangs)
	d.env = append(d.env, "HOOK="+server.URL+hookPath)
	began := time.Now()
	code, out := d.run("resume", "last")
	if code != 1 || len(d.state().Outbox()) != 6 || !strings.Contains(out, "\nNumber 4\n") || !strings.Contains(out, "not sent to room: no complete answer in time") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if took := time.Since(began); took > 18*time.Second || len(server.got()) != 1 {
		t.Errorf("it took %s and %d posts", took, len(server.got()))
	}
}

// TestKilledWhileSending: between a message and its entry in the journal the
// process dies. It is sent again: at least once.
func TestKilledWhileSending(t *testing.T) {
	t.Parallel()
	got := make(chan bool, 1)
	server := newRoom(t, func(w http.ResponseWriter, r *http.Request) { got <- true; hangs(w, r) }, fine)
	d := newDesk(t, strings.Replace(tells, "{slack: {webhook:", "{webhook: {url:", 1), "HOOK="+server.URL+hookPath)
	cmd := d.command("run", "tells.yaml")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-got
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	if box := d.state().Outbox(); len(box) != 1 || box[0].Why != nil {
		t.Errorf("got %+v", box)
	}
	if _, out := d.run("runs"); !strings.Contains(out, "interrupted") || !strings.Contains(out, "1 message not sent") {
		t.Errorf("runs says\n%s", out)
	}
	if code, out := d.run("resume", "last"); code != 0 || !strings.Contains(out, "sent to room") {
		t.Errorf("exit %d\n%s", code, out)
	}
	posts := server.got()
	if len(posts) != 2 || posts[0].body != posts[1].body {
		t.Fatalf("got %+v", posts)
	}
	if a, b := posts[0].header.Get("Idempotency-Key"), posts[1].header.Get("Idempotency-Key"); a != b || len(a) != 32 {
		t.Errorf("the keys are %q and %q", a, b)
	}
	if len(d.state().Outbox()) != 0 {
		t.Error("it is still not sent")
	}
}

// TestUnsentInARunThatGoesOn: a paused run is resumed: first its outbox is sent,
// then it goes on, and decides as before.
func TestUnsentInARunThatGoesOn(t *testing.T) {
	t.Parallel()
	server := newRoom(t, says(404, "no_service"), fine)
	d := newDesk(t, `apiVersion: runbook/v1
name: tells
secrets: {hook: {env: HOOK}}
channels: {room: {slack: {webhook: "{{ .secrets.hook }}"}}}
steps:
  - parallel: both
    steps:
      - {message: told, to: room, text: It is fine}
      - {message: kept, text: For the journal}
  - decide: quick
    branches: [{id: soon, when: 'run.elapsed < duration("3s")', steps: [{message: again, to: room, text: Soon}]}]
    else: {id: later}
  - {manual: look, instructions: Look}
`, "HOOK="+server.URL+hookPath)
	if code, out := d.run("run", "tells.yaml"); code != 5 || !strings.Contains(out, "not sent to room") {
		t.Fatalf("exit %d\n%s", code, out)
	}
	time.Sleep(3 * time.Second) // past what the decision asks about
	if code, out := d.run("resume", "last", "--answer", "look=done"); code != 0 {
		t.Errorf("exit %d\n%s", code, out)
	}
	st := d.state()
	if len(st.Outbox()) != 0 || st.Finished == nil || st.Step("quick").Decision.Branch != "soon" || len(server.got()) != 3 {
		t.Errorf("got %+v, %d posts", st.Outbox(), len(server.got()))
	}
}

// TestCancelledWhileSending: a person who cancels does not wait for a server.
func TestCancelledWhileSending(t *testing.T) {
	t.Parallel()
	got := make(chan bool, 1)
	server := newRoom(t, func(w http.ResponseWriter, r *http.Request) { got <- true; hangs(w, r) })
	d := newDesk(t, tells, "HOOK="+server.URL+hookPath)
	cmd := d.command("run", "tells.yaml")
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-got
	began := time.Now()
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 130 || time.Since(began) > 8*time.Second {
		t.Errorf("exit %d after %s\n%s", cmd.ProcessState.ExitCode(), time.Since(began), b.String())
	}
	d.holdOutbox(d.state(), b.String(), "canceled", "the run was cancelled")
}

// TestSideBySide: messages that are sent beside one another, to channels beside
// one another, wait for none of the others.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	slow := newRoom(t, func(w http.ResponseWriter, r *http.Request) { time.Sleep(2 * time.Second); fine(w, r) })
	quick := newRoom(t, fine)
	d := newDesk(t, `apiVersion: runbook/v1
name: tells
secrets: {hook: {env: HOOK}, other: {env: OTHER}}
channels: {room: {slack: {webhook: "{{ .secrets.hook }}"}}, desk: {slack: {webhook: "{{ .secrets.other }}"}}}
steps:
  - parallel: both
    timeout: 1s
    steps:
      - {message: one, to: [room, desk], text: One}
      - {message: two, to: [desk, room], text: Two}
  - {end: over, outcome: resolved}
`, "HOOK="+slow.URL+hookPath, "OTHER="+quick.URL+hookPath+"-2")
	began := time.Now()
	code, out := d.run("run", "tells.yaml")
	if took := time.Since(began); code != 0 || took > 7*time.Second || len(slow.got()) != 2 || len(quick.got()) != 2 {
		t.Errorf("exit %d after %s, %d and %d posts\n%s", code, took, len(slow.got()), len(quick.got()), out)
	}
	if st := d.state(); len(st.Outbox()) != 0 || st.Finished.Outcome != "resolved" {
		t.Errorf("got %+v", st.Outbox())
	}
}

// TestWebhookTakesWhatItIsGiven: headers and a body of one's own.
func TestWebhookTakesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	server := newRoom(t, says(204, ""))
	d := newDesk(t, strings.Replace(tells, `{slack: {webhook: "{{ .secrets.hook }}"}}`,
		`{webhook: {url: "{{ .secrets.hook }}", headers: {X-Team: "{{ .inputs.word }}"}, json: {content: "{{ .message.title }}: {{ .message.text }}", n: 3, deep: ["{{ .message.step }}"]}}}`, 1), "HOOK="+server.URL+hookPath)
	if code, out := d.run("run", "tells.yaml", "--input", `word="<b>"`); code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	got := server.got()
	if len(got) != 1 || got[0].header.Get("X-Team") != `"<b>"` || got[0].body != `{"content":"What there is: It is \"<b>\"","deep":["told"],"n":3}` {
		t.Errorf("got %+v", got)
	}
}

// TestNobodyIsToldInRehearsals: a dry run shows where a message would go, and
// describe says where the file may send to.
func TestNobodyIsToldInRehearsals(t *testing.T) {
	t.Parallel()
	server := newRoom(t, fine)
	d := newDesk(t, tells, "HOOK="+server.URL+hookPath)
	for _, args := range [][]string{{"run", "tells.yaml", "--dry-run"}, {"run", "tells.yaml", "--dry-run", "--observe"}, {"describe", "tells.yaml"}} {
		if code, out := d.run(args...); code != 0 || !strings.Contains(out, "room (slack at hooks.slack.com)") {
			t.Errorf("%v: exit %d\n%s", args, code, out)
		}
	}
	if n := len(server.got()); n > 0 {
		t.Errorf("%d posts", n)
	}
}

// TestDrillsTellNobody: a drill's messages go to the scenario, or nowhere.
func TestDrillsTellNobody(t *testing.T) {
	t.Parallel()
	server := newRoom(t, fine)
	d := newDesk(t, tells, "HOOK="+server.URL+hookPath)
	world := `runbook: tells.yaml
scenarios:
  alone: {secrets: {hook: "https://hooks.slack.com/services/drill-secret-01"}, expect: {outcome: resolved}}
  off: {expect: {outcome: resolved}}
  refuses:
    secrets: {hook: "https://hooks.slack.com/services/drill-secret-01"}
    http: [{on: POST https://hooks.slack.com/services/*, reply: {status: 404, body: no_service}}]
`
	if err := os.WriteFile(filepath.Join(d.dir, "tells.scenarios.yaml"), []byte(world), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"alone": "sent to room", "off": "not sent to room: the channel is off", "refuses": "not sent to room: the answer was 404 no_service"} {
		code, out := d.run("run", "tells.yaml", "--scenario", name)
		if code != 0 || !strings.Contains(out, want) || strings.Contains(out, "paste") || strings.Contains(out, "drill-secret") {
			t.Errorf("%s: exit %d\n%s", name, code, out)
		}
	}
	if n := len(server.got()); n > 0 {
		t.Errorf("%d posts", n)
	}
}
