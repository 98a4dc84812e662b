package interp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"runbook/engine/journal"
)

// TestFinallyMayEndTheRun where it did not go wrong, and changes nothing where it
// did.
func TestFinallyMayEndTheRun(t *testing.T) {
	for say, want := range map[string]string{"x": "mitigated by finally", "!x": "failed "} {
		d := play(t, script{text: `
steps: [{action: act, say: {text: "` + say + `"}}]
finally: [{end: e, outcome: mitigated, summary: by finally}]
`})
		if got := d.Outcome.Outcome + " " + d.Summary; d.err != nil || got != want {
			t.Errorf("%s: %v %q", say, d.err, got)
		}
	}
}

// TestOutputsOfAGroup that cannot be computed make it an error.
func TestOutputsOfAGroup(t *testing.T) {
	d := play(t, script{text: `
steps: [{group: g, on_failure: continue, outputs: {n: fromJSON(steps.c.value)}, steps: [{check: c, say: {text: "not json"}}]}]
`})
	if f := d.finished("g"); d.err != nil || f.Verdict != "error" || !strings.HasPrefix(f.Reason, "output `n`: ") {
		t.Errorf("%v %+v", d.err, f)
	}
}

// TestUndoOfWhatIsRepeated is owed once, in the order of the last time.
func TestUndoOfWhatIsRepeated(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {action: zero, say: {text: x}, undo: {when: failure, auto: true, steps: [{action: back_zero, say: {text: x}}]}}
  - group: g
    retry: {attempts: 2}
    steps:
      - {action: one, idempotent: true, say: {text: x}, undo: {when: failure, auto: true, steps: [{action: back_one, say: {text: x}}]}}
      - {action: two, idempotent: true, say: {text: x}, undo: {when: failure, auto: true, steps: [{action: back_two, say: {text: x}}]}}
      - {check: c, required: true, say: {text: "!x"}}
`})
	want := "call zero#a1, call g#a1/one#a1, call g#a1/two#a1, call g#a1/c#a1, call g#a2/one#a1, call g#a2/two#a1, call g#a2/c#a1, " +
		"call g/two>undo/back_two#a1, call g/one>undo/back_one#a1, call zero>undo/back_zero#a1"
	if got := strings.Join(d.log, ", "); d.err != nil || got != want {
		t.Errorf("%v got\n%s, want\n%s", d.err, got, want)
	}
	if owed, _ := d.events["undo.owed g/one>undo"].(journal.UndoData); owed.Action != "g#a1/one#a1" && owed.Action != "g#a1/one" {
		t.Errorf("%+v", owed)
	}
}

// TestTheOnlyUndoOfWhatIsRepeated is owed once too.
func TestTheOnlyUndoOfWhatIsRepeated(t *testing.T) {
	d := play(t, script{text: `
steps:
  - group: g
    retry: {attempts: 2}
    steps:
      - {action: one, idempotent: true, say: {text: x}, undo: {when: failure, auto: true, steps: [{action: back_one, say: {text: x}}]}}
      - {check: c, required: true, say: {text: "!x"}}
`})
	if got := strings.Join(d.log, ", "); d.err != nil || !strings.HasSuffix(got, "call g#a2/c#a1, call g/one>undo/back_one#a1") {
		t.Errorf("%v %s", d.err, got)
	}
}

// TestUndoIsInTheOrderOfTheLastTime: what was done again is undone before what
// was not.
func TestUndoIsInTheOrderOfTheLastTime(t *testing.T) {
	d := play(t, script{text: `
steps:
  - group: g
    retry: {attempts: 2}
    steps:
      - {check: turn, say: {text: "2"}}
      - {action: one, idempotent: true, say: {text: x}, undo: {when: failure, auto: true, steps: [{action: back_one, say: {text: x}}]}}
      - {action: two, if: steps.turn.value == "1", idempotent: true, say: {text: x}, undo: {when: failure, auto: true, steps: [{action: back_two, say: {text: x}}]}}
      - {check: c, required: true, say: {text: "!x"}}
`, calls: map[Key]string{"g#a1/turn#a1": "1"}})
	if got := strings.Join(d.log, ", "); d.err != nil || !strings.HasSuffix(got, "call g#a2/c#a1, call g/one>undo/back_one#a1, call g/two>undo/back_two#a1") {
		t.Errorf("%v %s", d.err, got)
	}
}

// TestAnUndoThatFails fails a run that went well, and says of which step.
func TestAnUndoThatFails(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {action: act, say: {text: x}, undo: {when: always, auto: true, steps: [{action: back, say: {text: "!x"}}]}}
  - {action: other, say: {text: x}, undo: {when: failure, auto: true, steps: [{action: back_other, say: {text: x}}]}}
`})
	if d.err != nil || d.Outcome.Outcome != "failed" || d.Failed != "act>undo/back" {
		t.Errorf("%v %+v", d.err, d.Outcome)
	}
}

