package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/report"
	"runbook/engine/source"
	"runbook/engine/source/render"
)

// stateFlag and asFlag are shared by the commands that touch runs.
func stateFlag() cli.Flag {
	return &cli.StringFlag{Name: "state", Usage: "the folder where runs are kept (default: $RUNBOOK_STATE, or the XDG state folder)"}
}

// personFlags are how a person is there, or stands in beforehand.
func personFlags() []cli.Flag {
	return []cli.Flag{
		stateFlag(), policyFlag(),
		&cli.StringFlag{Name: "as", Usage: "who you are, for the journal (default: the system's user)"},
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "approve every confirm that does not say always or wants a text typed"},
		&cli.BoolFlag{Name: "non-interactive", Usage: "never prompt: a step that needs a person pauses the run (exit 5)"},
		&cli.StringSliceFlag{Name: "approve", Usage: "approve `STEP`, or STEP=TEXT where a text has to be typed"},
		&cli.StringSliceFlag{Name: "answer", Usage: "answer `STEP=ANSWER` or STEP.FIELD=VALUE; a secret as @- (standard input), @FILE or @env:NAME"},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Usage: "text, or json: the journal's events on standard output and nothing else"},
		&cli.BoolFlag{Name: "no-color", Usage: "plain text"},
		&cli.DurationFlag{Name: "timeout", Usage: "cancel the run after this long"},
	}
}

func (p *program) runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "run a runbook, rehearse it, or practise it",
		ArgsUsage: "RUNBOOK",
		Description: `RUNBOOK is a path, or a name: looked for here, in ./runbooks, in the folders of
RUNBOOK_PATH, and among the runbooks that are built in.

Inputs come from --input, then --inputs, then RUNBOOK_INPUT_NAME, then the
default; on a terminal, what is missing is asked for.

  runbook run hubspot --dry-run            nothing is touched
  runbook run hubspot --dry-run --observe  the checks are really made
  runbook run hubspot --scenario token-revoked
                                           a drill in an emulated world`,
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "input", Aliases: []string{"i"}, Usage: "an input as `NAME=VALUE`"},
			&cli.StringFlag{Name: "inputs", Usage: "a YAML or JSON `FILE` of inputs"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "show every step; touch nothing"},
			&cli.BoolFlag{Name: "observe", Usage: "with --dry-run: really make the checks"},
			&cli.StringFlag{Name: "scenario", Usage: "run in the emulated world `NAME` of the scenario file beside the runbook"},
			&cli.StringFlag{Name: "record", Usage: "write what the run saw as a scenario to `FILE`, or add it to one; nothing secret stands in it"},
		}, personFlags()...),
		OnUsageError: onUsage,
		Action:       p.run,
	}
}

func (p *program) run(c *cli.Context) error {
	name, err := oneArg(c, "a runbook")
	if err != nil {
		return err
	}
	switch {
	case c.Bool("observe") && !c.Bool("dry-run"):
		return usage("--observe goes with --dry-run; without it the checks are made anyway")
	case c.Bool("dry-run") && c.String("scenario") != "":
		return usage("--dry-run and --scenario exclude each other: a scenario touches nothing real either")
	case c.String("record") != "" && (c.Bool("dry-run") || c.String("scenario") != ""):
		return usage("--record is for a real run: a dry run and a drill see nothing new")
	}
	if err := outputFormat(c); err != nil {
		return err
	}
	found, err := p.places().Open(name)
	if err != nil {
		return usage("%w", err)
	}
	if err := p.underPolicy(c); err != nil {
		return err
	}
	rb, err := p.load(found.File, found.Files(), c.Bool("no-color"))
	if err != nil {
		return err
	}
	p.sayBeyond(rb)
	if c.Bool("dry-run") {
		return p.rehearse(c, rb)
	}
	if s := c.String("scenario"); s != "" {
		return p.drill(c, rb, found, s)
	}
	return p.live(c, rb, found.Origin())
}

func outputFormat(c *cli.Context) error {
	switch c.String("output") {
	case "text", "json":
		return nil
	}
	return usage("no output %q: text or json", c.String("output"))
}

// load proves a runbook and shows what is wrong with it on standard error.
func (p *program) load(f *source.File, beside engine.Beside, plain bool) (*engine.Runbook, error) {
	rb, found := engine.Load(f, engine.WithFiles(beside), engine.WithPolicy(p.policy))
	if rb != nil {
		return rb, nil
	}
	color := !plain && p.env("NO_COLOR") == "" && isTerminal(p.err)
	if err := render.Text(p.err, found.Sort(), render.Options{Color: color}); err != nil {
		return nil, &codeError{engine.ExitInvalid, err}
	}
	return nil, &codeError{engine.ExitInvalid, fmt.Errorf("%s is not sound, so it was not run; nothing was touched", f.Name)}
}

