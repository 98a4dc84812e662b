// Package exec is the executing half of a kind's contract. Only runtimes use it.
package exec

import (
	"context"
	"fmt"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind"
)

// Request is one attempt of a check or an action, with everything rendered and
// every secret in place. It must not be kept or logged: it holds secrets.
type Request struct {
	// Options is the option block by key, as the kind's shape describes it:
	// strings, ints, bools, lists, mappings. Durations are time.Duration, sizes
	// int64. A script is a guard.Script. The short form has been turned into the
	// long one, and defaults are the kind's to apply.
	Options map[string]any
	Check   bool // a check: observe permissions only
	Guard   *guard.Guard
	Step    string // the step's id
	Key     string // the attempt's key in the journal
	// Now is the clock by which durations are measured; nil is time.Now. Time asks
	// it. A simulated run has its own.
	Now func() time.Time
	// Started is told of each process that is started, before it can act.
	Started func(guard.Process)
}

// Time is what the clock of the request says.
func (r *Request) Time() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

// Since is how long ago something was by that clock.
func (r *Request) Since(t time.Time) time.Duration { return r.Time().Sub(t) }

// Until is how long it is until something by that clock.
func (r *Request) Until(t time.Time) time.Duration { return t.Sub(r.Time()) }

// Result is what came back. Fields are the native results, by name, as the
// kind's Result type says; they are there even when Error is set, so far as
// they are known (http: status 0). Nothing in it is masked yet.
type Result struct {
	Fields   map[string]any
	Error    *Error
	Duration time.Duration
}

// Error says why a kind could not observe or act. Kind is one of the words that
// it declares, `timeout`, `canceled` or `internal`; Message is for people.
type Error struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

// Error makes it a Go error.
func (e *Error) Error() string { return e.Kind + ": " + e.Message }

// Executor runs a kind. It returns within the context's deadline and leaves
// nothing behind: no process, connection or file.
type Executor interface {
	Execute(context.Context, Request) Result
}

// Kind joins both halves; checks.All lists them.
type Kind struct {
	kind.Kind
	Executor Executor
}

// Run executes one attempt. A kind that panics has failed with the error
// `internal`: what it says may hold a secret, and is masked as any other error is.
func (k Kind) Run(ctx context.Context, r Request) (res Result) {
	began := r.Time()
	defer func() {
		if p := recover(); p != nil {
			res = Result{Fields: map[string]any{}, Duration: r.Since(began), Error: &Error{Kind: "internal", Message: fmt.Sprintf("the kind %s has a fault: %v", k.Name, p)}}
		}
	}()
	return k.Executor.Execute(ctx, r)
}

// ByName are kinds by their names.
func ByName(kinds []Kind) map[string]Kind {
	out := make(map[string]Kind, len(kinds))
	for _, k := range kinds {
		out[k.Name] = k
	}
	return out
}
