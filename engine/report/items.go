package report

import (
	"fmt"
	"strings"

	"runbook/engine/journal"
)

// itemLine is the line above the steps for an item: `hosts[4]  host = web-1`.
func itemLine(key string, x journal.ItemStartedData) string {
	return oneLine(key[strings.LastIndexByte(key, '/')+1:]) + "  " + oneLine(x.Name) + " = " + oneLine(shorten(value(plain(x.Value)), 200))
}

// itemCount says how many items an `each` had, and how many failed.
func itemCount(x journal.StepFinishedData) string {
	switch {
	case x.Items == 0:
		return ""
	case len(x.FailedItems) == 0:
		return fmt.Sprintf(" (%s)", counted(x.Items))
	}
	return fmt.Sprintf(" (%s, %d failed)", counted(x.Items), len(x.FailedItems))
}

func counted(n int) string {
	if n == 1 {
		return "1 item"
	}
	return fmt.Sprintf("%d items", n)
}

// anotherEnded says how another runbook ended that a step ran.
func (d *drawer) anotherEnded(x journal.RunbookFinishedData) string {
	sign, st := outcomeStyle(x.Outcome)
	text := d.paint(st, sign+" "+oneLine(first(x.Outcome, "over")))
	if x.Summary != "" {
		text += "  " + oneLine(x.Summary)
	}
	return text
}
