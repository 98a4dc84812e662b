package guard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"runbook/engine/permit"
)

// File is what was found at a path.
type File struct {
	Info    fs.FileInfo // nil where nothing is there
	Content []byte      // of a regular file, where it was asked for
	Cut     bool        // whether there is more content
}

// ReadFile looks at a file that `permissions.files.read` permits, and reads up
// to limit bytes of it; with a limit below 0 it only looks. What the links of the
// path lead to must be permitted as well, and is opened through an os.Root, so
// that a link that changes meanwhile leads nowhere else. Only regular files are
// opened: a pipe or a device would block, or do something.
func (g *Guard) ReadFile(path string, limit int64) (File, error) {
	wd, err := g.WorkDir()
	if err != nil {
		return File{}, err
	}
	if g.Permissions.File(path, wd, false) != permit.Yes {
		return File{}, &Denied{Effect: path, List: "permissions.files.read", Entry: path, Reason: fmt.Sprintf("no entry of `permissions.files.read` permits the file `%s`", path)}
	}
	if g.opts.ReadFile != nil {
		return g.opts.ReadFile(path, limit)
	}
	real := resolved(path)
	for _, entry := range g.Permissions.Read {
		if dir, ok := rootFor(entry, real); ok {
			return readBelow(dir, real, path, limit)
		}
	}
	return File{}, leadsOut(path)
}

func leadsOut(path string) error {
	return &Denied{Effect: path, List: "permissions.files.read", Reason: fmt.Sprintf("`%s` leads by a link to a place that no entry of `permissions.files.read` permits", path)}
}

// rootFor is the folder through which an entry opens a file, if it permits it.
func rootFor(entry, real string) (string, bool) {
	if fixed, rest := fixedPart(entry); rest != "" {
		dir := resolved(fixed)
		ok, err := filepath.Match(filepath.Join(dir, rest), real)
		if ok && err == nil {
			return dir, true
		}
	}
	dir := resolved(entry)
	if dir == real {
		return filepath.Dir(dir), true
	}
	return dir, below(dir, real)
}

// fixedPart splits a pattern behind the last folder that has no `*` in or above
// it. rest is empty where the entry is no pattern.
func fixedPart(entry string) (fixed, rest string) {
	i := strings.IndexAny(entry, "*?[")
	if i < 0 {
		return entry, ""
	}
	dir, _ := filepath.Split(entry[:i])
	return dir, entry[len(dir):]
}

func readBelow(dir, real, path string, limit int64) (File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return absent(err)
	}
	defer root.Close()
	rel, err := filepath.Rel(dir, real)
	if err != nil {
		return File{}, err
	}
	info, err := root.Stat(rel)
	if err != nil {
		// The links were followed already: one that is still here leads nowhere,
		// or was put here since.
		if l, e := root.Lstat(rel); e == nil && l.Mode()&fs.ModeSymlink != 0 && !isAbsent(err) && !errors.Is(err, syscall.ELOOP) {
			return File{}, leadsOut(path)
		}
		return absent(err)
	}
	if limit < 0 || !info.Mode().IsRegular() {
		return File{Info: info}, nil
	}
	f, err := root.OpenFile(rel, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return absent(err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil || !info.Mode().IsRegular() {
		return File{Info: info}, err
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if int64(len(content)) > limit {
		return File{Info: info, Content: content[:limit], Cut: true}, err
	}
	return File{Info: info, Content: content}, err
}

func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// absent turns the error for a file that is not there into that finding.
func absent(err error) (File, error) {
	if isAbsent(err) {
		return File{}, nil
	}
	return File{}, err
}
