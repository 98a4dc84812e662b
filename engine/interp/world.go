// Package interp walks a plan. It is pure: whatever touches the world goes
// through World; it starts no goroutine, reads no clock and does no I/O, so
// that every runtime gives the same run.
package interp

import (
	"errors"
	"fmt"
	"time"

	"runbook/engine/journal"
	"runbook/engine/plan"
	"runbook/engine/types"
)

// Key is the path of frames to something that happens once in a run:
// `triage/api#p3.a2` is attempt 2 of poll 3 of step api in group triage. Runtimes
// remember results by it.
type Key string

// World is everything outside the interpreter. A scope (a budget, a branch that
// runs beside others) is a World of its own. Interpreter code of one run never
// runs on two goroutines at once: a runtime hands over only while a World method
// waits, so the interpreter needs no locks.
type World interface {
	// Call makes one attempt of a check or an action, or sends a message to one
	// channel, or recalls the result that
	// Key had before. The error says that this scope ended (ErrTimeout,
	// ErrCancelled, ErrPaused, or what the runtime died of), or that nobody knows
	// whether the call took effect (an InDoubt); a failed call is a Result.
	Call(Key, Call) (Result, error)
	// Ask puts a question to a person.
	Ask(Key, Question) (Answer, error)
	// Sleep waits.
	Sleep(Key, time.Duration) error
	// Now is the time of the last recorded completion, never the wall clock.
	Now() time.Time
	// Emit records an event; it is idempotent by key and type.
	Emit(Key, Event)
	// Within gives f a World that ends with ErrTimeout after the duration, not
	// counting the time in which it waits for people alone.
	Within(Key, time.Duration, func(World) error) error
	// Each runs f for each of the branches side by side, at most max at once (0: all),
	// each with a World of its own, starting in order. It returns when all have
	// returned. Where stop says true, the Worlds of the others end with
	// ErrStopped. The keys of what is in a branch begin with its own.
	Each(k Key, branches []Key, max int, f func(int, World) error, stop func(int, error) bool) []error
	// Enter gives the World of another runbook, which a step runs: what is done
	// there has to be permitted by it and by those around it. The error says why
	// it cannot be entered.
	Enter(k Key, s Sub) (World, error)
}

// Sub is another runbook that a step runs.
type Sub struct {
	Step   string // the step's id
	Plan   *plan.Plan
	Inputs map[string]any
}

// The ways in which a scope ends. Runtimes return them as they are.
var (
	ErrTimeout   = errors.New("the time is up")
	ErrCancelled = errors.New("the run was cancelled")
	ErrPaused    = errors.New("the run waits for a person")
	ErrStopped   = errors.New("a step beside this one ended the run")
	ErrNobody    = errors.New("nobody is there to answer") // to a Question with Leave
)

// Call is one attempt, rendered. That of a message has the channel's kind, its
// settings under `channel` and what is sent under `message`; its time is no part
// of the run's: it uses up no budget, and Now does not move. It can be written down: Options hold strings,
// numbers, lists, mappings, secret.Text, secret.Value and lang.Bound.
type Call struct {
	Step       string // the step's id
	Role       string // check, action or message
	Kind       string
	Options    map[string]any
	Timeout    time.Duration // 0 is none
	Idempotent bool
	Approved   []int // entries of the policy's approve that people granted
	Settled    int   // how often it broke off, was in doubt, and is to be done again
}

// Result is what a call came back with; Fields are there with an Error too, so
// far as they are known.
type Result struct {
	Fields   map[string]any
	Error    *journal.Error
	Duration time.Duration
}

// Question is put to a person. Kind is manual, confirm, ask, in_doubt or undo.
type Question struct {
	Key  Key // set by the runtime
	Step string
	// In is the way to the runbook that asks, where a step runs it: `ID/`.
	In string
	journal.ApprovalRequestedData
	// Collect types the values that are asked for, in the order of Fields.
	Collect []Collect
	// Leave says that the run goes on where nobody is there: that is recorded, and
	// Ask gives ErrNobody.
	Leave bool
	// Problem says why the answer before could not be used.
	Problem string
	// Before is what was shown when it was asked last, where what will be done is
	// not that any more: no answer that was given before counts.
	Before *journal.ApprovalRequestedData
	// Left, where the question has a Timeout, is what was left of it when it was
	// put; past it the answer is Late.
	Left time.Duration
}

// Answer is what a person said. A secret value is a secret.Value.
type Answer struct {
	Choice  string
	By      string
	How     string
	Note    string
	Values  map[string]any
	Retyped string // what was typed to approve
	// Identity says how it is known who that is; nil leaves it to the runtime.
	Identity *journal.Identity
	// Beforehand says that it was given before the question came up.
	Beforehand bool
}

// Event is something to record. Data is the event type's data.
type Event struct {
	Type journal.Type
	Step string
	Data any
}

// Collect is one value that a question asks for.
type Collect struct {
	types.Decl
	Secret bool
	// Name under which a secret is known from then on: STEP.FIELD.
	SecretName string
	// Options are what the value is picked from, or each entry of it where it is
	// a list; nil where it may be any.
	Options []any
}

// Parse reads a value from the text that a person typed. What is wrong with a
// secret is said without the secret.
func (c *Collect) Parse(text string) (any, error) {
	v, err := c.Decl.Parse(text)
	if err == nil {
		err = c.among(v)
	}
	switch {
	case err == nil || !c.Secret:
		return v, err
	case c.Pattern != "":
		return nil, fmt.Errorf("the value does not match %s", c.Pattern)
	}
	return nil, fmt.Errorf("the value does not fit its declaration as %s", c.Type)
}
