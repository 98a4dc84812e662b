package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"runbook/engine/journal"
)

// RehearsalOptions say how a rehearsal is drawn.
type RehearsalOptions struct{ Color bool }

// Rehearsal draws a rehearsal: every step and every branch, with what would be
// done. It is safe for concurrent use.
type Rehearsal struct {
	painter
	mu       sync.Mutex
	w        io.Writer
	observed int
	closed   bool
}

// NewRehearsal draws on w.
func NewRehearsal(w io.Writer, o RehearsalOptions) *Rehearsal {
	return &Rehearsal{painter: painter(o.Color), w: w}
}

// Event draws an event of a rehearsal, and passes over any other.
func (r *Rehearsal) Event(e journal.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := ""
	switch e.Type {
	case journal.RunRehearsed:
		d, _ := journal.Decode[journal.RunRehearsedData](e)
		text = r.header(d)
	case journal.StepRehearsed:
		d, _ := journal.Decode[journal.StepRehearsedData](e)
		text = r.step(e, d)
	case journal.ItemStarted:
		d, _ := journal.Decode[journal.ItemStartedData](e)
		text = rehearsedPad(e.Key+"/") + r.paint(cyan, "· ") + itemLine(e.Key, d) + "\n"
	case journal.BranchRehearsed:
		d, _ := journal.Decode[journal.BranchRehearsedData](e)
		text = r.branch(e, d)
	}
	_, _ = io.WriteString(r.w, text) // that nobody reads it ends nothing
}

// Close draws the last line: what was touched.
func (r *Rehearsal) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	text := "nothing was touched"
	if r.observed > 0 {
		text = "the checks were made; nothing else was touched"
	}
	_, _ = io.WriteString(r.w, "\n"+r.paint(green, text)+"\n")
}

func (r *Rehearsal) header(d journal.RunRehearsedData) string {
	title := oneLine(first(d.Runbook.Title, d.Runbook.Name))
	text := r.paint(loud, " REHEARSAL ") + " " + r.paint(bold, title)
	if d.Runbook.Version != "" {
		text += " " + oneLine(d.Runbook.Version)
	}
	text += r.paint(dim, "  "+oneLine(d.Runbook.Path)) + "\n"
	if len(d.Inputs) > 0 {
		text += "inputs\n"
		for _, k := range slices.Sorted(maps.Keys(d.Inputs)) {
			text += "  " + oneLine(k) + ": " + oneLine(value(plain(d.Inputs[k]))) + "\n"
		}
	}
	text += r.permissions(d.Permissions)
	if len(d.Needs) > 0 {
		text += "needs\n"
		for _, need := range d.Needs {
			text += "  " + oneLine(need) + "\n"
		}
	}
	if len(d.Outputs) > 0 {
		text += "outputs\n"
		for _, k := range slices.Sorted(maps.Keys(d.Outputs)) {
			text += "  " + oneLine(k) + ": " + oneLine(d.Outputs[k]) + "\n"
		}
	}
	return text + "\n"
}

// permissions are the lists of what the file may do, the usual ones first.
func (r *Rehearsal) permissions(m map[string][]string) string {
	if len(m) == 0 {
		return "permissions: none\n"
	}
	order := []string{"observe", "act", "hosts"}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(order, k) {
			order = append(order, k)
		}
	}
	text := "permissions\n"
	for _, k := range order {
		if len(m[k]) > 0 {
			text += "  " + oneLine(k) + ": " + oneLine(strings.Join(m[k], ", ")) + "\n"
		}
	}
	return text
}

// rehearsedPad is the margin: a branch stands below its decision, its steps below
// the branch.
func rehearsedPad(key string) string {
	return strings.Repeat("  ", min(40, strings.Count(key, "/")+strings.Count(key, ">")))
}

