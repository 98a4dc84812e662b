package coverage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runbook/engine/source"
)

// Minimum is how much of one class must be taken, in percent.
type Minimum struct {
	Class   Class
	Percent float64
}

// ParseMinimum reads a gate: `90` counts branches, `steps=90,branches=100` the
// classes that it names, `total=80` all of them together.
func ParseMinimum(text string) ([]Minimum, error) {
	var out []Minimum
	for _, part := range strings.Split(text, ",") {
		name, number, named := strings.Cut(strings.TrimSpace(part), "=")
		m := Minimum{Class: Branches}
		if !named {
			number = name
		} else if m.Class = Class(strings.TrimSpace(name)); !m.Class.known() {
			return nil, fmt.Errorf("%q is no class of coverage%s: %s", name, meant(name), words())
		}
		var err error
		m.Percent, err = strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(number), "%"), 64)
		if err != nil || !(m.Percent >= 0 && m.Percent <= 100) {
			return nil, fmt.Errorf("%q is no percentage from 0 to 100", number)
		}
		out = append(out, m)
	}
	return out, nil
}

func (c Class) known() bool { return slices.Contains(names(), string(c)) }

func names() []string {
	var out []string
	for _, c := range Classes {
		out = append(out, string(c))
	}
	return append(out, string(Total))
}

func words() string { return strings.Join(names(), ", ") }

func meant(name string) string {
	if s := source.Suggest(name, names()); s != "" {
		return fmt.Sprintf(" (did you mean %s?)", s)
	}
	return ""
}

// Below says of each minimum that is not reached how far it is missed: nothing
// where all are reached.
func (c *Coverage) Below(gate []Minimum) []string {
	var out []string
	for _, m := range gate {
		f := c.Figure(m.Class)
		if float64(f.Taken)*100 >= m.Percent*float64(f.Of) {
			continue
		}
		out = append(out, fmt.Sprintf("%s: %d of %d are taken, which is %d%%; at least %s%% have to be", f.Class, f.Taken, f.Of, f.Percent(), strconv.FormatFloat(m.Percent, 'f', -1, 64)))
	}
	return out
}
