package guard

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"runbook/engine/permit"
)

// tree makes a folder with files and links; a value that begins with -> is a
// link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "->"); ok {
			err = os.Symlink(strings.ReplaceAll(target, "DIR", dir), path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there")
	}
	dir := tree(t, map[string]string{
		"in/a.txt": "0123456789", "in/sub/b.txt": "b", "out/secret": "s", "in/rel": "->sub/b.txt", "in/abs": "->DIR/in/sub/b.txt",
		"in/escape": "->../out/secret", "in/far": "->/etc/passwd", "in/folder": "->../out", "in/dangling": "->nothing", "in/dangling-out": "->/no/such/place", "in/loop": "->loop",
		"logs/x.log": "log", "logs/y.txt": "txt", "logs/z.log": "->y.txt", "out/own": "own", "own": "->out/own", "also": "->in",
	})
	g := guardFor(t, permit.Set{Read: []string{filepath.Join(dir, "in"), filepath.Join(dir, "logs/*.log"), filepath.Join(dir, "own"), filepath.Join(dir, "also"), filepath.Join(dir, "none")}}, Options{})
	for _, c := range []struct {
		path, content, denied string
		absent                bool
	}{
		{"in/a.txt", "01234567", "", false}, {"in/sub/b.txt", "b", "", false}, {"in/rel", "b", "", false}, {"in/abs", "b", "", false}, {"also/sub/b.txt", "b", "", false},
		{"in", "", "", false}, {"in/nothing", "", "", true}, {"in/a.txt/x", "", "", true}, {"in/dangling", "", "", true}, {"none", "", "", true}, {"none/x", "", "", true},
		{"in/escape", "", "by a link", false}, {"in/far", "", "by a link", false}, {"in/folder/secret", "", "by a link", false}, {"in/dangling-out", "", "by a link", false},
		{"in/../out/secret", "", "no entry", false}, {"out/secret", "", "no entry", false}, {"inn", "", "no entry", false},
		{"logs/x.log", "log", "", false}, {"logs/y.txt", "", "no entry", false}, {"logs/z.log", "", "by a link", false}, {"own", "own", "", false},
	} {
		f, err := g.ReadFile(filepath.Join(dir, "x")+"/../"+c.path, 8)
		var d *Denied
		switch {
		case c.denied != "":
			if !errors.As(err, &d) || !strings.Contains(d.Error(), c.denied) || f.Info != nil || f.Content != nil {
				t.Errorf("%s: %+v %v", c.path, f, err)
			}
		case err != nil || (f.Info == nil) != c.absent || string(f.Content) != c.content || f.Cut != (c.path == "in/a.txt"):
			t.Errorf("%s: %+v %v", c.path, f, err)
		}
	}
	if _, err := g.ReadFile(filepath.Join(dir, "in/loop"), 8); err == nil {
		t.Error("a loop of links was read")
	}
	if f, err := g.ReadFile(filepath.Join(dir, "in/a.txt"), -1); err != nil || f.Content != nil || f.Info.Size() != 10 {
		t.Errorf("%+v %v", f, err)
	}
}

// TestFileDoor: a door of its own sees what is permitted, and nothing else.
func TestFileDoor(t *testing.T) {
	var seen []string
	door := func(path string, limit int64) (File, error) {
		seen = append(seen, path)
		return File{Content: []byte("drilled")}, nil
	}
	g := guardFor(t, permit.Set{Read: []string{"/etc"}}, Options{ReadFile: door})
	if f, err := g.ReadFile("/etc/passwd", 10); err != nil || string(f.Content) != "drilled" {
		t.Errorf("%+v %v", f, err)
	}
	var d *Denied
	if _, err := g.ReadFile("/var/x", 10); !errors.As(err, &d) || len(seen) != 1 {
		t.Errorf("%v %v", seen, err)
	}
}

// TestReadFileRace swaps a folder for a link to the outside, back and forth, while
// it is read through.
func TestReadFileRace(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there")
	}
	dir := tree(t, map[string]string{"in/d/f": "inside", "out/f": "outside", "in/link": "->../out"})
	g := guardFor(t, permit.Set{Read: []string{filepath.Join(dir, "in")}}, Options{})
	d, link, spare := filepath.Join(dir, "in/d"), filepath.Join(dir, "in/link"), filepath.Join(dir, "in/spare")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(d, spare)
			_ = os.Rename(link, d)
			_ = os.Rename(d, link)
			_ = os.Rename(spare, d)
		}
	}()
	read := 0
	for range 3000 {
		f, err := g.ReadFile(filepath.Join(d, "f"), 100)
		if string(f.Content) == "outside" {
			t.Fatal("a link led out")
		}
		if err == nil && string(f.Content) == "inside" {
			read++
		}
	}
	close(stop)
	<-done
	if read == 0 {
		t.Error("nothing was ever read, so nothing was tested")
	}
}