// TestAnUndoThatIsCut: the run ends with what ended it, and the undo stays owed.
func TestAnUndoThatIsCut(t *testing.T) {
	died := errors.New("the disk is full")
	d := play(t, script{text: `
steps:
  - {action: act, say: {text: x}, undo: {when: always, auto: true, steps: [{action: back, say: {text: x}}]}}
`, ends: map[Key]error{"act>undo/back#a1": died}})
	if _, settled := d.events["undo.settled act>undo"]; !errors.Is(d.err, died) || settled {
		t.Errorf("%v, settled: %v", d.err, settled)
	}
}

// inner is a runbook that others run.
const inner = `
name: inner
inputs: {how: {enum: [well, badly, over, dies], default: well}}
outputs: {n: fromJSON(steps.c.value)}
steps:
  - {check: c, say: {text: "1"}}
  - {action: first, say: {text: x}, undo: {when: failure, auto: true, steps: [{action: back_first, say: {text: x}}]}}
  - {action: second, say: {text: x}, undo: {when: failure, auto: true, steps: [{action: back_second, say: {text: x}}]}}
  - {check: slow, say: {text: x}}
  - decide: d
    branches:
      - {id: over, when: inputs.how == "over", steps: [{end: e, outcome: failed, summary: it is bad}]}
    else: {id: go_on}
  - {message: took, text: "{{ .run.elapsed }}"}
finally:
  - {check: last, say: {text: "{{ .run.outcome }}"}}
`

// middle runs it.
const middle = `
name: middle
steps:
  - {group: g, timeout: 1h, on_failure: continue, steps: [{run: deep, runbook: inner.yaml}]}
  - {check: slow, say: {text: x}}
finally:
  - {check: last, say: {text: "{{ .run.outcome }}"}}
`

var others = map[string]string{"inner.yaml": inner, "middle.yaml": middle}

// TestWhatARunbookOwes: where the one around it fails, what it did is undone, the
// last first.
func TestWhatARunbookOwes(t *testing.T) {
	d := play(t, script{beside: others, takes: map[Key]time.Duration{"before#a1": time.Minute, "r/slow#a1": time.Second}, text: `
steps:
  - {check: before, say: {text: x}}
  - {run: r, runbook: inner.yaml}
  - {action: breaks, say: {text: "!x"}}
`})
	if got := strings.Join(d.log, ", "); d.err != nil || !strings.HasSuffix(got, "call breaks#a1, call r/second>undo/back_second#a1, call r/first>undo/back_first#a1") {
		t.Errorf("%v %s", d.err, got)
	}
	if d.text("r/took") != "1s" {
		t.Errorf("the inner run's time began with the outer's: %s", d.text("r/took"))
	}
}

