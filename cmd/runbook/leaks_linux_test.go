package main

import (
	"fmt"
	"strings"
	"testing"
)

// through hands the secret to the probe's standard input.
func through(mode string, more ...string) string {
	return fmt.Sprintf("  - check: c\n    shell: {argv: [probe, plain, %s], stdin: \"{{ .secrets.tok }}\"}\n", mode) + strings.Join(more, "")
}

// modes are ways in which a program says what it was given.
func modes() (out []way) {
	odd := func(s string) string { return s[:12] + "é'\"<&>%41\\n+/ =" + s[12:] }
	plain := func(s string) string { return s[:12] + "'\"<&>%41\\n+/ =" + s[12:] }
	for _, m := range strings.Fields("out err both bytes slowly base64 base64one base64at1 base64at2 base64url hex HEX url u x html entities json jsonin key list lines crlf quoted cut bad colour") {
		out = append(out, way{name: "a program: " + m, steps: through(m, "    outputs: {said: stdout}\n    evidence: [said]\n  - {message: told, text: \"It said {{ .steps.c.stdout }}{{ .steps.c.stderr }}\"}\n"), pages: m == "out"})
		switch m {
		case "cut", "slowly", "key", "list":
		case "u", "entities": // the probe writes bytes that way, not letters
			out = append(out, way{name: "odd letters: " + m, shape: plain, steps: through(m)})
		default:
			out = append(out, way{name: "odd letters: " + m, shape: odd, steps: through(m)})
		}
	}
	pem := func(s string) string {
		return "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat(s+"abcd\n", 3) + s[4:] + "\n-----END PRIVATE KEY-----"
	}
	for _, m := range strings.Fields("out lines crlf base64 base64one json quoted") {
		out = append(out, way{name: "of many lines: " + m, shape: pem, steps: through(m), parts: func(s string) []string { return strings.Split(s, "\n")[1:5] }})
	}
	out = append(out,
		way{name: "a number", shape: func(string) string { return "48151623421234567" }, steps: through("number", "    outputs: {n: 'json?.n ?? 0'}\n  - {message: told, text: \"{{ .steps.c.n }}\"}\n")},
		way{name: "a number that is handed on", shape: func(string) string { return "48151623421234567" }, steps: through("number", "    outputs: {n: 'json?.n ?? 0', l: 'json?.l ?? []'}\n  - check: next\n    shell: {argv: [probe, plain, out], stdin: \"{{ .steps.c.stdout }}\"}\n")},
		way{name: "upper and lower case", steps: "  - check: c\n    dns: {name: \"{{ .secrets.tok }}.example.com\", resolver: \"127.0.0.1:1\", timeout: 300ms}\n    timeout: 2s\n", quiet: true},
	)
	return out
}

// scriptWays are ways of the embedded shell, and of interpreters.
func scriptWays() (out []way) {
	for name, script := range map[string]string{
		"echo":                     "echo {{ .secrets.tok }}",
		"echo to standard error":   "echo {{ .secrets.tok }} >&2",
		"tracing":                  "set -x\ntrue {{ .secrets.tok }}",
		"tracing an assignment":    "set -x\nv={{ .secrets.tok }}\necho \"$v\"",
		"printf %q":                "printf %q {{ .secrets.tok }}",
		"declare -p":               "v={{ .secrets.tok }}\ndeclare -p v",
		"a variable that is unset": "v={{ .secrets.tok }}\n: \"${nothing:?$v}\"",
		"a folder that is missing": "cd /nowhere/{{ .secrets.tok }}",
		"a file that is denied":    "read -r line < \"/nowhere/\"{{ .secrets.tok }}",
		"a program that is denied": "x=probe\n\"./$x\" {{ .secrets.tok }}",
		"a here-document":          "probe plain out <<END\nsecret: {{ .secrets.tok }}\nEND",
		"a here-string":            "probe plain base64one <<< {{ .secrets.tok }}",
		"a pipe":                   "printf %s {{ .secrets.tok }} | probe plain out",
		"a substitution":           "v=$(printf %s {{ .secrets.tok }} | probe plain hex)\necho \"$v\"",
		"a process substitution":   "probe plain out < <(printf %s {{ .secrets.tok }})",
		"a file of its own":        "printf %s {{ .secrets.tok }} > \"$TMPDIR/x\"\nprobe asked out < \"$TMPDIR/x\"",
		"letter by letter":         "v={{ .secrets.tok }}\nfor i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27; do printf %s \"${v:$i:1}\"; done",
		"a comparison that fails":  "[ {{ .secrets.tok }} = other ]",
		"all variables":            "probe plain out <<< {{ .secrets.tok }}\nset | probe plain out",
	} {
		out = append(out, way{name: "a script: " + name, quiet: !strings.Contains(script, "probe ") || strings.Contains(script, "./$x"),
			steps: "  - check: c\n    shell: |\n      " + strings.ReplaceAll(script, "\n", "\n      ") + "\n  - {message: told, text: \"{{ .steps.c.stdout }}{{ .steps.c.stderr }}{{ .steps.c.error.message }}\"}\n"})
	}
	out = append(out,
		way{name: "an interpreter", head: "permissions: {observe: [bash, probe]}\n", quiet: true, steps: "  - check: c\n    shell: {interpreter: [bash], script: 'set -x; echo {{ .secrets.tok }}'}\n"},
		way{name: "an interpreter's file", head: "permissions: {observe: [bash, probe]}\n", steps: "  - check: c\n    shell: {interpreter: [bash], script: 'cat \"$0\"; probe asked out <<< {{ .secrets.tok }}'}\n"},
		way{name: "the environment of a step", steps: "  - check: c\n    shell: {argv: [probe, asked, environ], env: {GIVEN: \"{{ .secrets.tok }}\"}, stdin: \"{{ .secrets.tok }}\"}\n  - check: next\n    shell: {argv: [probe, plain, environ]}\n"},
		way{name: "the environment of the program", steps: through("environ") + "  - action: a\n    shell: probe plain environ\n"},
	)
	return out
}

