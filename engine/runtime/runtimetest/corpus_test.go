package runtimetest

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/permit"
	"runbook/engine/plan"
	"runbook/engine/runtime/dry"
	"runbook/engine/runtime/local"
	"runbook/engine/runtime/sim"
	"runbook/engine/secret"
	"runbook/engine/source"
	"runbook/engine/source/render"
	"runbook/engine/spec"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

var update = flag.Bool("update", false, "write the expected journals anew")

// probe is a kind that says what it is told to: each attempt takes the next of
// `says`, the last again and again; "!connect" is an error of that kind.
type probe struct {
	mu    sync.Mutex
	calls map[string]int
}

func (p *probe) kind() exec.Kind {
	list := &spec.Shape{Form: spec.List, Elem: &spec.Shape{Form: spec.Template}}
	return exec.Kind{Kind: kind.Kind{
		Name: "probe", Doc: "Says what it is told.", Status: "value", Expect: `value != ""`, Errors: []string{"connect"},
		Options: &spec.Shape{Form: spec.Object, Name: "probe", Fields: []spec.Field{{Key: "says", Shape: list, Doc: "answers"}, {Key: "after", Shape: &spec.Shape{Form: spec.Duration}, Doc: "delay"}, {Key: "as", Shape: &spec.Shape{Form: spec.String}, Doc: "name"}}},
		Result:  &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "value", Type: &types.Type{Kind: types.String}, Late: true}, {Name: "n", Type: &types.Type{Kind: types.Int}, Late: true}}},
	}, Executor: p}
}

// next is the answer to one attempt, and how long it takes.
func (p *probe) next(o map[string]any) (fields map[string]any, word string, after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	says, _ := o["says"].([]any)
	id := probeID(o["as"], says)
	n := p.calls[id]
	p.calls[id]++
	text := "ok"
	if len(says) > 0 {
		text = fmt.Sprint(says[min(n, len(says)-1)])
	}
	after, _ = o["after"].(time.Duration)
	word, isError := strings.CutPrefix(text, "!")
	if !isError {
		word = ""
	} else {
		text = ""
	}
	return map[string]any{"value": text, "n": n + 1}, word, after
}

func (p *probe) Execute(ctx context.Context, r exec.Request) exec.Result {
	fields, word, after := p.next(r.Options)
	start := r.Time()
	if guard.Wait(ctx, after) != nil {
		k := "canceled"
		if ctx.Err() == context.DeadlineExceeded {
			k = "timeout"
		}
		return exec.Result{Fields: map[string]any{"value": "", "n": 0}, Error: &exec.Error{Kind: k, Message: "no complete answer in time"}, Duration: r.Since(start)}
	}
	res := exec.Result{Fields: fields, Duration: r.Since(start)}
	if word != "" {
		res.Error = &exec.Error{Kind: word, Message: "told to"}
	}
	return res
}

// mail is a kind of channel that refuses what begins with "no".
type mail struct{}

// mailTakes is how long it takes for a message; the channel `own` takes longer.
const mailTakes = 40 * time.Millisecond

func mailKinds() []exec.Kind {
	var out []exec.Kind
	for _, name := range []string{"slack", "statuspage", "webhook"} {
		out = append(out, exec.Kind{Executor: mail{}, Kind: kind.Kind{Name: name, Result: &types.Type{Kind: types.Object, Fields: []types.Field{
			{Name: "attempts", Type: &types.Type{Kind: types.Int}, Late: true}, {Name: "incident", Type: &types.Type{Kind: types.String}, Late: true},
		}}}})
	}
	return out
}

func (mail) Execute(_ context.Context, r exec.Request) exec.Result {
	res := mailed(r.Options)
	time.Sleep(res.Duration)
	return res
}

func mailed(o map[string]any) exec.Result {
	m, _ := o["message"].(map[string]any)
	res := exec.Result{Fields: map[string]any{"attempts": 1, "incident": ""}, Duration: mailTakes}
	if m["channel"] == "own" {
		res.Duration *= 10
	}
	switch text := fmt.Sprint(m["text"]); {
	case strings.HasPrefix(text, "no"):
		res.Error = &exec.Error{Kind: "refused", Message: "told to"}
	case m["incident"] != "":
		res.Fields["incident"] = m["incident"]
	case m["channel"] == "page":
		res.Fields["incident"] = "begun by " + fmt.Sprint(m["key"])
	}
	return res
}

