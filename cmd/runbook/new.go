package main

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/report"
	"runbook/engine/scenario"
	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// What a new runbook begins with, one pair of files a kind.
//
//go:embed new
var beginnings embed.FS

// beginningKinds are the kinds that there is a beginning for.
var beginningKinds = []string{"http", "shell"}

func (p *program) newCommand() *cli.Command {
	return &cli.Command{
		Name:      "new",
		Usage:     "begin a runbook: a file that is sound, with scenarios to test and practise it",
		ArgsUsage: "NAME",
		Description: `Writes NAME.yaml and NAME.scenarios.yaml, with comments that explain them. Files
that are there already are left as they are.

  runbook new payments
  runbook new nginx --kind shell --dir runbooks`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "kind", Value: "http", Usage: "http or shell: what its first check is"},
			&cli.StringFlag{Name: "dir", Usage: "the folder to write to (default: this one)"},
		},
		OnUsageError: onUsage,
		Action:       p.newRunbook,
	}
}

func (p *program) newRunbook(c *cli.Context) error {
	name, err := oneArg(c, "a name")
	if err != nil {
		return err
	}
	kind := c.String("kind")
	switch {
	case engine.IsRunbook(name) && spec.IsIdent(strings.TrimSuffix(name, filepath.Ext(name))):
		return usage("new takes the runbook's name, not its file: `runbook new %s`", strings.TrimSuffix(name, filepath.Ext(name)))
	case !spec.IsIdent(name):
		return usage("%q cannot be a runbook's name: letters, digits, `_` and `-`, at most 64, a letter first", name)
	case !slices.Contains(beginningKinds, kind):
		return usage("no beginning of the kind %q: %s", kind, strings.Join(beginningKinds, " or "))
	}
	path := filepath.Join(c.String("dir"), name+".yaml")
	files := [][2]string{{path, ".yaml"}, {strings.TrimSuffix(path, ".yaml") + scenario.Suffix, scenario.Suffix}}
	shown := path
	if !strings.ContainsRune(path, filepath.Separator) {
		shown = "." + string(filepath.Separator) + path
	}
	for i := range files {
		text, err := beginnings.ReadFile("new/" + kind + files[i][1])
		if err != nil {
			return &codeError{engine.ExitFailed, err}
		}
		files[i][1] = strings.NewReplacer("@NAME@", yamlWord(name), "@name@", name, "@path@", shown).Replace(string(text))
	}
	if err := writeNew(files); err != nil {
		return err
	}
	p.printf("wrote %s and %s\n", report.Clean(files[0][0]), report.Clean(files[1][0]))
	p.printf("next: runbook test %s, which plays its scenarios\n", report.Clean(shown))
	p.printf("      runbook run %s --scenario works, to practise one yourself\n", report.Clean(shown))
	return nil
}

// yamlWord is a name as YAML takes it for a text: `true` would be something else.
func yamlWord(name string) string {
	if v, ok := syntax.ReadValue(name); ok && v == name {
		return name
	}
	return strconv.Quote(name)
}

// writeNew writes files that were not there, all or none.
func writeNew(files [][2]string) error {
	var made []string
	for _, f := range files {
		err := writeOne(f[0], f[1], &made)
		if err == nil {
			continue
		}
		for _, path := range made {
			_ = os.Remove(path) // the error below says what went wrong
		}
		switch {
		case errors.Is(err, fs.ErrExist):
			return usage("%s is there already, so nothing was written", f[0])
		case errors.Is(err, fs.ErrNotExist):
			return usage("there is no folder %s", filepath.Dir(f[0]))
		}
		return &codeError{engine.ExitFailed, err}
	}
	return nil
}

func writeOne(path, text string, made *[]string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	*made = append(*made, path)
	_, err = f.WriteString(text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
