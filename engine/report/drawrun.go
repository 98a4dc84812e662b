package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"runbook/engine/journal"
)

const drill = "drill"

// started opens the report of a run.
func (d *drawer) started(x journal.RunStartedData, at time.Time) string {
	rb := x.Runbook
	text := ""
	if x.Mode == drill {
		text = d.paint(loud, " DRILL ") + d.paint(bold, " nothing real is touched") + drillScenario(x.Scenario) + "\n"
	}
	text += d.paint(bold, oneLine(first(rb.Title, rb.Name, "A run")))
	if rb.Version != "" {
		text += " " + oneLine(rb.Version)
	}
	if x.Mode != drill && x.Mode != "" && x.Mode != "run" {
		text += "  (" + oneLine(x.Mode) + ")"
	}
	text += "\n" + d.paint(dim, fmt.Sprintf("%s  %s by %s", oneLine(d.state.Run), at.UTC().Format("2006-01-02 15:04:05 UTC"), oneLine(first(x.User, "unknown")))) + "\n"
	for _, k := range slices.Sorted(maps.Keys(x.Inputs)) {
		text += d.paint(dim, "  "+oneLine(k)+": "+oneLine(value(plain(x.Inputs[k])))) + "\n"
	}
	return text + "\n"
}

func drillScenario(s string) string {
	if s == "" {
		return ""
	}
	return " (scenario " + oneLine(s) + ")"
}

func (d *drawer) paused(x journal.RunPausedData) string {
	text := "\n" + d.paint(yellow, "‖ The run waits for a person") + "\n"
	for _, key := range x.Waiting {
		id := key
		if st := d.state.Step(key); st != nil {
			id = st.ID
			if q := st.Open(); q != nil {
				id += ": " + first(q.Asked.Text, q.Asked.Title)
			}
		}
		text += "  " + oneLine(id) + "\n"
	}
	if d.state.Started.Mode != drill { // of which nothing is resumed: its world is gone
		text += "  to go on: " + d.goesOn() + "\n"
	}
	return text + d.unsent() + d.drillOver()
}

func (d *drawer) resumed(x journal.RunResumedData) string {
	text := ""
	if d.state.Started.Mode == drill {
		text = d.paint(loud, " DRILL ") + d.paint(bold, " nothing real is touched") + "\n"
	}
	what := "  goes on, by "
	switch {
	case x.For == journal.Undoing:
		what = "  is over; what it owes is undone now, by "
	case x.For == journal.Cancelling:
		what = "  is cancelled, by "
	case d.state.Finished != nil:
		what = "  is over; what was not sent is sent now, by "
	}
	return text + d.paint(bold, oneLine(first(d.state.Started.Runbook.Title, d.state.Run))) + what + oneLine(first(x.User, "unknown")) + "\n\n"
}

// changed says that the run goes on with a runbook that was edited.
func (d *drawer) changed(x journal.ChangesAcceptedData) string {
	return pad(0) + d.paint(yellow, "± ") + "the runbook was changed: " + changedParts(x) + d.paint(dim, "  accepted by "+oneLine(first(x.By, "unknown"))) + "\n"
}

// changedParts names what was changed in a runbook.
func changedParts(x journal.ChangesAcceptedData) string {
	words := []string{}
	for _, s := range x.Steps {
		words = append(words, s.Step+" "+s.How)
	}
	words = append(words, x.Parts...)
	if len(words) == 0 {
		return "nothing that a run reads"
	}
	return oneLine(shorten(strings.Join(words, ", "), 600))
}

// finished closes the report of a run.
func (d *drawer) finished(x journal.RunFinishedData) string {
	sign, st := outcomeStyle(x.Outcome)
	text := "\n" + d.paint(st, sign+" "+oneLine(first(x.Outcome, "over"))) + d.paint(dim, " after "+span(x.Duration.Duration()))
	if x.Summary != "" {
		text += "  " + oneLine(x.Summary)
	}
	text += "\n" + d.failure(x) + d.facts(x.Facts)
	if len(x.Outputs) > 0 {
		text += d.paint(dim, "  outputs") + "\n" + indent(strings.TrimSuffix(d.facts(x.Outputs), "\n"), "  ") + "\n"
	}
	text += d.owed()
	if x.Outcome == "failed" || x.Outcome == "escalated" {
		for _, e := range d.state.Escalation {
			text += "  " + d.paint(yellow, "whom to turn to: ") + strings.TrimLeft(indent(Clean(e), "    "), " ") + "\n"
		}
	}
	text += d.unsent()
	return text + d.paint(dim, "  to see it again: ") + d.command("show") + "\n" + d.times() + d.drillOver()
}

// owed lists the undos that are still to be made, in the order in which they are
// offered, and how.
func (d *drawer) owed() string {
	text := ""
	for _, u := range d.state.Owed() {
		text += "  " + d.paint(yellow, "↶ still to be undone: ") + oneLine(first(u.Title, u.Action))
		if u.Title != "" && u.Title != u.Action {
			text += d.paint(dim, "  "+oneLine(u.Action))
		}
		if u.Failed {
			text += d.paint(red, "  it has failed")
		}
		text += "\n"
	}
	if text != "" && d.state.Started.Mode != drill {
		text += "    " + d.paint(dim, "undo it: ") + d.command("undo") + "\n"
	}
	return text
}

// undoFinished closes what was undone of a run that is over.
func (d *drawer) undoFinished() string {
	if text := d.owed(); text != "" {
		return "\n" + text
	}
	return "\n" + d.paint(green, "✓ ") + "nothing is to be undone any more\n"
}

func (d *drawer) failure(x journal.RunFinishedData) string {
	text := ""
	if x.Failed != "" {
		id := x.Failed
		if st := d.state.Step(x.Failed); st != nil {
			id = name(st.ID, st.Key)
			if st.Info.Title != "" {
				id += ": " + st.Info.Title
			}
		}
		text = "  " + d.paint(red, "failed at ") + oneLine(id) + "\n"
	}
	if x.Error != "" {
		text += indent(brief(x.Error), "  ") + "\n"
	}
	return text
}

// facts are the names and values, one below the other.
func (d *drawer) facts(m map[string]any) string {
	wide := 0
	for k := range m {
		wide = max(wide, columns(oneLine(k)))
	}
	text := ""
	for _, k := range slices.Sorted(maps.Keys(m)) {
		name := oneLine(k)
		gap := strings.Repeat(" ", max(0, min(wide, 30)-columns(name)))
		text += "  " + name + gap + "  " + oneLine(shorten(value(plain(m[k])), 600)) + "\n"
	}
	return text
}

// drillSign stands before a question of a drill.
func (d *drawer) drillSign() string {
	if d.state.Started.Mode != drill {
		return ""
	}
	return d.paint(loud, " DRILL ") + " "
}

// drillOver is the last line of a drill.
func (d *drawer) drillOver() string {
	if d.state.Started.Mode != drill {
		return ""
	}
	return d.paint(loud, " DRILL ") + d.paint(bold, " nothing real was touched") + drillScenario(d.state.Started.Scenario) + "\n"
}
