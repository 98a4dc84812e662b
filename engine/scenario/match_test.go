package scenario

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"runbook/engine/types"
)

// TestGlobIsWhatItSays: a pattern fits what the regular expression of the same
// meaning fits, and one that covers another fits all that the other fits.
func TestGlobIsWhatItSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func(alphabet string, most int) string {
		var b strings.Builder
		for range r.IntN(most) {
			b.WriteByte(alphabet[r.IntN(len(alphabet))])
		}
		return b.String()
	}
	covered := 0
	for range 20000 {
		p, q, s := word("ab*", 6), word("ab*", 6), word("ab", 8)
		is := regexp.MustCompile("^" + strings.ReplaceAll(p, "*", ".*") + "$").MatchString(s)
		if glob(p, s) != is {
			t.Fatalf("%q fits %q: %v", p, s, !is)
		}
		if glob(p, q) && glob(q, s) {
			covered++
			if !is {
				t.Fatalf("%q covers %q, which fits %q", p, q, s)
			}
		}
	}
	if covered < 500 {
		t.Errorf("only %d were covered", covered)
	}
}

func TestPartOfJSON(t *testing.T) {
	for _, c := range []struct{ want, got, says string }{
		{`{"a": 1}`, `{"a": 1.0, "b": 2}`, ""}, {`{}`, `{"a": 1}`, ""}, {`[]`, `[1]`, ""}, {`null`, `null`, ""}, {`"x"`, `"x"`, ""},
		{`{"a": {"b": [2, {"c": 3}]}}`, `{"a": {"b": [1, 2, 9, {"c": 3, "d": 4}]}}`, ""},
		{`{"a": {"b": 1}}`, `{"a": {"b": 2}}`, "has 2 at `a.b`, not 1"}, {`{"a": null}`, `{}`, "has no `a`"}, {`{"a": 1}`, `[1]`, "holds no mapping at `.`"}, {`{"a": [1]}`, `{"a": 1}`, "holds no list at `a`"},
		{`[2, 1]`, `[1, 2]`, "lacks entry 2 of the list at `.`: 1"}, {`"x"`, `x`, `is "x", which is not JSON`}, {`{"a": "1"}`, `{"a": 1}`, "has 1 at `a`, not \"1\""},
		{`{"a": 12345678901234567890}`, `{"a": 12345678901234567890}`, ""},
	} {
		v, err := types.DecodeJSON([]byte(c.want))
		if err != nil {
			t.Fatal(err)
		}
		if got := (&Match{JSON: v, HasJSON: true}).Problem(c.got); got != c.says {
			t.Errorf("%s in %s: %q, want %q", c.want, c.got, got, c.says)
		}
	}
}

func TestOrderOfCalls(t *testing.T) {
	made := []Call{{Kind: "shell", Line: "a b", Argv: []string{"a", "b"}}, {Kind: "http", Line: "GET https://x.example/y"}, {Kind: "sql", Line: "select 1"}, {Kind: "shell", Line: "a c", Argv: []string{"a", "c"}}}
	for _, c := range []struct {
		order []string
		want  int
	}{
		{nil, -1}, {[]string{"a", "a"}, -1}, {[]string{"a", "a", "a"}, 2}, {[]string{"a b", "GET https://x.example/*", "select  *", "a *"}, -1}, {[]string{"select 1", "GET https://x.example/y"}, 1},
		{[]string{"POST https://x.example/y"}, 0}, {[]string{"a b c"}, 0}, {[]string{"* https://x.example/y"}, -1},
	} {
		if got := inOrder(c.order, made); got != c.want {
			t.Errorf("%q: %d, want %d", c.order, got, c.want)
		}
	}
}

// TestWordsOfACommand: a pattern's words are those between spaces, or between quotes
// that begin a word; and what is written of an argv is a pattern for it.
func TestWordsOfACommand(t *testing.T) {
	for on, want := range map[string][]string{
		"": nil, " kubectl  get\tpods\n": {"kubectl", "get", "pods"}, `say 'on call' "it's"`: {"say", "on call", "it's"}, `a '' b`: {"a", "", "b"},
		`patch -p {"a":"b"} it's`: {"patch", "-p", `{"a":"b"}`, "it's"},
	} {
		if got, ok := argvOf(on); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: %q %v", on, got, ok)
		}
	}
	for _, on := range []string{`say "on call`, `say 'on'call`, `'`, `a ""b`} {
		if got, ok := argvOf(on); ok {
			t.Errorf("%s: %q", on, got)
		}
	}
	for _, argv := range [][]string{{"say", "on call", ""}, {"patch", `{"a": "b"}`}, {"say", `it's so`, `"x"`, "tab\there"}} {
		if got, ok := argvOf(lineOf(argv)); !ok || !slices.Equal(got, argv) {
			t.Errorf("%q is written as %s, which is %q", argv, lineOf(argv), got)
		}
	}
}
