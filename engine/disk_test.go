package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
)

// disk is one that fails once: at a write, in the middle of one, or when what was
// written shall be put on it. From then on it has room again.
type disk struct {
	journal.Disk
	mu    *sync.Mutex
	how   string // write, short, sync, cut (short, and what is there cannot be cut back)
	left  *int
	wrote *int // how many writes and syncs there were
}

func (d disk) fails(what string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if (d.how == "sync") != (what == "sync") {
		return false
	}
	*d.wrote++
	*d.left--
	return *d.left == 0
}

func (d disk) Write(b []byte) (int, error) {
	switch {
	case !d.fails("write"):
		return d.Disk.Write(b)
	case d.how == "write":
		return 0, syscall.EIO
	}
	n, err := d.Disk.Write(b[:len(b)/2])
	return n, errors.Join(err, syscall.ENOSPC)
}

func (d disk) Sync() error {
	if d.fails("sync") {
		return syscall.EIO
	}
	return d.Disk.Sync()
}

func (d disk) Truncate(size int64) error {
	if d.how == "cut" {
		return syscall.EIO
	}
	return d.Disk.Truncate(size)
}

// failing lets a store's disk fail at the nth time; 0 is never. Wrote counts.
func failing(store *journal.Store, how string, n int) (wrote *int) {
	wrote = new(int)
	d := disk{mu: &sync.Mutex{}, how: how, left: &n, wrote: wrote}
	store.Through = func(under journal.Disk) journal.Disk { d.Disk = under; return d }
	return wrote
}

// writtenDown is a runbook whose actions write to ACTS, a line each.
const writtenDown = `
apiVersion: runbook/v1
name: written
facts: {f: {type: string, default: none}}
permissions: {files: {write: [ACTS]}}
steps:
  - action: one
    shell: echo one >> ACTS
    facts: {f: found}
  - check: look
    shell: echo 1
  - parallel: both
    steps:
      - {action: two, shell: "printf 'two\\n' >> ACTS"}
      - {action: three, shell: "printf 'three\\n' >> ACTS", undo: {when: always, auto: true, steps: [{action: back, shell: echo back >> ACTS}]}}
  - decide: which
    branches: [{id: found, when: facts.f == "found", steps: [{action: four, shell: echo four >> ACTS}]}]
  - manual: ask
    instructions: Look
  - action: five
    shell: echo five >> ACTS
    retry: {attempts: 2, delay: 1ms}
    idempotent: true
  - message: told
    text: "{{ .facts.f }}"
finally:
  - {action: last, shell: echo last >> ACTS}
`

// TestWriteErrors lets each write of a run's journal fail, in each way: nothing is
// begun that is not written down, the error says what happened, and a resume ends
// as an undisturbed run does.
func TestWriteErrors(t *testing.T) {
	whole, acts, _ := writes(t, "write", 0)
	if len(acts) != 7 {
		t.Fatal(acts)
	}
	for _, how := range []string{"write", "short", "cut", "sync"} {
		_, _, n := writes(t, how, 0)
		if n < 15 {
			t.Fatalf("%s: only %d", how, n)
		}
		for i := 1; i <= n; i++ {
			t.Run(fmt.Sprintf("%s%d", how, i), func(t *testing.T) {
				t.Parallel()
				end, done, _ := writes(t, how, i)
				slices.Sort(done)
				if want := slices.Sorted(slices.Values(acts)); !slices.Equal(done, want) && !(slices.Contains(done, "five") && slices.Equal(slices.Compact(done), want)) {
					t.Errorf("done: %v, want %v", done, want)
				}
				if end != whole {
					t.Errorf("ended as\n%swant\n%s", end, whole)
				}
			})
		}
	}
}

