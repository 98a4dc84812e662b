// Package memo is what the runtimes share: the journal as a run's memory, the
// baton that lets one branch of a run go at a time, and the translation between
// calls, results and events.
package memo

import (
	"fmt"
	"strings"
	"sync"

	"runbook/engine/journal"
)

// Memo is a run's journal with an index of what is in it. An event is recorded
// once by type and key; what a resumed run does again is found, not repeated.
type Memo struct {
	w     *journal.Writer
	mu    sync.Mutex
	have  map[id]journal.Event
	more  map[id]int             // how often an event stands there besides the first time
	early map[id]journal.Event   // the first of those that stand there more than once
	began func() map[string]bool // the keys of the earlier part, and those that they begin with
	err   error
	died  func(error) // told once, when there is an err
}

type id struct {
	typ journal.Type
	key string
}

// New opens the memory of a run, with the events of its earlier part.
func New(w *journal.Writer, past []journal.Event) *Memo {
	m := &Memo{w: w, have: make(map[id]journal.Event, 2*len(past)+64), more: map[id]int{}, early: map[id]journal.Event{}}
	for _, e := range past {
		if was, again := m.have[id{e.Type, e.Key}]; again {
			if _, known := m.early[id{e.Type, e.Key}]; !known {
				m.early[id{e.Type, e.Key}] = was
			}
			m.more[id{e.Type, e.Key}]++
		}
		m.have[id{e.Type, e.Key}] = e
	}
	m.began = sync.OnceValue(func() map[string]bool { return beginnings(past) })
	return m
}

// beginnings are the keys of events, and those of what they stand in.
func beginnings(past []journal.Event) map[string]bool {
	out := map[string]bool{}
	for _, e := range past {
		for i := range len(e.Key) {
			if strings.IndexByte("/#[>.", e.Key[i]) >= 0 {
				out[e.Key[:i]] = true
			}
		}
		out[e.Key] = true
	}
	return out
}

// Began reports whether something in what has this key stands in the earlier part.
func (m *Memo) Began(key string) bool { return m.began()[key] }

// Find looks for an event.
func (m *Memo) Find(typ journal.Type, key string) (journal.Event, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.have[id{typ, key}]
	return e, ok
}

// First is the first event of those that stand there more than once; the one that
// Find gives where there is one alone.
func (m *Memo) First(typ journal.Type, key string) journal.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.early[id{typ, key}]; ok {
		return e
	}
	return m.have[id{typ, key}]
}

// Record writes an event unless it is there, and gives it as it is in the
// journal. After an error the memory takes nothing more; Err says what it was.
func (m *Memo) Record(typ journal.Type, step, key string, data any, durable bool) (journal.Event, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.have[id{typ, key}]; ok {
		m.compare(e, data)
		return e, m.err == nil
	}
	if m.err != nil {
		return journal.Event{}, false
	}
	e, err := m.w.Append(typ, step, key, data, durable)
	if err != nil {
		m.fail(err)
		return e, false
	}
	m.have[id{typ, key}] = e
	return e, true
}

// Again writes an event that is there already once more; the last one counts.
func (m *Memo) Again(typ journal.Type, step, key string, data any, durable bool) (journal.Event, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return journal.Event{}, false
	}
	e, err := m.w.Append(typ, step, key, data, durable)
	if err != nil {
		m.fail(err)
		return e, false
	}
	if was, there := m.have[id{typ, key}]; there {
		if _, known := m.early[id{typ, key}]; !known {
			m.early[id{typ, key}] = was
		}
		m.more[id{typ, key}]++
	}
	m.have[id{typ, key}] = e
	return e, true
}

// Times says how often an event stands there.
func (m *Memo) Times(typ journal.Type, key string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.have[id{typ, key}]; !ok {
		return 0
	}
	return 1 + m.more[id{typ, key}]
}

// Note writes an event that may come more than once for a key.
func (m *Memo) Note(typ journal.Type, step, key string, data any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		_, err := m.w.Append(typ, step, key, data, false)
		m.fail(err)
	}
}

// compare: a decision is made anew on resume, and must come out as it did.
func (m *Memo) compare(e journal.Event, data any) {
	now, ok := data.(journal.DecisionMadeData)
	if !ok {
		return
	}
	then, err := journal.Decode[journal.DecisionMadeData](e)
	if err == nil && then.Branch != now.Branch {
		err = fmt.Errorf("the decision %s was %q and would now be %q: the run cannot go on from this journal", e.Key, then.Branch, now.Branch)
	}
	m.fail(err)
}

// OnDeath has died told of what the memory died of: what is under way then cannot be
// written down any more.
func (m *Memo) OnDeath(died func(error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.died = died
}

// fail ends the memory at the first error.
func (m *Memo) fail(err error) {
	if err == nil || m.err != nil {
		return
	}
	m.err = err
	if m.died != nil {
		m.died(err)
	}
}

// Err is what the memory died of.
func (m *Memo) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Fail ends the memory: nothing is recorded any more.
func (m *Memo) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail(err)
}
