package real

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// site is a web service at night: name servers, a port, certificates and pages on
// loopback, and the programs by which it is repaired. What it does stands in files
// of its folder, so that a program can change it: `page`, `served`, `kept`.
type site struct {
	s            *webSituation
	dir          string
	papers       *papers
	port         int
	first, other string // its name servers
	slack        *httptest.Server

	mu     sync.Mutex
	asked  map[string]int
	posts  []string
	closed []func()
}

// webSituation is what happens at night: what answers how, what people answer, and
// what must have come of it.
type webSituation struct {
	name    string
	runbook string

	dns, second string // answers of the name servers, one after the other: addresses, or a word
	door        string // what the port does: "" serves, closed, full, drop, plain
	served      string // the certificate that is served; "" is http
	kept        string // the one that certbot, cert-manager or the file has
	oldest      uint16 // the newest version of TLS that is spoken
	pages       string // what requests get, one after the other; the file `page` goes before
	programs    map[string]string

	args []string

	code      int
	outcome   string
	decisions string // id=branch id=branch
	facts     map[string]string
	summary   []string // parts of the end's text
	told      []string // parts of what reached the channel
	says      []string // parts of what the program writes to standard error
	calls     string   // the programs that change something, by their words, in order
	verdicts  string   // id=verdict
}

func openSite(within string, p *papers, s *webSituation) (*site, error) {
	dir, err := os.MkdirTemp(within, "site-")
	if err != nil {
		return nil, err
	}
	w := &site{s: s, dir: dir, papers: p, asked: map[string]int{}}
	w.slack = httptest.NewServer(http.HandlerFunc(w.serveSlack))
	w.closed = append(w.closed, w.slack.Close)
	if w.first, err = w.nameServer("dns", s.dns); err != nil {
		return w, err
	}
	if w.other, err = w.nameServer("second", s.second); err != nil {
		return w, err
	}
	if err := w.files(); err != nil {
		return w, err
	}
	return w, w.listen()
}

// close ends what was begun, also what the end of another has begun.
func (w *site) close() {
	for {
		w.mu.Lock()
		n := len(w.closed)
		if n == 0 {
			w.mu.Unlock()
			return
		}
		f := w.closed[n-1]
		w.closed = w.closed[:n-1]
		w.mu.Unlock()
		f()
	}
}

func (w *site) path(name string) string { return filepath.Join(w.dir, name) }

