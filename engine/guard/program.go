package guard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"runbook/engine/permit"
)

// NotFound is a program that the engine's PATH does not have.
type NotFound struct{ Program string }

// Error names the program.
func (e *NotFound) Error() string {
	return fmt.Sprintf("program %q was not found in PATH; install it, or list it under `requires.commands` to be told before the run", e.Program)
}

// drops reports whether a variable that a script exports is kept from programs,
// which have the engine's value of it.
func (g *Guard) drops(name string) bool { return !g.Permissions.Variable(name).OK }

// environment is the programs' environment with a step's own variables. One that
// changes what a permitted program does, and is not permitted, is a *Denied.
func (g *Guard) environment(own map[string]string) ([]string, error) {
	env := slices.Clone(g.opts.Env)
	for _, n := range slices.Sorted(maps.Keys(own)) {
		if err := g.CheckVariable(n); err != nil {
			return nil, err
		}
		env = setEnv(env, n, own[n])
	}
	return env, nil
}

func setEnv(env []string, name, value string) []string {
	for i, kv := range env {
		if strings.HasPrefix(kv, name+"=") {
			env[i] = name + "=" + value
			return env
		}
	}
	return append(env, name+"="+value)
}

func (g *Guard) getenv(name string) string {
	for _, kv := range g.opts.Env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// permitted asks each of the sets that must permit; in one an entry may spell the
// path, in another the name.
func (g *Guard) permitted(argv []string, dir string, action bool) permit.Decision {
	var d permit.Decision
	for i, s := range g.Permissions.All() {
		d = s.Command(argv, action)
		if !d.OK && isPath(argv[0]) && g.isThatOfPath(argv[0], dir) {
			d = s.Command(append([]string{filepath.Base(argv[0])}, argv[1:]...), action)
		}
		if !d.OK && i > 0 {
			d = d.Around()
		}
		if !d.OK {
			return d
		}
	}
	return d
}

// permitCommand puts an argv to the permission check and resolves its program
// with the engine's own PATH. A path is permitted where an entry spells it, or
// where it is the very program that PATH gives for a permitted name; that one is
// run then, whatever the path leads to by now. A relative path in an entry stands
// for one from the folder of the run, wherever the script has gone.
func (g *Guard) permitCommand(ctx context.Context, argv []string, dir string, action bool) (string, error) {
	asked := argv
	if p := argv[0]; isPath(p) && !filepath.IsAbs(p) {
		wd, err := g.WorkDir()
		if err != nil {
			return "", err
		}
		if dir == "" {
			dir = wd
		}
		if filepath.Join(wd, p) != filepath.Join(dir, p) {
			asked = append([]string{filepath.Join(dir, p)}, argv[1:]...)
		}
	}
	d := g.permitted(asked, dir, action)
	if !d.OK {
		return "", refused(d, strings.Join(argv, " "), listOf(action))
	}
	path, err := g.resolved(argv[0], dir)
	if denied := g.policyProgram(ctx, asked, path); denied != nil {
		return "", denied
	}
	return path, err
}

// resolved is the program that a permitted name or path stands for.
func (g *Guard) resolved(program, dir string) (string, error) {
	switch {
	case g.opts.Run != nil:
		return program, nil
	case !isPath(program):
		return g.Find(program)
	}
	path := from(dir, program)
	if p, err := g.Find(filepath.Base(path)); err == nil && sameFile(p, path) {
		return p, nil
	}
	return g.Find(path)
}

// isPath reports whether a program is spelled as a path.
func isPath(program string) bool {
	return strings.ContainsRune(program, '/') || strings.ContainsRune(program, filepath.Separator)
}

func from(dir, path string) string {
	if filepath.IsAbs(path) || dir == "" {
		return path
	}
	return filepath.Join(dir, path)
}

// isThatOfPath reports whether a path leads to the program that PATH gives for its
// name. In a world that is not real, programs are where they are said to be.
func (g *Guard) isThatOfPath(program, dir string) bool {
	if g.opts.Files != nil {
		return true
	}
	p, err := g.Find(filepath.Base(program))
	return err == nil && sameFile(p, from(dir, program))
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// Find resolves a program with the engine's own PATH.
func (g *Guard) Find(program string) (string, error) {
	if isPath(program) {
		if isProgram(program) {
			return program, nil
		}
		return "", &NotFound{program}
	}
	for _, dir := range filepath.SplitList(g.getenv("PATH")) {
		if dir == "" || !filepath.IsAbs(dir) {
			continue // the current folder is no place to run programs from
		}
		for _, ext := range extensions() {
			if p := filepath.Join(dir, program+ext); isProgram(p) {
				return p, nil
			}
		}
	}
	return "", &NotFound{program}
}

func extensions() []string {
	if runtime.GOOS == "windows" {
		return []string{"", ".exe", ".cmd", ".bat"}
	}
	return []string{""}
}

func isProgram(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && (runtime.GOOS == "windows" || st.Mode()&0o111 != 0)
}

// run runs a permitted program through the door.
func (g *Guard) run(ctx context.Context, c Command) (int, error) {
	if g.opts.Run != nil {
		if c.Started != nil {
			c.Started(Process{Argv: c.Argv})
		}
		return g.opts.Run(ctx, c)
	}
	return g.process(ctx, c)
}

// Program is one program to run without a shell.
type Program struct {
	Argv    []string
	Env     map[string]string
	Stdin   string
	Dir     string
	Action  bool
	MaxOut  int64 // bytes kept of each of stdout and stderr; 0 is 1 MiB
	Started func(Process)
}

// Output is what a program or script left behind.
type Output struct {
	Exit      int
	Stdout    string
	Stderr    string
	Truncated bool
}

// RunProgram runs one program. A *Denied, a *NotFound, or the context's error is
// what it could not be run for; an exit code is no error.
func (g *Guard) RunProgram(ctx context.Context, p Program) (Output, error) {
	if len(p.Argv) == 0 || p.Argv[0] == "" {
		return Output{Exit: -1}, errors.New("there is no program to run: `argv` is empty")
	}
	path, err := g.permitCommand(ctx, p.Argv, p.Dir, p.Action)
	if err != nil {
		return Output{Exit: -1}, err
	}
	env, err := g.environment(p.Env)
	if err != nil {
		return Output{Exit: -1}, err
	}
	out, errs := newCapture(p.MaxOut), newCapture(p.MaxOut)
	c := Command{Argv: p.Argv, Path: path, Env: env, Dir: p.Dir, Stdout: out, Stderr: errs, Started: p.Started}
	if p.Stdin != "" {
		c.Stdin = strings.NewReader(p.Stdin)
	}
	exit, err := g.run(ctx, c)
	return Output{exit, out.String(), errs.String(), out.cut() || errs.cut()}, err
}
