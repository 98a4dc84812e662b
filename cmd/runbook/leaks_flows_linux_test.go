package main

import "strings"

// told reads what the step c said in a message.
const told = "  - {message: told, text: \"{{ .steps.c.stdout }} {{ .steps.c.stderr }}\"}\n"

// flowWays are ways of values through a run: what one step says reaches the texts,
// conditions and names of others.
func flowWays() []way {
	list := "  - check: c\n    shell: {argv: [probe, plain, list], stdin: \"{{ .secrets.tok }}\"}\n    outputs: {all: 'json ?? []', one: 'first(json ?? []) ?? \"\"'}\n"
	return []way{
		{name: "a fact", head: "facts: {seen: {type: string, default: none}}\n", steps: through("both", "    facts: {seen: \"{{ .stdout }}\"}\n  - {message: told, title: \"T {{ .facts.seen }}\", text: \"{{ .facts.seen }}\"}\n  - {end: over, outcome: resolved, summary: \"S {{ .facts.seen }}\"}\n"), pages: true},
		{name: "a fact that is the secret", head: "facts: {seen: {type: string, default: none}}\n", steps: through("out", "    facts: {seen: \"{{ .stdout }}!\"}\n  - {end: over, outcome: resolved, summary: \"{{ .facts.seen }}\"}\n"), pages: true},
		{name: "a decision", steps: through("both", "  - decide: d\n    branches:\n      - {id: yes, when: 'steps.c.stderr contains \"none\"'}\n      - {id: no, when: 'len(steps.c.stderr) > 3', title: \"Said {{ .steps.c.stderr }}\"}\n    else: {id: other}\n"), pages: true},
		{name: "an expectation", code: 1, steps: through("both", "    required: true\n    expect: ['stderr == \"other\"', 'exit == 1']\n")},
		{name: "an output that cannot be had", steps: through("err", "    outputs: {n: 'int(stderr)'}\n")},
		{name: "a type that does not fit", steps: through("err", "    outputs: {n: {expr: stderr, type: string, pattern: \"^[0-9]+$\"}}\n")},
		{name: "each item", steps: list + "  - each: e\n    in: steps.c.all\n    as: it\n    steps:\n      - {message: told, text: \"an item\"}\n      - check: i\n        shell: {argv: [probe, plain, out], stdin: \"{{ .secrets.tok }}\"}\n", pages: true},
		{name: "the name of an item", steps: through("list", "    outputs: {all: 'map(json ?? [], {\"x\" + string(#)})'}\n  - each: e\n    in: steps.c.all\n    as: it\n    max: 2\n    steps:\n      - check: i\n        title: Item {{ .it }}\n        shell: {argv: [probe, plain, out], stdin: \"{{ .secrets.tok }}\"}\n")},
		{name: "side by side", steps: "  - parallel: p\n    steps:\n" + strings.ReplaceAll(strings.ReplaceAll("  - check: c\n    shell: {argv: [probe, plain, both], stdin: \"{{ .secrets.tok }}\"}\n", "  - ", "      - "), "    shell", "        shell") + "      - check: d\n        shell: {argv: [probe, plain, environ]}\n"},
		{name: "a retry", code: 1, steps: through("fails", "    required: true\n    retry: {attempts: 3, delay: 10ms, on: 'exit == 3'}\n")},
		{name: "a poll", steps: through("count", "    poll: {every: 10ms, for: 20s}\n")},
		{name: "a timeout", steps: through("hangs", "    timeout: 500ms\n")},
		{name: "an action that fails", code: 1, steps: "  - action: a\n    shell: {argv: [probe, plain, fails], stdin: \"{{ .secrets.tok }}\"}\n", pages: true},
		{name: "what is done at last", head: "finally:\n  - check: f\n    shell: {argv: [probe, plain, both], stdin: \"{{ .secrets.tok }}\"}\n", steps: "  - {message: n, text: none}\n"},
		{name: "an undo", code: 1, args: []string{"--yes"}, steps: "  - action: a\n    shell: {argv: [probe, plain, out], stdin: \"{{ .secrets.tok }}\"}\n    undo:\n      when: failure\n      auto: true\n      steps:\n        - action: b\n          shell: {argv: [probe, plain, err], stdin: \"{{ .secrets.tok }}\"}\n  - action: c\n    shell: {argv: [probe, plain, fails], stdin: \"{{ .secrets.tok }}\"}\n"},
		{name: "a verify", steps: "  - action: a\n    shell: {argv: [probe, plain, out], stdin: \"{{ .secrets.tok }}\"}\n    verify:\n      shell: {argv: [probe, plain, err], stdin: \"{{ .secrets.tok }}\"}\n"},
		{name: "another runbook", files: map[string]string{"inner.yaml": "apiVersion: runbook/v1\nname: inner\nsecrets: {own: {env: TOK}}\npermissions: {observe: [probe]}\nsteps:\n  - check: c\n    shell: {argv: [probe, plain, both], stdin: \"{{ .secrets.own }}\"}\n    outputs: {said: stdout}\n"},
			head: "x-secrets: none\n", env: []string{"TOK=@SECRET@"}, steps: "  - {run: r, runbook: inner.yaml}\n", pages: true},
		{name: "a title that cannot be computed", steps: through("err", "  - check: next\n    title: \"{{ atoi .steps.c.stderr }} {{ .steps.c.stderr }}\"\n    shell: echo hi\n")},
		{name: "a confirm", code: 0, args: []string{"--non-interactive", "--output", "text"}, then: [][]string{{"resume", "last", "--approve", "a", "--output", "text"}}, pages: true,
			steps: through("out", "  - action: a\n    title: Store {{ .steps.c.stdout }}x\n    confirm: \"Store {{ .steps.c.stdout }}?\"\n    shell: {argv: [probe, plain, err], stdin: \"{{ .secrets.tok }}\"}\n")},
		{name: "a request that is approved", args: []string{"--non-interactive", "--output", "text"}, then: [][]string{{"resume", "last", "--approve", "a", "--output", "text"}},
			steps: "  - action: a\n    confirm: \"Send it?\"\n    http: {method: POST, url: \"@S@/?t={{ .secrets.tok }}\", headers: {X: \"{{ .secrets.tok }}\"}, json: {k: \"{{ .secrets.tok }}\"}}\n"},
		{name: "a text to type", args: []string{"--non-interactive", "--output", "text"}, code: 5,
			steps: through("out", "  - action: a\n    confirm:\n      ask: \"Really?\"\n      retype: \"{{ .steps.c.stdout }}!\"\n    shell: probe plain out\n")},
		{name: "what people are shown", args: []string{"--non-interactive", "--output", "text"}, code: 5,
			steps: through("both", "  - manual: m\n    instructions: \"Look at {{ .steps.c.stdout }} {{ .steps.c.stderr }}\"\n")},
		{name: "an input that is the secret", quiet: true, code: 4, said: "the input x holds the secret", head: "inputs: {x: {type: string}}\n", args: []string{"--input", "x=@SECRET@"}, steps: through("out", "    title: \"{{ .inputs.x }}\"\n")},
		{name: "an input that holds it", quiet: true, code: 4, said: "the input x holds the secret", head: "inputs: {x: {type: string}}\n", env: []string{"RUNBOOK_INPUT_X=a @SECRET@"}, steps: through("out", "  - {message: m, text: \"{{ .inputs.x }}\"}\n")},
		{name: "evidence and links", head: "links: [{title: There, url: \"https://x.example/none\"}]\n", steps: through("json", "    outputs: {key: 'json?.k ?? \"\"', long: '\"<\" + stdout + \">\"'}\n    evidence: [key, long, stdout]\n    links: [{title: Here, url: \"https://x.example/none\"}]\n"), pages: true},
		{name: "an attachment that holds it", quiet: true, code: 4, said: "stands in note.txt, line 2", files: map[string]string{"note.txt": "a note\nthe token is @SECRET@\n"}, head: "attachments: {note: {file: note.txt}}\n", steps: through("out", "  - {manual: m, attach: [note], instructions: Look.}\n")},
		{name: "a runbook that holds it", quiet: true, code: 4, said: "stands in way.yaml, line", steps: through("out", "  - {message: m, text: \"it is @SECRET@\"}\n")},
		{name: "killed", kill: "ready", code: 1, then: [][]string{{"resume", "last", "--answer", "a=failed", "--output", "json"}}, steps: through("both", "  - action: a\n    shell: {argv: [probe, plain, ready], stdin: \"{{ .secrets.tok }}\"}\n"), pages: true},
		{name: "a run that is recorded", args: []string{"--record", "@DIR@/watched/rec.scenarios.yaml"}, steps: through("json", "    outputs: {k: 'json?.k ?? \"\"'}\n  - {message: m, text: \"{{ .steps.c.stdout }}\"}\n")},
		{name: "a rehearsal that looks", args: []string{"--dry-run", "--observe", "--output", "text"}, steps: through("both", told)},
		{name: "a rehearsal as events", args: []string{"--dry-run", "--observe"}, steps: through("both", told)},
		{name: "verbose lines", args: []string{"--output", "text"}, steps: through("both", told+"  - {end: over, outcome: failed, summary: \"{{ .steps.c.stderr }}\"}\n"), code: 1},
		{name: "standard output is cut", args: []string{"--output", "text"}, shape: func(s string) string { return s + strings.Repeat("0123456789", 30) }, steps: through("cut", told)},
		{name: "a secret with a control letter", shape: func(s string) string { return s[:8] + "\x01\t" + s[8:] }, steps: through("both", told)},
		{name: "bytes that are no text", shape: func(s string) string { return s[:13] + "\xff\xfe" + s[13:] }, steps: through("both", told), parts: func(s string) []string { return []string{s[:13], s[15:]} }},
	}
}

