package types

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxJSONDepth bounds how deeply foreign JSON may nest.
const maxJSONDepth = 1000

// DecodeJSON reads one JSON value without loss: integers that fit are int,
// decimals that survive a round trip float64, all other numbers json.Number.
// Anything behind the value is an error.
func DecodeJSON(data []byte) (any, error) {
	if depth(data) > maxJSONDepth {
		return nil, fmt.Errorf("JSON nests deeper than %d levels", maxJSONDepth)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text behind the JSON value")
	}
	return Exact(v), nil
}

// depth is how deeply brackets nest, those in strings not counted.
func depth(data []byte) int {
	now, most, in := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case in && c == '\\':
			i++
		case c == '"':
			in = !in
		case !in && (c == '[' || c == '{'):
			now++
			most = max(most, now)
		case !in && (c == ']' || c == '}'):
			now--
		}
	}
	return most
}

// Exact turns each json.Number of a tree into int or float64 where nothing is
// lost.
func Exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		return exactNumber(v)
	case map[string]any:
		for k, x := range v {
			v[k] = Exact(x)
		}
	case []any:
		for i, x := range v {
			v[i] = Exact(x)
		}
	}
	return v
}

func exactNumber(n json.Number) any {
	s := string(n)
	if i, err := strconv.Atoi(s); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !strings.ContainsAny(s, ".eE") {
		return n
	}
	if digits(s) > 15 && strconv.FormatFloat(f, 'f', -1, 64) != s && strconv.FormatFloat(f, 'g', -1, 64) != s {
		return n
	}
	return f
}

// digits counts the significant digits: a float64 keeps any 15.
func digits(s string) int {
	n := 0
	for _, c := range s {
		switch {
		case c == 'e' || c == 'E':
			return n
		case c >= '1' && c <= '9' || c == '0' && n > 0:
			n++
		}
	}
	return n
}
