package main

import (
	"context"
	"fmt"
	"time"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/scenario"
	"runbook/engine/types"
)

// people are those of a drill's scenario. Questions come one at a time.
type people struct {
	scenario *scenario.Scenario
	asked    map[string]int // how often each was put
}

// next is what they say to a question this time. A question that is put again
// because its answer could not be used is the same one.
func (p *people) next(q interp.Question) (scenario.Answer, bool) {
	name := q.Name()
	given, ok := p.scenario.Answers[name]
	if q.Problem == "" {
		p.asked[name]++
	}
	return given.Nth(p.asked[name] - 1), ok
}

// answer is what they say to a question, once they have taken their time.
func (p *people) answer(ctx context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
	given, ok := p.next(q)
	if !ok {
		return interp.Answer{}, nil, engine.ErrNobody
	}
	select {
	case <-time.After(given.After):
	case <-ctx.Done():
		return interp.Answer{}, nil, ctx.Err()
	}
	a := interp.Answer{Choice: given.Choice, By: given.By, How: "scenario", Values: map[string]any{}, Retyped: q.Retype}
	if a.By == "" {
		a.By = q.Stander()
	}
	if err := allowed(q, a.Choice); err != nil {
		return a, nil, fmt.Errorf("the scenario %s answers %s with %q: %w", p.scenario.Name, q.Step, a.Choice, err)
	}
	secrets := map[string]string{}
	for _, f := range q.Collect {
		v, there := given.Values[f.Name]
		if !there {
			continue
		}
		if f.Secret {
			secrets[f.Name] = types.Format(v)
			continue
		}
		a.Values[f.Name] = v
	}
	return a, secrets, nil
}
