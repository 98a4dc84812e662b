package shell

import (
	"fmt"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind/kindtest"
	"runbook/engine/permit"
)

func TestShell(t *testing.T) {
	kindtest.Declaration(t, New())
	g := guard.New(permit.Set{Observe: []string{"cat", "sleep", "no-such-program", "head"}, Act: []string{"sh", "bash"}}, guard.Options{Grace: 200 * time.Millisecond})
	t.Cleanup(g.Close)
	is := func(name string, want any) func(*testing.T, map[string]any) {
		return func(t *testing.T, f map[string]any) {
			t.Helper()
			if fmt.Sprint(f[name]) != fmt.Sprint(want) {
				t.Errorf("%s is %v, want %v", name, f[name], want)
			}
		}
	}
	script := func(text string, values ...any) guard.Script { return guard.Script{Text: text, Values: values} }
	kindtest.Run(t, New(), g, []kindtest.Case{
		{Name: "script", Options: map[string]any{"script": script(`echo "${__rb0}"`, "a b")}, Check: true, Verify: is("stdout", "a b\n")},
		{Name: "json", Options: map[string]any{"script": script(`echo '{"items":[]}'`)}, Check: true, Verify: is("json", "map[items:[]]")},
		{Name: "exit", Options: map[string]any{"script": script(`exit 7`)}, Check: true, Verify: is("exit", 7)},
		{Name: "stdin", Options: map[string]any{"script": script(`cat`), "stdin": "in"}, Check: true, Verify: is("stdout", "in")},
		{Name: "no stdin", Options: map[string]any{"script": script(`cat; echo end`)}, Check: true, Verify: is("stdout", "end\n")},
		{Name: "env", Options: map[string]any{"script": script(`echo "$A"`), "env": map[string]any{"A": "x"}}, Check: true, Verify: is("stdout", "x\n")},
		{Name: "dir", Options: map[string]any{"script": script(`pwd`), "dir": "/"}, Check: true, Verify: is("stdout", "/\n")},
		{Name: "argv", Options: map[string]any{"argv": []any{"cat", "-"}, "stdin": "$(x)"}, Check: true, Verify: is("stdout", "$(x)")},
		{Name: "not found", Options: map[string]any{"argv": []any{"no-such-program"}}, Check: true, Error: "not_found"},
		{Name: "not found in a script", Options: map[string]any{"script": script(`no-such-program`)}, Check: true, Verify: is("exit", 127)},
		{Name: "denied to a check", Options: map[string]any{"script": script(`sh -c true`)}, Check: true, Error: "denied"},
		{Name: "permitted to an action", Options: map[string]any{"script": script(`sh -c 'exit 3'`)}, Verify: is("exit", 3)},
		{Name: "timeout", Options: map[string]any{"script": script(`sleep 60`)}, Check: true, Timeout: 300 * time.Millisecond, Error: "timeout"},
		{Name: "no such folder", Options: map[string]any{"argv": []any{"cat"}, "dir": "/no/such"}, Check: true, Error: "start"},
		{Name: "interpreter", Options: map[string]any{"script": script(`echo "${BASH_VERSION:+bash}"`), "interpreter": []any{"bash"}}, Verify: is("stdout", "bash\n")},
		{Name: "output", Options: map[string]any{"argv": []any{"head", "-c", "100", "/dev/zero"}, "max_output": int64(10)}, Check: true, Verify: is("truncated", true)},
	})
	kindtest.Cancelled(t, New(), g, map[string]any{"argv": []any{"sleep", "60"}})
}
