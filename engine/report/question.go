package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"runbook/engine/journal"
)

// Part is a part of a question to a person: a heading, and lines under it. The
// text drives no terminal, and each line of it is one of the question's own.
type Part struct {
	Heading string
	Text    string
}

// How much of one thing that will be done is shown, unless all of it is wanted.
const (
	shownLines = 40
	shownBytes = 4000
)

// Asked is what a person is told before they answer: why it is asked, what is
// known, what changes, and what will be done. Before is what they were shown when
// it was asked last and was about something else, or nil. What is long is cut, and
// says so, unless full.
func Asked(x journal.ApprovalRequestedData, before *journal.ApprovalRequestedData, full bool) []Part {
	var out []Part
	add := func(heading, text string) {
		if text = strings.TrimRight(text, "\n"); text != "" {
			out = append(out, Part{heading, visible(text)})
		}
	}
	add("Why", reasons(x.Why))
	add("Known", known(x.Known))
	for _, p := range effects(x, full) {
		add(p.Heading, p.Text)
	}
	if before != nil {
		add("It is not what was shown before: - was, + is", differs(*before, x))
	}
	return out
}

// effects are the parts that say what will be done.
func effects(x journal.ApprovalRequestedData, full bool) []Part {
	var out []Part
	text := ""
	for _, c := range x.Changes {
		text += change(c) + "\n"
	}
	if text != "" {
		out = append(out, Part{"Changes", text})
	}
	if x.Shown != nil {
		out = append(out, Part{shownHeading(x.Kind), bounded(shown(plain(x.Shown)), full)})
	}
	if len(x.Steps) > 0 {
		out = append(out, Part{"Will be done, " + count(len(x.Steps)+x.More, "step", "steps"), planned(x, full)})
	} else if x.Kind == "confirm" && x.Shown == nil {
		out = append(out, Part{"Will be done", "nothing but checks"})
	}
	return out
}

func shownHeading(kind string) string {
	switch kind {
	case "in_doubt":
		return "Was under way"
	case "ask":
		return "Read"
	}
	return "Will run"
}

// change is a value beside the one that replaces it.
func change(c journal.Change) string {
	from, to := quoted(plain(c.From)), quoted(plain(c.To))
	if from == to {
		return oneLine(c.Name) + ": " + from + " stays"
	}
	return oneLine(c.Name) + ": " + from + " → " + to
}

// planned lists what will be done in a group.
func planned(x journal.ApprovalRequestedData, full bool) string {
	text := ""
	for i, s := range x.Steps {
		head := fmt.Sprintf("%d. %s %s", i+1, s.Role, oneLine(s.Key)) + titled(s.Title)
		if s.Asks {
			head += " (asks by itself)"
		}
		text += head + "\n"
		for _, w := range s.When {
			text += "   " + oneLine(w) + "\n"
		}
		if s.Shown != nil {
			text += indent(bounded(shown(plain(s.Shown)), full), "   ") + "\n"
		}
		if len(s.Unknown) > 0 {
			text += "   not known yet: " + oneLine(strings.Join(s.Unknown, ", ")) + "\n"
		}
	}
	if x.More > 0 {
		text += "… and " + count(x.More, "more step", "more steps") + " like these\n"
	}
	return text
}

// reasons are the turns of the way to a question.
func reasons(list []journal.Why) string {
	text := ""
	for _, w := range list {
		switch {
		case w.Failed != "":
			text += oneLine(w.Key) + " failed: " + oneLine(shorten(w.Failed, 200)) + "\n"
		case w.Item != "":
			text += oneLine(w.Key) + ": " + oneLine(w.Item) + " = " + quoted(plain(w.Value)) + "\n"
		default:
			text += oneLine(w.Key) + " → " + oneLine(w.Branch) + titled(w.Title)
			if w.By != "" {
				text += ", chosen by " + oneLine(w.By)
			}
			if w.Uncertain {
				text += ", uncertain: a condition could not be computed"
			}
			text += "\n"
			for _, r := range operands(plain(w.Because)) {
				text += "  because " + oneLine(r) + "\n"
			}
		}
	}
	return text
}

