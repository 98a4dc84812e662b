package scenario

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine/source"
	"runbook/engine/syntax"
)

// unreachable reports each stub behind one that takes all its calls, among those
// that stand in this scenario itself: before those that it inherits it may well
// put its own.
func (s *Scenario) unreachable(report source.Report) {
	find(s.HTTP[:s.ownOf("http")], report, func(a, b *HTTPStub) bool {
		return glob(a.Method, b.Method) && glob(a.URL, b.URL) && covers(a.Query, b.Query) && covers(a.Headers, b.Headers) && a.Body.covers(b.Body)
	}, func(h *HTTPStub) (string, source.Span) { return h.Method + " " + h.URL, h.Span })
	find(s.Shell[:s.ownOf("shell")], report, func(a, b *ShellStub) bool {
		return len(a.On) > 0 && begins(b.On, a.On) && a.Stdin.covers(b.Stdin)
	}, func(c *ShellStub) (string, source.Span) { return lineOf(c.On), c.Span })
	find(s.Results[:s.ownOf("results")], report, func(a, b *ResultStub) bool {
		return a.On == b.On || strings.Contains(a.On, "*") && glob(a.On, b.On) && strings.ContainsAny(b.On, "/#*>[")
	}, func(r *ResultStub) (string, source.Span) { return r.On, r.Span })
	seen := 0
	for len(s.Kinds[seen:]) > 0 {
		name := s.Kinds[seen].Kind
		find(s.Kinds[seen:seen+s.ownOf(name)], report, func(a, b *KindStub) bool {
			return glob(a.On, b.On) && covers(a.With, b.With)
		}, func(k *KindStub) (string, source.Span) { return k.On, k.Span })
		for seen < len(s.Kinds) && s.Kinds[seen].Kind == name {
			seen++
		}
	}
}

// ownOf is how many of a list's entries stand in the scenario itself. They are
// the first.
func (s *Scenario) ownOf(key string) int { return len(items(s.own.Get(key))) }

// maxCompared bounds how many stubs of a scenario are held against each other.
const maxCompared = 2000

// find reports each stub that one before it covers.
func find[T any](stubs []T, report source.Report, covers func(a, b T) bool, told func(T) (string, source.Span)) {
	for i, b := range stubs[:min(len(stubs), maxCompared)] {
		at := slices.IndexFunc(stubs[:i], func(a T) bool { return covers(a, b) })
		if at < 0 {
			continue
		}
		on, span := told(b)
		first, before := told(stubs[at])
		report(source.Diagnostic{Code: "unreachable-stub", Span: span, Summary: fmt.Sprintf("the stub for %s is never reached: one before it takes all its calls", short(on)),
			Detail:  fmt.Sprintf("The first that fits answers. Put it before the one for %s, or make that one narrower.", short(first)),
			Related: []source.Note{{Span: before, Text: "the one that takes its calls"}}})
	}
}

// unused warns of stubs of kinds that the runbook never uses.
func (s *Scenario) unused(known Known, report source.Report) {
	for _, e := range entries(s.own) {
		uses, kinds := known.uses(e.Key.Value)
		if uses || len(e.Value.Items) == 0 || e.Value.Kind != syntax.Sequence || e.Key.Value == "results" {
			continue
		}
		report(source.Diagnostic{Code: "unused-stub", Severity: source.Warning, Span: e.Key.Span, Summary: fmt.Sprintf("the runbook has no step that these stubs of `%s` could answer", e.Key.Value),
			Detail: "Remove them. " + kinds})
	}
}
