//go:build unix

package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine/journal"
)

var (
	tortureSeed  = flag.Uint64("torture.seed", 0, "the seed of the torture; 0 takes one by the clock")
	tortureKills = flag.Int("torture.kills", 300, "how often the program is killed")
)

// tortured is how many actions the runbook of the torture has.
const tortured = 200

// victim is a run that is killed again and again. Its actions append to a file and
// call a server; both tell afterwards how often each was done.
type victim struct {
	t      *testing.T
	binary string
	dir    string
	book   string
	state  string
	random *rand.Rand
	pace   *pace

	mu     sync.Mutex
	calls  map[string]int // by action
	kills  int
	doubts int
	doubly map[string]int // how often an action may have been done besides the first time
	sealed map[string]int // how often those were done whose end is in the journal
	last   []byte         // the whole lines of the journal as it was
}

// pace is how long a process takes until it is at work, by what was seen: most kills
// shall hit it then.
type pace struct{ start time.Duration }

// seen learns from the journal when a process that began then was at work.
func (p *pace) seen(began time.Time, log *journal.Log) {
	for _, e := range slices.Backward(log.Events) {
		if e.Type == journal.RunStarted || e.Type == journal.RunResumed {
			if took := e.Time.Sub(began); took > 0 {
				p.start += (took - p.start) / 4
				return
			}
			break
		}
	}
	p.start += p.start / 12 // it was killed before
}

// kill is when the next process is killed: one in five at any instant, the others
// while they are at work.
func (p *pace) kill(r *rand.Rand) time.Duration {
	if r.IntN(5) == 0 {
		return 1 + time.Duration(r.Int64N(int64(p.start)))
	}
	return p.start + time.Duration(r.Int64N(int64(15*time.Millisecond)))
}

// TestTorture kills the program with SIGKILL at random instants, and goes on with the
// run each time, until it is done: again with another run, until there were enough
// kills. No finished action is done again, no event of a journal is lost, every
// action in doubt is reported, and the end is that of an undisturbed run.
func TestTorture(t *testing.T) {
	if slower > 1 {
		t.Skip("it kills a program that was built without the race detector; `make test` runs it by itself")
	}
	seed := *tortureSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again: go test ./cmd/runbook -run TestTorture -torture.seed %d", seed)
	binary := filepath.Join(t.TempDir(), "runbook")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	random := rand.New(rand.NewPCG(seed, 1))
	calm := newVictim(t, binary, random)
	if code, _, errs := calm.life(0, "run", calm.book); code != 0 {
		t.Fatalf("undisturbed: code %d, %s", code, errs)
	}
	want := calm.end()
	p := &pace{start: 50 * time.Millisecond}
	kills, doubts, runs := 0, 0, 0
	began := time.Now()
	for ; kills < *tortureKills && !t.Failed(); runs++ {
		v := newVictim(t, binary, random)
		v.pace = p
		v.toTheEnd(min(100, *tortureKills-kills))
		if got := v.end(); got != want {
			t.Errorf("run %d ended as\n%s\nwant\n%s", runs, got, want)
		}
		kills, doubts = kills+v.kills, doubts+v.doubts
	}
	t.Logf("%d kills in %d runs of %d actions, %d actions in doubt, %s", kills, runs, tortured, doubts, time.Since(began).Round(time.Second))
	if doubts == 0 && *tortureKills >= 100 {
		t.Error("no action was ever in doubt: the torture did not hurt")
	}
}

func newVictim(t *testing.T, binary string, random *rand.Rand) *victim {
	v := &victim{t: t, binary: binary, dir: t.TempDir(), random: random, calls: map[string]int{}, doubly: map[string]int{}, sealed: map[string]int{}}
	v.state, v.book = filepath.Join(v.dir, "state"), filepath.Join(v.dir, "torture.yaml")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		v.calls[strings.TrimPrefix(r.URL.Path, "/")]++
		v.mu.Unlock()
		time.Sleep(3 * time.Millisecond) // it was done; the answer takes its time
	}))
	t.Cleanup(server.Close)
	if err := os.WriteFile(v.book, []byte(tortureBook(server.URL, v.file())), 0o600); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *victim) file() string { return filepath.Join(v.dir, "acts") }

