package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/source"
)

type object = map[string]any

// author writes runbooks at random that really run here: against a server on
// loopback, with programs that every machine has.
type author struct {
	*rand.Rand
	url   string
	n     int
	ids   []string // checks that have run wherever the next step stands
	depth int
}

func (a *author) id(what string) string {
	a.n++
	return fmt.Sprintf("%s%d", what, a.n)
}

func (a *author) pick(l ...string) string { return l[a.Intn(len(l))] }

func (a *author) steps(n int) []object {
	out := make([]object, n)
	for i := range out {
		out[i] = a.step()
	}
	return out
}

// inside writes steps that may not run: what they are called is known to nobody
// behind them.
func (a *author) inside(n int) []object {
	ids := slices.Clone(a.ids)
	a.depth++
	out := a.steps(n)
	a.depth--
	a.ids = ids
	return out
}

func (a *author) step() object {
	k := a.Intn(12)
	if a.depth > 2 {
		k = a.Intn(7)
	}
	switch k {
	case 0, 1, 2:
		return a.check(true)
	case 3:
		id := a.id("act")
		return object{"action": id, "shell": fmt.Sprintf("printf '%s' && exit %d", id, a.Intn(2)), "confirm": "Do it?", "on_failure": "continue",
			"undo": object{"when": a.pick("failure", "always"), "steps": []object{{"message": a.id("undone"), "text": "undone"}}}}
	case 4:
		id := a.id("asked")
		return object{"group": id + "s", "steps": []object{
			{"manual": id, "instructions": "Count them.", "collect": object{"n": object{"type": "int"}}, "on_failure": "continue"},
			{"message": id + "_told", "text": "{{ .steps." + id + ".n | default 0 }}"}}}
	case 5, 6:
		return object{"message": a.id("told"), "text": "{{ .facts.count }} {{ .facts.word }}" + a.reads()}
	case 7:
		return object{"parallel": a.id("side"), "steps": []object{a.check(false), a.check(false)}}
	case 8:
		return object{"group": a.id("all"), "if": a.condition(), "steps": a.inside(2)}
	case 9:
		return object{"each": a.id("every"), "in": `["a", "b", "c"]`, "as": "item", "max": 1 + a.Intn(2), "steps": []object{
			{"check": a.id("look"), "shell": "printf %s {{ .item }}", "expect": fmt.Sprintf("stdout != %q", a.pick("a", "z"))}}}
	}
	decide := object{"decide": a.id("which"), "branches": []object{
		{"id": "one", "when": a.condition(), "steps": a.inside(1), "facts": object{"word": "one"}},
		{"id": "two", "when": a.condition(), "steps": a.inside(2)}}, "else": object{"id": "other", "steps": a.inside(1)}}
	if a.Intn(2) == 0 {
		decide["if"] = a.condition()
	}
	return decide
}

// check asks the server or a program, alone or several times.
func (a *author) check(known bool) object {
	id := a.id("check")
	s := object{"check": id}
	if a.Intn(3) > 0 {
		s["http"] = object{"url": a.url + a.pick("/a", "/b", "/slow", "/gone"), "query": object{"q": a.pick("1", "2")}}
		s["timeout"] = "300ms"
		s["http"].(object)["headers"] = object{"Authorization": "Bearer {{ .secrets.token }}"}
		if known {
			s["facts"] = object{"count": "status"}
		}
	} else {
		s["shell"] = a.pick("printf 7; exit 3", "printf '{\"n\": 4}'", "printf no >&2; exit 1", "seq 3 | wc -l")
		if known {
			s["facts"] = object{"word": "{{ .stdout }}"}
		}
	}
	switch a.Intn(4) {
	case 0:
		s["poll"], s["required"] = object{"every": "20ms", "for": "90ms"}, false
	case 1:
		s["retry"] = object{"attempts": 2, "delay": "10ms"}
	}
	if known {
		a.ids = append(a.ids, id)
	}
	return s
}

func (a *author) condition() string {
	x := a.pick("facts.count > 250", "facts.count == 200", `facts.word == "one"`, `facts.word contains "7"`)
	if len(a.ids) > 0 {
		x = a.pick(x, "steps."+a.ids[a.Intn(len(a.ids))]+`.verdict == "passed"`)
	}
	return a.pick(x, "not ("+x+")")
}

