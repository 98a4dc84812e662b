//go:build unix

package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/checks"
	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/permit"
	"runbook/engine/runtime/local"
	"runbook/engine/secret"
	"runbook/engine/source"
)

// attempt is a step that tries to do what is not permitted. It is run as every
// step is, with real processes, files and connections, behind a guard that permits
// less than the file says, so that nothing but the guard stands in its way.
type attempt struct {
	step  string // the step in YAML
	set   permit.Set
	doors guard.Options
	said  []string // programs that the file permits besides
}

// came is what came of an attempt.
type came struct {
	code    ExitCode
	kind    string // of the step's error
	message string
	journal string // all events
}

// wide lets `validate` pass over what the guard is to refuse.
const wide = `apiVersion: runbook/v1
name: escape
inputs: {any: {default: "*.example.com"}}
facts: {saw: {default: nothing}}
permissions:
  act: [evil, ./cat, ../bin/evil, cat, "true", ln, ctl, env, sh, xargs, printenv]
  hosts: ["{{ .inputs.any }}"]
  files: {read: [/], write: [/]}
steps:
  - `

func (a attempt) run(t *testing.T) came {
	t.Helper()
	rb, found := Load(source.NewFile("escape.yaml", []byte(strings.Replace(wide, "[evil,", "["+strings.Join(append(a.said, "evil,"), ", "), 1)+a.step+"\n")))
	if rb == nil {
		t.Fatalf("%s\n%v", a.step, found)
	}
	m := secret.NewMasker()
	store := secret.NewStore(m, nil, func(string) (string, bool) { return "", false }, nil)
	state, events := journal.NewState(), []journal.Event{}
	w, err := journal.Create("", "r1", journal.Options{Memory: true, Mask: m, Watch: []func(journal.Event){state.Apply, func(e journal.Event) { events = append(events, e) }}})
	if err != nil {
		t.Fatal(err)
	}
	g := guard.New(a.set, a.doors)
	defer g.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, _, err := local.Run(ctx, rb.Plan, local.Options{Journal: w, Kinds: checks.All(), Guard: g, Secrets: store, Masker: m},
		interp.Options{Run: "r1", User: "tester", Inputs: map[string]any{"any": "*.example.com"}, Present: store.Present})
	if err != nil {
		t.Fatal(err)
	}
	all, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	got := came{code: code(out, state), journal: string(all)}
	if done := state.Step("try").Done; done != nil && done.Error != nil {
		got.kind, got.message = done.Error.Kind, done.Error.Message
	}
	return got
}

var named = regexp.MustCompile("the entry `([^`]*)` under `permissions\\.([a-z.]+)` would permit it$")

// permits gives the set with the entry that a denial names.
func permits(t *testing.T, s permit.Set, message string) (permit.Set, string) {
	t.Helper()
	m := named.FindStringSubmatch(message)
	if m == nil {
		t.Fatalf("no entry is named: %s", message)
	}
	list := map[string]*[]string{"act": &s.Act, "observe": &s.Observe, "hosts": &s.Hosts, "files.read": &s.Read, "files.write": &s.Write}[m[2]]
	*list = append(slices.Clone(*list), m[1])
	return s, m[2] + " " + m[1]
}

// denied holds that an attempt was denied, in every way that a denial shows, and
// gives the entry that it names.
func denied(t *testing.T, got came) {
	t.Helper()
	if got.code != ExitDenied || got.kind != "denied" {
		t.Fatalf("exit %d, error %q: %s\n%s", got.code, got.kind, got.message, got.journal)
	}
	told := 0
	var events []journal.Event
	if err := json.Unmarshal([]byte(got.journal), &events); err != nil {
		t.Fatal(err)
	}
	quoted, _ := json.Marshal(got.message) // a string
	for _, e := range events {
		if (e.Type == journal.StepFinished || e.Type == journal.AttemptFinished) && strings.Contains(string(e.Data), `"denied"`) && strings.Contains(string(e.Data), string(quoted)) {
			told++
		}
	}
	if told != 2 {
		t.Errorf("%d events of the journal tell of the denial: %s", told, got.journal)
	}
}

