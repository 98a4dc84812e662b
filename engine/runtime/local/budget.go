package local

import (
	"sync"
	"time"
)

// budget is the time of a scope. It stands still while all that goes on in the
// scope is waiting for people. A nil budget has no end.
type budget struct {
	outer *budget

	mu    sync.Mutex
	left  time.Duration
	busy  int // branches that do not wait for people
	since time.Time
	timer *time.Timer
	over  func()
}

func newBudget(outer *budget, d time.Duration, over func()) *budget {
	b := &budget{outer: outer, left: d, busy: 1, since: time.Now(), over: over}
	b.timer = time.AfterFunc(d, over)
	return b
}

// enter says that one more branch is at work.
func (b *budget) enter() {
	for ; b != nil; b = b.outer {
		b.mu.Lock()
		b.busy++
		if b.busy == 1 {
			b.since = time.Now()
			b.timer = time.AfterFunc(max(b.left, 0), b.over)
		}
		b.mu.Unlock()
	}
}

// leave says that a branch waits for people, or is done.
func (b *budget) leave() {
	for ; b != nil; b = b.outer {
		b.mu.Lock()
		b.busy--
		if b.busy == 0 {
			b.timer.Stop()
			b.left -= time.Since(b.since)
		}
		b.mu.Unlock()
	}
}

func (b *budget) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.timer.Stop()
}