// tortureBook is the runbook: groups of four actions, one after the other or side by
// side, each of another sort.
func tortureBook(server, file string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: runbook/v1\nname: torture\nfacts: {n: {type: int, default: 0}}\npermissions: {observe: [grep], act: [sleep], hosts: [%s], files: {write: [%s]}}\nsteps:\n", server, file)
	for i := 0; i < tortured; i += 4 {
		role := "group"
		if i%8 == 0 {
			role = "parallel"
		}
		fmt.Fprintf(&b, "  - %s: g%d\n    steps:\n", role, i)
		fmt.Fprintf(&b, "      - {action: a%d, shell: \"printf 'a%d\\\\n' >> %s\"}\n", i, i, file)
		fmt.Fprintf(&b, "      - {action: a%d, http: {method: POST, url: %s/a%d}}\n", i+1, server, i+1)
		fmt.Fprintf(&b, "      - {action: a%d, idempotent: true, http: {method: PUT, url: %s/a%d}}\n", i+2, server, i+2)
		fmt.Fprintf(&b, "      - {action: a%d, shell: \"sleep 0.00%d; printf 'a%d\\\\n' >> %s\", check_after: {shell: grep -qx a%d %s}}\n", i+3, i%9, i+3, file, i+3, file)
		fmt.Fprintf(&b, "  - decide: d%d\n    branches: [{id: yes, when: facts.n == %d, facts: {n: %d}}]\n", i, i, i+4)
	}
	return b.String()
}