func (r *Rehearsal) branch(e journal.Event, d journal.BranchRehearsedData) string {
	text := rehearsedPad(e.Key) + r.paint(cyan, "→ ") + r.paint(bold, oneLine(d.Branch))
	if d.Title != "" {
		text += "  " + oneLine(d.Title)
	}
	when := "when " + d.When
	if d.When == "otherwise" || d.When == "whatever happened" {
		when = d.When
	}
	text += "  " + r.paint(cyan, oneLine(when))
	if d.Taken {
		text += "  " + r.paint(green, "(this one is taken)")
	}
	return text + "\n"
}

func (r *Rehearsal) step(e journal.Event, d journal.StepRehearsedData) string {
	pad := rehearsedPad(e.Key)
	text := pad + r.paint(bold, name(e.Step, e.Key)) + r.paint(dim, "  "+oneLine(strings.TrimSpace(d.Role+" "+d.Kind)))
	if d.Title != "" {
		text += "  " + oneLine(d.Title)
	}
	if d.Place.Line > 0 {
		text += r.paint(dim, fmt.Sprintf("  %s:%d", oneLine(d.Place.File), d.Place.Line))
	}
	text += "\n"
	for _, line := range r.details(d) {
		text += indent(line, pad+"    ") + "\n"
	}
	return text
}

// details are the blocks below a step's line.
func (r *Rehearsal) details(d journal.StepRehearsedData) []string {
	var out []string
	say := func(label, text string) {
		text = strings.TrimRight(Clean(text), "\n")
		if text == "" {
			return
		}
		if strings.Contains(text, "\n") {
			out = append(out, r.paint(dim, label+":")+"\n"+indent(text, "  "))
			return
		}
		out = append(out, r.paint(dim, label+": ")+text)
	}
	say("only if", d.If)
	say("for every", d.Each)
	say("waits first", seconds(d.Delay))
	say("asks", d.Ask)
	say("asks for approval", d.Confirm)
	for _, by := range d.Policy {
		say("approval demanded by the policy", by)
	}
	say("a person does", d.Instructions)
	for _, f := range d.Collect {
		say("asks for", field(f))
	}
	say("shows", strings.Join(d.Attach, ", "))
	if len(d.Request) > 0 {
		out = append(out, indent(Shown(d.Request), r.paint(dim, "│ ")))
	}
	if d.Text != "" {
		to := "kept in the journal"
		if len(d.To) > 0 {
			to = "for " + oneLine(strings.Join(d.To, ", "))
		}
		if d.Status != "" {
			to += ", as " + oneLine(d.Status)
		}
		out = append(out, r.paint(dim, to+":")+"\n"+indent(Clean(d.Text), r.paint(dim, "│ ")))
	}
	say("procedure", d.Procedure)
	say("runbook", d.Runbook)
	say("outcome", d.Outcome)
	say("summary", d.Summary)
	for _, e := range d.Expect {
		say("expects", e)
	}
	say("no longer than", seconds(d.Budget))
	say("retries", d.Retry)
	say("polls", d.Poll)
	return append(out, r.observation(d.Observed)...)
}

func seconds(s journal.Seconds) string {
	if s <= 0 {
		return ""
	}
	return span(s.Duration())
}

func field(f journal.AnswerField) string {
	text := f.Name + " (" + f.Type
	if f.Secret {
		text += ", secret"
	}
	if !f.Required {
		text += ", may be left out"
	}
	text += ")"
	if f.Description != "" {
		text += " " + f.Description
	}
	return text + picked(f)
}

// observation is what a check that was really made found.
func (r *Rehearsal) observation(x *journal.StepFinishedData) []string {
	if x == nil {
		return nil
	}
	r.observed++
	line := r.mark(x.Verdict) + " made just now: " + oneLine(first(x.Verdict, "?")) + r.paint(dim, "  "+span(x.Duration.Duration()))
	if x.Reason != "" && x.Verdict != "passed" {
		line += "  " + oneLine(firstLines(x.Reason, 6))
	}
	out := []string{line}
	for _, k := range slices.Sorted(maps.Keys(x.Outputs)) {
		out = append(out, "  "+oneLine(k)+": "+oneLine(shorten(value(x.Outputs[k]), 200)))
	}
	return out
}
