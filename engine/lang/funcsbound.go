package lang

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"text/template"

	"runbook/engine/types"
)

// boundFuncs makes functions that could fill the memory refuse to: those that
// multiply lengths ask first, and no function may give a string longer than a
// text may be, so that variables cannot double without end.
func boundFuncs(m template.FuncMap) {
	for name, f := range m {
		m[name] = bounded1(name, f)
	}
	m["repeat"], m["replace"] = repeat, replace
	m["keys"], m["values"] = keysOf, valuesOf
	m["printf"], m["join"], m["concat"] = printf, join(m["join"].(joinFunc)), concat(m["concat"].(func(...any) any))
	m["wrapWith"] = wrapWith(m["wrapWith"].(func(int, string, string) (string, error)))
	m["indent"] = func(n int, s string) (string, error) { return indented(n, s, "") }
	m["nindent"] = func(n int, s string) (string, error) { return indented(n, s, "\n") }
	for _, name := range []string{"regexReplaceAll", "regexReplaceAllLiteral", "mustRegexReplaceAll", "mustRegexReplaceAllLiteral"} {
		m[name] = replaceAll(strings.HasSuffix(name, "Literal"))
	}
}

var (
	errorType  = reflect.TypeOf((*error)(nil)).Elem()
	stringType = reflect.TypeOf("")
)

// bounded1 is a function that refuses to give a string that is too long.
func bounded1(name string, f any) any {
	v := reflect.ValueOf(f)
	t := v.Type()
	if t.NumOut() == 0 || t.Out(0) != stringType {
		return f
	}
	in := make([]reflect.Type, t.NumIn())
	for i := range in {
		in[i] = t.In(i)
	}
	made := reflect.FuncOf(in, []reflect.Type{stringType, errorType}, t.IsVariadic())
	return reflect.MakeFunc(made, func(args []reflect.Value) []reflect.Value {
		call := v.Call
		if t.IsVariadic() {
			call = v.CallSlice
		}
		out := call(args)
		if len(out) == 1 {
			out = append(out, reflect.Zero(errorType))
		}
		if out[0].Len() > maxText {
			return []reflect.Value{reflect.ValueOf(""), reflect.ValueOf(tooLong(name)).Convert(errorType)}
		}
		return out
	}).Interface()
}

func tooLong(name string) error { return fmt.Errorf("%s makes more than %d bytes", name, maxText) }

func repeat(n int, s string) (string, error) {
	if n < 0 || len(s) > 0 && n > maxText/len(s) {
		return "", tooLong("repeat")
	}
	return strings.Repeat(s, n), nil
}

func replace(old, to, s string) (string, error) {
	if len(s)+strings.Count(s, old)*max(0, len(to)-len(old)) > maxText {
		return "", tooLong("replace")
	}
	return strings.ReplaceAll(s, old, to), nil
}

// maxMatches bounds how many matches a replacement has: each costs far more than
// the characters that it covers.
const maxMatches = 50_000

// replaceAll is a replacement by a regular expression: whether it fits is known
// once each match has been.
func replaceAll(literal bool) func(pattern, s, to string) (string, error) {
	return func(pattern, s, to string) (string, error) {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return "", err
		}
		var b []byte
		at := 0
		found := re.FindAllStringSubmatchIndex(s, maxMatches+1)
		if len(found) > maxMatches {
			return "", tooLong("regexReplaceAll")
		}
		for _, m := range found {
			b = append(b, s[at:m[0]]...)
			if strings.Count(to, "$")*(m[1]-m[0])+len(to) > maxText {
				return "", tooLong("regexReplaceAll")
			}
			if literal {
				b = append(b, to...)
			} else {
				b = re.ExpandString(b, to, s, m)
			}
			if at = m[1]; len(b) > maxText {
				return "", tooLong("regexReplaceAll")
			}
		}
		return string(append(b, s[at:]...)), nil
	}
}

func indented(n int, s, before string) (string, error) {
	if n < 0 || n > maxText || len(s)+(strings.Count(s, "\n")+1)*n > maxText {
		return "", tooLong("indent")
	}
	pad := strings.Repeat(" ", n)
	return before + pad + strings.ReplaceAll(s, "\n", "\n"+pad), nil
}

// wide recognises a width or precision that is no small number.
var wide = regexp.MustCompile(`%[-+# 0]*(?:\[[0-9]+\])?(?:[0-9]{5,}|\*|[0-9]*\.(?:[0-9]{5,}|\*|\[))`)

// printf is fmt.Sprintf, with widths below 10,000.
func printf(format string, args ...any) (string, error) {
	if wide.MatchString(format) {
		return "", fmt.Errorf("printf cannot make a field of that width")
	}
	longest := 1
	for _, a := range args {
		if !fits(a) {
			return "", tooLong("printf")
		}
		longest = max(longest, len(types.Format(a)))
	}
	if strings.Count(format, "%")*longest > 16*maxText {
		return "", tooLong("printf")
	}
	s := fmt.Sprintf(format, args...)
	if len(s) > maxText {
		return "", tooLong("printf")
	}
	return s, nil
}

type joinFunc = func(string, any) (string, error)

func join(next joinFunc) joinFunc {
	return func(sep string, v any) (string, error) {
		if l := reflect.ValueOf(v); !fits(v) || l.Kind() == reflect.Slice && l.Len()*len(sep) > maxText {
			return "", tooLong("join")
		}
		return next(sep, v)
	}
}

func concat(next func(...any) any) func(...any) (any, error) {
	return func(lists ...any) (any, error) {
		size := 0
		for _, l := range lists {
			if v := reflect.ValueOf(l); v.Kind() == reflect.Slice {
				size += v.Len()
			}
		}
		if size > maxTurns {
			return nil, fmt.Errorf("concat makes a list of more than %d entries", maxTurns)
		}
		return next(lists...), nil
	}
}

func wrapWith(next func(int, string, string) (string, error)) func(int, string, string) (string, error) {
	return func(width int, sep, s string) (string, error) {
		if (len(s)/max(1, width)+strings.Count(s, " ")+1)*len(sep) > maxText {
			return "", tooLong("wrapWith")
		}
		return next(width, sep, s)
	}
}

// fits reports whether a value can be written out: lists that hold one another
// twice and again are small in memory and endless as text.
func fits(v any) bool {
	room := 16 * maxText
	measure(v, &room)
	return room > 0
}

// measure takes what a value needs as text from room, and stops at its end.
func measure(v any, room *int) {
	switch v := v.(type) {
	case string:
		*room -= len(v)
	case []any:
		for _, x := range v {
			if *room <= 0 {
				break
			}
			measure(x, room)
		}
	case map[string]any:
		for k, x := range v {
			if *room <= 0 {
				break
			}
			*room -= len(k)
			measure(x, room)
		}
	}
	*room -= 8
}
