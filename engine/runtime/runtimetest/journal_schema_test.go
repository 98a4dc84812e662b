package runtimetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/runtime/dry"
	"runbook/engine/scenario"
	"runbook/engine/schema"
	"runbook/engine/source"
)

// TestEveryEventHolds holds whatever the program writes against the schema of
// the journal, in the hands of an independent validator: the corpus in both
// runtimes and rehearsed, a drill that pauses and is resumed, and real processes.
// Each type of event must come up.
func TestEveryEventHolds(t *testing.T) {
	h := newHolder(t)
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		h.events(t, file+" (sim)", load(t, file).simulated(t))
		h.events(t, file+" (local)", load(t, file).local(t))
		h.events(t, file+" (rehearsed)", rehearsed(t, load(t, file)))
	}
	h.events(t, "the drill", drill(t))
	h.events(t, "the processes", processes(t))
	h.events(t, "what was edited and owed", edited(t))
	for _, typ := range schema.JournalTypes() {
		if h.seen[typ] == 0 {
			t.Errorf("nothing in the corpus writes %s", typ)
		}
	}
}

// holder holds events against the schema and the promises of docs/journal.md.
type holder struct {
	open, strict *jsonschema.Schema
	seen         map[string]int
}

func newHolder(t *testing.T) *holder {
	t.Helper()
	raw, err := schema.Journal()
	if err != nil {
		t.Fatal(err)
	}
	return &holder{compileSchema(t, raw, false), compileSchema(t, raw, true), map[string]int{}}
}

