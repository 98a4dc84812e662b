// Package render draws diagnostics: as text for people, and as JSON, SARIF and
// GitHub annotations for machines. All forms are drawn from the same values.
package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"runbook/engine/source"
)

// Options choose how the text form looks.
type Options struct{ Color bool }

// maxLine is how many characters of a source line are shown.
const maxLine = 120

// Text draws each finding with its line and a caret under the place:
//
//	hubspot.yaml:12:9: error: unknown name `stepz` [unknown-name]
//	   12 |   when: stepz.api.status == 401
//	      |         ^^^^^
//	      = Did you mean `steps`?
func Text(w io.Writer, found source.Diagnostics, o Options) error {
	b := bufio.NewWriter(w)
	p := painter{o.Color}
	for _, d := range found {
		pos := d.Span.Position()
		name := "runbook"
		if d.Span.File != nil {
			name = d.Span.File.Name
		}
		fmt.Fprintf(b, "%s %s %s %s\n", p.bold(fmt.Sprintf("%s:%d:%d:", clean(name), pos.Line, pos.Column)),
			p.severity(d.Severity), p.bold(clean(d.Summary)), p.dim("["+d.Code+"]"))
		excerpt(b, d.Span, "", p)
		for _, n := range d.Related {
			if n.Span.File != nil && n.Span.File != d.Span.File {
				at := n.Span.Position()
				fmt.Fprintf(b, "    in %s:%d:%d:\n", clean(n.Span.File.Name), at.Line, at.Column)
			}
			excerpt(b, n.Span, n.Text, p)
		}
		for _, line := range strings.Split(strings.TrimRight(d.Detail, "\n"), "\n") {
			if line != "" {
				fmt.Fprintf(b, "      = %s\n", clean(line))
			}
		}
	}
	return b.Flush()
}

// excerpt shows the first line of a span with a caret line below it.
func excerpt(w io.Writer, s source.Span, note string, p painter) {
	if s.IsZero() || len(s.File.Data) == 0 {
		return
	}
	from, to := s.Position(), s.EndPosition()
	line := []rune(s.File.Line(from.Line))
	last := len(line) + 1
	if to.Line == from.Line {
		last = to.Column
	}
	start, width := from.Column-1, max(1, last-from.Column)
	line, start, width = window(line, start, width)
	fmt.Fprintf(w, "%5d | %s\n", from.Line, clean(string(line)))
	fmt.Fprintf(w, "      | %s%s\n", padding(line[:min(start, len(line))]), p.caret(strings.TrimRight(marks(line, start, width)+" "+clean(note), " ")))
}

// window cuts a long line around the place.
func window(line []rune, start, width int) ([]rune, int, int) {
	start = min(start, len(line))
	if len(line) <= maxLine {
		return line, start, width
	}
	from := max(0, min(start-maxLine/3, len(line)-maxLine))
	return line[from : from+maxLine], start - from, min(width, maxLine-(start-from))
}

// padding is as wide as the text before the caret: tabs stay tabs.
func padding(before []rune) string {
	var b strings.Builder
	for _, r := range before {
		if r == '\t' {
			b.WriteByte('\t')
			continue
		}
		b.WriteString(strings.Repeat(" ", cells(r)))
	}
	return b.String()
}

// marks underlines the characters of the place.
func marks(line []rune, start, width int) string {
	n := 0
	for i := start; i < start+width && i < len(line); i++ {
		n += cells(line[i])
	}
	return strings.Repeat("^", max(1, n))
}

// cells is how many columns of a terminal a character takes. East Asian wide
// ranges after Unicode's EastAsianWidth.txt, W and F.
func cells(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// clean keeps a hostile file from driving the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069) {
			return '\ufffd'
		}
		return r
	}, s)
}

type painter struct{ on bool }

func (p painter) paint(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p painter) bold(s string) string  { return p.paint("1", s) }
func (p painter) dim(s string) string   { return p.paint("2", s) }
func (p painter) caret(s string) string { return p.paint("1;31", s) }

func (p painter) severity(s source.Severity) string {
	if s == source.Warning {
		return p.paint("1;33", "warning:")
	}
	return p.paint("1;31", "error:")
}
