package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/engine/source"
)

// Call is a call that was made. Step and Key say by which attempt, where that is
// known.
type Call struct {
	Kind string   // http for every request, shell for every program
	Line string   // METHOD URL, the command, or what the kind's stub makes of it
	Argv []string // of a program
	Body string   // of a request; a program's standard input
	Step string
	Key  string
	At   time.Time
}

// Calls are the calls that were made, in order.
func (w *World) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// Record notes a call that is answered elsewhere.
func (w *World) Record(c Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record(c)
}

func (w *World) record(c Call) {
	c.At = w.Now()
	w.calls = append(w.calls, c)
}

// fits reports whether a call is one that `on` speaks of.
func (c Call) fits(on string) bool {
	switch c.Kind {
	case "http":
		method, pattern, ok := request(on)
		got, at, _ := strings.Cut(c.Line, " ")
		return ok && isFor(method, pattern, got, at)
	case "shell":
		if len(c.Argv) > 0 {
			pattern, _ := argvOf(on)
			return begins(c.Argv, pattern)
		}
	}
	return glob(folded(on), c.Line)
}

// request takes `on` apart where it speaks of a request.
func request(on string) (method, pattern string, ok bool) {
	method, rest, _ := strings.Cut(strings.TrimSpace(on), " ")
	rest = strings.TrimSpace(rest)
	scheme, at, found := strings.Cut(rest, "://")
	ok = found && method != "" && method == strings.ToUpper(method) && !strings.ContainsAny(scheme, " /")
	if ok { // a host has no case, and a request has it in small letters
		host, _, _ := strings.Cut(at, "/")
		rest = strings.ToLower(scheme+"://"+host) + at[len(host):]
	}
	return method, rest, ok
}

// CallWant is a call that must be made, as often as Min and Max say.
type CallWant struct {
	On   string
	Min  int
	Max  int // -1 is without end
	Body *Match
	Span source.Span
}

// problem says how often a call was made where that was not as wanted; made are
// the calls.
func (c CallWant) problem(made []Call) (got string) {
	n, nearest := 0, ""
	for _, m := range made {
		if !m.fits(c.On) {
			continue
		}
		if p := c.Body.Problem(m.Body); p != "" {
			nearest = "; the body of another " + p
			continue
		}
		n++
	}
	if n >= c.Min && (c.Max < 0 || n <= c.Max) {
		return ""
	}
	return often(n) + nearest
}

// want says how often a call must be made.
func (c CallWant) want() string {
	switch {
	case c.Max == 0:
		return "never"
	case c.Min == c.Max:
		return often(c.Min)
	case c.Max < 0:
		return "at least " + often(c.Min)
	}
	return fmt.Sprintf("%d to %d times", c.Min, c.Max)
}

func often(n int) string {
	switch n {
	case 0:
		return "never"
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// inOrder is the first of the patterns that no call fits behind those that fit the
// patterns before it; -1 is none.
func inOrder(patterns []string, made []Call) int {
	for i, p := range patterns {
		at := slices.IndexFunc(made, func(c Call) bool { return c.fits(p) })
		if at < 0 {
			return i
		}
		made = made[at+1:]
	}
	return -1
}
