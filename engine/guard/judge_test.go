//go:build unix

package guard

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"runbook/engine/permit"
)

// TestSwappedBehindTheJudge: a link that is put in place between the check and the
// opening leads nowhere, and nothing behind it is read, made or emptied.
func TestSwappedBehindTheJudge(t *testing.T) {
	for name, c := range map[string]struct {
		path, entry string
		flag        int
		gone, link  string // what is taken away, and the link that takes its place
		to          string
	}{
		"a file":             {"in/f", "in", os.O_RDONLY, "in/f", "in/f", "out/secret"},
		"a file, inside":     {"in/f", "in/f", os.O_RDONLY, "in/f", "in/f", "in/other"},
		"a pattern's file":   {"in/f", "in/f*", os.O_RDONLY, "in/f", "in/f", "in/other"},
		"a folder":           {"in/sub/f", "in", os.O_RDONLY, "in/sub", "in/sub", "out"},
		"a folder, relative": {"in/sub/f", "in", os.O_RDONLY, "in/sub", "in/sub", "in/elsewhere"},
		"to be emptied":      {"in/f", "in", os.O_WRONLY | os.O_CREATE | os.O_TRUNC, "in/f", "in/f", "in/other"},
		"to be made":         {"in/new", "in", os.O_WRONLY | os.O_CREATE, "", "in/new", "out/made"},
		"to be made, inside": {"in/new", "in/new", os.O_WRONLY | os.O_CREATE, "", "in/new", "in/made"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, map[string]string{"in/f": "f", "in/other": "other", "in/sub/f": "f", "in/elsewhere/f": "else", "out/secret": "secret", "out/f": "secret"})
			entry := filepath.Join(dir, c.entry)
			g := guardFor(t, permit.Set{Read: []string{entry}, Write: []string{entry}}, Options{})
			write := c.flag != os.O_RDONLY
			at, err := g.judge(filepath.Join(dir, c.path), write, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.gone != "" {
				if err := os.Rename(filepath.Join(dir, c.gone), filepath.Join(dir, "gone")); err != nil {
					t.Fatal(err)
				}
			}
			target := filepath.Join(dir, c.to)
			if name == "a folder, relative" {
				target = "elsewhere"
			}
			if err := os.Symlink(target, filepath.Join(dir, c.link)); err != nil {
				t.Fatal(err)
			}
			f, err := at.open(c.flag, 0o600)
			if !errors.Is(err, errMoved) {
				t.Errorf("it was opened: %v %v", f, err)
			}
			if _, err := at.stat(false); !errors.Is(err, errMoved) {
				t.Errorf("it was looked at: %v", err)
			}
			for file, want := range map[string]string{"in/other": "other", "out/secret": "secret"} {
				if b, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(b) != want {
					t.Errorf("%s is %q, %v", file, b, err)
				}
			}
			for _, made := range []string{"out/made", "in/made"} {
				if _, err := os.Lstat(filepath.Join(dir, made)); err == nil {
					t.Errorf("%s was made", made)
				}
			}
		})
	}
}

// TestReplacedBehindTheJudge: a file that is replaced by another, as programs do
// with a rename, is opened as it is then.
func TestReplacedBehindTheJudge(t *testing.T) {
	dir := tree(t, map[string]string{"in/f": "old", "in/next": "new"})
	g := guardFor(t, permit.Set{Read: []string{filepath.Join(dir, "in")}}, Options{})
	at, err := g.judge(filepath.Join(dir, "in/f"), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "in/next"), filepath.Join(dir, "in/f")); err != nil {
		t.Fatal(err)
	}
	f, err := at.open(os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 3)
	if _, err := f.Read(b); err != nil || string(b) != "new" {
		t.Errorf("%q %v", b, err)
	}
}

// TestPatterns: what a script's pattern finds is what is permitted, and the
// folders above need no entry.
func TestPatterns(t *testing.T) {
	dir := tree(t, map[string]string{"in/sub/a.log": "1", "in/sub/b.log": "2", "in/sub/c.txt": "3", "logs/x.log": "4", "logs/y.txt": "5", "logs/z.log": "->y.txt"})
	g := guardFor(t, permit.Set{Read: []string{filepath.Join(dir, "in/sub"), filepath.Join(dir, "logs/*.log")}}, Options{})
	for text, want := range map[string]string{
		`cd "$TMPDIR"; : > one; : > two; echo *`:                                         "one two\n",
		`: > "$TMPDIR/f"; for f in "$TMPDIR"/*; do [ -f "$f" ] && echo "${f##*/}"; done`: "f\n",
		`for f in "${__rb0}"/in/sub/*.log; do echo "${f##*/}"; done`:                     "a.log\nb.log\n",
		`for f in "${__rb0}"/in/*/c.txt; do echo no; done`:                               "",
		`for f in "${__rb0}"/logs/*; do echo "${f##*/}"; done`:                           "x.log\nz.log\n",
	} {
		out, err := script(t, g, text, dir)
		var d *Denied
		if want == "" && (!errors.As(err, &d) || d.Entry != filepath.Join(dir, "in")) || want != "" && (err != nil || out.Stdout != want) {
			t.Errorf("%s: %+v %v", text, out, err)
		}
	}
	var d *Denied
	if out, err := script(t, g, `read -r x < "${__rb0}/logs/z.log"`, dir); !errors.As(err, &d) || d.Entry != filepath.Join(dir, "logs/y.txt") {
		t.Errorf("%+v %v", out, err)
	}
}

// TestProgramsByPath: a path is the program that it leads to from the folder in
// which it runs, and an entry means one from the folder of the run.
func TestProgramsByPath(t *testing.T) {
	dir := tree(t, map[string]string{"bin/tool": "#!/bin/sh\necho ours", "other/bin/tool": "#!/bin/sh\necho theirs", "path/named": "#!/bin/sh\necho named", "other/path/named": "#!/bin/sh\necho theirs"})
	for _, f := range []string{"bin/tool", "other/bin/tool", "path/named", "other/path/named"} {
		if err := os.Chmod(filepath.Join(dir, f), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g := guardFor(t, permit.Set{Act: []string{"bin/tool", "named"}, Read: []string{dir}}, Options{Dir: dir, Env: []string{"PATH=" + filepath.Join(dir, "path")}})
	for text, want := range map[string]string{
		`cd "${__rb0}"; bin/tool`: "ours\n", `cd "${__rb0}"; path/named`: "named\n", `cd "${__rb0}/other"; ../path/named`: "named\n", `cd "${__rb0}"; command -v ./bin/tool`: filepath.Join(dir, "bin/tool") + "\n",
		`cd "${__rb0}/other"; bin/tool`: "", `cd "${__rb0}/other"; path/named`: "", `cd "${__rb0}"; ./bin/tool`: "",
	} {
		out, err := script(t, g, text, dir)
		var d *Denied
		if want == "" && !errors.As(err, &d) || want != "" && (err != nil || out.Stdout != want) {
			t.Errorf("%s: %+v %v", text, out, err)
		}
	}
}