// file is what stands in a file of the site; "" where it is not there.
func (w *site) file(name string) string {
	data, err := os.ReadFile(w.path(name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// turn is the word whose turn it is; the last one stays.
func (w *site) turn(what, words string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := strings.Fields(words)
	n := w.asked[what]
	w.asked[what]++
	return list[min(n, len(list)-1)]
}

// nameServer answers as the words say: addresses with commas between them, `none`,
// `silent`, or a word such as NXDOMAIN. AAAA has no turn of its own.
func (w *site) nameServer(what, words string) (string, error) {
	if words == "" {
		words = "127.0.0.1"
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	ready := make(chan struct{})
	server := &dns.Server{PacketConn: conn, NotifyStartedFunc: func() { close(ready) }, Handler: dns.HandlerFunc(func(out dns.ResponseWriter, r *dns.Msg) {
		word := strings.Fields(words)[0]
		if r.Question[0].Qtype == dns.TypeA {
			word = w.turn(what, words)
		}
		if m := nameAnswer(r, word); m != nil {
			_ = out.WriteMsg(m) // whoever asked waits no longer
		}
	})}
	go func() { _ = server.ActivateAndServe() }()
	<-ready
	w.closed = append(w.closed, func() { _ = server.Shutdown() })
	return conn.LocalAddr().String(), nil
}

func nameAnswer(r *dns.Msg, word string) *dns.Msg {
	m := new(dns.Msg).SetReply(r)
	if code, isWord := dns.StringToRcode[word]; isWord {
		m.Rcode = code
		return m
	}
	switch {
	case word == "silent":
		return nil
	case word == "none", r.Question[0].Qtype != dns.TypeA:
		return m
	}
	for a := range strings.SplitSeq(word, ",") {
		m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 30}, A: net.ParseIP(a)})
	}
	return m
}

// listen opens the site's port. One that is closed is opened by whichever program
// writes the file `open`, and one that is full takes nobody else.
func (w *site) listen() error {
	if w.s.door == "closed" {
		port, open, err := reserve()
		w.port = port
		if err == nil {
			w.openLater(open)
		}
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.port = l.Addr().(*net.TCPAddr).Port
	if w.s.door == "full" {
		w.closed = append(w.closed, func() { l.Close() })
		return fill(l.(*net.TCPListener))
	}
	w.serve(l)
	return nil
}

// openLater listens once a program has written the file `open`, or at the end, so
// that the port is given back.
func (w *site) openLater(open func() (net.Listener, error)) {
	stop, over := make(chan struct{}), make(chan struct{})
	w.closed = append(w.closed, func() { close(stop); <-over })
	go func() {
		defer close(over)
		for going := true; going && w.file("open") == ""; {
			select {
			case <-stop:
				going = false
			case <-time.After(10 * time.Millisecond):
			}
		}
		if l, err := open(); err == nil {
			w.serve(l)
		}
	}()
}

// door is a listener before which some are turned away.
type door struct {
	net.Listener
	w *site
}

// Accept takes those in whom the door does not turn away.
func (d door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		kind := d.w.s.door
		if d.w.file("open") != "" {
			kind = ""
		}
		switch kind {
		case "drop":
			_ = c.(*net.TCPConn).SetLinger(0) // so that the end is a reset
			c.Close()
		case "plain":
			go func() {
				_, _ = io.CopyN(io.Discard, c, 1)
				_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
				c.Close()
			}()
		case "mute":
			go func() { _, _ = io.Copy(io.Discard, c) }()
		default:
			return c, nil
		}
	}
}

func (w *site) serve(l net.Listener) {
	l = door{l, w}
	if w.s.served != "" {
		l = tls.NewListener(l, &tls.Config{GetConfigForClient: w.handshake})
	}
	server := &http.Server{Handler: http.HandlerFunc(w.servePage), ErrorLog: quietLog}
	go func() { _ = server.Serve(l) }()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = append(w.closed, func() { server.Close() })
}

// handshake serves the certificate that stands in `served` now; where several do,
// one after the other, as by servers that take turns.
func (w *site) handshake(*tls.ClientHelloInfo) (*tls.Config, error) {
	list := strings.Fields(w.file("served"))
	w.mu.Lock()
	n := w.asked["handshakes"]
	w.asked["handshakes"]++
	w.mu.Unlock()
	cfg := &tls.Config{Certificates: []tls.Certificate{w.papers.certs[list[n%len(list)]]}, MinVersion: tls.VersionTLS12}
	if w.s.oldest != 0 && w.file("open") == "" {
		cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS10, w.s.oldest
	}
	return cfg, nil
}

func (w *site) servePage(out http.ResponseWriter, r *http.Request) {
	word := w.file("page")
	if word == "" {
		word = w.turn("pages", w.s.pages)
	}
	out.Header().Set("Server", "nginx")
	status, err := strconv.Atoi(word)
	switch {
	case err == nil:
		out.WriteHeader(status)
	case word == "loop":
		http.Redirect(out, r, r.URL.Path, http.StatusMovedPermanently)
	case word == "away":
		http.Redirect(out, r, "https://parking.example.net/", http.StatusFound)
	case word == "maintenance":
		out.Header().Set("Retry-After", "1800")
		out.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(out, "<h1>Scheduled maintenance</h1>")
	case word == "mute":
		select {
		case <-r.Context().Done():
		case <-time.After(time.Minute):
		}
	case word == "cut":
		panic(http.ErrAbortHandler) // which hangs up without a word
	case word == "late":
		time.Sleep(700 * time.Millisecond)
		fmt.Fprint(out, "<h1>Shop</h1>")
	case word == "nginx":
		fmt.Fprint(out, "Welcome to nginx!")
	default:
		fmt.Fprint(out, "<h1>Shop</h1>")
	}
}

func (w *site) serveSlack(out http.ResponseWriter, r *http.Request) {
	var post struct{ Text string }
	if err := json.NewDecoder(r.Body).Decode(&post); err != nil || r.URL.Path != webhook {
		http.Error(out, "invalid_payload", http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	w.posts = append(w.posts, post.Text)
	w.mu.Unlock()
	fmt.Fprint(out, "ok")
}

// webProgram keeps what it was called with; what it does stands in the table.
const webProgram = `#!/bin/sh
PATH=/usr/bin:/bin
dir='%s'
echo "${0##*/} $*" >>"$dir/calls"
kept=$(cat "$dir/kept")
%s
`

// webPrograms are what the programs of a good day do.
var webPrograms = map[string]string{
	"systemctl": `case "$*" in
'show shop.service --property=LoadState,ActiveState,SubState,Result,NRestarts') printf 'Result=oom-kill\nNRestarts=5\nLoadState=loaded\nActiveState=failed\nSubState=failed\n' ;;
'restart shop.service') echo well >"$dir/page"; echo yes >"$dir/open" ;;
'reload nginx.service') cp "$dir/kept" "$dir/served" ;;
*) echo "Failed: $*" >&2; exit 5 ;;
esac`,
	"kubectl": `case "$*" in
'config current-context') echo production-eu ;;
'get deployment shop --namespace=web --output=json') cat "$dir/deployment.json" ;;
'rollout restart deployment/shop --namespace=web') echo well >"$dir/page"; echo yes >"$dir/open" ;;
'rollout undo deployment/shop --namespace=web') echo well >"$dir/page" ;;
'rollout status deployment/shop --namespace=web --timeout=5m') echo 'successfully rolled out' ;;
'rollout restart deployment/proxy --namespace=web') cp "$dir/kept" "$dir/served" ;;
'rollout status deployment/proxy --namespace=web --timeout=5m') echo 'successfully rolled out' ;;
'get certificates.cert-manager.io --namespace=web --output=json') cat "$dir/$kept.issued" ;;
'get certificaterequests.cert-manager.io,orders.acme.cert-manager.io,challenges.acme.cert-manager.io --namespace=web --output=json') cat "$dir/orders.json" ;;
*) echo "error: not found: $*" >&2; exit 1 ;;
esac`,
	"certbot": `case "$*" in
certificates) cat "$dir/$kept.certbot" ;;
'renew --non-interactive --cert-name localhost') echo renewed >"$dir/kept" ;;
*) echo "unknown: $*" >&2; exit 2 ;;
esac`,
	"cmctl": `case "$*" in
'version --client') echo 'Client Version: v2.1.1' ;;
'renew localhost-tls --namespace=web') echo renewed >"$dir/kept" ;;
*) exit 1 ;;
esac`,
	"tail":         `cat "$dir/letsencrypt.log"`,
	"web-failover": `case "$1" in to) echo well >"$dir/page"; echo yes >"$dir/open" ;; back) rm -f "$dir/open" ;; esac`,
}

// files writes the programs and what they show.
func (w *site) files() error {
	bin := w.path("bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return err
	}
	for name, does := range webPrograms {
		if other, given := w.s.programs[name]; given {
			does = other
		}
		if does == "" {
			continue // it is not installed
		}
		if err := os.WriteFile(filepath.Join(bin, name), fmt.Appendf(nil, webProgram, w.dir, does), 0o700); err != nil {
			return err
		}
	}
	if openssl, err := exec.LookPath("openssl"); err == nil {
		if err := os.Symlink(openssl, filepath.Join(bin, "openssl")); err != nil {
			return err
		}
	}
	kept := w.s.kept
	if kept == "" {
		kept = w.s.served
	}
	files := map[string]string{"served": w.s.served, "kept": kept, "calls": "", "file.pem": w.papers.pem(kept), "ca.pem": w.papers.authorities}
	for name, text := range w.papers.shown() {
		files[name] = text
	}
	for name, text := range w.s.programs {
		if strings.Contains(name, ".") {
			files[name] = text
		}
	}
	for name, text := range files {
		if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// run runs the situation's runbook by the real binary.
func (w *site) run() (*result, error) {
	args := []string{"run", w.s.runbook, "--input", "host=localhost", "--input", fmt.Sprintf("port=%d", w.port), "--input", "ca=" + w.path("ca.pem")}
	if w.s.runbook == "web-down" {
		args = append(args, "--input", "resolver="+w.first)
		if w.s.served == "" {
			args = append(args, "--input", "scheme=http")
		}
		if w.s.second != "" {
			args = append(args, "--input", "second_resolver="+w.other)
		}
	}
	for _, a := range w.s.args {
		args = append(args, strings.ReplaceAll(a, "@DIR", w.dir))
	}
	env := []string{"PATH=" + w.path("bin"), "HOME=" + w.dir, "SLACK_WEBHOOK_URL=" + w.slack.URL + webhook, "NO_PROXY=*"}
	return runBinary(w.path("state"), env, nil, args...)
}

// hold holds what came of a situation against what must have.
func (w *site) hold(t *testing.T, r *result) {
	s := &situation{code: w.s.code, outcome: w.s.outcome, decisions: w.s.decisions, facts: w.s.facts, summary: w.s.summary}
	if r.code != s.code {
		t.Errorf("exit code %d, not %d", r.code, s.code)
	}
	s.holdState(t, r)
	for _, want := range strings.Fields(w.s.verdicts) {
		id, verdict, _ := strings.Cut(want, "=")
		got := ""
		for _, st := range r.state.Steps {
			if st.ID == id && st.Done != nil {
				got = st.Done.Verdict
			}
		}
		if got != verdict {
			t.Errorf("verdict of %s: %q, not %q", id, got, verdict)
		}
	}
	holdText(t, "the channel", w.holdChannel(t, r), w.s.told)
	holdText(t, "standard error", r.err, w.s.says)
	if got := w.changes(); got != w.s.calls {
		t.Errorf("what was changed: %q, not %q", got, w.s.calls)
	}
	for _, problem := range wrongTexts(r) {
		t.Error(problem)
	}
	if t.Failed() {
		t.Logf("%s\n%s", r.err, w.file("calls"))
	}
}

// holdChannel: what reached Slack is what the journal has for the channel, what a
// runbook within says included.
func (w *site) holdChannel(t *testing.T, r *result) string {
	var texts []string
	for _, st := range r.state.Steps {
		if st.Message != nil && slices.Contains(st.Message.To, "incident") {
			texts = append(texts, st.Message.Text)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.posts, texts) {
		t.Errorf("Slack was told %q, and the journal has %q", w.posts, texts)
	}
	return strings.Join(texts, "\n")
}

func holdText(t *testing.T, what, text string, parts []string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not say %q, but %q", what, part, text)
		}
	}
}

// changes are the calls that change something, in order.
func (w *site) changes() string {
	var out []string
	for _, line := range strings.Split(w.file("calls"), "\n") {
		for _, words := range []string{"kubectl rollout restart", "kubectl rollout undo", "systemctl re", "certbot renew", "cmctl renew", "web-failover"} {
			if strings.HasPrefix(line, words) {
				out = append(out, line)
			}
		}
	}
	return strings.Join(out, ", ")
}

// wrongTexts are messages and questions that could not be written.
func wrongTexts(r *result) (out []string) {
	for _, st := range r.state.Steps {
		if st.Done != nil && st.Done.Error != nil && (st.Done.Error.Kind == "render" || st.Done.Error.Kind == "output") {
			out = append(out, fmt.Sprintf("%s: %s", st.Key, st.Done.Error.Message))
		}
		for _, q := range st.Questions {
			if strings.Contains(q.Asked.Text, "<no value>") || strings.HasPrefix(q.Asked.Text, "(") {
				out = append(out, fmt.Sprintf("%s asks %q", st.Key, q.Asked.Text))
			}
		}
	}
	return out
}
