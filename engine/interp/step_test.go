package interp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"runbook/engine/journal"
	"runbook/engine/lang"
)

// TestVerify reads the action that it verifies, and leaves no trace among the
// steps of the file.
func TestVerify(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {check: verify, say: {text: of the file}}
  - action: act
    say: {text: done}
    verify: {say: {text: looks}, expect: steps.act.value == "done" and steps.act.ran and steps.act.verdict == "passed"}
  - {message: m, text: "{{ .steps.verify.value }}"}
`})
	if d.err != nil || d.Outcome.Outcome != "completed" || d.text("m") != "of the file" {
		t.Errorf("%v %+v %q", d.err, d.Outcome, d.text("m"))
	}
}

// TestVerifyThatIsCut: an action whose verification came to no end has not
// passed.
func TestVerifyThatIsCut(t *testing.T) {
	d := play(t, script{text: `
steps:
  - group: p
    timeout: 1m
    on_failure: continue
    steps: [{action: act, say: {text: done}, verify: {say: {text: looks}}}, {message: next, text: next}]
`, ends: map[Key]error{"p/act/verify#a1": &Timeout{Scope: "p"}}})
	if f := d.finished("p"); d.err != nil || d.text("p/next") != "" || f.Reason != "not done within its budget of 1m0s" {
		t.Errorf("%v %q %+v", d.err, d.text("p/next"), f)
	}
}

// TestWhatCannotBeRenderedIsTriedOnce: it would come out the same again.
func TestWhatCannotBeRenderedIsTriedOnce(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {check: short, say: {text: abc}}
  - {check: c, say: {text: "{{ index .steps.short.value 7 }}"}, retry: {attempts: 3}}
`})
	if f := d.finished("c"); d.err != nil || f.Attempts != 1 || f.Error == nil || f.Error.Kind != "render" {
		t.Errorf("%v %+v", d.err, f)
	}
}

// TestACheckThatDidNotComeBack is an error, even if it expects nothing.
func TestACheckThatDidNotComeBack(t *testing.T) {
	d := play(t, script{text: `
steps:
  - parallel: p
    timeout: 1m
    steps: [{check: a, say: {text: x}}, {check: b, say: {text: x}}]
  - {message: m, text: "{{ .steps.a.verdict }} {{ .steps.a.error.kind }} {{ .steps.b.verdict }}"}
`, ends: map[Key]error{"p/a#a1": &Timeout{Scope: "p"}}})
	if d.err != nil || d.text("m") != "error timeout passed" {
		t.Errorf("%v %+v %q", d.err, d.Outcome, d.text("m"))
	}
}

// TestCutOffByAnEnd: steps beside one that ends the run have not run, unless
// something is known of them.
func TestCutOffByAnEnd(t *testing.T) {
	for role, ran := range map[string]bool{
		`{check: x, say: {text: x}}`: false, `{action: x, say: {text: x}}`: false, `{manual: x, instructions: x}`: false,
		`{group: x, steps: [{check: y, say: {text: x}}]}`: true,
	} {
		d := play(t, script{text: `
steps:
  - parallel: p
    steps: [` + role + `, {end: e, outcome: mitigated}]
finally: [{message: m, text: "{{ .steps.x.ran }} {{ .steps.x.verdict }}"}]
`, ends: map[Key]error{"p/x#a1": ErrStopped, "p/x#manual": ErrStopped, "p/x/y#a1": ErrStopped}})
		if want := fmt.Sprintf("%v error", ran); d.err != nil || d.Outcome.Outcome != "mitigated" || d.text("finally/m") != want {
			t.Errorf("%s: %v %+v %q", role, d.err, d.Outcome, d.text("finally/m"))
		}
	}
}

