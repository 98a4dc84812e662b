package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"runbook/engine/journal"
)

// page is what a report says, as plain clean text; Markdown and HTML escape it,
// each in its way.
type page struct {
	Title     string
	Drill     bool
	Outcome   string
	Summary   string
	Head      []pair
	Facts     []pair
	Outputs   []pair
	Timeline  []row
	Decisions []choice
	Messages  []message
	Answers   []answerGiven
	Evidence  []pair
	Failures  []pair
	Unsent    []pair // messages, and why; their texts stand under Messages
	Owed      []pair
	Escalate  []string
	Links     []journal.Link
	Times     []timeRow // of a drill: what took how long
	Budgets   []timeRow

	over bool // what comes behind was after the end of the run
}

type pair struct{ Name, Value string }

// row is one line of the timeline. Sign is a mark, or empty.
type row struct{ At, Offset, Sign, Who, What string }

type choice struct {
	At, Step, Branch, By string
	Because              []string
	Uncertain            bool
}

type message struct{ At, Step, To, Text string }

type answerGiven struct{ At, By, Asked, Said, How string }

// newPage reads a run's state.
func newPage(s *journal.State) *page {
	if s == nil {
		s = journal.NewState()
	}
	p := &page{Drill: s.Started.Mode == drill, Outcome: outcome(s)}
	p.Title = oneLine(first(s.Started.Runbook.Title, s.Started.Runbook.Name, s.Run, "A run"))
	if s.Finished != nil {
		p.Summary = Clean(s.Finished.Summary)
	}
	p.head(s)
	p.facts(s)
	for _, m := range s.Moments {
		p.moment(s, m)
	}
	for _, st := range s.Steps {
		p.step(st)
	}
	for _, l := range s.Outbox() {
		if !p.Drill {
			p.Unsent = append(p.Unsent, pair{oneLine(l.Step.Key), "to " + oneLine(l.Channel) + ": " + whyUnsent(l)})
		}
	}
	for _, u := range s.Owed() {
		p.Owed = append(p.Owed, pair{oneLine(u.Action), oneLine(first(u.Title, u.Action)) + owedWhen(u.UndoData)})
	}
	for _, e := range s.Escalation {
		p.Escalate = append(p.Escalate, Clean(e))
	}
	p.links(s)
	if p.Drill {
		p.Title = drillMark + p.Title
		answers, budgets := Times(s)
		p.Times, p.Budgets = timeRows(answers), timeRows(budgets)
	}
	return p
}

// messageText is a message's text as a reader may paste it.
func (p *page) messageText(text string) string {
	if p.Drill {
		return drillMark + text
	}
	return text
}

// outcome is how a run ended, or stands. A journal alone cannot tell a run that
// broke off from one that is under way.
func outcome(s *journal.State) string {
	switch {
	case s.Finished != nil:
		return first(s.Finished.Outcome, "unknown")
	case s.Paused != nil:
		return "paused"
	}
	return "not finished"
}

