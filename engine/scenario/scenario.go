// Package scenario reads the worlds in which a runbook can be practised and
// tested: stubs for what it calls, answers for what it asks, and what must come
// of it. It holds no server and starts nothing; package emulator does.
package scenario

import (
	"fmt"
	"slices"
	"strings"
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

// Scenario is one world.
type Scenario struct {
	Name    string
	Title   string
	Inputs  map[string]any
	Secrets map[string]string
	HTTP    []*HTTPStub
	Shell   []*ShellStub
	Kinds   []*KindStub
	Results []*ResultStub
	Answers map[string]Answer // by step; STEP>undo for the offer to undo it
	Expect  Expect
	Span    source.Span
}

// HTTPStub answers requests. Replies are given one after the other; the last is
// given again and again.
type HTTPStub struct {
	Method  string
	URL     string // without a query; * stands for any part
	Query   map[string]string
	Headers map[string]string
	Body    *Match
	Replies []HTTPReply
	Span    source.Span
}

// HTTPReply is one answer, or one way of not answering.
type HTTPReply struct {
	Status  int
	Headers map[string]string
	JSON    any
	HasJSON bool
	Body    string
	Delay   time.Duration
	Drip    time.Duration // the body comes in pieces over this time
	Error   string        // one of Faults; then nothing else counts but Delay
}

// Faults are the ways in which a server does not answer.
var Faults = []string{"refused", "reset", "timeout", "dns", "tls"}

// ShellStub answers commands whose argv begins with the words of On; * stands
// for one word or part of one.
type ShellStub struct {
	On      []string
	Stdin   *Match
	Replies []ShellReply
	Span    source.Span
}

// ShellReply is what a command leaves behind.
type ShellReply struct {
	Stdout string
	Stderr string
	Exit   int
	Delay  time.Duration
}

// Answer is what a person says: a choice, or values by field.
type Answer struct {
	Choice string
	Values map[string]any
}

// Expect is what must come of a run. What is not given is not looked at.
type Expect struct {
	Outcome   string
	Decisions map[string]string // step -> branch
	Verdicts  map[string]string // step -> verdict
	Facts     map[string]any
	Messages  map[string]Match // step -> text
}

// Match holds a text against what is wanted of it; all that is given must hold.
type Match struct {
	Equals   *string
	Contains []string
	Absent   []string
}

// Problem says why a text does not match, or "".
func (m *Match) Problem(text string) string {
	switch {
	case m == nil:
		return ""
	case m.Equals != nil && text != *m.Equals:
		return fmt.Sprintf("is %q, not %q", short(text), short(*m.Equals))
	}
	for _, c := range m.Contains {
		if !strings.Contains(text, c) {
			return fmt.Sprintf("is %q, which does not contain %q", short(text), c)
		}
	}
	for _, c := range m.Absent {
		if strings.Contains(text, c) {
			return fmt.Sprintf("contains %q", c)
		}
	}
	return ""
}

func short(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
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
	for _, e := range entries(root.Get("scenarios")) {
		out.Scenarios = append(out.Scenarios, read(e, kinds, say))
	}
	if failed {
		return nil
	}
	return out
}
