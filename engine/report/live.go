package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"runbook/engine/journal"
)

// LiveOptions say how a live tree is drawn. Size is the terminal's, asked anew
// for each drawing; nil, or an answer below 1, is 80 by 24. Tick is how often what
// is under way is drawn anew; 0 is five times a second.
type LiveOptions struct {
	Color bool
	Size  func() (width, height int)
	Tick  time.Duration
	// Command is that of LineOptions.
	Command func(string) string
}

// Live draws a run on a terminal: what is done scrolls up as lines, and below it
// what is under way is drawn anew. It is safe for concurrent use.
type Live struct {
	opts LiveOptions
	now  func() time.Time
	stop chan struct{}
	gone sync.WaitGroup

	mu        sync.Mutex
	w         io.Writer
	draw      *drawer
	running   []*journal.Step
	pending   strings.Builder // lines that are done and not on the screen yet
	shown     []string        // the live part as it is on the screen
	last      time.Time       // when it was drawn
	suspended int
	over      bool // the run ended or pauses: nothing is under way
	closed    bool
}

// the least time between two drawings: a burst of events is drawn once.
const calm = 30 * time.Millisecond

// NewLive draws on w, which is a terminal. Close ends it.
func NewLive(w io.Writer, o LiveOptions) *Live {
	l := newLive(w, o, time.Now)
	l.gone.Add(1)
	go l.tick()
	return l
}

func newLive(w io.Writer, o LiveOptions, now func() time.Time) *Live {
	if o.Tick <= 0 {
		o.Tick = 200 * time.Millisecond
	}
	l := &Live{opts: o, now: now, stop: make(chan struct{}), w: w, draw: newDrawer(LineOptions{Color: o.Color, Command: o.Command})}
	l.draw.live = true
	return l
}

func (l *Live) tick() {
	defer l.gone.Done()
	t := time.NewTicker(l.opts.Tick)
	defer t.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-t.C:
			l.mu.Lock()
			l.redraw()
			l.mu.Unlock()
		}
	}
}

// Event takes an event.
func (l *Live) Event(e journal.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.draw.event(e)
	l.pending.WriteString(text)
	l.follow(e)
	if l.closed {
		l.flush()
		return
	}
	if now := l.now(); text != "" && now.Sub(l.last) >= calm || l.over {
		l.redraw()
	}
}

// Past tells of an event from before a resume: it is known from then on, and not
// drawn.
func (l *Live) Past(e journal.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draw.state.Apply(e)
	l.follow(e)
}

// follow keeps the list of the steps that are under way.
func (l *Live) follow(e journal.Event) {
	st := l.draw.state.Step(e.Key)
	switch e.Type {
	case journal.StepStarted:
		l.over = false
		if st != nil && !slices.Contains(l.running, st) {
			l.running = append(l.running, st)
		}
	case journal.StepFinished:
		l.running = slices.DeleteFunc(l.running, func(x *journal.Step) bool { return x == st })
	case journal.RunFinished:
		l.running, l.over = nil, true
	case journal.RunPaused:
		l.over = true
	case journal.RunResumed:
		l.over = false
	}
}

// Suspend takes the live part away and draws nothing until Resume: a prompt is
// open. It may be called more than once; as many Resumes go on.
func (l *Live) Suspend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.suspended++; l.suspended > 1 || l.closed {
		return
	}
	l.write(l.erase() + l.take())
}

// Resume draws again, with what happened meanwhile.
func (l *Live) Resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.suspended == 0 {
		return
	}
	if l.suspended--; l.suspended == 0 && !l.closed {
		l.redraw()
	}
}

// Close takes the live part away, leaves the lines, and ends the drawing. Events
// that come later are written as lines.
func (l *Live) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	l.write(l.erase() + l.take())
	l.mu.Unlock()
	close(l.stop)
	l.gone.Wait()
}

// flush writes what is pending, where there is no live part.
func (l *Live) flush() { l.write(l.take()) }

func (l *Live) take() string {
	s := l.pending.String()
	l.pending.Reset()
	return s
}

// write writes at once, so that a terminal never sees half a drawing. That
// nobody looks any more must not end the run.
func (l *Live) write(s string) {
	if s != "" {
		_, _ = io.WriteString(l.w, s)
	}
}

func (l *Live) size() (int, int) {
	w, h := 0, 0
	if l.opts.Size != nil {
		w, h = l.opts.Size()
	}
	if w < 1 {
		w = 80
	}
	if h < 1 {
		h = 24
	}
	return w, h
}

