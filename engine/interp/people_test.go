package interp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"runbook/engine/secret"
	"runbook/engine/types"
)

// TestConfirmThatCannotBePut: a question whose texts cannot be computed is not
// asked, and the step does not run.
func TestConfirmThatCannotBePut(t *testing.T) {
	for confirm, reason := range map[string]string{
		"'{{ index .steps.short.value 7 }}'":                                     "out of range",
		"{ask: Sure, retype: '{{ index .steps.short.value 7 }}'}":                "out of range",
		"{ask: Sure, retype: '{{ .steps.short.value | replace \"abc\" \"\" }}'}": "what has to be typed (`retype`) is empty",
	} {
		d := play(t, script{text: `
steps:
  - {check: short, say: {text: abc}}
  - {action: act, confirm: ` + confirm + `, say: {text: x}, on_failure: continue}
  - {message: m, text: "{{ .steps.act.ran }}"}
`})
		f := d.finished("act")
		if d.err != nil || f.Verdict != "error" || !strings.Contains(f.Reason, reason) || d.text("m") != "false" || len(d.asked) > 0 {
			t.Errorf("%s: %v %+v, ran: %s, asked: %v", confirm, d.err, f, d.text("m"), d.asked)
		}
	}
}

// TestApprovalsShareTheirTime: the second person has what the first one left.
func TestApprovalsShareTheirTime(t *testing.T) {
	text := "steps: [{action: act, confirm: {ask: Sure, count: 2, timeout: 10m}, say: {text: x}, on_failure: continue}]"
	asks := map[Key]Answer{"act#confirm": {Choice: "approve", By: "ada"}, "act#confirm2": {Choice: "refuse", By: "grace", Note: "not today"}}
	d := play(t, script{text: text, asks: asks, takes: map[Key]time.Duration{"act#confirm": 4 * time.Minute}})
	if got := d.asked["act#confirm2"]; got.Left != 6*time.Minute || fmt.Sprint(got.Given) != "[ada]" {
		t.Errorf("left are %s, given have %v", got.Left, got.Given)
	}
	if got := d.finished("act").Reason; got != "refused by grace: not today" {
		t.Error(got)
	}
	d = play(t, script{text: text, asks: asks, takes: map[Key]time.Duration{"act#confirm": 10 * time.Minute}})
	if _, asked := d.asked["act#confirm2"]; asked || d.finished("act").Reason != "not approved within 10m0s" {
		t.Errorf("asked again: %v; %s", asked, d.finished("act").Reason)
	}
}

// TestCutBeforeItBegan: a step whose scope ends while it waits to be approved has
// not run, of whatever role it is.
func TestCutBeforeItBegan(t *testing.T) {
	d := play(t, script{text: `
steps:
  - group: p
    timeout: 1m
    on_failure: continue
    steps: [{group: g, confirm: Now, steps: [{message: never, text: x}]}]
  - {message: m, text: "{{ .steps.g.ran }} {{ .steps.g.verdict }} {{ .steps.p.ran }}"}
`, ends: map[Key]error{"p/g#confirm": &Timeout{Scope: "p"}}})
	if d.err != nil || d.text("m") != "false error true" {
		t.Error(d.err, d.text("m"))
	}
}

// TestWhatIsShownHoldsNoSecret: before something is approved, a person sees what
// will be done, to the letter, with names in place of secrets.
func TestWhatIsShownHoldsNoSecret(t *testing.T) {
	d := play(t, script{text: `
secrets: {api: {env: API}}
steps:
  - manual: m
    instructions: Get them
    collect: {key: {secret: true}, zone: {type: string}}
  - {check: c, say: {text: abc}}
  - action: act
    confirm: Sure?
    say: {text: "{{ .secrets.api }} {{ .steps.m.key }} {{ .steps.m.zone }} {{ .steps.c.value }} {{ .steps.c.error.kind }}{{ if .secrets.api.present | default false }}yes{{ else }}no{{ end }}{{ if .steps.m.key.present | default false }}yes{{ else }}no{{ end }}"}
`, asks: map[Key]Answer{
		"m#manual":    {Choice: "done", Values: map[string]any{"key": secret.Value{Name: "m.key", Present: true}, "zone": "eu"}},
		"act#confirm": {Choice: "approve"},
	}})
	got := fmt.Sprintf("%+v", d.asked["act#confirm"].Shown)
	if want := "map[text:‹***› ‹***› eu abc yesyes]"; d.err != nil || got != want {
		t.Errorf("%v: got %s, want %s", d.err, got, want)
	}
}

