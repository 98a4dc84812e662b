package journal

import (
	"bytes"
	"errors"
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
	w, err := Create(dir, "r1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, _, err := Open(dir, "r1", Options{}); !errors.As(err, &locked) || !strings.Contains(err.Error(), "process") {
		t.Errorf("%v", err)
	}
	w.Close()
	if _, err := w.Append(RunStarted, "", "", nil, false); err == nil {
		t.Error("a closed journal took an event")
	}
}

type upper struct{}

func (upper) MaskValue(v any) any {
	if m, ok := v.(map[string]any); ok {
		m["text"] = "***"
	}
	return v
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

func FuzzParse(f *testing.F) {
	f.Add([]byte("{\"seq\":1}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse(data)
		if err == nil {
			_ = l.Verify()
			_ = Fold(l.Events).Status(false)
			if l.Size > int64(len(data)) {
				t.Errorf("size %d of %d", l.Size, len(data))
			}
		}
	})
}
