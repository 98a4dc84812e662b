package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// statusAPI is Statuspage's API as far as messages meet it, behind its own name
// and certificate. The program finds it through a proxy.
func statusAPI(t *testing.T, fails ...int) (*room, []string) {
	t.Helper()
	var begun, asked atomic.Int32
	x := &room{answers: list(func(w http.ResponseWriter, r *http.Request) {
		if n := int(asked.Add(1)); n <= len(fails) {
			w.WriteHeader(fails[n-1])
			fmt.Fprint(w, `{"error":"try later"}`)
			return
		}
		if r.Header.Get("Authorization") != "OAuth page-secret-0007" {
			w.WriteHeader(401)
			fmt.Fprint(w, `{"error":"Could not authenticate"}`)
			return
		}
		id := strings.TrimPrefix(r.URL.Path, "/v1/pages/p1/incidents/")
		if r.Method == "POST" {
			id = fmt.Sprintf("inc%d", begun.Add(1))
			time.Sleep(300 * time.Millisecond) // long enough for another message to come
			w.WriteHeader(201)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "status": "investigating"})
	})}
	cert, ca := certificate(t, "api.statuspage.io")
	x.Server = httptest.NewUnstartedServer(x)
	x.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	x.StartTLS()
	t.Cleanup(func() { x.CloseClientConnections(); x.Close() })
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "api.statuspage.io:443" {
			http.Error(w, "no way to "+r.Host, http.StatusForbidden)
			return
		}
		tunnel(t, w, x.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	return x, []string{"NO_PROXY=", "HTTPS_PROXY=" + proxy.URL, "SSL_CERT_FILE=" + ca, "PAGE_TOKEN=page-secret-0007"}
}

