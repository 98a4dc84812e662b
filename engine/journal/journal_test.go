package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func written(t *testing.T) (string, []Event) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	var seen []Event
	w, err := Create(dir, "r1", Options{Watch: []func(Event){func(e Event) { seen = append(seen, e) }}})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range []any{RunStartedData{Mode: "run", Facts: map[string]any{"a": 1}}, FactSetData{Name: "a", Value: "<é>"}, RunFinishedData{Outcome: "resolved"}} {
		if _, err := w.Append([]Type{RunStarted, FactSet, RunFinished}[i], "", "", d, i != 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, seen
}

func TestWriteReadVerify(t *testing.T) {
	dir, seen := written(t)
	l, err := ReadFile(filepath.Join(dir, FileName))
	if err != nil || l.Torn || len(l.Events) != 3 || l.Verify() != nil || l.Head() != seen[2].Hash {
		t.Fatalf("%+v %v", l, err)
	}
	st, _ := os.Stat(filepath.Join(dir, FileName))
	dst, _ := os.Stat(dir)
	if st.Mode().Perm() != 0o600 || dst.Mode().Perm() != 0o700 {
		t.Errorf("modes are %v and %v", st.Mode(), dst.Mode())
	}
	s := Fold(l.Events)
	if s.Facts["a"] != "<é>" || s.Finished.Outcome != "resolved" || s.Status(false) != "resolved" {
		t.Errorf("%+v", s)
	}
}

func TestVerifyNamesTheFirstBadEvent(t *testing.T) {
	dir, _ := written(t)
	data, _ := os.ReadFile(filepath.Join(dir, FileName))
	lines := bytes.SplitAfter(data, []byte("\n"))
	for name, c := range map[string]struct {
		data []byte
		seq  int64
	}{
		"edited":  {bytes.Replace(data, []byte("<é>"), []byte("<e>"), 1), 2},
		"removed": {append(append([]byte{}, lines[0]...), lines[2]...), 2},
		"swapped": {append(append(append([]byte{}, lines[1]...), lines[0]...), lines[2]...), 1},
	} {
		l, err := Parse(c.data)
		if err != nil {
			t.Fatal(err)
		}
		var d *DamageError
		if err := l.Verify(); !errors.As(err, &d) || d.Seq != c.seq {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTornLastLine(t *testing.T) {
	dir, _ := written(t)
	path := filepath.Join(dir, FileName)
	data, _ := os.ReadFile(path)
	if err := os.WriteFile(path, data[:len(data)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	w, events, err := Open(dir, "r1", Options{})
	if err != nil || len(events) != 2 {
		t.Fatalf("%d %v", len(events), err)
	}
	if _, err := w.Append(RunFinished, "", "", RunFinishedData{Outcome: "failed"}, true); err != nil {
		t.Fatal(err)
	}
	w.Close()
	l, err := ReadFile(path)
	if err != nil || l.Torn || len(l.Events) != 3 || l.Verify() != nil {
		t.Errorf("%+v %v", l, err)
	}
	if _, err := Parse([]byte("{}\nnope\n{}\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a broken line in the middle: %v", err)
	}
}

func TestOneWriter(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, "r1", Options{User: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append(RunStarted, "", "", nil, false); err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	host, _ := os.Hostname()
	if _, _, err := Open(dir, "r1", Options{}); !errors.As(err, &locked) || !strings.Contains(err.Error(), fmt.Sprintf("is under way: held by process %d of ada on %s since 20", os.Getpid(), host)) || locked.Elsewhere != "" {
		t.Errorf("%v", err)
	}
	w.Close()
	// What a process of this machine left is taken over, what one of another left is
	// not: it may live, and its lock not be seen here.
	lock := filepath.Join(dir, "lock")
	for left, takes := range map[string]bool{"": true, "process 12 of bob on " + host + " since 2026-01-02T03:04:05Z\n": true, "process 12 of bob on " + host + ".other since 2026-01-02T03:04:05Z\n": false} {
		if err := os.WriteFile(lock, []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		again, _, err := Open(dir, "r1", Options{})
		if takes != (err == nil) || !takes && (!errors.As(err, &locked) || !strings.Contains(err.Error(), "remove "+lock+" and resume again")) {
			t.Errorf("%q: %v", left, err)
		}
		if err == nil {
			again.Close()
		}
	}
	if _, err := w.Append(RunStarted, "", "", nil, false); err == nil {
		t.Error("a closed journal took an event")
	}
}

type upper struct{}

func (upper) MaskValue(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "secret", "***")
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[strings.ReplaceAll(k, "secret", "***")] = x
		}
		return out
	}
	return v
}

func (upper) Clean(raw []byte) bool { return !strings.Contains(string(raw), "secret") }

// TestMaskedInPlace: what is masked keeps its order and its numbers.
func TestMaskedInPlace(t *testing.T) {
	w := &Writer{mask: upper{}}
	for in, want := range map[string]string{
		`{"b":"a secret","a":[1.50,true,null,{"secret":{}},[]],"c":""}`: `{"b":"a ***","a":[1.50,true,null,{"***":{}},[]],"c":""}`,
		`"secret"`: `"***"`, `12345678901234567890`: `12345678901234567890`, `[]`: `[]`, `{"<é>\u0001":"<\"é>"}`: `{"<é>\u0001":"<\"é>"}`,
	} {
		if got, err := w.masked([]byte(in)); string(got) != want || err != nil {
			t.Errorf("%s became %s %v, want %s", in, got, err, want)
		}
	}
}

// TestLinesAreJSON: a line is written as the JSON library would.
func TestLinesAreJSON(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	for _, e := range []Event{
		{}, {Seq: 3, Time: now, Run: "r-1", Type: StepStarted, Step: "a", Key: "a<b>/é\"\\\x01\u2028\xff", Data: []byte(`{"a":"<é>"}`), Prev: "p", Hash: "h"}, {Time: now, Data: []byte(`null`)},
	} {
		want, err := encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := appendEvent(nil, &e); string(got) != string(want) || err != nil {
			t.Errorf("got  %s %v\nwant %s", got, err, want)
		}
	}
}

func TestDataIsMasked(t *testing.T) {
	w, err := Create("", "r", Options{Mask: upper{}, Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	e, err := w.Append(MessageRendered, "m", "m", MessageRenderedData{Text: "secret"}, false)
	if err != nil || strings.Contains(string(e.Data), "secret") {
		t.Errorf("%s %v", e.Data, err)
	}
}

func TestStore(t *testing.T) {
	s := &Store{Dir: t.TempDir()}
	if _, err := s.Find("last"); err == nil {
		t.Error("a run was found where there is none")
	}
	var ids []string
	for i := range 3 {
		id, err := NewID(time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC), "Hub Spot!")
		if err != nil || !strings.HasPrefix(id, "20260102T03040") || !strings.Contains(id, "-hub-spot--") {
			t.Fatalf("%s %v", id, err)
		}
		if err := os.MkdirAll(s.Path(id), 0o700); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for word, want := range map[string]string{"last": ids[2], ids[0]: ids[0], ids[1][:16]: ids[1], "nope": "", "2026": ""} {
		if got, err := s.Find(word); got != want || (want == "") != (err != nil) {
			t.Errorf("%s: %s %v", word, got, err)
		}
	}
	for env, want := range map[string]string{"RUNBOOK_STATE": "/x", "XDG_STATE_HOME": "/x/runbook", "HOME": "/x/.local/state/runbook", "": ""} {
		if got, _ := StateDir(func(n string) string { return map[bool]string{true: "/x"}[n == env] }); got != want {
			t.Errorf("%s: %s", env, got)
		}
	}
}

// whole is a journal with one event of each type, as the writer writes it.
func whole(f *testing.F) []byte {
	dir := filepath.Join(f.TempDir(), "run")
	w, err := Create(dir, "r1", Options{})
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range []struct {
		typ  Type
		key  string
		data any
	}{
		{RunStarted, "", RunStartedData{Mode: "run", Facts: map[string]any{"a": 1}}}, {StepStarted, "api", StepStartedData{Role: "check"}}, {AttemptStarted, "api#a1", AttemptStartedData{}}, {AttemptFinished, "api#a1", AttemptFinishedData{}},
		{ProcessStarted, "api", ProcessStartedData{PID: 1}}, {WaitStarted, "api", WaitStartedData{For: "retry"}}, {WaitFinished, "api", WaitFinishedData{}}, {StepFinished, "api", StepFinishedData{Verdict: "passed"}},
		{DecisionMade, "api", DecisionMadeData{Branch: "b"}}, {FactSet, "", FactSetData{Name: "a", Value: "é"}}, {ApprovalRequested, "api", ApprovalRequestedData{}}, {ApprovalAnswered, "api", ApprovalAnsweredData{}},
		{UndoOwed, "api", UndoData{}}, {UndoSettled, "api", UndoData{How: "done"}}, {ProcedureStarted, "api", ProcedureStartedData{Escalation: "x"}}, {RunPaused, "", RunPausedData{Waiting: []string{"api"}}}, {RunResumed, "", RunResumedData{}}, {RunFinished, "", RunFinishedData{Outcome: "failed"}},
	} {
		if _, err := w.Append(e.typ, e.key, e.key, e.data, false); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		f.Fatal(err)
	}
	return data
}

func FuzzParse(f *testing.F) {
	data := whole(f)
	for _, seed := range [][]byte{data, data[:len(data)-1], data[:len(data)-20], data[:len(data)/2], data[len(data)/2:], append(append([]byte{}, data...), data...), []byte("{\"seq\":1}\n"), []byte("null\n[]\n"), []byte("{}\n{\n"), []byte("\n"),
		[]byte("{\"seq\":1e99}\n"), []byte("{\"type\":\"step.started\",\"data\":5,\"key\":\"a#b#c\"}\n"), []byte("{\"type\":\"fact.set\",\"data\":{\"name\":\"a\",\"value\":" + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}}\n")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse(data)
		if err != nil {
			return
		}
		_ = l.Verify()
		s := Fold(l.Events)
		_ = s.Status(false)
		if l.Size > int64(len(data)) || !l.Torn && l.Size != int64(len(data)) {
			t.Fatalf("size %d of %d, torn %v", l.Size, len(data), l.Torn)
		}
		// What is left of a torn journal is a journal, with the same events.
		healed, err := Parse(data[:l.Size])
		if err != nil || healed.Torn || len(healed.Events) != len(l.Events) || healed.Size != l.Size || healed.Head() != l.Head() {
			t.Errorf("healed: %v, %d of %d events", err, len(healed.Events), len(l.Events))
		}
	})
}

// TestEveryCut: wherever a crash cuts the file, what is read is a beginning of
// what was written, and it verifies.
func TestEveryCut(t *testing.T) {
	dir, seen := written(t)
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		l, err := Parse(data[:n])
		if err != nil || l.Verify() != nil || len(l.Events) > len(seen) || l.Torn != (l.Size != int64(n)) {
			t.Fatalf("cut at %d: %+v %v", n, l, err)
		}
	}
}
