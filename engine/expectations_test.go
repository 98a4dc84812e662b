package engine_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/scenario"
	"runbook/engine/source"
)

// shop is the runbook of testdata/scenarios with a scenario of the given text
// under what all of them have.
func shop(t *testing.T, text string) (*engine.Runbook, *scenario.Scenario) {
	t.Helper()
	data, err := os.ReadFile("testdata/scenarios/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rb := load(t, string(data))
	const base = `runbook: shop.yaml
scenarios:
  base:
    http: [{on: "GET https://shop.example.com/", reply: {status: 503}}]
    file: [{on: /var/lock/deploy, reply: {age: 26h}}]
    tls: [{on: "shop.example.com:443", reply: {days_left: 3}}]
    shell: [{on: kubectl get pods, stdout: "{}"}, {on: kubectl rollout restart, stdout: done}]
    answers: {ticket: {number: 7}, restart: approved}
    expect: {outcome: resolved}
`
	file, found := rb.Scenarios(source.NewFile("shop.scenarios.yaml", []byte(base+text)))
	if file == nil {
		t.Fatal(found)
	}
	return rb, file.Scenarios[len(file.Scenarios)-1]
}

func practised(t *testing.T, text string) (*engine.Outcome, int, []scenario.Failure) {
	t.Helper()
	rb, sc := shop(t, text)
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	out, err := rb.Run(ctx, engine.RunOptions{Session: engine.Session{User: "drill", Ask: people(sc)}, Scenario: sc})
	if err != nil {
		t.Fatal(err)
	}
	met, failures := sc.Expect.Hold(out.State, out.World)
	return out, met, failures
}

// TestExpectationsHold: everything that can be expected of a run that goes as it
// should.
func TestExpectationsHold(t *testing.T) {
	out, met, failures := practised(t, `
  one:
    extends: base
    expect:
      decisions: {what: down}
      verdicts: {page: failed, lock: passed, restart: passed}
      facts: {severity: P1}
      outputs: {level: P1}
      evidence: {page.status: 503}
      messages: {told: {matches: "^It was down, ticket [0-9]+", absent: [P1, token]}, undone: absent}
      calls:
        - {on: "GET https://shop.example.com/*"}
        - {on: kubectl rollout restart deployment/*, times: 1}
        - {on: kubectl delete, times: 0}
        - {on: /var/lock/*, times: {min: 1, max: 1}}
        - {on: "shop.example.com:443", times: {max: 3}}
      order: ["GET https://shop.example.com/", /var/lock/deploy, kubectl rollout]
      duration: {max: 50s, page: {max: 40s}}
`)
	for _, f := range failures {
		t.Errorf("%s %q", f, f.Why)
	}
	if met != 18 || len(out.Missed) > 0 || out.Outcome != "resolved" {
		t.Errorf("%d hold, missed %v, outcome %s", met, out.Missed, out.Outcome)
	}
}

// TestExpectationsFail: each failure says what was expected, what came, and what
// led there, and stands at the expectation's place.
func TestExpectationsFail(t *testing.T) {
	_, met, failures := practised(t, `
  one:
    extends: base
    expect:
      outcome: failed
      decisions: {what: fine, who: us}
      verdicts: {page: passed}
      facts: {severity: P2}
      outputs: {level: P2}
      evidence: {page.status: 200}
      messages: {told: absent, undone: {contains: x}}
      calls: [{on: kubectl rollout, times: 0}, {on: kubectl get nodes}, {on: kubectl get, times: {min: 2, max: 3}}]
      order: [kubectl rollout, "GET https://shop.example.com/"]
      duration: {min: 1h, restart: {min: 1h}}
`)
	var b strings.Builder
	for _, f := range failures {
		p := f.At.Position()
		fmt.Fprintf(&b, "%d:%d: %s\n", p.Line, p.Column, f)
		for _, why := range f.Why {
			if !strings.HasPrefix(why, "called") {
				fmt.Fprintf(&b, "\t%s\n", why)
			}
		}
	}
	want := `14:7: outcome: expected failed, got resolved
15:19: decision what: expected fine, got down
	because steps.page.status is 503
15:31: decision who: expected us, got nothing
	the decision was not made
	who did not run
	what took down
16:18: verdict of page: expected passed, got failed
	because expected status >= 200 and status < 300; found status = 503
17:15: fact severity: expected P2, got P1
	what set it last, at what>down; before, it was "P2"
18:17: output level: expected P2, got P1
19:18: evidence page.status: expected 200, got 503
20:18: message told: expected that it is not sent, got "It was down, ticket 7."
20:32: message undone: expected a text, got nothing: it was not sent
	undone did not run
	what took down
21:15: calls of kubectl rollout: expected never, got once
21:48: calls of kubectl get nodes: expected at least once, got never
21:73: calls of kubectl get: expected 2 to 3 times, got once
22:7: order: expected kubectl rollout, then GET https://shop.example.com/, got no GET https://shop.example.com/ behind kubectl rollout
`
	text := b.String()
	head, times, _ := strings.Cut(text, "23:7: duration: expected at least 1h0m0s, got ")
	if head != want || !strings.Contains(times, "23:27: duration of restart: expected at least 1h0m0s, got ") || met != 0 {
		t.Errorf("%d hold; the failures are\n%s", met, text)
	}
	for _, f := range failures {
		if strings.HasPrefix(f.What, "calls") && !strings.Contains(strings.Join(f.Why, "\n"), "called by pods: kubectl get pods -n eu\ncalled by restart: kubectl rollout") {
			t.Errorf("the calls are told as %q", f.Why)
		}
	}
}

// TestSequenceRunsOut: a stub that says how often it answers has no answer behind
// that, and no other is asked.
func TestSequenceRunsOut(t *testing.T) {
	_, sc := shop(t, `
  one:
    extends: base
    shell: [{on: kubectl get, times: 2, reply: [{exit: 1}, {signal: KILL}]}]
    answers: {who: [us, {answer: vendor, after: 3m, by: Dana}]}
`)
	w, people := scenario.Play(sc), engine.NewPeople(sc)
	var exits []int
	for range 3 {
		reply, ok, why := w.Command(scenario.Command{Argv: []string{"kubectl", "get", "pods"}})
		if exits = append(exits, reply.Exit); !ok && why != "no stub answers `kubectl get pods`: the sequence of 2 replies ran out at shop.scenarios.yaml:13:13" {
			t.Error(why)
		}
	}
	if fmt.Sprint(exits, len(w.Missed()), len(w.Calls())) != "[1 137 0] 1 3" {
		t.Error(exits, w.Missed(), w.Calls())
	}
	for i, want := range []string{"us", "vendor", "vendor"} {
		if a, ok := people.Next(interp.Question{Step: "who"}); !ok || a.Choice != want || (i > 0) != (a.By == "Dana" && a.After == 3*time.Minute) {
			t.Errorf("answer %d is %+v", i, a)
		}
	}
	if a := sc.Answers["restart"]; a.Choice != "approve" {
		t.Errorf("approved is %q", a.Choice)
	}
}
