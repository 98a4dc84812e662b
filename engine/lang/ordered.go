package lang

import (
	"maps"
	"slices"

	"github.com/expr-lang/expr"
)

// A mapping has no order of its own, and the same journal has to give the same
// run: what takes one apart does so in the order of its keys.

// ordered are the entries of a mapping, as pairs of key and value.
func ordered(v any) (pairs []any) {
	m, _ := normal(v).(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, []any{k, m[k]})
	}
	return pairs
}

// column takes the keys (0) or the values (1) out of pairs.
func column(pairs []any, i int) []any {
	out := make([]any, len(pairs))
	for j, p := range pairs {
		out[j] = p.([]any)[i]
	}
	return out
}

var orderedFuncs = []expr.Option{
	expr.Function("__keys", func(args ...any) (any, error) { return column(ordered(args[0]), 0), nil }),
	expr.Function("__values", func(args ...any) (any, error) { return column(ordered(args[0]), 1), nil }),
	expr.Function("__toPairs", func(args ...any) (any, error) { return append([]any{}, ordered(args[0])...), nil }),
}

// keysOf and valuesOf are sprig's `keys` and `values`.
func keysOf(dicts ...map[string]any) (out []string) {
	for _, d := range dicts {
		out = append(out, slices.Sorted(maps.Keys(d))...)
	}
	return out
}

func valuesOf(dict map[string]any) []any { return column(ordered(dict), 1) }