// tunnel joins a connection with another one.
func tunnel(t *testing.T, w http.ResponseWriter, to string) {
	out, err := net.Dial("tcp", to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer out.Close()
	in, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer in.Close()
	fmt.Fprint(in, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(out, in); out.Close() }()
	_, _ = io.Copy(in, out)
}

// certificate makes one for a name, and writes what it is trusted by into a file.
func certificate(t *testing.T, name string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

const onPage = `apiVersion: runbook/v1
name: tells
title: Our API is slow
secrets: {token: {env: PAGE_TOKEN}}
channels: {public: {statuspage: {page: p1, token: "{{ .secrets.token }}"}}}
steps:
  - parallel: both
    steps:
      - {message: first, title: Slow answers, to: public, text: We are looking}
      - {message: second, to: public, status: identified, text: "It is <b>ours</b> & größer"}
  - {message: last, to: public, status: resolved, text: It is over}
`

// requests are what the API was asked, a line each.
func requests(x *room) string {
	text := ""
	for _, p := range x.got() {
		text += p.method + " " + p.path + " " + p.body + "\n"
	}
	return text
}

// TestIncidentOnAStatusPage: the first message begins an incident, those behind it
// update it, those beside it wait for it.
func TestIncidentOnAStatusPage(t *testing.T) {
	t.Parallel()
	api, env := statusAPI(t)
	d := newDesk(t, onPage, env...)
	code, out := d.run("run", "tells.yaml")
	want := `POST /v1/pages/p1/incidents {"incident":{"body":"We are looking","name":"Slow answers","status":"investigating"}}
PATCH /v1/pages/p1/incidents/inc1 {"incident":{"body":"It is <b>ours</b> & größer","status":"identified"}}
PATCH /v1/pages/p1/incidents/inc1 {"incident":{"body":"It is over","status":"resolved"}}
`
	if got := requests(api); code != 0 || got != want {
		t.Errorf("exit %d\n%s%s", code, out, got)
	}
	if box := d.state().Outbox(); len(box) != 0 {
		t.Errorf("got %+v", box)
	}
}

// TestIncidentThatFails: a limit is waited for; what may have been taken is not
// repeated, because there is no key by which the page would know it again. The
// next message begins the incident; what is sent late does not turn it back.
func TestIncidentThatFails(t *testing.T) {
	t.Parallel()
	api, env := statusAPI(t, 420, 500)
	book := strings.Replace(onPage, "parallel: both", "group: both", 1)
	d := newDesk(t, book, env...)
	if code, out := d.run("run", "tells.yaml"); code != 0 || !strings.Contains(out, `not sent to public: the answer was 500 {"error":"try later"}`) {
		t.Errorf("exit %d\n%s", code, out)
	}
	if code, out := d.run("resume", "last"); code != 0 || !strings.Contains(out, "sent to public") {
		t.Errorf("exit %d\n%s", code, out)
	}
	first := `POST /v1/pages/p1/incidents {"incident":{"body":"We are looking","name":"Slow answers","status":"investigating"}}` + "\n"
	want := first + first + `POST /v1/pages/p1/incidents {"incident":{"body":"It is <b>ours</b> & größer","name":"Our API is slow","status":"identified"}}
PATCH /v1/pages/p1/incidents/inc1 {"incident":{"body":"It is over","status":"resolved"}}
PATCH /v1/pages/p1/incidents/inc1 {"incident":{"body":"We are looking"}}
`
	if got := requests(api); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if box := d.state().Outbox(); len(box) != 0 {
		t.Errorf("got %+v", box)
	}
}

// TestPageRefusesTheToken: the reason is shown, and the token is not.
func TestPageRefusesTheToken(t *testing.T) {
	t.Parallel()
	_, env := statusAPI(t)
	d := newDesk(t, onPage, append(env, "PAGE_TOKEN=page-secret-wrong")...)
	if code, out := d.run("run", "tells.yaml"); code != 0 || !strings.Contains(out, `401 {"error":"Could not authenticate"}`) || len(d.state().Outbox()) != 3 {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// TestRunbooksThatOthersRun: what another runbook sends, it sends where both may;
// what it could not send, it sends later with its own inputs.
func TestRunbooksThatOthersRun(t *testing.T) {
	t.Parallel()
	server := newRoom(t, fine)
	inner := `apiVersion: runbook/v1
name: inner
inputs: {word: {default: none}}
secrets: {hook: {env: HOOK}}
channels: {room: {webhook: {url: "{{ .secrets.hook }}", json: {text: "{{ .inputs.word }}: {{ .message.text }}"}}}}
steps: [{message: told, to: room, text: From inside}]
`
	outer := "apiVersion: runbook/v1\nname: tells\n%ssteps: [{run: other, runbook: inner.yaml, inputs: {word: given}}]\n"
	d := newDesk(t, fmt.Sprintf(outer, ""), "HOOK="+server.URL+hookPath)
	if err := os.WriteFile(filepath.Join(d.dir, "inner.yaml"), []byte(inner), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := d.run("run", "tells.yaml")
	box := d.state().Outbox()
	if code != 0 || len(box) != 1 || box[0].Why.Error.Kind != "denied" || !strings.Contains(out, "the runbook that runs this one may not do it") || len(server.got()) != 0 {
		t.Fatalf("exit %d, %+v\n%s", code, box, out)
	}
	d = newDesk(t, fmt.Sprintf(outer, "permissions: {hosts: [127.0.0.1]}\n"), "HOOK=http://127.0.0.1:1"+hookPath)
	if err := os.WriteFile(filepath.Join(d.dir, "inner.yaml"), []byte(inner), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := d.run("run", "tells.yaml"); code != 0 || len(d.state().Outbox()) != 1 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	d.env = append(d.env, "HOOK="+server.URL+hookPath)
	if code, out := d.run("resume", "last"); code != 0 || len(server.got()) != 1 || server.got()[0].body != `{"text":"given: From inside"}` {
		t.Errorf("exit %d, %+v\n%s", code, server.got(), out)
	}
}
