//go:build unix

package shell

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind/exec"
	"runbook/engine/permit"
)

// perform runs one use and checks that it ends when it must.
func perform(t *testing.T, g *guard.Guard, timeout time.Duration, options map[string]any) exec.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	began := time.Now()
	r := New().Executor.Execute(ctx, exec.Request{Options: options, Guard: g})
	if late := time.Since(began) - timeout; late > 5*time.Second {
		t.Errorf("it ended %s behind its time", late)
	}
	return r
}

func script(text string, values ...any) map[string]any {
	return map[string]any{"script": guard.Script{Text: text, Values: values}}
}

// alive reports whether a process is there and is no zombie.
func alive(pid string) bool {
	b, err := os.ReadFile("/proc/" + strings.TrimSpace(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

const grace = 300 * time.Millisecond

func toolGuard(t *testing.T, act ...string) *guard.Guard {
	t.Helper()
	g := guard.New(permit.Set{Act: act}, guard.Options{Grace: grace})
	t.Cleanup(g.Close)
	return g
}

// leftovers are scripts that start more than they wait for, each printing the
// process ids; ends says whether they end by themselves.
var leftovers = map[string]struct {
	text string
	ends bool
}{
	"a job":                               {`sh -c 'sleep 300 & echo $!'`, true},
	"a job that holds no pipe":            {`sh -c 'sleep 300 >/dev/null 2>&1 </dev/null & echo $!'`, true},
	"a grandchild":                        {`sh -c 'sh -c "sleep 300 & echo \$!; sleep 300 & echo \$!"'`, true},
	"a job of the embedded shell":         {`sh -c 'echo $$; exec sleep 300' & sh -c 'sleep 0.2'`, true},
	"a pipeline":                          {`sh -c 'echo $$; exec sleep 300' | cat`, false},
	"a pipeline that is not read":         {`sh -c 'echo $$ >&2; exec yes' | sleep 300`, false},
	"a job that is waited for":            {`sh -c 'echo $$; exec sleep 300' & wait`, false},
	"a grandchild that is waited for":     {`sh -c 'sleep 300 & echo $!; wait'`, false},
	"a program that ignores TERM":         {`sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done'`, false},
	"a grandchild that ignores TERM":      {`sh -c 'sh -c "trap \"\" TERM; echo \$\$; while :; do sleep 1; done" & wait'`, false},
	"a job that ignores TERM":             {`sh -c 'sh -c "trap \"\" TERM; echo \$\$; while :; do sleep 1; done" & sleep 0.3'`, true},
	"nohup":                               {`sh -c 'nohup sleep 300 >/dev/null 2>&1 & echo $!'`, true},
	"one that stops itself":               {`sh -c 'echo $$; kill -STOP $$'`, false},
	"many":                                {`sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 300 & echo $!; done; wait'`, false},
	"a command substitution":              {`x=$(sh -c 'echo $$ >&2; exec sleep 300'); echo "$x"`, false},
	"a subshell in the background, twice": {`(sh -c 'echo $$; exec sleep 300' & wait) & wait`, false},
}

func TestNoProcessIsLeft(t *testing.T) {
	g := toolGuard(t, "sh", "sleep", "cat", "yes")
	for name, c := range leftovers {
		t.Run(name, func(t *testing.T) {
			timeout := 15 * time.Second
			if !c.ends {
				timeout = 600 * time.Millisecond
			}
			r := perform(t, g, timeout, script(c.text))
			if timedOut := r.Error != nil && r.Error.Kind == "timeout"; timedOut == c.ends {
				t.Errorf("got %v, %v", r.Fields["exit"], r.Error)
			}
			pids := strings.Fields(fmt.Sprint(r.Fields["stdout"], " ", r.Fields["stderr"]))
			if len(pids) == 0 {
				t.Errorf("no process was seen: %v", r.Fields)
			}
			for _, pid := range pids {
				if alive(pid) {
					t.Errorf("process %s is left", pid)
				}
			}
		})
	}
}

// TestTermThenKill: a program is asked first and has the grace period to tidy up.
func TestTermThenKill(t *testing.T) {
	g := toolGuard(t, "sh")
	r := perform(t, g, 300*time.Millisecond, map[string]any{"argv": []any{"sh", "-c", `trap 'echo tidy; exit 0' TERM; echo ready; while :; do sleep 0.05; done`}})
	if out := r.Fields["stdout"]; r.Error == nil || r.Error.Kind != "timeout" || out != "ready\ntidy\n" {
		t.Errorf("%q %v", out, r.Error)
	}
	began := time.Now()
	r = perform(t, g, 300*time.Millisecond, map[string]any{"argv": []any{"sh", "-c", `trap 'echo no' TERM; while :; do sleep 0.05; done`}})
	if took := time.Since(began); took < 300*time.Millisecond+grace || r.Error == nil || r.Fields["stdout"] == "" {
		t.Errorf("it was killed after %s: %v %q", took, r.Error, r.Fields["stdout"])
	}
}

func TestOutputIsCut(t *testing.T) {
	g := toolGuard(t, "yes", "head", "sh")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := perform(t, g, time.Second, map[string]any{"argv": []any{"yes"}, "max_output": int64(1000)})
	runtime.ReadMemStats(&after)
	if out := r.Fields["stdout"].(string); len(out) != 1000 || r.Fields["truncated"] != true || r.Error == nil || r.Error.Kind != "timeout" {
		t.Errorf("%d bytes, %v, %v", len(out), r.Fields["truncated"], r.Error)
	}
	if grew := (after.TotalAlloc - before.TotalAlloc) >> 20; grew > 16 {
		t.Errorf("%d MiB for 1000 bytes", grew)
	}
	r = perform(t, g, 20*time.Second, script(`head -c 3000000 /dev/zero; head -c 5 /dev/zero >&2; echo end`))
	if out := r.Fields["stdout"].(string); len(out) != 1<<20 || r.Fields["truncated"] != true || r.Fields["exit"] != 0 || r.Error != nil || len(r.Fields["stderr"].(string)) != 5 {
		t.Errorf("%d bytes, %v, %v", len(out), r.Fields["truncated"], r.Error)
	}
	r = perform(t, g, 20*time.Second, map[string]any{"script": guard.Script{Text: `sh -c 'printf "\377\376é"'`}, "max_output": int64(3)})
	if out := r.Fields["stdout"].(string); strings.ToValidUTF8(out, "") != strings.ReplaceAll(out, "\ufffd", "\ufffd") {
		t.Errorf("%q is no UTF-8", out)
	}
	r = perform(t, g, time.Second, script(`while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done`))
	if out := r.Fields["stdout"].(string); len(out) > 1<<20 || r.Error == nil {
		t.Errorf("%d bytes, %v", len(out), r.Error)
	}
}

func TestStandardInput(t *testing.T) {
	g := toolGuard(t, "cat", "true", "wc", "head", "bash")
	big := strings.Repeat("x", 5<<20)
	for name, c := range map[string]struct {
		options map[string]any
		out     string
	}{
		"empty":                    {map[string]any{"argv": []any{"cat"}}, ""},
		"empty in a script":        {script(`cat; read -r x || echo none`), "none\n"},
		"empty for an interpreter": {map[string]any{"script": guard.Script{Text: `cat; read -r x || echo none`}, "interpreter": []any{"bash"}}, "none\n"},
		"given":                    {map[string]any{"argv": []any{"cat"}, "stdin": "a $(b)\n"}, "a $(b)\n"},
		"given to a script":        {map[string]any{"script": guard.Script{Text: `read -r x; echo "[$x]"`}, "stdin": "a b\n"}, "[a b]\n"},
		"given to an interpreter":  {map[string]any{"script": guard.Script{Text: `cat`}, "stdin": "a", "interpreter": []any{"bash"}}, "a"},
		"large and not read":       {map[string]any{"argv": []any{"true"}, "stdin": big}, ""},
		"large and read":           {map[string]any{"argv": []any{"wc", "-c"}, "stdin": big}, "5242880\n"},
		"large and half read":      {map[string]any{"script": guard.Script{Text: `head -c 3`}, "stdin": big}, "xxx"},
	} {
		r := perform(t, g, 20*time.Second, c.options)
		if got := strings.TrimLeft(r.Fields["stdout"].(string), " "); got != c.out || r.Error != nil || r.Fields["exit"] != 0 {
			t.Errorf("%s: %.40q exit %v %v", name, got, r.Fields["exit"], r.Error)
		}
	}
}

func TestEnvironmentAndFolder(t *testing.T) {
	g := toolGuard(t, "printenv", "bash")
	dir := t.TempDir()
	real, _ := filepath.EvalSymlinks(dir)
	env := map[string]any{"A": "x $(id)\ny", "N": 3}
	for _, options := range []map[string]any{
		{"script": guard.Script{Text: `pwd; printenv A; printenv N`}, "env": env, "dir": dir},
		{"script": guard.Script{Text: `pwd; printenv A; printenv N`}, "env": env, "dir": dir, "interpreter": []any{"bash"}},
	} {
		r := perform(t, g, 10*time.Second, options)
		if got := strings.Replace(r.Fields["stdout"].(string), real, dir, 1); got != dir+"\nx $(id)\ny\n3\n" {
			t.Errorf("%q %v %v", got, r.Error, r.Fields["stderr"])
		}
		for _, name := range []string{"LD_PRELOAD", "PATH", "BASH_ENV", "PAGER"} {
			options["env"] = map[string]any{name: "/evil"}
			if r := perform(t, g, 10*time.Second, options); r.Error == nil || r.Error.Kind != "denied" || !strings.Contains(r.Error.Message, "`"+name+"` under `permissions.env`") {
				t.Errorf("%s: %v %v", name, r.Error, r.Fields)
			}
		}
	}
	for _, options := range []map[string]any{{"argv": []any{"printenv"}, "dir": "/no/such"}, {"script": guard.Script{Text: "printenv"}, "dir": "/no/such"}, {"script": guard.Script{Text: "printenv"}, "dir": "/dev/null"}} {
		if r := perform(t, g, 10*time.Second, options); r.Error == nil || r.Error.Kind != "start" || r.Fields["exit"] != -1 || !strings.Contains(r.Error.Message, options["dir"].(string)) {
			t.Errorf("%v: %v", options, r.Error)
		}
	}
}

// TestArgvIsNoShell: whatever a word holds, it is a word.
func TestArgvIsNoShell(t *testing.T) {
	g := toolGuard(t, "printf")
	for _, v := range []string{"", "; id", "$(id)", "`id`", "a b", "*", "~", "-n", "'", `"`, "a\nb", "日本", "%s", `\`, "{a,b}", "$HOME"} {
		r := perform(t, g, 10*time.Second, map[string]any{"argv": []any{"printf", "[%s]", v, "end"}})
		if got := r.Fields["stdout"]; got != "["+v+"][end]" {
			t.Errorf("%q: %q %v", v, got, r.Error)
		}
	}
	if r := perform(t, g, 10*time.Second, map[string]any{"argv": []any{"printf", "a\x00b"}}); r.Error == nil {
		t.Errorf("a word with NUL was run: %v", r.Fields)
	}
}

// TestDenials: a program is what it is, not what it is called.
func TestDenials(t *testing.T) {
	dir := t.TempDir()
	whoami := filepath.Join(dir, "whoami") // another program under a permitted name
	link := filepath.Join(dir, "link")     // a permitted program under another name
	for path, to := range map[string]string{whoami: "/bin/sh", link: "/bin/cat", filepath.Join(dir, "sh"): "/bin/sh"} {
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "true"), []byte("#!/bin/sh\necho pwned\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	g := toolGuard(t, "whoami", "cat", "true", "echo hi", "env A=1")
	for _, c := range []struct {
		name    string
		options map[string]any
		denied  bool
	}{
		{"by name", map[string]any{"argv": []any{"true"}}, false},
		{"by its own path", map[string]any{"argv": []any{"/bin/true"}}, false},
		{"another program of that name", map[string]any{"argv": []any{whoami, "-c", "echo pwned"}}, true},
		{"another program of that name, in the folder", map[string]any{"argv": []any{"./whoami", "-c", "echo pwned"}, "dir": dir}, true},
		{"another program of that name, in a script", map[string]any{"script": guard.Script{Text: `./true`}, "dir": dir}, true},
		{"another program of that name, by PATH", map[string]any{"script": guard.Script{Text: `PATH=` + dir + `; true; whoami -c 'echo pwned'`}, "dir": dir}, false},
		{"a link to a permitted program", map[string]any{"argv": []any{link, "/dev/null"}}, true},
		{"not permitted", map[string]any{"argv": []any{"ls"}}, true},
		{"not permitted, by path", map[string]any{"argv": []any{"/bin/sh", "-c", "echo pwned"}}, true},
		{"by a crooked path", map[string]any{"argv": []any{"/bin/../bin/sh", "-c", "echo pwned"}}, true},
		{"another argument", map[string]any{"argv": []any{"echo", "ho"}}, true},
		{"an option before the argument", map[string]any{"argv": []any{"echo", "-n", "hi"}}, true},
		{"more arguments", map[string]any{"argv": []any{"echo", "hi", "ho"}}, false},
		{"a word that joins two", map[string]any{"argv": []any{"echo hi"}}, true},
		{"an interpreter", map[string]any{"script": guard.Script{Text: "echo pwned"}, "interpreter": []any{"bash"}}, true},
		{"exec", script(`exec sh -c 'echo pwned'`), true}, {"command", script(`command sh -c 'echo pwned'`), true}, {"a variable", script(`x=sh; $x -c 'echo pwned'`), true},
		{"a function of that name", script(`cat() { sh -c 'echo pwned'; }; cat`), true}, {"an alias", script("shopt -s expand_aliases\nalias cat='sh -c \"echo pwned\"'\ncat"), true},
		{"a hole", script(`"${__rb0}" -c 'echo pwned'`, "sh"), true}, {"in the background", script(`sh -c 'echo pwned' & wait`), true}, {"a denial that is caught", script(`sh -c 'echo pwned' || true; echo on`), true},
		{"a file that is sourced", script(`. ` + filepath.Join(dir, "true")), true}, {"a file that is written", script(`echo hi > ` + filepath.Join(dir, "new")), true}, {"through /dev/fd", script(`echo a > /dev/fd/../../` + dir + `/new`), true},
	} {
		r := perform(t, g, 10*time.Second, c.options)
		if denied := r.Error != nil && r.Error.Kind == "denied"; denied != c.denied {
			t.Errorf("%s: %v %v", c.name, r.Fields, r.Error)
		}
		if out := fmt.Sprint(r.Fields["stdout"], r.Fields["stderr"]); strings.Contains(strings.ReplaceAll(out, "echo pwned", ""), "pwned") || strings.Contains(out, "on\n") && c.denied {
			t.Errorf("%s: it ran: %q", c.name, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a file was written")
	}
}
