package real

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine/journal"
)

// webhook is the path of Slack's incoming webhook, which is a secret.
const webhook = "/services/T0000/B0000/slack-secret-0003"

// reply is one answer of an emulated server. Body is a file of testdata/hubspot,
// or text where it holds anything but a file's name.
type reply struct {
	status  int
	body    string
	headers string // a file of testdata/hubspot, or a line
	hang    bool
}

// tools are the programs that all situations share, in a folder of the test:
// jq, and a stand-in for jq.
type tools struct{ dir, jq, standIn string }

func build(dir string) (*tools, error) {
	t := &tools{dir: dir, standIn: filepath.Join(dir, "jq")}
	if out, err := exec.Command("go", "build", "-o", t.standIn, "./testdata/jq").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	t.jq = t.standIn
	if installed, err := exec.LookPath("jq"); err == nil {
		t.jq = installed
	}
	return t, nil
}

// emulation is HubSpot, its status page, Slack, our own service, AWS and
// Kubernetes, as far as a run meets them.
type emulation struct {
	s     *situation
	dir   string // of the emulated programs: what they were called with, and their state
	tools *tools
	// The tokens are of this emulation alone: others run beside it, and look
	// into the same list of processes.
	oldToken, newToken string

	api, page, slack, health *httptest.Server

	mu    sync.Mutex
	asked map[string]int
	posts []string
}

// open starts the servers and writes the programs.
func open(t *tools, s *situation) (*emulation, error) {
	dir, err := os.MkdirTemp(t.dir, "situation-")
	if err != nil {
		return nil, err
	}
	e := &emulation{s: s, dir: dir, tools: t, asked: map[string]int{}, oldToken: "pat-eu1-old-" + rand.Text(), newToken: "pat-eu1-new-" + rand.Text()}
	e.api = httptest.NewServer(http.HandlerFunc(e.serveAPI))
	e.page = httptest.NewServer(http.HandlerFunc(e.servePage))
	e.slack = httptest.NewServer(http.HandlerFunc(e.serveSlack))
	e.health = httptest.NewServer(http.HandlerFunc(e.serveHealth))
	return e, e.programs()
}

func (e *emulation) close() {
	for _, s := range []*httptest.Server{e.api, e.page, e.slack, e.health} {
		s.CloseClientConnections()
		s.Close()
	}
}

// next is the reply whose turn it is; the last one stays.
func (e *emulation) next(name string, replies []reply) reply {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.asked[name]
	e.asked[name]++
	return replies[min(n, len(replies)-1)]
}

func (e *emulation) serveAPI(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/account-info/v3/api-usage/daily/private-apps":
		write(w, r, e.next("usage", e.s.usage))
	case r.Method != http.MethodGet || r.URL.Path != "/crm/v3/objects/contacts" || r.URL.Query().Get("limit") != "1":
		http.Error(w, "HubSpot has no such endpoint: "+r.Method+" "+r.URL.String(), http.StatusNotFound)
	case r.Header.Get("Authorization") == "Bearer "+e.newToken && !e.s.newTokenWrong:
		write(w, r, good)
	default:
		write(w, r, e.next("api", e.s.api))
	}
}

func (e *emulation) servePage(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/v2/summary.json" {
		http.NotFound(w, r)
		return
	}
	write(w, r, e.next("page", e.s.page))
}

func (e *emulation) serveSlack(w http.ResponseWriter, r *http.Request) {
	var post struct{ Text string }
	if err := json.NewDecoder(r.Body).Decode(&post); err != nil || r.URL.Path != webhook || r.Method != http.MethodPost {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	e.posts = append(e.posts, post.Text)
	e.mu.Unlock()
	fmt.Fprint(w, "ok")
}

// serveHealth: our service is well while its pods have a token that HubSpot
// takes. What they have is what the secret held when they were last started.
func (e *emulation) serveHealth(w http.ResponseWriter, r *http.Request) {
	if pods, err := os.ReadFile(e.path("pods")); err == nil && strings.Contains(string(pods), e.newToken) {
		fmt.Fprint(w, "ok")
		return
	}
	write(w, r, e.next("health", e.s.health))
}

func write(w http.ResponseWriter, r *http.Request, a reply) {
	if a.hang {
		select {
		case <-r.Context().Done():
		case <-time.After(time.Minute):
		}
		return
	}
	for _, line := range strings.Split(text(a.headers), "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			w.Header().Set(name, value)
		}
	}
	body := text(a.body)
	if strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[") {
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
	}
	w.WriteHeader(a.status)
	fmt.Fprint(w, body)
}

