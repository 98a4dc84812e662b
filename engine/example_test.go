package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing/fstest"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
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

// Secrets come from where the program keeps them: Session.Env is any function from
// a name to a value. The run masks what it was given.
func ExampleSession() {
	vault := map[string]string{"API_TOKEN": "token-from-the-vault"}
	rb, _ := engine.Load(source.NewFile("secret.yaml", []byte(`apiVersion: runbook/v1
name: secret
secrets: {api_token: {env: API_TOKEN}}
steps:
  - check: login
    shell: {stdin: "{{ .secrets.api_token }}", script: 'read -r token || [ -n "$token" ]; echo "$token"'}
    outputs: {said: stdout}
`)))
	out, err := rb.Run(context.Background(), engine.RunOptions{Session: engine.Session{
		Env: func(name string) string { return vault[name] },
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Outcome, out.State.Step("login").Done.Outputs["said"])
	// Output: completed ***
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
