package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/scenario"
	"runbook/engine/source"
	"runbook/engine/types"
)

// playing loads a runbook and its only scenario.
func playing(t *testing.T, runbook, world string) (*engine.Runbook, *scenario.Scenario) {
	t.Helper()
	rb, found := engine.Load(source.NewFile("x.yaml", []byte("apiVersion: runbook/v1\nname: x\n"+runbook)))
	if rb == nil {
		t.Fatal(found)
	}
	file, found := rb.Scenarios(source.NewFile("x.scenarios.yaml", []byte("runbook: x.yaml\nscenarios:\n  one:\n"+world)))
	if file == nil {
		t.Fatal(found)
	}
	return rb, file.Scenarios[0]
}

func tested(t *testing.T, runbook, world string) *engine.TestResult {
	t.Helper()
	rb, sc := playing(t, runbook, world)
	res, err := rb.Test(context.Background(), engine.TestOptions{Scenario: sc})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func failures(res *engine.TestResult) string {
	var out []string
	for _, f := range res.Failures {
		out = append(out, f.String())
	}
	return strings.Join(out, "\n")
}

// TestPollOfTwoHours: the work of a long wait is its polls, and not its time.
func TestPollOfTwoHours(t *testing.T) {
	t.Parallel()
	res := tested(t, `
permissions: {hosts: [api.example.com]}
steps: [{check: up, http: {url: "https://api.example.com/"}, poll: {every: 1m, for: 2h}}]
`, `    {http: [{on: GET https://api.example.com/, reply: {status: 503}}], expect: {verdicts: {up: failed}}}
`)
	if polls := 120; res.Elapsed != 119*time.Minute || len(res.Events) != 2+2+polls*4-2 || len(res.Failures) > 0 || res.Met != 1 {
		t.Errorf("it took %s, %d events\n%s", res.Elapsed, len(res.Events), failures(res))
	}
}

// TestWhatAScenarioLeavesOut: a call and a question that it does not answer fail
// the test, and it says which.
func TestWhatAScenarioLeavesOut(t *testing.T) {
	t.Parallel()
	res := tested(t, `
permissions: {hosts: [api.example.com], observe: [kubectl]}
steps:
  - {check: pods, shell: kubectl get pods}
  - {check: up, http: {url: "https://api.example.com/v2", headers: {X-A: b}}}
  - {manual: call, title: Call them, instructions: Call the vendor., collect: {ticket: {type: string}}}
`, `    {http: [{on: GET https://API.Example.com/*, headers: {X-A: c}, reply: {status: 200}}], expect: {verdicts: {pods: passed}}}
`)
	for _, want := range []string{
		"verdict of pods: expected passed, got failed",
		"a call: expected a stub that answers it, got none: no stub answers `kubectl get pods`",
		"no stub answers GET https://api.example.com/v2; the nearest, GET https://api.example.com/* at x.scenarios.yaml:4:13, does not fit: the header `X-A` is another",
		`the answer to call: expected one in the scenario, got none: it was asked "Call the vendor.", to be answered with done or could_not, and values for ticket`,
	} {
		if !strings.Contains(failures(res), want) {
			t.Errorf("no %q in\n%s", want, failures(res))
		}
	}
	if len(res.Failures) != 4 || res.Code != engine.ExitPaused {
		t.Errorf("%d failures, code %d", len(res.Failures), res.Code)
	}
}

// TestPausedAsExpected: where a scenario expects the run to wait, a question that
// nobody answers is as it should be.
func TestPausedAsExpected(t *testing.T) {
	t.Parallel()
	res := tested(t, `steps: [{manual: call, instructions: Call the vendor.}]`, `    {expect: {outcome: paused}}
`)
	if len(res.Failures) > 0 || len(res.Waiting) != 1 || res.Events[len(res.Events)-1].Type != journal.RunPaused {
		t.Errorf("%s\n%v", failures(res), res.Waiting)
	}
}

func TestAChoiceThatIsNone(t *testing.T) {
	t.Parallel()
	rb, sc := playing(t, `
permissions: {act: [kubectl]}
steps: [{action: restart, confirm: "Restart?", shell: kubectl rollout restart x}]
`, `    {shell: [{on: kubectl}], answers: {restart: approve}}
`)
	sc.Answers["restart"] = scenario.Answer{Choice: "aprove"} // made by a program: a file would not be read
	res, err := rb.Test(context.Background(), engine.TestOptions{Scenario: sc})
	if err != nil {
		t.Fatal(err)
	}
	if want := `the answer to restart: expected one of the choices, got "aprove": it was asked "Restart?", to be answered with approve or refuse`; failures(res) != want {
		t.Errorf("got %s, want %s", failures(res), want)
	}
}

// TestBeforeTheFirstStep: what keeps a run from beginning keeps a test from it.
func TestBeforeTheFirstStep(t *testing.T) {
	t.Parallel()
	rb, sc := playing(t, `
inputs: {n: {type: int}}
secrets: {token: {env: T}}
requires: {commands: [no-such-program]}
steps: [{check: c, shell: {script: read x, stdin: "{{ .secrets.token }}{{ .inputs.n }}"}}]
`, `    {inputs: {n: 3}}
`)
	_, err := rb.Test(context.Background(), engine.TestOptions{Scenario: sc})
	var missing *engine.MissingError
	if !errors.As(err, &missing) || err.Error() != "the scenario one has no secret token" {
		t.Error(err)
	}
	sc.Inputs = map[string]any{"n": "three"}
	if _, err := rb.Test(context.Background(), engine.TestOptions{Scenario: sc}); !errors.As(err, &missing) {
		t.Error(err)
	}
}

// TestACallThatNeverEnds: without a timeout an action would wait for ever, which a
// test says instead.
func TestACallThatNeverEnds(t *testing.T) {
	t.Parallel()
	res := tested(t, `
permissions: {hosts: [a.example.com]}
steps: [{parallel: p, steps: [{action: a, http: {method: PUT, url: "http://a.example.com"}}, {action: b, http: {method: PUT, url: "http://a.example.com/b"}}]}]
`, `    {http: [{on: PUT http://a.example.com/*, reply: {error: timeout}}]}
`)
	if !strings.Contains(failures(res), "the run: expected an end, got none: the run would wait for ever") {
		t.Error(failures(res))
	}
}

// TestNoNameServerAnswers: a question to one gives up by itself, as its kind says,
// whatever else the step allows.
func TestNoNameServerAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reply, step, took string }{
		{"{error: timeout}", "dns: {name: www.example.com}", "5s"},
		{"{error: timeout}", "dns: {name: www.example.com}, timeout: 2s", "2s"},
		{"{delay: 6s, answers: [203.0.113.7]}", "dns: {name: www.example.com}, timeout: 1m", "5s"},
		{"{delay: 2s, error: timeout}", "dns: {name: www.example.com, timeout: 1s}", "1s"},
	} {
		res := tested(t, "steps: [{check: name, "+c.step+"}]\n", `    dns: [{on: A www.example.com, reply: `+c.reply+`}]
    expect: {verdicts: {name: error}, duration: {min: `+c.took+`, max: `+c.took+`}}
`)
		if len(res.Failures) > 0 {
			t.Errorf("%s for %s: %s", c.reply, c.step, failures(res))
		}
	}
}

