package lang

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"runbook/engine/source"
	"runbook/engine/types"
)

func str(enum ...string) *types.Type { return &types.Type{Kind: types.String, Enum: enum} }

// httpStep is a step with the results of an http check.
func httpStep() *types.Type {
	late := func(n string, t *types.Type) types.Field { return types.Field{Name: n, Type: t, Late: true} }
	return &types.Type{Kind: types.Object, Fields: []types.Field{
		{Name: "ran", Type: &types.Type{Kind: types.Bool}},
		{Name: "verdict", Type: str("passed", "failed", "error", "skipped")},
		late("status", &types.Type{Kind: types.Int}), late("body", str()), late("json", nil),
		late("headers", &types.Type{Kind: types.Object, Headers: true}),
		late("error", &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "kind", Type: str("", "dns", "connect", "timeout")}, {Name: "message", Type: str()}}}),
	}}
}

// testScope has step api, which ran, and step maybe, which may not have.
func testScope() *Scope {
	return &Scope{
		Vars: []types.Field{
			{Name: "steps", Type: &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "api", Type: httpStep()}, {Name: "maybe", Type: httpStep()}, {Name: "later", Type: httpStep()}, {Name: "beside", Type: httpStep()}}}},
			{Name: "inputs", Type: &types.Type{Kind: types.Object, Fields: []types.Field{
				{Name: "components", Type: &types.Type{Kind: types.List, Elem: str()}}, {Name: "name", Type: str()}, {Name: "n", Type: &types.Type{Kind: types.Int}}}}},
			{Name: "facts", Type: &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "severity", Type: str("P1", "P2")}, {Name: "other", Type: str()}}}},
			{Name: "secrets", Type: &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "token", Type: &types.Type{Kind: types.Secret}}}}},
		},
		Present: map[string]bool{"api": true},
		Never:   map[string]string{"later": "it runs later"},
		Hidden:  map[string]Hiding{"steps.beside": {"beside", "it runs beside this one", "Read it behind the `parallel`."}, "facts.other": {"beside", "`beside` sets it", "Read it behind the `parallel`."}},
	}
}

func compileText(text string, want Want) (*Expr, source.Diagnostics) {
	f := source.NewFile("x.yaml", []byte(text))
	t := source.NewText(text, source.Span{File: f, End: len(text)}, []source.Segment{{Verbatim: true}})
	var found source.Diagnostics
	e := CompileExpr(t, testScope(), want, func(d source.Diagnostic) { found = append(found, d) })
	return e, found
}

