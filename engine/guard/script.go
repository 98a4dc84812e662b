package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// ScriptRun is a script to run. Interpreter is empty for the embedded shell.
type ScriptRun struct {
	Script      Script
	Interpreter []string
	Env         map[string]string
	Stdin       string
	Dir         string
	Action      bool
	MaxOut      int64
	Started     func(Process)
}

// RunScript runs a script in the embedded shell, or with its interpreter. Every
// program that it starts, and every file that the shell itself opens, is put to
// the permission check; one denial makes the whole run a *Denied. When it
// returns, nothing that it started is left, background jobs included.
func (g *Guard) RunScript(ctx context.Context, r ScriptRun) (Output, error) {
	tmp, err := g.scratch()
	if err != nil {
		return Output{Exit: -1}, err
	}
	defer tmp.remove()
	if len(r.Interpreter) > 0 {
		return g.interpreted(ctx, r, tmp)
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(r.Script.Text), "script")
	if err != nil {
		return Output{Exit: -1}, err
	}
	env, err := g.environment(r.Env)
	if err != nil {
		return Output{Exit: -1}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	s := &scriptState{guard: g, run: r, env: env, file: file, tmp: tmp, stop: cancel}
	if g.opts.Files != nil {
		if s.order, err = orderOf(file, ClockOf(ctx) != nil); err != nil {
			cancel(nil)
			return Output{Exit: -1}, err
		}
	}
	out, errs := newCapture(r.MaxOut), newCapture(r.MaxOut)
	runner, err := s.runner(out, errs)
	if err != nil {
		cancel(nil)
		return Output{Exit: -1}, err
	}
	err = runner.Run(ctx, file)
	ended := context.Cause(ctx)
	cancel(errDone)
	s.end() // background jobs are ended with the script
	o := Output{Stdout: out.String(), Stderr: errs.String(), Truncated: out.cut() || errs.cut()}
	var status interp.ExitStatus
	switch denied := s.denied(); {
	case denied != nil:
		o.Exit, err = -1, denied
	case ended != nil:
		o.Exit, err = -1, ended
	case errors.As(err, &status):
		o.Exit, err = int(status), nil
	case err != nil:
		o.Exit = -1
	}
	return o, err
}

// errDone ends what a finished script left running.
var errDone = errors.New("the script has finished")

// scriptState is one run of the embedded shell.
type scriptState struct {
	guard    *Guard
	run      ScriptRun
	env      []string // what it finds, as NAME=value
	file     *syntax.File
	tmp      *scratch
	stop     context.CancelCauseFunc
	programs sync.WaitGroup
	order    order // nil in the real world
	commands atomic.Int64

	mu    sync.Mutex
	first *Denied
	over  bool // the script has ended: nothing that is left of it begins anything
}

// begin reports whether the script may still do something that outlasts a moment,
// which then ends with programs.Done: what runs beside it (a job, `<(...)`) goes on
// until it notices that it has ended.
func (s *scriptState) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.programs.Add(1)
	}
	return !s.over
}

// ended reports whether the script is over.
func (s *scriptState) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// end lets nothing more begin, and waits for what has.
func (s *scriptState) end() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.programs.Wait()
}

func (s *scriptState) denied() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		return nil
	}
	return s.first
}

// deny notes the first denial and ends the script: going on after half of it was
// refused could do harm.
func (s *scriptState) deny(d *Denied) error {
	s.mu.Lock()
	if s.first == nil {
		s.first = d
	}
	s.mu.Unlock()
	s.stop(d)
	return d
}

