package journal

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"runbook/engine/secret"
)

// encode writes JSON as people read it: < stays <. It is encoding/json's, which
// says what JSON a value has.
func encode(v any) ([]byte, error) {
	b, _ := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.Clone(bytes.TrimRight(b.Bytes(), "\n")), nil
}

// buffers are those that encode grew.
var buffers = sync.Pool{New: func() any { return &bytes.Buffer{} }}

// appendValue writes a value as encode does, only faster: events are made of few
// types, and there are many events. What it does not know it leaves to encode.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendText(b, v), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case map[string]any:
		return appendMap(b, v)
	case []any:
		return appendList(b, v)
	case secret.Value:
		return append(appendText(append(b, `{"`+secret.MaskedKey+`":`...), v.Name), '}'), nil
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Struct {
		if l := layoutOf(r.Type()); l != nil {
			return appendStruct(b, r, l)
		}
	}
	return appendOther(b, v)
}

func appendOther(b []byte, v any) ([]byte, error) {
	raw, err := encode(v)
	return append(b, raw...), err
}

func appendMap(b []byte, m map[string]any) ([]byte, error) {
	if m == nil {
		return append(b, "null"...), nil
	}
	var few [16]string
	keys := slices.AppendSeq(few[:0], maps.Keys(m))
	slices.Sort(keys)
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(append(appendText(b, k), ':'), m[k]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendList(b []byte, l []any) ([]byte, error) {
	if l == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i, v := range l {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(b, v); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendText writes a string as JSON.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		r, n := rune(c), 1
		if c >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
			if (r != utf8.RuneError || n > 1) && r != '\u2028' && r != '\u2029' {
				i += n
				continue
			}
		}
		b = appendEscape(append(b, s[from:i]...), r)
		i += n
		from = i
	}
	return append(append(b, s[from:]...), '"')
}

// appendEscape writes a letter that JSON does not hold as it is.
func appendEscape(b []byte, r rune) []byte {
	if i := strings.IndexRune("\"\\\b\f\n\r\t", r); i >= 0 {
		return append(b, '\\', `"\bfnrt`[i])
	}
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// layout is how a struct is written: its fields in order.
type layout []member

type member struct {
	at    int
	name  string // `"name":`
	omits bool   // where it is empty
}

// layouts remembers the layout of each type.
var layouts sync.Map

// layoutOf is a type's layout; nil for one that says itself how it is written, or
// that has fields of which more has to be known than their names.
func layoutOf(t reflect.Type) layout {
	if known, ok := layouts.Load(t); ok {
		return known.(layout)
	}
	l := layout{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "" || name == "-" || options != "" && options != "omitempty" {
			l = nil
			break
		}
		l = append(l, member{i, string(appendText(nil, name)) + ":", options != ""})
	}
	if writesItself(t) {
		l = nil
	}
	layouts.Store(t, l)
	return l
}

var marshalers = []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()}

// selves remembers which types say themselves how they are written.
var selves sync.Map

func writesItself(t reflect.Type) bool {
	if known, ok := selves.Load(t); ok {
		return known.(bool)
	}
	is := slices.ContainsFunc(marshalers, func(m reflect.Type) bool { return t.Implements(m) || reflect.PointerTo(t).Implements(m) })
	selves.Store(t, is)
	return is
}

func appendStruct(b []byte, r reflect.Value, l layout) ([]byte, error) {
	b = append(b, '{')
	open := len(b)
	for _, m := range l {
		f := r.Field(m.at)
		if m.omits && isEmpty(f) {
			continue
		}
		if len(b) > open {
			b = append(b, ',')
		}
		var err error
		if b, err = appendField(append(b, m.name...), f); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// isEmpty is what omitempty leaves out.
func isEmpty(r reflect.Value) bool {
	switch r.Kind() {
	case reflect.Map, reflect.Slice, reflect.String, reflect.Array:
		return r.Len() == 0
	case reflect.Struct:
		return false
	}
	return r.IsZero()
}

// appendField writes a field of a struct, or an entry of one's list.
func appendField(b []byte, r reflect.Value) ([]byte, error) {
	if t := r.Type(); t.PkgPath() == "" || !writesItself(t) {
		switch r.Kind() {
		case reflect.String:
			return appendText(b, r.String()), nil
		case reflect.Bool:
			return strconv.AppendBool(b, r.Bool()), nil
		case reflect.Int, reflect.Int64:
			return strconv.AppendInt(b, r.Int(), 10), nil
		case reflect.Struct:
			if l := layoutOf(t); l != nil {
				return appendStruct(b, r, l)
			}
		case reflect.Pointer:
			if !r.IsNil() {
				return appendField(b, r.Elem())
			}
		case reflect.Slice:
			if !r.IsNil() && t.Elem().Kind() != reflect.Uint8 {
				return appendEach(b, r)
			}
		}
	}
	return appendValue(b, r.Interface())
}

func appendEach(b []byte, r reflect.Value) ([]byte, error) {
	b = append(b, '[')
	for i := range r.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendField(b, r.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}
