package coverage

import (
	"fmt"
	"io"
	"strings"

	"runbook/engine/report"
)

// Text writes the figures, and what was not taken, a line each, by place. Limit
// bounds how many lines; 0 is all.
func (c *Coverage) Text(w io.Writer, limit int) error {
	var b strings.Builder
	figures := c.Figures()
	last := figures[len(figures)-1]
	fmt.Fprintf(&b, "coverage %s", percent(last))
	for i, f := range figures[:len(figures)-1] {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep + string(f.Class) + " " + percent(f))
	}
	b.WriteString("\n")
	missing := c.Gaps()
	shown := missing
	if limit > 0 && len(missing) > limit {
		shown = missing[:limit]
	}
	for _, i := range shown {
		fmt.Fprintf(&b, "  %s: %s\n", report.Clean(i.Place()), oneLine(i.What()))
	}
	if more := len(missing) - len(shown); more > 0 {
		fmt.Fprintf(&b, "  … and %d more\n", more)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func percent(f Figure) string { return fmt.Sprintf("%d%% (%d of %d)", f.Percent(), f.Taken, f.Of) }

// Place is where the item stands: FILE:LINE.
func (i *Item) Place() string { return fmt.Sprintf("%s:%d", i.File, i.Line) }

func oneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(report.Clean(s))
}