// TestBudgets: budgets end what is under way, and what a call knew by
// then is what the kind says.
func TestBudgets(t *testing.T) {
	t.Parallel()
	res := tested(t, `
permissions: {hosts: [api.example.com], observe: [slow]}
steps:
  - parallel: triage
    timeout: 1m
    steps:
      - {check: late, timeout: 5m, http: {url: "https://api.example.com/late"}}
      - {check: own, timeout: 10s, http: {url: "https://api.example.com/late"}}
      - {check: script, shell: 'echo begun; slow one; slow two; echo over'}
  - {check: after, shell: {script: "true"}}
`, `    http: [{on: GET https://api.example.com/late, reply: {delay: 2m}}]
    shell: [{on: slow one, delay: 50s}, {on: slow two, delay: 20s}]
    expect: {verdicts: {late: error, own: error, script: error, after: passed}}
`)
	var got []string
	for _, e := range res.Events {
		if e.Type == journal.AttemptFinished && e.Step != "after" {
			var d journal.AttemptFinishedData
			if err := json.Unmarshal(e.Data, &d); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %s %v %q", e.Step, d.Duration.Duration(), d.Error, types.Format(d.Fields["stdout"])))
		}
	}
	const cut = "&{timeout no complete answer in time}"
	want := []string{"own 10s " + cut + ` ""`, "late 1m0s " + cut + ` ""`, "script 1m0s " + cut + ` "begun\n"`}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(res.Failures) > 0 || res.Elapsed != time.Minute {
		t.Errorf("got %q after %s\n%s", got, res.Elapsed, failures(res))
	}
}

