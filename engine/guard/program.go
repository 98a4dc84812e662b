package guard

import (
	"context"
	"errors"
	"fmt"
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

// dangerous variables change what a permitted program runs. A script cannot set
// them unless `permissions.env` lists them.
var dangerous = []string{"PATH", "BASH_ENV", "ENV", "IFS", "SHELLOPTS", "BASHOPTS", "PROMPT_COMMAND", "PS4", "PAGER", "GIT_PAGER", "MANPAGER", "AWS_PAGER", "SYSTEMD_PAGER", "LESSOPEN", "LESSCLOSE",
	"EDITOR", "VISUAL", "GIT_EDITOR", "KUBE_EDITOR", "BROWSER", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS", "SSH_ASKPASS", "SUDO_ASKPASS",
	"PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "NODE_OPTIONS", "NODE_PATH", "PERL5LIB", "PERL5OPT", "RUBYOPT", "RUBYLIB", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH",
	"RSYNC_RSH", "CVS_RSH", "SVN_SSH", "SVN_EDITOR", "HGEDITOR", "FCEDIT", "PSQL_PAGER", "PSQL_EDITOR", "GH_PAGER", "GH_EDITOR", "GH_BROWSER", "BAT_PAGER", "GIT_SEQUENCE_EDITOR", "GIT_PROXY_COMMAND", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR",
	"TAR_OPTIONS", "MAKEFLAGS", "PERL5DB", "PERLLIB", "PYTHONBREAKPOINT", "LUA_INIT", "PHPRC", "PHP_INI_SCAN_DIR", "DOTNET_STARTUP_HOOKS", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "GLIBC_TUNABLES", "ZDOTDIR", "GCONV_PATH", "LOCPATH", "NIX_PATH",
	"SHELL", "KUBECTL_EXTERNAL_DIFF", "SYSTEMD_EDITOR", "SUDO_EDITOR", "BASH_LOADABLES_PATH", "LESSKEY", "VIMINIT", "EXINIT", "PYTHONUSERBASE", "PYTHONWARNINGS", "LUA_PATH", "LUA_CPATH", "GOFLAGS", "RUSTC_WRAPPER",
	"MAVEN_OPTS", "GRADLE_OPTS", "ERL_FLAGS", "ERL_AFLAGS", "ERL_ZFLAGS", "WGETRC", "HELM_PLUGINS", "DOCKER_CLI_PLUGIN_EXTRA_DIRS", "TF_CLI_CONFIG_FILE", "LESS", "MORE", "MANOPT"}

// isDangerous reports whether a script may not set a variable.
func (g *Guard) isDangerous(name string) bool {
	if g.Permissions.Sets(name) {
		return false
	}
	return strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "DYLD_") || strings.HasPrefix(name, "GIT_CONFIG") || strings.HasPrefix(name, "BASH_FUNC_") || contains(dangerous, name)
}

// environment is the programs' environment with a step's own variables; those
// that are dangerous keep the engine's value.
func (g *Guard) environment(own map[string]string) []string {
	env := slices.Clone(g.opts.Env)
	names := make([]string, 0, len(own))
	for n := range own {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if !g.isDangerous(n) {
			env = setEnv(env, n, own[n])
		}
	}
	return env
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
	out, errs := newCapture(p.MaxOut), newCapture(p.MaxOut)
	c := Command{Argv: p.Argv, Path: path, Env: g.environment(p.Env), Dir: p.Dir, Stdout: out, Stderr: errs, Started: p.Started}
	if p.Stdin != "" {
		c.Stdin = strings.NewReader(p.Stdin)
	}
	exit, err := g.run(ctx, c)
	return Output{exit, out.String(), errs.String(), out.cut() || errs.cut()}, err
}
