package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine/journal"
)

// screen is a terminal: it knows what Live uses of one (wrapping, line feeds, CSI
// A, J and m), breaks lines anew when it is resized, and keeps what scrolled off.
type screen struct {
	t             *testing.T
	mu            sync.Mutex
	width, height int
	rows          []cells // all rows, those that scrolled off first
	y, x          int     // the cursor, counted from the first row ever
}

type cells struct {
	text    []rune // a wide character is followed by a 0
	wrapped bool   // goes on in the next row
}

func newScreen(t *testing.T, width, height int) *screen {
	return &screen{t: t, width: width, height: height, rows: make([]cells, 1)}
}

func (s *screen) size() (int, int) { return s.width, s.height }

// top is the first row that is on the screen.
func (s *screen) top() int { return max(0, len(s.rows)-s.height) }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for text := string(p); text != ""; {
		if strings.HasPrefix(text, "\x1b[") {
			end := strings.IndexFunc(text[2:], func(r rune) bool { return r >= '@' && r <= '~' })
			if end < 0 {
				s.t.Fatalf("half a sequence: %q", text)
			}
			s.control(text[2:2+end], text[2+end])
			text = text[3+end:]
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		s.put(r)
	}
	return len(p), nil
}

func (s *screen) control(args string, final byte) {
	n, _ := strconv.Atoi(args)
	switch final {
	case 'A':
		s.y = max(s.top(), s.y-max(1, n))
	case 'J':
		s.rows = s.rows[:s.y+1]
		s.rows[s.y].text = s.rows[s.y].text[:min(s.x, len(s.rows[s.y].text))]
		s.rows[s.y].wrapped = false
	case 'm':
	default:
		s.t.Fatalf("a sequence that the screen does not know: %q%c", args, final)
	}
}

func (s *screen) feed() {
	if s.y++; s.y == len(s.rows) {
		s.rows = append(s.rows, cells{})
	}
}

func (s *screen) put(r rune) {
	switch r {
	case '\n':
		s.feed()
		s.x = 0
		return
	case '\r':
		s.x = 0
		return
	}
	n := runeColumns(r)
	if unsafe(r) && r != replacement {
		s.t.Fatalf("%U reached the terminal", r)
	}
	if n == 0 {
		return
	}
	if s.x+n > s.width {
		s.rows[s.y].wrapped = true
		s.feed()
		s.x = 0
	}
	row := &s.rows[s.y]
	for len(row.text) < s.x+n {
		row.text = append(row.text, ' ')
	}
	row.text[s.x] = r
	if n == 2 {
		row.text[s.x+1] = 0
	}
	s.x += n
}

// resize breaks the lines anew, as terminals do.
func (s *screen) resize(width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.lines()
	s.width, s.height, s.rows, s.x, s.y = width, height, make([]cells, 1), 0, 0
	for i, l := range text {
		if i > 0 {
			s.put('\n')
		}
		for _, r := range l {
			s.put(r)
		}
	}
}

// lines are all lines, whole.
func (s *screen) lines() []string {
	var out []string
	open := false
	for _, r := range s.rows {
		text := strings.ReplaceAll(string(r.text), "\x00", "")
		if open {
			out[len(out)-1] += text
		} else {
			out = append(out, text)
		}
		open = r.wrapped
	}
	return out
}

func (s *screen) text() string { return strings.Join(s.lines(), "\n") }

// clock is a time that stands until it is moved.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// event plays an event at the time at which it happened.
func (c *clock) event(l *Live, e journal.Event) {
	c.t = e.Time
	l.Event(e)
}

// said are the lines of the finished part.
func said(events []journal.Event) string {
	d := newDrawer(LineOptions{})
	d.live = true
	text := ""
	for _, e := range events {
		text += d.event(e)
	}
	return text
}

func TestLiveLeavesTheLines(t *testing.T) {
	for _, name := range []string{"payments", "orders", "resumed"} {
		for _, size := range [][2]int{{80, 24}, {20, 5}, {40, 3}, {30, 2}, {9, 1}, {200, 50}} {
			events := fixture(t, name)
			s, c := newScreen(t, size[0], size[1]), &clock{}
			l := newLive(s, LiveOptions{Size: s.size}, c.now)
			for i, e := range events {
				c.event(l, e)
				if i%3 == 0 {
					c.t = c.t.Add(time.Second)
					l.mu.Lock()
					l.redraw()
					l.mu.Unlock()
				}
				if len(l.shown) >= size[1] {
					t.Fatalf("%s at %v: the live part fills the screen:\n%s", name, size, strings.Join(l.shown, "\n"))
				}
				for _, line := range l.shown {
					if columns(line) > size[0] {
						t.Fatalf("%s at %v: %q takes %d columns", name, size, line, columns(line))
					}
				}
			}
			l.Close()
			want := strings.ReplaceAll(said(events), "\u200d", "")
			if got := s.text(); got != want {
				t.Errorf("%s at %v: the screen holds\n%s\nnot\n%s", name, size, got, want)
			}
		}
	}
}

