package prometheus

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"runbook/engine/types"
)

// place is what may stand where a placeholder is.
type place int

const (
	inValue place = iota // a number
	inLabel              // behind = or != between braces: a string
	inRegex              // behind =~ or !~: a string that is a regular expression
	inRange              // between brackets or behind offset: a duration
)

// hole is a `$name` in a query.
type hole struct {
	name       string
	start, end int
	place      place
	quoted     bool // it stands in quotes, and is none
}

var (
	name     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)
	offset   = regexp.MustCompile(`(?i)\boffset\s*-?\s*$`)
	duration = regexp.MustCompile(`^(?:[0-9]+(?:ms|[smhdwy]))+$`)
)

// holes finds the placeholders of a query. A `$` means nothing in PromQL outside
// of quotes, so only these and comments have to be known.
func holes(q string) []hole {
	var out []hole
	var quote byte
	braces, brackets := 0, 0
	for i := 0; i < len(q); i++ {
		switch c := q[i]; {
		case c == '$':
			h := hole{name: name.FindString(q[i+1:]), start: i, quoted: quote != 0}
			h.end = i + 1 + len(h.name)
			h.place = placeOf(q[:i], braces, brackets)
			out = append(out, h)
			i = h.end - 1
		case quote != 0 && c == '\\' && quote != '`':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case c == '#':
			if n := strings.IndexByte(q[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(q)
			}
		case c == '{':
			braces++
		case c == '}':
			braces--
		case c == '[':
			brackets++
		case c == ']':
			brackets--
		}
	}
	return out
}

func placeOf(before string, braces, brackets int) place {
	before = strings.TrimRight(before, " \t\r\n")
	switch {
	case strings.HasSuffix(before, "=~"), strings.HasSuffix(before, "!~"):
		return inRegex
	case braces > 0:
		return inLabel
	case brackets > 0, offset.MatchString(before):
		return inRange
	}
	return inValue
}

// fill puts the values in, each as what may stand at its place.
func fill(q string, params map[string]any) (string, error) {
	var b strings.Builder
	at := 0
	for _, h := range holes(q) {
		if h.quoted {
			continue
		}
		v, ok := params[h.name]
		if !ok {
			return "", fmt.Errorf("`$%s` is not among `params`", h.name)
		}
		s, err := literal(v, h.place)
		if err != nil {
			return "", fmt.Errorf("`params.%s`: %w", h.name, err)
		}
		b.WriteString(q[at:h.start])
		b.WriteString(s)
		at = h.end
	}
	b.WriteString(q[at:])
	return b.String(), nil
}

func literal(v any, p place) (string, error) {
	switch p {
	case inRegex:
		return pattern(v)
	case inLabel:
		s, err := scalar(v)
		return strconv.Quote(s), err
	case inRange:
		return length(v)
	}
	return number(v)
}

// scalar is a single value as text.
func scalar(v any) (string, error) {
	switch v.(type) {
	case nil:
		return "", errors.New("there is no value")
	case []any, map[string]any:
		return "", errors.New("a single value must stand here; a list may behind `=~`")
	}
	s := types.Format(v)
	if !utf8.ValidString(s) {
		return "", errors.New("it is not UTF-8")
	}
	return s, nil
}

// pattern is a regular expression that matches one value, or one of several, as
// they are.
func pattern(v any) (string, error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) == 0 { // the empty pattern would match what has no such label
		return "", errors.New("the list is empty, so nothing could match")
	}
	out := make([]string, len(list))
	for i, x := range list {
		s, err := scalar(x)
		if err != nil {
			return "", err
		}
		out[i] = regexp.QuoteMeta(s)
	}
	return strconv.Quote(strings.Join(out, "|")), nil
}

func number(v any) (string, error) {
	switch v := v.(type) {
	case int:
		return signed(strconv.Itoa(v)), nil
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return "(" + strconv.FormatFloat(v, 'g', -1, 64) + ")", nil
		}
		return signed(strconv.FormatFloat(v, 'g', -1, 64)), nil
	case json.Number:
		return number(string(v))
	case time.Duration:
		return length(v)
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return number(f)
		}
	}
	return "", errors.New("only a number can stand here; a text can in a label: `{job=$job}`")
}

// signed keeps the sign of a number to itself.
func signed(s string) string {
	if strings.HasPrefix(s, "-") {
		return "(" + s + ")"
	}
	return s
}

func length(v any) (string, error) {
	switch v := v.(type) {
	case time.Duration:
		if v >= time.Millisecond {
			return strconv.FormatInt(v.Milliseconds(), 10) + "ms", nil
		}
		return "", errors.New("a duration must be at least 1ms")
	case string:
		if duration.MatchString(v) {
			return v, nil
		}
		if d, err := time.ParseDuration(v); err == nil {
			return length(d)
		}
	}
	return "", errors.New("only a duration can stand here, such as 5m")
}

// epoch is any moment, for checks that need none.
var epoch = time.Unix(0, 0)

// moment reads a time: RFC 3339, seconds since 1970, or how long before another.
func moment(s string, before time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if math.IsNaN(f) || math.Abs(f) > 1<<38 {
			return time.Time{}, errors.New("that many seconds are out of range")
		}
		return time.UnixMilli(int64(math.Round(f * 1000))), nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return before.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q cannot be read", s)
}
