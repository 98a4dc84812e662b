package report

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"runbook/engine/journal"
)

// drawer turns events into lines. It is what Lines and the finished part of Live
// have in common.
type drawer struct {
	painter
	verbose bool
	// live leaves out what the prompt and the live part show: the text of a
	// question, that a step polls.
	live  bool
	state *journal.State
	now   *journal.State  // how the run stands by now; nil is state
	said  map[string]bool // what is said once a step: its heading, its waits
	how   func(string) string
}

func newDrawer(o LineOptions) *drawer {
	return &drawer{painter: painter(o.Color), verbose: o.Verbose, now: o.Now, state: journal.NewState(), said: map[string]bool{}, how: o.Command}
}

// command is what to paste, for the run that is drawn.
func (d *drawer) command(name string) string {
	words := "runbook " + name
	if d.how != nil {
		words = d.how(name)
	}
	return words + " " + oneLine(d.state.Run)
}

// goesOn is the command that goes on with the run: where it is over, it is an undo
// that does.
func (d *drawer) goesOn() string {
	switch {
	case d.state.Finished != nil:
		return d.command("undo")
	case d.state.Cancelled:
		return d.command("cancel")
	}
	return d.command("resume")
}

// event takes an event and gives the lines to draw for it, each with its end.
func (d *drawer) event(e journal.Event) string {
	before := len(d.state.Moments)
	d.state.Apply(e)
	text := ""
	for _, m := range d.state.Moments[before:] {
		text += d.moment(m)
	}
	switch e.Type {
	case journal.StepStarted:
		text += d.begun(d.state.Step(e.Key))
	case journal.WaitStarted:
		text += d.waits(e)
	case journal.AttemptStarted:
		text += d.attempt(e)
	}
	if d.verbose && text != "" {
		return d.stamped(text, e.Time)
	}
	return text
}

// stamped puts the time before the first line, and room before the others.
func (d *drawer) stamped(text string, at time.Time) string {
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	for i, l := range lines {
		stamp := "         "
		if i == 0 {
			stamp = d.paint(dim, at.UTC().Format("15:04:05")) + " "
		}
		lines[i] = stamp + l
	}
	return strings.Join(lines, "") + "\n"
}

