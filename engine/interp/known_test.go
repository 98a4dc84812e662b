package interp

import (
	"fmt"
	"strings"
	"testing"

	"runbook/engine/lang"
	"runbook/engine/secret"
)

// knownOf is what a question says is known: keys with how they ended, and the facts.
func knownOf(q Question) string {
	if q.Known == nil {
		return "nothing"
	}
	var out []string
	for _, k := range q.Known.Steps {
		line := k.Key + " " + k.Verdict
		if k.Reason != "" {
			line += " (" + k.Reason + ")"
		}
		if len(k.Evidence) > 0 {
			line += " " + fmt.Sprint(k.Evidence)
		}
		out = append(out, line)
	}
	if len(q.Known.Facts) > 0 {
		out = append(out, fmt.Sprint(q.Known.Facts))
	}
	return strings.Join(out, ", ")
}

// TestKnown: a question tells how the last checks and actions came out, of a group
// that is repeated those of the last round, and the facts.
func TestKnown(t *testing.T) {
	const asks = "  - {action: act, confirm: Now, say: {text: x}}\n"
	many := ""
	for i := range maxKnown + 2 {
		many += fmt.Sprintf("  - {check: c%d, say: {text: x}}\n", i)
	}
	for name, c := range map[string]struct{ text, want string }{
		"nothing":     {"steps:\n" + asks, "nothing"},
		"only facts":  {"facts: {f: {type: string, default: v}}\nsteps:\n" + asks, "map[f:v]"},
		"only steps":  {"steps:\n  - {check: c, say: {text: x}}\n  - {message: m, text: x}\n" + asks, "c passed"},
		"as many":     {"facts: {f: {type: string, default: v}}\nsteps:\n  - {check: c, say: {text: x}}\n" + asks, "c passed, map[f:v]"},
		"why, how":    {"steps:\n  - {check: c, say: {text: seen}, expect: value == \"y\", evidence: [value]}\n" + asks, `c failed (expected value == "y"; found value = seen) map[value:seen]`},
		"last rounds": {"steps:\n  - {group: g, retry: {attempts: 2}, on_failure: continue, steps: [{check: c, say: {text: x}}, {check: d, required: true, say: {text: \"!x\"}}]}\n" + asks, "g#a2/c passed, g#a2/d error (x: told to)"},
	} {
		d := play(t, script{text: c.text})
		if got := knownOf(d.asked["act#confirm"]); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	steps := play(t, script{text: "steps:\n  - {message: m, text: x}\n" + many + asks}).asked["act#confirm"].Known.Steps
	if len(steps) != maxKnown || steps[0].Key != "c2" {
		t.Errorf("%d steps are known, from %s on", len(steps), steps[0].Key)
	}
}

// TestLost: what holds a mask is not handed on, and the reason names where it came
// from.
func TestLost(t *testing.T) {
	const whole = "a ‹***› b"
	for name, c := range map[string]struct {
		text   string
		fields map[Key]map[string]any
		want   string // of the reason; "" where it runs
	}{
		"it holds none":     {`{{ .steps.b.value }}`, nil, ""},
		"one step":          {`{{ .steps.a.value }}`, map[Key]map[string]any{"a#a1": {"value": whole}}, "`steps.a.value` holds a secret inside other text, masked as ‹***›, and a mask is never handed on. Run the step `a` again so that it gives the secret by itself, or write"},
		"the first of two":  {`{{ .steps.b.value }} {{ .steps.a.value }} {{ .steps.c.value }}`, map[Key]map[string]any{"a#a1": {"value": whole}, "c#a1": {"value": whole}}, "`steps.a.value` holds"},
		"a whole step":      {`{{ .steps.a | toJson }}`, map[Key]map[string]any{"a#a1": {"value": whole}}, "`steps.a` holds a secret inside other text, masked as ‹***›, and a mask is never handed on. Let it stand by itself,"},
		"an input":          {`{{ .inputs.i }}`, nil, "`inputs.i` holds a secret inside other text, masked as ‹***›, and a mask is never handed on. Let it stand by itself, in a value that is nothing else, or"},
		"a fact":            {`{{ .facts.f }}`, map[Key]map[string]any{"a#a1": {"value": whole}}, "`facts.f` holds a secret inside other text, masked as ‹***›, and a mask is never handed on. Let it stand by itself,"},
		"beside a secret":   {`{{ .secrets.api }} {{ .steps.a.value }}`, map[Key]map[string]any{"a#a1": {"value": whole}}, "`steps.a.value` holds"},
		"for people to see": {`{{ .steps.a.value | replace "‹***›" "(masked)" }}`, map[Key]map[string]any{"a#a1": {"value": whole}}, ""},
		"not from a step":   {`‹***›`, nil, "what it reads holds a secret"},
	} {
		d := play(t, script{text: `
inputs: {i: {type: string, default: x}}
secrets: {api: {env: API}}
facts: {f: {type: string, default: ""}}
steps:
  - {check: a, say: {text: x}, facts: {f: "{{ .value }}"}}
  - {check: b, say: {text: x}}
  - {check: c, say: {text: x}}
  - {action: act, confirm: Now, say: {text: '` + c.text + `'}, on_failure: continue}
`, inputs: map[string]any{"i": whole}, fields: c.fields, asks: map[Key]Answer{"act#confirm": {Choice: "approve", By: "ada"}}})
		f := d.finished("act")
		_, made := d.made["act#a1"]
		_, asked := d.asked["act#confirm"]
		if runs := c.want == ""; d.err != nil || made != runs || asked != runs || !strings.Contains(f.Reason, c.want) || !runs && f.Error.Kind != "render" {
			t.Errorf("%s: %v, made %v, asked %v, %s %q, want %q", name, d.err, made, asked, f.Verdict, f.Reason, c.want)
		}
	}
}

// TestHoldsMask: wherever a mask stands in what is handed on.
func TestHoldsMask(t *testing.T) {
	for name, c := range map[string]struct {
		v    any
		want bool
	}{
		"text":              {"a " + secret.Mask, true},
		"other text":        {"a", false},
		"beside a secret":   {secret.Text{Parts: []secret.Part{{Secret: "s"}, {Text: secret.Mask}}}, true},
		"only a secret":     {secret.Text{Parts: []secret.Part{{Secret: "s"}, {Text: "x"}}}, false},
		"a script's value":  {lang.Bound{Values: []any{"a", secret.Mask}}, true},
		"a script's values": {lang.Bound{Values: []any{"a"}}, false},
		"a list":            {[]any{1, []any{secret.Mask}}, true},
		"a key":             {map[string]any{secret.Mask: 1}, true},
		"a value":           {map[string]any{"a": []any{secret.Mask}}, true},
		"neither":           {map[string]any{"a": []any{1}}, false},
	} {
		if got := holdsMask(c.v); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestDoubtShowsNoSecret: whoever is asked about an action in doubt sees what it did,
// with names in place of secrets, whether declared or given by a person.
func TestDoubtShowsNoSecret(t *testing.T) {
	d := play(t, script{text: `
inputs: {i: {type: string, default: in}}
secrets: {api: {env: API}}
facts: {f: {type: string, default: fact}}
steps:
  - {manual: m, instructions: Get them, collect: {key: {secret: true}, zone: {type: string}}}
  - {check: c, say: {text: x}, outputs: {o: '{"deep": {"a": 1}}'}}
  - {action: act, say: {text: "{{ .secrets.api }} {{ .steps.m.key }} {{ .steps.m.zone }} {{ .steps.c.value }} {{ .inputs.i }} {{ .facts.f }} {{ .steps.c.o.deep.a }} {{ .run.user }}"}}
`, calls: map[Key]string{"act#a1": "=doubt"}, asks: map[Key]Answer{"m#manual": {Choice: "done", Values: map[string]any{"key": secret.Value{Name: "m.key", Present: true}, "zone": "eu"}}}})
	if got := fmt.Sprint(d.asked["act#a1.doubt"].Shown); got != "map[text:‹secrets.api› ‹steps.m.key› eu x in fact 1 tester]" {
		t.Errorf("%v %s", d.err, got)
	}
}

// TestWhyItIsAsked: a question says which turns led to it, also in another runbook.
func TestWhyItIsAsked(t *testing.T) {
	d := play(t, script{beside: map[string]string{"other.yaml": "\nname: other\nsteps: [{action: act, confirm: Now, say: {text: x}}]\n"}, text: `
steps:
  - {check: before, say: {text: x}}
  - action: breaks
    say: {text: "!x"}
    on_failure:
      steps:
        - decide: d
          branches: [{id: b, title: The way, when: steps.before.value == "x", steps: [{run: r, runbook: other.yaml}]}]
          else: {id: no}
`})
	q := d.asked["breaks>on_failure/d>b/r/act#confirm"]
	var got []string
	for _, w := range q.Why {
		got = append(got, strings.TrimSpace(fmt.Sprint(w.Key, " ", w.Failed, w.Branch, " ", w.Title, " ", w.Because != nil)))
	}
	if want := "breaks x: told to  false, breaks>on_failure/d b The way true"; strings.Join(got, ", ") != want || knownOf(q) != "before passed, breaks error (x: told to)" {
		t.Errorf("%v %q, known: %s", d.err, got, knownOf(q))
	}
}

// TestChanges: a question shows the values that an action replaces beside each other;
// one that cannot be computed is not asked.
func TestChanges(t *testing.T) {
	for from, want := range map[string]string{
		"steps.c.value":           "[{n x 0} {size 3 4}]",
		"fromJSON(steps.c.value)": "the change `n` cannot be computed: ",
	} {
		for _, swapped := range []bool{false, true} {
			change := "{from: " + from + `, to: "0"}`
			if swapped {
				change = `{from: "0", to: ` + from + "}"
			}
			d := play(t, script{text: `
steps:
  - {check: c, say: {text: x}}
  - {action: act, confirm: {ask: Now, changes: {n: ` + change + `, size: {from: "3", to: "4"}}}, say: {text: x}, on_failure: continue}
`})
			want := want
			if swapped {
				want = strings.Replace(want, "n x 0", "n 0 x", 1)
			}
			q, asked := d.asked["act#confirm"]
			if got := fmt.Sprint(q.Changes); asked && got != want || !asked && !strings.HasPrefix(d.finished("act").Reason, want) || asked != strings.HasPrefix(want, "[") {
				t.Errorf("%s, %v: %v asked %v, %s, %+v", from, swapped, d.err, asked, got, d.finished("act"))
			}
		}
	}
}