func event(typ journal.Type, key string, at time.Time, data any) journal.Event {
	raw, _ := json.Marshal(data)
	id := key[strings.LastIndexAny(key, "/>")+1:]
	id, _, _ = strings.Cut(id, "#")
	return journal.Event{Type: typ, Step: id, Key: key, Time: at, Data: raw}
}

func TestLiveShowsWhatIsUnderWay(t *testing.T) {
	s, c := newScreen(t, 60, 12), &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	l := newLive(s, LiveOptions{Size: s.size}, c.now)
	at := func(after time.Duration, typ journal.Type, key string, data any) {
		c.t = c.t.Add(after)
		l.Event(event(typ, key, c.t, data))
	}
	want := func(text string) {
		t.Helper()
		l.mu.Lock()
		l.redraw()
		l.mu.Unlock()
		if got := s.text(); got != text {
			t.Errorf("the screen holds\n%s\nnot\n%s", got, text)
		}
	}
	at(0, journal.StepStarted, "look", journal.StepStartedData{Role: "parallel", Title: "Look"})
	at(0, journal.StepStarted, "look/api", journal.StepStartedData{Role: "check", Title: "Can we reach the API?", Budget: 10})
	at(0, journal.StepStarted, "look/up", journal.StepStartedData{Role: "check", Title: strings.Repeat("とても長い", 20)})
	at(0, journal.AttemptStarted, "look/up#p1.a1", journal.AttemptStartedData{})
	c.t = c.t.Add(1250 * time.Millisecond)
	want(`  ▸ look  Look
  ◓ look  Look  1.2s
    ◓ api  Can we reach the API?  1.2s / 10s
    ◓ up  とても長いとても長いとても長いとても長いと…  1.2s
`)
	at(0, journal.WaitStarted, "look/up#p1.poll", journal.WaitStartedData{For: "poll", Length: 30})
	at(0, journal.AttemptStarted, "look/api#a1", journal.AttemptStartedData{})
	at(0, journal.AttemptFinished, "look/api#a1", journal.AttemptFinishedData{Error: &journal.Error{Kind: "dns", Message: "no such host"}})
	at(0, journal.WaitStarted, "look/api#a1.retry", journal.WaitStartedData{For: "retry", Length: 2})
	at(time.Second, journal.StepStarted, "look/ask", journal.StepStartedData{Role: "manual"})
	at(0, journal.ApprovalRequested, "look/ask#manual", journal.ApprovalRequestedData{Kind: "manual", Text: "Do it"})
	want(`  ▸ look  Look
    … api  could not; tries again in 2s: dns: no such host
  ◓ look  Look  2.2s
    ◓ api  Can we reach …  2.2s / 10s  attempt 1, next in 2s
    ◓ up  とても長いとても長いと…  2.2s  poll 1, next in 30s
    ◐ ask  0.0s  waits for a person
`)
	at(0, journal.StepFinished, "look/api", journal.StepFinishedData{Role: "check", Verdict: "error", Reason: "dns: no such host", Attempts: 1, Duration: 2})
	want(`  ▸ look  Look
    … api  could not; tries again in 2s: dns: no such host
    ! api  Can we reach the API?  2s
      dns: no such host
  ◓ look  Look  2.2s
    ◓ up  とても長いとても長いと…  2.2s  poll 1, next in 30s
    ◐ ask  0.0s  waits for a person
`)
	at(0, journal.RunPaused, "", journal.RunPausedData{Waiting: []string{"look/ask"}})
	if text := s.text(); strings.Contains(text, "◐") || !strings.Contains(text, "ask: Do it") {
		t.Errorf("a paused run shows\n%s", text)
	}
}

func TestLiveMakesRoomForAPrompt(t *testing.T) {
	s, c := newScreen(t, 60, 12), &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	l := newLive(s, LiveOptions{Size: s.size}, c.now)
	l.Event(event(journal.StepStarted, "a", c.t, journal.StepStartedData{Role: "check"}))
	l.Event(event(journal.StepStarted, "b", c.t, journal.StepStartedData{Role: "check"}))
	c.t = c.t.Add(time.Second)
	l.redraw()
	l.Suspend()
	l.Suspend()
	if s.text() != "" {
		t.Errorf("the prompt finds the screen at\n%s", s.text())
	}
	fmt.Fprint(s, "Go ahead? ")
	l.Event(event(journal.StepFinished, "a", c.t, journal.StepFinishedData{Role: "check", Verdict: "passed"}))
	l.Resume()
	l.redraw()
	if s.text() != "Go ahead? " {
		t.Errorf("a prompt is open, and the screen holds\n%s", s.text())
	}
	fmt.Fprint(s, "yes\n")
	l.Resume()
	l.Resume()
	want := "Go ahead? yes\n  ✓ a  0s\n  ◐ b  1.0s\n"
	if s.text() != want {
		t.Errorf("afterwards the screen holds\n%s", s.text())
	}
	l.Suspend()
	l.Event(event(journal.StepFinished, "b", c.t, journal.StepFinishedData{Role: "check", Verdict: "passed"}))
	l.Close()
	l.Close()
	l.Event(event(journal.StepFinished, "c", c.t, journal.StepFinishedData{Role: "check", Verdict: "passed"}))
	if want := "Go ahead? yes\n  ✓ a  0s\n  ✓ b  0s\n  ✓ c  0s\n"; s.text() != want {
		t.Errorf("in the end the screen holds\n%s", s.text())
	}
}