// peopleWays are ways of what a person types and is shown.
func peopleWays() []way {
	const none = "x-secrets: none\n"
	collects := func(more string) string {
		return "  - manual: m\n    instructions: Give it.\n    collect: {value: {secret: true" + more + "}}\n  - action: a\n    shell: {argv: [probe, plain, both], stdin: \"{{ .steps.m.value }}\"}\n"
	}
	scenario := "runbook: way.yaml\nscenarios:\n  one:\n    secrets: {tok: \"@SECRET@\"}\n    shell:\n      - {on: probe plain *, stdout: \"said @SECRET@\", stderr: \"@SECRET@\"}\n    http:\n      - {on: GET https://nowhere.example/, reply: {status: 200}}\n    answers: {m: {value: \"@SECRET@new\"}}\n    expect: {outcome: resolved, facts: {none: x}, messages: {told: {contains: nothing}}}\n"
	world := strings.Replace(scenario, ", facts: {none: x}", "", 1)
	drilled := through("both", "  - manual: m\n    instructions: Give it.\n    collect: {value: {secret: true, replaces: tok}}\n  - check: d\n    shell: {argv: [probe, plain, both], stdin: \"{{ .secrets.tok }}\"}\n  - check: e\n    http: {url: \"http://127.0.0.1:1/{{ .secrets.tok }}\"}\n"+told+"  - {end: over, outcome: resolved}\n")
	files := map[string]string{"way.scenarios.yaml": world}
	return []way{
		{name: "typed", head: none, steps: collects(""), typed: []string{"[yes/no]|yes\n", "value|@SECRET@\n"}, pages: true},
		{name: "typed with a slip", head: none, steps: collects(""), typed: []string{"[yes/no]|yes\n", "value|@SECRET@XX\x7f\x7f\n"}},
		{name: "pasted with a space", head: none, steps: collects(""), typed: []string{"[yes/no]|yes\n", "value|@SECRET@ \r"}},
		{name: "typed ahead", head: none, steps: collects(""), typed: []string{"[yes/no]|yes\n@SECRET@\n"}},
		{name: "typed far ahead", head: none, steps: "  - manual: n\n    instructions: First.\n    collect: {note: {type: string}}\n" + collects(""), typed: []string{"[yes/no]|yes\na note\nyes\n@SECRET@\n"}},
		{name: "refused by its pattern", head: none, steps: collects(", pattern: \"^Zq[A-Z0-9]+$\""), typed: []string{"[yes/no]|yes\n", "value|x-@SECRET@\n", "does not match", "value|@SECRET@\n"}},
		{name: "refused as too short", head: none, steps: collects(""), typed: []string{"[yes/no]|yes\n", "value|Zq\n", "at least 8", "[yes/no]|yes\n", "value|@SECRET@\n"}},
		{name: "a secret is collected and shown", head: none, steps: collects("") + "  - {message: n, text: \"{{ .steps.a.stdout }}\"}\n", typed: []string{"[yes/no]|yes\n", "value|@SECRET@\n"}, pages: true},
		{name: "broken off at the prompt", head: none, quiet: true, steps: collects(""), typed: []string{"[yes/no]|yes\n", "value|@SECRET@\x03"}, code: 130},
		{name: "the terminal ends", head: none, quiet: true, steps: collects(""), typed: []string{"[yes/no]|yes\n", "value|@SECRET@\x15\x04"}, code: 5},
		{name: "an answer from standard input", head: none, steps: collects(""), args: []string{"--answer", "m.value=@-"}, stdin: "@SECRET@\n"},
		{name: "an answer from a file", head: none, files: map[string]string{"s.txt": "@SECRET@\r\n"}, steps: collects(""), args: []string{"--answer", "m.value=@s.txt"}},
		{name: "an answer from the environment", head: none, env: []string{"NEW=@SECRET@"}, steps: collects(""), args: []string{"--answer", "m.value=@env:NEW"}},
		{name: "an answer that does not fit", quiet: true, head: none, env: []string{"NEW=@SECRET@"}, steps: collects(", pattern: \"^[0-9]+$\""), args: []string{"--answer", "m.value=@env:NEW"}, code: 2},
		{name: "an answer on the command line", quiet: true, head: none, steps: collects(""), args: []string{"--answer", "m.value=@SECRET@"}, code: 2},
		{name: "one replaces another", env: []string{"NEW=@SECRET@NEW"}, args: []string{"--answer", "m.value=@env:NEW"}, steps: through("both", "  - manual: m\n    instructions: Renew.\n    collect: {value: {secret: true, replaces: tok}}\n  - check: d\n    shell: {argv: [probe, plain, both], stdin: \"{{ .secrets.tok }}\"}\n"), pages: true},
		{name: "killed after it was given", head: none, env: []string{"NEW=@SECRET@"}, kill: "ready", args: []string{"--answer", "m.value=@env:NEW"}, steps: collects("") + "  - check: b\n    shell: {argv: [probe, plain, ready], stdin: \"{{ .steps.m.value }}\"}\n    timeout: 2s\n",
			then: [][]string{{"resume", "last", "--non-interactive", "--answer", "m.value=@env:NEW"}}, pages: true},
		{name: "a drill", head: "permissions: {observe: [probe], hosts: [127.0.0.1, nowhere.example]}\nsecrets: {tok: {env: TOK}}\n", quiet: true, files: files, steps: drilled, args: []string{"--scenario", "one", "--non-interactive", "--output", "text"}, code: 1},
		{name: "a drill at a terminal", head: "permissions: {observe: [probe], hosts: [127.0.0.1, nowhere.example]}\nsecrets: {tok: {env: TOK}}\n", quiet: true, files: files, steps: drilled, args: []string{"--scenario", "one"}, typed: []string{"[yes/no]|\n", "value|\n"}, code: 1},
		{name: "a test", head: "permissions: {observe: [probe], hosts: [127.0.0.1, nowhere.example]}\nsecrets: {tok: {env: TOK}}\n", quiet: true, files: files, steps: drilled, args: []string{"test", "way.yaml", "--coverage", "@DIR@/watched/c.html", "--coverage", "@DIR@/watched/c.json"}, code: 1},
		{name: "a test as JUnit", head: "permissions: {observe: [probe], hosts: [127.0.0.1, nowhere.example]}\nsecrets: {tok: {env: TOK}}\n", quiet: true, files: files, steps: drilled, args: []string{"test", "way.yaml", "--format", "junit"}, code: 1},
		{name: "a test as JSON", head: "permissions: {observe: [probe], hosts: [127.0.0.1, nowhere.example]}\nsecrets: {tok: {env: TOK}}\n", quiet: true, files: files, steps: drilled, args: []string{"test", "way.yaml", "--format", "json"}, code: 1},
	}
}

