package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing/fstest"
	"time"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/secret"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

const small = `apiVersion: runbook/v1
name: small
inputs: {region: {enum: [eu, us], default: eu}}
facts: {seen: {type: bool, default: false}}
steps:
  - {check: look, shell: "true", facts: {seen: true}}
  - {message: told, text: "Something is wrong in {{ .inputs.region }}."}
  - {end: over, outcome: resolved, summary: Nothing was wrong}
`

// A runbook is loaded from a file's bytes; what is wrong with it has a place.
func ExampleLoad() {
	rb, found := engine.Load(source.NewFile("small.yaml", []byte(small+"  - {message: late, text: Hello}\n")))
	fmt.Println("sound:", rb != nil)
	for _, d := range found {
		p := d.Span.Position()
		fmt.Printf("%s:%d:%d: %s: %s\n", d.Span.File.Name, p.Line, p.Column, d.Severity, d.Summary)
	}
	// Output:
	// sound: false
	// small.yaml:9:6: error: this step never runs: `over` ends the runbook before it
}

// A run is told in events; what came of it is an Outcome.
func ExampleRunbook_Run() {
	rb, found := engine.Load(source.NewFile("small.yaml", []byte(small)))
	if rb == nil {
		fmt.Println(found)
		return
	}
	inputs, err := engine.Inputs{Flags: map[string]string{"region": "us"}}.Resolve(rb.Plan)
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := rb.Run(context.Background(), engine.RunOptions{Inputs: inputs, Session: engine.Session{
		User:  "the night shift",
		Watch: []func(journal.Event){func(e journal.Event) { fmt.Println(e.Type) }},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Outcome, out.Code, out.State.Facts["seen"])
	// Output:
	// run.started
	// step.started
	// attempt.started
	// attempt.finished
	// fact.set
	// step.finished
	// step.started
	// message.rendered
	// step.finished
	// step.started
	// step.finished
	// run.finished
	// resolved 0 true
}

// A test plays a scenario on a simulated clock, in which nothing real is touched.
func ExampleRunbook_Test() {
	rb, _ := engine.Load(source.NewFile("wait.yaml", []byte(`apiVersion: runbook/v1
name: wait
permissions: {hosts: [api.example.com]}
steps:
  - {check: up, http: {url: "https://api.example.com/ping"}, poll: {every: 1m, for: 2h}}
  - {end: over, outcome: resolved}
`)))
	file, _ := rb.Scenarios(source.NewFile("wait.scenarios.yaml", []byte(`runbook: wait.yaml
scenarios:
  late:
    http: [{on: "GET https://api.example.com/ping", reply: [{status: 503}, {error: refused}, {status: 200, delay: 4s}]}]
    expect: {outcome: resolved, verdicts: {up: failed}}
`)))
	res, err := rb.Test(context.Background(), engine.TestOptions{Scenario: file.Find("late")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Outcome.Outcome, "after", res.Elapsed)
	for _, f := range res.Failures {
		fmt.Println(f)
	}
	// Output:
	// resolved after 2m4s
	// verdict of up: expected failed, got passed
}

// A runbook is found by its name, or by a path, as the program finds it.
func ExamplePlaces_Open() {
	places := engine.Places{Library: fstest.MapFS{"small.yaml": {Data: []byte(small)}}}
	found, err := places.Open("small")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(found.File.Name)
	_, err = places.Open("smal")
	var missing *engine.NotFoundError
	fmt.Println(errors.As(err, &missing), missing.Suggest)
	// Output:
	// library:small.yaml
	// true small
}

// Secrets come from where the program keeps them: a provider is asked for each that
// the runbook declares, whatever source its file names. The run masks what it was
// given.
func ExampleSession_secrets() {
	vault := map[string]string{"api_token": "token-from-the-vault"}
	rb, _ := engine.Load(source.NewFile("secret.yaml", []byte(`apiVersion: runbook/v1
name: secret
secrets: {api_token: {file: /run/secrets/api_token}}
steps:
  - check: login
    shell: {stdin: "{{ .secrets.api_token }}", script: 'read -r token || [ -n "$token" ]; echo "$token"'}
    outputs: {said: stdout}
`)))
	out, err := rb.Run(context.Background(), engine.RunOptions{Session: engine.Session{
		Secrets: func(_ context.Context, s secret.Source) (string, error) { return vault[s.Name], nil },
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Outcome, out.State.Step("login").Done.Outputs["said"])
	// Output: completed ‹***›
}

// Whoever can answer stands behind Session.Ask: a terminal, a chat, a web page.
func ExampleSession_ask() {
	rb, _ := engine.Load(source.NewFile("ask.yaml", []byte(`apiVersion: runbook/v1
name: ask
steps:
  - {action: restart, confirm: "Restart it?", shell: "true"}
`)))
	out, err := rb.Run(context.Background(), engine.RunOptions{Session: engine.Session{
		Ask: func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
			fmt.Println(q.Text)
			return interp.Answer{Choice: "approve", By: "ada", How: "chat"}, nil, nil
		},
	}})
	fmt.Println(out.Outcome, err)
	// Output:
	// Restart it?
	// completed <nil>
}

// queue is a kind of the program's own: how many messages wait in a queue.
type queue map[string]int

// kind declares it: its options, its results, the states that it can come back in.
func (q queue) kind() exec.Kind {
	return exec.Kind{Executor: q, Kind: kind.Kind{
		Name: "queue", Doc: "Looks at a queue.",
		Options: &spec.Shape{Form: spec.Object, Name: "queue", Fields: []spec.Field{
			{Key: "name", Doc: "The queue's name.", Shape: &spec.Shape{Form: spec.Template}, Required: true},
		}},
		Result: &types.Type{Kind: types.Object, Fields: []types.Field{
			{Name: "waiting", Doc: "How many messages wait; -1 where there is no such queue.", Type: &types.Type{Kind: types.Int}, Late: true},
		}},
		Errors: []string{"missing"},
		States: []kind.State{
			{Name: "looked", Ranges: map[string]kind.Range{"waiting": {Min: 0, Max: 1 << 30}}},
			{Name: "no such queue", Ranges: map[string]kind.Range{"waiting": {Min: -1, Max: -1}}, Error: true},
		},
	}}
}

// Execute makes one attempt.
func (q queue) Execute(_ context.Context, r exec.Request) exec.Result {
	name, _ := r.Options["name"].(string)
	waiting, ok := q[name]
	if !ok {
		return exec.Result{Fields: map[string]any{"waiting": -1}, Error: &exec.Error{Kind: "missing", Message: "no queue " + name}}
	}
	return exec.Result{Fields: map[string]any{"waiting": waiting}}
}

// A program can bring kinds of its own. They are proven, rehearsed and run as the
// others are.
func ExampleWith() {
	rb, found := engine.Load(source.NewFile("orders.yaml", []byte(`apiVersion: runbook/v1
name: orders
steps:
  - check: backlog
    queue: {name: orders}
    expect: waiting < 100
  - decide: next
    branches:
      - {id: drowning, when: steps.backlog.waiting >= 1000}
      - {id: late, when: steps.backlog.verdict != "passed"}
    else: {id: fine}
`)), engine.With(queue{"orders": 1200}.kind()))
	if rb == nil {
		fmt.Println(found)
		return
	}
	out, err := rb.Run(context.Background(), engine.RunOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Outcome, out.State.Step("next").Decision.Branch)
	// Output: completed drowning
}

// ship is a World of the program's own: a runtime in which calls are answered by
// the ship's own crane, time passes as it says, and its log is the journal.
type ship struct {
	held int
	now  time.Time
	log  []string
}

func (s *ship) Call(k interp.Key, c interp.Call) (interp.Result, error) {
	s.now, s.held = s.now.Add(time.Minute), s.held-20
	return interp.Result{Fields: map[string]any{"waiting": s.held}, Duration: time.Minute}, nil
}

func (s *ship) Ask(interp.Key, interp.Question) (interp.Answer, error) {
	return interp.Answer{Choice: "approve", By: "the captain"}, nil
}

func (s *ship) Sleep(k interp.Key, d time.Duration) error {
	s.now, s.log = s.now.Add(d), append(s.log, fmt.Sprint("waited ", d, " for ", k))
	return nil
}

func (s *ship) Now() time.Time { return s.now }

func (s *ship) Emit(k interp.Key, e interp.Event) {
	if e.Type == journal.StepFinished || e.Type == journal.RunFinished {
		s.log = append(s.log, strings.TrimSpace(fmt.Sprint(e.Type, " ", k)))
	}
}

// Within is a scope that never runs out of time.
func (s *ship) Within(_ interp.Key, _ time.Duration, f func(interp.World) error) error { return f(s) }

// Each runs one branch after the other.
func (s *ship) Each(_ interp.Key, branches []interp.Key, _ int, f func(int, interp.World) error, stop func(int, error) bool) []error {
	errs := make([]error, len(branches))
	for i := range errs {
		if errs[i] = f(i, s); errs[i] != nil && stop(i, errs[i]) {
			break
		}
	}
	return errs
}

func (s *ship) Enter(interp.Key, interp.Sub) (interp.World, error) { return s, nil }

// Where a runbook runs is a World; a program can bring its own.
func ExampleRunbook_RunIn() {
	rb, found := engine.Load(source.NewFile("hold.yaml", []byte(`apiVersion: runbook/v1
name: hold
steps:
  - {action: unload, confirm: "Unload it?", queue: {name: hold}, idempotent: true, expect: waiting < 10, poll: {every: 1h, for: 12h}}
outputs: {left: steps.unload.waiting}
`)), engine.With(queue{}.kind()))
	if rb == nil {
		fmt.Println(found)
		return
	}
	at := &ship{held: 60, now: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)}
	out, err := rb.RunIn(at, interp.Options{Run: "hold-1", User: "the captain"})
	fmt.Println(out.Outcome, out.Outputs["left"], err, at.now.Format(time.TimeOnly))
	fmt.Println(strings.Join(at.log, "\n"))
	// Output:
	// completed 0 <nil> 05:03:00
	// waited 1h0m0s for unload#p1.poll
	// waited 1h0m0s for unload#p2.poll
	// step.finished unload
	// run.finished
}

// An organisation's policy narrows what any runbook may do. What goes beyond it is a
// finding, and is denied where a run comes to it.
func ExampleWithPolicy() {
	policy, found := engine.ReadPolicy(source.NewFile("acme.yaml", []byte(`apiVersion: runbook/v1
policy: acme
deny:
  - {run: kubectl delete, reason: Ask the platform team}
`)))
	if policy == nil {
		fmt.Println(found)
		return
	}
	rb, found := engine.Load(source.NewFile("clear.yaml", []byte(`apiVersion: runbook/v1
name: clear
permissions: {act: [kubectl]}
steps:
  - {action: clear, shell: kubectl -n web delete pod/web-1}
`)), engine.WithPolicy(policy))
	for _, d := range found {
		fmt.Printf("line %d: %s\n", d.Span.Position().Line, d.Summary)
	}
	out, err := rb.Run(context.Background(), engine.RunOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Outcome, out.Code == engine.ExitDenied)
	// Output:
	// line 5: the policy acme denies `kubectl -n web delete pod/web-1` by its entry `kubectl delete` (acme.yaml:4): Ask the platform team
	// failed true
}
