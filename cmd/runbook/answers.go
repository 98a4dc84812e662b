package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
)

// answers are what was said on the command line to questions that may come.
type answers struct {
	yes     bool
	gave    map[interp.Key]bool         // the questions whose secrets were given
	approve map[string]string           // step -> what was typed to approve it
	whole   map[string]string           // step -> choice
	open    map[string][]string         // name -> the keys of the questions that stood open when it was said
	took    map[string]string           // name -> the key of the question that it has answered
	fields  map[string]map[string]given // step -> field -> value
	used    map[string]bool             // names of approve, whole and fields by which something was answered
}

// given is a value of an answer. Direct ones stood on the command line, where
// other users of the machine can read them.
type given struct {
	text   string
	direct bool
}

// answers reads --yes, --approve and --answer.
func (p *program) answers(c *cli.Context) (*answers, error) {
	a := &answers{gave: map[interp.Key]bool{}, yes: c.Bool("yes"), approve: map[string]string{}, whole: map[string]string{}, open: map[string][]string{}, took: map[string]string{}, fields: map[string]map[string]given{}}
	for _, kv := range c.StringSlice("approve") {
		step, typed, retyped := strings.Cut(kv, "=")
		if strings.HasSuffix(step, ">undo") && !retyped {
			a.whole[step] = "approve"
			continue
		}
		a.approve[step] = typed
	}
	for _, kv := range c.StringSlice("answer") {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || name == "" {
			return nil, usage("--answer %q: write STEP=ANSWER or STEP.FIELD=VALUE", kv)
		}
		step, field, isField := strings.Cut(name, ".")
		if !isField {
			a.whole[step] = value
			continue
		}
		text, err := p.given(name, value)
		if err != nil {
			return nil, err
		}
		if a.fields[step] == nil {
			a.fields[step] = map[string]given{}
		}
		a.fields[step][field] = given{text, !strings.HasPrefix(value, "@")}
	}
	return a, nil
}