func TestExprFindings(t *testing.T) {
	for _, c := range []struct{ in, code, at, says string }{
		{`stepz.api.status == 1`, "unknown-name", "stepz", "Did you mean `steps`?"},
		{`steps.apj.status == 1`, "unknown-field", "apj", "Did you mean `api`?"},
		{`"éé" == "é" or steps.api.stat == 1`, "unknown-field", "stat", "Did you mean `status`?"},
		{`steps.api.status == "200"`, "wrong-type", "==", "without quotes"},
		{`steps.api.status in ["401"]`, "wrong-type", "in", "without quotes"},
		{`steps.api.error.kind == "dnss"`, "never-equal", `"dnss"`, `Did you mean "dns"?`},
		{`steps.api.error.kind in ["dns", "tsl"]`, "never-equal", `"tsl"`, "It is one of"},
		{`facts.severity == "P9"`, "never-equal", `"P9"`, "P1, P2"},
		{`steps.maybe.status == 200`, "may-be-absent", "status", "steps.maybe.status ?? DEFAULT"},
		{`steps.maybe.ran or steps.maybe.status == 200`, "may-be-absent", "status", ""},
		{`steps.later.status == 200`, "never-there", "status", "behind"},
		{`steps.api.json.category == "x"`, "may-be-nil", "category", "steps.api.json?.category"},
		{`steps.api.json?.a.b == "x"`, "may-be-nil", "b", "?.b"},
		{`steps.api.json?.n > 5`, "may-be-nil", "n", "??"},
		{`len(steps.api.json?.items) == 0`, "may-be-nil", "items", "??"},
		{`inputs.components[0] == "x"`, "may-be-empty", "[", "first(inputs.components ?? [])"},
		{`secrets.token == "x"`, "secret-use", "token", ".present"},
		{`now() == 1`, "bad-expression", "now", "clock"},
		{`steps[inputs.name].ran`, "bad-expression", "[", "by a computed name"},
		{`len(inputs.components) > 2 and inputs.components[3] == "x"`, "may-be-empty", "[", "first("},
		{`len(inputs.components) == 0 or inputs.components[1] == "x"`, "may-be-empty", "[", "first("},
		{`first(steps.api.json?.items ?? []).name == "x"`, "may-be-nil", "name", "?.name"},
		{`(steps.maybe.body[:2] ?? "") == "x"`, "may-be-absent", "body", "??"},
		{`date() == run`, "bad-expression", "date", "clock"},
		{`len(toJSON(steps)) > 3`, "bad-expression", "steps", "Name what you read"},
		{`steps.beside.ran`, "beside", "beside", "it runs beside this one"},
		{`facts.other == "x"`, "beside", "other", "sets it"},
		{`steps.api.status`, "wrong-type", "steps.api.status", "bool"},
		{`steps.api.status ==`, "bad-expression", "", "not complete"},
		{`$env["HOME"] == "x"`, "bad-expression", "", ""},
		{`inputs.name() == "x"`, "bad-expression", "", ""},
	} {
		e, found := compileText(c.in, WantBool)
		if e != nil || len(found) == 0 {
			t.Errorf("%s: nothing found", c.in)
			continue
		}
		d := found[0]
		at := c.in[d.Span.Start:d.Span.End]
		if d.Code != c.code || c.at != "" && at != c.at || !strings.Contains(d.Summary+d.Detail, c.says) {
			t.Errorf("%s: got %s at %q: %s %s", c.in, d.Code, at, d.Summary, d.Detail)
		}
	}
}

func TestExprAccepts(t *testing.T) {
	for _, in := range []string{
		`steps.api.status == 200`, `(steps.maybe.status ?? 0) > 100`, `steps.maybe.ran and steps.maybe.status == 5`, `not steps.maybe.ran or steps.maybe.status == 5`,
		`steps.maybe.ran ? steps.maybe.status == 5 : false`, `steps.maybe.verdict == "passed" and steps.maybe.status == 5`, `steps.maybe.verdict != "skipped" and steps.maybe.body contains "x"`,
		`steps.maybe.verdict == "skipped" or steps.maybe.status == 5`, `steps.api.json?.category == "x"`, `(steps.api.json?.a?.b ?? "") == "x"`, `len(steps.api.json?.items ?? []) > 0`,
		`any(steps.api.json?.incidents ?? [], .status != "resolved" and any(.components ?? [], lower(.name) contains "crm"))`, `len(inputs.components) > 0 and inputs.components[0] == "x"`,
		`len(inputs.components) >= 3 and inputs.components[2] == "x" and inputs.components[-3] == "y"`, `len(inputs.components) == 0 or inputs.components[0] == "x"`,
		`2 < len(inputs.components) and inputs.components[2] == "x"`, `date("2026-01-02") > date("2026-01-01")`,
		`steps.api.error.kind contains "time"`, `first(inputs.components ?? []) == "x"`, `secrets.token.present`, `steps.api.headers["Retry-After"] != nil`, `int(steps.api.headers["retry-after"] ?? "0") > 5`,
		`let s = steps.api.status; s >= 500 and s < 600`, `steps.api.status in [401, 403]`, `steps.api.status in 500..599`, `true`,
	} {
		if e, found := compileText(in, WantBool); e == nil {
			t.Errorf("%s: %s %s", in, found[0].Summary, found[0].Detail)
		}
	}
}

func TestADefaultIsPartOfTheType(t *testing.T) {
	for in, want := range map[string]string{
		`steps.api.headers["retry-after"] ?? "unknown"`: "string",
		`steps.api.error.kind ?? "none"`:                "one of , dns, connect, timeout, none",
		`steps.api.error.kind ?? inputs.name`:           "string",
		`facts.severity ?? "P2"`:                        "one of P1, P2",
	} {
		e, found := compileText(in, WantAny)
		if e == nil || e.Type == nil || e.Type.Nil || e.Type.String() != want {
			t.Errorf("%s: %+v %v", in, e, found)
		}
	}
}

