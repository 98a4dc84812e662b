package report

// A style is the number of an SGR sequence.
type style string

const (
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
	loud   style = "1;30;43" // a drill must not be taken for the real thing, nor the other way round
)

// painter colours text, or leaves it as it is.
type painter bool

func (p painter) paint(st style, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

// mark is the sign of a verdict.
func (p painter) mark(verdict string) string {
	switch verdict {
	case "passed":
		return p.paint(green, "✓")
	case "failed":
		return p.paint(red, "✗")
	case "skipped":
		return p.paint(dim, "–")
	}
	return p.paint(yellow, "!")
}

// outcomeStyle is the sign and the colour of a run's outcome.
func outcomeStyle(outcome string) (string, style) {
	switch outcome {
	case "failed", "cancelled":
		return "✗", red
	case "escalated":
		return "!", yellow
	}
	return "✓", green
}
