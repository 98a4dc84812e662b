package memo

import "sync"

// Baton lets one branch of a run go at a time, in the order in which they asked.
type Baton struct {
	mu    sync.Mutex
	held  bool
	queue []chan struct{}
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
	if len(b.queue) == 0 {
		b.held = false
		return
	}
	c := b.queue[0]
	b.queue = b.queue[1:]
	close(c)
}
