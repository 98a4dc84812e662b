package journal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Store is the folder where runs are kept, each in runs/ID.
type Store struct {
	Dir string
	// Through is what stands between a journal and its file; nil is nothing.
	Through func(Disk) Disk
}

// StateDir is the folder for runs: $RUNBOOK_STATE, the XDG state folder, or the
// user's application data.
func StateDir(env func(string) string) (string, error) {
	switch {
	case env("RUNBOOK_STATE") != "":
		return env("RUNBOOK_STATE"), nil
	case env("XDG_STATE_HOME") != "":
		return filepath.Join(env("XDG_STATE_HOME"), "runbook"), nil
	case runtime.GOOS == "windows" && env("LocalAppData") != "":
		return filepath.Join(env("LocalAppData"), "runbook"), nil
	case env("HOME") != "":
		return filepath.Join(env("HOME"), ".local", "state", "runbook"), nil
	}
	return "", errors.New("there is no folder to keep runs in: none of RUNBOOK_STATE, XDG_STATE_HOME and HOME is set")
}

// NewID is an id for a run that begins now: it sorts by time, to the
// millisecond, and holds the runbook's name.
func NewID(now time.Time, name string) (string, error) {
	b := make([]byte, 3)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return strings.Replace(now.UTC().Format("20060102T150405.000Z"), ".", "", 1) + "-" + slug(name) + "-" + hex.EncodeToString(b), nil
}

// Began is when a run with this id began, to the millisecond; false where it is none
// that NewID gave.
func Began(id string) (time.Time, bool) {
	stamp, _, _ := strings.Cut(id, "-")
	if len(stamp) != len("20060102T150405000Z") {
		return time.Time{}, false
	}
	t, err := time.Parse("20060102T150405.000Z", stamp[:15]+"."+stamp[15:])
	return t, err == nil
}

func slug(name string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, name)
	return s[:min(len(s), 40)]
}

// Path is a run's folder.
func (s *Store) Path(id string) string { return filepath.Join(s.Dir, "runs", id) }

// IDs are the runs' ids, the newest first.
func (s *Store) IDs() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.Dir, "runs"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids, nil
}

// Find is the run of an id, of the beginning or end of one, or `last`.
func (s *Store) Find(word string) (string, error) {
	ids, err := s.IDs()
	if err != nil {
		return "", err
	}
	if len(ids) == 0 {
		return "", fmt.Errorf("no run %q: none is kept in %s", word, s.Dir)
	}
	if word == "last" {
		return ids[0], nil
	}
	var fits []string
	for _, id := range ids {
		if id == word {
			return id, nil
		}
		if strings.HasPrefix(id, word) || strings.HasSuffix(id, word) {
			fits = append(fits, id)
		}
	}
	switch len(fits) {
	case 1:
		return fits[0], nil
	case 0:
		return "", fmt.Errorf("no run %q; the newest is %s, `runbook runs` lists them", word, ids[0])
	}
	return "", fmt.Errorf("%q fits %d runs: %s", word, len(fits), strings.Join(fits[:min(3, len(fits))], ", "))
}

// Read reads a run's journal.
func (s *Store) Read(id string) (*Log, error) {
	l, err := ReadFile(filepath.Join(s.Path(id), FileName))
	if err != nil {
		return nil, fmt.Errorf("run %s cannot be read: %w", id, err)
	}
	return l, nil
}

// RunbookName is the name, in a run's folder, of the copy of its runbook.
const RunbookName = "runbook.yaml"

// KeepRunbook keeps the bytes of a run's runbook beside its journal, so that the
// run can go on and be explained whatever becomes of the file.
func (s *Store) KeepRunbook(id string, data []byte) error {
	return keep(id, filepath.Join(s.Path(id), RunbookName), data)
}

// keep writes a file of a run whole or not at all, and puts it on the disk.
func keep(id, path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".keep-*")
	if err != nil {
		return &KeepError{id, false, err}
	}
	defer os.Remove(f.Name()) // it has another name by then
	_, err = f.Write(data)
	for _, then := range []func() error{f.Sync, f.Close, func() error { return os.Rename(f.Name(), path) }} {
		if err == nil {
			err = then()
		}
	}
	if err != nil {
		_ = f.Close() // it may be closed
		return &KeepError{id, false, err}
	}
	return nil
}

// Runbook is the runbook that a run began with.
func (s *Store) Runbook(id string) ([]byte, error) {
	return os.ReadFile(filepath.Join(s.Path(id), RunbookName))
}

// CurrentPath is where the copy of a run's runbook lies as it is now: as it began, or
// as changes of it were accepted since.
func (s *Store) CurrentPath(id string, of *State) string {
	if of.Runbook.Digest == of.Started.Runbook.Digest {
		return filepath.Join(s.Path(id), RunbookName)
	}
	return s.FilePath(id, of.Runbook.Digest)
}

// FilePath is where the copy of another file of a run lies, by its digest.
func (s *Store) FilePath(id, digest string) string {
	return filepath.Join(s.Path(id), "files", filepath.Base(digest))
}

// KeepFile keeps the bytes of another file that a run is made of, by their digest.
func (s *Store) KeepFile(id, digest string, data []byte) error {
	path := s.FilePath(id, digest)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return &KeepError{id, false, err}
	}
	return keep(id, path, data)
}

// File is a file that a run began with, by its digest.
func (s *Store) File(id, digest string) ([]byte, error) {
	return os.ReadFile(s.FilePath(id, digest))
}

// Busy reports whether a process is at work on a run.
func (s *Store) Busy(id string) bool {
	f, err := os.OpenFile(filepath.Join(s.Path(id), "lock"), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return tryLock(f) != nil
}
