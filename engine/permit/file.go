package permit

import (
	"path/filepath"
	"strings"
)

// File decides about a file by its name: whether it is an entry, or below one
// that is a folder. Relative names start at dir; where dir is "" that is not
// known yet, and a relative name tells nothing of an absolute one.
func (s Set) File(path, dir string, write bool) Verdict {
	if s.Policy != nil {
		return s.Policy.file(path, dir, write)
	}
	path, verdict := absolute(path, dir), No
	for _, e := range s.files(write) {
		e = absolute(e, dir)
		switch {
		case filepath.IsAbs(e) != filepath.IsAbs(path):
			verdict = Unknown
		case MatchFile(e, path):
			return Yes
		}
	}
	return verdict
}

func absolute(path, dir string) string {
	if dir == "" || filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// MatchFile reports whether an entry covers a file by name alone, links not
// followed. In a pattern `*` stands for any part of one name.
func MatchFile(entry, path string) bool {
	rel, err := filepath.Rel(entry, path)
	if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return true
	}
	ok, err := filepath.Match(entry, path)
	return ok && err == nil
}
