package emulator_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/scenario"
	"runbook/engine/source"
)

// TestNothingIsReal plays every scenario of the library, and looks at each event
// for sockets, files and processes of this program that were not there before.
// Programs cannot be found, and temporary files cannot be made.
func TestNothingIsReal(t *testing.T) {
	t.Setenv("PATH", "/nowhere")
	t.Setenv("TMPDIR", "/nowhere")
	paths, err := filepath.Glob("../../../runbooks/*" + scenario.Suffix)
	if err != nil || len(paths) == 0 {
		t.Fatal("no scenarios", err)
	}
	goroutines, before := runtime.NumGoroutine(), opened(t)
	for _, path := range paths {
		rb, file := load(t, path)
		for _, sc := range file.Scenarios {
			watch, real := before.watch(t)
			res, err := rb.Test(context.Background(), engine.TestOptions{Scenario: sc, Watch: []func(journal.Event){watch}})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range res.Failures {
				t.Errorf("%s: %s", sc.Name, f)
			}
			if len(*real) > 0 {
				t.Errorf("%s: %s", sc.Name, strings.Join(*real, "\n"))
			}
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= goroutines && len(opened(t)) <= len(before) {
			return
		}
		time.Sleep(10 * time.Millisecond)
		runtime.GC() // pipes of scripts that read no standard input are closed by it
	}
	t.Errorf("%d goroutines are left of %d, and %v", runtime.NumGoroutine(), goroutines, opened(t))
}

// TestADrillIsReal: what the test above looks for is there to be seen.
func TestADrillIsReal(t *testing.T) {
	rb, file := load(t, "../../../runbooks/hubspot"+scenario.Suffix)
	watch, real := opened(t).watch(t)
	if _, err := rb.Run(context.Background(), engine.RunOptions{Scenario: file.Find("healthy"), Session: engine.Session{Watch: []func(journal.Event){watch}}}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(*real, "\n"), "socket:") {
		t.Errorf("no socket among %q", *real)
	}
}

// watch notes what is there at an event that was not there before.
func (h handles) watch(t *testing.T) (func(journal.Event), *[]string) {
	var found []string
	return func(e journal.Event) {
		for _, what := range opened(t) {
			if !h.has(what) && !strings.HasPrefix(what, "pipe:") { // those between the parts of a script
				found = append(found, fmt.Sprintf("at %s of %s there is %s", e.Type, e.Key, what))
			}
		}
	}, &found
}

// handles are what this process has open, and its children.
type handles []string

func (h handles) has(what string) bool {
	for _, x := range h {
		if x == what {
			return true
		}
	}
	return false
}

func opened(t *testing.T) handles {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list what a process has open")
	}
	var out handles
	for _, e := range list {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(to, "/proc/") {
			out = append(out, to)
		}
	}
	if b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid())); err == nil && len(b) > 0 {
		out = append(out, "the processes "+string(b))
	}
	return out
}

func load(t *testing.T, path string) (*engine.Runbook, *scenario.File) {
	t.Helper()
	open := func(name string) *source.File {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return source.NewFile(filepath.Base(name), data)
	}
	rb, found := engine.Load(open(strings.TrimSuffix(path, scenario.Suffix)+".yaml"), engine.WithFiles(func(_ *source.File, name string) (*source.File, error) {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
		return source.NewFile(name, data), err
	}))
	if rb == nil {
		t.Fatal(found)
	}
	file, found := rb.Scenarios(open(path))
	if file == nil {
		t.Fatal(found)
	}
	return rb, file
}