// TestManual: what a person says comes back typed, or is refused with a reason.
func TestManual(t *testing.T) {
	for name, c := range map[string]struct {
		a               Answer
		verdict, reason string
	}{
		"could not":       {Answer{Choice: "could_not", By: "ada"}, "failed", "ada could not do it"},
		"and says why":    {Answer{Choice: "could_not", By: "ada", Note: "no key"}, "failed", "ada could not do it: no key"},
		"lacks a value":   {Answer{Choice: "done"}, "error", "the answer has no `n`"},
		"of another type": {Answer{Choice: "done", Values: map[string]any{"n": "many"}}, "error", "the answer's `n` cannot be used: many is not an int"},
		"as declared":     {Answer{Choice: "done", Values: map[string]any{"n": 3}}, "passed", ""},
	} {
		d := play(t, script{text: `
steps:
  - {manual: m, instructions: Count, collect: {n: {type: int}, note: {required: false}, key: {secret: true, required: false}}, on_failure: continue}
  - {message: said, if: steps.m.verdict == "passed", text: "{{ .steps.m.n | default 0 }} {{ .steps.m.key.present }}"}
`, asks: map[Key]Answer{"m#manual": c.a}})
		f := d.finished("m")
		if d.err != nil || f.Verdict != c.verdict || !strings.HasPrefix(f.Reason, c.reason) || (f.Reason == "") != (c.reason == "") {
			t.Errorf("%s: %v, %s: %q", name, d.err, f.Verdict, f.Reason)
		}
		if c.verdict == "passed" && d.text("said") != "3 false" {
			t.Errorf("%s: %s", name, d.text("said"))
		}
	}
	d := play(t, script{text: `
steps:
  - {check: short, say: {text: abc}}
  - {manual: m, instructions: "{{ index .steps.short.value 7 }}", on_failure: continue}
`})
	if f := d.finished("m"); d.err != nil || f.Verdict != "error" || len(d.asked) > 0 {
		t.Errorf("%v %+v, asked: %v", d.err, f, d.asked)
	}
}

// TestACollectedSecretTakesOver: from there on, the secret is the collected one.
func TestACollectedSecretTakesOver(t *testing.T) {
	d := play(t, script{text: `
secrets: {api: {env: API}}
steps:
  - {check: before, say: {text: "{{ .secrets.api }}"}}
  - {manual: m, instructions: Renew it, collect: {key: {secret: true, replaces: api}}}
  - {check: after, say: {text: "{{ .secrets.api }}"}}
`, asks: map[Key]Answer{"m#manual": {Choice: "done", Values: map[string]any{"key": secret.Value{Name: "m.key", Present: true}}}}})
	text := func(k Key) string { return fmt.Sprintf("%#v", d.made[k].Options["text"]) }
	if !strings.Contains(text("before#a1"), `"api"`) || !strings.Contains(text("after#a1"), `"m.key"`) {
		t.Errorf("before: %s, after: %s", text("before#a1"), text("after#a1"))
	}
	if got := d.finished("m").Outputs["key"]; got != any(secret.Value{Name: "m.key", Present: true}) {
		t.Error(got)
	}
}

// TestATitleStopsNothing: what could not be rendered of it says why.
func TestATitleStopsNothing(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {check: short, say: {text: abc}}
  - {message: m, title: "{{ index .steps.short.value 7 }}", text: said}
`})
	if start := fmt.Sprint(d.events["step.started m"]); d.text("m") != "said" || !strings.Contains(start, "(") || !strings.Contains(start, "out of range") {
		t.Error(start)
	}
}

// TestPresentIsAName like any other where it is no secret's.
func TestPresentIsAName(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {check: c, say: {text: x}, outputs: {present: value == "x"}}
  - {manual: m, instructions: Get it, collect: {present: {type: bool}, key: {secret: true}}}
  - {message: said, text: "{{ .steps.c.present }} {{ .steps.m.present | default false }} {{ .steps.m.key.present | default false }}"}
`, asks: map[Key]Answer{"m#manual": {Choice: "done", Values: map[string]any{"present": true, "key": secret.Value{Name: "m.key", Present: true}}}}})
	if d.err != nil || d.text("said") != "true true true" {
		t.Errorf("%v %+v %q", d.err, d.finished("said"), d.text("said"))
	}
}

