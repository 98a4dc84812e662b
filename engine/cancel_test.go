package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/engine/journal"
)

const shopping = `
permissions: {act: [systemctl, slow], observe: [look]}
steps:
  - action: stop
    shell: systemctl stop shop
    undo: {when: failure, steps: [{action: begin, shell: systemctl start shop}]}
  - parallel: both
    steps:
      - {action: move, shell: slow move}
      - {check: looks, shell: look, poll: {every: 1s, for: 1h}}
  - manual: call
    instructions: Call them.
  - {message: told, text: It is over.}
  - {check: again, shell: look}
finally:
  - group: last
    timeout: 5s
    steps: [{check: after, shell: look}, {message: ended, text: "It ended as {{ .run.outcome }}."}]
`

const shopWorld = `    shell:
      - {on: systemctl}
      - {on: slow move, delay: 300ms}
      - {on: look, stdout: x, reply: [{exit: 1}, {exit: 0}]}
`

// TestAgreeOnCancel: whenever somebody presses Ctrl-C, a drill and a test end
// alike: what runs is ended, undo is offered, and the steps at the end run.
func TestAgreeOnCancel(t *testing.T) {
	t.Parallel()
	world := strings.ReplaceAll(shopWorld, "stdout: x, ", "")
	for _, c := range []struct{ name, cancel, want, never string }{
		{"at an action", "stop", "", "begin"},
		{"at a group", "both", "begin", "move"},
		{"beside another", "looks", "begin", "call"},
		{"while a program runs", "{step: move, after: 100ms}", "begin", "call"},
		{"while a poll waits", "{step: looks, after: 500ms}", "begin", "call"},
		{"while a person is asked", "{step: call, after: 100ms}", "begin", "told"},
		{"at a message", "told", "begin", "again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lines := strings.Join(agree(t, shopping, world+"    answers: {stop>undo: approve, call: {answer: done, after: 600ms}}\n    cancel: "+c.cancel+"\n    expect: {outcome: cancelled}\n"), "\n")
			for _, want := range []string{`"cancelled"`, "It ended as cancelled."} {
				if !strings.Contains(lines, want) {
					t.Errorf("%s is not in\n%s", want, lines)
				}
			}
			if c.want != "" && !strings.Contains(lines, c.want+` came to ["passed"`) {
				t.Errorf("%s did not run:\n%s", c.want, lines)
			}
			if c.never != "" && strings.Contains(lines, c.never+` came to ["passed"`) {
				t.Errorf("%s ran:\n%s", c.never, lines)
			}
		})
	}
}

// TestCancelAtAMoment: the moment is that of the simulated clock, and the undo is
// asked at once, also where somebody was busy with another question.
func TestCancelAtAMoment(t *testing.T) {
	t.Parallel()
	res := tested(t, shopping, strings.ReplaceAll(shopWorld, "stdout: x, ", "")+`    answers: {stop>undo: approve, call: {answer: done, after: 10m}}
    cancel: {step: call, after: 30s}
    expect: {outcome: cancelled, messages: {told: absent}, duration: {max: 40s}}
`)
	if len(res.Failures) > 0 || res.Elapsed < 30*time.Second {
		t.Errorf("it took %s: %s", res.Elapsed, failures(res))
	}
	if !slices.ContainsFunc(res.Events, func(e journal.Event) bool { return e.Type == journal.WaitFinished && e.Key == "call#manual" }) {
		t.Error("the question was not taken back")
	}
}

// TestCancelThatNeverComes fails a test, and it says why.
func TestCancelThatNeverComes(t *testing.T) {
	t.Parallel()
	res := tested(t, `
permissions: {act: [a]}
steps: [{action: first, shell: a}, {action: maybe, if: "false", shell: a}]
`, `    {shell: [{on: a}], cancel: maybe, expect: {outcome: completed}}
`)
	if got, want := failures(res), "cancel: expected one when maybe begins, got none: maybe never began"; got != want {
		t.Errorf("it says %q", got)
	}
}