func testEnv() Env {
	js, _ := types.DecodeJSON([]byte(`{"incidents":[{"name":"Other"},{"name":"CRM API"}],"n":3}`))
	return Env{
		"steps": map[string]any{
			"api":   map[string]any{"ran": true, "verdict": "failed", "status": 401, "json": js, "headers": map[string]any{"retry-after": "7"}, "error": map[string]any{"kind": "", "message": ""}},
			"maybe": map[string]any{"ran": false, "verdict": "skipped"}, "later": map[string]any{"ran": false, "verdict": "skipped"},
		},
		"inputs": map[string]any{"components": []any{"crm"}, "name": "x", "n": 2}, "facts": map[string]any{"severity": "P1"}, "secrets": map[string]any{},
	}
}

func TestBoolSaysWhy(t *testing.T) {
	for in, want := range map[string]string{
		`steps.api.status == 401`:                                  `true [{"expr":"steps.api.status","value":401}]`,
		`steps.api.status in [200, 201] and steps.maybe.ran`:       `false [{"expr":"steps.api.status","value":401},{"expr":"steps.maybe.ran","not_read":true}]`,
		`any(steps.api.json?.incidents ?? [], .name == "CRM API")`: `true [{"expr":"any(steps.api.json?.incidents ?? [], .name == \"CRM API\")","item":{"name":"CRM API"},"value":true}]`,
		`all(steps.api.json?.incidents ?? [], .name == "Other")`:   `false [{"expr":"all(steps.api.json?.incidents ?? [], .name == \"Other\")","item":{"name":"CRM API"},"value":false}]`,
		`count(steps.api.json?.incidents ?? [], .name != "") == 2`: `true [{"expr":"count(steps.api.json?.incidents ?? [], .name != \"\")","item":{"name":"Other"},"value":2}]`,
		`(steps.maybe.status ?? 0) == 0`:                           `true [{"expr":"steps.maybe.status","value":null}]`,
		`int(steps.api.headers["Retry-After"] ?? "0") == 7`:        `true [{"expr":"steps.api.headers[\"retry-after\"]","value":"7"}]`,
	} {
		e, found := compileText(in, WantBool)
		if e == nil {
			t.Fatalf("%s: %v", in, found)
		}
		ok, because, err := e.Bool(testEnv())
		b, _ := json.Marshal(because)
		if got := map[bool]string{true: "true ", false: "false "}[ok] + string(b); err != nil || got != want {
			t.Errorf("%s:\n got %s %v\nwant %s", in, got, err, want)
		}
	}
}

// TestParenthesesHold: what runs is what was written, recorded or not, and not what
// a printer makes of it.
func TestParenthesesHold(t *testing.T) {
	for in, want := range map[string]any{
		`(inputs.n > 1 ? "ab" : "c")[1:]`:                        "b",
		`(inputs.name + "yz")[1:]`:                               "yz",
		`(inputs.n > 1 ? {"a": 1} : {"a": 2}).a`:                 1,
		`(2 ** 3) ** 2`:                                          64.0,
		`(-inputs.n) ** 2`:                                       4.0,
		`inputs.n - (inputs.n - 1)`:                              1,
		`(steps.api.json?.n ?? 0) == 3`:                          true,
		`not (inputs.n in [1, 2])`:                               false,
		`"\x41é\u00e9" + inputs.name`:                            "Aééx",
		`(steps.api.json?.nope?.a ?? {"b": 4}).b`:                4,
		`(let x = inputs.n; x * 2) + 1`:                          5,
		`steps.api.headers["Retry-" + "After"]`:                  "7",
		`steps.maybe.error.kind ?? "x"`:                          "x",
		`steps.maybe.headers["X-Y"] ?? "n"`:                      "n",
		`steps.api.headers["X-Y"] ?? "n"`:                        "n",
		`steps.api.error.message + "!"`:                          "!",
		`(steps.maybe.error.kind ?? "") + "!"`:                   "!",
		`steps.maybe.json?.a?.b ?? 1`:                            1,
		`(steps.api.json?.incidents ?? []) | map(.name) | len()`: 2,
	} {
		e, found := compileText(in, WantAny)
		if e == nil {
			t.Errorf("%s: %v", in, found)
			continue
		}
		plain, err := e.Eval(testEnv())
		if err != nil || !types.Equal(plain, want) {
			t.Errorf("%s: got %v %v, want %v", in, plain, err, want)
		}
		rec := newReadings(e.operands)
		env := testEnv()
		env[recorded] = rec
		if recorded, err := run(in, e.recording, env); err != nil || !types.Equal(recorded, want) {
			t.Errorf("%s: recording gives %v %v, want %v", in, recorded, err, want)
		}
	}
}

