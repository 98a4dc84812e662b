package lang

import (
	"fmt"
	"testing"
)

// TestMappingsHaveAnOrder: the same journal gives the same run, so what takes a
// mapping apart gives the same each time.
func TestMappingsHaveAnOrder(t *testing.T) {
	mapping := `{"d": 4, "b": 2, "e": 5, "a": 1, "c": 3}`
	for in, want := range map[string]string{
		`keys(` + mapping + `)`:    "[a b c d e]",
		`values(` + mapping + `)`:  "[1 2 3 4 5]",
		`toPairs(` + mapping + `)`: "[[a 1] [b 2] [c 3] [d 4] [e 5]]",
		`keys({})`:                 "[]",
		`len(toPairs({}))`:         "0",
	} {
		e, found := compileText(in, WantAny)
		if e == nil {
			t.Fatalf("%s: %v", in, found)
		}
		for range 50 {
			if got, err := e.Eval(testEnv()); err != nil || fmt.Sprint(got) != want {
				t.Fatalf("%s: got %v, %v", in, got, err)
			}
		}
	}
	for in, want := range map[string]string{
		`{{ dict "d" 4 "b" 2 "e" 5 "a" 1 "c" 3 | keys | join " " }}`:        "a b c d e",
		`{{ dict "d" 4 "b" 2 "e" 5 "a" 1 "c" 3 | values | join " " }}`:      "1 2 3 4 5",
		`{{ keys (dict "d" 4 "b" 2) (dict "e" 5 "a" 1 "c" 3) | join " " }}`: "b d a c e",
	} {
		e, found := compileTemplate(in)
		if e == nil {
			t.Fatalf("%s: %v", in, found)
		}
		for range 50 {
			if got, err := e.Render(testEnv()); err != nil || fmt.Sprint(got) != want {
				t.Fatalf("%s: got %v, %v", in, got, err)
			}
		}
	}
}
