package guard

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"runbook/engine/permit"
)

// TestBothMustPermit: programs, files and variables are open where the runbook
// and the one that runs it both open them.
func TestBothMustPermit(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"mine", "ours"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "in"), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outer := permit.Set{Act: []string{"cat", "printenv", "ls"}, Read: []string{filepath.Join(dir, "ours")}, Env: []string{"PAGER"}}
	g := guardFor(t, permit.Set{Act: []string{"cat", "printenv", "id"}, Read: []string{dir}, Env: []string{"PAGER", "EDITOR"}, Within: &outer},
		Options{Env: []string{"PATH=" + os.Getenv("PATH"), "EDITOR=theirs", "PAGER=theirs"}})
	for text, want := range map[string]string{
		`cat < "${__rb0}/ours/in"`:  "ours",
		`PAGER=mine printenv PAGER`: "mine\n", `EDITOR=mine printenv EDITOR`: "theirs\n",
	} {
		if out, err := script(t, g, text, dir); err != nil || out.Stdout != want {
			t.Errorf("%s: %+v %v", text, out, err)
		}
	}
	for name, ok := range map[string]bool{"PAGER": true, "EDITOR": false, "LD_PRELOAD": false, "MINE": true} {
		var d *Denied
		_, err := g.RunProgram(t.Context(), Program{Argv: []string{"printenv", name}, Env: map[string]string{name: "mine"}, Dir: dir, Action: true})
		if ok != (err == nil) || !ok && (!errors.As(err, &d) || d.Entry != name || d.List != "permissions.env") {
			t.Errorf("%s for a program: %v", name, err)
		}
		_, err = g.RunScript(t.Context(), ScriptRun{Script: Script{Text: "printenv " + name}, Env: map[string]string{name: "mine"}, Dir: dir, Action: true})
		if ok != (err == nil) || !ok && !errors.As(err, &d) {
			t.Errorf("%s for a script: %v", name, err)
		}
	}
	for _, text := range []string{`cat < "${__rb0}/mine/in"`, `id`, `ls`} {
		var d *Denied
		if out, err := script(t, g, text, dir); !errors.As(err, &d) {
			t.Errorf("%s: %+v %v", text, out, err)
		}
	}
}
