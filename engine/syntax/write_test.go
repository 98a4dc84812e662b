package syntax_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"runbook/engine/source"
	"runbook/engine/syntax"
)

func back(t *testing.T, v any) any {
	t.Helper()
	data, err := syntax.Write(v)
	if err != nil {
		t.Fatal(err)
	}
	n := syntax.Parse(source.NewFile("x.yaml", data), func(d source.Diagnostic) { t.Errorf("%s: %s\n%s", d.Code, d.Summary, data) })
	return syntax.Literal(n)
}

func TestWriteReadsBack(t *testing.T) {
	texts := []any{"", " ", "yes", "No", "~", "null", "012", "1_000", "12:30", "1e3", ".inf", "0x1F", "2026-01-01", "a: b", "a #b", "# a", "- a", "? a", "!a", "&a", "*a", "%a", "@a", "`a",
		"a\nb", "a\nb\n", "a\n\n", "\na", " a\nb", "a\n b \nc", "a\r\nb", "tab\there", "a\tb\nc", "ÄÖ ‹x› 😀", "a\u0085b", "a\u2028b", "\ufeffa", "a\ufeff\nb", "nul\x00", "esc\x1b[0m\n", "true", "GET https://a.example/v1/*", "{{ .x }}", "trailing \nx", "{}", "[]", `"q"`, `it's`, "a:", "---", "...", "=", "<<"}
	v := map[string]any{"texts": texts, "n": 12, "x": 1.5, "b": true, "nothing": nil, "empty": map[string]any{}, "none": []any{}, "deep": []any{map[string]any{"a b": []any{[]any{1}}}}}
	if got := back(t, v); !reflect.DeepEqual(got, v) {
		for i, x := range got.(map[string]any)["texts"].([]any) {
			if x != texts[i] {
				t.Errorf("%q came back as %q", texts[i], x)
			}
		}
		t.Errorf("got %v", got)
	}
	for _, k := range texts {
		if k == "<<" {
			continue // a key that YAML has a use for
		}
		m := map[string]any{k.(string): "x"}
		if got := back(t, m); !reflect.DeepEqual(got, m) {
			t.Errorf("the key %q came back as %v", k, got)
		}
	}
	if got := back(t, syntax.Pairs{{"b", json.Number("12345")}, {"a", "x"}}); !reflect.DeepEqual(got, map[string]any{"b": 12345, "a": "x"}) {
		t.Errorf("got %v", got)
	}
}

func FuzzWrite(f *testing.F) {
	for _, s := range []string{"", "a\nb", "yes", "\ufeff\n", "a\u0085\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return // what is written comes from JSON
		}
		m := map[string]any{"a": s, "l": []any{s}}
		if got := back(t, m); !reflect.DeepEqual(got, m) {
			t.Errorf("%q came back as %v", s, got)
		}
	})
}

// What no 64 bits hold is a number all the same: sent to a server, it must not
// become a text.
func TestLargeNumbersStayNumbers(t *testing.T) {
	for text, want := range map[string]any{
		"12345678901234567890": json.Number("12345678901234567890"), "-99999999999999999999": json.Number("-99999999999999999999"),
		"+12345678901234567890": json.Number("12345678901234567890"), "0012345678901234567890": json.Number("12345678901234567890"),
		"0xFFFFFFFFFFFFFFFFFF": json.Number("4722366482869645213695"), "1e400": json.Number("1e400"),
		"9223372036854775807": 9223372036854775807, "'12345678901234567890'": "12345678901234567890", "1.5": 1.5,
	} {
		n := syntax.Parse(source.NewFile("x.yaml", []byte(text)), func(d source.Diagnostic) { t.Errorf("%s: %s", text, d.Summary) })
		if got := syntax.Literal(n); got != want {
			t.Errorf("%s is %T %v, want %T %v", text, got, got, want, want)
		}
	}
}
