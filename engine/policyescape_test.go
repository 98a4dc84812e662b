//go:build unix

package engine

import (
	"fmt"
	"strings"
	"testing"

	"runbook/engine/permit"
)

// TestEscapesUnderPolicy: what a policy denies is denied however a script spells it,
// though the runbook lists it: each of the attempts takes effect without the policy.
func TestEscapesUnderPolicy(t *testing.T) {
	real := 0
	for i, e := range escapes {
		t.Run(fmt.Sprintf("%02d %s", i, e.name), func(t *testing.T) {
			wide := func(y yard) permit.Set {
				act := []string{"cat", "true", "ln", "ctl", "printenv", "evil", "env", "sh", "xargs", "../bin/evil", "./cat", y.dir + "/bin/evil", y.dir + "/out/cat"}
				if e.also != "" {
					act = append(act, e.also)
				}
				return permit.Set{Act: act, Read: []string{"/"}, Write: []string{"/"}}
			}
			// said are the entries that the runbook itself has to have.
			said := func(y yard) []string {
				out := []string{y.dir + "/bin/evil", y.dir + "/out/cat"}
				if e.also != "" {
					out = append(out, e.also)
				}
				if list, entry, _ := strings.Cut(e.entry, " "); list == "act" && strings.HasPrefix(entry, "{D}") {
					out = append(out, strings.ReplaceAll(entry, "{D}", y.dir))
				}
				return out
			}
			free := newYard(t)
			got := attempt{step: free.step(t, e.script), set: wide(free), doors: free.doors(), said: said(free)}.run(t)
			if got.kind == "denied" || !free.took(got) {
				t.Skipf("without a policy it has no effect: %d %s", got.code, got.message)
			}
			real++
			yard := newYard(t)
			list, entry, _ := strings.Cut(strings.ReplaceAll(e.entry, "{D}", yard.dir), " ")
			rule := permit.Rule{Run: []string{"evil"}, Reason: "never"}
			switch list {
			case "act":
				rule.Run = append(rule.Run, entry)
			case "files.read":
				rule.Read = []string{yard.dir + "/hidden", entry}
			case "files.write":
				rule.Write = []string{yard.dir + "/hidden", entry}
			}
			p := &permit.Policy{Name: "never", File: "never.yaml", Deny: []permit.Rule{rule}}
			got = attempt{step: yard.step(t, e.script), set: wide(yard).Under(p), doors: yard.doors(), said: said(yard)}.run(t)
			denied(t, got)
			if yard.took(got) {
				t.Errorf("it took effect: %s", got.journal)
			}
			if !strings.Contains(got.message, "the policy never denies") || !strings.Contains(got.message, "never.yaml") {
				t.Errorf("the policy is not named: %s", got.message)
			}
		})
	}
	if real < 70 {
		t.Errorf("only %d of %d attempts are real", real, len(escapes))
	}
}