// text is a file of testdata/hubspot, or the text itself.
func text(s string) string {
	if s == "" || strings.ContainsAny(s, " {<[\"\n:") {
		return s
	}
	data, err := os.ReadFile(filepath.Join("testdata", "hubspot", s))
	if err != nil {
		panic(err) // a mistake in the table
	}
	return string(data)
}

func (e *emulation) path(name string) string { return filepath.Join(e.dir, name) }

// awsProgram and kubectlProgram keep what they were called with, and whether a
// token could be seen meanwhile: in the arguments of any process of the machine,
// or in their own environment.
const preamble = `#!/bin/sh
PATH=/usr/bin:/bin
dir='%s'
{ printf '%%s' "${0##*/}"; for word; do printf '\t%%s' "$word"; done; printf '\n'; } >>"$dir/calls"
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -F -f "$dir/tokens" >>"$dir/seen"
env | grep -F -f "$dir/hidden" >>"$dir/seen"
what="${0##*/} $1 $2"
name=$(printf '%%s' "$what" | tr ' ' '-')
if [ -f "$dir/fail-$name" ]; then cat "$dir/fail-$name" >&2; exit 254; fi
`

const awsProgram = preamble + `
while [ $# -gt 0 ]; do
	case "$1" in
	--secret-id) id=$2 ;;
	--secret-string) value=$2 ;;
	esac
	shift
done
if [ "$id" != hubspot/production ]; then echo "ResourceNotFoundException: $id" >&2; exit 254; fi
case "$what" in
'aws secretsmanager describe-secret') echo "arn:aws:secretsmanager:eu-west-1:1:secret:$id" ;;
'aws secretsmanager get-secret-value') cat "$dir/secret"; echo ;;
'aws secretsmanager put-secret-value')
	case "$value" in
	file://*) cat "${value#file://}" >"$dir/secret.new" && mv "$dir/secret.new" "$dir/secret" ;;
	*) echo "the secret stands in the arguments" >&2; exit 252 ;;
	esac
	echo '{"ARN":"arn:aws:secretsmanager:eu-west-1:1:secret:hubspot/production","VersionId":"version-2"}' ;;
*) echo "unknown command: $what" >&2; exit 252 ;;
esac
`

const kubectlProgram = preamble + `
case "$*" in
'config current-context') echo production-eu ;;
'get deployment hubspot-integration --namespace=production --output=name') echo deployment.apps/hubspot-integration ;;
'rollout restart deployment/hubspot-integration --namespace=production') cp "$dir/secret" "$dir/pods"; echo restarted ;;
'rollout status deployment/hubspot-integration --namespace=production --timeout=5m') echo 'successfully rolled out' ;;
'set env deployment/hubspot-integration --namespace=production HUBSPOT_DEGRADED_MODE=on') touch "$dir/degraded" ;;
'set env deployment/hubspot-integration --namespace=production HUBSPOT_DEGRADED_MODE-') rm "$dir/degraded" ;;
*) echo "error: not found: $*" >&2; exit 1 ;;
esac
`

