package lang

import (
	"fmt"
	"testing"

	"runbook/engine/secret"
)

// TestBoundCommands: with the values of the holes most commands are known, and what
// is not known is not taken for something else.
func TestBoundCommands(t *testing.T) {
	values := []any{"prod; rm -rf /", []any{"a b", "c"}, secret.Text{Parts: []secret.Part{{Secret: "token"}}}, []any{}}
	for text, want := range map[string]string{
		`kubectl -n "${__rb0}" delete`:   `[["kubectl" "-n" "prod; rm -rf /" "delete"] true]`,
		`kubectl "x-${__rb0}-y" 'z'w`:    `[["kubectl" "x-prod; rm -rf /-y" "zw"] true]`,
		`helm "${__rb1[@]}" x`:           `[["helm" "a b" "c" "x"] true]`,
		`curl "${__rb2}"`:                `[["curl"] false]`,
		`curl $x`:                        `[["curl"] false]`,
		`$x delete`:                      `[[] false]`,
		`eval "kubectl delete"; echo hi`: `[[] false]`,
		`f() { kubectl get; }; f; command exec kubectl top`:       `[["kubectl" "get"] true] [["kubectl" "top"] true]`,
		`if kubectl a; then x=$(kubectl b | jq .c) kubectl d; fi`: `[["kubectl" "a"] true] [["kubectl" "d"] true] [["kubectl" "b"] true] [["jq" ".c"] true]`,
		`rm *.log`:                          `[["rm"] false]`,
		`echo ${__rb0#x} | cat "${#__rb0}"`: `[["cat"] false]`,
		`(`:                                 `[[] false]`,
	} {
		got := ""
		for i, c := range (Bound{Text: text, Values: values}).Commands() {
			if i > 0 {
				got += " "
			}
			got += fmt.Sprintf("[%q %v]", c.Words, c.Whole)
		}
		if got != want {
			t.Errorf("%s\n%s\nand not\n%s", text, got, want)
		}
	}
}
