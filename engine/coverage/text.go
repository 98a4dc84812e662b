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
	b.WriteString(c.Summary() + "\n")
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