// TestExpectations: all are recorded, and the reason says what was found, in
// bounds.
func TestExpectations(t *testing.T) {
	long := strings.Repeat("ä", 61)
	for name, c := range map[string]struct{ say, expect, verdict, reason string }{
		"holds":            {"x", `value == "x"`, "passed", ""},
		"does not":         {"x", `value == "y"`, "failed", `expected value == "y"; found value = x`},
		"two things":       {"x", `value == "y" or code == 1`, "failed", `expected value == "y" or code == 1; found value = x, code = 0`},
		"one is not read":  {"x", `value == "y" and code == 1`, "failed", `expected value == "y" and code == 1; found value = x`},
		"just short":       {long[2:], `value == "y"`, "failed", `expected value == "y"; found value = ` + long[2:]},
		"too long":         {long, `value == "y"`, "failed", `expected value == "y"; found value = ` + long[2:] + "…"},
		"the first counts": {"x", `["code == 1", 'value == "y"']`, "failed", "expected code == 1; found code = 0"},
		"an error counts":  {"x", `["code == 1", "fromJSON(value) == 1"]`, "error", "`expect` cannot be computed: "},
		"and stays":        {"x", `["fromJSON(value) == 1", "code == 1"]`, "error", "`expect` cannot be computed: "},
	} {
		expect := c.expect
		if expect[0] != '[' {
			expect = "'" + expect + "'"
		}
		d := play(t, script{text: `steps: [{check: c, say: {text: "` + c.say + `"}, expect: ` + expect + `}]`})
		f := d.finished("c")
		same := f.Reason == c.reason || c.verdict == "error" && strings.HasPrefix(f.Reason, c.reason)
		if d.err != nil || f.Verdict != c.verdict || !same || len(f.Expect) != max(1, strings.Count(expect, ", ")+1) {
			t.Errorf("%s: %v, %s, %d expectations, %q", name, d.err, f.Verdict, len(f.Expect), f.Reason)
		}
	}
}

// TestFoundIsBounded: after 200 characters or so nothing more is listed.
func TestFoundIsBounded(t *testing.T) {
	var texts, checks []string
	for i := range 6 {
		checks = append(checks, fmt.Sprintf("{check: c%d, say: {text: %s}}", i, strings.Repeat("x", 50)))
		texts = append(texts, fmt.Sprintf(`steps.c%d.value == "y"`, i))
	}
	d := play(t, script{text: "steps: [" + strings.Join(checks, ", ") + `, {check: c, say: {text: x}, expect: '` + strings.Join(texts, " or ") + `'}]`})
	if got := d.finished("c").Reason; d.err != nil || strings.Count(got, "xxx = ") != 0 || strings.Count(got, ".value = ") != 3 {
		t.Errorf("%v %s", d.err, got)
	}
}

// TestFoundAtItsBound: with 200 characters there is room for one more, with 201
// there is none.
func TestFoundAtItsBound(t *testing.T) {
	for n, more := range map[int]bool{45: true, 46: false} {
		x := func(n int) string { return strings.Repeat("x", n) }
		d := play(t, script{text: `
steps:
  - {check: a, say: {text: ` + x(46) + `}}
  - {check: b, say: {text: ` + x(49) + `}}
  - {check: c, say: {text: ` + x(n) + `}}
  - {check: d, say: {text: x}, expect: 'steps.a.value == "y" or steps.b.value == "y" or steps.c.value == "y" or value == "y"'}
`})
		_, found, _ := strings.Cut(d.finished("d").Reason, "; found ")
		listed, last, _ := strings.Cut(found, ", value = ")
		if d.err != nil || len("; found "+listed) != 155+n || (last == "x") != more {
			t.Errorf("%d: %v %d %q", n, d.err, len("; found "+listed), last)
		}
	}
}

// TestDurations: a step that measures nothing took the time from its beginning to
// its end; one that does says so itself.
func TestDurations(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {check: c, delay: 5s, say: {text: x}}
  - {manual: m, instructions: Do it}
  - {check: quick, say: {text: x}}
  - {message: said, text: "{{ .steps.c.duration }} {{ .steps.m.duration }} {{ .run.elapsed }}"}
  - {run: r, procedure: p}
procedures: {p: {steps: [{check: in, say: {text: x}}]}}
`, takes: map[Key]time.Duration{"c#a1": 2 * time.Second, "m#manual": time.Minute, "r/in#a1": time.Second}, asks: map[Key]Answer{"m#manual": {Choice: "done"}}})
	if d.err != nil || d.text("said") != "2s 1m0s 1m7s" {
		t.Errorf("%v %q", d.err, d.text("said"))
	}
	for k, want := range map[Key]journal.Seconds{"c": 2, "m": 60, "r": 1, "quick": 0} {
		if got := d.finished(k).Duration; got != want {
			t.Errorf("%s took %v", k, got)
		}
	}
	if got := d.events["run.finished "].(journal.RunFinishedData).Duration; got != 68 {
		t.Errorf("the run took %v", got)
	}
}

// TestPlaces: an event says where its step is written.
func TestPlaces(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {check: c, say: {text: x}}
  - {decide: d, branches: [{when: "true", then: p}]}
procedures:
  p: {steps: [{message: m, text: x}]}
`})
	for id, want := range map[string]int{"step.started c": 5, "step.started d": 6, "step.started d>p/m": 8} {
		start, _ := d.events[id].(journal.StepStartedData)
		if start.Place.File != "x.yaml" || start.Place.Line != want || start.Place.Column == 0 {
			t.Errorf("%s: %+v", id, start.Place)
		}
	}
	made, _ := d.events["decision.made d"].(journal.DecisionMadeData)
	began, _ := d.events["procedure.started d>p#procedure"].(journal.ProcedureStartedData)
	if made.Place.Line != 6 || began.Place.Line != 8 {
		t.Errorf("%+v %+v", made.Place, began.Place)
	}
}