// late is the answer that comes when the time for it is up.
const late = "late"

// answers are those of `x-answers`: a choice, values, or a list of what several
// people say, one after the other.
type answers map[string]any

func (a answers) to(q interp.Question) (interp.Answer, map[string]string, bool) {
	name := q.In + q.Step
	if q.Kind == "undo" {
		name += ">undo"
	}
	v, ok := a[name]
	if !ok {
		return interp.Answer{}, nil, false
	}
	out := interp.Answer{By: "tester", How: "corpus", Values: map[string]any{}}
	secrets := map[string]string{}
	if l, several := v.([]any); several {
		if len(q.Given) >= len(l) {
			return out, nil, false
		}
		m, _ := l[len(q.Given)].(map[string]any)
		out.By, out.Retyped, v = fmt.Sprint(m["by"]), fmt.Sprint(m["types"]), m["say"]
	}
	switch v := v.(type) {
	case string:
		out.Choice = v
	case map[string]any:
		out.Choice = "done"
		for _, c := range q.Collect {
			if c.Secret {
				secrets[c.Name] = fmt.Sprint(v[c.Name])
				continue
			}
			out.Values[c.Name] = v[c.Name]
		}
	}
	return out, secrets, true
}

// beside opens the files in testdata/beside.
func beside(_ *source.File, name string) (*source.File, error) {
	data, err := os.ReadFile(filepath.Join("testdata", "beside", name))
	if err != nil {
		return nil, err
	}
	return source.NewFile(name, data), nil
}

// narrow permits what the outer guard does: the probe needs no permission.
func narrow(outer *guard.Guard, _ *plan.Plan, _ map[string]any) (*guard.Guard, error) {
	return outer, nil
}

// book is one runbook of the corpus.
type book struct {
	plan    *plan.Plan
	probe   *probe
	answers answers
	inputs  map[string]any
}

func load(t *testing.T, file string) *book {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b := &book{probe: &probe{calls: map[string]int{}}, answers: answers{}, inputs: map[string]any{}}
	var found source.Diagnostics
	f := source.NewFile(filepath.Base(file), data)
	b.plan = plan.Compile(f, plan.Options{Kinds: []kind.Kind{b.probe.kind().Kind}, Beside: beside}, func(d source.Diagnostic) { found = append(found, d) })
	if b.plan == nil {
		var text bytes.Buffer
		_ = render.Text(&text, found, render.Options{})
		t.Fatal(text.String())
	}
	if n := syntax.Parse(f, func(source.Diagnostic) {}).Get("x-answers"); n != nil {
		b.answers, _ = syntax.Literal(n).(map[string]any)
	}
	for _, in := range b.plan.Inputs {
		b.inputs[in.Name] = in.Default
	}
	return b
}

const sessionKey = "secret-0001"

// environment holds the secrets.
var environment = map[string]string{"KEY": sessionKey, "OTHER": "other-secret-2", "OUTER": "outer-secret-3"}

func (b *book) secrets() (*secret.Store, *secret.Masker) {
	m := secret.NewMasker()
	sources := []secret.Source{{Name: "key", Env: "KEY"}}
	for _, p := range b.plan.Plans() {
		for _, s := range p.Secrets {
			sources = append(sources, secret.Source{Name: s.Key, Env: s.Env})
		}
	}
	return secret.NewStore(m, sources, func(name string) (string, bool) { return environment[name], true }, nil), m
}

func (b *book) options(s *secret.Store) interp.Options {
	return interp.Options{Run: "r1", Mode: "run", Engine: "test", User: "tester", Inputs: b.inputs, Present: s.Present}
}

// local are the events of a run by the runtime that runs what is real. Its time is
// that of a bubble, which goes on when everybody waits: what comes first is decided
// by the runbook, never by how busy the machine is.
func (b *book) local(t *testing.T) (events []journal.Event) {
	synctest.Test(t, func(t *testing.T) { events = b.inTheBubble(t) })
	return events
}

