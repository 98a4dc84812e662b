package sql

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/engine/types"
)

// table gathers what comes back, within its bounds.
type table struct {
	columns   []string
	rows      []any
	maxRows   int
	maxBytes  int64
	bytes     int64
	truncated bool
}

func newTable(o map[string]any) *table {
	t := &table{maxRows: DefaultRows, maxBytes: DefaultBytes}
	if n, ok := o["max_rows"].(int); ok {
		t.maxRows = n
	}
	if n, ok := o["max_bytes"].(int64); ok {
		t.maxBytes = n
	}
	return t
}

// head takes the columns' names and makes them distinct.
func (t *table) head(names []string) {
	t.columns = make([]string, 0, len(names))
	for _, n := range names {
		n = strings.ToValidUTF8(n, "\ufffd")
		name := n
		for i := 2; slices.Contains(t.columns, name); i++ {
			name = fmt.Sprintf("%s_%d", n, i)
		}
		t.columns = append(t.columns, name)
	}
}

// add takes one row of the given size, and says whether there is room for more.
// The row that does not fit any more is the proof that something was left out.
func (t *table) add(values []any, size int64) (bool, error) {
	if t.truncated {
		return false, nil
	}
	if size > t.maxBytes {
		return false, errTooLarge
	}
	if len(t.rows) == t.maxRows || t.bytes+size > t.maxBytes {
		t.truncated = true
		return false, nil
	}
	row := make(map[string]any, len(values))
	for i, v := range values {
		row[t.columns[i]] = v
	}
	t.rows, t.bytes = append(t.rows, row), t.bytes+size
	return true, nil
}

var errTooLarge = faultf("query", "a row is larger than `max_bytes`: select fewer columns, a part of the value, or allow more")

func (t *table) fields(affected int) map[string]any {
	columns := make([]any, len(t.columns))
	for i, c := range t.columns {
		columns[i] = c
	}
	var value any
	if len(t.rows) == 1 && len(t.columns) == 1 && !t.truncated {
		value = t.rows[0].(map[string]any)[t.columns[0]]
	}
	rows := t.rows
	if rows == nil {
		rows = []any{}
	}
	return map[string]any{"rows": rows, "columns": columns, "value": value, "found": len(rows), "affected": affected, "truncated": t.truncated}
}

// The values that all databases have in common.

// integer is an int where it fits, and exact otherwise.
func integer(s string) any {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return json.Number(s)
}

// decimal is a number, or the word for what JSON cannot hold, so that a value is
// the same before and after it was in the journal.
func decimal(f float64) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return f
}

func clean(b []byte) string { return strings.ToValidUTF8(string(b), "\ufffd") }

func binary(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// decoded is JSON taken apart, or the text where it cannot be.
func decoded(b []byte) any {
	if v, err := types.DecodeJSON(b); err == nil {
		return v
	}
	return clean(b)
}

// moment is a time in the first of the layouts that fits, in UTC, or the text
// where none does: a year of five digits, infinity, zero.
func moment(s string, layouts ...string) string {
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC().Format(time.RFC3339Nano)
		}
	}
	return s
}