// live is a real run.
func (p *program) live(c *cli.Context, rb *engine.Runbook, origin string) error {
	s, err := p.session(c)
	if err != nil {
		return err
	}
	if err := s.answers.check(rb.Plan); err != nil {
		return err
	}
	inputs, err := p.inputs(c, s)
	if err != nil {
		return err
	}
	values, err := inputs.Resolve(rb.Plan)
	if err != nil {
		return failure(err)
	}
	var events []journal.Event
	path := c.String("record")
	if c.IsSet("record") {
		if err := recordable(path, origin); err != nil {
			return err
		}
		s.watch = append(s.watch, func(e journal.Event) { events = append(events, e) })
	}
	ended := s.finish(rb.Run(s.ctx, engine.RunOptions{
		Session: s.engine(), Inputs: values, Origin: origin,
	}))
	if len(events) == 0 {
		return ended
	}
	if err := p.keep(context.WithoutCancel(c.Context), rb.WithoutPolicy(), events, engine.RecordOptions{Path: path}); err != nil {
		fmt.Fprintf(p.err, "runbook: %s\n", report.Clean(err.Error())) // the run's own end is what counts
	}
	return ended
}

// inputs gathers where the values of inputs come from.
func (p *program) inputs(c *cli.Context, s *session) (engine.Inputs, error) {
	in := engine.Inputs{Flags: map[string]string{}, Env: p.env}
	for _, kv := range c.StringSlice("input") {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return in, usage("--input %q: write NAME=VALUE", kv)
		}
		if _, twice := in.Flags[k]; twice {
			return in, usage("--input %s is given twice", k)
		}
		in.Flags[k] = v
	}
	if name := c.String("inputs"); name != "" {
		data, err := readBounded(name)
		if err != nil {
			return in, usage("--inputs: %w", err)
		}
		values, found := engine.ReadInputs(source.NewFile(name, data))
		if found.Failed() {
			_ = render.Text(p.err, found.Sort(), render.Options{})
			return in, &codeError{code: engine.ExitUsage}
		}
		in.File = values
	}
	if s != nil && s.prompter != nil {
		in.Prompt = s.prompter.input(s.ctx)
	}
	return in, nil
}

// who is the person at this terminal, and how that is known: a name given with
// --as is a claim, so the system's user stands beside it.
func (p *program) who(c *cli.Context) (string, *journal.Identity) {
	id := &journal.Identity{Established: journal.BySystem, Host: hostname()}
	if u, err := user.Current(); err == nil {
		id.User = u.Username
	}
	switch name, variable := c.String("as"), p.env("USER"); {
	case name != "":
		id.Established = journal.ByFlag
		return name, id
	case id.User != "":
		return id.User, id
	case variable != "":
		id.Established = journal.ByVariable
		return variable, id
	}
	return "unknown", id
}

// store is where runs are kept.
func (p *program) store(c *cli.Context) (*journal.Store, error) {
	if dir := c.String("state"); dir != "" {
		return &journal.Store{Dir: dir}, nil
	}
	dir, err := journal.StateDir(p.env)
	if err != nil {
		return nil, usage("%w; give --state", err)
	}
	return &journal.Store{Dir: dir}, nil
}

// failure gives an error of the engine its exit code.
func failure(err error) error {
	var missing *engine.MissingError
	var denied *engine.DeniedError
	var policy *engine.PolicyError
	var coded *codeError
	var lost *journal.KeepError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &coded):
		return err
	case errors.As(err, &missing):
		return &codeError{engine.ExitMissing, err}
	case errors.As(err, &denied):
		return &codeError{engine.ExitDenied, err}
	case errors.Is(err, engine.ErrLeft):
		return &codeError{engine.ExitCancelled, errLeft}
	case errors.As(err, &lost):
		return &codeError{engine.ExitFailed, fmt.Errorf("%w; make room there, let the folder be written, or give another one with --state", err)}
	case errors.As(err, &policy):
		return &codeError{engine.ExitUsage, err}
	case errors.Is(err, context.Canceled):
		return &codeError{engine.ExitCancelled, errors.New("cancelled before the first step")}
	case errors.Is(err, errGone):
		return &codeError{engine.ExitMissing, err}
	}
	return &codeError{engine.ExitFailed, err}
}

// withTimeout bounds a run by --timeout.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}

// hostname is this machine's name, for the journal.
func hostname() string {
	h, _ := os.Hostname() // a machine without a name has an empty one
	return h
}
