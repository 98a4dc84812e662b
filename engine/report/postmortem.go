package report

import (
	"io"
	"slices"
	"strings"

	"runbook/engine/journal"
)

// Postmortem writes what the journal knows as a postmortem to go on writing. It
// has nothing to fill in that could be overlooked: what only people know stands
// as questions in a section of its own.
func Postmortem(w io.Writer, s *journal.State) error {
	if s == nil {
		s = journal.NewState()
	}
	p := newPage(s)
	var m md
	m.title(p, "Postmortem: ")
	m.summary(p, s)
	m.impact(p)
	m.timeline(p)
	m.decisions(p)
	m.section("What went wrong", p.Failures)
	m.section("Evidence", p.Evidence)
	m.actions(s)
	m.answers(p)
	m.times(p)
	m.messages(p)
	m.section("Messages that are not sent", p.Unsent)
	m.section("Still to be undone", p.Owed)
	m.list("Whom to turn to", p.Escalate)
	m.links(p)
	m.unknown(p, s)
	m.line("")
	m.line("Drawn from the journal of the run " + code(first(p.run(), "unknown")) + ".")
	_, err := w.Write(m.Bytes())
	return err
}

func (p *page) run() string {
	for _, x := range p.Head {
		if x.Name == "Run" {
			return x.Value
		}
	}
	return ""
}

// summary says in a few sentences what happened.
func (m *md) summary(p *page, s *journal.State) {
	m.WriteString("## Summary\n\n")
	text := "The runbook " + code(first(s.Started.Runbook.Name, "unknown")) + " was started at " + utc(s.Began) + " by " + esc(first(s.Started.User, "unknown"))
	switch {
	case s.Paused != nil:
		text += ". It has not ended: it waits for a person since " + utc(s.Last) + "."
	case s.Finished != nil:
		text += " and ended after " + span(s.Finished.Duration.Duration()) + " with the outcome **" + esc(first(s.Finished.Outcome, "unknown")) + "**."
	default:
		text += ". It has not ended; the last that is known of it is from " + utc(s.Last) + "."
	}
	m.line(text)
	if p.Summary != "" {
		m.line("")
		m.line(esc(p.Summary))
	}
	if f := s.Finished; f != nil && f.Failed != "" {
		m.line("")
		m.line("It failed at " + code(f.Failed) + ": " + esc(first(f.Error, "no reason is recorded")))
	}
	for _, x := range p.Facts {
		if strings.Contains(strings.ToLower(x.Name), "cause") {
			m.line("")
			m.line("Cause, as far as the run found out: " + esc(x.Value))
		}
	}
}

// impact are the facts; those that speak of how bad it was stand first.
func (m *md) impact(p *page) {
	weight := func(x pair) int {
		for i, w := range []string{"severity", "impact", "affected"} {
			if strings.Contains(strings.ToLower(x.Name), w) {
				return i - 3
			}
		}
		return 0
	}
	facts := slices.Clone(p.Facts)
	slices.SortStableFunc(facts, func(a, b pair) int { return weight(a) - weight(b) })
	heading := "What the run found out"
	if len(facts) > 0 && weight(facts[0]) < 0 {
		heading = "Impact and severity"
	}
	m.section(heading, facts)
}

// actions are what was done to the world, and who approved it.
func (m *md) actions(s *journal.State) {
	begun := false
	for _, st := range s.Steps {
		if st.Info.Role != "action" && st.Info.Role != "manual" || st.Done == nil || st.Done.Verdict == "skipped" {
			continue
		}
		if !begun {
			m.heading("What was done")
			m.line("| time | what | result | approved by |")
			m.line("|---|---|---|---|")
			begun = true
		}
		m.line("| " + st.Ended.UTC().Format("15:04:05") + " | " + esc(called(st)) + " | " + esc(st.Done.Verdict) + " | " + esc(approvers(s, st)) + " |")
	}
}

// approvers are those who let a step happen: asked about itself, about a group
// around it, or about the undo that it is part of. What was said of a group is no
// word on the undo of what was done in it.
func approvers(s *journal.State, st *journal.Step) string {
	var out []string
	for at := 0; at <= len(st.Key); at++ {
		if at < len(st.Key) && st.Key[at] != '/' && st.Key[at] != '>' {
			continue
		}
		around, behind := s.Step(journal.StepKey(st.Key[:at])), st.Key[at:]
		undo := strings.HasPrefix(behind, ">undo/")
		if around == nil || !undo && strings.Contains(behind, ">undo/") {
			continue
		}
		for _, q := range around.Questions {
			if q.Answered == nil || (q.Asked.Kind == "undo") != undo || around != st && !undo && q.Asked.Kind != "confirm" {
				continue
			}
			by := first(q.Answered.By, "unknown") + " (" + answer(q.Answered.Choice) + ")"
			if !slices.Contains(out, by) {
				out = append(out, by)
			}
		}
	}
	if len(out) == 0 {
		return "nobody was asked"
	}
	return strings.Join(out, ", ")
}

// unknown names what no journal knows, so that nobody takes this page for more
// than it is.
func (m *md) unknown(p *page, s *journal.State) {
	m.heading("What this page does not know")
	m.line("It is drawn from what the run recorded. The run cannot know:")
	m.line("")
	if !s.Began.IsZero() {
		m.line("- when the incident began and who noticed it: the run began at " + utc(s.Began))
	}
	m.line("- whom it affected, how many, and what it cost them")
	m.line("- what was done and said outside the run")
	m.line("- why the cause could come about, and what will keep it from coming back")
	m.line("- who takes on which follow-up, and by when")
	if len(p.Owed) > 0 {
		m.line("- whether what is still to be undone has been undone by hand since")
	}
	if s.Finished == nil {
		m.line("- how the incident ended: the run has not")
	}
}