// sourceWays are ways of where a secret comes from.
func sourceWays() []way {
	from := func(source string) string { return "secrets: {tok: {" + source + "}}\n" }
	return []way{
		{name: "a variable with a line break", shape: func(s string) string { return s + "\n" }, steps: through("both", told), parts: func(s string) []string { return []string{strings.TrimSpace(s)} }},
		{name: "a file with a line break", head: from("file: s.txt"), files: map[string]string{"s.txt": "@SECRET@\r\n"}, steps: through("both", told)},
		{name: "a file that is read before", head: from("file: s.txt") + "permissions: {observe: [probe], files: {read: [s.txt]}}\n", files: map[string]string{"s.txt": "@SECRET@\n"}, steps: "  - check: f\n    file: {path: s.txt, read: true}\n" + through("both", told)},
		{name: "a command", head: from("command: [cat, s.txt]"), files: map[string]string{"s.txt": "@SECRET@\n"}, steps: through("both", told), pages: true},
		{name: "a command that fails", quiet: true, head: from("command: [sh, -c, 'cat s.txt; cat s.txt >&2; exit 3']"), files: map[string]string{"s.txt": "@SECRET@\n"}, steps: through("both", told)},
		{name: "a command that prints too much", quiet: true, head: from("command: [sh, -c, 'cat s.txt; head -c 70000 /dev/zero | tr \"\\0\" x']"), files: map[string]string{"s.txt": "@SECRET@\n"}, steps: through("both", told)},
		{name: "one that begins with another", head: "secrets: {tok: {env: TOK}, more: {env: MORE}}\n", env: []string{"TOK=@SECRET@", "MORE=@SECRET@0123456789"}, steps: through("both", "  - check: d\n    shell: {argv: [probe, plain, both], stdin: \"{{ .secrets.more }}\"}\n")},
		{name: "one in another", head: "secrets: {tok: {env: TOK}, more: {env: MORE}}\n", env: []string{"TOK=@SECRET@", "MORE=0123@SECRET@4567"}, steps: through("both", "  - check: d\n    shell: {argv: [probe, plain, both], stdin: \"x{{ .secrets.more }}{{ .secrets.tok }}\"}\n")},
		{name: "behind a scheme", shape: func(s string) string { return "Bearer " + s }, steps: "  - check: c\n    http: {url: \"@S@/\", headers: {Authorization: \"{{ .secrets.tok }}\"}}\n", parts: func(s string) []string { return []string{s[7:]} }},
		{name: "a URL with a password", shape: func(s string) string { return "postgres://ops:" + s + "@127.0.0.1:1/db" }, quiet: true, steps: "  - check: c\n    sql: {driver: postgres, url: \"{{ .secrets.tok }}\", query: select 1}\n    timeout: 2s\n" + "  - check: d\n    shell: {argv: [probe, plain, both], stdin: \"{{ .secrets.tok }}\"}\n", parts: func(s string) []string { return []string{s[15:43]} }},
	}
}