// TestOptionsThatCannotBe: a list that nobody can pick from fails the step before
// anybody is asked.
func TestOptionsThatCannotBe(t *testing.T) {
	for options, reason := range map[string]string{
		"fromJSON(steps.c.value)":  "the options of `x` cannot be computed: ",
		`fromJSON("{\"a\": 1}")`:   "the options of `x` are no list",
		"1..1001":                  "`x` has 1001 options; a person is shown at most 1000",
		`fromJSON("[1, \"two\"]")`: "option 2 of `x` cannot be used: ",
		"filter(1..3, # > 3)":      "there is nothing to pick `x` from: its options are an empty list",
	} {
		d := play(t, script{text: `
steps:
  - {check: c, say: {text: "not json"}}
  - {manual: m, instructions: Pick, collect: {x: {type: int, options: '` + options + `'}}, on_failure: continue}
`})
		if f := d.finished("m"); d.err != nil || f.Verdict != "error" || !strings.HasPrefix(f.Reason, reason) || len(d.asked) > 0 {
			t.Errorf("%s: %v %s %q, asked: %v", options, d.err, f.Verdict, f.Reason, d.asked)
		}
	}
	d := play(t, script{text: `steps: [{manual: m, instructions: Pick, collect: {x: {type: int, options: 1..1000}}, on_failure: continue}]`,
		asks: map[Key]Answer{"m#manual": {Choice: "done", Values: map[string]any{"x": 2000}}}})
	if got := d.finished("m").Reason; got != "the answer's `x` cannot be used: \"2000\" is not one of the options: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ..." {
		t.Error(got)
	}
	d = play(t, script{text: `steps: [{manual: m, instructions: Pick, collect: {x: {type: int, options: 1..10}}, on_failure: continue}]`,
		asks: map[Key]Answer{"m#manual": {Choice: "done", Values: map[string]any{"x": 2000}}}})
	if got := d.finished("m").Reason; !strings.HasSuffix(got, "the options: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10") {
		t.Error(got)
	}
}

// TestAttachmentsAreBounded: what is longer than the journal takes is cut, and
// says so.
func TestAttachmentsAreBounded(t *testing.T) {
	for n, cut := range map[int]bool{maxAttached: false, maxAttached + 1: true} {
		d := play(t, script{text: `
attachments: {a: {text: ` + strings.Repeat("x", n) + `}}
steps: [{manual: m, instructions: Look, attach: [a]}]
`})
		a := d.asked["m#manual"].Attached[0]
		if a.Cut != cut || strings.HasSuffix(a.Text, "…") != cut || strings.Count(a.Text, "x") != maxAttached {
			t.Errorf("%d: %v, %d bytes", n, a.Cut, len(a.Text))
		}
	}
}

