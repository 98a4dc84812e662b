package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/engine/journal"
)

// terminal is a run at a terminal of its own.
type terminal struct {
	t        *testing.T
	dir      string
	cmd      *exec.Cmd
	keys     *os.File // the person's end
	program  *os.File // the program's end
	mu       sync.Mutex
	screen   bytes.Buffer
	readOver chan struct{}
}

// atTerminal begins a command in a folder that holds r.yaml, at a terminal that it
// controls.
func atTerminal(t *testing.T, dir, text string, args ...string) *terminal {
	t.Helper()
	if text != "" {
		if err := os.WriteFile(filepath.Join(dir, "r.yaml"), []byte("apiVersion: runbook/v1\nname: r\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip(err)
	}
	keys := os.NewFile(uintptr(fd), "keys") // not blocking: it can be closed while it is read
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, dir: dir, keys: keys, program: program, readOver: make(chan struct{})}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	x.cmd = exec.Command(self, args...)
	x.cmd.Dir, x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = dir, program, program, program
	x.cmd.Env = append(os.Environ(), "RUNBOOK_TEST_MAIN=1", "TERM=xterm", "RUNBOOK_STATE="+filepath.Join(dir, "state"))
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if signal.Ignored(syscall.SIGHUP) { // the tests run under nohup, which the program would honour: what is caught is not handed on
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.cmd.Process.Kill() }) // it has ended, where all is well
	go func() {
		defer close(x.readOver)
		b := make([]byte, 4096)
		for {
			n, err := keys.Read(b)
			x.mu.Lock()
			x.screen.Write(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return x
}

func (x *terminal) seen() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

// until waits for something to be so.
func (x *terminal) until(what string, is func() bool) {
	x.t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			x.t.Fatalf("never: %s\n%s", what, x.seen())
		}
	}
}

func (x *terminal) shows(text string) {
	x.t.Helper()
	x.until(text, func() bool { return strings.Contains(x.seen(), text) })
}

func (x *terminal) types(text string) {
	x.t.Helper()
	if _, err := x.keys.WriteString(text); err != nil {
		x.t.Fatal(err)
	}
}

// echoes says whether the terminal shows what is typed.
func (x *terminal) echoes() bool {
	s, err := unix.IoctlGetTermios(int(x.program.Fd()), unix.TCGETS)
	return err == nil && s.Lflag&unix.ECHO != 0
}

func (x *terminal) echo() {
	s, err := unix.IoctlGetTermios(int(x.program.Fd()), unix.TCGETS)
	if err == nil {
		s.Lflag |= unix.ECHO
		err = unix.IoctlSetTermios(int(x.program.Fd()), unix.TCSETS, s)
	}
	if err != nil {
		x.t.Fatal(err)
	}
}

// ends waits for the program's end and holds its exit code.
func (x *terminal) ends(code int) {
	x.t.Helper()
	over := make(chan struct{})
	go func() { _ = x.cmd.Wait(); close(over) }() // the code says it
	x.until("the end", func() bool {
		select {
		case <-over:
			return true
		default:
			return false
		}
	})
	if got := x.cmd.ProcessState.ExitCode(); got != code {
		x.t.Errorf("exit code %d, not %d\n%s", got, code, x.seen())
	}
}

// outcome reads the journal of the only run: whole, and with its end.
func (x *terminal) outcome() string {
	x.t.Helper()
	store := &journal.Store{Dir: filepath.Join(x.dir, "state")}
	ids, err := store.IDs()
	if err != nil || len(ids) != 1 {
		x.t.Fatal(ids, err)
	}
	log, err := store.Read(ids[0])
	if err == nil {
		err = log.Verify()
	}
	if err != nil {
		x.t.Fatal(err)
	}
	if store.Busy(ids[0]) {
		x.t.Error("its lock is still held")
	}
	return journal.Fold(log.Events).Status(false)
}

const asksSecret = "steps: [{manual: m, instructions: x, collect: {v: {type: string, secret: true}}}]\nfinally: [{message: said, text: over}]\n"

// TestStopWhileASecretIsTyped: the person gets the echo back, whatever ends it.
func TestStopWhileASecretIsTyped(t *testing.T) {
	for what, stop := range map[string]func(*terminal){
		"Ctrl-C":  func(x *terminal) { x.types("\x03") },
		"SIGTERM": func(x *terminal) { _ = x.cmd.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":  func(x *terminal) { _ = x.cmd.Process.Signal(syscall.SIGHUP) },
	} {
		x := atTerminal(t, t.TempDir(), asksSecret, "run", "r.yaml")
		x.shows("Done?")
		x.types("yes\n")
		x.shows("v (string)")
		x.until("no echo", func() bool { return !x.echoes() })
		stop(x)
		x.ends(130)
		if got := x.outcome(); got != "cancelled" || !x.echoes() {
			t.Errorf("%s: %s, echo: %v", what, got, x.echoes())
		}
	}
}

// TestAsideWhileASecretIsTyped: Ctrl-Z gives the shell its echo, and `fg` does not
// show the secret, though the shell has set the terminal meanwhile.
func TestAsideWhileASecretIsTyped(t *testing.T) {
	x := atTerminal(t, t.TempDir(), asksSecret, "run", "r.yaml")
	x.shows("Done?")
	x.types("yes\n")
	x.shows("v (string)")
	x.until("no echo", func() bool { return !x.echoes() })
	for range 2 {
		x.types("\x1a")
		x.until("stopped", func() bool {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", x.cmd.Process.Pid))
			return err == nil && strings.Contains(string(stat), ") T ")
		})
		if !x.echoes() {
			t.Error("the shell has no echo")
		}
		x.echo()
		if err := x.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		x.until("no echo", func() bool { return !x.echoes() })
	}
	x.types("hunter2-hunter2\n")
	x.ends(0)
	if got := x.outcome(); got != "completed" || strings.Contains(x.seen(), "hunter2") || !x.echoes() {
		t.Errorf("%s, echo: %v\n%s", got, x.echoes(), x.seen())
	}
}

const owes = `permissions: {act: [touch]}
steps:
  - {action: a, shell: touch did, undo: {when: failure, steps: [{action: b, shell: touch undone}]}}
  - {action: f, shell: exit 3}
finally: [{message: said, text: over}]
`

// TestStopAtAnUndo: whoever leaves the question open, or loses the terminal, finds
// the run closed, and the undo owed until `runbook undo`.
func TestStopAtAnUndo(t *testing.T) {
	for what, stop := range map[string]func(*terminal){
		"Ctrl-C":             func(x *terminal) { x.types("\x03") },
		"later":              func(x *terminal) { x.types("what\nlater\n") },
		"SIGTERM":            func(x *terminal) { _ = x.cmd.Process.Signal(syscall.SIGTERM) },
		"the terminal close": func(x *terminal) { x.program.Close(); x.keys.Close() },
	} {
		dir := t.TempDir()
		x := atTerminal(t, dir, owes, "run", "r.yaml")
		x.shows("Undo it now?")
		stop(x)
		x.ends(1)
		if got := x.outcome(); got != "failed" {
			t.Errorf("%s: %s", what, got)
		}
		for _, c := range []struct {
			keys string
			code int
		}{{"\x03", 5}, {"later\n", 5}, {"yes\n", 0}} {
			if _, err := os.Stat(filepath.Join(dir, "undone")); err == nil {
				t.Errorf("%s: it was undone already", what)
			}
			x = atTerminal(t, dir, "", "undo", "last")
			x.shows("Undo it now?")
			x.types(c.keys)
			x.ends(c.code)
		}
		if _, err := os.Stat(filepath.Join(dir, "undone")); err != nil || x.outcome() != "failed" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestTerminalCloses while a step runs: the run is cancelled, and its journal closed.
func TestTerminalCloses(t *testing.T) {
	x := atTerminal(t, t.TempDir(), "permissions: {act: [sh]}\nsteps: [{action: a, shell: {argv: [sh, -c, touch began; sleep 300]}}]\nfinally: [{message: said, text: over}]\n", "run", "r.yaml")
	x.until("a", func() bool { _, err := os.Stat(filepath.Join(x.dir, "began")); return err == nil })
	x.program.Close()
	x.keys.Close()
	x.ends(130)
	if got := x.outcome(); got != "cancelled" {
		t.Error(got)
	}
}
