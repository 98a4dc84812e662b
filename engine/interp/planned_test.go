package interp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestPlanned: whoever approves a group sees all that leaves the run in it, under
// which conditions, and which values are not known yet.
func TestPlanned(t *testing.T) {
	d := play(t, script{text: `
facts: {zone: {type: string, default: eu}, late: {type: string, default: old}}
steps:
  - group: g
    confirm: Now
    steps:
      - {check: look, required: true, say: {text: x}}
      - {action: known, say: {text: "{{ .facts.zone }}"}}
      - action: sets
        say: {text: a}
        facts: {late: new}
        on_failure: {steps: [{action: repairs, say: {text: b}}], continue: true}
        undo: {when: failure, auto: true, steps: [{action: back, say: {text: c}}]}
      - {action: reads, say: {text: "{{ .facts.late }}"}}
      - {action: never, if: facts.zone == "us", say: {text: d}}
      - {action: maybe, if: steps.look.value == "y", say: {text: e}}
      - {each: all, in: '["p", "q"]', as: it, steps: [{action: one, say: {text: "{{ .it }}"}}]}
      - {each: some, in: 'split(steps.look.value, ",")', as: it, steps: [{action: any, say: {text: "{{ .it }}"}}]}
      - decide: sure
        branches: [{id: eu, when: facts.zone == "eu", steps: [{action: in_eu, say: {text: f}}]}]
        else: {id: no, steps: [{action: elsewhere, say: {text: g}}]}
      - decide: open
        branches: [{id: x, when: steps.look.value == "x", then: proc}]
        else: {id: no, steps: [{manual: by_hand, instructions: Do it}]}
      - {message: tell, text: done}
      - {end: over, outcome: resolved}
procedures:
  proc: {steps: [{action: inner, say: {text: h}}]}
`, asks: map[Key]Answer{"g#confirm": {Choice: "refuse", By: "ada"}}})
	var got []string
	for _, s := range d.asked["g#confirm"].Steps {
		got = append(got, strings.TrimSpace(fmt.Sprint(s.Role, " ", s.Key, " ", s.When, " ", s.Unknown)))
	}
	want := []string{
		"action g/known [] []", "action g/sets [] []", "action g/sets>on_failure/repairs [if sets fails] []",
		"action g/sets>undo/back [if the run fails, without asking] []", "action g/reads [] [facts.late]",
		"action g/maybe [if steps.look.value == \"y\"] []", "action g/all[0]/one [] []", "action g/all[1]/one [] []",
		"action g/some[]/any [for every it of split(steps.look.value, \",\")] [it]", "action g/sure>eu/in_eu [] []",
		"action g/open>x/inner [if steps.look.value == \"x\"] []", "manual g/open>no/by_hand [otherwise, in open] []", "message g/tell [] []", "end g/over [] []",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v: got\n%s\nwant\n%s", d.err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
