package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/term"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/plan"
	"runbook/engine/report"
	"runbook/engine/scenario"
	"runbook/engine/types"
)

// errGone is what a prompt gives when the terminal went away or reached its end.
var errGone = errors.New("the terminal closed while a question was open")

// prompter puts questions to the person at the terminal, one at a time.
type prompter struct {
	in, out  *os.File
	user     string
	identity *journal.Identity
	turn     chan struct{} // holds one token: whose turn it is to use the terminal
	screen   suspender     // the live tree, which makes room for a question
	lines    chan line     // what is typed
	pumping  atomic.Bool   // a reader is under way; a given-up question leaves it to the next
	hidden   atomic.Bool   // a secret is typed
	loud     atomic.Bool   // the terminal cannot be kept from showing what is typed
	restore  atomic.Pointer[func()]
	script   *engine.People // of a drill: what its people would say, taken by a bare Enter
}

// suspender is a screen that can make room for a question.
type suspender interface {
	Suspend()
	Resume()
}

type line struct {
	text string
	err  error
}

func newPrompter(in, out *os.File, user string, identity *journal.Identity, screen suspender) *prompter {
	p := &prompter{in: in, out: out, user: user, identity: identity, screen: screen, turn: make(chan struct{}, 1), lines: make(chan line)}
	p.turn <- struct{}{}
	return p
}

// ask puts a question and waits for its answer; secrets come back apart from
// the answer, by field.
func (p *prompter) ask(ctx context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
	select {
	case <-p.turn:
		defer func() { p.turn <- struct{}{} }()
	case <-ctx.Done():
		return interp.Answer{}, nil, ctx.Err()
	}
	if p.screen != nil {
		p.screen.Suspend()
		defer p.screen.Resume()
	}
	defer p.quieten()()
	p.show(q)
	a := interp.Answer{By: p.user, Identity: p.identity, How: "terminal", Values: map[string]any{}}
	secrets := map[string]string{}
	def := p.scripted(q)
	var err error
	switch q.Kind {
	case "ask", "in_doubt":
		a.Choice, err = p.choose(ctx, q.Choices, def.Choice)
	case "manual":
		a.Choice, err = p.manual(ctx, q, def, &a, secrets)
	case "undo":
		a.Choice, err = p.undo(ctx, def.Choice)
	default:
		a.Choice, err = p.approve(ctx, q, def.Choice)
		a.Retyped = q.Retype // approve has compared it
	}
	if err == nil && p.script != nil {
		p.script.Heard(q, def, a, secrets)
	}
	return a, secrets, err
}

// scripted is what a drill's scenario would answer, which a bare Enter takes. In
// a real run there is none: a stray Enter must not approve anything.
func (p *prompter) scripted(q interp.Question) scenario.Answer {
	if p.script == nil {
		return scenario.Answer{}
	}
	a, _ := p.script.Next(q)
	return a
}

// show prints what is asked, why, what is known, and what will be done. Every line
// of it stands behind a bar and ends before the edge, so that nothing that a value
// says can be taken for the prompt below.
func (p *prompter) show(q interp.Question) {
	width, _ := terminalSize(p.out)()
	say := func(heading, text string) {
		if heading != "" {
			fmt.Fprint(p.out, "│\n"+report.Wrap(heading, "│ ", width)+report.Wrap(text, "│   ", width))
		} else if text != "" {
			fmt.Fprint(p.out, report.Wrap(report.Clean(text), "│ ", width))
		}
	}
	name := strings.ReplaceAll(report.Clean(q.Name()), "\n", " ")
	if key := journal.StepKey(string(q.Key)); strings.Contains(key, "[") {
		name = report.Clean(key) // one of several
	}
	if p.script != nil {
		name = "DRILL  " + name
	}
	fmt.Fprintf(p.out, "\n── %s %s\n", name, strings.Repeat("─", max(4, min(width, 100)-len(name)-5)))
	say("", q.Title)
	say("", q.Text)
	for _, part := range report.Asked(q.ApprovalRequestedData, q.Before, false) {
		say(part.Heading, part.Text)
	}
	for _, a := range q.Attached {
		say(report.Clean(report.Attached(a)), report.Clean(a.Text))
	}
	if who := report.Approvers(q.ApprovalRequestedData); len(who) > 0 {
		fmt.Fprintln(p.out, "│")
		say("", strings.Join(who, "\n"))
	}
	say("", q.Problem)
	fmt.Fprintln(p.out, "│")
}