// TestEscapesOfScripts: no spelling of a script does what is not permitted. Once
// the entries that the denials name are there, each takes effect: the attempts are
// real.
func TestEscapesOfScripts(t *testing.T) {
	start := time.Now()
	for i, e := range escapes {
		t.Run(fmt.Sprintf("%02d %s", i, e.name), func(t *testing.T) {
			if e.linux && runtime.GOOS != "linux" {
				t.Skip("there is no /proc here")
			}
			yard := newYard(t)
			a := attempt{step: yard.step(t, e.script), set: yard.set(), doors: yard.doors()}
			if e.also != "" {
				a.set.Act, a.said = append(a.set.Act, e.also), append(a.said, e.also)
			}
			if program, ok := strings.CutPrefix(strings.ReplaceAll(e.entry, "{D}", yard.dir), "act "); ok {
				a.said = append(a.said, program)
			}
			if strings.Contains(e.script, "{D}/bin/evil") {
				a.said = append(a.said, yard.dir+"/bin/evil")
			}
			got := a.run(t)
			denied(t, got)
			if yard.took(got) {
				t.Fatalf("it took effect: %s", got.journal)
			}
			var entry string
			if a.set, entry = permits(t, a.set, got.message); entry != strings.ReplaceAll(e.entry, "{D}", yard.dir) {
				t.Errorf("the entry `%s` is named, not `%s`", entry, e.entry)
			}
			for range 4 {
				if got = a.run(t); got.kind != "denied" {
					break
				}
				a.set, _ = permits(t, a.set, got.message)
			}
			if got.kind == "denied" || !e.inert && !yard.took(got) {
				t.Errorf("with all that was named, it came to %d %s: %s", got.code, got.message, got.journal)
			}
		})
	}
	if took := time.Since(start); took > 15*time.Second && !testing.Short() {
		t.Logf("the attempts took %s", took)
	}
}

// yard is the place in which scripts try: what they may read and write, what is
// hidden from them, and programs.
type yard struct{ dir string }

