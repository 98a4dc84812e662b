package scenario

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"runbook/engine/source"
)

// Request is what a stub is held against. Step and Key say which attempt makes
// it, where that is known.
type Request struct {
	Method string
	URL    *url.URL
	Header func(name string) string
	Body   string
	Step   string
	Key    string
}

// Command is a program that a stub is held against.
type Command struct {
	Argv  []string
	Stdin string
	Step  string
	Key   string
}

// World is a scenario that is being played: it knows which replies were given,
// and which calls were made. It is safe for many goroutines.
type World struct {
	*Scenario
	Clock func() time.Time // nil is the real one

	mu     sync.Mutex
	given  map[any]int
	missed []string
	struck bool // somebody has pressed Ctrl-C, or is about to
	calls  []Call
}

// Play opens a scenario's world.
func Play(s *Scenario) *World { return &World{Scenario: s, given: map[any]int{}} }

// Now is the time in this world.
func (w *World) Now() time.Time {
	if w.Clock != nil {
		return w.Clock()
	}
	return time.Now()
}

// Begins tells that a step begins, by the name under which people answer it. True:
// somebody presses Ctrl-C after that while.
func (w *World) Begins(name string) (after time.Duration, cancels bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.struck || w.Cancel.Step == "" || w.Cancel.Step != name {
		return 0, false
	}
	w.struck = true
	return w.Cancel.After, true
}

// uncancelled says what kept the scenario's cancel from coming, or "".
func (w *World) uncancelled() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Cancel.Step == "" || w.struck {
		return ""
	}
	return "none: " + w.Cancel.Step + " never began"
}

type during struct{}

// During is a context in which a step makes an attempt.
func During(ctx context.Context, step, key string) context.Context {
	return context.WithValue(ctx, during{}, [2]string{step, key})
}

// Attempt is the step and the key of the attempt in which a call is made; both
// are empty where nobody knows.
func Attempt(ctx context.Context) (step, key string) {
	at, _ := ctx.Value(during{}).([2]string)
	return at[0], at[1]
}

// Missed are the calls that no stub answered, in words.
func (w *World) Missed() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.missed...)
}

// Miss notes a call that no stub can answer, and gives it in words.
func (w *World) Miss(call string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.miss("no stub answers " + call)
}

func (w *World) miss(why string) string {
	w.missed = append(w.missed, why)
	return why
}

// next is which of a stub's replies is due; false: it has none any more.
func (w *World) next(stub any, replies, times int) (int, bool) {
	n := w.given[stub]
	w.given[stub]++
	return min(n, replies-1), times == 0 || n < times
}

// ranOut says that a stub has no more replies for a call.
func (w *World) ranOut(call string, times int, at source.Span) string {
	replies := "replies"
	if times == 1 {
		replies = "reply"
	}
	return w.miss(fmt.Sprintf("no stub answers %s: the sequence of %d %s ran out%s", call, times, replies, standing(at)))
}

// standing says where a stub stands.
func standing(at source.Span) string {
	if at.IsZero() {
		return ""
	}
	p := at.Position()
	return fmt.Sprintf(" at %s:%d:%d", at.File.Name, p.Line, p.Column)
}

// HTTP is the reply to a request. False: no stub answers it; why says what comes
// nearest.
func (w *World) HTTP(r Request) (reply HTTPReply, ok bool, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	call := r.Method + " " + plain(r.URL)
	w.record(Call{Kind: "http", Line: call, Body: r.Body, Step: r.Step, Key: r.Key})
	nearest := ""
	for _, h := range w.Scenario.HTTP {
		problem := h.problem(r)
		if problem == "" {
			n, left := w.next(h, len(h.Replies), h.Times)
			if !left {
				return reply, false, w.ranOut(call, h.Times, h.Span)
			}
			return h.Replies[n], true, ""
		}
		if nearest == "" && glob(h.URL, plain(r.URL)) {
			nearest = "; the nearest, " + h.Method + " " + h.URL + standing(h.Span) + ", does not fit: " + problem
		}
	}
	if nearest == "" {
		nearest = nearestOf(call, w.Scenario.HTTP)
	}
	return reply, false, w.miss("no stub answers " + call + nearest)
}