// TestCancelOfATest: a cancel ends the steps; those of finally still run.
func TestCancelOfATest(t *testing.T) {
	t.Parallel()
	rb, sc := playing(t, `
permissions: {observe: [look]}
steps: [{check: one, shell: look one}, {check: two, shell: 'while true; do look two; done'}]
finally: [{message: end, text: "It ended {{ .run.outcome }}."}]
`, `    {shell: [{on: look}], expect: {outcome: cancelled}}
`)
	ctx, cancel := context.WithCancel(context.Background())
	res, err := rb.Test(ctx, engine.TestOptions{Scenario: sc, Watch: []func(journal.Event){func(e journal.Event) {
		if e.Type == journal.StepStarted && e.Step == "two" {
			time.AfterFunc(20*time.Millisecond, cancel) // while the script spins
		}
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if st := res.State.Step("finally/end"); len(res.Failures) > 0 || st == nil || st.Message == nil || st.Message.Text != "It ended cancelled." || res.Code != engine.ExitCancelled {
		t.Errorf("%s, code %d, %+v\n%s", failures(res), res.Code, st, story(res.Events))
	}
}

// TestPeople: they take their time, one question after the other; what comes too
// late is nobody's answer, and what failed is offered to be undone.
func TestPeople(t *testing.T) {
	t.Parallel()
	const runbook = `
permissions: {act: [kubectl]}
steps:
  - parallel: both
    timeout: 1m
    steps: [{manual: a, instructions: One}, {manual: b, instructions: Two, collect: {key: {type: string, secret: true}}}]
  - action: scale
    confirm: {ask: "Scale?", by: [ada, bob, eve], count: 2, timeout: 30m}
    shell: kubectl scale up
    undo: {when: failure, steps: [{action: back, shell: kubectl scale down}]}
  - {action: restart, shell: kubectl rollout restart x}
`
	for name, c := range map[string]struct {
		answers, outcome, says string
		elapsed                time.Duration
	}{
		"in time": {`{a: {answer: done, after: 10m}, b: {values: {key: key-0001-abcd}, after: 5m}, scale: [{answer: approve, after: 10m}, {answer: approve, after: 10m, by: eve}], "scale>undo": approve}`,
			"failed", "undo.settled", 35 * time.Minute},
		"too late": {`{a: done, b: {values: {key: key-0001-abcd}}, scale: [{answer: approve, after: 10m}, {answer: approve, after: 20m}]}`,
			"failed", "not approved within 30m0s", 30 * time.Minute},
		"refused": {`{a: could_not, b: {values: {key: key-0001-abcd}}}`, "failed", "the scenario could not do it", 0},
	} {
		t.Run(name, func(t *testing.T) {
			res := tested(t, runbook, "    shell: [{on: kubectl scale}, {on: kubectl rollout, exit: 1}]\n    answers: "+c.answers+"\n    expect: {outcome: "+c.outcome+"}\n")
			text := story(res.Events)
			if len(res.Failures) > 0 || res.Elapsed != c.elapsed || !strings.Contains(text, c.says) {
				t.Errorf("after %s: %s\n%s", res.Elapsed, failures(res), text)
			}
		})
	}
}

// TestAScriptThatSpins: a loop that waits for nothing is ended as well.
func TestAScriptThatSpins(t *testing.T) {
	t.Parallel()
	res := tested(t, `steps: [{check: c, timeout: 10s, shell: 'while true; do :; done'}]`, `    {expect: {verdicts: {c: error}}}
`)
	if st := res.State.Step("c"); len(res.Failures) > 0 || st.Done.Error == nil || !strings.Contains(st.Done.Error.Message, "a million commands") {
		t.Errorf("%s %+v", failures(res), st.Done)
	}
}

// busy does several things at a time.
const busy = `
permissions: {hosts: [api.example.com], observe: [kubectl, jq, tee], act: [kubectl], files: {read: [/etc/deploy], write: [/srv/out]}}
steps:
  - parallel: triage
    steps:
      - {check: a, http: {url: "https://api.example.com/a"}, retry: {attempts: 3, delay: 1s}}
      - {check: b, shell: 'kubectl get pods | jq .items | tee "$TMPDIR/out" >&2; cat=$(<"$TMPDIR/x" ) || true; kubectl get nodes && echo "$cat $HOME $PWD"'}
      - {check: c, shell: 'kubectl get pods & kubectl get nodes & wait; echo done > /dev/null'}
      - {check: d, shell: 'kubectl get pods | while read -r x; do kubectl get "$x"; done'}
      - {check: e, shell: {interpreter: [kubectl, x], script: hello}}
      - {check: f, shell: 'echo one > "$TMPDIR/f"; echo two >> "$TMPDIR/f"; while read -r l; do echo "<$l>"; done < "$TMPDIR/f"; for f in "$TMPDIR"/*; do echo "$f"; done; [ -e "$TMPDIR/f" ] && [ ! -e "$TMPDIR/g" ]; echo x > /srv/out/y'}
      - {check: g, http: {url: "https://api.example.com/moved"}}
      - {manual: h, instructions: Look}
  - {each: x, in: "[1, 2, 3]", max: 2, steps: [{check: i, shell: {argv: [kubectl, get, "{{ .item }}"]}}]}
`

const busyWorld = `    http:
      - {on: GET https://api.example.com/a, reply: [{error: refused}, {error: truncated, body: half}, {body: whole, drip: 3s}]}
      - {on: GET https://api.example.com/moved, reply: {status: 302, delay: 1s, headers: {Location: "/a"}}}
    shell:
      - {on: kubectl get pods, stdout: "1\n2\n", stderr: "warned\n", delay: 2s}
      - {on: kubectl get nodes, reply: [{stdout: n1, delay: 1s}, {stdout: n2}, {exit: 3}]}
      - {on: kubectl get, stderr: "what\n", delay: 1s}
      - {on: kubectl x, stdout: ran}
      - {on: jq, stdin: {contains: "1"}, stdout: "[]", delay: 1s}
      - {on: tee, stderr: teed}
    answers: {h: done}
`

// TestTheSameTwice: a test gives the same events to the byte, however its
// goroutines are scheduled, and one runbook serves many tests at a time.
func TestTheSameTwice(t *testing.T) {
	t.Parallel()
	rb, sc := playing(t, busy, busyWorld)
	results := make([]string, 24)
	var all sync.WaitGroup
	for i := range results {
		all.Add(1)
		go func() {
			defer all.Done()
			res, err := rb.Test(context.Background(), engine.TestOptions{Scenario: sc})
			if err != nil {
				t.Error(err)
				return
			}
			text, err := json.Marshal(res.Events)
			if err != nil {
				t.Error(err)
			}
			results[i] = strings.Join(strings.Split(string(text), `{"seq"`), "\n") + failures(res)
		}()
	}
	all.Wait()
	for i, r := range results {
		if r != results[0] {
			a, b := strings.Split(results[0], "\n"), strings.Split(r, "\n")
			for k := range min(len(a), len(b)) {
				if a[k] != b[k] {
					t.Fatalf("test %d differs:\n%s\n%s", i, a[k], b[k])
				}
			}
		}
	}
	if !strings.Contains(results[0], `"verdict":"passed"`) {
		t.Error(results[0])
	}
}

func story(events []journal.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%s %s %s %s\n", e.Time.Format(time.TimeOnly), e.Type, e.Key, e.Data)
	}
	return b.String()
}