// programs writes the emulated programs and their state.
func (e *emulation) programs() error {
	secret := strings.ReplaceAll(e.s.secret, "OLD", e.oldToken)
	if secret == "" {
		secret = `{"HUBSPOT_ACCESS_TOKEN":"` + e.oldToken + `","WEBHOOK_SECRET":"zwölf \"Zeichen\"\n\u00e9","PORT":8443}`
	}
	files := map[string]string{"secret": secret, "pods": secret, "calls": "", "seen": "", "hidden": e.oldToken + "\n", "tokens": e.oldToken + "\n" + e.newToken + "\n", "new-token": e.newToken + "\n", "blank-token": e.newToken + " \n"}
	for name, why := range e.s.fails {
		files["fail-"+name] = why + "\n"
	}
	for name, content := range files {
		if err := os.WriteFile(e.path(name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	bin := e.path("bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return err
	}
	for name, program := range map[string]string{"aws": awsProgram, "kubectl": kubectlProgram} {
		if strings.Contains(e.s.without, name) {
			continue
		}
		if err := os.WriteFile(filepath.Join(bin, name), fmt.Appendf(nil, program, e.dir), 0o700); err != nil {
			return err
		}
	}
	jq := e.tools.jq
	if e.s.standIn {
		jq = e.tools.standIn
	}
	return os.Symlink(jq, filepath.Join(bin, "jq"))
}

// calls are the commands that began with these words.
func (e *emulation) calls(words string) (out []string) {
	data, _ := os.ReadFile(e.path("calls")) // written when the emulation was opened
	for _, line := range strings.Split(string(data), "\n") {
		if line = strings.ReplaceAll(line, "\t", " "); strings.HasPrefix(line, words+" ") {
			out = append(out, line)
		}
	}
	return out
}

func (e *emulation) file(name string) string {
	data, _ := os.ReadFile(e.path(name)) // "" where it is gone
	return string(data)
}

// result is what one process of the real binary left behind.
type result struct {
	code   int
	out    string
	err    string
	state  *journal.State // of all events so far, those of earlier processes too
	events []journal.Event
}

// run runs the real binary. What it is given besides stands in the situation.
func (e *emulation) run(before *result, args ...string) (*result, error) {
	env := []string{"PATH=" + e.path("bin"), "HOME=" + e.dir, "SLACK_WEBHOOK_URL=" + e.slack.URL + webhook, "NO_PROXY=*"}
	if !e.s.noToken {
		env = append(env, "HUBSPOT_ACCESS_TOKEN="+e.oldToken)
	}
	return runBinary(e.path("state"), env, before, args...)
}

// runBinary runs the real binary, and reads the events that it writes.
func runBinary(state string, env []string, before *result, args ...string) (*result, error) {
	cmd := exec.Command(binary, append(args, "--output", "json", "--state", state, "--as", "night")...)
	cmd.Env = env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		return nil, err
	}
	r := &result{code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}
	if before != nil {
		r.events = before.events
	}
	for line := range strings.Lines(r.out) {
		var ev journal.Event
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			return nil, fmt.Errorf("standard output holds more than events: %q", line)
		}
		r.events = append(r.events, ev)
	}
	r.state = journal.Fold(r.events)
	return r, nil
}

// inputs are the arguments that lead the run into the emulation.
func (e *emulation) inputs() []string {
	api := e.api.URL
	switch e.s.apiAt {
	case "nowhere": // a label of more than 63 letters resolves nowhere
		api = "http://" + strings.Repeat("a", 64) + ".example"
	case "closed":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			api = "http://" + l.Addr().String()
			l.Close()
		}
	case "tls":
		api = strings.Replace(api, "http://", "https://", 1)
	}
	args := []string{"--input", "api_url=" + api + "/", "--input", "status_url=" + e.page.URL}
	if e.s.health != nil {
		args = append(args, "--input", "health_url="+e.health.URL+"/health")
	}
	return args
}

// leaks are the places at which a secret can be read.
func (e *emulation) leaks(r *result) (out []string) {
	for _, secret := range []string{e.oldToken, e.newToken, "slack-secret-0003"} {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(r.out, form) || strings.Contains(r.err, form) {
				out = append(out, "the output shows "+form)
			}
			err := filepath.WalkDir(e.path("state"), func(name string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				data, err := os.ReadFile(name)
				if err == nil && bytes.Contains(data, []byte(form)) {
					out = append(out, name+" holds "+form)
				}
				return err
			})
			if err != nil && !os.IsNotExist(err) {
				out = append(out, err.Error())
			}
		}
		if strings.Contains(e.file("calls"), secret) {
			out = append(out, "an argument holds "+secret)
		}
	}
	if seen := e.file("seen"); seen != "" {
		out = append(out, "could be seen while a program ran: "+seen)
	}
	return out
}

// seesLeaks: an emulation that would not notice a token in the arguments proves
// nothing.
func seesLeaks(t *testing.T, shared *tools) {
	e, err := open(shared, &situation{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	cmd := exec.Command(filepath.Join(e.path("bin"), "aws"), "secretsmanager", "put-secret-value", "--secret-id", "hubspot/production", "--secret-string", e.newToken)
	cmd.Env = []string{"HUBSPOT_ACCESS_TOKEN=" + e.oldToken}
	if err := cmd.Run(); err == nil {
		t.Error("aws takes a secret from its arguments")
	}
	found := strings.Join(e.leaks(&result{err: "Bearer " + e.oldToken}), "\n")
	for _, want := range []string{"an argument holds " + e.newToken, "the output shows " + e.oldToken, "HUBSPOT_ACCESS_TOKEN=" + e.oldToken} {
		if !strings.Contains(found, want) {
			t.Errorf("not noticed: %s\nnoticed: %s", want, found)
		}
	}
}
