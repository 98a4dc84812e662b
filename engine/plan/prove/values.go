package prove

import (
	"math"
	"slices"
	"strings"

	"runbook/engine/lang"
	"runbook/engine/types"
)

// odd is a value that stands for no one value.
type odd int

const (
	absent odd = iota // reading it is an error
	other             // of another kind than any literal: a list, a time
)

// outcomes is a set of what a condition can come to.
type outcomes uint8

const (
	isTrue outcomes = 1 << iota
	isFalse
	isError
	anything = isTrue | isFalse | isError
)

func truth(b bool) outcomes {
	if b {
		return isTrue
	}
	return isFalse
}

// compare is what an atom can come to where v stands at its path.
func compare(f *lang.Formula, v any) outcomes {
	if v == absent {
		if !f.Optional {
			return isError
		}
		return isError | compare(f, nil)
	}
	if v == nil && f.HasDefault {
		v = f.Default
	}
	switch f.Compare {
	case "is":
		if b, ok := v.(bool); ok {
			return truth(b)
		}
		return isError
	case "==":
		return equal(v, f.Literals[0])
	case "!=":
		return negate(equal(v, f.Literals[0]))
	case "in":
		return among(v, f.Literals)
	case "range":
		return within(v, f.Literals)
	}
	return ordered(v, f.Compare, f.Literals[0])
}

func negate(o outcomes) outcomes {
	out := o & isError
	if o&isTrue != 0 {
		out |= isFalse
	}
	if o&isFalse != 0 {
		out |= isTrue
	}
	return out
}

// equal: values of different kinds are never equal; an int and a float are where
// they are the same number.
func equal(v, literal any) outcomes {
	if x, ok := number(v); ok {
		y, ok := number(literal)
		return truth(ok && x == y)
	}
	return truth(v == literal)
}

func ordered(v any, op string, literal any) outcomes {
	if x, ok := number(v); ok {
		if y, ok := number(literal); ok {
			return inOrder(op, x, y)
		}
	}
	if x, ok := v.(string); ok {
		if y, ok := literal.(string); ok {
			return inOrder(op, x, y)
		}
	}
	return isError
}

func inOrder[T int | float64 | string](op string, x, y T) outcomes {
	switch op {
	case "<":
		return truth(x < y)
	case "<=":
		return truth(x <= y)
	case ">":
		return truth(x > y)
	case ">=":
		return truth(x >= y)
	}
	return anything
}

// among is `v in [...]`. What is of another kind than all that is in the list is
// not in it, or an error, depending on how expr looks it up.
func among(v any, list []any) outcomes {
	if slices.ContainsFunc(list, func(l any) bool { return equal(v, l) == isTrue }) {
		if _, isFloat := v.(float64); isFloat {
			return anything
		}
		return isTrue
	}
	if v == nil && slices.Contains(list, any("")) {
		return anything
	}
	if v == nil || slices.ContainsFunc(list, func(l any) bool { return sameKind(v, l) }) {
		return isFalse
	}
	return isFalse | isError
}

func sameKind(a, b any) bool {
	switch a.(type) {
	case int:
		_, ok := b.(int)
		return ok
	case string:
		_, ok := b.(string)
		return ok
	case bool:
		_, ok := b.(bool)
		return ok
	}
	return false
}

// within is `v in a..b`.
func within(v any, ends []any) outcomes {
	lo, hi := ends[0].(int), ends[1].(int)
	if i, ok := v.(int); ok {
		return truth(lo <= i && i <= hi)
	}
	if _, ok := v.(float64); ok {
		return anything
	}
	return isFalse | isError
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

// values are the values of a variable: one at least for each way in which
// comparisons with the literals can come out.
func (v Var) values(literals []any, example bool) []any {
	var out []any
	switch {
	case len(v.Enum) > 0:
		out = slices.Clone(v.Enum)
	case v.Type == nil || v.Type.Kind == types.Any:
		out = append(texts(literals, example), true, false, other, math.NaN())
		out = append(out, v.numbers(literals, false)...)
	case v.Type.Kind == types.Int:
		out = v.numbers(literals, true)
	case v.Type.Kind == types.Number:
		out = append(v.numbers(literals, false), other, math.NaN())
	case v.Type.Kind == types.Bool:
		out = []any{true, false}
	case v.Type.Kind == types.String && len(v.Type.Enum) > 0:
		for _, w := range v.Type.Enum {
			out = append(out, w)
		}
	case v.Type.Kind == types.String, v.Type.Kind == types.URL:
		out = texts(literals, example)
	default:
		out = []any{other}
	}
	if v.Nil {
		out = append(out, nil)
	}
	if v.Absent {
		out = append(out, absent)
	}
	return out
}

// texts are the literals, and a string in each gap between them.
func texts(literals []any, example bool) []any {
	words := []string{""}
	for _, l := range literals {
		if s, ok := l.(string); ok {
			words = append(words, s)
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	var out []any
	for i, w := range words {
		out = append(out, w)
		gap := w + "\x00" // the least string behind w
		if example {
			gap = "other"
		}
		if i+1 == len(words) || gap < words[i+1] {
			out = append(out, gap)
		}
	}
	return out
}

// numbers are the literals within the bounds, the bounds, and a number in each
// gap between them.
func (v Var) numbers(literals []any, whole bool) []any {
	lo, hi := math.Inf(-1), math.Inf(1)
	points := []float64{0}
	for _, l := range append([]any{v.Min, v.Max}, literals...) {
		if x, ok := number(l); ok {
			points = append(points, x)
		}
	}
	if x, ok := number(v.Min); ok {
		lo = x
	}
	if x, ok := number(v.Max); ok {
		hi = x
	}
	slices.Sort(points)
	points = slices.Compact(points)
	all := gaps(points, whole)
	slices.Sort(all)
	var out []any
	for _, x := range slices.Compact(all) {
		switch {
		case x < lo || x > hi:
		case whole || x == math.Trunc(x):
			out = append(out, int(x))
		default:
			out = append(out, x)
		}
	}
	if !whole { // a float is not looked up in a list as an int is
		for _, x := range slices.Clone(out) {
			if i, ok := x.(int); ok {
				out = append(out, float64(i))
			}
		}
	}
	return out
}

// gaps are points with a number before, between and behind them.
func gaps(points []float64, whole bool) []float64 {
	var out []float64
	for i, x := range points {
		if whole {
			out = append(out, math.Floor(x)-1, math.Floor(x), math.Ceil(x), math.Ceil(x)+1)
			continue
		}
		out = append(out, x)
		if i > 0 {
			out = append(out, points[i-1]+(x-points[i-1])/2)
		}
	}
	if !whole {
		out = append(out, points[0]-1, points[len(points)-1]+1)
	}
	return out
}

// allows reports whether a way's bound admits a value.
func (b Bound) allows(v any) bool {
	switch {
	case b.Gone:
		return v == nil || v == absent
	case b.Between != nil:
		i, ok := v.(int)
		return ok && b.Between[0] <= i && i <= b.Between[1]
	case b.Among != nil:
		return slices.Contains(b.Among, v)
	case b.Except != nil:
		return !slices.Contains(b.Except, v)
	}
	return true
}

// key tells variables of conditions evaluated at different times apart.
func key(path string, time int) string {
	if time == 0 {
		return path
	}
	return strings.Repeat("\x00", time) + path
}