// given reads a value that stands elsewhere: @- is standard input, @env:NAME the
// environment, @FILE a file; @@ begins a value with an @.
func (p *program) given(name, value string) (string, error) {
	switch {
	case strings.HasPrefix(value, "@@"):
		return value[1:], nil
	case value == "@-":
		b, err := io.ReadAll(io.LimitReader(p.in, 1<<20))
		if err != nil {
			return "", usage("--answer %s: cannot read standard input: %w", name, err)
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	case strings.HasPrefix(value, "@env:"):
		v := p.env(value[len("@env:"):])
		if v == "" {
			return "", usage("--answer %s: the environment variable %s is not set", name, value[len("@env:"):])
		}
		p.hide = append(p.hide, value[len("@env:"):])
		return v, nil
	case strings.HasPrefix(value, "@"):
		b, err := readUpTo(value[1:], 1<<20)
		if err != nil {
			return "", usage("--answer %s: %w", name, err)
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
	return value, nil
}

// to is the answer to a question, where one was given. An answer to a step in a
// procedure may name the step alone.
func (a *answers) to(q interp.Question, user string) (interp.Answer, map[string]string, bool, error) {
	out := interp.Answer{By: user, How: "--answer", Values: map[string]any{}, Beforehand: true}
	if q.Kind == "confirm" {
		typed, approved, err := a.approves(q)
		switch {
		case err != nil:
			return out, nil, false, err
		case approved:
			out.Choice, out.How, out.Retyped = "approve", "--approve", typed
		case a.yes && !q.Always && q.Retype == "":
			out.Choice, out.How = "approve", "--yes"
		}
		if out.Choice != "" {
			return out, nil, true, usable(q, out)
		}
	}
	choice, whole := a.whole[q.Name()]
	if of, ok := a.whole[stepOf(q)]; ok && !whole {
		choice, whole = of, true
	}
	if whole && choice == "approve" {
		mine, err := a.mine(q)
		if err != nil {
			return out, nil, false, err
		}
		whole = mine
	}
	fields, some := a.fields[q.Name()]
	if !whole && !some {
		return out, nil, false, nil
	}
	a.use(q.Name(), stepOf(q))
	if !whole {
		choice = "done"
	}
	if err := allowed(q, choice); err != nil {
		return out, nil, false, err
	}
	out.Choice = choice
	if q.Kind != "manual" || choice != "done" {
		return out, nil, true, usable(q, out)
	}
	if a.gave[q.Key] { // and it was no use: the same again is none either
		return out, nil, false, usage("--answer %s: %s", q.Name(), q.Problem)
	}
	secrets, err := collect(q, fields, &out)
	if len(secrets) > 0 {
		a.gave[q.Key] = true
	}
	return out, secrets, err == nil, err
}

// stands notes the questions that stood open when the answers were given.
func (a *answers) stands(list []openQuestion) {
	for _, w := range list {
		if !slices.Contains(a.open[w.name], w.key) {
			a.open[w.name] = append(a.open[w.name], w.key)
		}
	}
}

func stepOf(q interp.Question) string { return journal.StepKey(string(q.Key)) }

// approves is what was typed to approve a question, where that was done: by its
// name, or by the key of its step.
func (a *answers) approves(q interp.Question) (typed string, approved bool, err error) {
	if typed, approved = a.approve[stepOf(q)]; approved {
		a.use(stepOf(q))
		return typed, true, nil
	}
	if typed, approved = a.approve[q.Name()]; !approved {
		return "", false, nil
	}
	mine, err := a.mine(q)
	if mine || err != nil {
		a.use(q.Name())
	}
	return typed, mine, err
}

// mine reports whether an approval by name is for this question. It is for one:
// that which stood open, or else the first; an item of an each and a round of a
// group are approved by themselves.
func (a *answers) mine(q interp.Question) (bool, error) {
	name, key := q.Name(), stepOf(q)
	switch open := a.open[name]; {
	case len(open) > 1:
		return false, fmt.Errorf("%s stands for several questions (%s): approve one of them by that name", name, strings.Join(open, ", "))
	case len(open) == 1 && open[0] != key:
		return false, nil
	}
	if a.took[name] == "" {
		a.took[name] = key
	}
	return a.took[name] == key, nil
}

// use notes that something asked for what was given by these names.
func (a *answers) use(names ...string) {
	if a.used == nil {
		a.used = map[string]bool{}
	}
	for _, name := range names {
		a.used[name] = true
	}
}

// unused are the flags of answers to what nothing asked.
func (a *answers) unused() []string {
	var out []string
	for name := range a.approve {
		if !a.used[name] {
			out = append(out, "--approve "+name)
		}
	}
	for name, choice := range a.whole {
		if !a.used[name] {
			out = append(out, "--answer "+name+"="+choice)
		}
	}
	for name, fields := range a.fields {
		for field := range fields {
			if !a.used[name] {
				out = append(out, "--answer "+name+"."+field)
			}
		}
	}
	slices.Sort(out)
	return out
}

// usable says why the question cannot take an answer.
func usable(q interp.Question, a interp.Answer) error {
	if q.Before != nil && a.Choice == "approve" {
		return fmt.Errorf("%s %s: what will be done is not what was asked before, so no approval that was given beforehand counts; look at it, then approve it again", a.How, q.Name())
	}
	if why := q.Refuses(a); why != "" {
		return fmt.Errorf("%s %s: %s", a.How, q.Name(), why)
	}
	return nil
}

// The answers that questions of a kind have.
var (
	approvals = []string{"approve", "refuse"}
	doneOrNot = []string{"done", "could_not"}
	doubts    = []string{"done", "again", "failed"} // about an action that was in flight
)

// allowed refuses an answer that the question does not have.
func allowed(q interp.Question, choice string) error {
	var ids []string
	switch q.Kind {
	case "confirm", "undo":
		ids = approvals
	case "manual":
		ids = doneOrNot
	default:
		for _, c := range q.Choices {
			ids = append(ids, c.ID)
		}
	}
	if slices.Contains(ids, choice) {
		return nil
	}
	return fmt.Errorf("--answer %s=%s: the answers are %s", q.Name(), choice, strings.Join(ids, ", "))
}

// collect types the values that a manual step asks for. A required one that was
// not given leaves the question open.
func collect(q interp.Question, fields map[string]given, out *interp.Answer) (map[string]string, error) {
	secrets := map[string]string{}
	for _, c := range q.Collect {
		g, ok := fields[c.Name]
		if !ok {
			if c.Default != nil && !c.Secret {
				out.Values[c.Name] = c.Default
			} else if c.Required {
				return nil, engine.ErrNobody
			}
			continue
		}
		if c.Secret && g.direct {
			return nil, fmt.Errorf("--answer %s.%s: a secret must not stand on the command line, where others can read it: give @-, @FILE or @env:NAME", q.Name(), c.Name)
		}
		v, err := c.Parse(g.text)
		if err != nil {
			return nil, fmt.Errorf("--answer %s.%s: %w", q.Name(), c.Name, err)
		}
		if c.Secret {
			secrets[c.Name] = g.text
			continue
		}
		out.Values[c.Name] = v
	}
	return secrets, nil
}