// compileSchema compiles a schema; a strict one refuses keys that it does not
// describe, so that nothing is written that is not.
func compileSchema(t *testing.T, raw []byte, strict bool) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	root := doc.(map[string]any)
	if strict {
		root["additionalProperties"] = false
		for _, d := range root["$defs"].(map[string]any) {
			if def := d.(map[string]any); def["properties"] != nil {
				def["additionalProperties"] = false
			}
		}
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(root["$id"].(string), doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(root["$id"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (h *holder) events(t *testing.T, what string, events []journal.Event) {
	t.Helper()
	if len(events) < 2 {
		t.Fatalf("%s: only %d events", what, len(events))
	}
	once := map[string]bool{}
	for i, e := range events {
		h.seen[string(e.Type)]++
		line := lineOf(t, e)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*jsonschema.Schema{h.open, h.strict} {
			if err := s.Validate(v); err != nil {
				t.Errorf("%s: %s\n%v", what, line, err)
			}
		}
		id := string(e.Type) + " " + e.Key
		if often := []journal.Type{journal.ProcessStarted, journal.RunPaused, journal.RunResumed}; once[id] && !slices.Contains(often, e.Type) {
			t.Errorf("%s: %s stands twice", what, id)
		}
		once[id] = true
		if e.Seq != int64(i)+1 {
			t.Errorf("%s: event %d has the number %d", what, i+1, e.Seq)
		}
		promised(t, what, e)
	}
	nested(t, what, events)
}

func lineOf(t *testing.T, e journal.Event) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// promised are the fields that other programs read most.
func promised(t *testing.T, what string, e journal.Event) {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(e.Data, &d); err != nil {
		t.Fatal(err)
	}
	text := func(key string) bool { _, ok := d[key].(string); return ok }
	ok := true
	switch e.Type {
	case journal.DecisionMade:
		because, isList := d["because"].([]any)
		ok = text("branch") && isList && !slices.ContainsFunc(because, func(x any) bool { return !isOperand(x) })
	case journal.StepFinished:
		_, isNumber := d["duration"].(float64)
		_, results := d["results"].(map[string]any)
		observed := d["verdict"] == "passed" && (d["role"] == "check" || d["role"] == "action")
		ok = text("verdict") && isNumber && (results || !observed)
	case journal.RunFinished:
		_, facts := d["facts"].(map[string]any)
		ok = text("outcome") && facts
	}
	if !ok {
		t.Errorf("%s: %s does not hold what is promised: %s", what, e.Type, e.Data)
	}
}

func isOperand(x any) bool {
	m, _ := x.(map[string]any)
	_, expr := m["expr"].(string)
	_, value := m["value"]
	_, failed := m["error"].(string)
	return expr && (value || failed || m["not_read"] == true)
}

// nested: what happens inside a step stands between its start and its end, but
// for what its failure runs, its undo, and the last steps of a runbook that was
// broken off.
func nested(t *testing.T, what string, events []journal.Event) {
	t.Helper()
	open, ended := map[string]bool{}, map[string]bool{}
	for _, e := range events {
		switch e.Type {
		case journal.StepStarted:
			open[e.Key] = true
		case journal.StepFinished:
			delete(open, e.Key)
			ended[e.Key] = true
		}
		for key := range ended {
			rest, inside := strings.CutPrefix(e.Key, key)
			if inside && rest != "" && strings.ContainsAny(rest[:1], "/>#") && !strings.HasPrefix(rest, ">on_failure") && !strings.Contains(rest, ">undo") && !strings.Contains(rest, "/finally/") {
				t.Errorf("%s: %s %s stands behind the end of %s", what, e.Type, e.Key, key)
			}
		}
	}
	if last := events[len(events)-1]; last.Type == journal.RunFinished && len(open) > 0 {
		t.Errorf("%s: the run is over, and these steps have no end: %v", what, open)
	}
}

func rehearsed(t *testing.T, b *book) []journal.Event {
	t.Helper()
	var events []journal.Event
	w, err := journal.Create("", "rehearsal", journal.Options{Memory: true, Watch: []func(journal.Event){func(e journal.Event) { events = append(events, e) }}})
	if err != nil {
		t.Fatal(err)
	}
	dry.Run(b.plan, dry.Options{Inputs: b.inputs, User: "tester", Emit: func(typ journal.Type, step, key string, data any) {
		if _, err := w.Append(typ, step, key, data, false); err != nil {
			t.Fatal(err)
		}
	}})
	return events
}

// drill runs a runbook of the library in a scenario's world. Nobody is there at
// first: the run is paused, and resumed with the scenario's answers.
func drill(t *testing.T) []journal.Event {
	t.Helper()
	rb := loadRunbook(t, "../../../runbooks/payments.yaml")
	name := "../../../runbooks/payments.scenarios.yaml"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	file, found := rb.Scenarios(source.NewFile(name, data))
	if file == nil {
		t.Fatal(found)
	}
	world := file.Find("token-revoked")
	inputs, err := engine.Inputs{}.Resolve(rb.Plan)
	if err != nil {
		t.Fatal(err)
	}
	store := &journal.Store{Dir: t.TempDir()}
	o := engine.RunOptions{Session: engine.Session{User: "tester", Host: "here", Store: store}, Inputs: inputs, Scenario: world}
	out, err := rb.Run(context.Background(), o)
	if err != nil || out.Code != engine.ExitPaused {
		t.Fatalf("%v: %v", out, err)
	}
	o.Ask = func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		return answerOf(world, q)
	}
	if out, err = rb.Resume(context.Background(), out.Run, o); err != nil || out.Outcome != "resolved" {
		t.Fatalf("%v: %v", out, err)
	}
	chained(t, filepath.Join(store.Path(out.Run), journal.FileName))
	log, err := store.Read(out.Run)
	if err != nil {
		t.Fatal(err)
	}
	return log.Events
}

// owes owes an undo when it has failed; what it says at its end can be edited.
const owes = `apiVersion: runbook/v1
name: owes
permissions: {act: ["true", "false"]}
steps:
  - {manual: wait, instructions: Wait}
  - action: done
    shell: "true"
    undo: {when: failure, steps: [{action: back, shell: "true"}]}
  - {action: breaks, title: Breaks, shell: "false"}
`

// edited is a run that waits, goes on with an edited runbook, fails while nobody
// is there to undo, and is undone when it is over.
func edited(t *testing.T) []journal.Event {
	t.Helper()
	name := filepath.Join(t.TempDir(), "owes.yaml")
	load := func(text string) *engine.Runbook {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return loadRunbook(t, name)
	}
	store := &journal.Store{Dir: t.TempDir()}
	o := engine.RunOptions{Session: engine.Session{User: "tester", Host: "here", Store: store}, Inputs: map[string]any{}, AcceptChanges: true}
	out, err := load(owes).Run(context.Background(), o)
	if err != nil || out.Code != engine.ExitPaused {
		t.Fatalf("%v: %v", out, err)
	}
	o.Ask = func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		if q.Kind == "undo" {
			return interp.Answer{}, nil, engine.ErrNobody
		}
		return interp.Answer{Choice: "done", By: "tester", How: "program"}, nil, nil
	}
	rb := load(strings.Replace(owes, "title: Breaks", "title: It breaks", 1))
	if out, err = rb.Resume(context.Background(), out.Run, o); err != nil || out.Outcome != "failed" {
		t.Fatalf("%v: %v", out, err)
	}
	o.Ask = func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
		return interp.Answer{Choice: "approve", By: "tester", How: "program"}, nil, nil
	}
	if out, err = rb.Undo(context.Background(), out.Run, o); err != nil || out.Code != 0 {
		t.Fatalf("%v: %v", out, err)
	}
	chained(t, filepath.Join(store.Path(out.Run), journal.FileName))
	log, err := store.Read(out.Run)
	if err != nil {
		t.Fatal(err)
	}
	return log.Events
}

func answerOf(s *scenario.Scenario, q interp.Question) (interp.Answer, map[string]string, error) {
	a, ok := s.Answers[q.Step]
	if !ok {
		return interp.Answer{}, nil, engine.ErrNobody
	}
	out := interp.Answer{Choice: a.Choice, By: "tester", How: "scenario", Values: map[string]any{}}
	secrets := map[string]string{}
	for _, c := range q.Collect {
		if c.Secret {
			secrets[c.Name], _ = a.Values[c.Name].(string)
			continue
		}
		out.Values[c.Name] = a.Values[c.Name]
	}
	return out, secrets, nil
}

// chained computes the hashes from the bytes of the file alone, as docs/journal.md
// says.
func chained(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	prev := ""
	for _, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		var e struct{ Prev, Hash string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(strings.Replace(line, `"hash":"`+e.Hash+`"}`, `"hash":""}`, 1)))
		if e.Prev != prev || e.Hash != hex.EncodeToString(sum[:]) {
			t.Errorf("the chain is broken at %s", line)
		}
		prev = e.Hash
	}
}

