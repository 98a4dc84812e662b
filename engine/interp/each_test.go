package interp

import (
	"fmt"
	"strings"
	"testing"

	"runbook/engine/journal"
)

// TestItemsThatCannotBe: what is no list, or too long a one, fails the step before
// an item begins.
func TestItemsThatCannotBe(t *testing.T) {
	for in, reason := range map[string]string{
		"fromJSON(steps.c.value)": "the list cannot be computed: ",
		`fromJSON("null")`:        "`in` gives nil, not a list",
		`fromJSON("{\"a\": 1}")`:  "`in` gives \"{\\\"a\\\":1}\", not a list",
		"1..10001":                "the list has 10001 items; an `each` takes at most 10000",
		"1..10000":                "",
	} {
		d := play(t, script{text: `
steps:
  - {check: c, say: {text: "not json"}}
  - {each: e, in: '` + in + `', as: i, on_failure: continue, steps: [{message: m, text: x}]}
`})
		f := d.finished("e")
		if d.err != nil || !strings.HasPrefix(f.Reason, reason) || (f.Verdict == "error") != (reason != "") || (d.text("e[0]/m") == "") != (reason != "") {
			t.Errorf("%s: %v %s %q", in, d.err, f.Verdict, f.Reason)
		}
	}
}

// TestItemsAreApart: what the steps of one item found is not there for the next.
func TestItemsAreApart(t *testing.T) {
	d := play(t, script{text: `
steps:
  - each: e
    in: '["a", "b"]'
    as: i
    steps:
      - {check: early, if: not steps.late.ran, say: {text: "{{ .i }}"}}
      - each: inner
        in: '["x", "y"]'
        as: j
        steps: [{message: m, text: "{{ .i }}{{ .j }}"}]
      - {check: late, say: {text: x}}
`})
	if d.err != nil || d.made["e[1]/early#a1"].Options["text"] != "b" || d.text("e[1]/inner[1]/m") != "by" {
		t.Errorf("%v %v %q", d.err, d.log, d.text("e[1]/inner[1]/m"))
	}
}

// TestOutputsOfItems are there where the step has passed, and only then.
func TestOutputsOfItems(t *testing.T) {
	text := `
steps:
  - group: p
    timeout: 1m
    on_failure: continue
    steps:
      - each: e
        in: '["a", "b"]'
        as: i
        outputs: {o: steps.c.value}
        on_failure: continue
        steps: [{check: c, required: true, say: {text: "{{ .i }}"}}]
  - {message: m, text: "{{ .steps.e.verdict }} {{ .steps.e.o | default (list) | join \",\" }}"}
`
	for name, c := range map[string]struct {
		calls map[Key]string
		ends  map[Key]error
		said  string
		given string
	}{
		"passed": {nil, nil, "passed a,b", "map[o:[a b]]"},
		"failed": {map[Key]string{"p/e[0]/c#a1": "!x"}, nil, "failed ", "map[]"},
		"cut":    {nil, map[Key]error{"p/e[1]/c#a1": &Timeout{Scope: "p"}}, "error ", "map[]"},
	} {
		d := play(t, script{text: text, calls: c.calls, ends: c.ends})
		if got := fmt.Sprint(d.finished("p/e").Outputs); d.err != nil || d.text("m") != c.said || got != c.given {
			t.Errorf("%s: %v %q %s", name, d.err, d.text("m"), got)
		}
	}
}

// TestLongItemsAreCut for people, in the event and in a reason.
func TestLongItemsAreCut(t *testing.T) {
	for n, want := range map[int]int{500: 500, 501: 201} {
		d := play(t, script{text: `steps: [{each: e, in: '["` + strings.Repeat("x", n) + `"]', as: i, steps: [{message: m, text: x}]}]`})
		v, _ := d.events["item.started e[0]"].(journal.ItemStartedData)
		if got := len([]rune(fmt.Sprint(v.Value))); got != want || strings.HasSuffix(fmt.Sprint(v.Value), "…") != (n > 500) {
			t.Errorf("%d: %d characters", n, got)
		}
	}
	for n, whole := range map[int]bool{200: true, 201: false} {
		if text := strings.Repeat("ä", n); (cut(text) == text) != whole || len([]rune(cut(text))) > 201 {
			t.Errorf("%d: %q", n, cut(text))
		}
	}
}

// TestNamesOfItems hide no name of a step's own results that is not there.
func TestNamesOfItems(t *testing.T) {
	d := play(t, script{text: `
facts: {seen: {type: string, default: none}}
steps:
  - each: e
    in: '["a"]'
    as: ran
    steps: [{check: c, say: {text: x}, facts: {seen: "{{ .ran }}"}}]
`})
	if d.err != nil || d.Facts["seen"] != "a" {
		t.Errorf("%v %v", d.err, d.Facts)
	}
}

// TestOutputsHideItems, also where they could not be computed.
func TestOutputsHideItems(t *testing.T) {
	d := play(t, script{text: `
steps:
  - each: e
    in: '["a"]'
    as: o
    steps: [{check: c, say: {text: x}, outputs: {o: fromJSON(value)}, expect: error.kind == "output" and o == nil}]
`})
	if f := d.finished("e[0]/c"); d.err != nil || f.Verdict != "passed" {
		t.Errorf("%v %+v", d.err, f)
	}
}