func (d *drawer) moment(m journal.Moment) string {
	pad := d.inner(m)
	switch x := m.Data.(type) {
	case journal.RunStartedData:
		return d.started(x, m.At)
	case journal.RunPausedData:
		return d.paused(x)
	case journal.RunResumedData:
		return d.resumed(x)
	case journal.ChangesAcceptedData:
		return d.changed(x)
	case journal.RunFinishedData:
		return d.finished(x)
	case journal.StepFinishedData:
		return d.step(m.Step, x)
	case journal.DecisionMadeData:
		return d.decision(m, x)
	case journal.FactSetData:
		return pad + fmt.Sprintf("%s = %s%s\n", d.paint(bold, oneLine(x.Name)), oneLine(shorten(value(x.Value), 600)), d.was(x.Was, x.Value))
	case journal.SecretReplacedData:
		return pad + fmt.Sprintf("the secret %s is the one that %s gave, from here on\n", oneLine(x.Name), oneLine(x.By))
	case journal.ApprovalRequestedData:
		return d.asked(m, x)
	case journal.ApprovalAnsweredData:
		return d.answered(m, x)
	case journal.UndoData:
		return pad + d.undo(m.Type, x) + "\n"
	case journal.UndoFinishedData:
		return d.undoFinished()
	case journal.RunbookStartedData:
		return pad + d.paint(cyan, "▸ ") + d.paint(bold, oneLine(first(x.Runbook.Title, x.Runbook.Name))) + d.paint(dim, "  runbook "+oneLine(x.Runbook.Path)) + "\n"
	case journal.RunbookFinishedData:
		return pad + d.anotherEnded(x) + "\n"
	case journal.MessageSentData, journal.MessageUnsentData:
		return d.later(m.Step)
	case journal.ItemStartedData:
		return pad + d.paint(cyan, "· ") + itemLine(m.Key, x) + "\n"
	case journal.ProcedureStartedData:
		return pad + d.paint(cyan, "▸ ") + d.paint(bold, oneLine(first(x.Title, x.Name))) + d.paint(dim, "  procedure "+oneLine(x.Name)) + "\n"
	}
	return ""
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// was is what a fact was before, where that is another value.
func (d *drawer) was(v, is any) string {
	if v == nil || v == "" || reflect.DeepEqual(v, is) {
		return ""
	}
	return d.paint(dim, "  (was "+oneLine(shorten(value(v), 200))+")")
}

// depth is how deep a step stands; the steps of `finally` stand beside the
// others.
func depth(key string) int {
	return strings.Count(strings.TrimPrefix(journal.StepKey(key), "finally/"), "/")
}

func pad(depth int) string { return strings.Repeat("  ", min(depth, 40)+1) }

// inner is the margin of what happens inside a step.
func (d *drawer) inner(m journal.Moment) string {
	if m.Step == nil {
		return pad(depth(m.Key))
	}
	return pad(depth(m.Step.Key) + 1)
}

// name is what a step is called on the screen: its id, with the item where it
// is one of many.
func name(id, key string) string {
	frames := strings.Split(journal.StepKey(key), "/")
	if n := len(frames); n > 1 && strings.HasSuffix(frames[n-2], "]") {
		return oneLine(frames[n-2] + "/" + id)
	}
	return oneLine(first(id, frames[len(frames)-1]))
}

// heading is a step's name and title.
func (d *drawer) heading(st *journal.Step) string {
	text := d.paint(bold, name(st.ID, st.Key))
	if st.Info.Title != "" {
		text += "  " + oneLine(shorten(st.Info.Title, 300))
	}
	return text
}

// begun is the line above the steps that a step holds; any other step gets its
// line when it is done.
func (d *drawer) begun(st *journal.Step) string {
	if st == nil {
		return ""
	}
	text := ""
	if strings.HasPrefix(st.Key, "finally/") && !d.said["finally"] {
		d.said["finally"] = true
		text = pad(0) + d.paint(dim, "whatever happened, finally:") + "\n"
	}
	switch st.Info.Role {
	case "group", "parallel", "run", "each":
		return text + pad(depth(st.Key)) + d.paint(cyan, "▸ ") + d.heading(st) + "\n"
	}
	return text
}

// waits says once for each step that it waits, however often it does.
func (d *drawer) waits(e journal.Event) string {
	x, _ := journal.Decode[journal.WaitStartedData](e)
	key := journal.StepKey(e.Key)
	once := key + " " + x.For
	if d.said[once] || d.live && x.For != "retry" {
		return ""
	}
	d.said[once] = true
	long, who := span(x.Length.Duration()), name(e.Step, key)
	because := ""
	if st := d.state.Step(key); st != nil && x.For != "delay" {
		because = d.trouble(st)
	}
	text := "waits " + long
	switch x.For {
	case "poll":
		text = "not yet; looks again every " + long
	case "retry":
		text = "could not; tries again in " + long
	case "delay":
		text = "begins in " + long
	}
	return pad(depth(key)) + d.paint(dim, "… "+who+"  "+text+because) + "\n"
}

// trouble is what kept the latest attempt from its end.
func (d *drawer) trouble(st *journal.Step) string {
	if st.Trouble == nil {
		return ""
	}
	return ": " + oneLine(shorten(st.Trouble.Kind+": "+st.Trouble.Message, 200))
}

// attempt shows, where much is wanted, what is being done.
func (d *drawer) attempt(e journal.Event) string {
	if !d.verbose {
		return ""
	}
	x, _ := journal.Decode[journal.AttemptStartedData](e)
	return pad(depth(e.Key)) + d.paint(dim, "… "+name(e.Step, e.Key)) + "\n" +
		d.block(depth(e.Key)+1, firstLines(Shown(x.Request), 40))
}

// block is a text of several lines, indented.
func (d *drawer) block(depth int, text string) string {
	if text == "" {
		return ""
	}
	return indent(text, pad(depth)+d.paint(dim, "│ ")) + "\n"
}

// step is the line of a step that is done.
func (d *drawer) step(st *journal.Step, x journal.StepFinishedData) string {
	deep := depth(st.Key)
	text := pad(deep) + d.mark(x.Verdict) + " " + d.heading(st)
	if x.Verdict == "skipped" {
		return pad(deep) + d.paint(dim, strings.TrimSuffix("– "+name(st.ID, st.Key)+"  skipped: "+oneLine(x.Reason), ": ")) + "\n"
	}
	text += d.paint(dim, "  "+span(x.Duration.Duration())+itemCount(x))
	if x.Attempts > 1 {
		text += d.paint(dim, fmt.Sprintf(" (%d attempts)", x.Attempts))
	}
	text += d.paint(dim, settled(x))
	text += d.posted(st) + "\n"
	if x.Verdict != "passed" {
		text += d.why(deep+1, x)
	}
	if st.Message != nil {
		text += d.block(deep+1, messageText(d.state, Clean(st.Message.Text)))
	}
	if d.verbose {
		text += d.found(deep+1, x)
	}
	return text
}

// why says why a step did not pass, with the end of what its program complained
// of.
func (d *drawer) why(deep int, x journal.StepFinishedData) string {
	reason := x.Reason
	if reason == "" && x.Error != nil {
		reason = x.Error.Kind + ": " + x.Error.Message
	}
	text := ""
	if reason != "" {
		text = indent(d.paint(styleOf(x.Verdict), brief(reason)), pad(deep)) + "\n"
	}
	if s, _ := x.Results["stderr"].(string); strings.TrimSpace(s) != "" {
		return text + d.block(deep, brief(lastLines(s, 8)))
	}
	if s, _ := x.Results["body"].(string); strings.TrimSpace(s) != "" {
		return text + d.block(deep, shorten(firstLines(Clean(s), 4), 400))
	}
	return text
}

func styleOf(verdict string) style {
	if verdict == "failed" {
		return red
	}
	return yellow
}

// brief is a text of a few lines, none of them endless.
func brief(s string) string {
	lines := strings.Split(firstLines(Clean(s), 12), "\n")
	for i, l := range lines {
		lines[i] = shorten(l, 600)
	}
	return strings.Join(lines, "\n")
}

// found is what a step found, where much is wanted.
func (d *drawer) found(deep int, x journal.StepFinishedData) string {
	text := ""
	for _, e := range x.Expect {
		mark := "passed"
		if !e.OK {
			mark = "failed"
		}
		text += pad(deep) + d.mark(mark) + d.paint(dim, " expect "+oneLine(e.Expr)) + "\n"
	}
	for _, k := range slices.Sorted(maps.Keys(x.Outputs)) {
		text += pad(deep) + d.paint(dim, oneLine(k)+": "+oneLine(shorten(value(x.Outputs[k]), 400))) + "\n"
	}
	return text
}

// decision says which branch was taken and why. It stands above the branch's
// steps.
func (d *drawer) decision(m journal.Moment, x journal.DecisionMadeData) string {
	deep := depth(m.Key)
	text := pad(deep) + d.paint(cyan, "▸ ") + d.paint(bold, name(m.ID, m.Key))
	if m.Step != nil && m.Step.Info.Title != "" {
		text += "  " + oneLine(m.Step.Info.Title)
	}
	text += "\n" + pad(deep+1) + d.paint(cyan, "→ ")
	if x.Branch == "" {
		text += d.paint(red, "no branch fits")
	} else {
		text += d.paint(bold, oneLine(x.Branch))
	}
	if x.Title != "" {
		text += "  " + oneLine(x.Title)
	}
	if x.By != "" {
		text += ", chosen by " + oneLine(x.By)
		if len(x.Choices) > 0 {
			text += d.paint(dim, " among "+oneLine(strings.Join(x.Choices, ", ")))
		}
	}
	if x.Uncertain {
		text += d.paint(yellow, "  uncertain: a condition could not be computed")
	}
	text += "\n"
	for i, r := range operands(plain(x.Because)) {
		lead := "because "
		if i > 0 {
			lead = "    and "
		}
		text += pad(deep+1) + "  " + d.paint(dim, lead) + oneLine(r) + "\n"
	}
	return text
}

// asked is a question to a person.
func (d *drawer) asked(m journal.Moment, x journal.ApprovalRequestedData) string {
	if d.live {
		return ""
	}
	deep := depth(m.Key)
	text := pad(deep) + d.paint(yellow, "? ") + d.drillSign() + d.paint(bold, name(m.ID, m.Key)) + d.paint(yellow, "  "+question(x.Kind)) + "\n"
	for _, t := range []string{x.Title, x.Text} {
		if t != "" {
			text += indent(Clean(t), pad(deep+1)) + "\n"
		}
	}
	for _, p := range d.parts(x) {
		if d.verbose || p.Heading != shownHeading(x.Kind) { // what will run needs no heading
			text += pad(deep+1) + d.paint(dim, p.Heading+":") + "\n"
		}
		text += d.block(deep+1, p.Text)
	}
	for _, t := range Approvers(x) {
		text += pad(deep+1) + d.paint(dim, oneLine(t)) + "\n"
	}
	for _, a := range x.Attached {
		text += pad(deep+1) + d.paint(bold, Attached(a)) + "\n" + d.block(deep+1, firstLines(Clean(a.Text), 40))
	}
	for _, f := range x.Fields {
		text += pad(deep+1) + "asks for " + oneLine(field(f)) + "\n"
	}
	return text
}

// parts are those of a question that do not stand above it already: what led to
// it and what is known were told as they came.
func (d *drawer) parts(x journal.ApprovalRequestedData) []Part {
	if !d.verbose {
		x.Why, x.Known = nil, nil
	}
	return Asked(x, nil, d.verbose)
}

// question says what kind of an answer is waited for.
func question(kind string) string {
	switch kind {
	case "manual":
		return "a person has to do this"
	case "ask":
		return "a person has to choose"
	case "undo":
		return "undo it?"
	case "in_doubt":
		return "it is in doubt"
	}
	return "needs approval"
}

func (d *drawer) answered(m journal.Moment, x journal.ApprovalAnsweredData) string {
	text := d.inner(m) + d.paint(cyan, "» ") + oneLine(x.By) + ": " + d.paint(bold, answer(x.Choice))
	if d.live {
		text += d.paint(dim, whatFor(m, x))
	}
	if how := howKnown(x); how != "" {
		text += d.paint(dim, "  ("+how+")")
	}
	if x.Note != "" {
		text += ", " + oneLine(x.Note)
	}
	text += "\n"
	for _, k := range slices.Sorted(maps.Keys(x.Values)) {
		text += d.inner(m) + "  " + oneLine(k) + ": " + oneLine(value(plain(x.Values[k]))) + "\n"
	}
	return text
}

// howKnown says by which way an answer came, and how it is known whose it is where
// that is a claim.
func howKnown(x journal.ApprovalAnsweredData) string {
	how := ""
	if x.How != "terminal" {
		how = oneLine(x.How)
	}
	if who := claimed(x.Identity); who != "" {
		how = strings.TrimPrefix(how+"; "+who, "; ")
	}
	return how
}

// claimed says of a name that somebody gave themselves who gave it, or "".
func claimed(id *journal.Identity) string {
	if id == nil {
		return ""
	}
	switch id.Established {
	case journal.ByFlag:
		return "a name given with --as by " + account(id)
	case journal.ByVariable:
		return "a name that the environment gave, on " + oneLine(first(id.Host, "a machine without a name"))
	}
	return ""
}

// account is the system's user on a machine.
func account(id *journal.Identity) string {
	return oneLine(first(id.User, "an unknown user") + "@" + first(id.Host, "a machine without a name"))
}

// established says how it is known who somebody is.
func established(id *journal.Identity) string {
	if id == nil {
		return ""
	}
	switch id.Established {
	case journal.BySystem:
		return "the system's user, " + account(id)
	case journal.ByScenario:
		return ""
	case journal.ByProgram:
		return "the program says who"
	}
	return claimed(id)
}

// whatFor names the question where it does not stand above its answer.
func whatFor(m journal.Moment, x journal.ApprovalAnsweredData) string {
	q := questionOf(m, x)
	switch {
	case q == nil || x.Kind == "ask": // the decision says who chose what
		return ""
	case x.Kind == "undo":
		return "  undo " + oneLine(shorten(first(q.Asked.Title, m.Step.ID), 200))
	}
	return "  " + oneLine(shorten(first(q.Asked.Text, q.Asked.Title), 200))
}

// questionOf is the question that an answer is for, or nil.
func questionOf(m journal.Moment, x journal.ApprovalAnsweredData) *journal.Question {
	if m.Step == nil {
		return nil
	}
	for i := len(m.Step.Questions) - 1; i >= 0; i-- {
		if q := &m.Step.Questions[i]; q.Asked.Kind == x.Kind && q.When.Equal(m.At) {
			return q
		}
	}
	return nil
}

// answer is a choice in words.
func answer(choice string) string {
	switch choice {
	case "approve":
		return "approved"
	case "refuse":
		return "refused"
	case "could_not":
		return "could not"
	}
	return oneLine(choice)
}

func (d *drawer) undo(typ journal.Type, x journal.UndoData) string {
	what := oneLine(first(x.Title, x.Action))
	if typ == journal.UndoOwed {
		return d.paint(dim, "↶ can be undone: "+what+owedWhen(x))
	}
	switch x.How {
	case "done":
		if x.Auto {
			what += d.paint(dim, "  (without asking)")
		}
		return d.paint(green, "↶ undone: ") + what
	case "declined":
		return d.paint(yellow, "↶ not undone: ") + what
	}
	return d.paint(red, "↶ undo "+oneLine(first(x.How, "failed"))+", still owed: ") + what
}

func owedWhen(x journal.UndoData) string {
	when := "if the run fails"
	if x.When == "always" {
		when = "when the run ends"
	}
	if x.Auto {
		when += ", without asking"
	}
	return " (" + when + ")"
}

// settled says how an action that was in doubt came to count as done.
func settled(x journal.StepFinishedData) string {
	switch x.Settled {
	case "":
		return ""
	case "check_after":
		return "  was in doubt; its check_after passed, so it counts as done"
	}
	return "  was in doubt; a person said that it took effect, so it counts as done"
}

// Approvers says in sentences who has to approve what is asked, and how.
func Approvers(x journal.ApprovalRequestedData) []string {
	var out []string
	for _, why := range x.Policy {
		out = append(out, "Demanded by the policy "+why+".")
	}
	if len(x.By) > 0 {
		out = append(out, "May approve: "+strings.Join(x.By, ", ")+".")
	}
	if x.Count > 1 {
		text := fmt.Sprintf("%d people have to approve.", x.Count)
		if len(x.Given) > 0 {
			text += " Have approved: " + strings.Join(x.Given, ", ") + "."
		}
		out = append(out, text)
	}
	if x.Timeout > 0 {
		out = append(out, "Refused if not approved within "+span(x.Timeout.Duration())+".")
	}
	if x.Retype != "" {
		out = append(out, "To approve, type: "+x.Retype)
	}
	return out
}
