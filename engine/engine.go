// Package engine is the public door: load a runbook, prove it, rehearse it, run
// it, go on with a run, in a few lines of Go.
package engine

import (
	"fmt"
	"path"
	"strings"

	"runbook/engine/kind/exec"
	"runbook/engine/plan"
	"runbook/engine/scenario"
	"runbook/engine/source"
	"runbook/engine/syntax"
)

// Runbook is a runbook that was proven sound. Warnings are what was found
// nevertheless.
type Runbook struct {
	Plan     *plan.Plan
	Warnings source.Diagnostics
	kinds    []exec.Kind
	policy   *Policy
}

// language is the structure of runbook files, with the kinds of the program and
// those of the options.
func language(options ...Option) *syntax.Language {
	return plan.Options{Kinds: pure(read(options).kinds)}.Language()
}

// Load proves a runbook. It is nil where the findings hold an error.
func Load(f *source.File, options ...Option) (*Runbook, source.Diagnostics) {
	var found source.Diagnostics
	report := func(d source.Diagnostic) { found = append(found, d) }
	s := read(options)
	s.report(f, report)
	p := plan.Compile(f, plan.Options{Kinds: pure(s.kinds), Beside: s.beside, Policy: s.policy.rules()}, report)
	found = found.Sort()
	if p == nil || len(s.problems) > 0 {
		return nil, found
	}
	return &Runbook{Plan: p, Warnings: found, kinds: s.kinds, policy: s.policy}, found
}

// IsScenarios reports whether a file's name is that of a file of scenarios.
func IsScenarios(name string) bool {
	return strings.HasSuffix(name, scenario.Suffix) || strings.HasSuffix(name, strings.TrimSuffix(scenario.Suffix, path.Ext(scenario.Suffix))+".yml")
}

// Validate finds all that is wrong with a file: a runbook, scenarios, or a policy.
// With WithFiles, scenarios are held against the runbook that they name.
func Validate(f *source.File, options ...Option) source.Diagnostics {
	if IsPolicy(f.Data) && !IsScenarios(f.Name) {
		_, found := ReadPolicy(f)
		return found
	}
	if !IsScenarios(f.Name) {
		_, found := Load(f, options...)
		return strict(found)
	}
	var found source.Diagnostics
	report := func(d source.Diagnostic) { found = append(found, d) }
	s := read(options)
	file, beside := scenario.Parse(f, report, pure(s.kinds)...), s.beside
	if file == nil || beside == nil {
		return found.Sort()
	}
	about, err := beside(f, file.Runbook)
	if err != nil {
		report(source.Diagnostic{Code: "unknown-file", Span: file.Named, Summary: fmt.Sprintf("the runbook %s cannot be read: %s", file.Runbook, err),
			Detail: "Name the runbook's file, as seen from this one."})
		return found.Sort()
	}
	rb, _ := Load(about, options...)
	if rb == nil {
		report(source.Diagnostic{Code: "invalid-runbook", Span: file.Named, Summary: fmt.Sprintf("the runbook %s is not sound", file.Runbook),
			Detail: "Validate it, and mend it first: the scenarios are held against it."})
		return found.Sort()
	}
	_, found = rb.Scenarios(f)
	return found
}

// Scenarios reads a runbook's scenarios and holds them against it.
func (rb *Runbook) Scenarios(f *source.File) (*scenario.File, source.Diagnostics) {
	var found source.Diagnostics
	report := func(d source.Diagnostic) { found = append(found, d) }
	file := scenario.Parse(f, report, pure(rb.kinds)...)
	if file == nil {
		return nil, found.Sort()
	}
	known := rb.known()
	for _, s := range file.Scenarios {
		s.Check(known, report)
	}
	if found.Failed() {
		return nil, found.Sort()
	}
	return file, found.Sort()
}
