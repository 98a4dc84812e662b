package lang

import (
	"reflect"
	"strings"
	"testing"

	"runbook/engine/secret"
	"runbook/engine/source"
)

func compileTemplate(text string) (*Template, source.Diagnostics) {
	f := source.NewFile("x.yaml", []byte(text))
	t := source.NewText(text, source.Span{File: f, End: len(text)}, []source.Segment{{Verbatim: true}})
	var found source.Diagnostics
	e := CompileTemplate(t, testScope(), func(d source.Diagnostic) { found = append(found, d) })
	return e, found
}

func TestTemplateFindings(t *testing.T) {
	for _, c := range []struct{ in, code, at, says string }{
		{"é {{ .stepz.api.status }}", "unknown-name", "stepz", "Did you mean `steps`?"},
		{"{{ .steps.api.stat }}", "unknown-field", "stat", "Did you mean `status`?"},
		{"{{ .steps.maybe.status }}", "may-be-absent", ".steps.maybe.status", "default"},
		{"{{ $.steps.maybe.status }}", "may-be-absent", ".steps.maybe.status", "default"},
		{"{{ .steps.later.status | default 0 }}", "never-there", "", "behind"},
		{"{{ .secrets.token | upper }}", "secret-use", "upper", "as it is"},
		{"{{ uper .inputs.name }}", "unknown-function", "uper", "Did you mean `upper`?"},
		{"{{ now }}", "unknown-function", "now", ""},
		{"{{ env \"HOME\" }}", "unknown-function", "env", ""},
		{"{{ upper .inputs.n }}", "wrong-type", "upper", "toString"},
		{"{{ upper }}", "bad-template", "upper", "arguments"},
		{"{{ 0 00 }}", "bad-template", "0", "takes no arguments"},
		{"{{ .inputs.name .inputs.n }}", "bad-template", ".inputs.name", "takes no arguments"},
		{"{{ .inputs.name | .inputs.n }}", "bad-template", ".inputs.n", "takes no arguments"},
		{"a\n{{ if }}x{{ end }}", "bad-template", "{{ if }}", ""},
		{"a {{ .inputs.name", "bad-template", "{{ .inputs.name", ""},
		{"{{ define \"x\" }}{{ end }}", "bad-template", "", ""},
		{"{{ with .steps.api }}{{ .stat }}{{ end }}", "unknown-field", "stat", "status"},
		{"{{ range .inputs.components }}{{ .x }}{{ end }}", "unknown-field", "x", "string"},
	} {
		e, found := compileTemplate(c.in)
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

func TestTemplateRenders(t *testing.T) {
	env := testEnv()
	env["secrets"] = map[string]any{"token": secret.Value{Name: "token", Present: true}}
	env["steps"].(map[string]any)["api"].(map[string]any)["headers"] = map[string]any{"retry-after": "7", "etag": "W7"}
	for in, want := range map[string]any{
		"plain": "plain", "": "", "{{ .steps.api.status }}": "401", "a {{ .inputs.name | upper }} b": "a X b",
		"{{ .steps.maybe.status | default 7 }}": "7", "{{ if .steps.maybe.ran }}{{ .steps.maybe.status }}{{ else }}no{{ end }}": "no",
		"{{ range $i, $c := .inputs.components }}{{ $i }}={{ $c }}{{ $.inputs.name }}{{ end }}": "0=crmx",
		"{{ .inputs.components }}": `["crm"]`, "{{ .steps.api.json.n }}": "3", "{{ with .steps.api }}{{ .status }}{{ end }}": "401",
		"{{ .steps.api.json.nope.deep | default \"-\" }}": "-", "{{ index .steps.api.headers \"retry-after\" }}": "7",
		"Bearer {{ .secrets.token }}!":                secret.Text{Parts: []secret.Part{{Text: "Bearer "}, {Secret: "token"}, {Text: "!"}}},
		"{{ if .secrets.token.present }}yes{{ end }}": "yes", "{{ if .secrets.token.present | default false }}yes{{ end }}": "yes", "{{ if (.secrets.token).present }}yes{{ end }}": "yes",
		"{{ $h := .steps.api.headers }}{{ $h.ETag | default \"-\" }}": "W7",
		"{{ with .secrets }}{{ .token.present }}{{ end }}":            "true", "{{ $s := .secrets.token }}{{ $s.present | default false }}": "true",
		"{{ printf \"%d\" .inputs.n }}": "2", "{{ $x := .inputs.n }}{{ add $x 1 }}": "3",
		"{{ .inputs.name | quote }}": `"x"`, "{{ toJson .steps.api.json.n }}": "3", "{{ toJson .inputs.name }}": `"x"`,
	} {
		e, found := compileTemplate(in)
		if e == nil {
			t.Errorf("%s: %s %s", in, found[0].Summary, found[0].Detail)
			continue
		}
		got, err := e.Render(env)
		if s, ok := want.(secret.Text); ok {
			if !reflect.DeepEqual(got, s) {
				t.Errorf("%s: got %#v", in, got)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestTemplateErrors(t *testing.T) {
	for in, says := range map[string]string{
		"{{ .steps.api.json.nope }}": "nope", "{{ .steps.api.json.nope.deep }}": "nope", "{{ repeat 100000000 \"xxxxxxxxxxxx\" }}": "repeat", "{{ int64 \"x\" | div 1 }}": "divide",
	} {
		e, found := compileTemplate(in)
		if e == nil {
			t.Errorf("%s: %v", in, found)
			continue
		}
		if v, err := e.Render(testEnv()); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "__") {
			t.Errorf("%s: got %v, %v", in, v, err)
		}
	}
}

func TestTemplateValueKeepsItsType(t *testing.T) {
	for in, want := range map[string]any{"{{ .steps.api.status }}": 401, "{{ .inputs.components }}": []any{"crm"}, "{{ .inputs.n }}x": "2x"} {
		e, _ := compileTemplate(in)
		if got, err := e.Value(testEnv()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v", in, got, err)
		}
	}
}

func TestTemplatePreview(t *testing.T) {
	env := testEnv()
	env["steps"].(map[string]any)["api"] = Unknown{"steps.api"}
	env["secrets"] = map[string]any{"token": Unknown{"secrets.token"}}
	for in, want := range map[string]string{
		"a {{ .steps.api.status }} b": "a ‹steps.api.status› b", "{{ .inputs.name }}": "x", "{{ .steps.api.json.x | default \"?\" | upper }}": "‹.steps.api.json.x | default \"?\" | upper›",
		"Bearer {{ .secrets.token }}": "Bearer ‹secrets.token›", "{{ if .steps.api.ran }}x{{ end }}": "‹if .steps.api.ran}}x{{end›",
	} {
		e, found := compileTemplate(in)
		if e == nil {
			t.Errorf("%s: %v", in, found)
			continue
		}
		if got := e.Preview(env); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"a {{ .inputs.name }}", "{{ if .steps.api.ran }}x{{ end }}", "{{ range .inputs.components }}{{ . }}{{ end }}", "{{ .secrets.token }}", "{{", "{{ range $i, $c := .inputs.components }}{{ $i }}{{ else }}none{{ end }}",
		"{{ with .steps.api }}{{ .status }}{{ end }}", "{{ .steps.maybe.status | default 0 }}", "{{ printf \"%05d|%-8s\" .inputs.n .inputs.name }}", "{{ dict \"a\" .inputs.n | toJson }}", "é {{ .inputs.nope }} {{/* c */}}", "{{ $x := .inputs.n }}{{ add $x 1 }}"} {
		f.Add(s)
	}
	for s := range endless {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, found := compileTemplate(text)
		placed(t, e == nil, found, len(text))
		if e != nil {
			v, err := e.Render(testEnv())
			if s, ok := v.(string); err == nil && ok && len(s) > maxText {
				t.Errorf("%.100q gives %d bytes", text, len(s))
			}
			_, _ = e.Value(testEnv())
			_ = e.Preview(testEnv())
		}
	})
}

// placed holds findings to what is promised: a reason for each refusal, a place
// within the text, a remedy.
func placed(t *testing.T, refused bool, found source.Diagnostics, size int) {
	t.Helper()
	if refused != found.Failed() {
		t.Errorf("refused is %v with %d findings", refused, len(found))
	}
	for _, d := range found {
		if d.Summary == "" || d.Detail == "" || d.Span.Start < 0 || d.Span.End < d.Span.Start || d.Span.End > size {
			t.Errorf("%s at %d:%d of %d bytes: %q %q", d.Code, d.Span.Start, d.Span.End, size, d.Summary, d.Detail)
		}
	}
}