// life is one process: it is killed after a while, 0 never. Code is -1 for one that
// was.
func (v *victim) life(kill time.Duration, args ...string) (code int, out, errs string) {
	v.t.Helper()
	cmd := exec.Command(v.binary, args...)
	cmd.Env = []string{"HOME=" + v.dir, "RUNBOOK_STATE=" + v.state, "TMPDIR=" + v.dir, "PATH=/usr/bin:/bin", "NO_PROXY=*"}
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	if kill > 0 {
		timer := time.AfterFunc(kill, func() { _ = cmd.Process.Kill() }) // it may be over
		defer timer.Stop()
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		v.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// toTheEnd kills the run at most so often and lets it be done then.
func (v *victim) toTheEnd(kills int) {
	args := []string{"run", v.book}
	for {
		after := time.Duration(0)
		if v.kills < kills {
			after = v.pace.kill(v.random)
		}
		began := time.Now()
		code, _, errs := v.life(after, args...)
		if code == -1 {
			v.kills++
		}
		id := v.look()
		if _, _, log := v.journal(); code != 0 {
			v.pace.seen(began, log)
		}
		switch {
		case v.t.Failed(), code == 0:
			return
		case id == "":
			continue // nothing was begun
		case code != -1 && code != 5:
			v.t.Fatalf("code %d: %s", code, errs)
		}
		answers := v.settled(id)
		if _, _, log := v.journal(); journal.Fold(log.Events).Finished != nil {
			return
		}
		args = append([]string{"resume", id}, answers...)
	}
}

// journal is the only run's journal, with its bytes; "" where none was begun.
func (v *victim) journal() (string, []byte, *journal.Log) {
	v.t.Helper()
	store := &journal.Store{Dir: v.state}
	ids, err := store.IDs()
	if err != nil || len(ids) == 0 {
		return "", nil, &journal.Log{}
	}
	for _, id := range ids {
		data, err := os.ReadFile(filepath.Join(store.Path(id), journal.FileName))
		if err != nil {
			continue // it was killed before there was one
		}
		log, err := journal.Parse(data)
		if err != nil || log.Verify() != nil {
			v.t.Fatalf("%v %v", err, log.Verify())
		}
		if len(log.Events) > 0 {
			return id, data, log
		}
	}
	return "", nil, &journal.Log{}
}

// look holds what the kill left: the journal begins as it did, and what was finished
// was not done again since.
func (v *victim) look() string {
	v.t.Helper()
	id, data, log := v.journal()
	if !bytes.HasPrefix(data, v.last) {
		v.t.Fatalf("an event of the journal was lost: it had %d bytes, and has %d", len(v.last), len(data))
	}
	if id == "" {
		return ""
	}
	v.last = data[:log.Size]
	done := v.done()
	for action, n := range v.sealed {
		if done[action] != n {
			v.t.Errorf("%s had finished, and was done again: %d times, then %d", action, n, done[action])
		}
	}
	for _, e := range log.Events {
		if _, known := v.sealed[e.Step]; e.Type == journal.AttemptFinished && !known && !strings.Contains(e.Key, "check_after") {
			v.sealed[e.Step] = done[e.Step]
		}
	}
	return id
}

// done is how often each action was done, as the file and the server tell.
func (v *victim) done() map[string]int {
	data, err := os.ReadFile(v.file())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		v.t.Fatal(err)
	}
	out := map[string]int{}
	for _, action := range strings.Fields(string(data)) {
		out[action]++
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for action, n := range v.calls {
		out[action] += n
	}
	return out
}

// inDoubt are the actions that began, and of which the journal has neither the end
// nor what somebody said of it.
func inDoubt(log *journal.Log) map[string]bool {
	out := map[string]bool{}
	for _, e := range log.Events {
		switch {
		case e.Type == journal.ApprovalAnswered:
			delete(out, e.Step)
		case strings.Contains(e.Key, ".doubt"):
		case e.Type == journal.AttemptStarted:
			out[e.Step] = true
		case e.Type == journal.AttemptFinished, e.Type == journal.StepFinished:
			delete(out, e.Step)
		}
	}
	return out
}

var (
	pasted = regexp.MustCompile(`--answer '(a\d+)=done'`)
	lives  = regexp.MustCompile(`(a\d+): The process \d+ \(.*\) that it started still runs`)
)

// settled looks what is in doubt, holds that the program reports it, and answers by
// what was really done. What settles itself is counted.
func (v *victim) settled(id string) []string {
	v.t.Helper()
	_, _, log := v.journal()
	doubtful := inDoubt(log)
	before := v.done()
	v.doubts += len(doubtful)
	asks := false
	for action := range doubtful {
		switch number(action) % 4 {
		case 2: // it may be done twice
			if before[action] > v.doubly[action] {
				v.doubly[action]++
			}
		case 3: // its check_after tells
		default:
			asks = true
		}
	}
	if !asks {
		return nil // a resume goes on, and can be killed
	}
	var code int
	var errs string
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		code, _, errs = v.life(0, "resume", id, "--non-interactive")
		if code != 5 || !lives.MatchString(errs) {
			break
		}
		if time.Now().After(end) {
			v.t.Fatal("a process lives for ever: " + errs)
		}
	}
	reported := map[string]bool{}
	for _, m := range pasted.FindAllStringSubmatch(errs, -1) {
		reported[m[1]] = true
	}
	var args []string
	for action := range doubtful {
		switch n := number(action) % 4; {
		case n == 2, n == 3: // a person is not asked
		case !reported[action]:
			v.t.Fatalf("%s is in doubt, and is not reported: code %d, %s", action, code, errs)
		case before[action] > v.doubly[action]:
			args = append(args, "--answer", action+"=done")
		default:
			args = append(args, "--answer", action+"=again")
		}
	}
	for action := range reported {
		if !doubtful[action] {
			v.t.Fatalf("%s is reported, and is not in doubt: %s", action, errs)
		}
	}
	v.look()
	return args
}

func number(action string) int {
	var n int
	_, _ = fmt.Sscanf(action, "a%d", &n) // all actions are named so
	return n
}

// end is how the run ended, without times; and each action was done once, or as
// often more as it may.
func (v *victim) end() string {
	v.t.Helper()
	_, _, log := v.journal()
	state := journal.Fold(log.Events)
	if state.Finished == nil {
		return "not at all"
	}
	done := v.done()
	for i := range tortured {
		action := fmt.Sprintf("a%d", i)
		if n := done[action]; n < 1 || n > 1+v.doubly[action] {
			v.t.Errorf("%s was done %d times; it was in doubt after it had been done %d times", action, n, v.doubly[action])
		}
	}
	var lines []string
	for _, st := range state.Steps {
		lines = append(lines, fmt.Sprint(st.Key, " ", st.Done.Role, " ", st.Done.Verdict))
	}
	slices.Sort(lines)
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, ".doubt") })
	return fmt.Sprintln(state.Finished.Outcome, state.Facts, len(lines)) + strings.Join(lines, "\n")
}