func utc(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func (p *page) head(s *journal.State) {
	say := func(name, value string) {
		if value = oneLine(value); value != "" {
			p.Head = append(p.Head, pair{oneLine(name), value})
		}
	}
	rb := s.Started.Runbook
	say("Runbook", strings.TrimSpace(rb.Name+" "+rb.Version))
	say("File", rb.Path)
	say("Run", s.Run)
	mode := s.Started.Mode
	if p.Drill {
		mode = "DRILL: nothing real was touched"
		if s.Started.Scenario != "" {
			mode += " (scenario " + s.Started.Scenario + ")"
		}
	}
	say("Mode", mode)
	who := s.Started.User
	if s.Started.Host != "" {
		who += " on " + s.Started.Host
	}
	say("Started by", who)
	say("Started", utc(s.Began))
	if s.Finished != nil {
		say("Ended", utc(s.Ended))
		say("Duration", span(s.Finished.Duration.Duration()))
	} else {
		say("Last event", utc(s.Last))
	}
	say("Outcome", p.Outcome)
	if f := s.Finished; f != nil {
		say("Summary", f.Summary)
		say("Failed at", f.Failed)
		say("Reason", f.Error)
	}
	for _, k := range slices.Sorted(maps.Keys(s.Started.Inputs)) {
		say("Input "+k, value(plain(s.Started.Inputs[k])))
	}
}

func (p *page) facts(s *journal.State) {
	for _, k := range slices.Sorted(maps.Keys(s.Facts)) {
		p.Facts = append(p.Facts, pair{oneLine(k), Clean(value(plain(s.Facts[k])))})
	}
	if s.Finished == nil {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(s.Finished.Outputs)) {
		p.Outputs = append(p.Outputs, pair{oneLine(k), Clean(value(plain(s.Finished.Outputs[k])))})
	}
}

// step gathers what stands in a step: evidence and failures.
func (p *page) step(st *journal.Step) {
	if st.Done == nil {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(st.Done.Evidence)) {
		if v := value(plain(st.Done.Evidence[k])); v != "" && st.Done.Evidence[k] != nil {
			p.Evidence = append(p.Evidence, pair{oneLine(st.Key + "." + k), Clean(v)})
		}
	}
	if v := st.Done.Verdict; v == "failed" || v == "error" {
		p.Failures = append(p.Failures, pair{called(st), Clean(first(st.Done.Reason, v))})
	}
}

// called is a step's key, which is unique, and its title.
func called(st *journal.Step) string {
	if st.Info.Title == "" {
		return oneLine(st.Key)
	}
	return oneLine(st.Key + ": " + st.Info.Title)
}

func (p *page) links(s *journal.State) {
	add := func(l journal.Link) {
		l.Title, l.URL = oneLine(first(l.Title, l.URL)), oneLine(l.URL)
		if !slices.Contains(p.Links, l) {
			p.Links = append(p.Links, l)
		}
	}
	for _, l := range s.Started.Links {
		add(l)
	}
	for _, st := range s.Steps {
		for _, l := range st.Info.Links {
			add(l)
		}
	}
}

// offset is how long after the beginning something happened.
func offset(s *journal.State, at time.Time) string {
	d := at.Sub(s.Began)
	if s.Began.IsZero() || d < 0 {
		return ""
	}
	if d < time.Millisecond {
		d = 0
	}
	return "+" + span(d)
}

// moment writes a row of the timeline, and what else a moment is listed under.
func (p *page) moment(s *journal.State, m journal.Moment) {
	sign, what := p.told(m)
	if what == "" {
		return
	}
	who := oneLine(first(m.Key, "run"))
	if m.Step != nil {
		who = oneLine(m.Step.Key)
	}
	p.Timeline = append(p.Timeline, row{At: m.At.UTC().Format("2006-01-02 15:04:05"), Offset: offset(s, m.At), Sign: sign, Who: who, What: what})
}

// told says a moment in words, with its sign.
func (p *page) told(m journal.Moment) (string, string) {
	at := m.At.UTC().Format("15:04:05")
	switch x := m.Data.(type) {
	case journal.RunStartedData:
		return "", "the run began, by " + person(x.User, x.Identity)
	case journal.RunPausedData:
		return "‖", "the run waits for a person: " + oneLine(strings.Join(x.Waiting, ", "))
	case journal.RunResumedData:
		what := "the run goes on, by "
		switch {
		case x.For == journal.Undoing:
			what = "what the run owes is undone, by "
		case x.For == journal.Cancelling:
			what = "the run is cancelled, by "
		case p.over:
			what = "what was not sent is tried again, by "
		}
		return "", what + person(x.User, x.Identity)
	case journal.ChangesAcceptedData:
		return "±", "the runbook was changed, accepted by " + oneLine(first(x.By, "unknown")) + ": " + changedParts(x)
	case journal.RunFinishedData:
		p.over = true
		sign, _ := outcomeStyle(x.Outcome)
		return sign, "the run ended: " + oneLine(first(x.Outcome, "unknown"))
	case journal.StepFinishedData:
		return toldStep(m.Step, x)
	case journal.DecisionMadeData:
		return p.decided(at, m, x)
	case journal.FactSetData:
		return "", oneLine(x.Name + " = " + value(plain(x.Value)))
	case journal.SecretReplacedData:
		return "", "the secret " + oneLine(x.Name) + " is a new one from here on, given by " + oneLine(x.By)
	case journal.MessageRenderedData:
		p.Messages = append(p.Messages, message{at, oneLine(m.ID), deliveries(m.Step), p.messageText(Clean(x.Text))})
		return "✉", "message" + forWhom(x.To)
	case journal.MessageSentData:
		return "✉", "sent to " + oneLine(x.Channel)
	case journal.MessageUnsentData:
		return "!", "not sent to " + oneLine(x.Channel) + ": " + oneLine(shorten(x.Error.Message, 200))
	case journal.ApprovalRequestedData:
		if m.Step == nil {
			return "?", "asked: " + oneLine(first(x.Text, x.Title, x.Kind))
		}
		return "?", "asked: " + oneLine(asking(m.Step, x))
	case journal.ApprovalAnsweredData:
		return p.answer(at, m, x)
	case journal.UndoData:
		return "↶", toldUndo(m.Type, x)
	case journal.UndoFinishedData:
		if x.Owed == 0 {
			return "↶", "nothing is to be undone any more"
		}
		return "↶", fmt.Sprintf("still to be undone: %d", x.Owed)
	case journal.RunbookStartedData:
		return "▸", "runbook " + oneLine(x.Runbook.Path) + titled(x.Runbook.Title)
	case journal.RunbookFinishedData:
		sign, _ := outcomeStyle(x.Outcome)
		return sign, "the runbook ended: " + oneLine(first(x.Outcome, "unknown")) + titled(x.Summary)
	case journal.ItemStartedData:
		return "·", itemLine(m.Key, x)
	case journal.ProcedureStartedData:
		return "▸", "procedure " + oneLine(x.Name) + titled(x.Title)
	}
	return "", ""
}

// person is a name, with who gave it where it is a claim.
func person(name string, id *journal.Identity) string {
	name = oneLine(first(name, "unknown"))
	if who := claimed(id); who != "" {
		name += " (" + who + ")"
	}
	return name
}

func titled(title string) string {
	if title == "" {
		return ""
	}
	return ": " + oneLine(title)
}

func forWhom(to []string) string {
	if len(to) == 0 {
		return ""
	}
	return " for " + oneLine(strings.Join(to, ", "))
}

func toldUndo(typ journal.Type, x journal.UndoData) string {
	what := oneLine(first(x.Title, x.Action))
	if typ == journal.UndoOwed {
		return "can be undone: " + what + owedWhen(x)
	}
	return "undo " + oneLine(x.How) + ": " + what
}

func toldStep(st *journal.Step, x journal.StepFinishedData) (string, string) {
	title := titled(st.Info.Title)
	role := oneLine(first(x.Role, "step"))
	switch x.Verdict {
	case "passed":
		switch x.Role {
		case "message", "decide", "manual", "end": // told by the row of their own
			return "", ""
		}
		return "✓", role + " passed" + attempts(x.Attempts) + itemCount(x) + title + settled(x)
	case "skipped":
		return "–", role + " skipped" + title
	case "failed":
		return "✗", role + " failed" + attempts(x.Attempts) + title + ": " + oneLine(x.Reason)
	}
	return "!", role + " " + oneLine(first(x.Verdict, "ended")) + attempts(x.Attempts) + title + ": " + oneLine(x.Reason)
}

func attempts(n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(" after %d attempts", n)
}

func (p *page) decided(at string, m journal.Moment, x journal.DecisionMadeData) (string, string) {
	c := choice{At: at, Step: oneLine(m.Key), Branch: oneLine(first(x.Branch, "no branch fits")), By: oneLine(x.By), Uncertain: x.Uncertain}
	if m.Step != nil {
		c.Step = called(m.Step)
	}
	for _, r := range operands(plain(x.Because)) {
		c.Because = append(c.Because, oneLine(r))
	}
	p.Decisions = append(p.Decisions, c)
	return "→", c.Branch + titled(x.Title)
}

// asking is what a person was asked, in a few words.
func asking(st *journal.Step, x journal.ApprovalRequestedData) string {
	if x.Kind == "undo" {
		return "undo " + first(x.Title, st.ID) + "?"
	}
	return first(x.Text, x.Title, x.Kind)
}

// by says by which way an answer came, how it is known whose it is, and whether
// what was asked had been shown.
func by(x journal.ApprovalAnsweredData) string {
	how := oneLine(x.How)
	if who := established(x.Identity); who != "" {
		how = strings.TrimPrefix(how+"; "+who, "; ")
		if !x.Saw {
			how += "; given before it was asked"
		}
	}
	return how
}

// answer lists what a person said, beside what they were asked.
func (p *page) answer(at string, m journal.Moment, x journal.ApprovalAnsweredData) (string, string) {
	a := answerGiven{At: at, By: oneLine(first(x.By, "unknown")), Said: answer(x.Choice), How: by(x), Asked: oneLine(first(m.Key, "?"))}
	if m.Step != nil {
		a.Asked = oneLine(m.Step.ID)
		if q := questionOf(m, x); q != nil {
			a.Asked = oneLine(m.Step.ID + ": " + asking(m.Step, q.Asked))
		}
	}
	if x.Note != "" {
		a.Said += ", " + oneLine(x.Note)
	}
	for _, k := range slices.Sorted(maps.Keys(x.Values)) {
		a.Said += "; " + oneLine(k+": "+value(plain(x.Values[k])))
	}
	p.Answers = append(p.Answers, a)
	return "»", a.By + ": " + a.Said
}
