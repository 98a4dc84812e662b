package interp

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"runbook/engine/journal"
)

// because is what a decision says that it read, as the journal has it.
func (d *told) because(t *testing.T, k Key) string {
	t.Helper()
	text, err := json.Marshal(d.events["decision.made "+string(k)].(journal.DecisionMadeData).Because)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestBecause: a decision lists what its conditions read, as far as the first
// that held; each operand once, with the value that some condition read.
func TestBecause(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {check: a, say: {text: x}}
  - {check: b, say: {text: y}}
  - decide: first
    branches:
      - {id: one, when: steps.a.value == "x"}
      - {id: two, when: steps.b.value == "y"}
  - decide: second
    branches:
      - {id: one, when: steps.a.value == "z" and steps.b.value == "y"}
      - {id: two, when: steps.b.value == "y"}
  - decide: plain
    branches: [{id: one, when: "true"}]
`})
	for k, want := range map[Key]string{
		"first":  `[{"expr":"steps.a.value","value":"x"}]`,
		"second": `[{"expr":"steps.a.value","value":"x"},{"expr":"steps.b.value","value":"y"}]`,
		"plain":  `[]`,
	} {
		if got := d.because(t, k); d.err != nil || got != want {
			t.Errorf("%s: %v: got %s, want %s", k, d.err, got, want)
		}
	}
}

// TestAPersonChooses among the branches that fit: the first as well as the last,
// and nobody where none does.
func TestAPersonChooses(t *testing.T) {
	text := `
steps:
  - {check: a, say: {text: x}}
  - decide: d
    ask: Which?
    branches:
      - {id: one, when: steps.a.value == "x"}
      - {id: two, when: steps.a.value != "y"}
      - {id: three, when: steps.a.value == "y"}
`
	for choice, want := range map[string]string{"one": "one", "two": "two", "three": ""} {
		d := play(t, script{text: text, asks: map[Key]Answer{"d#ask": {Choice: choice, By: "ada"}}})
		made, _ := d.events["decision.made d"].(journal.DecisionMadeData)
		if d.err != nil || made.Branch != want {
			t.Errorf("%s: %v, %+v", choice, d.err, made)
		}
		if choices := d.asked["d#ask"].Choices; len(choices) != 2 {
			t.Errorf("offered are %v", choices)
		}
		if want == "" && d.Reason != `"three" is none of the branches that fit` {
			t.Error(d.Reason)
		}
	}
	if d := play(t, script{text: text}); !errors.Is(d.err, ErrPaused) {
		t.Errorf("nobody chose, and it is %v, %v", d.err, d.Outcome)
	}
	d := play(t, script{text: text, calls: map[Key]string{"a#a1": "z"}, asks: map[Key]Answer{"d#ask": {Choice: "two"}}})
	if d.err != nil || d.Outcome.Outcome != "completed" {
		t.Errorf("only one fits: %v, %v", d.err, d.Outcome)
	}
	d = play(t, script{text: strings.Replace(text, `!= "y"`, `== "y"`, 1), calls: map[Key]string{"a#a1": "z"}})
	if d.err != nil || d.Reason != "no branch fits, and there is no `else`" || len(d.asked) > 0 {
		t.Errorf("none fits: %v, %s, %v", d.err, d.Reason, d.asked)
	}
}

// TestABranchThatFails fails its decision, whatever it failed of.
func TestABranchThatFails(t *testing.T) {
	const sets = `{facts: {level: "{{ .steps.a.value }}"}, steps: [{message: m, text: m}]}`
	for name, c := range map[string]struct{ branch, procedure, failed, reason string }{
		"a fact that cannot be":   {`facts: {level: "{{ .steps.a.value }}"}, steps: [{message: m, text: m}]`, "", "d", "`level` cannot be set: "},
		"a procedure's step":      {"then: p", `{steps: [{action: act, say: {text: "!broken"}}]}`, "d>one/act", "broken: told to"},
		"a procedure's facts":     {"then: p", sets, "d>one", "`level` cannot be set: "},
		"a procedure's outputs":   {"then: p", "{outputs: {n: fromJSON(steps.a.value)}, steps: [{check: c, say: {text: x}}]}", "d>one", "output `n`: "},
		"an input of a procedure": {`then: {procedure: p, inputs: {level: "{{ .steps.a.value }}"}}`, "{inputs: {level: {enum: [low, high]}}, steps: [{message: m, text: m}]}", "d>one", "`level` cannot be set: "},
		"a step of its own":       {`steps: [{action: act, say: {text: "!broken"}}]`, "", "d>one/act", "broken: told to"},
	} {
		text := `
facts: {level: {enum: [low, high], default: low}}
steps:
  - {check: a, say: {text: neither}}
  - decide: d
    branches: [{id: one, when: steps.a.value == "neither", ` + c.branch + `}]
  - {message: after, text: after}
`
		if c.procedure != "" {
			text += "procedures: {p: " + c.procedure + "}\n"
		}
		d := play(t, script{text: text})
		if d.err != nil || d.Outcome.Outcome != "failed" || string(d.Failed) != c.failed || !strings.Contains(d.Reason, c.reason) || d.text("after") != "" || d.text("d>one/m") != "" {
			t.Errorf("%s: %v, %+v", name, d.err, d.Outcome)
		}
	}
}

// TestAProcedureSees the file's inputs and steps, and its own steps as not having
// run, and nothing of the procedure that calls it.
func TestAProcedureSees(t *testing.T) {
	d := play(t, script{inputs: map[string]any{"zone": "eu"}, text: `
inputs: {zone: {type: string}}
steps:
  - {check: a, say: {text: of the file}}
  - {run: r, procedure: outer}
procedures:
  outer:
    steps:
      - {check: early, if: not steps.late.ran, say: {text: "{{ .inputs.zone }}"}}
      - {check: late, say: {text: x}}
      - {check: a, say: {text: of the procedure}}
      - each: e
        in: '["i"]'
        as: i
        steps: [{run: deep, procedure: inner}]
  inner:
    steps: [{message: m, text: "{{ .steps.a.value }}"}]
`})
	if d.err != nil || d.made["r/early#a1"].Options["text"] != "eu" || d.text("r/e[0]/deep/m") != "of the file" {
		t.Errorf("%v %+v; %v; %q", d.err, d.Outcome, d.made, d.text("r/e[0]/deep/m"))
	}
}

// TestOnFailureMayFail: what it fails of goes up in place of the failure.
func TestOnFailureMayFail(t *testing.T) {
	const again = `steps: [{action: again, say: {text: "!worse"}}]`
	for then, procedures := range map[string]string{again: "", "then: breaks": "procedures: {breaks: {" + again + "}}"} {
		d := play(t, script{text: `
steps:
  - {action: act, say: {text: "!bad"}, on_failure: {` + then + `, continue: true}}
  - {message: after, text: after}
` + procedures})
		if d.err != nil || d.Failed != "act>on_failure/again" || d.text("after") != "" {
			t.Errorf("%s: %v, %+v", then, d.err, d.Outcome)
		}
	}
}

// TestTheFirstFailureIsNamed where siblings fail.
func TestTheFirstFailureIsNamed(t *testing.T) {
	d := play(t, script{text: `
steps:
  - parallel: p
    steps: [{action: a, say: {text: "!one"}}, {action: b, say: {text: "!two"}}]
`})
	if d.err != nil || d.Failed != "p/a" || d.Reason != "one: told to" {
		t.Errorf("%v, %+v", d.err, d.Outcome)
	}
}

// TestFactsOfAStep: names of its own results stand alone in them, and what cannot
// be set makes the step an error, which later steps see.
func TestFactsOfAStep(t *testing.T) {
	d := play(t, script{text: `
facts: {level: {enum: [low, high], default: low}, code: {type: int, default: 7}}
steps:
  - {check: c, say: {text: high}, facts: {level: "{{ .value }}", code: code}}
  - {check: wrong, say: {text: neither}, facts: {code: code + 1, level: "{{ .value }}"}}
  - {message: m, text: "{{ .steps.wrong.verdict }} {{ .facts.level }} {{ .facts.code }}"}
`})
	if d.err != nil || d.text("m") != "error high 0" || fmt.Sprint(d.Facts) != "map[code:0 level:high]" {
		t.Errorf("%v, %q, %v", d.err, d.text("m"), d.Facts)
	}
}

// TestWhatDidNotRun can be asked for from where its steps are in sight.
func TestWhatDidNotRun(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {check: c, say: {text: x}}
  - decide: d
    branches: [{id: b, when: steps.c.value == "y", steps: [{check: in_branch, say: {text: x}}]}]
    else: {id: other}
  - {action: act, say: {text: x}, on_failure: {steps: [{check: in_failure, say: {text: x}}]}, undo: {when: always, auto: true, steps: [{check: early, if: not steps.late.ran, say: {text: x}}, {check: late, say: {text: x}}]}}
  - {check: no, if: steps.c.value == "y", say: {text: x}}
finally:
  - {message: m, text: "{{ .steps.in_branch.ran }} {{ .steps.in_failure.ran }} {{ .steps.no.verdict }} {{ .steps.later.ran }}"}
  - {message: later, text: x}
`})
	if d.err != nil || d.text("finally/m") != "false false skipped false" || d.finished("act>undo/early").Verdict != "passed" {
		t.Errorf("%v %+v %q", d.err, d.Outcome, d.text("finally/m"))
	}
}
