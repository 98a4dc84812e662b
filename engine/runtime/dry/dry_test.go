package dry_test

import (
	"fmt"
	"strings"
	"testing"

	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/runtime/dry"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// say is a kind that a rehearsal only shows.
func say() kind.Kind {
	return kind.Kind{
		Name: "say", Doc: "Says something.", Options: &spec.Shape{Form: spec.Object, Name: "say", Fields: []spec.Field{{Key: "text", Shape: &spec.Shape{Form: spec.Template}, Doc: "text"}}},
		Result: &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "value", Type: &types.Type{Kind: types.String}, Late: true}, {Name: "n", Type: &types.Type{Kind: types.Int}, Late: true}}},
	}
}

// rehearse gives a line for each step and branch: its key and what it shows.
func rehearse(t *testing.T, text string, o dry.Options) map[string]string {
	t.Helper()
	var found source.Diagnostics
	p := plan.Compile(source.NewFile("x.yaml", []byte("apiVersion: runbook/v1\nname: x\n"+text)), plan.Options{Kinds: []kind.Kind{say()}}, func(d source.Diagnostic) { found = append(found, d) })
	if p == nil {
		t.Fatal(found)
	}
	got := map[string]string{}
	var order []string
	o.Emit = func(_ journal.Type, _, key string, data any) {
		switch d := data.(type) {
		case journal.StepRehearsedData:
			got[key] = strings.TrimSpace(fmt.Sprint(d.Request["text"]) + d.Text)
		case journal.BranchRehearsedData:
			got[key] = d.When
			if d.Taken {
				got[key] += " (taken)"
			}
		}
		if key != "" {
			order = append(order, key)
		}
	}
	dry.Run(p, o)
	got["order"] = strings.Join(order, " ")
	return got
}

const book = `
inputs: {who: {type: string}, n: {type: int, default: 1}}
secrets: {key: {env: KEY}}
facts: {level: {type: string, default: low}, code: {type: int, default: 0}, seen: {type: string, default: none}}
steps:
  - check: look
    say: {text: "for {{ .inputs.who }} with {{ .secrets.key }}"}
    outputs: {first: value}
    facts: {code: n, seen: "{{ .steps.look.first }}"}
  - message: told
    text: "{{ .facts.level }} {{ .facts.code }} {{ .facts.seen }} {{ .run.id }}"
  - decide: by_result
    branches:
      - {id: many, when: steps.look.n > 3, facts: {level: high}, steps: [{message: inside, text: "{{ .facts.level }}"}]}
    else: {id: few}
  - message: behind
    text: "{{ .facts.level }}"
  - decide: by_input
    branches:
      - {id: one, when: inputs.n == 1, facts: {level: one}}
      - {id: two, when: inputs.n == 2, facts: {level: two}}
  - action: act
    if: steps.look.value == "x"
    say: {text: go}
    undo: {when: failure, steps: [{message: back, text: back}]}
    verify: {say: {text: check}}
    on_failure: {steps: [{message: failed, text: failed}]}
    facts: {level: acted}
  - message: last
    text: "{{ .facts.level }}"
  - {run: own, procedure: proc, inputs: {given: "{{ .steps.look.value }}", text: "it is {{ .steps.look.value }}"}}
procedures:
  proc:
    inputs: {given: {type: string}, text: {type: string}}
    steps:
      - {message: shows, text: "{{ .inputs.given }} {{ .inputs.text }} {{ .steps.look.n }}"}
      - decide: inner
        branches: [{id: a, when: inputs.given == "q"}]
        else: {id: b}
finally:
  - {message: bye, text: "{{ .run.outcome }}"}
`

func TestRehearsalShowsWhatIsKnown(t *testing.T) {
	got := rehearse(t, book, dry.Options{Inputs: map[string]any{"n": 1}, User: "tester"})
	for key, want := range map[string]string{
		"look":                  "for ‹inputs.who› with ‹secrets.key›",
		"told":                  "low ‹facts.code› ‹facts.seen› ‹run.id›", // the check need not pass
		"by_result>many":        "steps.look.n > 3",
		"by_result>many/inside": "high",
		"by_result>few":         "otherwise",
		"behind":                "‹facts.level›",
		"by_input>one":          "inputs.n == 1 (taken)",
		"by_input>two":          "inputs.n == 2",
		"act":                   "go",
		"act/verify":            "check",
		"act>on_failure/failed": "failed",
		"act>undo":              "the run fails or is cancelled",
		"last":                  "‹facts.level›", // the action may be skipped
		"own/shows":             "‹inputs.given› ‹inputs.text› ‹steps.look.n›",
		"own/inner>b":           "otherwise",
		"finally/bye":           "‹run.outcome›",
	} {
		if got[key] != want && got[key] != "<nil>"+want {
			t.Errorf("%s: got %q, want %q", key, got[key], want)
		}
	}
	if want := "look told by_result by_result>many by_result>many/inside by_result>few behind by_input by_input>one by_input>two act act/verify act>on_failure act>on_failure/failed act>undo act>undo/back last own own/shows own/inner own/inner>a own/inner>b finally finally/bye"; got["order"] != want {
		t.Errorf("got\n%s, want\n%s", got["order"], want)
	}
}

func TestWhatIsObservedIsKnown(t *testing.T) {
	observe := func(_ string, s *plan.Step, _ lang.Env) (map[string]any, journal.StepFinishedData, bool) {
		return map[string]any{"ran": true, "verdict": "passed", "value": "x", "n": 7, "first": "x"}, journal.StepFinishedData{Verdict: "passed"}, s.ID == "look"
	}
	got := rehearse(t, book, dry.Options{Inputs: map[string]any{"n": 1, "who": "me"}, Observe: observe})
	for key, want := range map[string]string{
		"look": "for me with ‹secrets.key›", "told": "low 7 x ‹run.id›", "by_result>many": "steps.look.n > 3 (taken)", "behind": "high", "last": "acted", "own/shows": "x it is x 7", "own/inner>b": "otherwise (taken)",
	} {
		if got[key] != want && got[key] != "<nil>"+want {
			t.Errorf("%s: got %q, want %q", key, got[key], want)
		}
	}
}
