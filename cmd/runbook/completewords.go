package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/scenario"
	"runbook/engine/source"
)

// How much a completion looks at, so that it is there at once.
const (
	listedRuns  = 50
	listedFiles = 4096
)

// argument completes a command's argument, by what its usage line calls it.
func (p *program) argument(t *typed) []candidate {
	kinds := strings.Fields(t.cmd.ArgsUsage)
	if len(kinds) == 0 {
		return nil
	}
	last := kinds[len(kinds)-1]
	if len(t.args) >= len(kinds) && !strings.HasSuffix(strings.Trim(last, "[]"), "...") {
		return nil
	}
	switch kind := strings.Trim(kinds[min(len(t.args), len(kinds)-1)], "[]."); {
	case kind == "RUNBOOK":
		return p.runbookNames(t.word, true)
	case kind == "RUN":
		return p.runIDs(t)
	case kind == "SHELL":
		return plain(shells)
	case slices.Contains(strings.Split(kind, "|"), "FILE"):
		return p.files(t.word, isData)
	}
	return nil
}

// isData reports whether a file's name is that of YAML or JSON.
func isData(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

// flagValues completes a flag's value: by the flag's name, by the placeholder in
// its usage, or by the words that its usage lists.
func (p *program) flagValues(t *typed) []candidate {
	usage := ""
	if d, ok := t.flag.(cli.DocGenerationFlag); ok {
		usage = d.GetUsage()
	}
	switch name := t.flag.Names()[0]; {
	case name == "format", name == "output", name == "kind":
		return plain(listed(usage))
	case name == "input":
		return p.inputValues(t)
	case name == "scenario":
		return p.scenarioNames(t)
	case t.cmd.Name == "test" && (name == "run" || name == "golden"):
		return p.testNames(t)
	case name == "coverage":
		return p.files(t.word, func(name string) bool { return coverageForms[filepath.Ext(name)] != nil })
	case name == "approve", name == "answer":
		return p.answerable(t, name)
	case name == "runbook":
		return p.runbookNames(t.word, false)
	case name == "state", name == "dir":
		return p.files(t.word, func(string) bool { return false })
	case strings.Contains(usage, "`FILE`"):
		return p.files(t.word, isData)
	}
	return nil
}

// listed are the words of a usage such as "text, json or junit: ...".
func listed(usage string) []string {
	list, _, _ := strings.Cut(usage, ":")
	return slices.DeleteFunc(strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' }), func(w string) bool { return w == "or" })
}

func plain(words []string) []candidate {
	var out []candidate
	for _, w := range words {
		out = append(out, candidate{word: w})
	}
	return out
}

// runbookNames are the runbooks that can be named, and files where paths are
// taken too.
func (p *program) runbookNames(word string, paths bool) []candidate {
	var out []candidate
	if !strings.HasPrefix(word, ".") && !strings.ContainsAny(word, "/~") {
		for _, name := range p.places().Names() {
			if !strings.HasPrefix(name, word) || strings.HasPrefix(name, "-") {
				continue
			}
			c := candidate{word: name}
			if found, err := p.places().Open(name); err == nil {
				c.about = engine.TitleOf(found.File.Data)
			}
			out = append(out, c)
		}
	}
	if paths {
		out = append(out, p.files(word, engine.IsRunbook)...)
	}
	return out
}

// outline is what the runbook says that the line names: by its name, or by a run
// of it.
func (p *program) outline(t *typed) engine.Outline {
	if len(t.args) == 0 {
		return engine.Outline{}
	}
	if t.cmd.ArgsUsage != "RUN" {
		found, err := p.places().Open(t.args[0])
		if err != nil {
			return engine.Outline{}
		}
		return engine.ReadOutline(found.File)
	}
	store := p.storeOf(t)
	if store == nil {
		return engine.Outline{}
	}
	id, err := store.Find(t.args[0])
	if err != nil {
		return engine.Outline{}
	}
	data, err := store.Runbook(id)
	if err != nil {
		return engine.Outline{}
	}
	return engine.ReadOutline(source.NewFile(id, data))
}

// inputValues completes NAME= and, behind it, the values that the input can have.
func (p *program) inputValues(t *typed) []candidate {
	o := p.outline(t)
	name, _, valued := strings.Cut(t.word, "=")
	var out []candidate
	for _, in := range o.Inputs {
		switch {
		case !valued && !named(t.values["input"], in.Name):
			out = append(out, candidate{in.Name + "=", in.Description})
		case valued && name == in.Name:
			out = append(out, prefixed(name+"=", plain(in.Values))...)
		}
	}
	return out
}

// named reports whether NAME=VALUE is among some values.
func named(values []string, name string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return strings.HasPrefix(v, name+"=") })
}

