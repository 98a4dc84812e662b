package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"runbook/engine/plan"
	"runbook/engine/source"
	"runbook/engine/syntax"
)

// Inputs are the values that a run is given, before they are typed. Where a name
// stands in several, the first of Flags, File and Env wins; then the default.
type Inputs struct {
	Flags map[string]string        // --input NAME=VALUE
	File  map[string]any           // --inputs FILE, read by ReadInputs
	Env   func(name string) string // RUNBOOK_INPUT_NAME; nil for none
	// Prompt asks a person for an input that is missing, or whose value is
	// refused for the reason given; nil where nobody is there.
	Prompt func(in *plan.Input, why string) (string, error)
}

// MissingError says what a run needs that is not there: inputs, secrets or
// programs. Each line says what is missing and how to give it.
type MissingError struct{ Lines []string }

// Error joins the lines.
func (e *MissingError) Error() string { return strings.Join(e.Lines, "\n") }

// inputEnv is the environment variable that gives an input.
func inputEnv(name string) string {
	return "RUNBOOK_INPUT_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Resolve types the values of a plan's inputs. What is wrong or missing comes
// back at once, as a *MissingError.
func (in Inputs) Resolve(p *plan.Plan) (map[string]any, error) {
	out := map[string]any{}
	lines := in.unknown(p)
	for _, d := range p.Inputs {
		v, err := in.one(d)
		if err != nil {
			var stop *promptError
			if errors.As(err, &stop) {
				return nil, stop.err
			}
			lines = append(lines, err.Error())
			continue
		}
		out[d.Name] = v
	}
	if len(lines) > 0 {
		return nil, &MissingError{lines}
	}
	return out, nil
}

// Known types what is given, without asking for what is missing: what a
// rehearsal can show. A value that does not fit is a *MissingError.
func (in Inputs) Known(p *plan.Plan) (map[string]any, error) {
	out := map[string]any{}
	lines := in.unknown(p)
	for _, d := range p.Inputs {
		v, given, err := in.given(d)
		switch {
		case err != nil:
			lines = append(lines, fmt.Sprintf("input %s: %s", d.Name, err))
		case given:
			out[d.Name] = v
		case d.Default != nil || !d.Required:
			out[d.Name] = d.Default
		}
	}
	if len(lines) > 0 {
		return nil, &MissingError{lines}
	}
	return out, nil
}

// unknown are the names given that no input has.
func (in Inputs) unknown(p *plan.Plan) []string {
	var names, lines []string
	for _, d := range p.Inputs {
		names = append(names, d.Name)
	}
	given := make([]string, 0, len(in.Flags)+len(in.File))
	for n := range in.Flags {
		given = append(given, n)
	}
	for n := range in.File {
		given = append(given, n)
	}
	slices.Sort(given)
	for _, n := range slices.Compact(given) {
		if slices.Contains(names, n) {
			continue
		}
		line := fmt.Sprintf("input %s: %s has no such input", n, p.Name)
		if s := source.Suggest(n, names); s != "" {
			line += fmt.Sprintf("; did you mean %s?", s)
		} else if len(names) > 0 {
			line += "; it has " + strings.Join(names, ", ")
		}
		lines = append(lines, line)
	}
	return lines
}

// promptError is a prompt that could not be put: end of input, an interrupt.
type promptError struct{ err error }

func (e *promptError) Error() string { return e.err.Error() }

func (in Inputs) one(d *plan.Input) (any, error) {
	v, given, err := in.given(d)
	if given && err == nil {
		return v, nil
	}
	if !given && (d.Default != nil || !d.Required) {
		return d.Default, nil
	}
	why := ""
	if err != nil {
		why = err.Error()
	}
	if in.Prompt == nil {
		if given {
			return nil, fmt.Errorf("input %s: %s", d.Name, why)
		}
		return nil, fmt.Errorf("input %s is missing: %sgive --input %s=... or set %s", d.Name, described(d), d.Name, inputEnv(d.Name))
	}
	for {
		text, err := in.Prompt(d, why)
		if err != nil {
			return nil, &promptError{err}
		}
		v, err := d.Parse(text)
		if err == nil {
			return v, nil
		}
		why = err.Error()
	}
}

func described(d *plan.Input) string {
	if d.Description == "" {
		return ""
	}
	return d.Description + "; "
}

// given is the value that a flag, the file or the environment gives.
func (in Inputs) given(d *plan.Input) (any, bool, error) {
	if text, ok := in.Flags[d.Name]; ok {
		v, err := d.Parse(text)
		return v, true, err
	}
	if raw, ok := in.File[d.Name]; ok {
		v, err := d.CheckWritten(raw)
		return v, true, err
	}
	if in.Env != nil {
		if text := in.Env(inputEnv(d.Name)); text != "" {
			v, err := d.Parse(text)
			return v, true, err
		}
	}
	return nil, false, nil
}

// ReadInputs reads a file of inputs: one YAML (or JSON) mapping of names to
// values.
func ReadInputs(f *source.File) (map[string]any, source.Diagnostics) {
	var found source.Diagnostics
	report := func(d source.Diagnostic) { found = append(found, d) }
	root := syntax.Parse(f, report)
	if root == nil {
		return nil, found
	}
	if root.Kind != syntax.Mapping {
		report(source.Diagnostic{Code: "wrong-type", Span: root.Span, Summary: "a file of inputs is one mapping",
			Detail: "Write `name: value`, one input a line."})
		return nil, found
	}
	v, _ := syntax.Literal(root).(map[string]any)
	return v, found
}
