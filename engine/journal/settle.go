package journal

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"unicode/utf8"

	"runbook/engine/secret"
)

// said is what an event says. Where the data that it was written from is at hand,
// and was written as it is, reading it back can be spared: it comes to the same.
func said[T any](s *State, e Event) T {
	if d, ok := s.data.(T); ok && settleStruct(reflect.ValueOf(&d).Elem()) {
		return d
	}
	d, _ := Decode[T](e) // what cannot be read is told as far as it can be
	return d
}

// settleStruct makes data what Decode would give for it: a copy that shares
// nothing with the run, in which values of any type are as JSON has them. False is
// that it cannot say.
func settleStruct(r reflect.Value) bool {
	if r.Kind() != reflect.Struct {
		return false
	}
	l := layoutOf(r.Type())
	for _, m := range l {
		f := r.Field(m.at)
		if m.omits && isEmpty(f) {
			f.SetZero()
		} else if !settleField(f) {
			return false
		}
	}
	return l != nil
}

func settleField(r reflect.Value) bool {
	switch r.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return true
	case reflect.String:
		return utf8.ValidString(r.String())
	case reflect.Struct:
		return settleStruct(r)
	case reflect.Pointer:
		if r.IsNil() {
			return true
		}
		is := reflect.New(r.Type().Elem())
		is.Elem().Set(r.Elem())
		r.Set(is)
		return settleField(is.Elem())
	case reflect.Slice:
		return r.IsNil() || settleList(r)
	case reflect.Interface, reflect.Map:
		v, ok := settle(r.Interface())
		if is := reflect.ValueOf(v); ok && v != nil && is.Type().AssignableTo(r.Type()) {
			r.Set(is)
			return true
		}
		r.SetZero()
		return ok && v == nil
	}
	return false
}

func settleList(r reflect.Value) bool {
	is := reflect.MakeSlice(r.Type(), r.Len(), r.Len())
	reflect.Copy(is, r)
	r.Set(is)
	for i := range is.Len() {
		if !settleField(is.Index(i)) {
			return false
		}
	}
	return true
}

// settle is what a value of any type is when it is read back.
func settle(v any) (any, bool) {
	switch v := v.(type) {
	case nil, bool:
		return v, true
	case string:
		return v, utf8.ValidString(v)
	case int:
		return json.Number(strconv.Itoa(v)), true
	case map[string]any:
		return settleMap(v)
	case []any:
		return settleAny(v)
	case secret.Value:
		return map[string]any{secret.MaskedKey: v.Name}, utf8.ValidString(v.Name)
	}
	raw, err := encode(v)
	if err != nil {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var got any
	err = d.Decode(&got)
	return got, err == nil
}

func settleMap(m map[string]any) (any, bool) {
	if m == nil {
		return nil, true
	}
	out := make(map[string]any, len(m))
	for k, x := range m {
		got, ok := settle(x)
		if !ok || !utf8.ValidString(k) {
			return nil, false
		}
		out[k] = got
	}
	return out, true
}

func settleAny(l []any) (any, bool) {
	if l == nil {
		return nil, true
	}
	out := make([]any, len(l))
	for i, x := range l {
		got, ok := settle(x)
		if !ok {
			return nil, false
		}
		out[i] = got
	}
	return out, true
}