// yesNo takes nothing but a word, or a bare Enter for the default of a drill.
func (p *prompter) yesNo(ctx context.Context, question, yes, no, def string) (string, error) {
	words := map[string]string{yes: "yes", no: "no"}
	for {
		text, err := p.readLine(ctx, fmt.Sprintf("  %s [yes/no]%s ", question, enterTakes(words[def])))
		if err != nil {
			return "", err
		}
		switch text = strings.ToLower(strings.TrimSpace(text)); text {
		case "":
			if words[def] != "" {
				return def, nil
			}
		case "yes", "y":
			return yes, nil
		case "no", "n":
			return no, nil
		}
		fmt.Fprintln(p.out, "  Please answer yes or no.")
	}
}

// undo asks whether an undo is made, and takes `later` for an answer: it stays
// owed, as where nobody is there.
func (p *prompter) undo(ctx context.Context, def string) (string, error) {
	words := map[string]string{"approve": "yes", "refuse": "no"}
	for {
		text, err := p.readLine(ctx, fmt.Sprintf("  Undo it now? [yes/no/later]%s ", enterTakes(words[def])))
		if err != nil {
			return "", err
		}
		switch text = strings.ToLower(strings.TrimSpace(text)); {
		case text == "" && words[def] != "":
			return def, nil
		case text == "yes" || text == "y":
			return "approve", nil
		case text == "no" || text == "n":
			return "refuse", nil
		case text == "later":
			return "", engine.ErrNobody
		}
		fmt.Fprintln(p.out, "  Please answer yes, no (it is never offered again) or later (it stays owed).")
	}
}

// enterTakes says what a bare Enter stands for.
func enterTakes(def string) string {
	if def == "" {
		return ""
	}
	return fmt.Sprintf(" (drill: Enter for %s)", report.Clean(def))
}

// approve takes yes or no; where a text has to be typed, nothing but that text is
// a yes.
func (p *prompter) approve(ctx context.Context, q interp.Question, def string) (string, error) {
	if q.Retype == "" {
		return p.yesNo(ctx, "Go ahead?", "approve", "refuse", def)
	}
	for {
		text, err := p.readLine(ctx, fmt.Sprintf("  Type %s to go ahead, or no:%s ", report.Clean(q.Retype), enterTakes(def)))
		switch {
		case err != nil:
			return "", err
		case text == q.Retype:
			return "approve", nil
		case text == "" && def != "":
			return def, nil
		case strings.EqualFold(strings.TrimSpace(text), "no"):
			return "refuse", nil
		}
		fmt.Fprintln(p.out, "  That is not it.")
	}
}

func (p *prompter) choose(ctx context.Context, choices []journal.Choice, def string) (string, error) {
	for i, c := range choices {
		fmt.Fprintf(p.out, "  %d) %s  %s\n", i+1, report.Clean(c.ID), report.Clean(c.Title))
	}
	for {
		text, err := p.readLine(ctx, fmt.Sprintf("  Which one? [1-%d]%s ", len(choices), enterTakes(def)))
		if err != nil {
			return "", err
		}
		if text = strings.TrimSpace(text); text == "" {
			text = def
		}
		for i, c := range choices {
			if text == c.ID || text == fmt.Sprint(i+1) {
				return c.ID, nil
			}
		}
		fmt.Fprintln(p.out, "  Please give a number or a name from the list.")
	}
}

// manual asks whether the step is done, and for its values.
func (p *prompter) manual(ctx context.Context, q interp.Question, def scenario.Answer, a *interp.Answer, secrets map[string]string) (string, error) {
	choice, err := p.yesNo(ctx, "Done? (no: it could not be done)", "done", "could_not", def.Choice)
	if err != nil || choice != "done" {
		return choice, err
	}
	for _, c := range q.Collect {
		if err := p.collect(ctx, c, scripted(def, c.Name), a, secrets); err != nil {
			return "", err
		}
	}
	return choice, nil
}

