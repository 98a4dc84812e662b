package sql

import (
	"maps"
	"slices"
	"strings"

	"runbook/engine/kind"
	"runbook/engine/types"
)

// stub answers from a scenario.
var stub = &kind.Stub{
	On: "the statement, with white space folded", Example: "select * from pg_stat_activity*",
	Line:     func(o map[string]any) string { return strings.Join(strings.Fields(types.Format(o["query"])), " ") },
	Complete: complete,
}

// complete makes a table of the rows, within the bounds of the step.
func complete(c kind.StubCall, r map[string]any) string {
	rows, _ := r["rows"].([]any)
	if v, given := r["value"]; given && rows == nil {
		rows = []any{map[string]any{"value": v}}
	}
	kind.Default(r, "truncated", false)
	if bound := newTable(c.Options).maxRows; len(rows) > bound {
		rows, r["truncated"] = rows[:bound], true
	}
	if rows == nil {
		rows = []any{}
	}
	r["rows"] = rows
	kind.Default(r, "columns", columns(rows))
	kind.Default(r, "found", len(rows))
	kind.Default(r, "affected", 0)
	if len(rows) == 1 && r["truncated"] == false {
		row, _ := rows[0].(map[string]any)
		if names, _ := r["columns"].([]any); len(names) == 1 {
			kind.Default(r, "value", row[types.Format(names[0])])
		}
	}
	return ""
}

// columns are the names that the rows have, sorted: a reply that cares for their
// order gives it.
func columns(rows []any) []any {
	names := map[string]bool{}
	for _, r := range rows {
		row, _ := r.(map[string]any)
		for name := range row {
			names[name] = true
		}
	}
	out := []any{}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		out = append(out, n)
	}
	return out
}