// redraw puts the pending lines above a new live part.
func (l *Live) redraw() {
	if l.suspended > 0 || l.closed {
		return
	}
	width, height := l.size()
	next := l.tree(width, height)
	if l.pending.Len() == 0 && slices.Equal(next, l.shown) {
		return
	}
	text := l.erase() + l.take()
	for _, line := range next {
		text += line + "\n"
	}
	l.shown, l.last = next, l.now()
	l.write(text)
}

// erase takes the live part off the screen. A terminal that has become narrower
// has broken its lines, so that they take more rows than were drawn.
func (l *Live) erase() string {
	if len(l.shown) == 0 {
		return ""
	}
	width, height := l.size()
	rows := 0
	for _, line := range l.shown {
		rows += max(1, (columns(bare(line))+width-1)/width)
	}
	l.shown = nil
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", min(rows, max(1, height-1)))
}

// bare is a line without its colours.
func bare(s string) string {
	for {
		i := strings.Index(s, "\x1b[")
		if i < 0 {
			return s
		}
		j := strings.IndexByte(s[i:], 'm')
		if j < 0 {
			return s[:i]
		}
		s = s[:i] + s[i+j+1:]
	}
}

// tree is the live part: what is under way, no more than the terminal has room
// for, no wider than it is.
func (l *Live) tree(width, height int) []string {
	if l.over || len(l.running) == 0 || height < 3 {
		return nil // so low a terminal has room for lines alone
	}
	room := height - 2
	steps := l.running
	more := 0
	if len(steps) > room {
		steps = l.leaves(room - 1)
		more = len(l.running) - len(steps)
	}
	now := l.now()
	var out []string
	if l.draw.state.Started.Mode == drill && room > len(steps)+min(more, 1) {
		out = append(out, l.draw.paint(loud, fit(" DRILL ", width)))
	}
	for _, st := range steps {
		out = append(out, l.line(st, now, width))
	}
	if more > 0 && len(out) < room {
		out = append(out, l.draw.paint(dim, fit(fmt.Sprintf("  … and %d more under way", more), width)))
	}
	return out
}

// leaves are the first steps that hold no others, as many as there is room for.
func (l *Live) leaves(n int) []*journal.Step {
	var out []*journal.Step
	for _, st := range l.running {
		if len(out) >= n {
			break
		}
		switch st.Info.Role {
		case "group", "parallel", "run", "each", "decide":
			continue
		}
		out = append(out, st)
	}
	return out
}

// the turning sign of what is under way: a terminal that stands still looks dead.
var spinner = []string{"◐", "◓", "◑", "◒"}

// line is one step that is under way.
func (l *Live) line(st *journal.Step, now time.Time, width int) string {
	elapsed := max(0, now.Sub(st.Began))
	sign := spinner[int(elapsed/(250*time.Millisecond))%len(spinner)]
	lead := pad(min(depth(st.Key), 20))
	text := name(st.ID, st.Key)
	if st.Info.Title != "" {
		text += "  " + oneLine(st.Info.Title)
	}
	state, tone := l.doing(st, now)
	clock := elapsedText(elapsed)
	if b := st.Info.Budget.Duration(); b > 0 {
		clock += " / " + span(b)
	}
	tail := "  " + clock
	if state != "" {
		tail += "  " + state
	}
	// What matters most stands last, so the title gives way to it.
	room := width - columns(lead) - 2 - columns(tail)
	if room < 12 {
		return fit(lead+sign+" "+text+tail, width)
	}
	return lead + l.draw.paint(cyan, sign) + " " + fit(text, room) + l.draw.paint(tone, tail)
}

// elapsedText does not jump about in width more than it must.
func elapsedText(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return span(d.Truncate(time.Second))
}

// doing says what a step waits for.
func (l *Live) doing(st *journal.Step, now time.Time) (string, style) {
	if q := st.Open(); q != nil {
		return "waits for a person", yellow
	}
	w := st.Waiting
	if w == nil {
		if st.Polls > 0 {
			return fmt.Sprintf("poll %d", st.Polls+1), dim
		}
		if st.Attempts > 1 {
			return fmt.Sprintf("attempt %d", st.Attempts), dim
		}
		return "", dim
	}
	left := max(0, w.Length.Duration()-now.Sub(st.Since))
	next := "next in " + span(left.Truncate(time.Second)+time.Second)
	if left == 0 {
		next = "next now"
	}
	switch w.For {
	case "poll":
		return fmt.Sprintf("poll %d, %s", st.Polls, next), dim
	case "retry":
		return fmt.Sprintf("attempt %d, %s", st.Attempts, next), dim
	case "delay":
		return "begins in " + strings.TrimPrefix(next, "next in "), dim
	}
	return next, dim
}
