package report

import (
	"fmt"
	"io"
	"strings"

	"runbook/engine/journal"
)

// maxPath bounds how much of a long way is shown: its end is what explains how it
// came out.
const maxPath = 80

// Path writes the way that a run took in short: each step with how it came out,
// each decision with why. Every line begins with a margin.
func Path(w io.Writer, s *journal.State, margin string, color bool) error {
	p := newPage(s)
	paint := painter(color)
	var lines []string
	decisions := p.Decisions
	for _, r := range p.Timeline {
		if r.Who == "run" && r.Sign == "" {
			continue // that it began is no news
		}
		sign := first(r.Sign, " ")
		lines = append(lines, signed(paint, sign)+" "+paint.paint(bold, r.Who)+"  "+r.What)
		if r.Sign != "→" || len(decisions) == 0 {
			continue
		}
		for _, why := range decisions[0].Because {
			lines = append(lines, "    "+paint.paint(dim, "because ")+why)
		}
		decisions = decisions[1:]
	}
	if more := len(lines) - maxPath; more > 0 {
		lines = append([]string{fmt.Sprintf("… %s before", count(more, "line", "lines"))}, lines[more:]...)
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(margin + l + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// signed colours a sign as what it says.
func signed(p painter, sign string) string {
	switch sign {
	case "✓":
		return p.paint(green, sign)
	case "✗":
		return p.paint(red, sign)
	case "!", "?", "‖":
		return p.paint(yellow, sign)
	case "→", "▸", "·":
		return p.paint(cyan, sign)
	}
	return sign
}