// writes runs the runbook on a disk that fails at the nth time, resumes it until it
// is over, and gives how it ended, what was done, and how often the disk was asked.
func writes(t *testing.T, how string, n int) (end string, acts []string, wrote int) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "acts")
	rb := load(t, strings.ReplaceAll(writtenDown, "ACTS", file))
	store := &journal.Store{Dir: filepath.Join(dir, "state")}
	count := failing(store, how, n)
	s := engine.Session{Store: store, User: "ada", Ask: func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		switch {
		case q.Kind != "in_doubt":
			return interp.Answer{Choice: "done", By: "ada"}, nil, nil
		case slices.Contains(did(t, file), q.Step):
			return interp.Answer{Choice: "done", By: "ada"}, nil, nil
		}
		return interp.Answer{Choice: "again", By: "ada"}, nil, nil
	}}
	out, err := rb.Run(context.Background(), engine.RunOptions{Session: s})
	wrote = *count
	if n > 0 {
		var lost *journal.KeepError
		if !errors.As(err, &lost) && !errors.Is(err, syscall.EIO) {
			t.Fatalf("it went on: %+v %v", out, err)
		}
		ids, err := store.IDs()
		if err != nil {
			t.Fatal(err)
		}
		if lost != nil && !lost.Begun {
			if len(ids) > 0 || len(did(t, file)) > 0 {
				t.Fatalf("nothing was begun, and %v is left, %v done", ids, did(t, file))
			}
			out, err = rb.Run(context.Background(), engine.RunOptions{Session: s})
			if err != nil {
				t.Fatal(err)
			}
		} else {
			holds(t, store, ids[0], did(t, file))
			_, err = rb.Resume(context.Background(), ids[0], engine.RunOptions{Session: s})
			if err != nil && !strings.Contains(err.Error(), "is over") {
				t.Fatal(err)
			}
			out = &engine.Outcome{Run: ids[0]}
		}
	} else if err != nil {
		t.Fatal(err)
	}
	log, err := store.Read(out.Run)
	if err != nil || log.Torn || log.Verify() != nil {
		t.Fatal(err, log.Verify())
	}
	state := journal.Fold(log.Events)
	end = fmt.Sprintln(state.Finished.Outcome, state.Facts, state.Undo)
	lines := []string{}
	for _, st := range state.Steps {
		lines = append(lines, fmt.Sprintln(st.Key, st.Done.Verdict))
	}
	slices.Sort(lines)
	return end + strings.Join(lines, ""), did(t, file), wrote
}

// holds: all that was done stands in the journal as begun.
func holds(t *testing.T, store *journal.Store, id string, acts []string) {
	t.Helper()
	log, err := store.Read(id)
	if err != nil || log.Verify() != nil {
		t.Fatal(err)
	}
	for _, act := range acts {
		if !slices.ContainsFunc(log.Events, func(e journal.Event) bool { return e.Type == journal.AttemptStarted && e.Step == act }) {
			t.Errorf("%s was done, and its beginning was not written down", act)
		}
	}
}

// did are the lines that the actions wrote.
func did(t *testing.T, file string) []string {
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Fields(string(data))
}

// TestWhatRunsIsEndedWithTheJournal: where the journal can be written no more, what
// runs beside is not left to run.
func TestWhatRunsIsEndedWithTheJournal(t *testing.T) {
	dir := t.TempDir()
	rb := load(t, `
apiVersion: runbook/v1
name: ends
permissions: {act: [sleep], files: {read: [`+dir+`]}}
steps:
  - parallel: both
    steps:
      - {action: long, shell: sleep 600}
      - {action: short, shell: "while ! [ -e `+dir+`/began ]; do :; done"}
`)
	store := &journal.Store{Dir: filepath.Join(dir, "state")}
	left := 0
	d := disk{mu: &sync.Mutex{}, how: "write", left: &left, wrote: new(int)}
	store.Through = func(under journal.Disk) journal.Disk { d.Disk = under; return d }
	s := engine.Session{Store: store, Watch: []func(journal.Event){func(e journal.Event) {
		if e.Type == journal.ProcessStarted {
			d.mu.Lock()
			left = 1
			d.mu.Unlock()
			if err := os.WriteFile(filepath.Join(dir, "began"), nil, 0o600); err != nil {
				t.Error(err)
			}
		}
	}}}
	began := time.Now()
	_, err := rb.Run(context.Background(), engine.RunOptions{Session: s})
	var lost *journal.KeepError
	if !errors.As(err, &lost) || !lost.Begun {
		t.Fatal(err)
	}
	if time.Since(began) > 5*time.Minute {
		t.Error("it was left to run")
	}
}
