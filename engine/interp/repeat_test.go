package interp

import (
	"strings"
	"testing"
)

// TestWhatCannotBeRendered: a step whose options cannot be computed has results
// of their types, as one that nothing came back to.
func TestWhatCannotBeRendered(t *testing.T) {
	out, log, err := walk(t, `
steps:
  - {check: short, say: {text: abc}}
  - {check: c, say: {text: "{{ index .steps.short.value 7 }}"}, poll: {every: 1s, for: 1s}, required: false}
  - decide: d
    branches:
      - {id: none, when: 'steps.c.ran and steps.c.code < 0 and steps.c.value + "" == "" and steps.c.error.kind == "render"', steps: [{end: yes_, outcome: resolved}]}
`, nil, nil)
	if err != nil || out.Outcome != "resolved" || strings.Count(strings.Join(log, " "), "call c") > 0 {
		t.Errorf("got %v %v, %v", out, err, log)
	}
}

// TestKeysOfRounds: each attempt in a group that is repeated has a key of its own,
// whatever is repeated in whatever.
func TestKeysOfRounds(t *testing.T) {
	out, log, err := walk(t, `
steps:
  - group: g
    poll: {every: 1s, for: 10s}
    retry: {attempts: 2, delay: 1s}
    expect: steps.b.value == "yes"
    steps:
      - parallel: p
        retry: {attempts: 2}
        steps: [{check: a, required: true, say: {text: a}, retry: {attempts: 2}, poll: {every: 1s, for: 1500ms}}]
      - {check: b, say: {text: yes}}
`, map[Key]string{
		"g#p1.a1/p#a1/a#p1.a1": "!x", "g#p1.a1/p#a1/a#p1.a2": "!x", "g#p1.a1/p#a1/a#p2.a1": "!x", "g#p1.a1/p#a1/a#p2.a2": "!x",
		"g#p1.a1/p#a2/a#p1.a1": "!x", "g#p1.a1/p#a2/a#p1.a2": "!x", "g#p1.a1/p#a2/a#p2.a1": "!x", "g#p1.a1/p#a2/a#p2.a2": "!x",
		"g#p1.a2/b#a1": "no",
	}, nil)
	want := "call g#p1.a1/p#a1/a#p1.a1, call g#p1.a1/p#a1/a#p1.a2, sleep g#p1.a1/p#a1/a#p1.poll, call g#p1.a1/p#a1/a#p2.a1, call g#p1.a1/p#a1/a#p2.a2, " +
		"call g#p1.a1/p#a2/a#p1.a1, call g#p1.a1/p#a2/a#p1.a2, sleep g#p1.a1/p#a2/a#p1.poll, call g#p1.a1/p#a2/a#p2.a1, call g#p1.a1/p#a2/a#p2.a2, " +
		"sleep g#p1.a1.retry, call g#p1.a2/p#a1/a#p1.a1, call g#p1.a2/b#a1, sleep g#p1.poll, call g#p2.a1/p#a1/a#p1.a1, call g#p2.a1/b#a1"
	if got := strings.Join(log, ", "); err != nil || out.Outcome != "completed" || got != want {
		t.Errorf("got %v %v\n%s, want\n%s", out, err, got, want)
	}
}

// TestARoundBeginsAnew: what a round before found is not there in the next.
func TestARoundBeginsAnew(t *testing.T) {
	out, log, err := walk(t, `
steps:
  - group: g
    retry: {attempts: 2}
    steps:
      - {check: early, if: not steps.late.ran, say: {text: early}}
      - {check: late, say: {text: x}}
      - {action: act, idempotent: true, say: {text: act}}
`, map[Key]string{"g#a1/act#a1": "!x"}, nil)
	if got := strings.Join(log, ", "); err != nil || out.Outcome != "completed" || !strings.Contains(got, "call g#a2/early#a1") {
		t.Errorf("got %v %v, %s", out, err, got)
	}
}