func (a *author) reads() string {
	if len(a.ids) == 0 {
		return ""
	}
	return " {{ .steps." + a.ids[a.Intn(len(a.ids))] + ".verdict }}"
}

func (a *author) runbook() []byte {
	host := strings.TrimPrefix(a.url, "http://")
	data, _ := json.MarshalIndent(object{"apiVersion": "runbook/v1", "name": "random",
		"permissions": object{"observe": []string{"seq", "wc"}, "hosts": []string{host}},
		"secrets":     object{"token": object{"env": "TOKEN"}},
		"facts":       object{"count": object{"type": "int", "default": 0}, "word": object{"type": "string", "default": "none"}},
		"steps":       append(a.steps(5), object{"message": "last", "text": "{{ .facts.word }} {{ .facts.count }} {{ .secrets.token.present }}"}),
		"finally":     []object{{"message": "over", "text": "{{ .run.outcome }}"}},
	}, "", "  ")
	return data
}

// fickle is a server whose answers depend on how often it was asked.
func fickle() *httptest.Server {
	var mu sync.Mutex
	asked := map[string]int{}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.String()]++
		n := asked[r.URL.String()]
		mu.Unlock()
		switch {
		case r.URL.Path == "/slow":
			<-r.Context().Done()
		case r.URL.Path == "/gone" && n%2 == 1:
			panic(http.ErrAbortHandler)
		case n%3 == 0:
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "<html>%d</html>\n", n)
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"n":%d,"token":"token-0001-abcd"}`, n)
		}
	}))
}

// gist is what must be the same in a replay.
func gist(s *journal.State) object {
	decisions, verdicts, messages := object{}, object{}, object{}
	for _, st := range s.Steps {
		switch {
		case st.Decision != nil:
			decisions[st.Key] = st.Decision.Branch
		case st.Message != nil:
			messages[st.Key] = st.Message.Text
		}
		if st.Done != nil {
			verdicts[st.Key] = st.Done.Verdict
		}
	}
	return object{"outcome": s.Status(false), "facts": s.Facts, "decisions": decisions, "verdicts": verdicts, "messages": messages}
}

// TestRecordThenReplay: a recording of any run replays to the same decisions,
// verdicts, facts and messages, and shows no secret.
func TestRecordThenReplay(t *testing.T) {
	t.Parallel()
	runs := 60
	if testing.Short() {
		runs = 10
	}
	kinds := map[string]int{}
	var mu sync.Mutex
	t.Run("runs", func(t *testing.T) {
		for seed := range runs {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				got := replay(t, int64(seed))
				mu.Lock()
				defer mu.Unlock()
				for k := range got {
					kinds[k]++
				}
			})
		}
	})
	if !testing.Short() && (kinds["http"] == 0 || kinds["results"] == 0 || kinds["answers"] == 0) {
		t.Errorf("the recordings are made of %v", kinds)
	}
}

func replay(t *testing.T, seed int64) map[string]bool {
	server := fickle()
	t.Cleanup(server.Close)
	a := &author{Rand: rand.New(rand.NewSource(seed)), url: server.URL}
	file := source.NewFile("random.yaml", a.runbook())
	rb, found := engine.Load(file)
	if rb == nil {
		for _, d := range found { // at random, a branch can be one that is never taken
			if d.Severity == source.Error && d.Code != "branch-hidden" && d.Code != "branch-impossible" {
				t.Errorf("%s: %s\n%s", d.Code, d.Summary, file.Data)
			}
		}
		return nil
	}
	var events []journal.Event
	people := rand.New(rand.NewSource(seed))
	out, err := rb.Run(context.Background(), engine.RunOptions{Session: engine.Session{
		User: "ann", Env: func(name string) string { return map[string]string{"TOKEN": "token-0001-abcd"}[name] },
		Watch: []func(journal.Event){func(e journal.Event) { events = append(events, e) }},
		Ask: func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
			c := q.Choices[people.Intn(len(q.Choices))].ID
			values := object{}
			if c == "done" {
				values["n"] = people.Intn(500)
			}
			return interp.Answer{Choice: c, By: "ann", How: "test", Values: values}, nil, nil
		},
	}})
	if err != nil {
		t.Fatalf("%v\n%s", err, file.Data)
	}
	r, err := rb.Record(events, engine.RecordOptions{Runbook: "random.yaml", Name: "it"})
	if err != nil {
		t.Fatalf("%v\n%s", err, file.Data)
	}
	if strings.Contains(string(r.File.Data), "token-0001-abcd") {
		t.Errorf("the recording shows the secret:\n%s", r.File.Data)
	}
	again, err := rb.Test(context.Background(), engine.TestOptions{Scenario: r.Scenario, User: "ann"})
	if err != nil {
		t.Fatalf("%v\n%s", err, r.File.Data)
	}
	for _, f := range again.Failures {
		t.Errorf("%s", f)
	}
	if was, is := gist(out.State), gist(again.State); !reflect.DeepEqual(was, is) {
		for k := range was {
			if !reflect.DeepEqual(was[k], is[k]) {
				t.Errorf("%s: it was\n%v\nand is\n%v", k, was[k], is[k])
			}
		}
		t.Errorf("runbook:\n%s\nrecording:\n%s", file.Data, r.File.Data)
	}
	return map[string]bool{"http": len(r.Scenario.HTTP) > 0, "results": len(r.Scenario.Results) > 0, "answers": len(r.Scenario.Answers) > 0}
}

// TestRecordInto: a file that is there gets one scenario more, and stays as it is.
func TestRecordInto(t *testing.T) {
	t.Parallel()
	rb, file := library(t, "payments")
	sc := file.Find("token-revoked")
	res, err := rb.Test(context.Background(), engine.TestOptions{Scenario: sc})
	if err != nil || len(res.Failures) > 0 {
		t.Fatal(err, res.Failures)
	}
	data, err := os.ReadFile("../runbooks/payments.scenarios.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "payments.scenarios.yaml")
	if err := os.WriteFile(path, data, 0o640); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"april", "may"} {
		r, err := rb.Record(res.Events, engine.RecordOptions{Path: path, Name: name, Runbook: "payments.yaml"})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Write(); err != nil || !r.Added {
			t.Fatal(err, r.Added)
		}
		now, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(now), string(data)) {
			t.Fatalf("%v: what stood there has changed:\n%s", err, now)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%v %v", info.Mode(), err)
		}
		all, found := rb.Scenarios(source.NewFile(path, now))
		if all == nil || len(all.Scenarios) != len(file.Scenarios)+i+1 {
			t.Fatal(found)
		}
		again, err := rb.Test(context.Background(), engine.TestOptions{Scenario: all.Find(name)})
		if err != nil || len(again.Failures) > 0 {
			t.Errorf("%v %v", err, again.Failures)
		}
		if was, is := gist(res.State), gist(again.State); !reflect.DeepEqual(was, is) {
			t.Errorf("it was %v, and is %v", was, is)
		}
	}
	if _, err := rb.Record(res.Events, engine.RecordOptions{Path: path, Name: "may", Runbook: "payments.yaml"}); err == nil || !strings.Contains(err.Error(), "has a scenario may already") {
		t.Errorf("a name that is taken gives %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".record-*")); len(left) > 0 {
		t.Error(left)
	}
}

// TestRecordLibrary: every scenario of the library, recorded from its test,
// replays to the same story, the times that people take included.
func TestRecordLibrary(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../runbooks/*.scenarios.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	for _, path := range names {
		name := strings.TrimSuffix(filepath.Base(path), ".scenarios.yaml")
		rb, file := library(t, name)
		for _, sc := range file.Scenarios {
			if sc.Cancel.Step != "" {
				continue // no event says that somebody pressed Ctrl-C, so it is not recorded
			}
			t.Run(name+"/"+sc.Name, func(t *testing.T) {
				res, err := rb.Test(context.Background(), engine.TestOptions{Scenario: sc})
				if err != nil {
					t.Fatal(err)
				}
				r, err := rb.Record(res.Events, engine.RecordOptions{Runbook: name + ".yaml"})
				if err != nil {
					t.Fatal(err)
				}
				again, err := rb.Test(context.Background(), engine.TestOptions{Scenario: r.Scenario})
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range again.Failures {
					t.Error(f)
				}
				was, is := gist(res.State), gist(again.State)
				delete(was, "messages") // they may hold the run's id
				delete(is, "messages")
				if !reflect.DeepEqual(was, is) {
					t.Errorf("it was\n%v\nand is\n%v", was, is)
				}
			})
		}
	}
}
