package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"runbook/engine/source"
	"runbook/engine/syntax"
)

// Places are where runbooks are looked for, in this order: the name as a path,
// the folder runbooks below Dir, the folders of Path, the Library.
type Places struct {
	Dir     string   // the current folder; "" is the process's
	Path    []string // $RUNBOOK_PATH, split
	Library fs.FS    // the runbooks that are built in; nil for none
}

// NotFoundError says that no runbook has a name, and where it was looked for.
type NotFoundError struct {
	Name    string
	Looked  []string
	Suggest string // the nearest name that exists, or ""
}

// Error makes it one sentence.
func (e *NotFoundError) Error() string {
	s := fmt.Sprintf("no runbook %q: looked for %s", e.Name, strings.Join(e.Looked, ", "))
	if e.Suggest != "" {
		s += fmt.Sprintf("; did you mean %q?", e.Suggest)
	}
	return s
}

// Open finds a runbook by path or name and reads it. Beside is how the files
// next to it are read: its scenarios.
func (p Places) Open(name string) (*Found, error) {
	if st, err := os.Stat(filepath.Join(p.Dir, name)); err == nil && st.IsDir() && strings.ContainsRune(name, filepath.Separator) {
		return nil, fmt.Errorf("%s is a folder: name a file in it", name)
	}
	if name == "-" {
		return nil, errors.New("a runbook is not read from standard input by `-`: name a file, or /dev/stdin")
	}
	looked := []string{}
	for _, c := range p.candidates(name) {
		looked = append(looked, c.shown)
		data, err := c.read()
		if err == nil {
			return &Found{File: source.NewFile(c.shown, data), at: c}, nil
		}
		if !missing(err) {
			return nil, fmt.Errorf("cannot read %s: %w", c.shown, err)
		}
	}
	return nil, &NotFoundError{Name: name, Looked: looked, Suggest: source.Suggest(name, p.Names())}
}

// Found is a runbook's file, and where it was found.
type Found struct {
	File *source.File
	at   candidate
}

// Beside reads a file next to the runbook: suffix `.scenarios.yaml` gives
// hubspot.scenarios.yaml beside hubspot.yaml.
func (f *Found) Beside(suffix string) (*source.File, error) {
	c := f.at
	c.path = strings.TrimSuffix(strings.TrimSuffix(c.path, ".yaml"), ".yml") + suffix
	c.shown = strings.TrimSuffix(strings.TrimSuffix(c.shown, ".yaml"), ".yml") + suffix
	data, err := c.read()
	if err != nil {
		return nil, err
	}
	return source.NewFile(c.shown, data), nil
}

// Origin is the absolute path of the runbook's file, "" in the library.
func (f *Found) Origin() string {
	if f.at.fs != nil {
		return ""
	}
	abs, err := filepath.Abs(f.at.path)
	if err != nil {
		return "" // the working folder is gone: the file cannot be found again
	}
	return abs
}

// Names are the names of all runbooks in the folders and the library, sorted.
func (p Places) Names() []string {
	var names []string
	for _, dir := range append([]string{filepath.Join(p.Dir, "runbooks")}, p.Path...) {
		names = append(names, namesIn(os.DirFS(orDot(dir)))...)
	}
	if p.Library != nil {
		names = append(names, namesIn(p.Library)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func namesIn(dir fs.FS) []string {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil // a folder that is not there has no runbooks
	}
	var names []string
	for _, e := range entries {
		if n := e.Name(); IsRunbook(n) && e.Type()&^fs.ModeSymlink == 0 { // a pipe would be waited for
			names = append(names, strings.TrimSuffix(strings.TrimSuffix(n, ".yaml"), ".yml"))
		}
	}
	return names
}

// IsRunbook reports whether a file's name is a runbook's: YAML, and not a
// scenario file.
func IsRunbook(name string) bool {
	ext := path.Ext(name)
	return (ext == ".yaml" || ext == ".yml") && !strings.HasSuffix(strings.TrimSuffix(name, ext), ".scenarios")
}

// candidate is one place where a runbook may be.
type candidate struct {
	fs    fs.FS  // nil: the file system
	path  string // as fs or the file system wants it
	shown string // as people are told
}

func (p Places) candidates(name string) []candidate {
	var out []candidate
	add := func(dir string) {
		for _, n := range spellings(name) {
			at := n
			if !filepath.IsAbs(n) {
				at = filepath.Join(dir, n)
			}
			shown, err := filepath.Rel(orDot(p.Dir), at)
			if err != nil || strings.HasPrefix(shown, "..") {
				shown = at
			}
			out = append(out, candidate{path: at, shown: shown})
		}
	}
	add(p.Dir)
	if filepath.IsAbs(name) || strings.HasPrefix(name, ".") || strings.ContainsRune(name, filepath.Separator) {
		return out
	}
	add(filepath.Join(p.Dir, "runbooks"))
	for _, dir := range p.Path {
		add(dir)
	}
	if p.Library != nil {
		for _, n := range spellings(name) {
			out = append(out, candidate{fs: p.Library, path: path.Clean(n), shown: inLibrary + n})
		}
	}
	return out
}

// spellings are the file names that a runbook's name may stand for.
func spellings(name string) []string {
	if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
		return []string{name}
	}
	return []string{name + ".yaml", name + ".yml", name}
}

// read reads the file, one byte more than a runbook may have, so that the parser
// can say that it is too large without anyone holding it whole.
func (c candidate) read() ([]byte, error) {
	var f fs.File
	var err error
	if c.fs != nil {
		f, err = c.fs.Open(c.path)
	} else {
		f, err = os.Open(c.path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return nil, errIsDir
	}
	return io.ReadAll(io.LimitReader(f, syntax.MaxBytes+1))
}

// errIsDir stands for a folder where a file is looked for: not a runbook, so
// the search goes on.
var errIsDir = errors.New("is a folder")

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) || errors.Is(err, errIsDir)
}

func orDot(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}
