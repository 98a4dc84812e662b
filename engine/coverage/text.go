package coverage

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"runbook/engine/report"
)

// Text writes the figures, and what was not taken, a line each, by place. Limit
// bounds how many lines; 0 is all. Then the classes that are told first count most.
func (c *Coverage) Text(w io.Writer, limit int) error {
	var b strings.Builder
	b.WriteString(c.Summary() + "\n")
	missing := c.Gaps()
	shown := foremost(missing, limit)
	for _, g := range shown {
		fmt.Fprintf(&b, "  %s: %s\n", report.Clean(g.Place()), oneLine(g.What()))
	}
	if more := len(missing) - len(shown); more > 0 {
		fmt.Fprintf(&b, "  … and %d more\n", more)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// foremost are as many gaps as a limit allows: branches before expectations.
func foremost(gaps []Gap, limit int) []Gap {
	if limit <= 0 || len(gaps) <= limit {
		return gaps
	}
	out := slices.Clone(gaps)
	slices.SortStableFunc(out, func(a, b Gap) int {
		return cmp.Compare(slices.Index(Classes, a.Class), slices.Index(Classes, b.Class))
	})
	out = out[:limit]
	slices.SortFunc(out, func(a, b Gap) int { return byPlace(a.Item, b.Item) })
	return out
}

// Summary is the figures in a line.
func (c *Coverage) Summary() string {
	text := ""
	for _, f := range c.Figures() {
		if f.Class == Total {
			return strings.TrimSuffix("coverage "+percent(f)+": "+text, ": ")
		}
		if text != "" {
			text += ", "
		}
		text += string(f.Class) + " " + percent(f)
	}
	return text
}

func percent(f Figure) string { return fmt.Sprintf("%d%% (%d of %d)", f.Percent(), f.Taken, f.Of) }

// Place is where the item stands: FILE:LINE.
func (i *Item) Place() string { return fmt.Sprintf("%s:%d", i.File, i.Line) }

func oneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(report.Clean(s))
}
