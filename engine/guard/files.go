package guard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// File is what was found at a path.
type File struct {
	Info    fs.FileInfo // nil where nothing is there
	Content []byte      // of a regular file, where it was asked for
	Cut     bool        // whether there is more content
}

// ReadFile looks at a file that `permissions.files.read` permits, and reads up
// to limit bytes of it; with a limit below 0 it only looks. What the links of the
// path lead to must be permitted as well, and is opened in a way that follows no
// link which was put there meanwhile. Only regular files are opened: a pipe or a
// device would block, or do something.
func (g *Guard) ReadFile(path string, limit int64) (File, error) {
	at, err := g.judge(path, false, nil)
	if err != nil {
		return File{}, err
	}
	if g.opts.ReadFile != nil {
		return g.opts.ReadFile(path, limit)
	}
	info, err := at.stat(false)
	if err != nil {
		return absent(path, err)
	}
	if limit < 0 || !info.Mode().IsRegular() {
		return File{Info: info}, nil
	}
	f, err := at.open(os.O_RDONLY|nonblock, 0)
	if err != nil {
		return absent(path, err)
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

// leadsOut is the denial of a file that became a link while it was opened.
func leadsOut(path, list string) *Denied {
	return &Denied{Effect: path, List: list, Reason: fmt.Sprintf("`%s` leads by a link that was put there while it was opened, and where that leads is not known", path)}
}

func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// absent turns the error for a file that is not there into that finding.
func absent(path string, err error) (File, error) {
	switch {
	case isAbsent(err):
		return File{}, nil
	case errors.Is(err, errMoved):
		return File{}, leadsOut(path, "permissions.files.read")
	}
	return File{}, err
}
