package report

import (
	"bytes"
	"io"
	"strings"

	"runbook/engine/journal"
)

// Markdown writes the report of a run.
func Markdown(w io.Writer, s *journal.State) error {
	p := newPage(s)
	var m md
	m.title(p, "")
	m.pairs("", p.Head)
	m.facts(p)
	m.timeline(p)
	m.decisions(p)
	m.messages(p)
	m.answers(p)
	m.times(p)
	m.section("Evidence", p.Evidence)
	m.section("Messages that are not sent", p.Unsent)
	m.section("Still to be undone", p.Owed)
	m.list("Whom to turn to", p.Escalate)
	m.links(p)
	_, err := w.Write(m.Bytes())
	return err
}

// md builds a Markdown text out of what it escapes.
type md struct{ bytes.Buffer }

// esc escapes a text on one line: nothing of it is markup, HTML, or the end of a
// table's cell. What needs no escape has none, because people edit the text.
func esc(s string) string {
	s = strings.TrimSpace(oneLine(s))
	var b strings.Builder
	for i, r := range s {
		if special(s, i, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func special(s string, i int, r rune) bool {
	switch {
	case strings.ContainsRune("\\`*[]<|~$&", r):
		return true
	case r == '_':
		return i == 0 || i+1 == len(s) || !alnum(s[i-1]) || !alnum(s[i+1])
	case strings.ContainsRune("#+-=>", r):
		return strings.TrimSpace(s[:i]) == ""
	case r == '.' || r == ')':
		return digits(s[:i])
	}
	return false
}

func alnum(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

// digits: a number at the beginning of a line would begin a list.
func digits(s string) bool {
	s = strings.TrimSpace(s)
	return s != "" && len(s) < 12 && strings.Trim(s, "0123456789") == ""
}

// code is a text in a code span, whose fence is longer than any run of backticks
// in it.
func code(s string) string {
	if s = strings.TrimSpace(oneLine(s)); s == "" {
		return ""
	}
	fence := strings.Repeat("`", longest(s, '`')+1)
	if len(fence) > 1 {
		s = " " + s + " "
	}
	return fence + s + fence
}

// cell is a code span in a table, where a pipe would end the cell even so.
func cell(s string) string {
	if strings.Contains(s, "|") {
		return esc(s)
	}
	return code(s)
}

// longest is the longest run of a character.
func longest(s string, c byte) int {
	n, most := 0, 0
	for i := range len(s) {
		if s[i] != c {
			n = 0
			continue
		}
		n++
		most = max(most, n)
	}
	return most
}

// fenced is a text in a fenced block.
func fenced(s string) string {
	fence := strings.Repeat("`", max(3, longest(s, '`')+1))
	return fence + "text\n" + strings.TrimRight(Clean(s), "\n") + "\n" + fence + "\n"
}

func (m *md) line(s string) { m.WriteString(s + "\n") }

func (m *md) heading(s string) { m.WriteString("\n## " + s + "\n\n") }

func (m *md) title(p *page, before string) {
	m.line("# " + before + esc(p.Title))
	m.line("")
	if p.Drill {
		m.line("> **DRILL**: this was practice in an emulated world. Nothing real was touched.")
		m.line("")
	}
}

func (m *md) pairs(heading string, list []pair) {
	if heading != "" {
		m.heading(heading)
	}
	m.line("| | |")
	m.line("|---|---|")
	for _, x := range list {
		m.line("| " + esc(x.Name) + " | " + esc(x.Value) + " |")
	}
}

func (m *md) section(heading string, list []pair) {
	if len(list) > 0 {
		m.pairs(heading, list)
	}
}

func (m *md) facts(p *page) {
	m.section("Facts", p.Facts)
	m.section("Outputs", p.Outputs)
}

func (m *md) timeline(p *page) {
	if len(p.Timeline) == 0 {
		return
	}
	m.heading("Timeline (UTC)")
	m.line("| time | after | | step | what |")
	m.line("|---|---|---|---|---|")
	for _, r := range p.Timeline {
		m.line("| " + r.At + " | " + r.Offset + " | " + r.Sign + " | " + cell(r.Who) + " | " + esc(r.What) + " |")
	}
}

func (m *md) decisions(p *page) {
	if len(p.Decisions) == 0 {
		return
	}
	m.heading("What was decided, and why")
	for _, d := range p.Decisions {
		text := "- " + d.At + " **" + esc(d.Step) + "**: " + code(d.Branch)
		if d.By != "" {
			text += ", chosen by " + esc(d.By)
		}
		if d.Uncertain {
			text += " (uncertain: a condition could not be computed)"
		}
		m.line(text)
		for _, b := range d.Because {
			m.line("  - because " + code(b))
		}
	}
}

func (m *md) messages(p *page) {
	if len(p.Messages) == 0 {
		return
	}
	m.heading("Messages")
	for i, x := range p.Messages {
		if i > 0 {
			m.line("")
		}
		to := "kept in the journal"
		if x.To != "" {
			to = esc(x.To)
		}
		m.line(x.At + " **" + esc(x.Step) + "**, " + to + ":")
		m.line("")
		m.WriteString(fenced(x.Text))
	}
}

func (m *md) answers(p *page) {
	if len(p.Answers) == 0 {
		return
	}
	m.heading("What people answered")
	m.line("| time | who | asked | answer | how |")
	m.line("|---|---|---|---|---|")
	for _, a := range p.Answers {
		m.line("| " + a.At + " | " + esc(a.By) + " | " + esc(a.Asked) + " | " + esc(a.Said) + " | " + esc(a.How) + " |")
	}
}

func (m *md) list(heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	m.heading(heading)
	for _, l := range lines {
		m.line("- " + esc(l))
	}
}

// links are written so that a person can follow them; only http and https ones
// become links.
func (m *md) links(p *page) {
	if len(p.Links) == 0 {
		return
	}
	m.heading("Links")
	for _, l := range p.Links {
		if !isHTTP(l.URL) {
			m.line("- " + esc(l.Title) + ": " + code(l.URL))
			continue
		}
		m.line("- [" + esc(l.Title) + "](<" + strings.NewReplacer("<", "%3C", ">", "%3E", "\\", "%5C", " ", "%20", "|", "%7C").Replace(l.URL) + ">)")
	}
}

func isHTTP(u string) bool {
	return strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://")
}