// requestWays are ways of the kinds that reach servers.
func requestWays() (out []way) {
	auth := func(path, more string) string {
		return "  - check: c\n    http: {url: \"@S@" + path + "\", auth: {bearer: \"{{ .secrets.tok }}\"}" + more + "}\n    timeout: 2s\n  - {message: told, text: \"{{ .steps.c.body }}{{ .steps.c.error.message }}\"}\n"
	}
	for name, steps := range map[string]string{
		"the body":              auth("/", ""),
		"a header":              auth("/header", "") + "",
		"the words of a status": auth("/status", ""),
		"nonsense":              auth("/nonsense", ""),
		"a torn body":           auth("/torn", ""),
		"a server that hangs":   auth("/hang", ""),
		"an error page":         auth("/500", ""),
		"a cut body":            auth("/long", ", max_body: 1000B"),
		"a redirect":            auth("/redirect", ", redirects: 3"),
		"a redirect that says":  auth("/redirectsaid", ", redirects: 3"),
		"a redirect elsewhere":  auth("/elsewhere", ", redirects: 3"),
		"the path":              "  - check: c\n    http: {url: \"@S@/500/{{ .secrets.tok }}\"}\n",
		"the query":             "  - check: c\n    http: {url: \"@S@/500?token={{ .secrets.tok }}\"}\n",
		"a loop":                "  - check: c\n    http: {url: \"@S@/loop?token={{ .secrets.tok }}\", redirects: 3}\n",
		"basic":                 "  - check: c\n    http: {url: \"@S@/500\", auth: {basic: {user: ops, password: \"{{ .secrets.tok }}\"}}}\n",
		"a header of its own":   "  - check: c\n    http: {url: \"@S@/500\", headers: {X-Key: \"{{ .secrets.tok }}\"}}\n",
		"JSON that is sent":     "  - action: c\n    http: {method: POST, url: \"@S@/\", json: {deep: [{key: \"{{ .secrets.tok }}\"}]}}\n",
		"a form that is sent":   "  - action: c\n    http: {method: POST, url: \"@S@/\", form: {key: \"{{ .secrets.tok }}\"}}\n",
		"a body that is sent":   "  - action: c\n    http: {method: POST, url: \"@S@/\", body: \"a={{ .secrets.tok }}\"}\n",
		"Prometheus":            "  - check: c\n    prometheus: {url: \"@S@\", query: up, auth: {bearer: \"{{ .secrets.tok }}\"}}\n    timeout: 2s\n",
		"a page":                "  - check: c\n    statuspage: {url: \"@S@/500?token={{ .secrets.tok }}\"}\n    timeout: 2s\n",
	} {
		out = append(out, way{name: "a request: " + name, steps: steps, quiet: name == "a page"}) // of its URL the query is not kept
	}
	for name, steps := range map[string]string{
		"a host that is not there":  "  - check: c\n    http: {url: \"http://{{ .secrets.tok }}.invalid/\"}\n",
		"a host that is denied":     "  - check: c\n    http: {url: \"http://{{ .secrets.tok }}.example.com/\"}\n",
		"the user of a URL":         "  - check: c\n    http: {url: \"http://{{ .secrets.tok }}@elsewhere.example/\"}\n",
		"the password of a URL":     "  - check: c\n    http: {url: \"http://u:{{ .secrets.tok }}@127.0.0.1:1/\"}\n",
		"a URL that is none":        "  - check: c\n    http: {url: \"http://127.0.0.1:1/%zz{{ .secrets.tok }}\"}\n",
		"a port that is none":       "  - check: c\n    http: {url: \"http://127.0.0.1:{{ .secrets.tok }}/\"}\n",
		"a URL that is the secret":  "  - check: c\n    http: {url: \"{{ .secrets.tok }}\"}\n",
		"a header that is none":     "  - check: c\n    http: {url: \"@S@/\", headers: {X-Key: \"{{ .secrets.tok }}\\n\"}}\n",
		"a proxy":                   "  - check: c\n    http: {url: \"http://127.0.0.1:9/{{ .secrets.tok }}\"}\n",
		"no TLS":                    "  - check: c\n    http: {url: \"https://@HOST@/{{ .secrets.tok }}\"}\n    timeout: 2s\n",
		"a connection":              "  - check: c\n    tcp: {host: \"{{ .secrets.tok }}.invalid\", port: 80}\n    timeout: 2s\n",
		"a certificate":             "  - check: c\n    tls: {host: 127.0.0.1, port: 1, name: \"{{ .secrets.tok }}.example.com\"}\n    timeout: 2s\n",
		"a certificate's file":      "  - check: c\n    http: {url: \"https://127.0.0.1:1/\", tls: {ca: \"/nowhere/{{ .secrets.tok }}\"}}\n",
		"a file":                    "  - check: c\n    file: {path: \"/nowhere/{{ .secrets.tok }}\"}\n",
		"PostgreSQL":                "  - check: c\n    sql: {driver: postgres, host: 127.0.0.1, port: 1, user: u, password: \"{{ .secrets.tok }}\", database: d, query: select 1}\n    timeout: 2s\n",
		"a URL of PostgreSQL":       "  - check: c\n    sql: {driver: postgres, url: \"postgres://u:{{ .secrets.tok }}@127.0.0.1:1/d\", query: select 1}\n    timeout: 2s\n",
		"a bad URL of PostgreSQL":   "  - check: c\n    sql: {driver: postgres, url: \"postgres://u:{{ .secrets.tok }}%zz@127.0.0.1:1/d\", query: select 1}\n    timeout: 2s\n",
		"MySQL":                     "  - check: c\n    sql: {driver: mysql, host: 127.0.0.1, port: 1, user: u, password: \"{{ .secrets.tok }}\", database: d, query: select 1}\n    timeout: 2s\n",
		"a parameter of a query":    "  - check: c\n    sql: {driver: sqlite, file: db, query: \"select $1 as said, $1 + 1 as n, json($1)\", params: [\"{{ .secrets.tok }}\"]}\n",
		"a folder of a program":     "  - check: c\n    shell: {argv: [probe, plain, out], dir: \"/nowhere/{{ .secrets.tok }}\"}\n",
		"the address of a resolver": "  - check: c\n    dns: {name: example.com, resolver: \"{{ .secrets.tok }}.invalid:53\"}\n    timeout: 2s\n",
	} {
		x := way{name: "a failure: " + name, quiet: true, steps: steps + "  - {message: told, text: \"{{ .steps.c.error.kind }} {{ .steps.c.error.message }}\"}\n"}
		x.head = "permissions: {observe: [probe], hosts: [127.0.0.1, \"*.invalid\"], files: {read: [db]}}\n"
		switch name {
		case "a proxy":
			x.env = []string{"HTTP_PROXY=http://ops:@SECRET@@127.0.0.1:1", "NO_PROXY="}
		case "a URL that is the secret":
			x.shape = func(s string) string { return "http://127.0.0.1:1/services/" + s + "?key=" + s[5:] }
			x.parts = func(s string) []string { return []string{s[28:]} }
		case "a parameter of a query":
			x.files = map[string]string{"db": ""}
		}
		out = append(out, x)
	}
	return out
}

func TestLeaks(t *testing.T) {
	t.Parallel()
	n := 0
	for _, list := range [][]way{modes(), scriptWays(), requestWays(), flowWays(), peopleWays(), sourceWays(), messageWays()} {
		for _, x := range list {
			n++
			t.Run(strings.ReplaceAll(x.name, " ", "_"), func(t *testing.T) {
				t.Parallel()
				x.hold(t)
			})
		}
	}
	if n < 100 {
		t.Errorf("the corpus has %d ways", n)
	}
}
