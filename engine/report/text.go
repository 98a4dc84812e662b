// Package report draws a journal's events for people and for CI: lines, a live
// tree, a rehearsal, Markdown, HTML, a postmortem, JUnit. It knows nothing of a
// run but what the events say.
//
// What events carry was partly written by strangers: the body of a server's
// answer, a program's standard error. Nothing of it may drive a terminal, break a
// table or become markup, so every text goes through Clean, and through the
// escaping of the form that it is drawn in.
package report

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// replacement stands for a character that is not shown.
const replacement = '\uFFFD'

// lineEnds: programs that draw progress bars end their lines with a lone CR.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Clean keeps line breaks and tabs, and replaces everything else that could
// drive a terminal or turn the order of a text around.
func Clean(s string) string {
	if strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unsafe(r) {
			return replacement
		}
		return r
	}, lineEnds.Replace(s))
}

// unsafe: C0 but \n and \t, DEL, C1, bidirectional controls, the separators that
// some programs break lines at, and bytes that are no UTF-8.
func unsafe(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20, r >= 0x7f && r < 0xa0, r == utf8.RuneError:
		return true
	case r == 0x61c, r == 0x200e, r == 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}

// unseen are the characters that are unsafe, and those that take no room: a text
// that looks like another could be made of them.
func unseen(r rune) bool { return unsafe(r) || unicode.In(r, unicode.Cf) || r == 0xa0 }

// oneLine is a clean text on a single line.
func oneLine(s string) string {
	s = strings.Trim(Clean(s), "\n")
	return strings.NewReplacer("\n", " ⏎ ", "\t", " ").Replace(s)
}

// indent puts a prefix before every line of a text.
func indent(s, prefix string) string {
	s = strings.TrimRight(s, "\n")
	return prefix + strings.ReplaceAll(s, "\n", "\n"+prefix)
}

// firstLines and lastLines bound a text, and say how much is not shown.
func firstLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if len(lines) <= n {
		return strings.Join(lines, "\n")
	}
	return strings.Join(lines[:n], "\n") + "\n… " + count(len(lines)-n, "more line", "more lines")
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if len(lines) <= n {
		return strings.Join(lines, "\n")
	}
	return "… " + count(len(lines)-n, "line before", "lines before") + "\n" + strings.Join(lines[len(lines)-n:], "\n")
}

// shorten cuts a text to n characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// span writes a duration as people say it, no more exact than is useful.
func span(d time.Duration) string {
	switch {
	case d <= 0:
		return "0s"
	case d < time.Millisecond:
		return "<1ms"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	d = d.Round(time.Second)
	if d >= time.Hour {
		d = d.Round(time.Minute)
	}
	s := d.String()
	if d >= time.Minute && d%time.Minute == 0 {
		s = strings.TrimSuffix(s, "0s")
	}
	if d >= time.Hour && d%time.Hour == 0 {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// columns is how many columns a text takes on a terminal. Where terminals
// disagree it counts the most, so that what is cut to fit does fit.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	switch {
	case r == 0xfe0f: // asks for the emoji form of the character before it
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r < 0x20:
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	if r >= 0x1f000 && r <= 0x1faff { // emoji that not every table knows as wide
		return 2
	}
	return 1
}

// fit cuts a text without line breaks to so many columns.
func fit(s string, max int) string {
	if columns(s) <= max {
		return s
	}
	if max < 1 {
		return ""
	}
	n := 0
	for i, r := range s {
		if n += runeColumns(r); n > max-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
