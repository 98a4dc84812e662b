package guard

import (
	"bytes"
	"io"
	"io/fs"
	"path/filepath"
)

// What scripts open and look at where the world is not real: files in memory,
// and for reading what the door ReadFile shows.

// maxEmulated bounds a file that the door ReadFile shows.
const maxEmulated = 16 << 20

func (s *scriptState) emulatedOpen(path string, flag int, write bool) (io.ReadWriteCloser, error) {
	path = filepath.Clean(path)
	files := s.guard.opts.Files
	f, err := files.open(path, flag, !below(s.tmp.dir, path))
	if err == nil || write || below(s.tmp.dir, path) {
		return f, err
	}
	shown, err := s.guard.shown(path, maxEmulated)
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	case shown.Info == nil:
		return nil, absentAt("open", path)
	}
	return stream{bytes.NewReader(shown.Content), io.Discard}, nil
}

func (s *scriptState) emulatedInfo(path string) (fs.FileInfo, error) {
	info, err := s.emulatedStat(path)
	if err != nil {
		return nil, err
	}
	return owned(info), nil
}

func (s *scriptState) emulatedStat(path string) (fs.FileInfo, error) {
	path = filepath.Clean(path)
	if path == s.run.Dir || path == "/" {
		return memoryInfo{filepath.Base(path), 0, true}, nil
	}
	info, err := s.guard.opts.Files.stat(path)
	if err == nil || below(s.tmp.dir, path) {
		return info, err
	}
	shown, err := s.guard.shown(path, -1)
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	case shown.Info == nil:
		return nil, absentAt("stat", path)
	}
	return shown.Info, nil
}

// shown is a file of the world that is not real.
func (g *Guard) shown(path string, limit int64) (File, error) {
	if g.opts.ReadFile == nil {
		return File{}, nil
	}
	return g.opts.ReadFile(path, limit)
}
