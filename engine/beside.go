package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"runbook/engine/journal"
	"runbook/engine/source"
)

// Beside opens a file that another one names, by a path from that one's folder:
// the runbook of a `run`, the file of an attachment.
type Beside func(from *source.File, name string) (*source.File, error)

// OnDisk opens the files beside a file whose name is its path.
func OnDisk(f *source.File) Beside {
	return (&Found{File: f, at: candidate{path: f.Name, shown: f.Name}}).Files()
}

// Files opens the files beside a runbook that was found: in its folder, or in the
// library.
func (f *Found) Files() Beside {
	at := map[*source.File]candidate{f.File: f.at}
	return func(from *source.File, name string) (*source.File, error) {
		c, known := at[from]
		if !known {
			return nil, fmt.Errorf("nobody knows where %s was read", from.Name)
		}
		next, err := c.beside(name)
		if err != nil {
			return nil, err
		}
		data, err := next.read()
		if err != nil {
			return nil, bare(err)
		}
		file := source.NewFile(next.shown, data)
		at[file] = next
		return file, nil
	}
}

// bare is an error without the path, which the place of its finding says.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// beside is the place of a file that the one at c names.
func (c candidate) beside(name string) (candidate, error) {
	if path.IsAbs(name) || filepath.IsAbs(name) {
		return c, errors.New("an absolute path is another one on each machine")
	}
	next := candidate{fs: c.fs, shown: shownBeside(c.shown, name)}
	if c.fs != nil {
		next.path = path.Join(path.Dir(c.path), name)
		if !fs.ValidPath(next.path) {
			return c, errors.New("the path leads out of the library")
		}
		return next, nil
	}
	next.path = filepath.Join(filepath.Dir(c.path), filepath.FromSlash(name))
	if st, err := os.Stat(next.path); err == nil && !st.Mode().IsRegular() {
		return c, errors.New("it is no ordinary file")
	}
	return next, nil
}

// inLibrary begins the name of a file that is built in.
const inLibrary = "library:"

// shownBeside is what people are told of a file beside another.
func shownBeside(from, name string) string {
	if rest, ok := strings.CutPrefix(from, inLibrary); ok {
		return inLibrary + path.Join(path.Dir(rest), name)
	}
	return filepath.Join(filepath.Dir(from), filepath.FromSlash(name))
}

// kept opens the files that a run began with, from the copies in its folder.
func kept(store *journal.Store, id string, files []journal.File) Beside {
	return func(from *source.File, name string) (*source.File, error) {
		shown := shownBeside(from.Name, name)
		for _, f := range files {
			if f.Path != shown {
				continue
			}
			data, err := store.File(id, f.Digest)
			if err != nil {
				return nil, bare(err)
			}
			if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.Digest {
				return nil, errors.New("the run's copy of it was changed")
			}
			return source.NewFile(shown, data), nil
		}
		return nil, fs.ErrNotExist
	}
}

// orKept opens files as they are now, and those that are gone from a run's copies:
// a run does not depend on what becomes of its files.
func orKept(now, kept Beside) Beside {
	copies := map[*source.File]bool{}
	return func(from *source.File, name string) (*source.File, error) {
		if !copies[from] {
			f, err := now(from, name)
			if !errors.Is(err, fs.ErrNotExist) {
				return f, err
			}
		}
		f, err := kept(from, name)
		if err == nil {
			copies[f] = true
		}
		return f, err
	}
}

// again finds the runbook that a run is of where it was found then, with the files
// beside it: as it is now. Nil is that it is not there any more, and the run's own
// copy counts. Kept opens the run's copies of the other files.
func (p Places) again(was journal.Runbook, kept Beside) (*source.File, Beside, error) {
	at := p.placeOf(was)
	if at.path == "" {
		return nil, nil, nil
	}
	data, err := at.read()
	if missing(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	f := &Found{File: source.NewFile(at.shown, data), at: at}
	return f.File, orKept(f.Files(), kept), nil
}

// placeOf is where the runbook of a run was found; its path is "" where nobody can
// say.
func (p Places) placeOf(was journal.Runbook) candidate {
	at := candidate{path: was.Origin, shown: was.Path}
	if name, ok := strings.CutPrefix(was.Path, inLibrary); ok && was.Origin == "" && p.Library != nil {
		at.fs, at.path = p.Library, path.Clean(name)
	}
	return at
}
