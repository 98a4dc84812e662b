//go:build unix

package file

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind/kindtest"
	"runbook/engine/permit"
)

// TestOddFiles: what is no file is named, and never opened: a pipe would block,
// a device might do something.
func TestOddFiles(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	short, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short) // a socket's path has to be short
	listenUnix(t, filepath.Join(short, "socket"))
	write(t, filepath.Join(dir, "shut"), []byte("x"), 0o000)
	write(t, filepath.Join(dir, "in"), []byte("inside"), 0o644)
	write(t, filepath.Join(out, "secret"), []byte("secret"), 0o644)
	for name, target := range map[string]string{"link": "in", "absolute": filepath.Join(dir, "in"), "escape": filepath.Join(out, "secret"), "folder": out, "dangling": "nothing", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	g := guard.New(permit.Set{Read: []string{dir, short, "/dev/null"}}, guard.Options{Env: []string{}})
	defer g.Close()
	at := func(path string) map[string]any { return map[string]any{"path": path, "read": true} }
	cases := []kindtest.Case{
		{Name: "pipe", Options: at(filepath.Join(dir, "pipe")), Verify: is("exists", true, "type", "pipe", "content", ""), Timeout: 2 * time.Second},
		{Name: "socket", Options: at(filepath.Join(short, "socket")), Verify: is("type", "socket")},
		{Name: "device", Options: at("/dev/null"), Verify: is("type", "device", "size", 0)},
		{Name: "link", Options: at(filepath.Join(dir, "link")), Verify: is("content", "inside")},
		{Name: "absolute link", Options: at(filepath.Join(dir, "absolute")), Verify: is("content", "inside")},
		{Name: "link out", Options: at(filepath.Join(dir, "escape")), Error: "denied", Verify: is("exists", false, "content", "", "size", 0)},
		{Name: "through a linked folder", Options: at(filepath.Join(dir, "folder/secret")), Error: "denied"},
		{Name: "link to nothing", Options: at(filepath.Join(dir, "dangling")), Verify: is("exists", false)},
		{Name: "link to itself", Options: at(filepath.Join(dir, "loop")), Error: "access"},
		{Name: "below a file", Options: at(filepath.Join(dir, "in/x")), Verify: is("exists", false)},
	}
	if os.Getuid() != 0 { // who may read everything is let in
		cases = append(cases, kindtest.Case{Name: "shut", Options: at(filepath.Join(dir, "shut")), Error: "access"})
	}
	kindtest.Run(t, New(), g, cases)
}
