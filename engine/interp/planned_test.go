package interp

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"runbook/engine/secret"
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

// previewed are the lines of what the group g of a script is said to do: key, when,
// what is shown, and what is not known yet.
func previewed(t *testing.T, s script) string {
	t.Helper()
	s.asks = maps.Clone(s.asks)
	if s.asks == nil {
		s.asks = map[Key]Answer{}
	}
	s.asks["g#confirm"] = Answer{Choice: "refuse", By: "ada"}
	d := play(t, s)
	if _, asked := d.asked["g#confirm"]; !asked {
		t.Fatalf("g is not asked about: %v", d.err)
	}
	return planLines(d.asked["g#confirm"])
}

func planLines(q Question) string {
	var out []string
	for _, p := range q.Steps {
		line := fmt.Sprintf("%s %s", p.Key, strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(p.Shown), "map["), "]"))
		if len(p.When) > 0 {
			line += " when " + strings.Join(p.When, ", ")
		}
		if len(p.Unknown) > 0 {
			line += " without " + strings.Join(p.Unknown, ", ")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// inGroup is a runbook with a group g that is asked about; its options, steps and
// procedures are given.
func inGroup(options, steps, more string) string {
	return `
inputs: {n: {type: int, default: 7}}
facts: {f: {type: string, default: old}, k: {type: string, default: kept}}
steps:
  - {check: look, say: {text: seen}}
  - group: g
    confirm: Now
` + options + "    steps:\n" + steps + more
}

// TestPlannedFacts: a fact is shown as it stands only where nothing may set it
// before the step runs.
func TestPlannedFacts(t *testing.T) {
	const reads = `{action: reads, idempotent: true, say: {text: "{{ .facts.f }}"}}`
	const sets = `{action: sets, idempotent: true, say: {text: x}, facts: {f: new}}`
	const procs = `
procedures:
  deep: {facts: {f: new}, steps: [{message: m, text: x}]}
  proc: {steps: [{run: inner, procedure: deep}]}
`
	const known, open = "reads text:old", "reads text:‹facts.f›"
	for name, c := range map[string]struct{ options, before, want string }{
		"nothing sets it":          {"", `{action: other, say: {text: x}, facts: {k: new}}`, known},
		"a step":                   {"", sets, open},
		"inside a group":           {"", "{group: h, steps: [" + sets + "]}", open},
		"after a failure":          {"", "{action: h, say: {text: x}, on_failure: {continue: true, steps: [" + sets + "]}}", open},
		"called after a failure":   {"", "{action: h, say: {text: x}, on_failure: {continue: true, then: proc}}", open},
		"a called procedure":       {"", "{run: h, procedure: proc}", open},
		"an inner step of another": {"", "{run: h, procedure: deep}", open},
		"a branch":                 {"", `{decide: h, branches: [{id: b, when: steps.look.value == "y", facts: {f: new}}], else: {id: no}}`, open},
		"in a branch":              {"", `{decide: h, branches: [{id: b, when: steps.look.value == "y", steps: [` + sets + `]}], else: {id: no}}`, open},
		"called in a branch":       {"", `{decide: h, branches: [{id: b, when: steps.look.value == "y", then: deep}], else: {id: no}}`, open},
	} {
		text := inGroup(c.options, "      - "+c.before+"\n      - "+reads+"\n", procs)
		if got := previewed(t, script{text: text}); !strings.Contains("\n"+got, "\ng/"+c.want) {
			t.Errorf("%s sets it before: got\n%s\nwant %s", name, got, c.want)
		}
	}
	for name, c := range map[string]struct{ options, steps, want string }{
		"once":                     {"", reads + "\n      - " + sets, "g/reads text:old\ng/sets text:x"},
		"in a round before":        {"    retry: {attempts: 2}\n", reads + "\n      - " + sets, "g/reads text:‹facts.f› without facts.f\ng/sets text:x"},
		"while it is polled":       {"    expect: 1 == 1\n    poll: {every: 1s, for: 5s}\n", reads + "\n      - " + sets, "g/reads text:‹facts.f› without facts.f\ng/sets text:x"},
		"in a round of a group":    {"", "{group: h, retry: {attempts: 2}, steps: [" + reads + ", " + sets + "]}", "g/h/reads text:‹facts.f› without facts.f\ng/h/sets text:x"},
		"for an item before":       {"", "{each: h, in: '[1, 2]', as: it, steps: [" + reads + ", " + sets + "]}", "g/h[0]/reads text:old\ng/h[0]/sets text:x\ng/h[1]/reads text:‹facts.f› without facts.f\ng/h[1]/sets text:x"},
		"for no item before":       {"", `{each: h, in: 'split(steps.look.value, ",")', as: it, steps: [` + reads + ", " + sets + "]}", "g/h[0]/reads text:old\ng/h[0]/sets text:x"},
		"for any item before":      {"", `{check: in, say: {text: x}}` + "\n      - " + `{each: h, in: 'split(steps.in.value, ",")', as: it, steps: [` + reads + ", " + sets + "]}", "g/h[]/reads text:‹facts.f› when for every it of split(steps.in.value, \",\") without facts.f\ng/h[]/sets text:x when for every it of split(steps.in.value, \",\")"},
		"before it failed":         {"", "{group: h, steps: [" + sets + "], on_failure: {steps: [" + reads + "]}}", "g/h/sets text:x\ng/h>on_failure/reads text:‹facts.f› when if h fails without facts.f"},
		"only if it did not fail":  {"", "{action: h, say: {text: x}, facts: {f: new}, on_failure: {steps: [" + reads + ", {action: other, say: {text: x}, facts: {f: newer}}]}}", "g/h text:x\ng/h>on_failure/reads text:old when if h fails\ng/h>on_failure/other text:x when if h fails"},
		"before it is undone":      {"", "{action: h, say: {text: x}, undo: {when: always, auto: true, steps: [" + reads + "]}}\n      - " + sets, "g/h text:x\ng/h>undo/reads text:‹facts.f› when when the run ends, without asking without facts.f\ng/sets text:x"},
		"before another is undone": {"", "{action: h, say: {text: x}, undo: {when: always, auto: true, steps: [" + reads + "]}}\n      - {action: i, say: {text: x}, undo: {when: always, steps: [" + sets + "]}}", "g/h text:x\ng/h>undo/reads text:‹facts.f› when when the run ends, without asking without facts.f\ng/i text:x"},
		"nothing before it undone": {"", `{action: h, say: {text: x}, undo: {when: failure, auto: true, steps: [` + reads + "]}}", "g/h text:x\ng/h>undo/reads text:old when if the run fails, without asking"},
	} {
		if got := previewed(t, script{text: inGroup(c.options, "      - "+c.steps+"\n", "")}); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// TestPlannedUndoBehindTheGroup: what a step behind the group sets is not known to an
// undo in it; what one before it set is.
func TestPlannedUndoBehindTheGroup(t *testing.T) {
	const undo = `      - {action: act, say: {text: x}, undo: {when: always, auto: true, steps: [{action: back, say: {text: "{{ .facts.f }} {{ .facts.k }}"}}]}}` + "\n"
	text := strings.Replace(inGroup("", undo, "  - {action: behind, say: {text: x}, facts: {f: new}}\n"), "say: {text: seen}", "say: {text: seen}, facts: {k: set}", 1)
	if got := previewed(t, script{text: text}); got != "g/act text:x\ng/act>undo/back text:‹facts.f› set when when the run ends, without asking without facts.f" {
		t.Error(got)
	}
}

// TestPlannedInAProcedure: so it is of a group that a procedure of a procedure has.
func TestPlannedInAProcedure(t *testing.T) {
	d := play(t, script{text: `
facts: {f: {type: string, default: old}}
steps: [{check: look, say: {text: x}}, {run: r, procedure: outer}]
procedures:
  outer: {steps: [{run: i, procedure: inner}, {action: behind, say: {text: x}, facts: {f: new}}]}
  inner: {steps: [{group: g, confirm: Now, steps: [{action: act, say: {text: x}, undo: {when: always, auto: true, steps: [{message: back, text: "{{ .facts.f }}"}]}}]}]}
`})
	if got := planLines(d.asked["r/i/g#confirm"]); got != "r/i/g/act text:x\nr/i/g/act>undo/back text:‹facts.f› when when the run ends, without asking" {
		t.Errorf("%v %s", d.err, got)
	}
}

// TestUndoShows: whoever is asked about an undo sees what it will do, by what is known
// by then.
func TestUndoShows(t *testing.T) {
	d := play(t, script{text: `
facts: {f: {type: string, default: old}}
steps:
  - {action: act, say: {text: x}, undo: {when: always, steps: [{check: c, say: {text: x}}, {action: back, say: {text: "{{ .facts.f }} {{ .steps.act.value }} {{ .steps.c.value }}"}}, {action: tell, say: {text: "{{ .facts.f }}"}}]}}
  - {action: behind, say: {text: x}, facts: {f: new}}
`})
	q := d.asked["act>undo#undo"]
	if got := planLines(q); got != "act>undo/back text:new x ‹steps.c.value› without steps.c.value\nact>undo/tell text:new" || q.More != 0 {
		t.Errorf("%v %s", d.err, got)
	}
}

// TestPlannedShows: what is known is shown to the letter, a secret as its name, and
// the rest as what it is called.
func TestPlannedShows(t *testing.T) {
	asks := map[Key]Answer{"m#manual": {Choice: "done", Values: map[string]any{"key": secret.Value{Name: "m.key", Present: true}, "zone": "eu"}}}
	text := strings.Replace(inGroup("", `      - {check: in, say: {text: x}}
      - {action: known, title: "In {{ .steps.m.zone }}", say: {text: "{{ .secrets.api }} {{ .steps.m.key }} {{ .steps.m.zone }} {{ .steps.look.value }}"}}
      - {action: unknown, title: "Of {{ .steps.in.value }}", say: {text: "{{ .secrets.api }} {{ .steps.m.key }} {{ .steps.m.zone }} {{ .steps.in.value }} {{ .steps.in.value }}"}}
      - {action: fails, say: {text: "{{ index .steps.look.value 9 }}"}}
      - {action: run, confirm: Also, say: {text: "{{ .run.id }} {{ .run.elapsed }}"}}
      - {message: quiet, text: "{{ .steps.m.zone }} {{ .steps.in.value }}"}
      - {message: loud, to: ops, text: x}
`, ""), "steps:\n", `secrets: {api: {env: API}}
channels: {ops: {webhook: {url: "https://example.com/x"}}}
steps:
  - {manual: m, instructions: Get them, collect: {key: {secret: true}, zone: {type: string}}}
`, 1)
	want := `g/known text:‹***› ‹***› eu seen
g/unknown text:‹secrets.api› ‹steps.m.key› eu ‹steps.in.value› ‹steps.in.value› without steps.in.value
g/fails text:‹index .steps.look.value 9›
g/run text:r1 ‹run.elapsed› without run.elapsed
g/quiet text:eu ‹steps.in.value›
g/loud text:x to:[ops]`
	if got := previewed(t, script{text: text, asks: asks}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	asks["g#confirm"] = Answer{Choice: "refuse"}
	var said []string
	for _, p := range play(t, script{text: text, asks: asks}).asked["g#confirm"].Steps {
		said = append(said, fmt.Sprint(p.Step, ":", p.Kind, ":", p.Title, ":", p.Asks))
	}
	if got := strings.Join(said, " "); got != "known:say:In eu:false unknown:say:Of ‹steps.in.value›:false fails:say::false run:say::true quiet:::false loud:::false" {
		t.Error(got)
	}
}

// TestPlannedBranches: of a decision those branches are shown that may be taken, and
// what they set.
func TestPlannedBranches(t *testing.T) {
	const act = `steps: [{action: %s, say: {text: "{{ .facts.f }}"}}]`
	branch := func(id, when, more string) string {
		return fmt.Sprintf("{id: %s, when: '%s', facts: {f: %s}, %s}", id, when, more, fmt.Sprintf(act, "in_"+id))
	}
	els := ", else: {id: no, facts: {f: z}, " + fmt.Sprintf(act, "in_no") + "}}"
	open := `steps.in.value == "y"`
	for name, c := range map[string]struct{ ask, branches, want string }{
		"the one that holds":       {"", branch("a", "inputs.n > 9", "a") + ", " + branch("b", "inputs.n == 7", "b") + ", " + branch("c", "inputs.n > 5", "c"), "g/d>b/in_b text:b"},
		"none that holds":          {"", branch("a", "inputs.n > 9", "a"), "g/d>no/in_no text:z"},
		"one that may hold":        {"", branch("a", open, "a") + ", " + branch("b", "inputs.n == 7", "b"), "g/d>a/in_a text:a when if " + open + "\ng/d>b/in_b text:b when if inputs.n == 7\ng/d>no/in_no text:z when otherwise, in d"},
		"what is chosen":           {"ask: Which, ", branch("a", "inputs.n > 9", "a") + ", " + branch("b", "inputs.n == 7", "b") + ", " + branch("c", open, "c"), "g/d>b/in_b text:b when if a person chooses b in d\ng/d>c/in_c text:c when if a person chooses c in d\ng/d>no/in_no text:z when if a person chooses no in d"},
		"set to what is not known": {"", branch("a", "inputs.n == 7", `"{{ .steps.in.value }}"`), "g/d>a/in_a text:‹facts.f› without facts.f"},
		"set to what cannot be":    {"", branch("a", "inputs.n == 7", `"{{ index .steps.look.value 9 }}"`), "g/d>a/in_a text:‹facts.f› without facts.f"},
	} {
		if got := previewed(t, script{text: inGroup("", "      - {check: in, say: {text: x}}\n      - {decide: d, "+c.ask+"branches: ["+c.branches+"]"+els+"\n", "")}); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// TestPlannedCalls: a procedure is shown with its inputs and facts, and reads of the
// steps no others than the file's.
func TestPlannedCalls(t *testing.T) {
	const procs = `  - {run: y1, procedure: proc}
  - {run: y2, procedure: hiding}
  - {run: y3, procedure: reading}
procedures:
  hiding: {inputs: {b: {type: string, default: own}}, steps: [{run: d, procedure: deep, inputs: {b: other}}, {action: act, say: {text: "{{ .inputs.b }}"}}]}
  reading:
    steps:
      - {action: act, say: {text: "{{ .steps.in.value | default \"-\" }}"}}
      - {run: d, procedure: deep}
  deep: {inputs: {b: {type: string, default: none}}, steps: [{action: deepest, say: {text: "{{ .inputs.b }} {{ .steps.look.value | default \"-\" }}"}}]}
  proc:
    inputs: {a: {type: string, default: none, pattern: "^[a-z]+$"}, c: {type: int, default: 3}}
    facts: {f: in_proc}
    steps:
      - {check: look2, say: {text: x}}
      - {action: act, say: {text: "{{ .inputs.n }} {{ .inputs.a }} {{ .inputs.c }} {{ .facts.f }} {{ .steps.look.value | default \"-\" }}"}}
      - {run: d, procedure: deep, inputs: {b: "{{ .inputs.a }}!"}}
`
	for name, c := range map[string]struct{ step, want string }{
		"reads the group":        {"{run: r, procedure: reading}", "g/r/act text:‹.steps.in.value | default \"-\"› without steps.in.value\ng/r/d/deepest text:none seen"},
		"hides a name":           {"{run: r, procedure: hiding}", "g/r/d/deepest text:other seen\ng/r/act text:own"},
		"with inputs":            {`{run: r, procedure: proc, inputs: {a: "{{ .steps.look.value }}", c: 4}}`, "g/r/act text:7 seen 4 in_proc seen\ng/r/d/deepest text:seen! seen"},
		"with none":              {"{run: r, procedure: proc}", "g/r/act text:7 none 3 in_proc seen\ng/r/d/deepest text:none! seen"},
		"with what is open":      {`{run: r, procedure: proc, inputs: {a: "{{ .steps.in.value }}"}}`, "g/r/act text:7 ‹inputs.a› 3 in_proc seen without inputs.a\ng/r/d/deepest text:‹inputs.b› seen without inputs.b"},
		"with what is wrong":     {`{run: r, procedure: proc, inputs: {c: int(steps.look.value)}}`, "g/r/act text:7 none ‹inputs.c› in_proc seen without inputs.c\ng/r/d/deepest text:none! seen"},
		"with what does not fit": {`{run: r, procedure: proc, inputs: {a: "{{ .steps.look.value }}!"}}`, "g/r/act text:7 ‹inputs.a› 3 in_proc seen without inputs.a\ng/r/d/deepest text:‹inputs.b› seen without inputs.b"},
		"after a failure":        {"{action: h, say: {text: x}, on_failure: {then: deep}}", "g/h text:x\ng/h>on_failure/deepest text:none seen when if h fails"},
		"for an item":            {`{each: h, in: '["p"]', as: it, steps: [{run: r, procedure: deep, inputs: {b: "{{ .it }}"}}]}`, "g/h[0]/r/deepest text:p seen"},
	} {
		if got := previewed(t, script{text: inGroup("", "      - {check: in, say: {text: x}}\n      - "+c.step+"\n", procs)}); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// TestPlannedRunbook: another runbook is shown with its own inputs, facts, secrets and
// steps, its finally with it.
func TestPlannedRunbook(t *testing.T) {
	beside := map[string]string{"other.yaml": `
name: other
inputs: {a: {type: string, default: none}, n: {type: int, default: 2}}
facts: {f: {type: string, default: theirs}}
steps:
  - {action: act, say: {text: "{{ .inputs.a }} {{ .inputs.n }} {{ .facts.f }}"}, undo: {when: failure, auto: true, steps: [{action: back, say: {text: "{{ .facts.f }}"}}]}}
  - {message: m, text: "{{ .run.user }}"}
  - {check: set, say: {text: x}, facts: {f: set}}
finally: [{action: last, say: {text: "{{ .facts.f }}"}}]
`}
	want := `g/r/act text:%s 2 theirs%s
g/r/act>undo/back text:‹facts.f› when if the run fails, without asking without facts.f
g/r/m text:tester
g/r/finally/last text:‹facts.f› without facts.f`
	for step, want := range map[string]string{
		"{run: r, runbook: other.yaml}":                                         fmt.Sprintf(want, "none", ""),
		`{run: r, runbook: other.yaml, inputs: {a: "{{ .steps.look.value }}"}}`: fmt.Sprintf(want, "seen", ""),
		`{run: r, runbook: other.yaml, inputs: {a: "{{ .steps.in.value }}"}}`:   fmt.Sprintf(want, "‹inputs.a›", " without inputs.a"),
	} {
		if got := previewed(t, script{beside: beside, text: inGroup("", "      - {check: in, say: {text: x}}\n      - "+step+"\n      - {message: own, text: \"{{ .inputs.n }}\"}\n", "")}); got != want+"\ng/own text:7" {
			t.Errorf("%s: got\n%s\nwant\n%s", step, got, want)
		}
	}
}

// TestPlannedIsBounded: what is not listed is counted, also of the items that are
// not gone through.
func TestPlannedIsBounded(t *testing.T) {
	for n, more := range map[int]int{99: 0, 100: 0, 101: 2, 102: 4, 150: 100} {
		d := play(t, script{text: inGroup("", fmt.Sprintf(`      - {each: h, in: '1..%d', as: it, steps: [{action: one, say: {text: "{{ .it }}"}}, {message: two, text: x}]}`, n)+"\n", ""), asks: map[Key]Answer{"g#confirm": {Choice: "refuse"}}})
		if q := d.asked["g#confirm"]; q.More != more || len(q.Steps) != min(2*n, maxPlanned) {
			t.Errorf("%d items: %d listed, %d more", n, len(q.Steps), q.More)
		}
	}
	for steps, more := range map[string]int{
		"{each: h, in: '1..300', as: it, steps: [{message: m, if: it != 250, text: x}]}": 100, // as many as the first that is not listed
		"{each: h, in: '1..201', as: it, steps: [{message: m, text: x}]}\n      - {each: i, in: '1..4', as: it, steps: [{message: if_set, if: 'facts.f == \"new\"', text: x}, {action: set, say: {text: x}, facts: {f: new}}]}": 1 + 1 + 3*2,
	} {
		if q := play(t, script{text: inGroup("", "      - "+steps+"\n", ""), asks: map[Key]Answer{"g#confirm": {Choice: "refuse"}}}).asked["g#confirm"]; q.More != more {
			t.Errorf("%s: %d listed, %d more, want %d", steps, len(q.Steps), q.More, more)
		}
	}
}

// TestPlannedEach: a list that is none is gone through once, as one that is not known.
func TestPlannedEach(t *testing.T) {
	text := strings.Replace(inGroup("", "      - {each: h, in: fromJSON(steps.look.value), as: it, steps: [{message: m, text: \"{{ .it }}\"}]}\n      - {message: n, if: secrets.api.present, text: x}\n", ""), "steps:", "secrets: {api: {env: API, optional: true}}\nsteps:", 1)
	if got := previewed(t, script{text: text, calls: map[Key]string{"look#a1": "7"}}); got != "g/h[]/m text:‹it› when for every it of fromJSON(steps.look.value)\ng/n text:x when if secrets.api.present" {
		t.Error(got)
	}
}