func newYard(t *testing.T) yard {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	y := yard{dir}
	for name, text := range map[string]string{
		"hidden/secret": "hidden-content\n", "hidden/script": "echo SE''EN\n", "hidden/tool": "#!/bin/sh\n",
		"in/names": "evil\n", "in/script": "evil\n", "in/data": "data\n", "out/data": "data\n", "out/sub/data": "data\n",
		"bin/evil": "#!/bin/sh\necho > " + dir + "/witness\n", "bin/ctl": "#!/bin/sh\n[ \"$1\" = get ] || echo > " + dir + "/witness\n", "theirs/cat": "#!/bin/sh\necho > " + dir + "/witness\n",
	} {
		path, mode := filepath.Join(dir, name), os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{
		"in/link": "../hidden/secret", "in/abs": dir + "/hidden/secret", "in/folder": "../hidden", "in/twice": "link", "in/code": "../hidden/script",
		"out/link": "../hidden/secret", "out/folder": dir + "/hidden", "out/dangling": "../hidden/made", "out/twice": "dangling",
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return y
}

func (y yard) set() permit.Set {
	return permit.Set{Act: []string{"cat", "true", "ln", "ctl get", "printenv"}, Read: []string{y.dir + "/in"}, Write: []string{y.dir + "/out"}}
}

func (y yard) doors() guard.Options {
	return guard.Options{Env: []string{"PATH=" + y.dir + "/bin:" + os.Getenv("PATH"), "HOME=" + y.dir + "/in"}, Dir: y.dir + "/in", Grace: time.Second}
}

func (y yard) step(t *testing.T, script string) string {
	t.Helper()
	b, err := json.Marshal(strings.ReplaceAll(script, "{D}", y.dir))
	if err != nil {
		t.Fatal(err)
	}
	return "{action: try, shell: {script: " + string(b) + "}}"
}

// took reports whether an attempt took effect: a program ran, a file was made or
// changed, or what is hidden was seen.
func (y yard) took(got came) bool {
	for _, made := range []string{"witness", "hidden/made", "in/made"} {
		if _, err := os.Lstat(filepath.Join(y.dir, made)); err == nil {
			return true
		}
	}
	kept, err := os.ReadFile(filepath.Join(y.dir, "hidden/secret"))
	return err != nil || string(kept) != "hidden-content\n" || strings.Contains(got.journal, "hidden-content") || strings.Contains(got.journal, "SEEN")
}

// TestVariablesOfScripts: variables that change what a permitted program runs do
// not reach it, nor do they change which program is found.
func TestVariablesOfScripts(t *testing.T) {
	for _, script := range []string{
		`PATH={D}/theirs cat {D}/in/data`, `export PATH={D}/theirs; cat {D}/in/data`, `PATH={D}/theirs:$PATH; cat {D}/in/data`, `eval 'export PATH={D}/theirs'; cat {D}/in/data`,
		`export LD_PRELOAD=forced; printenv LD_PRELOAD || echo none`, `LD_LIBRARY_PATH=forced printenv LD_LIBRARY_PATH || echo none`, `DYLD_INSERT_LIBRARIES=forced printenv DYLD_INSERT_LIBRARIES || echo none`,
		`BASH_ENV=forced printenv BASH_ENV || echo none`, `declare -x PAGER=forced; printenv PAGER || echo none`, `EDITOR=forced printenv EDITOR || echo none`, `GIT_SSH_COMMAND=forced printenv GIT_SSH_COMMAND || echo none`,
		`GIT_CONFIG_COUNT=forced printenv GIT_CONFIG_COUNT || echo none`, `PYTHONPATH=forced printenv PYTHONPATH || echo none`, `RSYNC_RSH=forced printenv RSYNC_RSH || echo none`, `PSQL_PAGER=forced printenv PSQL_PAGER || echo none`,
		`KUBECTL_EXTERNAL_DIFF=forced printenv KUBECTL_EXTERNAL_DIFF || echo none`, `SHELL=forced; [ "$(printenv SHELL || echo none)" = forced ] || echo none`, `LESS=+!forced printenv LESS || echo none`, `PYTHONWARNINGS=forced printenv PYTHONWARNINGS || echo none`,
		`set -a; SUDO_EDITOR=forced; printenv SUDO_EDITOR || echo none`, `declare -n r=LD_PRELOAD; export r=forced; printenv LD_PRELOAD || echo none`, `read -r LD_PRELOAD <<< forced; export LD_PRELOAD; printenv LD_PRELOAD || echo none`,
		`for LD_PRELOAD in forced; do export LD_PRELOAD; printenv LD_PRELOAD || echo none; done`, `: "${GIT_PAGER:=forced}"; export GIT_PAGER; printenv GIT_PAGER || echo none`, `PATH={D}/theirs command cat {D}/in/data`, `PATH={D}/theirs builtin command cat {D}/in/data`,
		`unset PATH; cat {D}/in/data`, `PATH=; cat {D}/in/data`, `readonly PATH={D}/theirs; cat {D}/in/data`,
		`GLIBC_TUNABLES=forced printenv GLIBC_TUNABLES || echo none`, `export OPENSSL_CONF=forced; (printenv OPENSSL_CONF) || echo none`,
	} {
		yard := newYard(t)
		got := attempt{step: yard.step(t, script), set: yard.set(), doors: yard.doors()}.run(t)
		if got.code != ExitOK || yard.took(got) || strings.Contains(got.journal, `"stdout":"forced`) || !strings.Contains(got.journal, `"stdout":"none`) && !strings.Contains(got.journal, `"stdout":"data`) {
			t.Errorf("%s: %d %s %s", script, got.code, got.message, got.journal)
		}
	}
}
