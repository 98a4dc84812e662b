package dry_test

import (
	"strings"
	"testing"

	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/plan"
	"runbook/engine/runtime/dry"
	"runbook/engine/source"
)

const many = `
inputs: {hosts: {type: list, default: [a, b]}, more: {type: list}}
facts: {last: {type: string, default: none}}
attachments: {how: {text: "{{ look }}"}}
steps:
  - each: known
    in: inputs.hosts
    as: host
    outputs: {said: steps.hi.value}
    facts: {last: set}
    steps: [{check: hi, say: {text: "to {{ .host }} {{ .facts.last }}"}}]
  - each: unknown
    in: inputs.more
    as: thing
    max: 3
    max_failures: 1
    steps: [{check: there, say: {text: "to {{ .thing }}"}}]
  - each: found
    in: steps.known.said
    steps: [{check: was, say: {text: "to {{ .item }}"}}]
  - manual: pick
    instructions: x
    attach: [how]
    collect: {a: {options: inputs.hosts}, b: {options: steps.known.said}}
  - run: other
    runbook: other.yaml
    inputs: {name: "{{ .steps.pick.a }}", fixed: fix}
  - message: behind
    text: "{{ .steps.other.word }} {{ .facts.last }}"
`

const other = `apiVersion: runbook/v1
name: other
inputs: {name: {type: string}, fixed: {type: string}, own: {type: string, default: mine}}
secrets: {key: {env: KEY}}
facts: {last: {type: string, default: theirs}}
outputs: {word: inputs.name}
steps:
  - check: asks
    say: {text: "{{ .inputs.name }} {{ .inputs.fixed }} {{ .inputs.own }} {{ .secrets.key }} {{ .facts.last }}"}
finally:
  - {message: over, text: "{{ .run.outcome }}"}
`

// TestItemsAndRunbooksAreRehearsed: an item that is known is shown, one that is
// not stands as its name; another runbook is followed.
func TestItemsAndRunbooksAreRehearsed(t *testing.T) {
	var found source.Diagnostics
	p := plan.Compile(source.NewFile("x.yaml", []byte("apiVersion: runbook/v1\nname: x\n"+many)), plan.Options{Kinds: []kind.Kind{say()}, Beside: func(_ *source.File, name string) (*source.File, error) {
		return source.NewFile(name, []byte(other)), nil
	}}, func(d source.Diagnostic) { found = append(found, d) })
	if p == nil {
		t.Fatal(found)
	}
	got, steps := map[string]string{}, map[string]journal.StepRehearsedData{}
	dry.Run(p, dry.Options{Inputs: map[string]any{"hosts": []any{"a", "b"}}, Emit: func(_ journal.Type, _, key string, data any) {
		if d, ok := data.(journal.StepRehearsedData); ok {
			steps[key] = d
			text, _ := d.Request["text"].(string)
			got[key] = strings.TrimSpace(text + d.Text)
		}
	}})
	for key, want := range map[string]string{
		"known[0]/hi": "to a none", "known[1]/hi": "to b none", "unknown[]/there": "to ‹thing›", "found[]/was": "to ‹item›",
		"other/asks": "‹inputs.name› fix mine ‹secrets.key› theirs", "other/finally/over": "‹run.outcome›", "behind": "‹steps.other.word› set",
	} {
		if got[key] != want {
			t.Errorf("%s: got %q, want %q", key, got[key], want)
		}
	}
	if d := steps["unknown"]; d.Each != "thing in inputs.more, 3 at once, 1 may fail" {
		t.Errorf("each: %q", d.Each)
	}
	if d := steps["other"]; d.Runbook != "other.yaml" {
		t.Errorf("runbook: %q", d.Runbook)
	}
	d := steps["pick"]
	if len(d.Attach) != 1 || len(d.Collect) != 2 || len(d.Collect[0].Options) != 2 || d.Collect[1].Options[0] != "‹steps.known.said›" {
		t.Errorf("pick: %+v", d)
	}
}