// TestDenies: what is known behind a condition that was not taken holds also where
// it could not be computed.
func TestDenies(t *testing.T) {
	for in, want := range map[string]string{
		`not steps.maybe.ran`:                                               "[maybe]",
		`not steps.maybe.ran or int(steps.maybe.body) == 3`:                 "[maybe]",
		`int(steps.api.body) == 3 or not steps.maybe.ran`:                   "[]",
		`steps.maybe.verdict == "skipped" or steps.api.status > 3`:          "[maybe]",
		`not steps.maybe.ran and int(steps.api.body) == 3`:                  "[]",
		`not (steps.maybe.ran and steps.maybe.status == 3)`:                 "[maybe]",
		`not (steps.maybe.ran and steps.maybe.body matches steps.api.body)`: "[]",
	} {
		e, found := compileText(in, WantBool)
		if e == nil {
			t.Fatalf("%s: %v", in, found)
		}
		if got := fmt.Sprint(e.Denies); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestBoolRefusesWhatIsNoBool(t *testing.T) {
	e, _ := compileText(`steps.api.json?.nope`, WantBool)
	if e == nil {
		t.Fatal("did not compile")
	}
	if _, _, err := e.Bool(testEnv()); err == nil || !strings.Contains(err.Error(), "nil") {
		t.Errorf("got %v", err)
	}
}

func TestPreview(t *testing.T) {
	e, _ := compileText(`steps.api.status == 401 and facts.severity == "P1"`, WantBool)
	env := testEnv()
	if v, known := e.Preview(env); !known || v != true {
		t.Errorf("got %v %v", v, known)
	}
	env["steps"].(map[string]any)["api"] = Unknown{"steps.api"}
	if v, known := e.Preview(env); known || v.(Unknown).Path == "" {
		t.Errorf("got %v %v", v, known)
	}
}

func FuzzExpr(f *testing.F) {
	for _, s := range []string{`steps.api.status == 401`, `any(steps.api.json?.l ?? [], .x > 1)`, `let a = 1; a`, `"\u00e9" in []`, `1..1000000`} {
		f.Add(s)
	}
	for _, s := range []string{`steps.maybe.ran and steps.maybe.status == 5`, `(steps.maybe.status ?? 0) > 100`, `steps.api.headers["Retry-After"] != nil`, `inputs.components[0]`, `filter(inputs.components, # contains "c")`, `reduce(1..60, #acc + #acc, "xx")`,
		`let v = steps.api.status; v >= 500`, `toJSON(steps.api.json)`, `"a" matches "("`, `not (facts.severity in ["P1"])`, `steps.api.json?.a?.b ?? "é"`, `repeat("x", 1000000)`, `1 / 0 == 1`, `[1][5] == 1`, `{"a": 1}.b == 1`, `duration("1x") > 1`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, want := range []Want{WantBool, WantAny} {
			e, found := compileText(text, want)
			placed(t, e == nil, found, len(text))
			if e != nil {
				_, _, _ = e.Bool(testEnv())
				_, _ = e.Eval(testEnv())
				_, _ = e.Preview(testEnv())
			}
		}
	})
}

// TestOldBooleans: the words that YAML 1.1 read as booleans are names here, and
// whoever writes one is told what a boolean is.
func TestOldBooleans(t *testing.T) {
	for _, word := range []string{"yes", "no", "on", "off", "Yes"} {
		var found source.Diagnostics
		CompileExpr(source.Plain(word), &Scope{}, WantBool, func(d source.Diagnostic) { found = append(found, d) })
		if len(found) != 1 || found[0].Code != "unknown-name" || !strings.Contains(found[0].Detail, "true or false") {
			t.Errorf("%s: %v", word, found)
		}
	}
}
