package scenario

import (
	"maps"
	"slices"
	"time"

	"runbook/engine/source"
)

// HTTPStub answers requests. Replies are given one after the other; the last is
// given again and again, unless Times says how often there is an answer at all.
type HTTPStub struct {
	Method  string
	URL     string // without a query; * stands for any part
	Query   map[string]string
	Headers map[string]string
	Body    *Match
	Replies []HTTPReply
	Times   int // 0 is without end
	Span    source.Span
}

// HTTPReply is one answer, or one way of not answering.
type HTTPReply struct {
	Status  int
	Headers map[string]string
	Body    string
	HasJSON bool // the body was written as JSON
	Delay   time.Duration
	Drip    time.Duration // the body comes in pieces over this time
	Error   string        // one of Faults; then nothing else counts but Delay, unless it is Truncated
}

// Truncated is the fault of an answer whose body breaks off half way.
const Truncated = "truncated"

// Faults are the ways in which a server does not answer, or not wholly.
var Faults = []string{"refused", "reset", "timeout", "dns", "tls", Truncated}

// ShellStub answers commands whose argv begins with the words of On; * stands
// for one word or part of one.
type ShellStub struct {
	On      []string
	Stdin   *Match
	Replies []ShellReply
	Times   int // 0 is without end
	Span    source.Span
}

// ShellReply is what a command leaves behind. A signal that ends it stands in its
// exit code.
type ShellReply struct {
	Stdout string
	Stderr string
	Exit   int
	Signal string // its name without SIG; "" is none
	Delay  time.Duration
}

// signals are the signals that may end a program, by name; their numbers are those
// of Linux.
var signals = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15}

func signalNames() []string {
	return slices.SortedFunc(maps.Keys(signals), func(a, b string) int { return signals[a] - signals[b] })
}
