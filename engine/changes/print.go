package changes

import (
	"fmt"
	"reflect"
	"strings"

	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/source"
	"runbook/engine/types"
)

// own is a step without the steps that stand in it, and with the first so many
// branches: what is compared of it by itself.
func own(s *plan.Step, branches int) *plan.Step {
	x := *s
	x.Steps, x.Branches = nil, nil
	for _, b := range s.Branches[:min(branches, len(s.Branches))] {
		way := *b
		way.Steps = nil
		x.Branches = append(x.Branches, &way)
	}
	x.Failure.Steps = nil
	if s.Undo != nil {
		undo := *s.Undo
		undo.Steps = nil
		x.Undo = &undo
	}
	return &x
}

// header is a procedure without its steps.
func header(p *plan.Procedure) *plan.Procedure {
	x := *p
	x.Steps = nil
	return &x
}

// print writes down what a part of a plan says, and not where it stands: two parts
// with the same print do the same. Procedures and other runbooks stand as their
// names: they are compared by themselves.
func print(v any) string {
	var b strings.Builder
	write(&b, reflect.ValueOf(v))
	return b.String()
}

func write(b *strings.Builder, v reflect.Value) {
	if !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		b.WriteString("-;")
		return
	}
	if text, known := word(v); known {
		fmt.Fprintf(b, "%q;", text)
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		fmt.Fprintf(b, "%s ", v.Elem().Type())
		write(b, v.Elem())
	case reflect.Struct:
		b.WriteByte('{')
		for i := range v.NumField() {
			if v.Field(i).Type() != reflect.TypeFor[source.Span]() {
				b.WriteString(v.Type().Field(i).Name + ":")
				write(b, v.Field(i))
			}
		}
		b.WriteByte('}')
	case reflect.Slice, reflect.Array:
		b.WriteByte('[')
		for i := range v.Len() {
			write(b, v.Index(i))
		}
		b.WriteByte(']')
	case reflect.Map:
		fmt.Fprintf(b, "%q;", fmt.Sprint(v)) // in the order of its keys
	case reflect.String:
		fmt.Fprintf(b, "%q;", v.String())
	default:
		fmt.Fprintf(b, "%v;", v)
	}
}

// word is what is written for what is compiled, and for what is compared elsewhere.
func word(v reflect.Value) (string, bool) {
	if !v.CanInterface() {
		return "", false
	}
	switch x := v.Interface().(type) {
	case source.Text:
		return x.Value, true
	case *lang.Expr:
		return x.Source, true
	case *lang.Template:
		return x.Text.Value, true
	case *lang.Script:
		return x.Text.Value, true
	case *kind.Kind:
		return x.Name, true
	case *types.Type:
		return x.String(), true
	case *plan.Procedure:
		if x.Steps != nil {
			return x.Name, true
		}
	case *plan.Plan:
		return x.File.Name, true
	}
	return "", false
}
