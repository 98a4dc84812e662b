package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/report"
	"runbook/engine/scenario"
)

// session is one run's view and people: what the commands run and resume share.
type session struct {
	p        *program
	ctx      context.Context
	stop     context.CancelFunc
	user     string
	identity *journal.Identity // how it is known who that is
	command  string            // by which a run goes on, without its id
	cancel   string            // by which one that waits is ended; "" where that is under way
	store    *journal.Store
	prompter *prompter // nil: nobody is there
	answers  *answers
	drill    *engine.People     // nil: the run is real
	scenario *scenario.Scenario // of a drill
	watch    []func(journal.Event)
	past     func(journal.Event) // tells the view what happened before a resume
	live     *report.Live
	close    func()
}

// session reads the flags of personFlags.
func (p *program) session(c *cli.Context) (*session, error) {
	store, err := p.store(c)
	if err != nil {
		return nil, err
	}
	given, err := p.answers(c)
	if err != nil {
		return nil, err
	}
	s := &session{p: p, store: store, command: goesOnWith(c, "resume"), cancel: goesOnWith(c, "cancel"), answers: given, close: func() {}, past: func(journal.Event) {}}
	s.user, s.identity = p.who(c)
	s.ctx, s.stop = withTimeout(c.Context, c.Duration("timeout"))
	var tty *os.File
	if !c.Bool("non-interactive") && isTerminal(p.in) {
		tty = p.promptAt()
	}
	s.view(c, tty != nil)
	p.tell = s.tell
	context.AfterFunc(s.ctx, func() {
		if errors.Is(s.ctx.Err(), context.DeadlineExceeded) {
			s.tell(fmt.Sprintf("runbook: the time that --timeout gives (%s) is over: what runs is ended; undo and `finally` steps run to their end.", c.Duration("timeout")))
		}
	})
	if tty != nil {
		s.prompter = newPrompter(p.in, tty, s.user, s.identity, s.screen())
		screen := p.leave
		p.leave = func() {
			s.prompter.leave()
			if screen != nil {
				screen()
			}
		}
	}
	p.running.Store(true)
	return s, nil
}

// view chooses how the run is shown: events, a live tree, or plain lines.
func (s *session) view(c *cli.Context, interactive bool) {
	p := s.p
	if c.String("output") == "json" {
		s.watch = append(s.watch, eventWriter(p))
		return
	}
	color := p.color(c.Bool("no-color"))
	if isTerminal(p.out.file) && p.env("TERM") != "dumb" && p.env("NO_COLOR") == "" && !c.Bool("no-color") && interactive {
		s.live = report.NewLive(p.out, report.LiveOptions{Color: color, Size: terminalSize(p.out.file), Command: commandsOf(c)})
		s.watch, s.past = append(s.watch, s.live.Event), s.live.Past
		p.leave = s.live.Suspend
		s.close = s.live.Close
		return
	}
	lines := report.NewLines(p.out, report.LineOptions{Color: color, Command: commandsOf(c)})
	s.watch, s.past = append(s.watch, lines.Event), lines.Past
}

// tell says a line to whoever is there, beside the view.
func (s *session) tell(text string) {
	if s.live != nil {
		s.live.Suspend()
		defer s.live.Resume()
	}
	fmt.Fprintf(s.p.err, "\n%s\n", text)
}

func (s *session) screen() suspender {
	if s.live == nil {
		return nil
	}
	return s.live
}

// eventWriter streams the journal's events, one JSON object a line.
func eventWriter(p *program) func(journal.Event) {
	var mu sync.Mutex
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	return func(e journal.Event) {
		mu.Lock()
		defer mu.Unlock()
		_ = enc.Encode(e) // a reader that went away must not end the run
	}
}

// engine is the session as the engine wants it.
func (s *session) engine() engine.Session {
	return engine.Session{User: s.user, Host: hostname(), Identity: s.identity, Store: s.store, Env: s.p.env, Watch: s.watch, Hide: s.p.hide, Ask: s.ask, Hurry: s.p.hurry}
}

// ask answers a question beforehand given, or puts it to the person who is
// there.
func (s *session) ask(ctx context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
	a, secrets, ok, err := s.answers.to(q, s.user)
	if err != nil && !errors.Is(err, engine.ErrNobody) { // it cannot be used: the question stays open
		fmt.Fprintf(s.p.err, "runbook: %s\n", report.Clean(err.Error()))
		return a, nil, engine.ErrNobody
	}
	if ok {
		a.Identity = s.identity
		if s.drill != nil {
			said, _ := s.drill.Next(q)
			s.drill.Heard(q, said, a, secrets)
		}
		return a, secrets, nil
	}
	barred := q.Bars(s.user)
	switch {
	case barred != "" && s.drill == nil:
		fmt.Fprintf(s.p.err, "runbook: %s: %s\n", q.Step, report.Clean(barred))
		return interp.Answer{}, nil, engine.ErrNobody
	case s.prompter != nil && barred == "":
		a, secrets, err := s.prompter.ask(ctx, q)
		if errors.Is(err, errGone) { // the person left: the question stays open
			err = engine.ErrNobody
		}
		return a, secrets, err
	case s.drill != nil:
		return s.drill.Ask(ctx, q)
	}
	return interp.Answer{}, nil, engine.ErrNobody
}

// finish closes the view and turns the outcome into an exit code.
func (s *session) finish(out *engine.Outcome, err error) error {
	s.stop()
	s.close()
	var lost *journal.KeepError
	switch {
	case errors.Is(err, engine.ErrLeft) && s.drill == nil:
		return &codeError{engine.ExitCancelled, fmt.Errorf("left at once; `%s %s` goes on where it broke off", s.command, out.Run)}
	case errors.As(err, &lost) && lost.Begun:
		return &codeError{engine.ExitFailed, fmt.Errorf("%w; make room there, or let the folder be written, then go on: %s %s", err, s.command, lost.Run)}
	case err != nil:
		return failure(err)
	}
	if unused := s.answers.unused(); len(unused) > 0 {
		fmt.Fprintf(s.p.err, "\nrunbook: nothing asked for %s\n", report.Clean(strings.Join(unused, ", ")))
	}
	if out.Code == engine.ExitPaused {
		s.sayPaused(out)
	}
	if out.Code == engine.ExitOK {
		return nil
	}
	return &codeError{code: out.Code}
}

func (s *session) sayPaused(out *engine.Outcome) {
	if s.drill != nil {
		fmt.Fprintf(s.p.err, "\nThe scenario %s has no answer to what was asked; run the drill on a terminal, or give the answer with --answer:\n%s", s.scenario.Name, howToAnswer(out.State, waiting(out.Waiting), "runbook run ..."))
		return
	}
	fmt.Fprintf(s.p.err, "\nThe run waits for a person:\n%s", howToAnswer(out.State, waiting(out.Waiting), s.command+" "+out.Run))
	if s.cancel != "" {
		fmt.Fprintf(s.p.err, "Or end it: %s %s\n", s.cancel, out.Run)
	}
}
