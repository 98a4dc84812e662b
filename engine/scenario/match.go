package scenario

import (
	"context"
	"net/url"
	"strings"
	"sync"
)

// Request is what a stub is held against.
type Request struct {
	Method string
	URL    *url.URL
	Header func(name string) string
	Body   string
}

// World is a scenario that is being played: it knows which replies were given.
// It is safe for many goroutines.
type World struct {
	*Scenario
	mu     sync.Mutex
	given  map[any]int
	missed []string
}

// Play opens a scenario's world.
func Play(s *Scenario) *World { return &World{Scenario: s, given: map[any]int{}} }

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
	why := "no stub answers " + call
	w.missed = append(w.missed, why)
	return why
}

func (w *World) next(stub any, replies int) int {
	n := w.given[stub]
	w.given[stub]++
	return min(n, replies-1)
}

// HTTP is the reply to a request. False: no stub answers it; why says what comes
// nearest.
func (w *World) HTTP(r Request) (reply HTTPReply, ok bool, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	nearest := ""
	for _, h := range w.Scenario.HTTP {
		problem := h.problem(r)
		if problem == "" {
			return h.Replies[w.next(h, len(h.Replies))], true, ""
		}
		if nearest == "" && glob(h.URL, plain(r.URL)) {
			nearest = "; the nearest, " + h.Method + " " + h.URL + ", does not fit: " + problem
		}
	}
	why = "no stub answers " + r.Method + " " + plain(r.URL) + nearest
	w.missed = append(w.missed, why)
	return HTTPReply{}, false, why
}

func plain(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }

func (h *HTTPStub) problem(r Request) string {
	if h.Method != r.Method {
		return "the method is " + r.Method
	}
	if !glob(h.URL, plain(r.URL)) && !glob(h.URL, plain(r.URL)+"/") {
		return "the URL is another"
	}
	for k, v := range h.Query {
		if got := r.URL.Query().Get(k); !glob(v, got) {
			return "the query's `" + k + "` is another"
		}
	}
	for k, v := range h.Headers {
		if !glob(v, r.Header(k)) {
			return "the header `" + k + "` is another"
		}
	}
	if p := h.Body.Problem(r.Body); p != "" {
		return "the body " + p
	}
	return ""
}

// Shell is the reply to a command.
func (w *World) Shell(argv []string, stdin string) (reply ShellReply, ok bool, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	nearest := ""
	for _, s := range w.Scenario.Shell {
		if !begins(argv, s.On) {
			continue
		}
		if p := s.Stdin.Problem(stdin); p != "" {
			nearest = "; the nearest does not fit: standard input " + p
			continue
		}
		return s.Replies[w.next(s, len(s.Replies))], true, ""
	}
	why = "no stub answers `" + strings.Join(argv, " ") + "`" + nearest
	w.missed = append(w.missed, why)
	return ShellReply{}, false, why
}

// NeedsStdin reports whether a stub of this command looks at standard input.
func (w *World) NeedsStdin(argv []string) bool {
	for _, s := range w.Scenario.Shell {
		if s.Stdin != nil && begins(argv, s.On) {
			return true
		}
	}
	return false
}

func begins(argv, words []string) bool {
	if len(argv) < len(words) {
		return false
	}
	for i, w := range words {
		if !glob(w, argv[i]) {
			return false
		}
	}
	return true
}

// glob holds a text against a pattern in which * stands for any part.
func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	last := len(parts) - 1
	for _, p := range parts[1:last] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[last])
}
