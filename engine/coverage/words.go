package coverage

import "fmt"

// What says in a sentence that no scenario took an item.
func (i *Item) What() string {
	step := "`" + i.Step + "`"
	switch i.Class {
	case Branches:
		name := "`" + i.Name + "`"
		if i.Else && i.Name != "else" {
			name += " (its `else`)"
		}
		return fmt.Sprintf("no scenario takes the branch %s of %s", name, step)
	case Steps:
		return fmt.Sprintf("no scenario runs the %s %s", called(i.Role), step)
	case Procedures:
		return fmt.Sprintf("no scenario goes into the procedure `%s`", i.Name)
	case OnFailure:
		return fmt.Sprintf("in no scenario does %s fail, so its `on_failure` is not tried", step)
	case Undo:
		if i.Way == Offered {
			return fmt.Sprintf("no scenario comes to where the undo of %s is offered", step)
		}
		return fmt.Sprintf("no scenario undoes %s", step)
	case Finally:
		return "no scenario comes to `finally`"
	case If:
		return fmt.Sprintf("in no scenario is the `if` of %s %s", step, i.Way)
	case Expect:
		if i.Way == Held {
			return fmt.Sprintf("in no scenario does %s find that `%s` holds", step, short(i.Name))
		}
		return fmt.Sprintf("in no scenario does %s find that `%s` does not hold", step, short(i.Name))
	case Each:
		if i.Way == Some {
			return fmt.Sprintf("no scenario gives %s an item", step)
		}
		return fmt.Sprintf("no scenario gives %s an empty list", step)
	case Approvals:
		if i.Way == Approved {
			return fmt.Sprintf("no scenario approves %s", step)
		}
		return fmt.Sprintf("no scenario refuses %s", step)
	case Polls:
		if i.Way == Success {
			return fmt.Sprintf("in no scenario does the poll of %s succeed", step)
		}
		return fmt.Sprintf("in no scenario does the poll of %s give up", step)
	}
	return fmt.Sprintf("no scenario takes %s", step)
}

// called is what a step is, as a noun.
func called(role string) string {
	switch role {
	case "decide":
		return "decision"
	case "manual":
		return "manual step"
	case "run", "each", "parallel", "end":
		return "`" + role + "` step"
	}
	return role
}

// short is an expression on a line.
func short(s string) string {
	line := make([]rune, 0, len(s))
	for _, r := range s {
		if r == '\n' || r == '\t' {
			r = ' '
		}
		if r == ' ' && len(line) > 0 && line[len(line)-1] == ' ' {
			continue
		}
		line = append(line, r)
	}
	if len(line) > 80 {
		line = append(line[:79], '…')
	}
	return string(line)
}