// TestARunbookThatCannotBegin: it is not permitted here, or its inputs cannot be.
func TestARunbookThatCannotBegin(t *testing.T) {
	text := `
steps:
  - {check: c, say: {text: neither}}
  - {run: r, runbook: inner.yaml, inputs: {how: "{{ .steps.c.value }}"}, retry: {attempts: 3}}
`
	text = strings.Replace(text, ", retry: {attempts: 3}", "", 1)
	d := play(t, script{beside: others, text: text})
	if d.err != nil || d.Failed != "r" || !strings.HasPrefix(d.Reason, "`how` cannot be set: ") {
		t.Errorf("%v %+v", d.err, d.Outcome)
	}
	d = play(t, script{beside: others, text: text, calls: map[Key]string{"c#a1": "well"}, ends: map[Key]error{">r": errors.New("not here")}})
	if f := d.finished("r"); d.err != nil || f.Verdict != "error" || f.Error == nil || f.Error.Kind != "denied" || d.Reason != "not here" || len(d.log) != 1 {
		t.Errorf("%v %+v %v", d.err, f, d.log)
	}
}

// TestARunbookThatGoesWrong fails the step that runs it, with the reason.
func TestARunbookThatGoesWrong(t *testing.T) {
	for name, c := range map[string]struct {
		how    string
		calls  map[Key]string
		failed Key
		reason string
	}{
		"it says so":              {"over", nil, "r", "inner.yaml ended with the outcome failed: it is bad"},
		"its outputs cannot be":   {"well", map[Key]string{"r/c#a1": "not json"}, "r", "output `n`: "},
		"one of its steps failed": {"well", map[Key]string{"r/second#a1": "!x"}, "r/second", "x: told to"},
	} {
		d := play(t, script{beside: others, calls: c.calls, text: `
steps: [{run: r, runbook: inner.yaml, inputs: {how: ` + c.how + `}}]
`})
		if d.err != nil || d.Failed != c.failed || !strings.HasPrefix(d.Reason, c.reason) {
			t.Errorf("%s: %v %+v", name, d.err, d.Outcome)
		}
	}
}

// TestRunbooksThatAreBrokenOff: what they did is undone and their finally runs,
// once each, the innermost first, whoever's time was up.
func TestRunbooksThatAreBrokenOff(t *testing.T) {
	text := `
steps:
  - {group: p, timeout: 1h, on_failure: continue, steps: [{run: r, runbook: middle.yaml}]}
`
	undone := "call p/r/g/deep/second>undo/back_second#a1, call p/r/g/deep/first>undo/back_first#a1"
	begun := "call p/r/g/deep/c#a1, call p/r/g/deep/first#a1, call p/r/g/deep/second#a1, call p/r/g/deep/slow#a1"
	for at, c := range map[Key]struct {
		scope Key
		want  string
	}{
		// The inner one is broken off by a scope in the middle one, which goes on.
		"p/r/g/deep/slow#a1": {"p/r/g", begun + ", call p/r/slow#a1, " + undone + ", call p/r/g/deep/finally/last#a1, call p/r/finally/last#a1"},
		// Both are broken off.
		"p/r/g/deep/slow#a1 ": {"p", begun + ", " + undone + ", call p/r/finally/last#a1, call p/r/g/deep/finally/last#a1"},
		// The middle one is, behind the inner one's own end.
		"p/r/slow#a1": {"p", begun + ", call p/r/g/deep/finally/last#a1, call p/r/slow#a1, " + undone + ", call p/r/finally/last#a1"},
		// The inner one's finally is cut, and is not begun anew.
		"p/r/g/deep/finally/last#a1": {"p", begun + ", call p/r/g/deep/finally/last#a1, " + undone + ", call p/r/finally/last#a1"},
	} {
		key := Key(strings.TrimSpace(string(at)))
		d := play(t, script{beside: others, text: text, ends: map[Key]error{key: &Timeout{Scope: c.scope}}})
		if got := strings.Join(d.log, ", "); d.err != nil || got != c.want {
			t.Errorf("%s ends %s: %v got\n%s, want\n%s", key, c.scope, d.err, got, c.want)
		}
	}
}