// TestTheShortestTimes count: a nanosecond is a delay and a budget.
func TestTheShortestTimes(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {check: a, delay: 1ns, say: {text: x}}
  - {check: b, retry: {attempts: 3, delay: 1s, max_delay: 1ns}, say: {text: "!x"}}
  - {group: g, timeout: 1ns, on_failure: continue, steps: [{message: m, text: x}]}
  - {run: r, procedure: p, timeout: 1ns, on_failure: continue}
procedures: {p: {steps: [{message: m, text: x}]}}
`, ends: map[Key]error{"g": &Timeout{Scope: "g"}, "r": &Timeout{Scope: "r"}}})
	if got := strings.Join(d.log, ", "); d.err != nil || got != "sleep a#delay, call a#a1, call b#a1, sleep b#a1.retry, call b#a2, sleep b#a2.retry, call b#a3" || d.now != 3 {
		t.Errorf("%v %s, %s", d.err, got, d.now)
	}
	for _, k := range []Key{"g", "r"} {
		if got := d.finished(k).Reason; got != "not done within its budget of 1ns" {
			t.Errorf("%s: %q", k, got)
		}
	}
}

// TestScopesThatEnd: a step with a budget passes in time, and goes on up with the
// end of a scope around it.
func TestScopesThatEnd(t *testing.T) {
	text := `
steps:
  - group: p
    timeout: 1h
    on_failure: continue
    steps:
      - {run: r, procedure: proc, timeout: 1m, on_failure: continue}
      - {group: g, timeout: 1m, on_failure: continue, steps: [{check: c, say: {text: x}}]}
      - {message: in_time, text: x}
  - {message: m, text: "{{ .steps.p.verdict }}"}
procedures: {proc: {steps: [{check: c, say: {text: x}}]}}
`
	for _, k := range []Key{"", "p/r/c#a1", "p/g/c#a1"} {
		d := play(t, script{text: text, ends: map[Key]error{k: &Timeout{Scope: "p"}}})
		if k == "" {
			d = play(t, script{text: text})
		}
		if in := d.text("p/in_time") != ""; d.err != nil || in != (k == "") || d.text("m") != map[bool]string{true: "passed", false: "failed"}[k == ""] {
			t.Errorf("%s: %v, %v, %q", k, d.err, in, d.text("m"))
		}
	}
	for _, k := range []Key{"p/g", "p/r"} {
		d := play(t, script{text: text, ends: map[Key]error{k: fmt.Errorf("the disk is full")}})
		if d.err == nil || d.err.Error() != "the disk is full" || d.text("p/in_time") != "" {
			t.Errorf("the runtime died when %s was over, and it is %v", k, d.err)
		}
	}
}

// TestJudge gives a result its verdict outside a run, and changes nothing around
// it.
func TestJudge(t *testing.T) {
	p, _ := compile(t, script{text: `steps: [{check: c, say: {text: x}, outputs: {o: value + "!"}, expect: o == "y!"}]`})
	env := lang.Env{"steps": map[string]any{}}
	for value, verdict := range map[string]string{"y": "passed", "x": "failed"} {
		fields, f := Judge(env, p.Steps[0], Result{Fields: map[string]any{"value": value}})
		if fields["o"] != value+"!" || fields["ran"] != true || fields["verdict"] != verdict || f.Verdict != verdict || f.Role != "check" || (f.Reason == "") != (verdict == "passed") {
			t.Errorf("%s: %v %+v", value, fields, f)
		}
	}
	if len(env) != 1 {
		t.Errorf("the environment is now %v", env)
	}
}
