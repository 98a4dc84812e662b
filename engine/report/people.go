package report

import (
	"strings"

	"runbook/engine/journal"
)

// Attached is the line above an attachment's text.
func Attached(a journal.Attachment) string {
	text := oneLine(a.Name)
	if a.Title != "" {
		text += "  " + oneLine(a.Title)
	}
	if a.File != "" {
		text += "  (" + oneLine(a.File) + ")"
	}
	if a.Cut {
		text += "  the beginning:"
	}
	return text
}

// picked says what a value is picked from.
func picked(f journal.AnswerField) string {
	if len(f.Options) == 0 {
		return ""
	}
	words := make([]string, 0, 10)
	for _, o := range f.Options[:min(10, len(f.Options))] {
		words = append(words, shorten(value(plain(o)), 60))
	}
	if len(f.Options) > 10 {
		words = append(words, "...")
	}
	return ", from: " + strings.Join(words, ", ")
}
