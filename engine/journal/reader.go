package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"

	"runbook/engine/secret"
)

// MaxLine bounds one event.
const MaxLine = 16 << 20

// Log is a journal as it was read. Torn says that the last line was not whole,
// which a crash leaves behind; Size is where the whole lines end.
type Log struct {
	Events []Event
	Torn   bool
	Size   int64

	lines [][]byte // each as it stands, without its end
}

// ReadFile reads a journal.
func ReadFile(path string) (*Log, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(data)
}

// Parse reads a journal's bytes. A last line that is not whole is no error: it has
// no end, or the zeros in it that a crash leaves where a file grew and its bytes
// did not get to the disk. A line that cannot be read anywhere else is a
// DamageError.
func Parse(data []byte) (*Log, error) {
	l := &Log{}
	for n := int64(1); len(data) > 0; n++ {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if len(line) > MaxLine {
			return nil, &DamageError{n, n, fmt.Sprintf("is longer than %d bytes", MaxLine)}
		}
		var e Event
		err := json.Unmarshal(line, &e)
		if !whole || err != nil && len(rest) == 0 && bytes.IndexByte(line, 0) >= 0 {
			l.Torn = true
			return l, nil
		}
		if err != nil {
			return nil, &DamageError{n, n, "cannot be read: " + err.Error()}
		}
		l.Events, l.lines = append(l.Events, e), append(l.lines, line)
		l.Size += int64(len(line)) + 1
		data = rest
	}
	return l, nil
}

// DamageError names the first event that is not as it was written, and the line
// where it stands, from 1.
type DamageError struct {
	Seq  int64
	Line int64
	Why  string
}

// Error names the event.
func (e *DamageError) Error() string {
	return fmt.Sprintf("the journal was changed: event %d, on line %d, %s", e.Seq, e.Line, e.Why)
}

// Verify holds every event against the chain of hashes, byte for byte. It finds
// damage and edits; it cannot find a journal that was written anew as a whole, or
// that ends too early, which only a head hash kept elsewhere can.
func (l *Log) Verify() error {
	prev := ""
	for i, e := range l.Events {
		n := int64(i) + 1
		switch {
		case e.Seq != n:
			return &DamageError{n, n, fmt.Sprintf("is missing: event %d stands in its place", e.Seq)}
		case e.Prev != prev:
			return &DamageError{n, n, "does not follow the one before it"}
		case e.Hash == "" || hash(l.lines[i], e.Hash) != e.Hash:
			return &DamageError{n, n, "does not have the hash that it was written with" + converted(l.lines[i])}
		}
		prev = e.Hash
	}
	return nil
}

// Check verifies a journal that has to be that of a run, which began.
func (l *Log) Check(run string) error {
	switch {
	case len(l.Events) == 0:
		return fmt.Errorf("the journal of run %s holds no event: the run broke off before its first step, or the file was emptied; begin a new run", run)
	case l.Events[0].Run != run:
		return &DamageError{1, 1, "is of another run: " + l.Events[0].Run}
	}
	return l.Verify()
}

// converted says where a program has changed the ends of lines.
func converted(line []byte) string {
	if bytes.HasSuffix(line, []byte("\r")) {
		return ": its line end was converted"
	}
	return ""
}

// Head is the hash of the last event, "" without any.
func (l *Log) Head() string {
	if len(l.Events) == 0 {
		return ""
	}
	return l.Events[len(l.Events)-1].Hash
}

// Decode reads an event's data. A text that was nothing but a secret, and so
// stands as {"$masked": name}, is read as a mask; where any value may stand, it
// stays what it is.
func Decode[T any](e Event) (T, error) {
	var v T
	if len(e.Data) == 0 {
		return v, nil
	}
	err := unmarshal(e.Data, &v)
	var wrong *json.UnmarshalTypeError
	for data := []byte(e.Data); errors.As(err, &wrong) && wrong.Value == "object"; {
		plain, flatErr := flattened(data, strings.Split(wrong.Field, "."))
		if flatErr != nil || bytes.Equal(plain, data) {
			break
		}
		var again T
		data, err = plain, unmarshal(plain, &again)
		v = again
	}
	return v, err
}

func unmarshal(data []byte, v any) error {
	if !holdsAny(reflect.TypeOf(v).Elem()) {
		return json.Unmarshal(data, v) // no number loses anything
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(v)
}

// loose remembers which types hold values of any type.
var loose sync.Map

// holdsAny reports whether there is a place in a type for a value of any type, in
// which numbers have to be kept as they are.
func holdsAny(t reflect.Type) bool {
	if known, ok := loose.Load(t); ok {
		return known.(bool)
	}
	loose.Store(t, true) // until it is known: a type may hold itself
	found := false
	switch t.Kind() {
	case reflect.Interface:
		found = true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		found = holdsAny(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			found = found || holdsAny(t.Field(i).Type)
		}
	}
	loose.Store(t, found)
	return found
}

// flattened puts masks in the place of the secrets' names at a path of fields,
// which leads through lists.
func flattened(data []byte, path []string) ([]byte, error) {
	var tree any
	if err := unmarshal(data, &tree); err != nil {
		return nil, err
	}
	return encode(flatten(tree, path))
}

func flatten(v any, path []string) any {
	switch v := v.(type) {
	case map[string]any:
		if len(path) > 0 {
			if inner, ok := v[path[0]]; ok {
				v[path[0]] = flatten(inner, path[1:])
			}
		} else if _, ok := v[secret.MaskedKey].(string); ok && len(v) == 1 {
			return secret.Mask
		}
	case []any:
		for i, x := range v {
			v[i] = flatten(x, path)
		}
	}
	return v
}
