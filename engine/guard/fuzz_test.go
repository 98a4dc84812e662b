package guard_test

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/lang"
	"runbook/engine/permit"
)

// payloads try to run a program called canary, each in a way of its own.
var payloads = []string{"$(canary)", "`canary`", ";canary;", "\ncanary\n", "'$(canary)'\"$(canary)\"", "a[$(canary)]", "|canary", "&&canary ||canary", "EOF\ncanary\nEOF\n", "}\ncanary", ")canary", "x}$(canary)", "\\\ncanary", "-c canary"}

const token = "tokentoken"

// plainWords is a script of one command whose words hold nothing that the shell
// acts on but quotes: what it must be called with is known.
var plainWords = regexp.MustCompile(`^probe (?:[a-zA-Z0-9 _.,:/=@%+"-]|\{\{ \.x \}\})*$`)

// recorder answers every program and remembers how it was called.
type recorder struct {
	mu    sync.Mutex
	calls [][]string
}

func (r *recorder) run(_ context.Context, c guard.Command) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c.Argv)
	return 0, nil
}

// execute runs a prepared script with a value and gives the calls.
func execute(t *testing.T, s *lang.Script, v string) [][]string {
	r := &recorder{}
	g := guard.New(permit.Set{Act: []string{"*"}}, guard.Options{Env: []string{"HOME=/home/me"}, Run: r.run})
	defer g.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	b, err := s.Bind(lang.Env{"x": v, "y": "y", "n": 3, "l": []any{v, v}})
	if err != nil {
		return nil // a value that cannot be computed stops the step
	}
	_, _ = g.RunScript(ctx, guard.ScriptRun{Script: handed(b), Action: true, Dir: t.TempDir(), MaxOut: 1 << 16})
	return r.calls
}

// FuzzPrepared: no script that validate accepts runs what a value holds, and
// plain words come out as they are.
func FuzzPrepared(f *testing.F) {
	for i, c := range prepared {
		f.Add(c.script, byte(i))
	}
	for i, s := range []string{`probe "{{ .x }}"{{ .x }}`, "probe <<EOF\n{{ .x }}\nEOF", `v={{ .x }}; probe "${v//a/b}"`, `probe $(probe {{ .x }})`, `[[ {{ .x }} =~ a ]] && probe`, `f() { probe "$@"; }; f {{ .l }}`, `x=({{ .l }}); probe "${x[@]}"`, `set -x; probe {{ .x }}`} {
		f.Add(s, byte(i))
	}
	f.Fuzz(func(t *testing.T, text string, which byte) {
		if strings.Contains(text, "canary") || strings.Contains(text, token) || len(text) > 2000 {
			return
		}
		if strings.Contains(text, "shift") || strings.Contains(text, "$_") {
			return // validate does not follow these; the permission check decides
		}
		s, _ := prepare(text, lang.ScriptOptions{})
		if s == nil {
			return
		}
		v := payloads[int(which)%len(payloads)]
		calls := execute(t, s, v)
		for _, argv := range calls {
			if strings.Contains(argv[0], "canary") {
				t.Fatalf("%q with %q ran %q", text, v, argv)
			}
		}
		if plainWords.MatchString(text) && len(calls) > 0 {
			same(t, text, v, calls, execute(t, s, token))
		}
	})
}

// same compares the calls with those made with a harmless value.
func same(t *testing.T, text, v string, got, harmless [][]string) {
	if len(got) != len(harmless) {
		t.Fatalf("%q with %q made %d calls, not %d", text, v, len(got), len(harmless))
	}
	for i := range got {
		if len(got[i]) != len(harmless[i]) {
			t.Fatalf("%q with %q: %q, not %q", text, v, got[i], harmless[i])
		}
		for j, word := range harmless[i] {
			if want := strings.ReplaceAll(word, token, v); got[i][j] != want {
				t.Fatalf("%q with %q: %q, want %q", text, v, got[i][j], want)
			}
		}
	}
}

// TestTheFuzzSees proves that the target above would see a value that is run.
func TestTheFuzzSees(t *testing.T) {
	s, _ := prepare(`probe "a {{ .x }}" b`, lang.ScriptOptions{})
	if calls := execute(t, s, "v w"); len(calls) != 1 || strings.Join(calls[0], "|") != "probe|a v w|b" {
		t.Errorf("got %q", calls)
	}
	r := &recorder{}
	g := guard.New(permit.Set{Act: []string{"*"}}, guard.Options{Run: r.run})
	defer g.Close()
	_, _ = g.RunScript(context.Background(), guard.ScriptRun{Script: guard.Script{Text: `eval "$__rb0"`, Values: []any{payloads[0]}}, Action: true, Dir: t.TempDir()})
	if len(r.calls) == 0 || r.calls[0][0] != "canary" {
		t.Errorf("a value that was run was not seen: %q", r.calls)
	}
}