func (s *scriptState) runner(out, errs io.Writer) (*interp.Runner, error) {
	var stdin io.Reader
	if s.run.Stdin != "" {
		stdin = strings.NewReader(s.run.Stdin)
	}
	dir := s.run.Dir
	if s.guard.opts.Files != nil {
		dir = "/" // which is everywhere; the script's own need not be here
	}
	vars := s.variables()
	pipes, err := s.tmp.pipes(s.file)
	if err != nil {
		return nil, err
	}
	own := vars["TMPDIR"]
	vars["TMPDIR"] = expand.Variable{Set: true, Kind: expand.String, Str: pipes}
	r, err := interp.New(
		interp.Env(vars), interp.StdIO(stdin, out, errs), interp.Dir(dir), interp.Params("-e", "-u", "-o", "pipefail"),
		interp.CallHandler(s.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
		interp.OpenHandler(s.open),
		interp.StatHandler(s.stat),
		interp.AccessHandler(s.access),
		interp.ReadDirHandler2(s.readDir),
	)
	if err != nil {
		return nil, err
	}
	r.Dir = s.run.Dir
	r.Reset() // which is when the shell looks where its pipes are to be
	vars["TMPDIR"] = own
	return r, nil
}

// variables is what the script finds: the environment, and its holes, which are
// not exported and cannot be changed.
func (s *scriptState) variables() environ {
	vars := environ{}
	for _, kv := range s.env {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = expand.Variable{Set: true, Exported: true, Kind: expand.String, Str: value}
	}
	vars["TMPDIR"] = expand.Variable{Set: true, Exported: true, Kind: expand.String, Str: s.tmp.dir}
	for i, v := range s.run.Script.Values {
		x := expand.Variable{Set: true, ReadOnly: true, Kind: expand.String}
		switch v := v.(type) {
		case []string:
			x.Kind, x.List = expand.Indexed, v
		case string:
			x.Str = v
		}
		vars[fmt.Sprintf("__rb%d", i)] = x
	}
	return vars
}

type environ map[string]expand.Variable

// Get is a variable.
func (e environ) Get(name string) expand.Variable { return e[name] }

// Each visits the variables.
func (e environ) Each(f func(string, expand.Variable) bool) {
	for k, v := range e {
		if !f(k, v) {
			return
		}
	}
}

// exec is every external command of the script, with its real argv.
func (s *scriptState) exec(ctx context.Context, argv []string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !s.begin() {
		return errDone
	}
	defer s.programs.Done()
	hc := interp.HandlerCtx(ctx)
	path, err := s.guard.permitCommand(ctx, argv, hc.Dir, s.run.Action)
	var d *Denied
	if errors.As(err, &d) {
		fmt.Fprintln(hc.Stderr, d.Error())
		return s.deny(d)
	}
	if err != nil {
		fmt.Fprintln(hc.Stderr, err)
		return interp.ExitStatus(127)
	}
	if err := s.tmp.make(); err != nil {
		fmt.Fprintln(hc.Stderr, err)
		return interp.ExitStatus(126)
	}
	c := Command{Argv: argv, Path: path, Env: s.exported(hc.Env), Dir: hc.Dir, Stdout: hc.Stdout, Stderr: hc.Stderr, Started: s.run.Started}
	if hc.Stdin != nil {
		c.Stdin = hc.Stdin
	}
	ctx = s.order.turn(ctx, hc.Pos, &c)
	exit, err := s.guard.run(ctx, c)
	if denied := s.pipesOnly(); denied != nil {
		return denied
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		fmt.Fprintln(hc.Stderr, err)
		return interp.ExitStatus(126)
	case exit != 0:
		return interp.ExitStatus(uint8(exit))
	}
	return nil
}

// exported is the environment of a program: what the script exports, save
// dangerous variables, which keep the engine's value.
func (s *scriptState) exported(env expand.Environ) []string {
	var out []string
	env.Each(func(name string, v expand.Variable) bool {
		if v.Exported && v.Kind == expand.String && !s.guard.drops(name) {
			out = append(out, name+"="+v.Str)
		}
		return true
	})
	for _, kv := range s.guard.opts.Env {
		if name, _, _ := strings.Cut(kv, "="); s.guard.drops(name) {
			out = append(out, kv)
		}
	}
	return out
}

// interpreted runs a script with a program: the text goes into a file of the
// step's own folder, the holes into the environment.
func (g *Guard) interpreted(ctx context.Context, r ScriptRun, tmp *scratch) (Output, error) {
	env := map[string]string{"TMPDIR": tmp.dir}
	for k, v := range r.Env {
		env[k] = v
	}
	for i, v := range r.Script.Values {
		text, ok := v.(string)
		if !ok {
			return Output{Exit: -1}, errors.New("a list cannot be handed to an interpreter: join it, or pass it through `stdin:`")
		}
		env[fmt.Sprintf("__rb%d", i)] = text
	}
	path, err := g.permitCommand(ctx, r.Interpreter, r.Dir, r.Action)
	if err != nil {
		return Output{Exit: -1}, err
	}
	environ, err := g.environment(env)
	if err != nil {
		return Output{Exit: -1}, err
	}
	file, err := tmp.write("script", r.Script.Text)
	if err != nil {
		return Output{Exit: -1}, err
	}
	out, errs := newCapture(r.MaxOut), newCapture(r.MaxOut)
	c := Command{Argv: append(append([]string{}, r.Interpreter...), file), Path: path, Env: environ, Dir: r.Dir, Stdout: out, Stderr: errs, Started: r.Started}
	if r.Stdin != "" {
		c.Stdin = strings.NewReader(r.Stdin)
	}
	exit, err := g.run(ctx, c)
	return Output{exit, out.String(), errs.String(), out.cut() || errs.cut()}, err
}
