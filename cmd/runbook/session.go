package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/report"
	"runbook/engine/scenario"
	"runbook/engine/secret"
)

// session is one run's view and people: what the commands run and resume share.
type session struct {
	p        *program
	ctx      context.Context
	stop     context.CancelFunc
	user     string
	store    *journal.Store
	prompter *prompter // nil: nobody is there
	answers  *answers
	drill    *engine.People     // nil: the run is real
	scenario *scenario.Scenario // of a drill
	command  string             // by which a run goes on: resume or undo
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
	s := &session{p: p, user: p.who(c), store: store, answers: given, command: "resume", close: func() {}, past: func(journal.Event) {}}
	s.ctx, s.stop = withTimeout(c.Context, c.Duration("timeout"))
	var tty *os.File
	if !c.Bool("non-interactive") && isTerminal(p.in) {
		tty = p.promptAt()
	}
	s.view(c, tty != nil)
	p.tell = s.tell
	if tty != nil {
		s.prompter = newPrompter(p.in, tty, s.user, s.screen())
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
		s.live = report.NewLive(p.out, report.LiveOptions{Color: color, Size: terminalSize(p.out.file)})
		s.watch, s.past = append(s.watch, s.live.Event), s.live.Past
		p.leave = s.live.Suspend
		s.close = s.live.Close
		return
	}
	lines := report.NewLines(p.out, report.LineOptions{Color: color})
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
	return engine.Session{User: s.user, Host: hostname(), Store: s.store, Env: s.p.env, Watch: s.watch, Hide: s.p.hide, Ask: s.ask, Hurry: s.p.hurry}
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
	switch {
	case errors.Is(err, engine.ErrLeft) && s.drill == nil:
		return &codeError{engine.ExitCancelled, fmt.Errorf("left at once; `runbook %s %s` goes on where it broke off", s.command, out.Run)}
	case err != nil:
		return failure(err)
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
		fmt.Fprintf(s.p.err, "\nThe scenario %s has no answer to what was asked; run the drill on a terminal, or give the answer with --answer:\n%s", s.scenario.Name, resumeHelp(out, "runbook run ..."))
		return
	}
	fmt.Fprintf(s.p.err, "\nThe run waits for a person:\n%s", resumeHelp(out, "runbook "+s.command+" "+out.Run))
	if again(out) != "" {
		fmt.Fprintln(s.p.err, "  (secrets that were given are not kept, so each command gives them again)")
	}
}

// resumeHelp says how each open question can be answered.
func resumeHelp(out *engine.Outcome, command string) string {
	text, again := "", again(out)
	for _, w := range out.Waiting {
		name := w.Name()
		switch w.Kind {
		case "confirm":
			text += approveHelp(w, command, again)
		case "manual":
			text += fmt.Sprintf("  %s --answer %s=done", command, name)
			for _, f := range w.Fields {
				value := "VALUE"
				if f.Secret {
					value = "@env:NAME"
				}
				text += fmt.Sprintf(" --answer %s.%s=%s", name, f.Name, value)
			}
			text += again + "\n"
			text += fmt.Sprintf("  %s --answer %s=could_not%s\n", command, name, again)
		default:
			if len(w.Choices) == 0 { // nobody can answer it yet
				text += fmt.Sprintf("  %s: %s\n", name, report.Clean(w.Text))
			}
			for _, c := range w.Choices {
				text += fmt.Sprintf("  %s --answer '%s=%s'%s\n", command, name, c.ID, again)
			}
		}
	}
	return text
}

// again gives the secrets anew that people gave before: the journal does not have
// them, and a resume asks for them.
func again(out *engine.Outcome) string {
	text := ""
	for _, st := range out.State.Steps {
		if slices.ContainsFunc(out.Waiting, func(q interp.Question) bool { return q.Step == st.ID }) {
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
func approveHelp(q interp.Question, command, again string) string {
	what := q.Name()
	if q.Retype != "" {
		what = "'" + q.Name() + "=" + strings.ReplaceAll(q.Retype, "'", `'\''`) + "'"
	}
	text := fmt.Sprintf("  %s --approve %s%s\n", command, report.Clean(what), again)
	text += fmt.Sprintf("  %s --answer %s=refuse%s\n", command, q.Name(), again)
	if q.Count > 1 {
		text += fmt.Sprintf("    %d of %d people have approved", len(q.Given), q.Count)
		if len(q.Given) > 0 {
			text += ": " + report.Clean(strings.Join(q.Given, ", "))
		}
		text += "\n"
	}
	if len(q.By) > 0 {
		text += "    as one of " + report.Clean(strings.Join(q.By, ", ")) + " (--as NAME)\n"
	}
	return text
}
