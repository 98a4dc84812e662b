package report

import (
	"strings"

	"runbook/engine/journal"
)

// posted says behind a message's step what became of it.
func (d *drawer) posted(st *journal.Step) string {
	if st.Message == nil {
		return ""
	}
	text := ""
	for _, to := range st.Message.To {
		switch missed := st.Missed(to); {
		case st.Reached(to) != nil:
			text += d.paint(dim, "  sent to "+oneLine(to))
		case missed != nil:
			text += d.paint(yellow, "  not sent to "+oneLine(to)+": "+oneLine(shorten(missed.Error.Message, 200)))
		default:
			text += d.paint(dim, "  for "+oneLine(to))
		}
	}
	return text
}

// later is the line of a message that was tried again once its step was done.
func (d *drawer) later(st *journal.Step) string {
	if st == nil || st.Done == nil || st.Message == nil {
		return "" // told by the step's own line
	}
	return pad(0) + "✉ " + d.heading(st) + d.posted(st) + "\n"
}

// unsent lists the messages that did not get where they should, with their texts
// ready to paste. In a drill there is nothing to paste.
func (d *drawer) unsent() string {
	if d.state.Started.Mode == drill {
		return ""
	}
	now, text := d.state, ""
	if d.now != nil {
		now = d.now
	}
	for _, l := range now.Outbox() {
		text += "  " + d.paint(yellow, "✉ not sent to "+oneLine(l.Channel)+": ") + oneLine(name(l.Step.ID, l.Step.Key)) + d.paint(dim, "  "+whyUnsent(l)) + "\n"
		text += indent(Clean(l.Step.Message.Text), "") + "\n"
	}
	if text != "" {
		text = "\n" + text + "  " + d.paint(dim, "paste them, or send them: ") + d.command("resume") + "\n"
	}
	return text
}

func whyUnsent(l journal.Letter) string {
	if l.Why == nil {
		return "the run broke off"
	}
	return oneLine(shorten(l.Why.Error.Message, 300))
}

// Unsent lists the messages that are still not sent, as the end of a run does.
func Unsent(s *journal.State, o LineOptions) string {
	d := newDrawer(o)
	d.state = s
	return strings.TrimPrefix(d.unsent(), "\n")
}

// Interrupted is the end of what is told of a run that broke off: how to go on, and
// what is not sent.
func Interrupted(s *journal.State, o LineOptions) string {
	d := newDrawer(o)
	d.state = s
	return "\n" + d.paint(yellow, "‖ The run broke off") + "\n  to go on: " + d.goesOn() + "\n" + d.unsent()
}

// deliveries says of a message in a report what became of it.
func deliveries(st *journal.Step) string {
	if st == nil || st.Message == nil {
		return ""
	}
	var parts []string
	for _, to := range st.Message.To {
		switch missed := st.Missed(to); {
		case st.Reached(to) != nil:
			parts = append(parts, "sent to "+oneLine(to))
		case missed != nil:
			parts = append(parts, "not sent to "+oneLine(to)+" ("+oneLine(shorten(missed.Error.Message, 200))+")")
		default:
			parts = append(parts, "for "+oneLine(to))
		}
	}
	return strings.Join(parts, "; ")
}
