package lang

import (
	"path/filepath"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"runbook/engine/source"
)

// File is a file that a script's own redirection opens.
type File struct {
	Path  string
	Write bool
	Span  source.Span
}

// files are the files of the script's redirections, so far as their names are
// known: relative ones only where the script stays in its folder.
func (c *scriptChecker) files() []File {
	moves := false
	syntax.Walk(c.file, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			name, known := literalWord(call.Args[0])
			moves = moves || !known || slices.Contains([]string{"cd", "pushd", "popd", "eval", "source", ".", "builtin", "command"}, name)
		}
		return true
	})
	var out []File
	syntax.Walk(c.file, func(n syntax.Node) bool {
		if r, ok := n.(*syntax.Redirect); ok && r.Word != nil {
			if f, ok := c.opened(r); ok && (filepath.IsAbs(f.Path) || !moves) {
				out = append(out, f)
			}
		}
		return true
	})
	return out
}

// opened is the file that a redirection opens, where its name is known.
func (c *scriptChecker) opened(r *syntax.Redirect) (File, bool) {
	write := false
	switch r.Op {
	case syntax.RdrIn:
	case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll, syntax.RdrInOut:
		write = true
	default:
		return File{}, false
	}
	name, known := literalWord(r.Word)
	if !known || name == "" || strings.ContainsAny(name, "*?[{~") || strings.HasPrefix(name, "/dev/") {
		return File{}, false
	}
	from, to := int(r.Word.Pos().Offset()), int(r.Word.End().Offset())
	return File{Path: name, Write: write, Span: c.text.Sub(c.back(from), c.back(to))}, true
}