func loadRunbook(t *testing.T, name string) *engine.Runbook {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	rb, found := engine.Load(source.NewFile(filepath.Base(name), data))
	if rb == nil {
		t.Fatal(found)
	}
	return rb
}

const programs = `apiVersion: runbook/v1
name: programs
permissions: {observe: [cat], act: [cat]}
secrets: {key: {env: KEY}}
steps:
  - check: seen
    shell: {argv: [cat], stdin: "key=a <b> {{ .secrets.key }}"}
    expect: "true"
  - check: refused
    shell: {argv: [cat, "{{ .secrets.key }}"]}
  - action: done
    shell: cat < /dev/null
  - action: missing
    shell: {argv: [cat, /no/such/file]}
    on_failure: continue
`

// processes runs real programs, and makes the checks in a rehearsal.
func processes(t *testing.T) []journal.Event {
	t.Helper()
	name := filepath.Join(t.TempDir(), "programs.yaml")
	if err := os.WriteFile(name, []byte(programs), 0o600); err != nil {
		t.Fatal(err)
	}
	rb := loadRunbook(t, name)
	var events []journal.Event
	s := engine.Session{User: "tester", Env: func(n string) string { return map[string]string{"KEY": sessionKey}[n] }, Watch: []func(journal.Event){func(e journal.Event) { events = append(events, e) }}}
	out, err := rb.Run(context.Background(), engine.RunOptions{Session: s, Inputs: map[string]any{}})
	if err != nil || out.Outcome != "completed" {
		t.Fatalf("%v: %v", out, err)
	}
	ran := events
	events = nil
	if err := rb.Rehearse(context.Background(), engine.RehearseOptions{Session: s, Inputs: map[string]any{}, Observe: true}); err != nil {
		t.Fatal(err)
	}
	newHolder(t).events(t, "the processes, observed", events)
	return ran
}
