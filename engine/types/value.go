package types

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Equal compares two values as the language does: 1 and 1.0 are equal.
func Equal(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	if s, ok := a.(time.Time); ok {
		t, ok := b.(time.Time)
		return ok && s.Equal(t)
	}
	return reflect.DeepEqual(a, b)
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// Format writes a value for people and for templates: lists and mappings as
// JSON, durations as 1m30s, times as RFC 3339, nothing for nil.
func Format(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case float64:
		return formatFloat(v)
	case time.Duration:
		return v.String()
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case map[string]any, []any:
		return jsonText(Encode(v))
	}
	return fmt.Sprint(v)
}

func formatFloat(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func jsonText(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Zero is the empty value of a kind; nil for those that have none.
func Zero(k Kind) any {
	switch k {
	case String, URL:
		return ""
	case Int:
		return 0
	case Number:
		return 0.0
	case Bool:
		return false
	case Duration:
		return time.Duration(0)
	case Time:
		return time.Time{}
	case List:
		return []any{}
	case Object:
		return map[string]any{}
	}
	return nil
}

// Encode makes a value fit for JSON: durations become 1m30s, times RFC 3339.
// Everything else stays as it is, and is shared with the value given: neither may
// be changed later.
func Encode(v any) any {
	switch v := v.(type) {
	case time.Duration:
		return v.String()
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
	case map[string]any:
		if fitsJSON(v) {
			return v
		}
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = Encode(x)
		}
		return out
	case []any:
		if fitsJSON(v) {
			return v
		}
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = Encode(x)
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = x
		}
		return out
	}
	return v
}

// fitsJSON reports whether Encode leaves a value as it is. An empty mapping or list
// is no nil one.
func fitsJSON(v any) bool {
	switch v := v.(type) {
	case time.Duration, time.Time, []string:
		return false
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case map[string]any:
		for _, x := range v {
			if !fitsJSON(x) {
				return false
			}
		}
		return v != nil
	case []any:
		for _, x := range v {
			if !fitsJSON(x) {
				return false
			}
		}
		return v != nil
	}
	return true
}

// Decode is the inverse of Encode for a value of type t: what DecodeJSON gave
// becomes durations and times again.
func Decode(t *Type, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	return coerce(t, v)
}
