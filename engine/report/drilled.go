package report

import (
	"strings"
	"time"

	"runbook/engine/journal"
)

// drillMark stands before the text of a drill's message wherever a person sees it,
// and could paste it. The journal has the text as it was rendered.
const drillMark = "[DRILL] "

// messageText is a message's text as a person sees it.
func messageText(s *journal.State, text string) string {
	if s.Started.Mode == drill {
		return drillMark + text
	}
	return text
}

// Took is how long a person took to answer, a decision to be made, or a step of
// its budget.
type Took struct {
	What   string        // the question, the decision or the step
	Who    string        // who answered or chose; "" is the runbook, or nobody yet
	Said   string        // the answer, the branch, or "used up"
	At     time.Duration // since the run began, when it was answered, taken or over
	Took   time.Duration // since it was asked, or began
	Budget time.Duration // the time that there was for it; 0 is none
	Late   bool          // it was used up
}

// Times are how long each decision and each answer of a run took, in the order in
// which they came, and the budgets of its steps.
func Times(s *journal.State) (answers, budgets []Took) {
	for _, m := range s.Moments {
		switch x := m.Data.(type) {
		case journal.ApprovalAnsweredData:
			if q := questionOf(m, x); q != nil {
				answers = append(answers, Took{What: name(m.Step.ID, m.Step.Key) + ": " + oneLine(shorten(asking(m.Step, q.Asked), 60)), Who: oneLine(x.By), Said: answer(x.Choice), At: m.At.Sub(s.Began), Took: m.At.Sub(q.At), Budget: q.Asked.Timeout.Duration(), Late: x.How == "timeout"})
			}
		case journal.DecisionMadeData:
			if m.Step != nil {
				answers = append(answers, Took{What: name(m.Step.ID, m.Step.Key), Who: oneLine(x.By), Said: "→ " + oneLine(first(x.Branch, "no branch fits")), At: m.At.Sub(s.Began), Took: m.At.Sub(m.Step.Began)})
			}
		case journal.StepFinishedData:
			if st := m.Step; st != nil && st.Info.Budget > 0 {
				b := Took{What: oneLine(st.Key), At: m.At.Sub(s.Began), Took: m.At.Sub(st.Began), Budget: st.Info.Budget.Duration()}
				b.Late = x.Verdict != "passed" && (x.Error != nil && x.Error.Kind == "timeout" || timedOut(x.Reason))
				budgets = append(budgets, b)
			}
		}
	}
	for _, st := range s.Steps {
		for _, q := range st.Questions {
			if q.Answered == nil {
				answers = append(answers, Took{What: name(st.ID, st.Key) + ": " + oneLine(shorten(asking(st, q.Asked), 60)), Said: "not answered", At: s.Last.Sub(s.Began), Took: s.Last.Sub(q.At), Budget: q.Asked.Timeout.Duration()})
			}
		}
	}
	return answers, budgets
}

func timedOut(reason string) bool { return strings.HasPrefix(reason, "not done within") }

// cells are a row of the debrief: when, how long of how much, what, and by whom.
func (t Took) cells() (at, took, what, who string) {
	took = span(t.Took)
	if t.Budget > 0 {
		took += " of " + span(t.Budget)
	}
	if t.Late {
		took += ", used up"
	}
	if t.Said != "" {
		what = " " + t.Said
	}
	return "+" + span(max(0, t.At)), took, t.What + what, t.Who
}

// times are the debrief of times at the end of a drill.
func (d *drawer) times() string {
	if d.state.Started.Mode != drill {
		return ""
	}
	answers, budgets := Times(d.state)
	text := d.timeLines("How long decisions and answers took", answers) + d.timeLines("Time budgets of steps", budgets)
	if text == "" {
		return ""
	}
	return "\n" + text
}

func (d *drawer) timeLines(heading string, list []Took) string {
	if len(list) == 0 {
		return ""
	}
	text, wide := "  "+d.paint(bold, heading)+"\n", 0
	for _, t := range list {
		_, took, _, _ := t.cells()
		wide = max(wide, columns(took))
	}
	for _, t := range list {
		at, took, what, who := t.cells()
		if who != "" {
			what += d.paint(dim, "  by "+who)
		}
		text += "  " + d.paint(dim, strings.Repeat(" ", max(0, 8-columns(at)))+at) + "  " + took + strings.Repeat(" ", wide-columns(took)) + "  " + what + "\n"
	}
	return text
}

// timeRow is a row of the debrief in a report.
type timeRow struct{ At, Took, What, Who string }

func timeRows(list []Took) []timeRow {
	var out []timeRow
	for _, t := range list {
		at, took, what, who := t.cells()
		out = append(out, timeRow{at, took, what, who})
	}
	return out
}

// times is the debrief in a report.
func (m *md) times(p *page) {
	for _, x := range []struct {
		heading string
		rows    []timeRow
	}{{"How long decisions and answers took", p.Times}, {"Time budgets of steps", p.Budgets}} {
		if len(x.rows) == 0 {
			continue
		}
		m.heading(x.heading)
		m.line("| after | took | what | who |")
		m.line("|---|---|---|---|")
		for _, r := range x.rows {
			m.line("| " + r.At + " | " + esc(r.Took) + " | " + esc(r.What) + " | " + esc(r.Who) + " |")
		}
	}
}