// known is what the run has found out.
func known(k *journal.Known) string {
	if k == nil {
		return ""
	}
	text := ""
	for _, name := range slices.Sorted(maps.Keys(k.Facts)) {
		if v := k.Facts[name]; v != nil && v != "" {
			text += oneLine(name) + ": " + oneLine(shorten(value(plain(v)), 200)) + "\n"
		}
	}
	for _, s := range k.Steps {
		text += sign(s.Verdict) + " " + oneLine(s.Key) + titled(s.Title)
		if s.Reason != "" {
			text += "; " + oneLine(shorten(s.Reason, 200))
		}
		text += "\n"
		for _, name := range slices.Sorted(maps.Keys(s.Evidence)) {
			text += "    " + oneLine(name) + ": " + oneLine(shorten(value(plain(s.Evidence[name])), 200)) + "\n"
		}
	}
	return text
}

func sign(verdict string) string {
	switch verdict {
	case "passed":
		return "✓"
	case "failed":
		return "✗"
	case "skipped":
		return "–"
	}
	return "!"
}

// differs is what is asked now beside what was asked before, line by line.
func differs(was, is journal.ApprovalRequestedData) string {
	whole := func(x journal.ApprovalRequestedData) []byte {
		text := x.Title + "\n" + x.Text + "\n"
		if x.Retype != "" {
			text += "to approve, type: " + x.Retype + "\n"
		}
		for _, p := range effects(x, true) {
			text += p.Text + "\n"
		}
		return []byte(text)
	}
	text := ""
	for _, line := range strings.Split(string(diff.Diff("was", whole(was), "is", whole(is))), "\n") {
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "), strings.HasPrefix(line, "diff "), strings.HasPrefix(line, "@@ "):
		case strings.HasPrefix(line, "-"), strings.HasPrefix(line, "+"):
			text += line + "\n"
		}
	}
	return firstLines(text, 2*shownLines)
}

// bounded cuts a long text, and says how much there is.
func bounded(s string, full bool) string {
	s = strings.TrimRight(s, "\n")
	lines := strings.Split(s, "\n")
	if full || len(lines) <= shownLines && len(s) <= shownBytes {
		return s
	}
	cut := strings.Join(lines[:min(len(lines), shownLines)], "\n")
	if len(cut) > shownBytes {
		cut = strings.ToValidUTF8(cut[:shownBytes], "")
	}
	return fmt.Sprintf("%s\n… cut here: %d bytes in %s; all of it stands in `runbook show RUN --verbose`", cut, len(s), count(len(lines), "line", "lines"))
}

// Wrap breaks lines so that none is wider than width, and puts a prefix before
// each: what a value says can neither begin a line of its own nor reach the edge,
// where a terminal would begin one. What goes on a line further down is marked.
func Wrap(text, prefix string, width int) string {
	room := max(width-columns(prefix)-1, 20)
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		line = strings.ReplaceAll(line, "\t", "    ")
		margin := line[:len(line)-len(strings.TrimLeft(line, " "))]
		if columns(margin) > room/2 {
			margin = ""
		}
		for first := true; ; first = false {
			lead := ""
			if !first {
				lead = margin + "↳ "
			}
			head, rest := split(line, room-columns(lead))
			b.WriteString(strings.TrimRight(prefix+lead+head, " ") + "\n")
			if rest == "" {
				break
			}
			line = rest
		}
	}
	return b.String()
}

// split cuts a line at so many columns, behind a space where one is near.
func split(s string, room int) (string, string) {
	n, space := 0, 0
	for i, r := range s {
		if n += runeColumns(r); n > room {
			if space > i/2 {
				return s[:space], s[space:]
			}
			return s[:i], s[i:]
		}
		if r == ' ' {
			space = i + 1
		}
	}
	return s, ""
}

// visible writes what cannot be seen, or would drive a terminal, as its number:
// whoever approves a text has to see all of it.
func visible(s string) string {
	if strings.IndexFunc(s, unseen) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unseen(r) {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
