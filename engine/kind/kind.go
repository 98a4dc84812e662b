// Package kind is the contract of a kind: a way to observe or change the world
// (http, shell, ...). A kind declares itself here: its options as a shape, its
// results as a type, the states it can end in, its static checks. What it takes
// to execute one is in kind/exec; a plan needs only this half.
package kind

import (
	"time"

	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// Kind declares one kind. It is a value, made by a function of the kind's
// package and listed in checks.All.
type Kind struct {
	Name string // the key in a step: http
	Doc  string // one or more sentences

	// Options is the shape of what stands behind the key. A kind that takes a
	// short form (`shell: echo hi`) gives a OneOf whose Object is the long one.
	Options *spec.Shape
	// Short is the option that the short form sets: `script` for shell.
	Short string

	// Result is an Object: the native results, by name. All are Late. The
	// engine adds duration and error to every kind.
	Result *types.Type
	// Errors are the words that error.kind may be, besides `timeout` and
	// `canceled`, which every kind may give.
	Errors []string
	// Expect is the default expectation, over the native results.
	Expect string
	// Status is the native result whose mention in `expect` replaces Expect.
	Status string
	// States are what the kind can come back with, for the proof of decisions:
	// each is a set of ranges over integer results.
	States []State

	// Check is the static half of the kind's own rules; it may be nil.
	Check func(Use, source.Report)
	// Effects says what a use of the kind needs to be permitted, as far as it
	// is known before the run; it may be nil.
	Effects func(Use) []Effect

	// Patience is how long a check that says no `timeout` waits for an answer; 0 is
	// without end. It is for kinds that ask over the network.
	Patience time.Duration

	// Stub is how scenarios answer for the kind; nil where its calls are requests
	// over HTTP or programs, which are answered as such.
	Stub *Stub
}

// Patience is that of the kinds which wait for a server.
const Patience = 30 * time.Second

// State is one way in which a kind can come back: a name for people, and what
// holds for its integer results.
type State struct {
	Name   string           // answered, no answer
	Ranges map[string]Range // result -> the values possible in this state
	// Error is true where error.kind is set in this state.
	Error bool
	// Rare marks a state that is possible and that nobody has to think of: it
	// counts when a branch is called unreachable, and is never given as the
	// example of a case that no branch takes.
	Rare bool
}

// Range is a closed range of integers.
type Range struct{ Min, Max int }

// Use is one step's use of a kind, as far as it is known before the run.
type Use struct {
	Check   bool            // in a check, which must not change the world
	Options map[string]Leaf // options by path: `method`, `headers.Accept`, `argv[0]`
	Span    source.Span     // the whole option block
	// Script, where the kind has a script option, are the simple commands
	// that it will run, as far as their words are known.
	Commands []Command
}

// Leaf is one option's value. Where Known, Value is what the run will use;
// otherwise it depends on the run, and Value is nil.
type Leaf struct {
	Value any
	Known bool
	// Prefix is what a text that is not Known begins with for certain.
	Prefix string
	Span   source.Span
}

// Command is a simple command in a script or an argv: its words up to the first
// that is not known.
type Command struct {
	Words []string
	// Whole says that Words are all there are.
	Whole bool
	Span  source.Span
}

// Effect is something that must be permitted: a program's argv, a host, a file, or
// a variable that is set for programs. All are empty where it is not known yet what
// it will be.
type Effect struct {
	Command  *Command
	Host     string
	File     string
	Write    bool // the file is written
	Variable string
	Span     source.Span
}

// Text is an option as a string, where it is known and there.
func (u Use) Text(path string) (string, bool) {
	l, ok := u.Options[path]
	if !ok || !l.Known {
		return "", false
	}
	s, ok := l.Value.(string)
	return s, ok
}