// nearestOf names the stub whose method and URL are almost those of a call.
func nearestOf(call string, stubs []*HTTPStub) string {
	var have []string
	at := map[string]string{}
	for _, h := range stubs {
		on := h.Method + " " + h.URL
		have = append(have, on)
		at[on] = cmp.Or(at[on], standing(h.Span))
	}
	if near := source.Suggest(call, have); near != "" {
		return "; the nearest is for " + near + at[near]
	}
	return ""
}

func plain(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }

// isFor reports whether a method and a URL are those of a stub or an expectation.
func isFor(method, pattern, gotMethod, got string) bool {
	return glob(method, gotMethod) && (glob(pattern, got) || glob(pattern, got+"/"))
}

func (h *HTTPStub) problem(r Request) string {
	if !glob(h.Method, r.Method) {
		return "the method is " + r.Method
	}
	if !isFor(h.Method, h.URL, r.Method, plain(r.URL)) {
		return "the URL is another"
	}
	query := r.URL.Query()
	for _, k := range sorted(h.Query) {
		if !glob(h.Query[k], query.Get(k)) {
			return "the query's `" + k + "` is another"
		}
	}
	for _, k := range sorted(h.Headers) {
		if !glob(h.Headers[k], r.Header(k)) {
			return "the header `" + k + "` is another"
		}
	}
	if p := h.Body.Problem(r.Body); p != "" {
		return "the body " + p
	}
	return ""
}

// Command is the reply to a command.
func (w *World) Command(c Command) (reply ShellReply, ok bool, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	line := lineOf(c.Argv)
	w.record(Call{Kind: "shell", Line: line, Argv: append([]string(nil), c.Argv...), Body: c.Stdin, Step: c.Step, Key: c.Key})
	nearest := ""
	for _, s := range w.Scenario.Shell {
		if !begins(c.Argv, s.On) {
			continue
		}
		if p := s.Stdin.Problem(c.Stdin); p != "" {
			nearest = "; the nearest" + standing(s.Span) + " does not fit: standard input " + p
			continue
		}
		n, left := w.next(s, len(s.Replies), s.Times)
		if !left {
			return reply, false, w.ranOut("`"+line+"`", s.Times, s.Span)
		}
		return s.Replies[n], true, ""
	}
	if nearest == "" {
		nearest = ofProgram(c.Argv, w.Scenario.Shell)
	}
	return reply, false, w.miss("no stub answers `" + line + "`" + nearest)
}

// ofProgram names the stubs that are for other commands of the same program.
func ofProgram(argv []string, stubs []*ShellStub) string {
	const named = 3
	var have []string
	for _, s := range stubs {
		line := "`" + lineOf(s.On) + "`"
		if len(argv) > 0 && len(s.On) > 0 && glob(s.On[0], argv[0]) && !slices.Contains(have, line) {
			have = append(have, line)
		}
	}
	switch {
	case len(have) == 0:
		return ""
	case len(have) > named:
		return fmt.Sprintf("; there are stubs for %s and %d more", strings.Join(have[:named], ", "), len(have)-named)
	}
	return "; there are stubs for " + strings.Join(have, ", ")
}

// NeedsStdin reports whether standard input of this command is looked at.
func (w *World) NeedsStdin(argv []string) bool {
	for _, s := range w.Scenario.Shell {
		if s.Stdin != nil && begins(argv, s.On) {
			return true
		}
	}
	for _, c := range w.Expect.Calls {
		if on, _ := argvOf(c.On); c.Body != nil && begins(argv, on) {
			return true
		}
	}
	return false
}
