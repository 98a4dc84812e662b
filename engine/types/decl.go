package types

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Decl declares a named value: an input, a fact, a value that a person is asked
// for. Min and Max bound numbers, the length of strings and lists, and the length
// of durations; nil is no bound.
type Decl struct {
	Name        string
	Type        *Type
	Pattern     string
	Min, Max    any // int, float64 or time.Duration
	Enum        []any
	Default     any
	Required    bool
	Description string
}

// Parse reads a value from the text that a person typed.
func (d *Decl) Parse(text string) (any, error) {
	switch d.Type.Kind {
	case List:
		return d.parseList(text)
	case Object, Any:
		v, err := DecodeJSON([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("%q is not JSON: %w", short(text), err)
		}
		return d.Check(v)
	}
	v, err := parse(d.Type, text)
	if err != nil {
		return nil, err
	}
	return d.Check(v)
}

// parseList takes JSON, or words between commas.
func (d *Decl) parseList(text string) (any, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		v, err := DecodeJSON([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("%q is not a JSON list: %w", short(text), err)
		}
		return d.Check(v)
	}
	list := []any{}
	for _, word := range strings.Split(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		v, err := parse(d.Type.Elem, word)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return d.Check(list)
}

// parse reads a scalar of a type from text.
func parse(t *Type, text string) (any, error) {
	if t == nil {
		return text, nil
	}
	switch t.Kind {
	case Int:
		i, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not an integer", short(text))
		}
		return i, nil
	case Number:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("%q is not a number", short(text))
		}
		if i, err := strconv.Atoi(text); err == nil {
			return i, nil
		}
		return f, nil
	case Bool:
		switch strings.ToLower(text) {
		case "true", "yes", "y":
			return true, nil
		case "false", "no", "n":
			return false, nil
		}
		return nil, fmt.Errorf("%q is not true or false", short(text))
	}
	return coerce(t, text)
}

// CheckWritten is Check for a value that somebody wrote into a file. Expressions
// count with what fits 64 bits, so a number that does not is refused where it
// stands; what a server sends is another matter.
func (d *Decl) CheckWritten(v any) (any, error) {
	if n, large := v.(json.Number); large && (d.Type.Kind == Number || d.Type.Kind == Int) {
		return nil, fmt.Errorf("%s needs more than 64 bits", short(n.String()))
	}
	return d.Check(v)
}

// Check types a value that came from YAML, JSON or an expression, and holds it
// against the constraints.
func (d *Decl) Check(v any) (any, error) {
	v, err := coerce(d.Type, v)
	if err != nil {
		return nil, err
	}
	if len(d.Enum) > 0 && !slices.ContainsFunc(d.Enum, func(e any) bool { return Equal(e, v) }) {
		words := make([]string, len(d.Enum))
		for i, e := range d.Enum {
			words[i] = Format(e)
		}
		return nil, fmt.Errorf("%q is not one of %s", short(Format(v)), strings.Join(words, ", "))
	}
	if d.Pattern != "" {
		if err := d.matches(v); err != nil {
			return nil, err
		}
	}
	if d.Type.Kind == URL && d.Required && v == "" {
		return nil, errors.New("it is empty, and an http or https URL is needed")
	}
	return v, d.bounds(v)
}

func (d *Decl) matches(v any) error {
	re, err := regexp.Compile(d.Pattern)
	if err != nil {
		return fmt.Errorf("the pattern %q is not a regular expression: %w", d.Pattern, err)
	}
	if s, ok := v.(string); ok && !re.MatchString(s) {
		return fmt.Errorf("%q does not match %s", short(s), d.Pattern)
	}
	if l, ok := v.([]any); ok {
		for _, item := range l {
			if err := d.matches(item); err != nil {
				return err
			}
		}
	}
	return nil
}

// bounds compares a number, or the length of what has one.
func (d *Decl) bounds(v any) error {
	x, what := measure(v)
	if what == "" {
		return nil
	}
	if lo, ok := bound(d.Min); ok && x < lo {
		return fmt.Errorf("%s is too small: %s at least %s", short(Format(v)), what, Format(d.Min))
	}
	if hi, ok := bound(d.Max); ok && x > hi {
		return fmt.Errorf("%s is too large: %s at most %s", short(Format(v)), what, Format(d.Max))
	}
	return nil
}

func measure(v any) (float64, string) {
	switch v := v.(type) {
	case int:
		return float64(v), "it must be"
	case float64:
		return v, "it must be"
	case time.Duration:
		return float64(v), "it must be"
	case string:
		return float64(len([]rune(v))), "its length must be"
	case []any:
		return float64(len(v)), "its length must be"
	}
	return 0, ""
}

func bound(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	case time.Duration:
		return float64(v), true
	}
	return 0, false
}

// coerce makes v a value of type t, or says why it is none.
func coerce(t *Type, v any) (any, error) {
	if t == nil || t.Kind == Any {
		return v, nil
	}
	switch t.Kind {
	case List:
		return coerceList(t, v)
	case Object:
		if m, ok := v.(map[string]any); ok {
			return coerceObject(t, m)
		}
	case Int:
		if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int(f), nil
		}
		if _, ok := v.(int); ok {
			return v, nil
		}
	case Number:
		switch v.(type) {
		case int, float64, json.Number:
			return v, nil
		}
	case Bool:
		if _, ok := v.(bool); ok {
			return v, nil
		}
	default:
		return coerceText(t, v)
	}
	return nil, fmt.Errorf("%s is not %s", short(Format(v)), Article(t))
}

// coerceText handles the types that are written as strings.
func coerceText(t *Type, v any) (any, error) {
	switch t.Kind {
	case Duration:
		if d, ok := v.(time.Duration); ok {
			return d, nil
		}
	case Time:
		if at, ok := v.(time.Time); ok {
			return at, nil
		}
	}
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("%s is not %s", short(Format(v)), Article(t))
	}
	switch t.Kind {
	case Duration:
		d, err := time.ParseDuration(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a duration: write one such as 90s, 5m or 1h30m", short(s))
		}
		return d, nil
	case Time:
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a time: write one such as 2026-11-23T04:05:06Z", short(s))
		}
		return at, nil
	case URL:
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			if s == "" {
				return s, nil // an optional URL that is not given
			}
			return nil, fmt.Errorf("%q is not an http or https URL", short(s))
		}
	case String:
		if len(t.Enum) > 0 && !slices.Contains(t.Enum, s) {
			return nil, fmt.Errorf("%q is not one of %s", short(s), strings.Join(t.Enum, ", "))
		}
	}
	return s, nil
}

func coerceList(t *Type, v any) (any, error) {
	l, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s is not a list", short(Format(v)))
	}
	out := make([]any, len(l))
	for i, item := range l {
		x, err := coerce(t.Elem, item)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		out[i] = x
	}
	return out, nil
}

func coerceObject(t *Type, m map[string]any) (any, error) {
	out := make(map[string]any, len(m))
	for k, v := range m {
		f := t.Field(k)
		if f == nil {
			out[k] = v
			continue
		}
		x, err := coerce(f.Type, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		out[k] = x
	}
	return out, nil
}

// Article is a type's name with its article.
func Article(t *Type) string {
	s := t.String()
	if strings.HasPrefix(s, "one of") {
		return s
	}
	if strings.ContainsRune("aeio", rune(s[0])) {
		return "an " + s
	}
	return "a " + s
}

// short keeps a value from filling a message.
func short(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}