// TestWhatALeftoverDiesOf ends the run.
func TestWhatALeftoverDiesOf(t *testing.T) {
	text := `
steps:
  - {group: p, timeout: 1h, on_failure: continue, steps: [{run: r, runbook: inner.yaml}]}
  - {action: breaks, say: {text: "!x"}}
`
	died := errors.New("the disk is full")
	for _, at := range []Key{"p/r/second>undo/back_second#a1", "p/r/finally/last#a1"} {
		d := play(t, script{beside: others, text: text, ends: map[Key]error{"p/r/slow#a1": &Timeout{Scope: "p"}, at: died}})
		if _, finished := d.events["run.finished "]; !errors.Is(d.err, died) || finished {
			t.Errorf("%s: %v, finished: %v", at, d.err, finished)
		}
	}
}

// TestARunbookThatCannotBeEnteredAgain, to do what it owes, ends the run: it stays
// owed.
func TestARunbookThatCannotBeEnteredAgain(t *testing.T) {
	no := errors.New("not here any more")
	for name, c := range map[string]struct {
		at   Key
		say  string
		runs string
	}{
		"to undo":            {">>p/r", "!x", "inner.yaml"},
		"on the way to undo": {">>p/r", "!x", "middle.yaml"},
		"for its finally":    {">>p/r", "x", "ends.yaml"},
	} {
		d := play(t, script{beside: map[string]string{"inner.yaml": inner, "middle.yaml": middle, "ends.yaml": `
name: ends
steps: [{check: slow, say: {text: x}}]
finally: [{check: last, say: {text: x}}]
`}, text: `
steps:
  - {group: p, timeout: 1h, on_failure: continue, steps: [{run: r, runbook: ` + c.runs + `}]}
  - {action: breaks, say: {text: "` + c.say + `"}}
`, ends: map[Key]error{c.at: no, "p/r/slow#a1": &Timeout{Scope: "p"}, "p/r/g/deep/slow#a1": &Timeout{Scope: "p"}}})
		if _, finished := d.events["run.finished "]; !errors.Is(d.err, no) || finished || strings.Contains(fmt.Sprint(d.log), "last") {
			t.Errorf("%s: %v, finished: %v, %s", name, d.err, finished, d.log)
		}
	}
}

// TestAPauseInAnotherRunbook is no end of it: nothing of it is undone or cut.
func TestAPauseInAnotherRunbook(t *testing.T) {
	d := play(t, script{beside: map[string]string{"asks.yaml": `
name: asks
steps:
  - {action: act, say: {text: x}, undo: {when: always, steps: [{action: back, say: {text: x}}]}}
finally: [{check: last, say: {text: x}}]
`}, text: `steps: [{run: r, runbook: asks.yaml}, {message: m, text: x}]`})
	if got := fmt.Sprint(d.log); !errors.Is(d.err, ErrPaused) || got != "[call r/act#a1 ask r/act>undo#undo]" {
		t.Errorf("%v %s", d.err, got)
	}
}