func (b *book) inTheBubble(t *testing.T) []journal.Event {
	t.Helper()
	s, m := b.secrets()
	var events []journal.Event
	w, err := journal.Create("", "r1", journal.Options{Memory: true, Mask: m, Watch: []func(journal.Event){func(e journal.Event) { events = append(events, e) }}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = local.Run(context.Background(), b.plan, local.Options{
		Journal: w, Kinds: []exec.Kind{b.probe.kind()}, Channels: mailKinds(), Guard: guard.New(permit.Set{}, guard.Options{}), Narrow: narrow, Secrets: s, Masker: m,
		Ask: b.ask,
	}, b.options(s))
	if err != nil && err != interp.ErrPaused {
		t.Fatal(err)
	}
	return events
}

// ask answers as the runbook says.
func (b *book) ask(ctx context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
	a, secrets, ok := b.answers.to(q)
	if !ok {
		return a, nil, local.ErrNobody
	}
	if a.Choice == late {
		<-ctx.Done()
		return a, nil, ctx.Err()
	}
	return a, secrets, nil
}

func (b *book) simulated(t *testing.T) []journal.Event {
	t.Helper()
	s, m := b.secrets()
	var events []journal.Event
	clock := sim.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	w, err := journal.Create("", "r1", journal.Options{Memory: true, Mask: m, Now: clock.Now, Watch: []func(journal.Event){func(e journal.Event) { events = append(events, e) }}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = sim.Run(context.Background(), b.plan, sim.Options{
		Clock: clock, Journal: w, Kinds: []exec.Kind{b.probe.kind()}, Channels: mailKinds(), Guard: guard.New(permit.Set{}, guard.Options{}), Narrow: narrow, Secrets: s, Masker: m,
		Ask: func(q interp.Question) (interp.Answer, map[string]string, time.Duration, error) {
			a, secrets, ok := b.answers.to(q)
			if !ok {
				return a, nil, 0, sim.ErrNobody
			}
			if a.Choice == late {
				return a, nil, time.Hour, nil
			}
			return a, secrets, 0, nil
		},
	}, b.options(s))
	if err != nil && err != interp.ErrPaused {
		t.Fatal(err)
	}
	return events
}

// story writes events without what differs between two runs: times, durations,
// places and hashes.
func story(t *testing.T, events []journal.Event) string {
	t.Helper()
	var b strings.Builder
	for _, e := range events {
		var data map[string]any
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Error(err)
		}
		for _, k := range []string{"duration", "place", "runbook", "engine", "user"} {
			delete(data, k)
		}
		text, err := json.Marshal(data)
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(text), sessionKey) || strings.Contains(string(text), "-secret-") {
			t.Errorf("a secret stands in %s", text)
		}
		fmt.Fprintf(&b, "%-18s %s %s\n", e.Type, strconv.Quote(e.Key), text)
	}
	return b.String()
}

// TestCorpus runs every runbook through both runtimes.
func TestCorpus(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.yaml")
	if len(files) < 15 {
		t.Fatalf("only %d runbooks", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			golden := strings.TrimSuffix(file, ".yaml") + ".journal"
			if *update {
				if err := os.WriteFile(golden, []byte(story(t, load(t, file).simulated(t))), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			for name, run := range map[string]func(*book, *testing.T) []journal.Event{"sim": (*book).simulated, "local": (*book).local} {
				t.Run(name, func(t *testing.T) {
					if got := story(t, run(load(t, file), t)); got != string(want) {
						t.Errorf("got\n%swant\n%s", got, want)
					}
				})
			}
		})
	}
}

// rehearsed are the events of a rehearsal, in which the kind must not be called.
func (b *book) rehearsed(t *testing.T) []journal.Event {
	t.Helper()
	var events []journal.Event
	dry.Run(b.plan, dry.Options{Inputs: b.inputs, User: "tester", Emit: func(typ journal.Type, step, key string, data any) {
		text, err := json.Marshal(data)
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		events = append(events, journal.Event{Type: typ, Step: step, Key: key, Data: text})
	}})
	if len(b.probe.calls) > 0 {
		t.Errorf("a rehearsal called %v", b.probe.calls)
	}
	return events
}

// TestRehearsals shows every runbook of the corpus without running it: each step
// of it, as its `.rehearsal` says, and nothing is called.
func TestRehearsals(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			b := load(t, file)
			events := b.rehearsed(t)
			got, golden := story(t, events), strings.TrimSuffix(file, ".yaml")+".rehearsal"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			seen := map[string]bool{}
			for _, e := range events {
				seen[e.Step] = seen[e.Step] || e.Type == journal.StepRehearsed
			}
			for _, s := range b.plan.Steps {
				if !seen[s.ID] {
					t.Errorf("the step %s is not shown", s.ID)
				}
			}
		})
	}
}
