package guard

import (
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// scratch is a step's own folder for temporary files: $TMPDIR. It is made when
// something could look for it, because most steps never do.
type scratch struct {
	dir   string      // no link stands in it when it is named
	is    fs.FileInfo // the folder that was made; nil until then, and in memory
	in    *Memory     // nil is the system's file system
	once  sync.Once
	made  bool
	piped string // the folder of pipes, where there is one
	err   error
}

// scratch names a folder below the guard's own, which Close removes.
func (g *Guard) scratch() (*scratch, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.temp == "" && g.opts.Files != nil {
		g.temp = "/tmp/runbook" // the same in every run
	}
	if g.temp == "" {
		dir, err := os.MkdirTemp("", "runbook-")
		if err != nil {
			return nil, err
		}
		if g.temp, err = filepath.EvalSymlinks(dir); err != nil {
			return nil, err
		}
	}
	g.scripts++
	return &scratch{dir: filepath.Join(g.temp, strconv.Itoa(g.scripts)), in: g.opts.Files}, nil
}

func (s *scratch) make() error {
	s.once.Do(func() {
		if s.in != nil {
			s.in.mkdir(s.dir)
			s.made = true
			return
		}
		if s.err = os.Mkdir(s.dir, 0o700); s.err == nil {
			s.made = true
			s.is, s.err = os.Lstat(s.dir)
		}
	})
	return s.err
}

// pipes is where the shell makes the pipes of process substitutions. It opens what
// is there by its name alone, unseen by the permission check, and through links.
// Hence it is no folder that a script otherwise writes to, and is not even there
// for a script that has no use for it.
func (s *scratch) pipes(file *syntax.File) (string, error) {
	dir := s.dir + "-" + rand.Text()
	needed := false
	syntax.Walk(file, func(n syntax.Node) bool {
		_, is := n.(*syntax.ProcSubst)
		needed = needed || is
		return !needed
	})
	if !needed || s.in != nil {
		return dir, nil
	}
	s.piped = dir
	return dir, os.Mkdir(dir, 0o700)
}

// write makes a file in the folder, and gives its path.
func (s *scratch) write(name, text string) (string, error) {
	if err := s.make(); err != nil {
		return "", err
	}
	file := filepath.Join(s.dir, name)
	if s.in != nil {
		s.in.write(file, []byte(text))
		return file, nil
	}
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// remove is called when nothing of the step runs any more.
func (s *scratch) remove() {
	switch {
	case s.in != nil:
		s.in.removeAll(s.dir)
	case s.made, s.piped != "":
		_ = os.RemoveAll(s.piped)
		_ = os.RemoveAll(s.dir) // what cannot be removed now goes with the guard's folder
	}
}
