package engine

import (
	"fmt"
	"strings"
	"time"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/runtime/sim"
	"runbook/engine/scenario"
	"runbook/engine/types"
)

// people are a scenario's: they answer as it says.
type people struct {
	world   *scenario.World
	secrets map[string]string // those that they gave, by name
	wrong   []scenario.Failure
}

func newPeople(w *scenario.World) *people {
	return &people{world: w, secrets: map[string]string{}}
}

// answer is what they say to a question, and how long they take.
func (p *people) answer(q interp.Question) (interp.Answer, map[string]string, time.Duration, error) {
	given, ok := p.world.Answer(q.Name())
	if !ok {
		return interp.Answer{}, nil, 0, sim.ErrNobody
	}
	a := interp.Answer{Choice: p.choice(q, given.Choice), By: given.By, How: "scenario", Values: map[string]any{}, Retyped: q.Retype}
	if a.By == "" {
		a.By = q.Stander()
	}
	secrets := map[string]string{}
	for _, f := range q.Collect {
		v, there := given.Values[f.Name]
		switch {
		case !there:
		case f.Secret:
			secrets[f.Name] = types.Format(v)
			p.secrets[f.SecretName] = types.Format(v)
		default:
			a.Values[f.Name] = v
		}
	}
	return a, secrets, given.After, nil
}

// choice is the choice that a word is.
func (p *people) choice(q interp.Question, word string) string {
	for _, c := range q.Choices {
		if c.ID == word {
			return c.ID
		}
	}
	p.wrong = append(p.wrong, scenario.Failure{What: "the answer to " + q.Name(), Want: "one of the choices", Got: fmt.Sprintf("%q: %s", word, asks(q))})
	return word
}

// unanswered says what was asked that the scenario does not answer.
func unanswered(q interp.Question) scenario.Failure {
	return scenario.Failure{What: "the answer to " + q.Name(), Want: "one in the scenario", Got: "none: " + asks(q)}
}

// asks is a question in a line: what was said, and what can be answered.
func asks(q interp.Question) string {
	text := strings.Join(strings.Fields(q.Text), " ")
	if text == "" {
		text = q.Title
	}
	var choices []string
	for _, c := range q.Choices {
		choices = append(choices, c.ID)
	}
	line := fmt.Sprintf("it was asked %q, to be answered with %s", text, strings.Join(choices, " or "))
	if len(q.Fields) == 0 {
		return line
	}
	return line + ", and values for " + strings.Join(fieldNames(q.Fields), ", ")
}

func fieldNames(fields []journal.AnswerField) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name
	}
	return out
}
