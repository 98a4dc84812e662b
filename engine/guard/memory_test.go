package guard

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"runbook/engine/permit"
)

// TestMemory: files in memory behave as those of a system do.
func TestMemory(t *testing.T) {
	m := NewMemory()
	m.mkdir("/tmp/x/")
	write := func(name string, flag int, text string) error {
		f, err := m.open(name, flag, false)
		if err == nil {
			_, err = io.WriteString(f, text)
		}
		return err
	}
	read := func(name string) string {
		f, err := m.open(name, os.O_RDONLY, false)
		if err != nil {
			return err.Error()
		}
		b, err := io.ReadAll(f)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	for _, c := range []struct {
		name string
		flag int
		text string
		want error
		then string
	}{
		{"/tmp/x/a", os.O_CREATE | os.O_WRONLY | os.O_TRUNC, "one", nil, "one"},
		{"/tmp/x/../x/a", os.O_CREATE | os.O_WRONLY | os.O_APPEND, "two", nil, "onetwo"},
		{"/tmp/x/a", os.O_RDWR, "T", nil, "Tnetwo"},
		{"/tmp/x/a", os.O_CREATE | os.O_WRONLY | os.O_TRUNC, "", nil, ""},
		{"/tmp/x/a", os.O_CREATE | os.O_EXCL | os.O_WRONLY, "", fs.ErrExist, ""},
		{"/tmp/x/b", os.O_WRONLY, "", fs.ErrNotExist, "open /tmp/x/b: no such file or directory"},
		{"/tmp/y/b", os.O_CREATE | os.O_WRONLY, "", fs.ErrNotExist, "open /tmp/y/b: no such file or directory"},
	} {
		if err := write(c.name, c.flag, c.text); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := read(c.name); got != c.then {
			t.Errorf("%s holds %q, want %q", c.name, got, c.then)
		}
	}
	if _, err := m.open("/tmp/x", os.O_WRONLY, false); err == nil {
		t.Error("a folder can be written")
	}
	if list, err := m.readDir("/tmp/x"); err != nil || len(list) != 1 || list[0].Name() != "a" {
		t.Errorf("%v %v", list, err)
	}
	m.removeAll("/tmp/x")
	if _, err := m.stat("/tmp/x/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// emulated is a guard whose world is in memory: commands say what they are.
func emulated() *Guard {
	return New(permit.Set{Observe: []string{"say", "take"}, Read: []string{"/etc/x"}, Write: []string{"/srv"}}, Options{
		Files: NewMemory(), Dir: "/", Env: []string{"HOME=/home/x"},
		ReadFile: func(path string, _ int64) (File, error) {
			if path == "/etc/x/there" {
				return File{Info: memoryInfo{name: "there", size: 5}, Content: []byte("there\n")}, nil
			}
			return File{}, nil
		},
		Run: func(_ context.Context, c Command) (int, error) {
			in := ""
			if c.Argv[0] == "take" {
				b, err := io.ReadAll(c.Stdin)
				if err != nil {
					return 1, err
				}
				in = string(b)
			}
			_, err := io.WriteString(c.Stdout, strings.Join(c.Argv[1:], " ")+in+"\n")
			return 0, err
		},
	})
}

// TestScriptsInMemory: the embedded shell sees a world that is not this machine.
func TestScriptsInMemory(t *testing.T) {
	for script, want := range map[string]string{
		`pwd; echo "$HOME"`: "/\n/home/x\n",
		`echo a > "$TMPDIR/f"; echo b >> "$TMPDIR/f"; while read -r l; do echo "<$l>"; done < "$TMPDIR/f"`:     "<a>\n<b>\n",
		`read -r x < /etc/x/there; echo "$x"; [ -e /etc/x/none ] || echo none; [ -f /etc/x/there ] && echo is`: "there\nnone\nis\n",
		`echo a > /srv/new; read -r x < /dev/null || echo end; echo out > /dev/stdout; echo no > /dev/null`:    "end\nout\n",
		`say a | say b | take c`:                          "cb\n\n",
		`say a | while read -r x; do say "$x$x"; done`:    "aa\n",
		`x=$(say a); say "$x" | { read -r y; say "$y"; }`: "a\n",
	} {
		g := emulated()
		out, err := g.RunScript(context.Background(), ScriptRun{Script: Script{Text: script}, Dir: "/"})
		if err != nil || out.Stdout != want || out.Exit != 0 {
			t.Errorf("%s: %q %q %d %v, want %q", script, out.Stdout, out.Stderr, out.Exit, err, want)
		}
		g.Close()
	}
	g := emulated()
	defer g.Close()
	out, err := g.RunScript(context.Background(), ScriptRun{Script: Script{Text: `read -r x < /etc/other`}, Dir: "/"})
	var denied *Denied
	if !errors.As(err, &denied) {
		t.Errorf("%+v %v", out, err)
	}
	if out, err := g.RunScript(context.Background(), ScriptRun{Script: Script{Text: `pwd`}, Dir: "/no/such"}); err != nil || out.Stdout != "/no/such\n" {
		t.Errorf("%+v %v", out, err)
	}
	if _, err := g.LibraryFile("/etc/x/there", false); err == nil {
		t.Error("a library may open a real file")
	}
}

// TestOwnersInMemory: a script may ask who owns a file that no system knows.
func TestOwnersInMemory(t *testing.T) {
	g := guardFor(t, permit.Set{Read: []string{"/srv"}}, Options{Files: NewMemory(), Dir: "/", Run: func(context.Context, Command) (int, error) { return 0, nil }})
	out, err := g.RunScript(t.Context(), ScriptRun{Dir: "/", Script: Script{Text: `: > "$TMPDIR/f"; [ -O "$TMPDIR/f" ] && [ -G "$TMPDIR/f" ] && [ -r "$TMPDIR/f" ] && echo ours; [ -r /srv/none ] || echo none; for f in "$TMPDIR"/*; do echo "${f##*/}"; done`}})
	if err != nil || out.Stdout != "ours\nnone\nf\n" {
		t.Errorf("%+v %v", out, err)
	}
}
