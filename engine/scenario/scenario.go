// Package scenario reads the worlds in which a runbook can be practised and
// tested: stubs for what it calls, answers for what it asks, and what must come
// of it. It holds no server and starts nothing; package emulator does.
package scenario

import (
	"slices"
	"time"

	"runbook/engine/kind"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// Suffix is how a scenario file's name ends: payments.scenarios.yaml beside
// payments.yaml.
const Suffix = ".scenarios.yaml"

// File is a file of scenarios.
type File struct {
	Runbook   string      // the runbook's file, beside this one
	Named     source.Span // where that stands
	Scenarios []*Scenario
}

// Find is a scenario by name, or nil.
func (f *File) Find(name string) *Scenario {
	i := slices.IndexFunc(f.Scenarios, func(s *Scenario) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return f.Scenarios[i]
}

// Names are the scenarios' names, in order.
func (f *File) Names() []string {
	out := make([]string, len(f.Scenarios))
	for i, s := range f.Scenarios {
		out[i] = s.Name
	}
	return out
}

// Scenario is one world, with all that it inherits.
type Scenario struct {
	Name    string
	Title   string
	Extends string    // the scenario of which it is a variation; "" is none
	Start   time.Time // on the simulated clock
	Inputs  map[string]any
	Secrets map[string]string
	HTTP    []*HTTPStub
	Shell   []*ShellStub
	Kinds   []*KindStub
	Results []*ResultStub
	Answers map[string]Answer // by step; STEP>undo for the offer to undo it
	Cancel  Cancel            // somebody presses Ctrl-C
	Expect  Expect
	Span    source.Span

	node  *syntax.Node // the whole of it
	own   *syntax.Node // without what it inherits
	base  bool         // another one extends it
	kinds []*kind.Kind
}

// DefaultStart is when a scenario begins that does not say it.
var DefaultStart = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// Cancel is when somebody presses Ctrl-C: when a step begins for the first time, or
// a while after. STEP is its id, RUN/STEP that of one in another runbook; "" is
// never.
type Cancel struct {
	Step  string
	After time.Duration
	At    source.Span
}

// Answer is what a person says: a choice, or values by field.
type Answer struct {
	Choice string
	Values map[string]any
	After  time.Duration // how long the person takes
	By     string        // who it is; "" is somebody who may
	Then   []Answer      // what they say the times after
}

// Nth is the answer to the question when it is put for the n-th time, from 0. The
// last is given again and again.
func (a Answer) Nth(n int) Answer {
	if n <= 0 || len(a.Then) == 0 {
		return a
	}
	return a.Then[min(n, len(a.Then))-1]
}

// Parse reads a file of scenarios, which may stand in for the given kinds. It
// reports all that is wrong, and gives nil where any of it is an error.
func Parse(f *source.File, report source.Report, kinds ...kind.Kind) *File {
	failed := false
	say := func(d source.Diagnostic) {
		failed = failed || d.Severity == source.Error
		report(d)
	}
	root := syntax.Parse(f, say)
	if root == nil {
		return nil
	}
	syntax.Check(root, Shape(kinds...), func(string) *spec.Shape { return nil }, say)
	if failed {
		return nil
	}
	out := &File{Runbook: text(root, "runbook"), Named: root.Get("runbook").Span}
	scenarios := entries(root.Get("scenarios"))
	tree, bases := newFamily(scenarios, say), map[string]bool{}
	for _, e := range scenarios {
		bases[text(e.Value, "extends")] = true
	}
	r := &reader{report: say}
	for i := range kinds {
		r.kinds = append(r.kinds, &kinds[i])
	}
	r.stubbed = stubbed(kinds)
	for _, e := range scenarios {
		n := tree.whole(e)
		if n == nil {
			continue
		}
		s := r.scenario(e.Key.Value, n)
		s.Span, s.own, s.base = e.Key.Span, e.Value, bases[e.Key.Value]
		s.unreachable(say)
		out.Scenarios = append(out.Scenarios, s)
	}
	if failed {
		return nil
	}
	return out
}
