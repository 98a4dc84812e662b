package lang

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// doubling gives n definitions, each twice the one before.
func doubling(n int, first, each string) string {
	var b strings.Builder
	fmt.Fprintf(&b, first, 0)
	for i := 1; i <= n; i++ {
		b.WriteString(strings.NewReplacer("NEW", fmt.Sprint("v", i), "OLD", fmt.Sprint("v", i-1)).Replace(each))
	}
	return b.String()
}

// cheaply runs something that must end soon and allocate little.
func cheaply(t *testing.T, what string, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	f()
	runtime.ReadMemStats(&after)
	if grew := (after.TotalAlloc - before.TotalAlloc) >> 20; grew > 400 {
		t.Errorf("%.80s: %d MiB", what, grew)
	}
	if d := time.Since(began); d > 30*time.Second {
		t.Errorf("%.80s: %s", what, d)
	}
}

// endless are texts that would fill the memory, with what is said instead.
var endless = map[string]string{
	`{{ range 1000000000 }}{{ end }}`:                                                              "turns",
	`{{ range $i := 100000 }}{{ range 100000 }}{{ end }}{{ end }}`:                                 "turns",
	`{{ range 1000000000 }}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{ end }}`:                           "longer than",
	`{{ repeat 1000000000 "x" }}`:                                                                  "repeat makes more",
	`{{ repeat 4611686018427387904 "xxxx" }}`:                                                      "repeat makes more",
	`{{ repeat -1 "x" }}`:                                                                          "repeat makes more",
	`{{ repeat 1000000 "a" | replace "a" (repeat 1000000 "b") }}`:                                  "replace makes more",
	`{{ regexReplaceAll "a" (repeat 1000000 "a") (repeat 1000000 "b") }}`:                          "regexReplaceAll makes more",
	`{{ regexReplaceAll "(.*)" (repeat 1000000 "a") (repeat 1000 "${1}") }}`:                       "regexReplaceAll makes more",
	`{{ indent 1000000000 "x" }}`:                                                                  "indent makes more",
	`{{ repeat 500000 "\n" | nindent 1000 }}`:                                                      "indent makes more",
	`{{ printf "%1000000000d" 1 }}`:                                                                "width",
	`{{ printf "%*d" 1000000000 1 }}`:                                                              "width",
	`{{ printf "%.1000000000f" 1.5 }}`:                                                             "width",
	`{{ printf (repeat 100000 "%[1]s") (repeat 1000000 "a") }}`:                                    "printf makes more",
	`{{ repeat 1000 "a " | wrapWith 1 (repeat 100000 "-") }}`:                                      "wrapWith makes more",
	`{{ splitList "" (repeat 100000 "a") | join (repeat 100000 "-") }}`:                            "join makes more",
	doubling(60, `{{ $v%d := "xxxxxxxxxx" }}`, `{{ $NEW := cat $OLD $OLD }}`):                      "cat makes more",
	doubling(60, `{{ $v%d := list 1 2 }}`, `{{ $NEW := concat $OLD $OLD }}`):                       "concat makes a list",
	doubling(80, `{{ $v%d := list 1 2 }}`, `{{ $NEW := list $OLD $OLD }}`) + "{{ $v80 }}":          "makes more",
	doubling(80, `{{ $v%d := list 1 2 }}`, `{{ $NEW := list $OLD $OLD }}`) + "{{ $v80 | toJson }}": "makes more",
}

func TestTemplatesAreBounded(t *testing.T) {
	for in, says := range endless {
		e, found := compileTemplate(in)
		if e == nil {
			t.Errorf("%.80s: %s %s", in, found[0].Summary, found[0].Detail)
			continue
		}
		cheaply(t, in, func() {
			v, err := e.Render(testEnv())
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%.80s: got %.80v, %v", in, v, err)
			}
			_ = e.Preview(testEnv())
		})
	}
}