func TestLiveIsBoundedByTheTerminal(t *testing.T) {
	s, c := newScreen(t, 40, 8), &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	l := newLive(s, LiveOptions{Size: s.size}, c.now)
	l.Event(event(journal.StepStarted, "all", c.t, journal.StepStartedData{Role: "parallel"}))
	for i := range 100 {
		l.Event(event(journal.StepStarted, fmt.Sprintf("all/s%d", i), c.t, journal.StepStartedData{Role: "check", Title: strings.Repeat("wide 表 ", 30)}))
	}
	l.redraw()
	if n := len(l.shown); n != 6 || !strings.Contains(l.shown[5], "… and 96 more under way") {
		t.Errorf("%d lines:\n%s", n, strings.Join(l.shown, "\n"))
	}
	for i := range 100 {
		l.Event(event(journal.StepFinished, fmt.Sprintf("all/s%d", i), c.t, journal.StepFinishedData{Role: "check", Verdict: "skipped"}))
		c.t = c.t.Add(100 * time.Millisecond)
	}
	l.Event(event(journal.StepFinished, "all", c.t, journal.StepFinishedData{Role: "parallel", Verdict: "passed"}))
	l.Close()
	got := s.text()
	if n := strings.Count(got, "\n"); n != 102 || strings.Contains(got, "under way") || strings.ContainsAny(got, "◐◓◑◒") || !strings.HasPrefix(got, "  ▸ all\n") {
		t.Errorf("%d lines are left:\n%s", n, got)
	}
}

// A terminal that is made narrower breaks the lines of the live part: they take
// more rows than were drawn.
func TestLiveIsResized(t *testing.T) {
	s, c := newScreen(t, 60, 20), &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	l := newLive(s, LiveOptions{Size: s.size, Color: true}, c.now)
	want := ""
	l.Event(event(journal.StepFinished, "before", c.t, journal.StepFinishedData{Role: "check", Verdict: "passed"}))
	want += "  ✓ before  0s\n"
	for i := range 4 {
		l.Event(event(journal.StepStarted, fmt.Sprintf("s%d", i), c.t, journal.StepStartedData{Role: "check", Title: strings.Repeat("wide 表 ", 30)}))
	}
	for i, size := range [][2]int{{60, 20}, {25, 20}, {40, 20}, {21, 30}, {120, 20}, {50, 20}} {
		s.resize(size[0], size[1])
		c.t = c.t.Add(time.Second)
		key := fmt.Sprintf("d%d", i)
		l.Event(event(journal.StepFinished, key, c.t, journal.StepFinishedData{Role: "check", Verdict: "passed"}))
		want += "  ✓ " + key + "  0s\n"
		if got := s.text(); !strings.HasPrefix(got, want) || strings.Count(got, "\n") != i+2+4 {
			t.Errorf("after %v:\n%s", size, got)
		}
	}
	l.Close()
	if got := s.text(); got != want {
		t.Errorf("in the end the screen holds\n%s", got)
	}
}

func TestLiveAtOnce(t *testing.T) {
	events := fixture(t, "orders")
	s := newScreen(t, 80, 24)
	l := NewLive(s, LiveOptions{Color: true, Size: s.size, Tick: time.Millisecond})
	var all sync.WaitGroup
	for range 4 {
		all.Add(2)
		go func() {
			defer all.Done()
			for _, e := range events {
				l.Event(e)
			}
		}()
		go func() {
			defer all.Done()
			for range 20 {
				l.Suspend()
				time.Sleep(time.Millisecond)
				l.Resume()
			}
		}()
	}
	all.Wait()
	l.Close()
	n := len(s.text())
	time.Sleep(10 * time.Millisecond)
	if len(s.text()) != n {
		t.Error("something is drawn after Close")
	}
	x := NewLines(io.Discard, LineOptions{})
	for range 2 {
		all.Add(1)
		go func() {
			defer all.Done()
			for _, e := range events {
				x.Event(e)
			}
		}()
	}
	all.Wait()
}

// gone is a terminal that went away.
type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestNobodyLooks(t *testing.T) {
	l := NewLive(gone{}, LiveOptions{Size: func() (int, int) { return 0, -1 }})
	r := NewRehearsal(gone{}, RehearsalOptions{})
	x := NewLines(gone{}, LineOptions{})
	for _, e := range append(fixture(t, "orders"), fixture(t, "orders.rehearsal")...) {
		l.Event(e)
		x.Event(e)
		r.Event(e)
	}
	l.Close()
	r.Close()
}
