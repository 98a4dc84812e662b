package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/report"
	"runbook/engine/source"
	"runbook/engine/source/render"
	"runbook/engine/syntax"
)

func (p *program) validateCommand() *cli.Command {
	return &cli.Command{
		Name:      "validate",
		Usage:     "prove runbooks and their scenarios sound, without running anything",
		ArgsUsage: "FILE|FOLDER|GLOB...",
		Description: `Reads every file, resolves and types every expression, template, script and
reference, and reports all that is wrong, each at its place. In a folder, files
are taken that say "apiVersion: runbook/...", and *.scenarios.yaml.

Exit codes: 0 sound (warnings allowed), 3 invalid.`,
		Flags: []cli.Flag{
			policyFlag(),
			&cli.StringFlag{Name: "format", Value: "text", Usage: "text, json, sarif or github"},
			&cli.BoolFlag{Name: "no-color", Usage: "plain text"},
		},
		OnUsageError: onUsage,
		Action:       p.validate,
	}
}

func (p *program) validate(c *cli.Context) error {
	view, err := p.diagnosticsView(c.String("format"), c.Bool("no-color"))
	if err != nil {
		return err
	}
	if c.NArg() == 0 {
		return usage("validate needs files, folders or globs; see `runbook validate --help`")
	}
	if err := p.underPolicy(c); err != nil {
		return err
	}
	targets, skipped, all, err := p.targets(c.Args().Slice())
	if err != nil {
		return err
	}
	unread := len(all)
	for _, f := range targets {
		all = append(all, engine.Validate(f, engine.WithFiles(engine.OnDisk(f)), engine.WithPolicy(p.policy))...)
	}
	all = all.Sort()
	if err := view(all); err != nil {
		return &codeError{engine.ExitFailed, err}
	}
	if c.String("format") == "text" {
		p.verdict(all, len(targets)+unread, skipped)
	}
	if all.Failed() {
		return &codeError{code: engine.ExitInvalid}
	}
	return nil
}

// verdict closes the text form with one line of numbers.
func (p *program) verdict(all source.Diagnostics, files int, skipped []string) {
	errs := 0
	for _, d := range all {
		if d.Severity == source.Error {
			errs++
		}
	}
	if len(skipped) > 0 {
		fmt.Fprintf(p.err, "not runbooks, passed over: %s\n", report.Clean(strings.Join(skipped, ", ")))
	}
	fmt.Fprintf(p.err, "%s, %s, %s\n", count(files, "file"), count(errs, "error"), count(len(all)-errs, "warning"))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// diagnosticsView is how findings are shown, by the name of the format.
func (p *program) diagnosticsView(format string, plain bool) (func(source.Diagnostics) error, error) {
	switch format {
	case "text":
		return func(d source.Diagnostics) error { return render.Text(p.out, d, render.Options{Color: p.color(plain)}) }, nil
	case "json":
		return func(d source.Diagnostics) error { return render.JSON(p.out, d) }, nil
	case "sarif":
		return func(d source.Diagnostics) error { return render.SARIF(p.out, d) }, nil
	case "github":
		return func(d source.Diagnostics) error { return render.GitHub(p.out, d) }, nil
	}
	return nil, usage("no format %q: text, json, sarif or github", format)
}

// targets reads the files that the arguments name. Skipped are YAML files of
// folders that say nothing of being a runbook; unread says which files of folders
// cannot be read.
func (p *program) targets(args []string) (files []*source.File, skipped []string, unread source.Diagnostics, err error) {
	var seen []string
	take := func(name string, always bool) error {
		clean := filepath.Clean(name)
		if slices.Contains(seen, clean) {
			return nil
		}
		data, err := readTarget(name, always)
		if err != nil && always {
			return usage("%w", err)
		}
		seen = append(seen, clean)
		if err != nil {
			unread = append(unread, unreadable(name, err))
			return nil
		}
		if !always && !claims(name, data) {
			skipped = append(skipped, name)
			return nil
		}
		files = append(files, source.NewFile(name, data))
		return nil
	}
	for _, arg := range args {
		if err := p.target(arg, take); err != nil {
			return nil, nil, nil, err
		}
	}
	if len(files)+len(unread) == 0 {
		return nil, nil, nil, usage("no runbooks in %s", strings.Join(args, ", "))
	}
	return files, skipped, unread, nil
}

// readTarget reads a file that was named, or one of a folder: nobody named that, and
// to open a pipe there would wait for ever.
func readTarget(name string, named bool) ([]byte, error) {
	if st, err := os.Stat(name); !named && err == nil && !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no ordinary file", name)
	}
	return readBounded(name)
}

// unreadable is what is said of a file of a folder that cannot be read: the others
// are looked at all the same.
func unreadable(name string, err error) source.Diagnostic {
	return source.Diagnostic{Code: "unreadable-file", Severity: source.Error, Span: source.Span{File: source.NewFile(filepath.Clean(name), nil)},
		Summary: fmt.Sprintf("the file cannot be read: %s", err), Detail: "Make it readable, or take it out of the folder."}
}

func (p *program) target(arg string, take func(string, bool) error) error {
	st, err := os.Stat(arg)
	switch {
	case err == nil && st.IsDir():
		return walkYAML(arg, func(name string) error { return take(name, false) })
	case err == nil:
		return take(arg, true)
	}
	matches, globErr := filepath.Glob(arg)
	if globErr != nil || len(matches) == 0 {
		return p.byName(arg, take)
	}
	for _, m := range matches {
		if st, err := os.Stat(m); err == nil && st.IsDir() {
			continue
		}
		if err := take(m, true); err != nil {
			return err
		}
	}
	return nil
}

// byName is an argument that is no file: a runbook's name in ./runbooks.
func (p *program) byName(arg string, take func(string, bool) error) error {
	for _, name := range []string{arg + ".yaml", filepath.Join("runbooks", arg), filepath.Join("runbooks", arg+".yaml")} {
		if st, err := os.Stat(name); err == nil && !st.IsDir() {
			return take(name, true)
		}
	}
	return usage("no file, folder or glob %q", arg)
}

// walkYAML visits the YAML files below a folder in order, passing over hidden
// folders.
func walkYAML(root string, visit func(string) error) error {
	if st, err := os.Lstat(root); err == nil && st.Mode()&fs.ModeSymlink != 0 {
		root += string(filepath.Separator) // the folder behind it
	}
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return usage("cannot read %s: %w", name, err)
		case d.IsDir() && name != root && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case d.IsDir() || (filepath.Ext(name) != ".yaml" && filepath.Ext(name) != ".yml"):
			return nil
		}
		return visit(name)
	})
}

// claims reports whether a file in a folder is one of ours.
func claims(name string, data []byte) bool {
	return engine.IsScenarios(name) || bytes.Contains(data, []byte("runbook/v"))
}

// readBounded reads a file up to one byte more than is allowed, so that the
// parser refuses what is larger.
func readBounded(name string) ([]byte, error) {
	return readUpTo(name, syntax.MaxBytes+1)
}

// readUpTo reads a file as far as a limit.
func readUpTo(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}
