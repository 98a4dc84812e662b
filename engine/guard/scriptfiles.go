package guard

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"runbook/engine/permit"
)

// always may be opened by any script.
var always = []string{"/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd"}

// mayOpen decides about a file that the shell itself opens, looks at or lists.
func (s *scriptState) mayOpen(path string, write bool) error {
	name := "permissions.files.read"
	if write {
		name = "permissions.files.write"
	}
	real := s.guard.resolved(path)
	if below(s.guard.resolved(s.tmp.dir), real) {
		return s.tmp.make()
	}
	for _, root := range always {
		if below(s.guard.resolved(root), real) || path == root {
			return nil
		}
	}
	if !slices.ContainsFunc(s.guard.Permissions.All(), func(p permit.Set) bool {
		list := p.Read
		if write {
			list = p.Write
		}
		return !slices.ContainsFunc(list, func(entry string) bool { return s.covers(entry, real) })
	}) {
		return nil
	}
	return s.deny(&Denied{Effect: path, List: name, Entry: path, Reason: fmt.Sprintf("no entry of `%s` permits the file `%s`", name, path)})
}

// covers reports whether an entry of the files permits one of them.
func (s *scriptState) covers(entry, real string) bool {
	if !filepath.IsAbs(entry) {
		entry = filepath.Join(s.run.Dir, entry)
	}
	if below(s.guard.resolved(entry), real) {
		return true
	}
	ok, _ := filepath.Match(entry, real)
	return ok
}

// resolved follows symbolic links as far as the path exists; in a world that is
// not real there are none.
func (g *Guard) resolved(path string) string {
	if g.opts.Files == nil {
		return resolved(path)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(g.opts.Dir, path)
	}
	return filepath.Clean(path)
}

// resolved follows symbolic links as far as the path exists.
func resolved(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	dir, file := filepath.Split(filepath.Clean(path))
	if dir == path || file == "" {
		return path
	}
	return filepath.Join(resolved(filepath.Clean(dir)), file)
}

func (s *scriptState) absolute(ctx context.Context, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(interp.HandlerCtx(ctx).Dir, path)
}

func (s *scriptState) open(ctx context.Context, path string, flag int, mode os.FileMode) (io.ReadWriteCloser, error) {
	write := flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND) != 0
	if err := s.mayOpen(s.absolute(ctx, path), write); err != nil {
		return nil, err
	}
	if s.guard.opts.Files != nil {
		return s.emulatedOpen(ctx, s.absolute(ctx, path), flag, write)
	}
	return interp.DefaultOpenHandler()(ctx, path, flag, mode)
}

func (s *scriptState) stat(ctx context.Context, path string, follow bool) (fs.FileInfo, error) {
	abs := s.absolute(ctx, path)
	if abs != s.run.Dir { // where the script stands is no secret to it
		if err := s.mayOpen(abs, false); err != nil {
			return nil, err
		}
	}
	if s.guard.opts.Files != nil {
		return s.emulatedStat(abs)
	}
	return interp.DefaultStatHandler()(ctx, path, follow)
}

func (s *scriptState) readDir(ctx context.Context, path string) ([]fs.DirEntry, error) {
	if err := s.mayOpen(s.absolute(ctx, path), false); err != nil {
		return nil, err
	}
	if s.guard.opts.Files != nil {
		return s.guard.opts.Files.readDir(s.absolute(ctx, path))
	}
	return interp.DefaultReadDirHandler2()(ctx, path)
}

func below(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
