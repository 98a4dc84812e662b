package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"runbook/engine/permit"
)

// spot is where a permitted file is: a folder that is permitted, or that holds
// the file that is, and the way on from there, in which no link stood when it was
// judged.
type spot struct {
	dir, rel string
	is       fs.FileInfo // which folder dir has to be; nil is any
}

// own are places that a script may use without an entry: the folders that were
// made for it, by their real names.
type own []string

// PermitFile puts a file of a world that is not real to the permission check,
// opening nothing. There are no links in it, whatever those of this machine are.
func (g *Guard) PermitFile(path string, write bool) error {
	there := &Guard{Permissions: g.Permissions, opts: Options{Files: NewMemory(), Dir: g.opts.Dir}}
	_, err := there.judge(path, write, nil)
	return err
}

// judge is the one judge of files: it decides about every file that a script, a
// kind or a library opens, lists or looks at. Each set of permissions must have an
// entry that covers the file behind all links.
func (g *Guard) judge(path string, write bool, mine own) (spot, error) {
	path, err := g.absolute(path)
	if err != nil {
		return spot{}, err
	}
	real, err := g.follow(path)
	if err != nil {
		return spot{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return g.judgeReal(path, real, write, mine)
}

// judgeReal decides about a file of which is known where its links lead.
func (g *Guard) judgeReal(path, real string, write bool, mine own) (spot, error) {
	for _, dir := range mine {
		if below(dir, real) {
			return spotIn(dir, real), nil
		}
	}
	var deepest string
	for _, s := range g.Permissions.All() {
		if s.Policy != nil {
			if d := g.deniedFile(s.Policy, path, real, write); d != nil {
				return spot{}, d
			}
		}
		if s.Leaves(write) {
			continue
		}
		dir, ok := g.cover(entries(s, write), real)
		if !ok {
			return spot{}, g.refusedFile(s, path, real, write, mine)
		}
		// All of them hold the file, so that each lies within the others.
		if len(dir) > len(deepest) {
			deepest = dir
		}
	}
	return spotIn(deepest, real), nil
}

func spotIn(dir, real string) spot {
	rel, err := filepath.Rel(dir, real)
	if err != nil {
		rel = "." // below says that there is a way
	}
	return spot{dir: dir, rel: rel}
}

func entries(s permit.Set, write bool) []string {
	if write {
		return s.Write
	}
	return s.Read
}

// refusedFile says why a set does not permit a file, and what would. Where the
// name is permitted, that is where its links lead.
func (g *Guard) refusedFile(s permit.Set, path, real string, write bool, mine own) *Denied {
	list := "permissions.files.read"
	if write {
		list = "permissions.files.write"
	}
	of, why := "", ""
	if s.Policy != nil {
		of, why = s.Policy.File, fmt.Sprintf("the policy %s (%s) does not permit it: ", s.Policy.Name, s.Policy.Place(s.Policy.Lists[strings.TrimPrefix(list, "permissions.")]))
	}
	wd, _ := g.WorkDir() // absolute has asked for it
	known := s.File(path, wd, write) == permit.Yes || slices.ContainsFunc(mine, func(dir string) bool { return below(dir, path) })
	if known && filepath.Clean(path) != real {
		return &Denied{Effect: path, List: list, Entry: real, Policy: of, Reason: why + fmt.Sprintf("`%s` leads by a link to `%s`, which no entry of `%s` permits", path, real, list)}
	}
	return &Denied{Effect: path, List: list, Entry: path, Policy: of, Reason: why + fmt.Sprintf("no entry of `%s` permits the file `%s`", list, path)}
}

// cover is the folder through which one of the entries opens a file, if one of
// them permits it. The entry's own links are followed: it may be one.
func (g *Guard) cover(entries []string, real string) (string, bool) {
	for _, entry := range entries {
		entry, err := g.absolute(entry)
		if err != nil {
			continue
		}
		if fixed, rest := fixedPart(entry); rest != "" {
			if dir, err := g.follow(fixed); err == nil && matches(filepath.Join(dir, rest), real) {
				return dir, true
			}
		}
		dir, err := g.follow(entry)
		switch {
		case err != nil:
		case dir == real && g.opts.Files == nil && !isFolder(dir):
			return filepath.Dir(dir), true
		case below(dir, real):
			return dir, true
		}
	}
	return "", false
}

func matches(pattern, path string) bool {
	ok, err := filepath.Match(pattern, path)
	return ok && err == nil
}

func isFolder(path string) bool {
	st, err := os.Lstat(path)
	return err == nil && st.IsDir()
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

// absolute is a path from the folder in which steps run that name none. It is not
// cleaned: `link/..` is not where the link stands.
func (g *Guard) absolute(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	wd, err := g.WorkDir()
	return wd + string(filepath.Separator) + path, err
}

// follow gives the file behind all links of an absolute path; in a world that is
// not real there are none.
func (g *Guard) follow(path string) (string, error) {
	if g.opts.Files != nil || g.opts.ReadFile != nil {
		return filepath.Clean(path), nil
	}
	return follow(path)
}

// maxLinks is how many links a path may lead through, as on Linux.
const maxLinks = 40

// follow gives the file behind all links of a path, as far as it exists. A link
// that leads to nothing is followed as well, since opening would make what is
// there.
func follow(path string) (string, error) {
	sep := string(filepath.Separator)
	root := filepath.VolumeName(path) + sep
	done, rest := root, strings.Split(path[len(filepath.VolumeName(path)):], sep)
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = filepath.Dir(done)
			continue
		}
		next := filepath.Join(done, part)
		target, err := os.Readlink(next)
		if err != nil {
			done = next // no link, or nothing at all
			continue
		}
		if links++; links > maxLinks {
			return "", syscall.ELOOP
		}
		if filepath.IsAbs(target) {
			done = filepath.VolumeName(target) + sep
			target = target[len(filepath.VolumeName(target)):]
		}
		rest = append(strings.Split(target, sep), rest...)
	}
	return done, nil
}

func below(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// errMoved is a file that is not the one that was judged: what was no link is one
// now, or something else stands there.
var errMoved = errors.New("it was changed while it was opened")

// steady does something to a file again as long as the file is changed meanwhile:
// programs replace files by renaming others.
func steady(do func() error) error {
	err := errMoved
	for range 20 {
		if err = do(); !errors.Is(err, errMoved) {
			break
		}
	}
	return err
}

// folder opens the folder that a spot is in, one part of the way after the
// other, and follows no link.
func (p spot) folder() (*os.Root, string, error) {
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return nil, "", err
	}
	if now, err := root.Stat("."); p.is != nil && (err != nil || !os.SameFile(p.is, now)) {
		root.Close()
		return nil, "", errMoved
	}
	parts := strings.Split(p.rel, string(filepath.Separator))
	for _, part := range parts[:len(parts)-1] {
		next, err := enter(root, part)
		root.Close()
		if err != nil {
			return nil, "", err
		}
		root = next
	}
	return root, parts[len(parts)-1], nil
}

func enter(root *os.Root, part string) (*os.Root, error) {
	before, err := root.Lstat(part)
	if err != nil {
		return nil, err
	}
	switch {
	case before.Mode()&fs.ModeSymlink != 0:
		return nil, errMoved
	case !before.IsDir():
		return nil, &fs.PathError{Op: "open", Path: part, Err: syscall.ENOTDIR}
	}
	next, err := root.OpenRoot(part)
	if err != nil {
		return nil, err
	}
	if now, err := next.Stat("."); err != nil || !os.SameFile(before, now) {
		next.Close()
		return nil, errMoved
	}
	return next, nil
}

// open opens the file of a spot as os.OpenFile does. What was no link when it was
// judged is not followed should it be one now: it is refused before anything is
// made, changed or read.
func (p spot) open(flag int, mode fs.FileMode) (f *os.File, err error) {
	err = steady(func() error {
		root, name, err := p.folder()
		if err != nil {
			return err
		}
		defer root.Close()
		f, err = openIn(root, name, flag, mode)
		return err
	})
	return f, err
}

func openIn(root *os.Root, name string, flag int, mode fs.FileMode) (*os.File, error) {
	before, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
		f, err := root.OpenFile(name, flag|os.O_EXCL, mode)
		if errors.Is(err, fs.ErrExist) {
			err = errMoved
		}
		return f, err
	case err != nil:
		return nil, err
	case before.Mode()&fs.ModeSymlink != 0:
		return nil, errMoved
	case flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	}
	f, err := root.OpenFile(name, flag&^(os.O_CREATE|os.O_TRUNC), 0)
	if err != nil {
		return nil, err
	}
	if now, err := f.Stat(); err != nil || !os.SameFile(before, now) {
		f.Close()
		return nil, errMoved
	}
	if flag&os.O_TRUNC != 0 && before.Mode().IsRegular() {
		err = f.Truncate(0)
	}
	return f, err
}

// stat looks at the file of a spot. Where link is set, one at the end is looked
// at itself.
func (p spot) stat(link bool) (info fs.FileInfo, err error) {
	err = steady(func() error {
		root, name, err := p.folder()
		if err != nil {
			return err
		}
		defer root.Close()
		info, err = root.Lstat(name)
		if err == nil && !link && info.Mode()&fs.ModeSymlink != 0 {
			return errMoved
		}
		return err
	})
	return info, err
}

// list is what is in the folder of a spot, in the order of names.
func (p spot) list() ([]fs.DirEntry, error) {
	f, err := p.open(os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := f.ReadDir(-1)
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, err
}
