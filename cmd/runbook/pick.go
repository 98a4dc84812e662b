package main

import (
	"fmt"
	"strconv"
	"strings"

	"runbook/engine/interp"
	"runbook/engine/report"
	"runbook/engine/types"
)

// list shows what a value is picked from, numbered.
func (p *prompter) list(c interp.Collect) {
	if len(c.Options) == 0 {
		return
	}
	fmt.Fprintf(p.out, "  %s\n", howToPick(c))
	for i, o := range c.Options {
		fmt.Fprintf(p.out, "  %d) %s\n", i+1, report.Clean(types.Format(o)))
	}
}

func howToPick(c interp.Collect) string {
	if c.Type.Kind == types.List {
		return c.Name + ": several may be picked, such as 1,3"
	}
	return c.Name + ": pick one by its number"
}

// picked is the value that a person typed: the number of an option, the numbers
// of several, or the value itself.
func picked(c interp.Collect, text string) (any, error) {
	if len(c.Options) == 0 {
		return c.Parse(text)
	}
	many := c.Type.Kind == types.List
	words := []string{text}
	if many {
		words = strings.Split(text, ",")
	}
	var chosen []any
	for _, w := range words {
		n, err := strconv.Atoi(strings.TrimSpace(w))
		if err != nil || n < 1 || n > len(c.Options) {
			return c.Parse(text)
		}
		chosen = append(chosen, c.Options[n-1])
	}
	if many {
		return c.Check(chosen)
	}
	return c.Check(chosen[0])
}
