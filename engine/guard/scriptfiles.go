package guard

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
)

// streams are the script's own ends, by the names that they have as files. No
// entry is needed for them: they are not the program's own, of which a script gets
// none.
var streams = map[string]int{
	"/dev/stdin": 0, "/dev/fd/0": 0, "/dev/stdout": 1, "/dev/fd/1": 1, "/dev/stderr": 2, "/dev/fd/2": 2,
}

// nothing may be opened by any script.
const nothing = "/dev/null"

// free reports whether a file needs no entry.
func free(path string) bool {
	_, stream := streams[filepath.Clean(path)]
	return stream || filepath.Clean(path) == nothing
}

// judge puts a file that the shell itself opens, looks at or lists to the guard's
// judge. A denial ends the script.
func (s *scriptState) judge(path string, write bool) (spot, error) {
	at, err := s.guard.judge(path, write, own{s.tmp.dir})
	return s.judged(at, err)
}

// judgeLink judges a path of which a link at the end is not followed.
func (s *scriptState) judgeLink(path string) (spot, error) {
	dir, file := filepath.Split(path)
	real, err := s.guard.follow(dir)
	if err != nil {
		return spot{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	at, err := s.guard.judgeReal(path, filepath.Join(real, file), false, own{s.tmp.dir})
	return s.judged(at, err)
}

// judged ends the script where it was denied, and makes its temporary folder where
// it goes there. Another folder that was put in its place is not that one.
func (s *scriptState) judged(at spot, err error) (spot, error) {
	var d *Denied
	if errors.As(err, &d) {
		return at, s.deny(d)
	}
	if err == nil && at.dir == s.tmp.dir {
		err = s.tmp.make()
		at.is = s.tmp.is
	}
	return at, err
}

// pipesOnly judges what a program has put among the pipes of process
// substitutions, which the shell opens past the permission check.
func (s *scriptState) pipesOnly() error {
	if s.tmp.piped == "" {
		return nil
	}
	list, err := os.ReadDir(s.tmp.piped)
	for _, e := range list {
		if e.Type()&fs.ModeNamedPipe == 0 {
			at, err := s.guard.judge(filepath.Join(s.tmp.piped, e.Name()), false, own{s.tmp.dir, s.tmp.piped})
			if _, err = s.judged(at, err); err != nil {
				return err
			}
		}
	}
	return err
}

// failed is the error as the script sees it: with the path that it wrote. A file
// that became a link meanwhile is denied.
func (s *scriptState) failed(op, path, list string, err error) error {
	var pe *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errMoved):
		return s.deny(leadsOut(path, list))
	case errors.As(err, &pe):
		err = pe.Err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

func (s *scriptState) absolute(ctx context.Context, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return interp.HandlerCtx(ctx).Dir + string(filepath.Separator) + path
}

func (s *scriptState) open(ctx context.Context, path string, flag int, mode os.FileMode) (io.ReadWriteCloser, error) {
	if path == "" {
		return nil, absentAt("open", path)
	}
	abs := s.absolute(ctx, path)
	if free(abs) {
		return device(ctx, abs), nil
	}
	write, list := flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND) != 0, "permissions.files.read"
	if write {
		list = "permissions.files.write"
	}
	at, err := s.judge(abs, write)
	if err != nil {
		return nil, err
	}
	if s.ended() {
		return nil, errDone // an opening may wait for the other end, so nobody waits for it
	}
	if s.guard.opts.Files != nil {
		return s.emulatedOpen(abs, flag, write)
	}
	f, err := at.open(flag, mode)
	if err != nil {
		return nil, s.failed("open", path, list, err)
	}
	return f, nil
}

func (s *scriptState) stat(ctx context.Context, path string, follow bool) (fs.FileInfo, error) {
	abs := s.absolute(ctx, path)
	switch {
	case path == "":
		return nil, absentAt("stat", path)
	case free(abs):
		return owned(streamInfo(ctx, abs)), nil
	case abs == s.run.Dir && s.guard.opts.Files == nil: // where the script stands is no secret to it
		return os.Stat(abs)
	case abs == s.run.Dir:
		return s.emulatedInfo(abs)
	}
	judge := s.judgeLink
	if follow {
		judge = func(path string) (spot, error) { return s.judge(path, false) }
	}
	at, err := judge(abs)
	if err != nil {
		return nil, err
	}
	if s.guard.opts.Files != nil {
		return s.emulatedInfo(abs)
	}
	info, err := at.stat(!follow)
	return info, s.failed("stat", path, "permissions.files.read", err)
}

// access answers `[ -r ]`, `[ -w ]` and `[ -x ]`, and whether `cd` may go there.
func (s *scriptState) access(ctx context.Context, path string, mode interp.AccessMode) error {
	abs := s.absolute(ctx, path)
	switch {
	case path == "", s.guard.opts.Files != nil:
		_, err := s.stat(ctx, path, true)
		return err
	case free(abs):
		return nil
	case abs == s.run.Dir:
		return interp.DefaultAccessHandler()(ctx, abs, mode)
	}
	at, err := s.judge(abs, false)
	if err != nil {
		return err
	}
	return interp.DefaultAccessHandler()(ctx, filepath.Join(at.dir, at.rel), mode)
}

// readDir lists a folder for a pattern. A folder that is permitted shows all; one
// that is not shows what a pattern among the entries permits of it. The shell also
// asks this way whether the folders above are there: those may be named, and not
// listed.
func (s *scriptState) readDir(ctx context.Context, path string) ([]fs.DirEntry, error) {
	abs := s.absolute(ctx, path)
	if free(abs) {
		return nil, absentAt("readdir", path)
	}
	at, err := s.guard.judge(abs, false, own{s.tmp.dir})
	var d *Denied
	if errors.As(err, &d) {
		return s.part(abs, d)
	}
	if at, err = s.judged(at, err); err != nil {
		return nil, err
	}
	if s.guard.opts.Files != nil {
		return s.guard.opts.Files.readDir(abs)
	}
	list, err := at.list()
	return list, s.failed("open", path, "permissions.files.read", err)
}

// part is what a script may see of a folder that is not permitted as a whole.
func (s *scriptState) part(path string, d *Denied) ([]fs.DirEntry, error) {
	real, err := s.guard.follow(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	way, patterns := s.onTheWay(real)
	switch {
	case d.List == "": // a policy denies it
	case patterns:
		return s.matching(path, real)
	case way:
		return []fs.DirEntry{unseen{s, d}}, nil
	}
	return nil, s.deny(d)
}

// onTheWay reports whether a folder lies above something that each set permits,
// and whether each has a pattern for what is in it.
func (s *scriptState) onTheWay(real string) (way, patterns bool) {
	way, patterns = true, true
	for _, set := range s.guard.Permissions.All() {
		if set.Leaves(false) {
			continue
		}
		above, lists := false, false
		for _, entry := range set.Read {
			entry, err := s.guard.absolute(entry)
			if err != nil {
				continue
			}
			fixed, rest := fixedPart(entry)
			dir, err := s.guard.follow(fixed)
			above = above || err == nil && below(real, dir)
			lists = lists || err == nil && (rest != "" && dir == real || rest == "" && below(dir, real))
		}
		way, patterns = way && above, patterns && lists
	}
	if below(real, s.tmp.dir) {
		way = true
	}
	return way, patterns
}

// matching lists those files of a folder that are permitted.
func (s *scriptState) matching(path, real string) ([]fs.DirEntry, error) {
	var all []fs.DirEntry
	var err error
	if s.guard.opts.Files != nil {
		all, err = s.guard.opts.Files.readDir(real)
	} else {
		all, err = spot{dir: real, rel: "."}.list()
	}
	if err != nil {
		return nil, s.failed("open", path, "permissions.files.read", err)
	}
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool {
		file := filepath.Join(real, e.Name())
		_, err := s.guard.judgeReal(file, file, false, nil)
		return err != nil
	}), nil
}

// unseen stands for what is in a folder that may not be listed. Whoever only asks
// whether the folder is there does not look at it; to look at it is denied.
type unseen struct {
	script *scriptState
	denied *Denied
}

// Name denies, and gives what no pattern matches.
func (u unseen) Name() string {
	_ = u.script.deny(u.denied) // the script has ended by that
	return string(filepath.Separator)
}

// IsDir is not told.
func (u unseen) IsDir() bool { return false }

// Type is not told.
func (u unseen) Type() fs.FileMode { return 0 }

// Info is not told.
func (u unseen) Info() (fs.FileInfo, error) { return nil, fs.ErrPermission }

// lookup judges the files that a built-in would look at by itself, past the
// handlers: programs that are asked for, a script that is looked for in PATH, and
// where `pwd -P` says that the folder really is.
func (s *scriptState) lookup(ctx context.Context, argv []string) error {
	argv = unwrapped(argv)
	switch argv[0] {
	case "pwd":
		if here := interp.HandlerCtx(ctx).Env.Get("PWD").String(); slices.Contains(argv, "-P") && here != s.run.Dir {
			return s.judgePwd(here)
		}
	case "source", ".":
		if len(argv) > 1 && !isPath(argv[1]) {
			return s.lookedFor(ctx, argv[1])
		}
	case "command", "type", "hash":
		return s.looked(ctx, argv)
	}
	return nil
}

// judgePwd judges what a script has put into PWD, which the shell takes from the
// folder of this process where it is relative.
func (s *scriptState) judgePwd(path string) error {
	if !filepath.IsAbs(path) {
		wd, err := os.Getwd()
		if err != nil {
			return err
		}
		path = wd + string(filepath.Separator) + path
	}
	_, err := s.judge(path, false)
	return err
}

// lookedAt is a path as built-ins look for programs: `link/..` is where the link
// stands.
func lookedAt(ctx context.Context, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(interp.HandlerCtx(ctx).Dir, path)
}

// unwrapped is a command without the words that only say that it is a built-in.
func unwrapped(argv []string) []string {
	for len(argv) > 1 {
		rest := argv[1:]
		if argv[0] == "command" && rest[0] == "--" && len(rest) > 1 {
			rest = rest[1:]
		}
		if argv[0] != "builtin" && argv[0] != "command" || strings.HasPrefix(rest[0], "-") {
			return argv
		}
		argv = rest
	}
	return argv
}

// looked judges the programs that are asked for: those that are spelled as paths,
// and those in folders that the script itself has put into PATH.
func (s *scriptState) looked(ctx context.Context, argv []string) error {
	if argv[0] == "command" && (len(argv) < 2 || !strings.HasPrefix(argv[1], "-") || !strings.ContainsAny(argv[1], "vV")) {
		return nil
	}
	names := argv[1:]
	for len(names) > 0 && strings.HasPrefix(names[0], "-") {
		options := names[0] == "--"
		if names = names[1:]; options {
			break
		}
	}
	for _, name := range names {
		if isPath(name) && !s.programIs(ctx, name) {
			if _, err := s.judge(lookedAt(ctx, name), false); err != nil {
				return err
			}
		}
		if err := s.lookedFor(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// lookedFor judges a file that is looked for in the folders of PATH. Where the
// engine finds programs needs no entry.
func (s *scriptState) lookedFor(ctx context.Context, name string) error {
	if isPath(name) || !s.guard.drops("PATH") {
		return nil
	}
	engine := filepath.SplitList(s.guard.getenv("PATH"))
	for _, dir := range filepath.SplitList(interp.HandlerCtx(ctx).Env.Get("PATH").String()) {
		if slices.Contains(engine, dir) {
			continue
		}
		if _, err := s.judge(lookedAt(ctx, filepath.Join(dir, name)), false); err != nil {
			return err
		}
	}
	return nil
}

// programIs reports whether a path is a program that may be run: that it is there
// is no secret then.
func (s *scriptState) programIs(ctx context.Context, path string) bool {
	_, err := s.guard.permitCommand(ctx, []string{path}, interp.HandlerCtx(ctx).Dir, s.run.Action)
	var d *Denied
	return !errors.As(err, &d)
}