// scripted is a value of a drill's answer as one would type it, or "".
func scripted(def scenario.Answer, field string) string {
	v, ok := def.Values[field]
	if !ok {
		return ""
	}
	return types.Format(v)
}

// collect asks for one value until it is one of its type.
func (p *prompter) collect(ctx context.Context, c interp.Collect, def string, a *interp.Answer, secrets map[string]string) error {
	p.list(c)
	for {
		shown := def
		if c.Secret && def != "" {
			shown = "what the scenario says"
		}
		label := fmt.Sprintf("  %s (%s)%s%s: ", c.Name, c.Type, hint(c.Description, c.Default), enterTakes(shown))
		text, err := p.read(ctx, label, c.Secret)
		if err != nil {
			return err
		}
		if text == "" {
			text = def
		}
		if text == "" && c.Default != nil && !c.Secret {
			a.Values[c.Name] = c.Default
			return nil
		}
		if text == "" && !c.Required {
			return nil
		}
		v, err := picked(c, text)
		if err != nil {
			fmt.Fprintf(p.out, "  %s\n", report.Clean(err.Error()))
			continue
		}
		if c.Secret {
			secrets[c.Name] = text
			return nil
		}
		a.Values[c.Name] = v
		return nil
	}
}

func hint(description string, def any) string {
	s := ""
	if description != "" {
		s = " " + report.Clean(description)
	}
	if def != nil {
		s += fmt.Sprintf(" [%v]", def)
	}
	return s
}

// input asks for an input that is missing or was refused.
func (p *prompter) input(ctx context.Context) func(*plan.Input, string) (string, error) {
	return func(in *plan.Input, why string) (string, error) {
		if why != "" {
			fmt.Fprintf(p.out, "  %s\n", report.Clean(why))
		}
		defer p.quieten()()
		return p.readLine(ctx, fmt.Sprintf("%s (%s)%s: ", in.Name, in.Type, hint(in.Description, nil)))
	}
}

// read reads a line, without showing it where it is secret.
func (p *prompter) read(ctx context.Context, label string, secret bool) (string, error) {
	if !secret {
		return p.readLine(ctx, label)
	}
	if p.loud.Load() {
		return "", errors.New("a secret can only be typed at a terminal that can be kept from showing it")
	}
	p.hidden.Store(true)
	defer p.hidden.Store(false)
	text, err := p.readLine(ctx, label)
	return strings.TrimSpace(text), err
}

// quieten keeps the terminal from showing what is typed: the prompter does. What
// it gives lets the terminal be as it was.
func (p *prompter) quieten() func() {
	fd := int(p.in.Fd())
	was, err := term.GetState(fd)
	undo := func() {}
	if err == nil {
		undo, err = quietTerminal(p.in)
	}
	p.loud.Store(err != nil)
	if err != nil {
		return func() {}
	}
	ends := suspends(fd, was)
	var once sync.Once
	restore := func() { once.Do(func() { ends(); undo() }) }
	p.restore.Store(&restore)
	return restore
}

// leave lets the terminal be as it was, at once.
func (p *prompter) leave() {
	if restore := p.restore.Load(); restore != nil {
		(*restore)()
	}
}

// readLine reads a line. The reader outlives a question that was given up, so
// that what is typed next goes to the next question.
func (p *prompter) readLine(ctx context.Context, label string) (string, error) {
	fmt.Fprint(p.out, label)
	if p.pumping.CompareAndSwap(false, true) {
		go p.pump()
	}
	select {
	case l := <-p.lines:
		p.pumping.Store(false)
		return l.text, l.err
	case <-ctx.Done():
		fmt.Fprintln(p.out)
		return "", ctx.Err()
	}
}

// pump reads one line, byte by byte, so that nothing behind it is swallowed.
func (p *prompter) pump() {
	keys := keyboard{out: p.out}
	one := make([]byte, 1)
	for {
		n, err := p.in.Read(one)
		if n == 0 && err == nil {
			continue
		}
		if err != nil {
			p.lines <- line{string(keys.line), errGone}
			return
		}
		done, gone := keys.take(one[0], !p.hidden.Load() && !p.loud.Load())
		switch {
		case gone:
			p.lines <- line{"", errGone}
			return
		case done:
			p.lines <- line{string(keys.line), nil}
			return
		}
	}
}
