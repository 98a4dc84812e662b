package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"runbook/engine"
)

// agree drills and tests a scenario and demands the same account of both.
func agree(t *testing.T, runbook, world string) []string {
	t.Helper()
	rb, sc := playing(t, runbook, world)
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	inputs, err := engine.Inputs{File: sc.Inputs}.Resolve(rb.Plan)
	if err != nil {
		t.Fatal(err)
	}
	drilled, err := rb.Run(ctx, engine.RunOptions{Session: engine.Session{User: "drill", Ask: people(sc)}, Inputs: inputs, Scenario: sc})
	if err != nil {
		t.Fatal(err)
	}
	res, err := rb.Test(ctx, engine.TestOptions{Scenario: sc, User: "drill"})
	if err != nil {
		t.Fatal(err)
	}
	test, drill := account(&res.Outcome), account(drilled)
	for i := range max(len(test), len(drill)) {
		switch {
		case i >= len(test):
			t.Errorf("only the drill says\n%s", drill[i])
		case i >= len(drill):
			t.Errorf("only the test says\n%s", test[i])
		case test[i] != drill[i]:
			t.Errorf("test:\n%s\ndrill:\n%s", test[i], drill[i])
		}
	}
	if fmt.Sprint(drilled.Missed) != fmt.Sprint(res.Missed) {
		t.Errorf("missed in the drill: %q, in the test: %q", drilled.Missed, res.Missed)
	}
	return test
}

// TestAgreeOnHTTP: each way of answering and of not answering comes to the same
// over a real connection and in memory, to the word.
func TestAgreeOnHTTP(t *testing.T) {
	t.Parallel()
	var steps, stubs strings.Builder
	for i, r := range []string{
		`{status: 204}`, `{status: 304, headers: {ETag: a}}`, `{status: 500, body: "<html><p>broken"}`, `{json: {a: [1, 2.50, null]}}`, `{json: null}`, `{body: "{\"n\": 12345678901234567890}"}`,
		`{body: "", headers: {X-A: " b ", Set-Cookie: "c=1"}}`, `{headers: {Content-Type: text/x}, body: x}`, `{headers: {X-B: "a\nb"}, body: y}`,
		`{status: 302, headers: {Location: /v1/3}}`, `{status: 301, headers: {Location: "https://other.example.com/"}}`, `{status: 302, headers: {Location: "http://api.example.com/v1/3"}}`,
		`{status: 302, headers: {Location: "ftp://api.example.com/"}}`, `{status: 307, headers: {Location: /v1/13}}`, `{status: 302}`,
		`{error: refused}`, `{error: reset}`, `{error: dns}`, `{error: tls}`, `{error: timeout}`, `{error: truncated, json: {a: whole}}`, `{error: truncated, body: x, drip: 20ms}`,
		`{delay: 30ms, body: slow}`, `{delay: 2s, body: late}`, `{drip: 30ms, body: in several pieces}`, `{drip: 3s, body: too slowly}`, `[{error: refused}, {error: reset, delay: 10ms}, {status: 418}]`,
		`[{error: truncated, body: ab}, {error: tls}, {status: 200}]`,
	} {
		for _, kind := range []string{"GET https", "GET http", "HEAD https", "POST https"} {
			method, scheme, _ := strings.Cut(kind, " ")
			fmt.Fprintf(&stubs, "      - {on: \"%s %s://api.example.com/v1/%d\", reply: %s}\n", method, scheme, i, r)
			fmt.Fprintf(&steps, `      - {check: s%d_%s_%s, timeout: 1500ms, retry: {attempts: 3, delay: 5ms, on: 'error.kind in ["connect", "protocol"]'}, http: {method: %s, safe: true, url: "%s://api.example.com/v1/%d"},
         outputs: {all: '{"s": status, "b": body, "j": json, "h": sort(filter(keys(headers), # != "date")) | map([#, headers[#]]), "t": truncated, "u": url, "p": protocol}'}}
`, i, strings.ToLower(method), scheme, method, scheme, i)
		}
	}
	account := agree(t, "permissions: {hosts: [api.example.com]}\nsteps:\n  - parallel: all\n    max: 12\n    steps:\n"+steps.String(), "    http:\n"+stubs.String())
	if len(account) < 100 {
		t.Error(strings.Join(account, "\n"))
	}
}

// TestAgreeOnScripts: what a script makes of programs, pipes, files and denials is
// the same in both worlds.
func TestAgreeOnScripts(t *testing.T) {
	t.Parallel()
	agree(t, `
permissions: {hosts: [api.example.com], observe: [kubectl, jq, tee], files: {read: [/etc/deploy], write: [/srv/out]}}
inputs:
  pod: {type: string, default: "a b"}
  program: {type: string, default: rm}
  path: {type: string, default: /usr/bin/kubectl}
  file: {type: string, default: /etc/passwd}
  host: {type: string, default: other.example.com}
steps:
  - {check: pipe, shell: 'kubectl get pods | jq .items | tee "$TMPDIR/out" >&2; kubectl get nodes && echo "$HOME $PWD $PATH"', expect: [exit == 0], outputs: {o: stdout, e: stderr}}
  - {check: late, timeout: 100ms, shell: 'echo begun; kubectl slow; echo over', outputs: {o: stdout}}
  - {check: jobs, shell: 'kubectl get nodes & kubectl fail & wait; echo done', outputs: {o: stdout}}
  - {check: loop, shell: 'kubectl get pods | while read -r x; do kubectl get "$x"; done', outputs: {e: stderr}}
  - {check: inter, shell: {interpreter: [kubectl, x], script: hello}, outputs: {o: stdout}}
  - {check: files, shell: 'echo one > "$TMPDIR/f"; echo two >> "$TMPDIR/f"; while read -r l; do echo "<$l>"; done < "$TMPDIR/f"; [ -e "$TMPDIR/f" ] && [ ! -e "$TMPDIR/g" ]; echo x > /srv/out/y; echo z > /dev/null', outputs: {o: stdout}}
  - {check: missing, shell: 'read -r x < /etc/deploy/x', outputs: {e: stderr}}
  - {check: denied, shell: {argv: ["{{ .inputs.program }}", -rf, /]}}
  - {check: denied_file, shell: 'read -r x < "{{ .inputs.file }}"; echo never'}
  - {check: denied_host, http: {url: "https://{{ .inputs.host }}/"}}
  - {check: by_path, shell: {argv: ["{{ .inputs.path }}", get, "{{ .inputs.pod }}"]}, outputs: {e: stderr}}
  - {check: unknown, shell: kubectl describe, outputs: {e: stderr}}
  - {check: fails, shell: 'kubectl fail; echo never', outputs: {c: exit}}
  - {check: dir, shell: {script: pwd, dir: /no/such/folder}, outputs: {o: stdout}}
`, `    shell:
      - {on: kubectl get pods, stdout: "1\n2\n", stderr: "warned\n", delay: 20ms}
      - {on: kubectl get nodes, reply: [{stdout: n1}, {stdout: n2}]}
      - {on: kubectl get, stderr: "what\n"}
      - {on: kubectl x, stdout: ran}
      - {on: kubectl slow, delay: 3s}
      - {on: kubectl fail, exit: 3}
      - {on: jq, stdin: {contains: "1"}, stdout: "[]"}
      - {on: tee, stderr: teed}
      - {on: /usr/bin/kubectl get, stderr: by path}
`)
}
