package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lines are those of a journal, each with its end.
func lines(data []byte) [][]byte {
	return bytes.SplitAfter(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
}

// reopen writes a journal's bytes and goes on with them.
func reopen(t testing.TB, data []byte) (w *Writer, past []Event, path string, err error) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, FileName)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	w, past, err = Open(dir, "r1", Options{})
	return w, past, path, err
}

// TestDamage: whatever became of a journal, it is refused, is left as it is, and the
// first bad event is named.
func TestDamage(t *testing.T) {
	dir, _ := written(t)
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	l := lines(data)
	l[2] = append(l[2], '\n')
	cat := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, c := range map[string]struct {
		data []byte
		seq  int64
		why  string
	}{
		"missing first":  {cat(l[1], l[2]), 1, "is missing: event 2 stands"},
		"missing":        {cat(l[0], l[2]), 2, "is missing: event 3 stands"},
		"swapped":        {cat(l[0], l[2], l[1]), 2, "is missing: event 3 stands"},
		"twice":          {cat(l[0], l[1], l[1], l[2]), 3, "is missing: event 2 stands"},
		"twice the last": {cat(data, l[2]), 4, "is missing: event 3 stands"},
		"garbage behind": {cat(data, []byte("garbage\n")), 4, "cannot be read"},
		"an empty line":  {cat(data, []byte("\n")), 4, "cannot be read"},
		"null":           {cat(data, []byte("null\n")), 4, "is missing"},
		"zeros inside":   {cat(l[0], make([]byte, 40), []byte("\n"), l[2]), 2, "cannot be read"},
		"CRLF":           {bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")), 1, "its line end was converted"},
		"CRLF at last":   {cat(l[0], l[1], bytes.TrimSuffix(l[2], []byte("\n")), []byte("\r\n")), 3, "its line end was converted"},
		"BOM":            {cat([]byte("\xef\xbb\xbf"), data), 1, "cannot be read"},
		"one line, BOM":  {cat([]byte("\xef\xbb\xbf"), l[0]), 1, "cannot be read"},
		"spaced":         {bytes.Replace(data, []byte(`"type":"fact.set"`), []byte(`"type": "fact.set"`), 1), 2, "hash"},
		"other case":     {bytes.Replace(data, []byte(`"type":"fact.set"`), []byte(`"Type":"fact.set"`), 1), 2, "hash"},
		"one more field": {bytes.Replace(data, []byte(`"type":"fact.set"`), []byte(`"x":1,"type":"fact.set"`), 1), 2, "hash"},
		"named twice":    {bytes.Replace(data, []byte(`"type":"fact.set"`), []byte(`"type":"x","type":"fact.set"`), 1), 2, "hash"},
		"escaped":        {bytes.Replace(data, []byte("é"), []byte(`\u00e9`), 1), 2, "hash"},
		"no hash":        {bytes.Replace(data, []byte(`"hash"`), []byte(`"hush"`), 1), 1, "hash"},
		"of another run": {bytes.ReplaceAll(data, []byte(`"run":"r1"`), []byte(`"run":"r2"`)), 1, "is of another run: r2"},
	} {
		_, _, path, err := reopen(t, c.data)
		var d *DamageError
		if !errors.As(err, &d) || d.Seq != c.seq || d.Line != c.seq || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, c.data) {
			t.Errorf("%s: the file was changed: %v", name, err)
		}
	}
	if _, _, _, err := reopen(t, nil); err == nil || !strings.Contains(err.Error(), "holds no event: the run broke off before its first step, or the file was emptied") {
		t.Errorf("empty: %v", err)
	}
}

// TestEveryByteChanged: no byte of a journal can be another one, wherever it stands;
// the event is named in which it is.
func TestEveryByteChanged(t *testing.T) {
	dir, _ := written(t)
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	seq := int64(1)
	for i, c := range data {
		for _, with := range []byte{c ^ 1, c ^ 0x20, c ^ 0x80} {
			if with == 0 {
				continue
			}
			changed := slices.Clone(data)
			changed[i] = with
			l, err := Parse(changed)
			if i == len(data)-1 && err == nil && l.Torn && len(l.Events) == 2 {
				continue // the end of the last line: it is not whole
			}
			if err == nil {
				err = l.Check("r1")
			}
			var d *DamageError
			if !errors.As(err, &d) || d.Seq != seq && !(c == '\n' && d.Seq == seq+1) {
				t.Errorf("byte %d, %q for %q: %v, want event %d", i, with, c, err, seq)
			}
		}
		if c == '\n' {
			seq++
		}
	}
}

// TestEveryTear: wherever a crash cuts the last line, and whatever of the zeros it
// leaves there, it is healed, and what is written next follows what was whole.
func TestEveryTear(t *testing.T) {
	dir, seen := written(t)
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	last := lines(data)[2]
	whole := data[:len(data)-len(last)-1]
	for n := range len(last) + 1 {
		for what, tail := range map[string][]byte{
			"cut": last[:n], "zeros": append(slices.Clone(last[:n]), make([]byte, 4096)...), "a page of zeros": append(make([]byte, n+1), last[n:]...), "and its end": append(append(make([]byte, n+1), last[n:]...), '\n'),
		} {
			if what != "cut" && n%16 != 0 {
				continue // each costs some syncs
			}
			w, past, path, err := reopen(t, append(slices.Clone(whole), tail...))
			if err != nil || len(past) != 2 {
				t.Fatalf("%s at %d: %d events, %v", what, n, len(past), err)
			}
			e, err := w.Append(RunFinished, "", "", RunFinishedData{Outcome: "failed"}, true)
			if err != nil || e.Seq != 3 || e.Prev != seen[1].Hash || w.Close() != nil {
				t.Fatalf("%s at %d: %+v %v", what, n, e, err)
			}
			l, err := ReadFile(path)
			if err != nil || l.Torn || len(l.Events) != 3 || l.Verify() != nil {
				t.Fatalf("%s at %d: %v %v", what, n, fmt.Sprint(l), err)
			}
		}
	}
}
