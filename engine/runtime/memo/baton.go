package memo

import "sync"

// Baton lets one branch of a run go at a time, in the order in which they asked.
type Baton struct {
	mu     sync.Mutex
	held   bool
	queue  []chan struct{}
	parked []parked
}

// parked is a branch that recalls what happened before: it goes on once no other
// can, in the order of the journal.
type parked struct {
	seq  int64
	turn chan struct{}
}

// Join gets in line and gives the wait for the turn, so that the order of
// branches is that in which they were started and not that of the scheduler.
func (b *Baton) Join() (wait func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.held {
		b.held = true
		return func() {}
	}
	c := make(chan struct{})
	b.queue = append(b.queue, c)
	return func() { <-c }
}

// Take waits for the turn.
func (b *Baton) Take() { b.Join()() }

// Give hands over to the next in line.
func (b *Baton) Give() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next()
}

// Yield hands over as a branch did that waited for what the journal holds as
// event seq, and comes back in the order of the journal: what a resumed run does
// again, it does in the order in which it was done.
func (b *Baton) Yield(seq int64) {
	b.mu.Lock()
	c := make(chan struct{})
	b.parked = append(b.parked, parked{seq, c})
	b.next()
	b.mu.Unlock()
	<-c
}

// next lets the first in line go, else the parked branch whose event is the
// earliest.
func (b *Baton) next() {
	if len(b.queue) > 0 {
		c := b.queue[0]
		b.queue = b.queue[1:]
		close(c)
		return
	}
	if len(b.parked) == 0 {
		b.held = false
		return
	}
	first := 0
	for i, p := range b.parked {
		if p.seq < b.parked[first].seq {
			first = i
		}
	}
	c := b.parked[first].turn
	b.parked = append(b.parked[:first:first], b.parked[first+1:]...)
	close(c)
}
