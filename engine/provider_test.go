package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/secret"
	"runbook/engine/source"
)

// guarded declares secrets of each source; a provider stands in for all of them.
const guarded = `apiVersion: runbook/v1
name: guarded
secrets:
  one: {env: RUNBOOK_TEST_NOT_SET}
  two: {file: /nowhere/two}
  three: {command: [no-such-program]}
  four: {env: RUNBOOK_TEST_NOT_SET, optional: true}
steps:
  - check: look
    shell: {stdin: "{{ .secrets.one }} {{ .secrets.two }} {{ .secrets.three }}", script: 'read -r a b c || true; echo "$a-$b-$c"'}
    outputs: {said: stdout}
  - {message: told, text: "The fourth is {{ if .secrets.four.present }}there{{ else }}not there{{ end }}."}
`

// provider gives secrets out of a mapping, and notes what it was asked for.
type provider struct {
	have  map[string]string
	err   error
	asked []string
}

func (p *provider) get(_ context.Context, s secret.Source) (string, error) {
	p.asked = append(p.asked, s.Name+" "+s.Env+s.File+strings.Join(s.Command, " "))
	return p.have[s.Name], p.err
}

func (p *provider) run(t *testing.T) (*engine.Outcome, string, error) {
	t.Helper()
	var text strings.Builder
	out, err := load(t, guarded).Run(context.Background(), engine.RunOptions{Session: engine.Session{
		Secrets: p.get,
		Watch: []func(journal.Event){func(e journal.Event) {
			text.WriteString(string(e.Data) + "\n")
		}},
	}})
	return out, text.String(), err
}

// TestProvider: a program's own provider gives secrets of every source, each once,
// and what it gives is masked.
func TestProvider(t *testing.T) {
	p := &provider{have: map[string]string{"one": "first-secret", "two": "second-secret", "three": "third-secret"}}
	out, text, err := p.run(t)
	if err != nil {
		t.Fatal(err)
	}
	if said := out.State.Step("look").Done.Outputs["said"]; said != "‹***›-‹***›-‹***›\n" {
		t.Errorf("the check said %v", said)
	}
	for _, v := range p.have {
		if strings.Contains(text, v) {
			t.Errorf("the events show %s", v)
		}
	}
	if !strings.Contains(text, "The fourth is not there.") {
		t.Errorf("a secret that the provider does not have is there:\n%s", text)
	}
	slices.Sort(p.asked)
	want := []string{"four RUNBOOK_TEST_NOT_SET", "one RUNBOOK_TEST_NOT_SET", "three no-such-program", "two /nowhere/two"}
	if !slices.Equal(p.asked, want) {
		t.Errorf("the provider was asked for %q, not %q", p.asked, want)
	}
}

// TestProviderWithout: what the provider does not have is said before the first
// step, all at once; so is why it failed.
func TestProviderWithout(t *testing.T) {
	for want, p := range map[string]*provider{
		"secret two is missing: the provider of secrets does not have it":   {have: map[string]string{"one": "first-secret"}},
		"secret one: the provider of secrets failed: the vault is sealed":   {err: errors.New("the vault is sealed")},
		"secret three: the provider of secrets failed: the vault is sealed": {err: errors.New("the vault is sealed")},
	} {
		out, text, err := p.run(t)
		var missing *engine.MissingError
		if out != nil || !errors.As(err, &missing) || !slices.Contains(missing.Lines, want) || len(missing.Lines) < 2 || text != "" {
			t.Errorf("the run gave %+v, %v, not %q", out, err, want)
		}
	}
}

// TestProviderOfAScenario: a drill and a test have the scenario's secrets.
func TestProviderOfAScenario(t *testing.T) {
	rb := load(t, guarded)
	file, found := rb.Scenarios(source.NewFile("guarded.scenarios.yaml", []byte(`runbook: guarded.yaml
scenarios:
  fine:
    secrets: {one: scenario-one, two: scenario-two, three: scenario-three}
    expect: {outcome: completed}
`)))
	if file == nil {
		t.Fatal(found)
	}
	p := &provider{err: errors.New("it must not be asked")}
	out, err := rb.Run(context.Background(), engine.RunOptions{Scenario: file.Find("fine"), Session: engine.Session{Secrets: p.get}})
	if err != nil || out.Outcome != "completed" || len(p.asked) > 0 {
		t.Errorf("the drill gave %+v, %v, and asked for %q", out, err, p.asked)
	}
}
