package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/report"
	"runbook/engine/secret"
)

// openQuestion is a question that a run waits for. Key is that of its step, Name
// the one by which it is answered.
type openQuestion struct {
	key, name string
	asked     journal.ApprovalRequestedData
}

// waiting are the questions that a run paused at.
func waiting(list []interp.Question) []openQuestion {
	out := make([]openQuestion, len(list))
	for i, q := range list {
		out[i] = openQuestion{journal.StepKey(string(q.Key)), q.Name(), q.ApprovalRequestedData}
	}
	return out
}

// openQuestions are those that stand open in a journal.
func openQuestions(s *journal.State) []openQuestion {
	var out []openQuestion
	for _, st := range s.Steps {
		for _, q := range st.Questions {
			takenBack := st.Done != nil && q.Asked.Kind != "undo" // its scope ended while it was open
			if q.Answered == nil && s.Finished == nil && !takenBack {
				out = append(out, openQuestion{journal.StepKey(q.Key), cmp.Or(q.Asked.Name, st.ID), q.Asked})
			}
		}
	}
	return out
}

// takesUp is the command that goes on with a run which is not over.
func takesUp(s *journal.State) string {
	if s.Cancelled {
		return "cancel"
	}
	return "resume"
}

// goesOnWith is a command, `resume` or `undo`, for a run which is kept where the
// flags say.
func goesOnWith(c *cli.Context, command string) string {
	if dir := c.String("state"); dir != "" {
		return "runbook " + command + " --state " + shellWord(dir)
	}
	return "runbook " + command
}

// commandsOf writes the commands for runs that are kept where the flags say.
func commandsOf(c *cli.Context) func(string) string {
	return func(name string) string { return goesOnWith(c, name) }
}

// shellWord is a word as a shell takes it.
func shellWord(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n\"'\\$`|&;<>()*?[]{}#~!") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// howToAnswer says how each open question can be answered, and by whom.
func howToAnswer(s *journal.State, list []openQuestion, command string) string {
	text := ""
	for _, w := range list {
		text += howToAnswerOne(s, list, w, command)
	}
	if again(s, list) != "" {
		text += "  (secrets that were given are not kept, so each command gives them again)\n"
	}
	return text
}

// howToAnswerOne is that of one question among those that are open.
func howToAnswerOne(s *journal.State, list []openQuestion, w openQuestion, command string) string {
	name, again := w.name, again(s, list)
	if twice(list, w.name) {
		name = w.key // one of several items
	}
	answer := func(format string, args ...any) string {
		return " --answer " + shellWord(report.Clean(fmt.Sprintf(format, args...)))
	}
	switch w.asked.Kind {
	case "confirm":
		return approveHelp(w.asked, name, command, again)
	case "manual":
		text := "  " + command + answer("%s=done", w.name)
		for _, f := range w.asked.Fields {
			value := "VALUE"
			if f.Secret {
				value = "@env:NAME"
			}
			text += answer("%s.%s=%s", w.name, f.Name, value)
		}
		return text + again + "\n  " + command + answer("%s=could_not", w.name) + again + "\n"
	}
	text := ""
	if len(w.asked.Choices) == 0 { // nobody can answer it yet
		text = fmt.Sprintf("  %s: %s\n", name, report.Clean(w.asked.Text))
	}
	for _, c := range w.asked.Choices {
		text += fmt.Sprintf("  %s --answer '%s=%s'%s\n", command, report.Clean(name), report.Clean(c.ID), again)
	}
	return text
}

func twice(list []openQuestion, name string) bool {
	n := 0
	for _, w := range list {
		if w.name == name {
			n++
		}
	}
	return n > 1
}

// again gives the secrets anew that people gave before: the journal does not have
// them, and a resume asks for them.
func again(s *journal.State, list []openQuestion) string {
	text := ""
	for _, st := range s.Steps {
		if slices.ContainsFunc(list, func(w openQuestion) bool { return w.key == st.Key }) {
			continue // it is asked as a whole
		}
		for _, q := range st.Questions {
			if q.Answered == nil {
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(q.Answered.Values)) {
				if v, ok := q.Answered.Values[name].(map[string]any); ok && v[secret.MaskedKey] != nil {
					text += fmt.Sprintf(" --answer %s.%s=@env:NAME", st.ID, name)
				}
			}
		}
	}
	return text
}

// approveHelp says how an approval is given or refused, by whom, and how many are
// missing.
func approveHelp(q journal.ApprovalRequestedData, name, command, again string) string {
	what := shellWord(report.Clean(name))
	if q.Retype != "" {
		what = "'" + strings.ReplaceAll(report.Clean(name+"="+q.Retype), "'", `'\''`) + "'"
	}
	may := mayApprove(q)
	switch {
	case len(may) == 1:
		command += " --as " + shellWord(report.Clean(may[0]))
	case len(may)+len(q.Given) > 0:
		command += " --as NAME"
	}
	text := fmt.Sprintf("  %s --approve %s%s\n", command, what, again)
	text += fmt.Sprintf("  %s --answer %s%s\n", command, shellWord(report.Clean(name+"=refuse")), again)
	if q.Count > 1 {
		text += fmt.Sprintf("    %d of %d people have approved", len(q.Given), q.Count)
		if len(q.Given) > 0 {
			text += ": " + report.Clean(strings.Join(q.Given, ", "))
		}
		text += "\n"
	}
	if len(may) > 1 {
		text += "    as one of " + report.Clean(strings.Join(may, ", ")) + "\n"
	} else if len(may) == 0 && len(q.Given) > 0 {
		text += "    as another person\n"
	}
	return text
}

// mayApprove are the people who may approve and have not; nil where everybody may.
func mayApprove(q journal.ApprovalRequestedData) []string {
	var out []string
	for _, name := range q.By {
		if !slices.Contains(q.Given, name) {
			out = append(out, name)
		}
	}
	return out
}
