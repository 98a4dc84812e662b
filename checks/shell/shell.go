// Package shell is the kind that runs a script in the embedded shell, a program
// without a shell, or a script with an interpreter.
package shell

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

func text() *spec.Shape { return &spec.Shape{Form: spec.Template, Loose: true} }

var long = &spec.Shape{Form: spec.Object, Name: "shell", One: []string{"script", "argv"}, Fields: []spec.Field{
	{Key: "script", Doc: "A script for the embedded shell (a bash dialect, `set -euo pipefail`); each {{ }} is one word.", Shape: &spec.Shape{Form: spec.Script}, Example: "kubectl get pods -n {{ .inputs.namespace }}"},
	{Key: "argv", Doc: "A program with its arguments, run without a shell.", Shape: &spec.Shape{Form: spec.List, Elem: text(), Min: 1}, Example: "[kubectl, version]"},
	{Key: "env", Doc: "Environment variables of the script or program. Those that change what a program does (PATH, LD_*, pagers) must stand in `permissions.env`.", Shape: &spec.Shape{Form: spec.Map, Elem: text()}},
	{Key: "stdin", Doc: "What stands on standard input; it is empty otherwise. Secrets belong here, not into arguments, which other users can list.", Shape: text()},
	{Key: "dir", Doc: "The folder to run in.", Shape: text(), Default: "the current folder"},
	{Key: "interpreter", Doc: "A program that runs the script instead of the embedded shell; it must be permitted.", Shape: &spec.Shape{Form: spec.List, Elem: &spec.Shape{Form: spec.String}, Min: 1}, Example: "[bash]"},
	{Key: "max_output", Doc: "How much of each of stdout and stderr is kept; the rest is read and dropped, and `truncated` is true.", Shape: &spec.Shape{Form: spec.Size}, Default: "1MiB"},
}}

func late(name string, t types.Kind, doc string) types.Field {
	return types.Field{Name: name, Type: &types.Type{Kind: t}, Doc: doc, Late: true}
}

var results = &types.Type{Kind: types.Object, Fields: []types.Field{
	late("exit", types.Int, "The exit code; 128 and more for a signal; -1 where nothing ran."),
	late("stdout", types.String, "Standard output."), late("stderr", types.String, "Standard error."),
	{Name: "json", Doc: "Standard output as JSON; nil where it is not JSON.", Late: true},
	late("truncated", types.Bool, "Whether output was cut at `max_output`."),
}}

// New declares the kind.
func New() exec.Kind {
	return exec.Kind{Kind: kind.Kind{
		Name: "shell", Doc: "Runs a script, or a program with `argv`. Every program that it starts must be permitted.",
		Options: &spec.Shape{Form: spec.OneOf, Alts: []*spec.Shape{{Form: spec.Script}, long}}, Short: "script",
		Result: results, Errors: []string{"not_found", "denied", "start"}, Expect: "exit == 0", Status: "exit",
		States: []kind.State{
			{Name: "ran", Ranges: map[string]kind.Range{"exit": {Min: 0, Max: 255}}},
			{Name: "ran, with a code that only Windows has", Ranges: map[string]kind.Range{"exit": {Min: 256, Max: math.MaxUint32}}, Rare: true},
			{Name: "did not run", Ranges: map[string]kind.Range{"exit": {Min: -1, Max: -1}}, Error: true},
		},
		Check: check, Effects: effects,
	}, Executor: executor{}}
}

func check(u kind.Use, report source.Report) {
	_, argv := u.Options["argv[0]"]
	if l, ok := u.Options["interpreter[0]"]; ok && argv {
		report(source.Diagnostic{Code: "shell", Span: l.Span, Summary: "`argv` needs no `interpreter`", Detail: "Keep one of them."})
	}
}

func effects(u kind.Use) []kind.Effect {
	out := make([]kind.Effect, len(u.Commands))
	for i := range u.Commands {
		out[i] = kind.Effect{Command: &u.Commands[i], Span: u.Commands[i].Span}
	}
	for _, option := range slices.Sorted(maps.Keys(u.Options)) {
		if name, ok := strings.CutPrefix(option, "env."); ok {
			out = append(out, kind.Effect{Variable: name, Span: u.Options[option].Span})
		}
	}
	return out
}

type executor struct{}

// Execute runs the script or program.
func (executor) Execute(ctx context.Context, r exec.Request) exec.Result {
	start := r.Time()
	out, err := run(ctx, r)
	fields := map[string]any{"exit": out.Exit, "stdout": out.Stdout, "stderr": out.Stderr, "json": nil, "truncated": out.Truncated}
	if v, jsonErr := types.DecodeJSON([]byte(out.Stdout)); jsonErr == nil && !out.Truncated {
		fields["json"] = v
	}
	return exec.Result{Fields: fields, Error: failure(ctx, err), Duration: r.Since(start)}
}

func run(ctx context.Context, r exec.Request) (guard.Output, error) {
	o := r.Options
	dir := types.Format(o["dir"])
	if dir == "" {
		wd, err := r.Guard.WorkDir()
		if err != nil {
			return guard.Output{Exit: -1}, err
		}
		dir = wd
	}
	env := map[string]string{}
	vars, _ := o["env"].(map[string]any)
	for k, v := range vars {
		env[k] = types.Format(v)
	}
	limit, _ := o["max_output"].(int64)
	if argv, ok := o["argv"].([]any); ok {
		return r.Guard.RunProgram(ctx, guard.Program{Argv: words(argv), Env: env, Stdin: types.Format(o["stdin"]), Dir: dir, Action: !r.Check, MaxOut: limit, Started: r.Started})
	}
	script, _ := o["script"].(guard.Script)
	interpreter, _ := o["interpreter"].([]any)
	return r.Guard.RunScript(ctx, guard.ScriptRun{Script: script, Interpreter: words(interpreter), Env: env, Stdin: types.Format(o["stdin"]), Dir: dir, Action: !r.Check, MaxOut: limit, Started: r.Started})
}

func words(l []any) []string {
	out := make([]string, len(l))
	for i, x := range l {
		out[i] = types.Format(x)
	}
	return out
}

// failure tells why nothing ran.
func failure(ctx context.Context, err error) *exec.Error {
	if err == nil {
		return nil
	}
	var denied *guard.Denied
	var missing *guard.NotFound
	switch {
	case errors.As(err, &denied):
		return &exec.Error{Kind: "denied", Message: denied.Error()}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &exec.Error{Kind: "timeout", Message: "it did not end in time"}
	case ctx.Err() != nil:
		return &exec.Error{Kind: "canceled", Message: "the run was cancelled"}
	case errors.As(err, &missing):
		return &exec.Error{Kind: "not_found", Message: missing.Error()}
	}
	return &exec.Error{Kind: "start", Message: err.Error()}
}