// TestUndosInOrder: what is undone, and what stays owed, by what is answered and what
// fails; a run that is over is offered what it owes once more each time.
func TestUndosInOrder(t *testing.T) {
	const text = `
steps:
  - {action: one, say: {text: x}, undo: {when: failure, steps: [{action: back_one, say: {text: x}}]}}
  - {action: two, say: {text: x}, undo: {when: failure, auto: true, steps: [{action: back_two, say: {text: x}}]}}
  - {action: three, say: {text: x}, undo: {when: always, steps: [{action: back_three, say: {text: x}}]}}
  - {check: c, say: {text: x}, required: true}
`
	yes, no := Answer{Choice: "approve"}, Answer{Choice: "refuse"}
	const made = "call one#a1, call two#a1, call three#a1, call c#a1, "
	for name, c := range map[string]struct {
		undo    int
		calls   map[Key]string
		asks    map[Key]Answer
		want    string
		outcome string
		err     error
		owed    string // what undo.finished says, one after the other
	}{
		"all went well":                  {asks: map[Key]Answer{"three>undo#undo": yes}, want: "ask three>undo#undo, call three>undo/back_three#a1", outcome: "completed"},
		"it failed, and nobody is there": {calls: map[Key]string{"c#a1": "!x"}, want: "ask three>undo#undo", outcome: "failed"},
		"one is declined": {calls: map[Key]string{"c#a1": "!x"}, asks: map[Key]Answer{"three>undo#undo": no, "one>undo#undo": no},
			want: "ask three>undo#undo, call two>undo/back_two#a1, ask one>undo#undo", outcome: "failed"},
		"one fails: no other is made unasked": {calls: map[Key]string{"c#a1": "!x", "three>undo/back_three#a1": "!x"}, asks: map[Key]Answer{"three>undo#undo": yes, "two>undo#undo": yes, "one>undo#undo": yes},
			want: "ask three>undo#undo, call three>undo/back_three#a1, ask two>undo#undo, call two>undo/back_two#a1, ask one>undo#undo, call one>undo/back_one#a1", outcome: "failed"},
		"one fails where all went well": {calls: map[Key]string{"three>undo/back_three#a1": "!x"}, asks: map[Key]Answer{"three>undo#undo": yes, "two>undo#undo": no, "one>undo#undo": yes},
			want: "ask three>undo#undo, call three>undo/back_three#a1, ask two>undo#undo, ask one>undo#undo, call one>undo/back_one#a1", outcome: "failed"},
		"over, and offered again": {undo: 1, calls: map[Key]string{"c#a1": "!x"}, asks: map[Key]Answer{"three>undo#undo#2": yes, "three>undo#2.undo": yes, "one>undo#undo": no},
			want: "ask three>undo#undo, ask three>undo#2.undo, call three>undo#2/back_three#a1, call two>undo/back_two#a1, ask one>undo#undo", outcome: "failed", owed: "0"},
		"over, and it fails again": {undo: 2, calls: map[Key]string{"c#a1": "!x", "three>undo/back_three#a1": "!x", "three>undo#2/back_three#a1": "!x"},
			asks: map[Key]Answer{"three>undo#undo": yes, "two>undo#undo": yes, "one>undo#undo": yes, "three>undo#2.undo": yes, "three>undo#3.undo": yes},
			want: "ask three>undo#undo, call three>undo/back_three#a1, ask two>undo#undo, call two>undo/back_two#a1, ask one>undo#undo, call one>undo/back_one#a1, " +
				"ask three>undo#2.undo, call three>undo#2/back_three#a1, ask three>undo#3.undo, call three>undo#3/back_three#a1", outcome: "failed", owed: "1 0"},
		"over, and the second time what is behind a failure is asked about": {undo: 1, calls: map[Key]string{"c#a1": "!x", "three>undo#2/back_three#a1": "!x"},
			asks: map[Key]Answer{"three>undo#2.undo": yes, "two>undo#undo": yes, "one>undo#undo": yes},
			want: "ask three>undo#undo, ask three>undo#2.undo, call three>undo#2/back_three#a1, ask two>undo#undo, call two>undo/back_two#a1, ask one>undo#undo, call one>undo/back_one#a1", outcome: "failed", owed: "1"},
		"over, and nobody is there": {undo: 1, calls: map[Key]string{"c#a1": "!x"}, want: "ask three>undo#undo, ask three>undo#2.undo", outcome: "failed", err: ErrPaused},
		"over, and all went well":   {undo: 1, asks: map[Key]Answer{"three>undo#undo": yes}, want: "ask three>undo#undo, call three>undo/back_three#a1", outcome: "completed", owed: "0"},
		"over, and its undo failed it": {undo: 1, calls: map[Key]string{"three>undo/back_three#a1": "!x"}, asks: map[Key]Answer{"three>undo#undo": yes, "two>undo#undo": no, "one>undo#undo": no, "three>undo#2.undo": no},
			want: "ask three>undo#undo, call three>undo/back_three#a1, ask two>undo#undo, ask one>undo#undo, ask three>undo#2.undo", outcome: "failed", owed: "0"},
	} {
		d := play(t, script{text: text, undo: c.undo, calls: c.calls, asks: c.asks})
		if got := strings.TrimPrefix(strings.Join(d.log, ", "), made); !errors.Is(d.err, c.err) || got != c.want || d.Outcome.Outcome != c.outcome {
			t.Errorf("%s: %v %s got\n%s, want\n%s", name, d.err, d.Outcome.Outcome, got, c.want)
		}
		var owed []string
		for n := 1; d.events[fmt.Sprintf("undo.finished >undo#%d", n)] != nil; n++ {
			owed = append(owed, fmt.Sprint(d.events[fmt.Sprintf("undo.finished >undo#%d", n)].(journal.UndoFinishedData).Owed))
		}
		if got := strings.Join(owed, " "); got != c.owed {
			t.Errorf("%s: owed are %q, want %q", name, got, c.owed)
		}
	}
}

