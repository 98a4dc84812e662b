package engine

import (
	"fmt"
	"slices"

	"runbook/checks"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// Option changes what Load, Validate, Language and the schemas go by.
type Option func(*settings)

// With adds kinds of one's own to those that the program has. One that is named
// like another takes its place: a test puts its own `http` there.
func With(kinds ...exec.Kind) Option {
	return func(s *settings) { s.kinds = append(s.kinds, kinds...) }
}

// WithFiles lets a runbook name other files, which beside opens. Without it a
// runbook stands alone.
func WithFiles(beside Beside) Option { return func(s *settings) { s.beside = beside } }

// settings are what the options come to.
type settings struct {
	kinds    []exec.Kind
	beside   Beside
	policy   *Policy
	problems []string // kinds that cannot be, and why; they are not among kinds
}

func read(options []Option) settings {
	s := settings{kinds: checks.All()}
	for _, o := range options {
		o(&s)
	}
	given := s.kinds
	s.kinds = nil
	taken := stepKeys()
	for _, k := range given {
		if why := unfit(k, taken); why != "" {
			s.problems = append(s.problems, why)
			continue
		}
		if i := slices.IndexFunc(s.kinds, func(x exec.Kind) bool { return x.Name == k.Name }); i >= 0 {
			s.kinds[i] = k
			continue
		}
		s.kinds = append(s.kinds, k)
	}
	return s
}

// unfit says why a kind cannot be part of the language.
func unfit(k exec.Kind, taken map[string]bool) string {
	switch {
	case !spec.IsIdent(k.Name):
		return fmt.Sprintf("a kind cannot be named %q", k.Name)
	case taken[k.Name]:
		return fmt.Sprintf("a kind cannot be named %s: that is a key of steps already", k.Name)
	case k.Options == nil:
		return fmt.Sprintf("the kind %s does not say what its options are", k.Name)
	case k.Result == nil:
		return fmt.Sprintf("the kind %s does not say what its results are", k.Name)
	case k.Executor == nil:
		return fmt.Sprintf("the kind %s has nothing that executes it", k.Name)
	}
	return ""
}

// stepKeys are the keys that steps have without any kind.
func stepKeys() map[string]bool {
	keys := map[string]bool{}
	for _, role := range syntax.NewLanguage(nil).Resolve("step").Alts {
		for _, f := range role.Fields {
			keys[f.Key] = true
		}
	}
	return keys
}

// report tells of kinds that cannot be, at the beginning of a file that is loaded
// with them.
func (s settings) report(f *source.File, report source.Report) {
	for _, p := range s.problems {
		report(source.Diagnostic{Code: "bad-kind", Span: source.Span{File: f}, Summary: p,
			Detail: "The program that loads this file brings the kind; mend it there."})
	}
}

// err is what the schemas say of such kinds.
func (s settings) err() error {
	if len(s.problems) == 0 {
		return nil
	}
	return fmt.Errorf("%s", s.problems[0])
}

func pure(kinds []exec.Kind) []kind.Kind {
	out := make([]kind.Kind, len(kinds))
	for i, k := range kinds {
		out[i] = k.Kind
	}
	return out
}
