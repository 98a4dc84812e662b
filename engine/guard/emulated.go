package guard

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"mvdan.cc/sh/v3/interp"
)

// What scripts open and look at where the world is not real: files in memory,
// and for reading what the door ReadFile shows.

// maxEmulated bounds a file that the door ReadFile shows.
const maxEmulated = 16 << 20

func (s *scriptState) emulatedOpen(ctx context.Context, path string, flag int, write bool) (io.ReadWriteCloser, error) {
	hc := interp.HandlerCtx(ctx)
	switch filepath.Clean(path) {
	case "/dev/null":
		return device{bytes.NewReader(nil), io.Discard}, nil
	case "/dev/stdin", "/dev/fd/0":
		if hc.Stdin == nil {
			return device{bytes.NewReader(nil), io.Discard}, nil
		}
		return device{hc.Stdin, io.Discard}, nil
	case "/dev/stdout", "/dev/fd/1":
		return device{bytes.NewReader(nil), hc.Stdout}, nil
	case "/dev/stderr", "/dev/fd/2":
		return device{bytes.NewReader(nil), hc.Stderr}, nil
	}
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
	return device{bytes.NewReader(shown.Content), io.Discard}, nil
}

// device is what stands for a file that only is read, or only written.
type device struct {
	io.Reader
	io.Writer
}

// Close does nothing: whoever made the ends closes them.
func (device) Close() error { return nil }

func (s *scriptState) emulatedStat(path string) (fs.FileInfo, error) {
	path = filepath.Clean(path)
	if path == s.run.Dir || path == "/" {
		return memoryInfo{filepath.Base(path), 0, true}, nil
	}
	for _, root := range always {
		if below(root, path) {
			return memoryInfo{name: filepath.Base(path)}, nil
		}
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

// emulatedFile refuses a file to a library where the world is not real: it would
// open a real one.
func (g *Guard) emulatedFile(list []string, name, path string) (string, error) {
	real := g.resolved(path)
	for _, entry := range list {
		if ok, err := filepath.Match(entry, real); below(g.resolved(entry), real) || err == nil && ok {
			return real, g.realFiles(real)
		}
	}
	return "", &Denied{Effect: path, List: name, Entry: path, Reason: fmt.Sprintf("no entry of `%s` permits the file `%s`", name, path)}
}