// messageWays are ways of channels.
func messageWays() []way {
	hook := func(s string) string { return "@S@/hook/services/" + s }
	slack := "channels: {room: {slack: {webhook: \"{{ .secrets.tok }}\"}}}\n"
	path := func(s string) []string { return []string{s[strings.LastIndex(s, "/")+1:]} }
	chat := "channels: {chat: {webhook: {url: \"@O@/chat\"}}}\n"
	return []way{
		{name: "a webhook that says its URL", shape: hook, parts: path, head: slack, steps: "  - {message: m, to: room, text: hello}\n", pages: true},
		{name: "a webhook nobody answers", shape: func(s string) string { return "http://127.0.0.1:1/hook/" + s }, parts: path, quiet: true, head: slack, steps: "  - {message: m, to: room, text: hello}\n", args: []string{"--output", "text"}},
		{name: "a webhook that is no URL", quiet: true, head: slack, steps: "  - {message: m, to: room, text: hello}\n"},
		{name: "a webhook that is sent later", shape: hook, parts: path, head: slack, code: 1, steps: "  - {message: m, to: room, text: hello}\n", then: [][]string{{"resume", "last"}}},
		{name: "a webhook's header", head: "channels: {chat: {webhook: {url: \"@S@/hook\", headers: {Authorization: \"Bearer {{ .secrets.tok }}\"}}}}\n", steps: "  - {message: m, to: chat, text: hello}\n"},
		{name: "what a webhook posts", head: "channels: {chat: {webhook: {url: \"@S@/hook\", json: {key: \"{{ .secrets.tok }}\", text: \"{{ .message.text }}\"}}}}\n", steps: "  - {message: m, to: chat, text: hello}\n"},
		{name: "a message to others", head: chat, steps: through("both", "  - {message: m, to: chat, title: \"T {{ .steps.c.stderr }}\", text: \"{{ .steps.c.stdout }}\"}\n"), pages: true},
		{name: "encoded, to others", head: chat, steps: through("base64at1", "  - {message: m, to: chat, text: \"{{ .steps.c.stdout }}\"}\n")},
		{name: "a number, to others", head: chat, shape: func(string) string { return "48151623421234567" }, steps: through("number", "    outputs: {n: 'json?.n ?? 0'}\n  - {message: m, to: chat, text: \"{{ .steps.c.n }} {{ .steps.c.stdout }}\"}\n")},
		{name: "a redirect of a message", head: "channels: {chat: {webhook: {url: \"@S@/redirect\", headers: {X-Key: \"{{ .secrets.tok }}\"}}}}\n", steps: "  - {message: m, to: chat, text: hello}\n"},
		{name: "a status page", quiet: true, head: "channels: {page: {statuspage: {page: kctbh9vrtdwd, token: \"{{ .secrets.tok }}\"}}}\n", env: []string{"HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY="}, steps: "  - {message: m, to: page, text: hello}\n"},
	}
}
