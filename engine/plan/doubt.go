package plan

import (
	"regexp"
	"slices"
	"strings"

	"runbook/engine/lang"
	"runbook/engine/source"
	"runbook/engine/types"
)

// One fault is one finding. Check has said what could not be read; whatever
// follows from it alone is passed over: a name that may have been declared there,
// a value of which nothing is known.

var firstPath = regexp.MustCompile("`([^`]*)`")

// doubting is the report for expressions and templates of a scope.
func (c *compiler) doubting(s *lang.Scope) source.Report {
	if c.root.Sound() {
		return c.report
	}
	return func(d source.Diagnostic) {
		if m := firstPath.FindStringSubmatch(d.Summary); m != nil && c.unread(s, d.Code, m[1]) {
			return
		}
		c.report(d)
	}
}

// unread reports whether a path leads to what could not be read.
func (c *compiler) unread(s *lang.Scope, code, path string) bool {
	words := strings.Split(strings.TrimPrefix(path, "."), ".")
	if code == "unknown-name" {
		return c.unnamedItem
	}
	if len(words) < 2 || !slices.Contains([]string{"inputs", "facts", "secrets", "steps"}, words[0]) {
		return false
	}
	t := s.TypeOf(words[0])
	if f := t.Field(words[1]); f != nil {
		return f.Type != nil && f.Type.Kind == types.Any
	}
	return t != nil && t.Open
}
