package schema_test

import (
	"regexp"
	"strings"
	"testing"

	"runbook/checks"
	"runbook/engine/kind"
	"runbook/engine/scenario"
	"runbook/engine/schema"
	"runbook/engine/source"
	"runbook/engine/spec"
)

func kinds() []kind.Kind {
	var out []kind.Kind
	for _, k := range checks.All() {
		out = append(out, k.Kind)
	}
	return out
}

// worlds is the structure of scenario files with the program's kinds.
func worlds() *spec.Shape { return scenario.Shape(kinds()...) }

// TestScenarioFilesAgree: the schema and the loader say the same of files of
// scenarios, good and bad. What only the loader can see, the schema lets pass.
func TestScenarioFilesAgree(t *testing.T) {
	s := compiled(t, generated(t, func() ([]byte, error) { return schema.Scenarios(worlds()) }), "")
	for _, c := range []struct {
		text           string
		loader, schema bool
	}{
		{"", true, true},
		{"start: 2026-03-01T03:00:00Z", true, true}, {"start: 2026-03-01", false, false}, {"start: 2026-13-01T00:00:00Z", false, false}, {"start: 2026-02-30T00:00:00Z", false, true},
		{"secrets: {a: null}", false, true}, {"secrets: {a: 1}", false, false}, {"inputs: {a: null, b: [1]}", true, true},
		{"http: [{on: GET https://a.b/, reply: {}}]", true, true}, {"http: [{on: GET https://a.b/, reply: []}]", false, false}, {"http: [{on: GET, reply: {}}]", false, true},
		{"http: [{on: GET https://a.b/, times: 2, body: {json: {a: null}, matches: [a, b]}, reply: [{drip: 3s, json: null}, {error: truncated}]}]", true, true},
		{"http: [{on: GET https://a.b/, reply: {drip: 3}}]", false, false}, {"http: [{on: GET https://a.b/, body: {matches: 3}, reply: {}}]", false, false}, {"http: [{on: GET https://a.b/, body: {matches: (}, reply: {}}]", false, true},
		{"shell: [{on: a, signal: KILL}]", true, true}, {"shell: [{on: a, signal: KILL, exit: 1}]", false, false}, {"shell: [{on: a, reply: {signal: KILL, exit: 1}}]", false, false}, {"shell: [{on: a, signal: SIGKILL}]", false, false},
		{"dns: [{on: A a.b, with: {resolver: a, timeout: 3}, reply: {status: NOERROR, answers: [a, {b: 1}], ttl: 5m}}]", true, true}, {"dns: [{on: A a.b, reply: {status: NO}}]", false, false}, {"dns: [{on: A a.b, reply: {ttl: 5}}]", false, false}, {"dns: [{on: A a.b, reply: {error: auth}}]", false, false},
		{"tls: [{on: 'a:443', reply: {days_left: -3, chain_days_left: null, chain: [{not_after: 2026-03-01T03:00:00Z}]}}]", true, true}, {"tls: [{on: 'a:443', reply: {days_left: 3.5}}]", false, false}, {"tls: [{on: 'a:443', reply: {chain: [{not_after: soon}]}}]", false, false}, {"tls: [{on: 'a:443', reply: {chain: [{after: 1}]}}]", false, false},
		{"tcp: [{on: 'a:1', reply: {connected: false, timing: {total: 3s}, error: {kind: connect, message: no}, delay: 1s}}]", true, true}, {"tcp: [{on: 'a:1', reply: {error: {message: no}}}]", false, false}, {"tcp: [{reply: {}}]", false, false},
		{"file: [{on: /a, reply: {age: 26h, modified: null, json: {a: 1}}}]", true, true}, {"file: [{on: /a, reply: {exists: null}}]", false, false}, {"file: [{on: /a, times: 1.5, reply: {}}]", false, false},
		{"sql: [{on: select 1, reply: [{rows: [{a: 1}], columns: [a]}, {value: 3}]}]", true, true}, {"sql: [{on: select 1, reply: {columns: [1]}}]", false, false},
		{"prometheus: []", false, false}, {"results: [{on: a, times: 3, reply: [{status: 200, error: tls, delay: 1s}, {error: {kind: x}}]}]", true, true}, {"results: [{on: a, reply: {delay: x}}]", false, false}, {"results: [{on: a}]", false, false},
		{"answers: {a: done, b: {answer: x, values: {y: 1}, after: 10m, by: D}, c: [approve, {after: 1s, z: [1]}]}", true, true}, {"answers: {a: 3}", false, false}, {"answers: {a: {after: 3}}", false, false}, {"answers: {a: []}", false, false}, {"answers: {a: [[done]]}", false, false}, {"answers: {a: null}", false, true},
		{"expect: {outcome: resolved, decisions: {a: b}, verdicts: {a: passed}, outputs: {a: null}, evidence: {a.b: 1}, messages: {a: absent, b: {matches: x}}}", true, true}, {"expect: {outcome: done}", false, false}, {"expect: {verdicts: {a: fine}}", false, false}, {"expect: {outcome: null}", false, true},
		{"expect: {calls: [{on: a, times: 0}, {on: b, times: {min: 1}, body: {json: 1}}], order: [a, b]}", true, true}, {"expect: {calls: [{on: a, times: {}}]}", false, false}, {"expect: {calls: [{on: a, times: -1}]}", false, false}, {"expect: {calls: [a]}", false, false}, {"expect: {order: a}", false, false},
		{"expect: {duration: {max: 2m, a: {min: 1s}}}", true, true}, {"expect: {duration: {max: {}}}", false, false}, {"expect: {duration: {a: {}}}", false, false}, {"expect: {duration: {a: 1s}}", false, false}, {"expect: {duration: 2m}", false, false},
		{"extends: other", false, true}, {"extends: null", false, false}, {"extend: other", false, false},
	} {
		text := "runbook: a.yaml\nscenarios:\n  one:\n    title: x\n    " + c.text + "\n"
		var found []string
		loaded := scenario.Parse(source.NewFile("a.scenarios.yaml", []byte(text)), func(d source.Diagnostic) { found = append(found, d.Summary) }, kinds()...) != nil
		v, _, ok := value("a.scenarios.yaml", []byte(text))
		err := s.Validate(v)
		if !ok || loaded != c.loader || (err == nil) != c.schema {
			t.Errorf("%s: the loader says %v (%v), the schema %v", c.text, loaded, found, err)
		}
	}
}

// TestFixturesAgree: each file of findings about scenarios that the shapes find is
// refused by the schema, and the others pass.
func TestFixturesAgree(t *testing.T) {
	s := compiled(t, generated(t, func() ([]byte, error) { return schema.Scenarios(worlds()) }), "")
	structural := regexp.MustCompile(`\[(?:wrong-type|missing-key|unknown-key|one-of|too-few|empty-value)\]`)
	for _, name := range files(t, "engine/testdata/scenarios/*.scenarios.yaml") {
		v, _, ok := value(name, read(t, name))
		if !ok {
			continue // it is not YAML that can be read
		}
		found := string(read(t, strings.TrimSuffix(name, ".yaml")+".out"))
		if strings.HasSuffix(name, "names.scenarios.yaml") {
			found = "" // what a step comes back with is held against its kind
		}
		if err := s.Validate(v); (err != nil) != structural.MatchString(found) {
			t.Errorf("%s: the schema says %v", name, err)
		}
	}
}
