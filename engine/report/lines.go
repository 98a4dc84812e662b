package report

import (
	"io"
	"sync"

	"runbook/engine/journal"
)

// LineOptions say how lines are drawn. Verbose adds when each happened, what was
// done, and what was found.
type LineOptions struct {
	Color   bool
	Verbose bool
	// Now is how the run stands by now, where it is told afterwards: a message that
	// was sent since is nothing to paste. Nil is what the events say so far.
	Now *journal.State
	// Command is how a command of the program is written for a run that is kept where
	// this one is: "resume" gives `runbook resume`, or `runbook resume --state DIR`.
	// Nil is the plain one.
	Command func(string) string
}

// Lines draws a run as plain lines, for a pipe, CI or a log. It is safe for
// concurrent use.
type Lines struct {
	mu   sync.Mutex
	w    io.Writer
	draw *drawer
}

// NewLines draws on w.
func NewLines(w io.Writer, o LineOptions) *Lines {
	return &Lines{w: w, draw: newDrawer(o)}
}

// Event draws an event. That nobody reads what is drawn must not end the run, so
// an error of the writer is not looked at.
func (l *Lines) Event(e journal.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text := l.draw.event(e); text != "" {
		_, _ = io.WriteString(l.w, text)
	}
}

// Past tells of an event from before a resume: it is known from then on, and not
// drawn.
func (l *Lines) Past(e journal.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draw.state.Apply(e)
}
