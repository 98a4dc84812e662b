package changes

import (
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"runbook/engine/plan"
	"runbook/engine/source"
)

// files are the files that say something else, are new, or are gone: the runbook's
// own first.
func files(was, is *plan.Plan) []File {
	var out []File
	if was.Digest != is.Digest {
		out = append(out, changed(is.File.Name, was.File, is.File, was.Digest, is.Digest))
	}
	for _, b := range was.Beside {
		i := slices.IndexFunc(is.Beside, func(x plan.Beside) bool { return x.File.Name == b.File.Name })
		switch {
		case i < 0:
			out = append(out, changed(b.File.Name, b.File, nil, b.Digest, ""))
		case is.Beside[i].Digest != b.Digest:
			out = append(out, changed(b.File.Name, b.File, is.Beside[i].File, b.Digest, is.Beside[i].Digest))
		}
	}
	for _, b := range is.Beside {
		if !slices.ContainsFunc(was.Beside, func(x plan.Beside) bool { return x.File.Name == b.File.Name }) {
			out = append(out, changed(b.File.Name, nil, b.File, "", b.Digest))
		}
	}
	return out
}

func changed(path string, was, is *source.File, digest, now string) File {
	return File{Path: path, Was: digest, Is: now, Diff: Diff(path, was, is)}
}

// Diff is a unified diff of a file as a run has it and as it is now; nil is one that
// is not part of the runbook.
func Diff(path string, was, is *source.File) string {
	data := func(f *source.File) []byte {
		if f == nil {
			return nil
		}
		return f.Data
	}
	_, text, _ := strings.Cut(string(diff.Diff(path+" (as the run has it)", data(was), path+" (now)", data(is))), "\n") // without the command
	return text
}