// TestUndosThatStayDue: what a runbook should have undone when it failed is offered by
// the one around it, however that ends, and what fails anew as long as it is owed.
func TestUndosThatStayDue(t *testing.T) {
	beside := map[string]string{"inner.yaml": `
name: inner
steps:
  - {action: one, say: {text: x}, undo: {when: failure, steps: [{action: back, say: {text: x}}]}}
  - {action: two, say: {text: x}, undo: {when: failure, auto: AUTO, steps: [{action: back2, say: {text: x}}]}}
  - {action: breaks, say: {text: "!x"}}
`}
	yes := Answer{Choice: "approve"}
	for name, c := range map[string]struct {
		auto  string
		undo  int
		calls map[Key]string
		asks  map[Key]Answer
		want  string
		owed  int
	}{
		"nobody was there": {"false", 0, nil, map[Key]Answer{"r/two>undo#2.undo": yes, "r/one>undo#undo": yes},
			"ask r/two>undo#undo, ask r/two>undo#2.undo, call r/two>undo#2/back2#a1, ask r/one>undo#undo, call r/one>undo/back#a1", 0},
		"it failed": {"true", 1, map[Key]string{"r/two>undo/back2#a1": "!x", "r/two>undo#2/back2#a1": "!x", "r/one>undo/back#a1": "!x"}, map[Key]Answer{"r/one>undo#undo": yes, "r/one>undo#2.undo": yes},
			"call r/two>undo/back2#a1, ask r/one>undo#undo, call r/one>undo/back#a1, call r/two>undo#2/back2#a1, ask r/one>undo#2.undo, call r/one>undo#2/back#a1", 1},
	} {
		d := play(t, script{beside: map[string]string{"inner.yaml": strings.Replace(beside["inner.yaml"], "AUTO", c.auto, 1)}, undo: c.undo, calls: c.calls, asks: c.asks, text: "steps: [{run: r, runbook: inner.yaml, on_failure: continue}]"})
		if got := strings.TrimPrefix(strings.Join(d.log, ", "), "call r/one#a1, call r/two#a1, call r/breaks#a1, "); d.err != nil || d.Outcome.Outcome != "completed" || got != c.want {
			t.Errorf("%s: %v %s got\n%s, want\n%s", name, d.err, d.Outcome.Outcome, got, c.want)
		}
		if f, _ := d.events["undo.finished >undo#1"].(journal.UndoFinishedData); f.Owed != c.owed {
			t.Errorf("%s: %d are owed, want %d", name, f.Owed, c.owed)
		}
	}
	// An undo that fails a run that went well makes due what was done behind it.
	d := play(t, script{asks: map[Key]Answer{"two>undo#undo": yes}, text: `
steps:
  - {action: one, say: {text: x}, undo: {when: always, auto: true, steps: [{action: back, say: {text: "!x"}}]}}
  - {action: two, say: {text: x}, undo: {when: failure, auto: true, steps: [{action: back2, say: {text: x}}]}}
`})
	if got := strings.Join(d.log, ", "); d.err != nil || got != "call one#a1, call two#a1, call one>undo/back#a1, ask two>undo#undo, call two>undo/back2#a1" {
		t.Errorf("%v %s", d.err, got)
	}
}