func (p *program) scenarioNames(t *typed) []candidate {
	if len(t.args) == 0 {
		return nil
	}
	found, err := p.places().Open(t.args[0])
	if err != nil {
		return nil
	}
	f, err := found.Beside(scenario.Suffix)
	if err != nil {
		return nil
	}
	var out []candidate
	for _, s := range engine.ReadScenarioNames(f) {
		out = append(out, candidate{s.Name, s.Title})
	}
	return out
}

// testNames are the scenarios in the files and folders that the line names.
func (p *program) testNames(t *typed) []candidate {
	args := t.args
	if len(args) == 0 {
		args = testedByDefault()
	}
	var out []candidate
	take := func(name string, _ bool) error {
		if !engine.IsScenarios(name) {
			name = strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), ".yml") + scenario.Suffix
		}
		if data, err := readBounded(name); err == nil {
			for _, s := range engine.ReadScenarioNames(source.NewFile(name, data)) {
				out = append(out, candidate{s.Name, s.Title})
			}
		}
		return nil
	}
	for _, arg := range args {
		_ = p.target(arg, take) // what is not there has nothing to offer
	}
	return out
}

// answerable are the steps that ask a person: whether to go on (approve), or
// anything (answer).
func (p *program) answerable(t *typed, flag string) []candidate {
	o := p.outline(t)
	name, _, valued := strings.Cut(t.word, "=")
	var out []candidate
	for _, s := range o.Steps {
		switch {
		case flag == "approve" && s.Confirm && !slices.Contains(t.values[flag], s.ID):
			out = append(out, candidate{s.ID, s.Title})
		case flag == "approve":
		case valued && name == s.ID:
			out = append(out, prefixed(name+"=", plain(s.Choices))...)
		case !valued && len(s.Choices) > 0:
			out = append(out, candidate{s.ID + "=", s.Title})
			for _, f := range s.Fields {
				out = append(out, candidate{s.ID + "." + f + "=", s.Title})
			}
		}
		if flag == "answer" && s.Undo && !valued {
			out = append(out, candidate{s.ID + ">undo=", "whether to undo it"})
		}
	}
	return out
}

func (p *program) storeOf(t *typed) *journal.Store {
	if dirs := t.values["state"]; len(dirs) > 0 {
		return &journal.Store{Dir: p.home(dirs[len(dirs)-1])}
	}
	dir, err := journal.StateDir(p.env)
	if err != nil {
		return nil
	}
	return &journal.Store{Dir: dir}
}

// runIDs are the newest runs; for a resume, those that are not over; for an undo,
// those that failed or were cancelled.
func (p *program) runIDs(t *typed) []candidate {
	store := p.storeOf(t)
	if store == nil {
		return nil
	}
	ids, _ := store.IDs() // a folder that cannot be read has no runs to offer
	var out []candidate
	for _, id := range ids {
		if len(out) == listedRuns {
			break
		}
		if !strings.HasPrefix(id, t.word) {
			continue
		}
		g, err := store.Glance(id)
		open := g.Status == "paused" || g.Status == "interrupted"
		if t.cmd.Name == "resume" && (err != nil || !open || g.Mode == string(engine.ModeDrill)) {
			continue
		}
		if t.cmd.Name == "undo" && (err != nil || g.Status != "failed" && g.Status != "cancelled" || g.Mode == string(engine.ModeDrill)) {
			continue
		}
		about := g.Status
		if g.Mode == string(engine.ModeDrill) {
			about += ", a drill"
		}
		if err != nil {
			about = "cannot be read"
		}
		out = append(out, candidate{id, about})
	}
	if len(ids) > 0 {
		out = append(out, candidate{"last", "the newest run"})
	}
	return out
}

// files are the folders, and the files with a wanted name, that a path can become.
func (p *program) files(word string, wanted func(name string) bool) []candidate {
	dir, begun := filepath.Split(word)
	at := p.home(dir)
	if at == "" {
		at = "."
	}
	f, err := os.Open(at)
	if err != nil {
		return nil
	}
	defer f.Close()
	entries, err := f.ReadDir(listedFiles)
	if err != nil && err != io.EOF {
		return nil
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	var out []candidate
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") && !strings.HasPrefix(begun, ".") || !strings.HasPrefix(name, begun) || dir == "" && strings.HasPrefix(name, "-") {
			continue
		}
		isDir := e.IsDir()
		if st, err := os.Stat(filepath.Join(at, name)); err == nil {
			isDir = st.IsDir() // where a link leads
		}
		switch {
		case isDir:
			out = append(out, candidate{word: dir + name + "/"})
		case wanted(name):
			out = append(out, candidate{word: dir + name})
		}
	}
	return out
}

// home reads a leading ~/ as the shell would have.
func (p *program) home(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(p.env("HOME"), rest)
	}
	return path
}
