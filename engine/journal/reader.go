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
}

// ReadFile reads a journal.
func ReadFile(path string) (*Log, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(data)
}

// Parse reads a journal's bytes. A last line that is not whole is no error; a
// line that cannot be read anywhere else is.
func Parse(data []byte) (*Log, error) {
	l := &Log{}
	for n := 1; len(data) > 0; n++ {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if len(line) > MaxLine {
			return nil, fmt.Errorf("line %d of the journal is longer than %d bytes", n, MaxLine)
		}
		var e Event
		err := json.Unmarshal(line, &e)
		if !whole || err != nil && len(rest) == 0 {
			l.Torn = true
			return l, nil
		}
		if err != nil {
			return nil, fmt.Errorf("line %d of the journal is damaged: %w", n, err)
		}
		l.Events = append(l.Events, e)
		l.Size += int64(len(line)) + 1
		data = rest
	}
	return l, nil
}

// DamageError names the first event that is not as it was written.
type DamageError struct {
	Seq int64
	Why string
}

// Error names the event.
func (e *DamageError) Error() string {
	return fmt.Sprintf("the journal was changed: event %d %s", e.Seq, e.Why)
}

// Verify holds every event against the chain of hashes. It finds damage and
// edits; it cannot find a journal that was written anew as a whole, which only a
// head hash kept elsewhere can.
func (l *Log) Verify() error {
	prev := ""
	for i, e := range l.Events {
		want, err := hash(e)
		switch {
		case err != nil:
			return &DamageError{e.Seq, err.Error()}
		case e.Seq != int64(i)+1:
			return &DamageError{int64(i) + 1, fmt.Sprintf("is missing: event %d stands in its place", e.Seq)}
		case e.Prev != prev:
			return &DamageError{e.Seq, "does not follow the one before it"}
		case e.Hash != want:
			return &DamageError{e.Seq, "does not have the hash that it was written with"}
		}
		prev = e.Hash
	}
	return nil
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
