package lang

import (
	"testing"
	"time"

	"runbook/engine/source"
	"runbook/engine/types"
)

// TestFunctionsAreNotHidden: a value that has the name of a function leaves it
// callable.
func TestFunctionsAreNotHidden(t *testing.T) {
	scope := testScope().Add(types.Field{Name: "duration", Type: &types.Type{Kind: types.Duration}}, types.Field{Name: "age", Type: &types.Type{Kind: types.Duration, Nil: true}}, types.Field{Name: "upper", Type: &types.Type{Kind: types.Int}})
	env := testEnv()
	env["duration"], env["age"], env["upper"] = 90*time.Second, nil, 3
	for text, want := range map[string]bool{
		`duration > duration("1m")`: true, `duration < duration("1m")`: false, `(age ?? duration("9999h")) < duration("25h")`: false, `upper == 3 and upper("a") == "A"`: true, `duration(duration("1m") < duration ? "1m" : "2m") == duration("1m")`: true,
	} {
		f := source.NewFile("x.yaml", []byte(text))
		var found source.Diagnostics
		e := CompileExpr(source.NewText(text, source.Span{File: f, End: len(text)}, []source.Segment{{Verbatim: true}}), scope, WantBool, func(d source.Diagnostic) { found = append(found, d) })
		if e == nil {
			t.Errorf("%s: %v", text, found)
			continue
		}
		if got, _, err := e.Bool(env); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{`duration(1) > duration`, `age("x") == 1`, `duration() == duration`} {
		f := source.NewFile("x.yaml", []byte(text))
		if e := CompileExpr(source.NewText(text, source.Span{File: f, End: len(text)}, []source.Segment{{Verbatim: true}}), scope, WantBool, func(source.Diagnostic) {}); e != nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