func TestExpressionsAreBounded(t *testing.T) {
	for in, says := range map[string]string{
		doubling(60, `let v%d = "xxxxxxxxxx"; `, `let NEW = OLD + OLD; `) + `v60 == ""`:       "string longer",
		`reduce(1..60, #acc + #acc, "xxxxxxxxxx") == ""`:                                      "string longer",
		`len(repeat(repeat("x", 1000000), 1000000)) > 0`:                                      "string longer",
		`len(repeat("x", 1000000000)) > 0`:                                                    "string longer",
		`len(replace(repeat("x", 1000000), "x", repeat("y", 1000000))) > 0`:                   "string longer",
		`len(replace(repeat("x", 1000000), "", repeat("y", 1000000))) > 0`:                    "string longer",
		`len(join(map(1..100000, "y"), repeat("y", 1000000))) > 0`:                            "string longer",
		`len(1..1000000000) > 0`:                                                              "memory budget",
		`all(1..10000, all(1..10000, true))`:                                                  "memory budget",
		doubling(80, `let v%d = [1, 2]; `, `let NEW = [OLD, OLD]; `) + `len(toJSON(v80)) > 0`: "value larger",
		doubling(80, `let v%d = [1, 2]; `, `let NEW = [OLD, OLD]; `) + `len(string(v80)) > 0`: "value larger",
		`len(reduce(1..60, concat(#acc, #acc), [1, 2, 3])) > 0`:                               "memory budget",
	} {
		e, found := compileText(in, WantBool)
		if e == nil {
			t.Errorf("%.80s: %s %s", in, found[0].Summary, found[0].Detail)
			continue
		}
		cheaply(t, in, func() {
			v, _, err := e.Bool(testEnv())
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%.80s: got %v, %v", in, v, err)
			}
		})
	}
	in := doubling(80, `let v%d = [1, 2]; `, `let NEW = [OLD, OLD]; `) + `v80`
	e, _ := compileText(in, WantAny)
	cheaply(t, in, func() {
		if _, err := e.Eval(testEnv()); err == nil || !strings.Contains(err.Error(), "value larger") {
			t.Errorf("got %v", err)
		}
	})
}

// TestBoundedFunctionsAreTheSame: what stands in for a function of expr's or
// sprig's gives what that gave.
func TestBoundedFunctionsAreTheSame(t *testing.T) {
	for in, want := range map[string]any{
		`"a" + "b"`: "ab", `1 + 2`: 3, `1.5 + 2`: 3.5, `repeat("ab", 2)`: "abab", `replace("aXbX", "X", "y")`: "ayby", `replace("aXbX", "X", "y", 1)`: "aybX",
		`join(["a", "b"], "-")`: "a-b", `join(["a", "b"])`: "ab", `join(map(1..3, string(#)), ",")`: "1,2,3", `toJSON({"a": 1})`: "{\n  \"a\": 1\n}", `string(5)`: "5", `"n: " + string(inputs.n)`: "n: 2",
		`duration("1m") + duration("1s") == duration("61s")`: true, `["a", "b"] | join("+")`: "a+b",
	} {
		e, found := compileText(in, WantAny)
		if e == nil {
			t.Errorf("%s: %v", in, found)
			continue
		}
		if got, err := e.Eval(testEnv()); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		`{{ "aXb" | replace "X" "-" }}`: "a-b", `{{ indent 2 "a\nb" }}`: "  a\n  b", `{{ nindent 1 "a" }}`: "\n a", `{{ printf "%05.1f %s %-4d|" 1.25 "x" 7 }}`: "001.2 x 7   |",
		`{{ regexReplaceAll "a(.)" "abac" "${1}-" }}`: "b-c-", `{{ regexReplaceAllLiteral "a(.)" "abac" "${1}" }}`: "${1}${1}", `{{ list "a" 1 | join ", " }}`: "a, 1", `{{ concat (list 1) (list 2) | toJson }}`: "[1,2]",
		`{{ wrapWith 3 "-" "ab cd" }}`: "ab-cd", `{{ cat "a" "b" }}`: "a b", `{{ repeat 3 "ab" }}`: "ababab", `{{ range $i, $x := .inputs.components }}{{ $i }}{{ $x }}{{ end }}`: "0crm",
	} {
		e, found := compileTemplate(in)
		if e == nil {
			t.Errorf("%s: %v", in, found)
			continue
		}
		if got, err := e.Render(testEnv()); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestDeepExpressions(t *testing.T) {
	for in, ok := range map[string]bool{
		strings.Repeat("!", 100) + "true": true, strings.Repeat("!", 8000) + "true": false, strings.Repeat("(", 8000) + "true" + strings.Repeat(")", 8000): true,
		"true" + strings.Repeat(" or true", 300): true, "true" + strings.Repeat(" or true", 1500): false,
	} {
		cheaply(t, in, func() {
			e, found := compileText(in, WantBool)
			if (e != nil) != ok || !ok && found[0].Code != "too-deep" {
				t.Errorf("%.40s: %v %v", in, e != nil, found)
			}
		})
	}
}
