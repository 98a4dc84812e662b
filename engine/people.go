package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/scenario"
	"runbook/engine/types"
)

// People are those of a scenario: they answer as it says, in a test and in a
// drill alike. They are safe for concurrent use.
type People struct {
	scenario *scenario.Scenario

	mu      sync.Mutex
	asked   map[string]int    // how often each question was put
	secrets map[string]string // those that they gave, by name
	wrong   []scenario.Failure
	other   []scenario.Failure
}

// NewPeople are the people of a scenario that is about to be played.
func NewPeople(s *scenario.Scenario) *People {
	return &People{scenario: s, asked: map[string]int{}, secrets: map[string]string{}}
}

// Reply is what somebody says. Secrets are values that are secret, by field; After
// is how long it takes.
type Reply struct {
	Answer  interp.Answer
	Secrets map[string]string
	After   time.Duration
}

// Next is what the scenario says to a question this time. A question that is put
// again because its answer could not be used is the same one, and nobody takes
// time over it again. False is that the scenario does not answer it.
func (p *People) Next(q interp.Question) (scenario.Answer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := q.Name()
	given, ok := p.scenario.Answers[name]
	if q.Problem == "" {
		p.asked[name]++
	}
	a := given.Nth(p.asked[name] - 1)
	if q.Problem != "" {
		a.After = 0
	}
	return a, ok
}

// Answer is what they say to a question. The error is ErrNobody where the scenario
// does not answer it.
func (p *People) Answer(q interp.Question) (Reply, error) {
	given, ok := p.Next(q)
	if !ok {
		return Reply{}, ErrNobody
	}
	r := Reply{After: given.After, Secrets: map[string]string{}, Answer: interp.Answer{
		Choice: p.choice(q, given.Choice), By: given.By, How: "scenario", Values: map[string]any{}, Retyped: q.Retype,
		Identity: &journal.Identity{Established: journal.ByScenario},
	}}
	if r.Answer.By == "" {
		r.Answer.By = q.Stander()
	}
	for _, f := range q.Collect {
		v, there := given.Values[f.Name]
		switch {
		case !there:
		case f.Secret:
			r.Secrets[f.Name] = types.Format(v)
			p.gave(f.SecretName, types.Format(v))
		default:
			r.Answer.Values[f.Name] = v
		}
	}
	return r, nil
}

// Ask is Answer for a Session: the people take their time.
func (p *People) Ask(ctx context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
	r, err := p.Answer(q)
	if err != nil {
		return r.Answer, nil, err
	}
	t := time.NewTimer(r.After)
	defer t.Stop()
	select {
	case <-t.C:
		return r.Answer, r.Secrets, nil
	case <-ctx.Done():
		return interp.Answer{}, nil, ctx.Err()
	}
}

func (p *People) gave(name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secrets[name] = value
}

// choice is the choice that a word is.
func (p *People) choice(q interp.Question, word string) string {
	if !slices.ContainsFunc(q.Choices, func(c journal.Choice) bool { return c.ID == word }) {
		p.mu.Lock()
		defer p.mu.Unlock()
		f := scenario.Failure{What: "the answer to " + q.Name(), Want: "one of the choices", Got: fmt.Sprintf("%q: %s", word, asks(q))}
		if !slices.ContainsFunc(p.wrong, func(x scenario.Failure) bool { return x.String() == f.String() }) {
			p.wrong = append(p.wrong, f)
		}
	}
	return word
}

// Wrong are the answers of the scenario that its questions do not have.
func (p *People) Wrong() []scenario.Failure {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.wrong)
}

// Heard notes what somebody at a drill answered in their place, where that is not
// what said, which they would have, comes to. What a secret is stays unsaid.
func (p *People) Heard(q interp.Question, said scenario.Answer, a interp.Answer, secrets map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	note := func(what, want, got string) {
		p.other = append(p.other, scenario.Failure{What: "the answer to " + what, Want: want, Got: got})
	}
	if said.Choice == "" {
		note(q.Name(), "nothing: the scenario does not answer it", a.Choice)
		return
	}
	if a.Choice != said.Choice {
		note(q.Name(), said.Choice, a.Choice)
		return
	}
	for _, f := range q.Collect {
		want, scripted := said.Values[f.Name]
		got, given := a.Values[f.Name]
		if f.Secret {
			text, there := secrets[f.Name]
			if scripted && (!there || text != types.Format(want)) {
				note(q.Name()+"."+f.Name, "the scenario's secret", "another one")
			}
			continue
		}
		if scripted && (!given || !types.Equal(types.Exact(want), types.Exact(got)) && types.Format(want) != types.Format(got)) {
			note(q.Name()+"."+f.Name, types.Format(want), types.Format(got))
		}
	}
}

// Otherwise is where somebody at a drill answered otherwise than the scenario
// does. That is no failure: what comes of it may well be as expected.
func (p *People) Otherwise() []scenario.Failure {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.other)
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
