package engine_test

import (
	"context"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// faulty is a kind that panics with all that it was given.
type faulty struct{}

// Execute panics.
func (faulty) Execute(_ context.Context, r exec.Request) exec.Result {
	panic(r.Options["key"])
}

// TestAKindThatPanics fails its step, and says nothing of the secret it was given.
func TestAKindThatPanics(t *testing.T) {
	broken := exec.Kind{Kind: kind.Kind{
		Name: "broken", Doc: "It panics.", Result: &types.Type{Kind: types.Object},
		Options: &spec.Shape{Form: spec.Object, Fields: []spec.Field{{Key: "key", Doc: "A key.", Shape: &spec.Shape{Form: spec.Template}}}},
	}, Executor: faulty{}}
	rb, found := engine.Load(source.NewFile("x.yaml", []byte("apiVersion: runbook/v1\nname: panics\nsecrets: {tok: {env: TOK}}\nsteps:\n  - {check: c, broken: {key: \"{{ .secrets.tok }}\"}}\n")), engine.With(broken))
	if rb == nil {
		t.Fatal(found)
	}
	var all strings.Builder
	out, err := rb.Run(context.Background(), engine.RunOptions{Session: engine.Session{
		Env:   func(string) string { return "Zq-panic-secret-1" },
		Watch: []func(journal.Event){func(e journal.Event) { all.Write(e.Data) }},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if d := out.State.Step("c").Done; d.Error == nil || d.Error.Kind != "internal" || !strings.Contains(d.Error.Message, "‹***›") || strings.Contains(all.String(), "Zq-panic") {
		t.Errorf("got %+v\n%s", d, all.String())
	}
}