// TestParse: what is typed has to fit, and what is wrong with a secret is said
// without it.
func TestParse(t *testing.T) {
	word := types.Decl{Type: &types.Type{Kind: types.String}}
	number := types.Decl{Type: &types.Type{Kind: types.Int}}
	form := word
	form.Pattern = "^[a-z]+$"
	for _, c := range []struct {
		c    Collect
		text string
		want any
		err  string
	}{
		{Collect{Decl: number}, "7", 7, ""},
		{Collect{Decl: number}, "many", nil, "many"},
		{Collect{Decl: word, Options: []any{"a", "b"}}, "b", "b", ""},
		{Collect{Decl: word, Options: []any{"a", "b"}}, "c", nil, `"c" is not one of the options: a, b`},
		{Collect{Decl: form, Secret: true}, "hunter", "hunter", ""},
		{Collect{Decl: form, Secret: true}, "HUNTER2", nil, "the value does not match ^[a-z]+$"},
		{Collect{Decl: number, Secret: true}, "hunter2", nil, "the value does not fit its declaration as int"},
	} {
		v, err := c.c.Parse(c.text)
		switch {
		case c.err == "" && (err != nil || !types.Equal(v, c.want)):
			t.Errorf("%q: got %v, %v", c.text, v, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%q: got %v, %v", c.text, v, err)
		case c.c.Secret && err != nil && strings.Contains(strings.ToLower(err.Error()), "hunter"):
			t.Errorf("the secret stands in %v", err)
		}
	}
}

// TestActionsInDoubt: what nobody knows is settled, by a person or by a check.
func TestActionsInDoubt(t *testing.T) {
	text := `
steps:
  - group: p
    timeout: 1m
    on_failure: continue
    steps: [{action: act, idempotent: true, say: {text: x}, retry: {attempts: 3}, outputs: {o: value}, on_failure: continue}]
  - {message: m, text: "{{ .steps.act.ran }} {{ .steps.act.verdict }} {{ .steps.act.value | default \"-\" }} {{ .steps.act.o | default \"-\" }}"}
`
	for name, c := range map[string]struct {
		asks map[Key]Answer
		ends map[Key]error
		log  string
		said string
	}{
		"done":   {map[Key]Answer{"p/act#a1.doubt": {Choice: "done"}}, nil, "call p/act#a1, ask p/act#a1.doubt", "true passed - -"},
		"again":  {map[Key]Answer{"p/act#a1.doubt": {Choice: "again"}}, nil, "call p/act#a1, ask p/act#a1.doubt, call p/act#a1", "true passed =doubt =doubt"},
		"failed": {map[Key]Answer{"p/act#a1.doubt": {Choice: "failed", By: "ada"}}, nil, "call p/act#a1, ask p/act#a1.doubt", "true error - -"},
		"late":   {nil, map[Key]error{"p/act#a1.doubt": &Timeout{Scope: "p"}}, "call p/act#a1, ask p/act#a1.doubt", "true error - -"},
	} {
		d := play(t, script{text: text, calls: map[Key]string{"p/act#a1": "=doubt"}, asks: c.asks, ends: c.ends})
		if got := strings.Join(d.log, ", "); d.err != nil || got != c.log || d.text("m") != c.said {
			t.Errorf("%s: %v\n%s\n%s", name, d.err, got, d.text("m"))
		}
		if q := d.asked["p/act#a1.doubt"]; !q.Always || q.Kind != "in_doubt" {
			t.Errorf("%s: --yes would settle it: %+v", name, q)
		}
		if name == "late" && d.finished("p").Verdict != "failed" {
			t.Errorf("the group's time was up, and it is %s", d.finished("p").Verdict)
		}
	}
	d := play(t, script{text: text, calls: map[Key]string{"p/act#a1": "=doubt"}})
	if !errors.Is(d.err, ErrPaused) {
		t.Error(d.err)
	}
}

// TestWhatNobodySaw: the results of an action that took effect unseen are there,
// and nil.
func TestWhatNobodySaw(t *testing.T) {
	d := play(t, script{text: `
steps:
  - {action: act, say: {text: x}, outputs: {o: value}}
  - {message: m, text: "{{ .steps.act | toJson }}"}
`, calls: map[Key]string{"act#a1": "=doubt"}, asks: map[Key]Answer{"act#a1.doubt": {Choice: "done"}}})
	want := `{"code":null,"duration":"0s","error":{"kind":"","message":""},"o":null,"ran":true,"value":null,"verdict":"passed"}`
	if d.err != nil || d.text("m") != want || d.finished("act").Settled != "person" {
		t.Errorf("%v %s", d.err, d.text("m"))
	}
}

// TestCheckAfterThatIsCut: where the check_after of an action in doubt comes to no end,
// a person is asked, though the scope is over: what took effect may have to be undone.
func TestCheckAfterThatIsCut(t *testing.T) {
	d := play(t, script{text: `
steps:
  - group: p
    timeout: 1m
    on_failure: continue
    steps: [{action: act, check_after: {say: {text: x}}, say: {text: x}}]
`, calls: map[Key]string{"p/act#a1": "=doubt"}, ends: map[Key]error{"p/act#a1.doubt/check_after#a1": &Timeout{Scope: "p"}}})
	if q := d.asked["p/act#a1.doubt"]; !errors.Is(d.err, ErrPaused) || q.Kind != "in_doubt" || !strings.Contains(q.Text, "Its check_after could not tell.") {
		t.Errorf("%v %+v", d.err, d.asked)
	}
}
