package secret

import (
	"math/bits"
	"slices"
	"strings"
)

// block is how many bytes the shift table looks at together.
const block = 3

// widest bounds the window, so that a shift fits a byte.
const widest = 128

// pattern is one spelling of a secret. Raw is the secret as it is.
type pattern struct {
	name string
	text string
	raw  bool
}

// table finds all patterns in one pass, after Wu and Manber: it looks at the last
// three bytes of a window that is as long as the shortest pattern, and a table of
// their hashes says how far the window can move without missing anything. Most of
// a text is never looked at. A table is not changed once it is made.
type table struct {
	patterns []pattern // the longest first
	window   int
	width    uint    // the shift table has 1<<width entries
	shift    []uint8 // by hash: how far the window may move; 0 where a pattern may begin in it
	heads    []int32 // by hash: the first pattern whose window ends with it, or -1
	next     []int32 // by pattern: the next one with the same hash, or -1
}

func newTable(patterns []pattern) *table {
	t := &table{patterns: slices.Clone(patterns), window: widest}
	slices.SortStableFunc(t.patterns, func(a, b pattern) int { return len(b.text) - len(a.text) })
	for _, p := range t.patterns {
		t.window = min(t.window, len(p.text))
	}
	// Some eight entries for each block keep most of the table at its widest shift.
	t.width = uint(min(16, max(12, bits.Len(uint(len(t.patterns)*t.window*8)))))
	t.shift, t.heads, t.next = make([]uint8, 1<<t.width), make([]int32, 1<<t.width), make([]int32, len(t.patterns))
	for i := range t.shift {
		t.shift[i], t.heads[i] = uint8(t.window-block+1), -1
	}
	for i := len(t.patterns) - 1; i >= 0; i-- { // so that each chain has the longest first
		text := t.patterns[i].text
		for end := block; end <= t.window; end++ {
			h := t.hash(text[end-block], text[end-2], text[end-1])
			t.shift[h] = min(t.shift[h], uint8(t.window-end))
			if end == t.window {
				t.next[i], t.heads[h] = t.heads[h], int32(i)
			}
		}
	}
	return t
}

func (t *table) hash(a, b, c byte) uint32 {
	return (uint32(a) | uint32(b)<<8 | uint32(c)<<16) * 0x9E3779B1 >> (32 - t.width)
}

// match is a place of a text to be masked.
type match struct {
	from, to int
	name     string
	raw      bool // the place holds a secret as it is
}

// scan adds the places where a pattern stands, the longest where several begin
// together, in order.
func (t *table) scan(out []match, s string) []match {
	window, width, shifts := t.window, 32-t.width, t.shift
	for end := window; end <= len(s); {
		h := (uint32(s[end-block]) | uint32(s[end-2])<<8 | uint32(s[end-1])<<16) * 0x9E3779B1 >> width
		if far := int(shifts[h]); far > 0 {
			end += far
			continue
		}
		from := end - window
		for i := t.heads[h]; i >= 0; i = t.next[i] {
			if p := &t.patterns[i]; strings.HasPrefix(s[from:], p.text) {
				out = append(out, match{from, from + len(p.text), p.name, p.raw})
				break
			}
		}
		end++
	}
	return out
}

// deepest is how many layers of escapes are undone: a URL in JSON in JSON.
const deepest = 3

// find gives all places of a text, also where the secret is written with escapes.
// Places that overlap are joined.
func (t *table) find(s string) []match {
	out := t.undone(t.scan(nil, s), s, nil)
	if len(out) < 2 {
		return out
	}
	slices.SortStableFunc(out, func(a, b match) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return b.to - a.to
	})
	joined := out[:1]
	for _, m := range out[1:] {
		switch last := &joined[len(joined)-1]; {
		case m.from >= last.to:
			joined = append(joined, m)
		case m.to > last.to:
			last.to, last.raw = m.to, false
		}
	}
	return joined
}

// undone adds the places that are found behind further layers of escapes; text is what
// is left behind those that were undone. All kinds of escapes are undone together, and
// each kind alone where there are several: what stands before a secret may make
// an escape of another kind together with its first letters (`%` before `00`).
func (t *table) undone(out []match, text string, layers []unescaped) []match {
	if len(layers) == deepest || len(text) < t.window {
		return out
	}
	ways := kindsIn(text)
	if len(ways) > 1 {
		ways = append(ways, kinds)
	}
	seen := make([]string, 0, len(kinds)+1)
	for _, kinds := range ways {
		u, any := unescape(text, kinds)
		if !any || slices.Contains(seen, u.text) {
			continue
		}
		seen = append(seen, u.text)
		found := t.scan(nil, u.text)
		if strings.Contains(u.text, "+") { // a form of the web writes some spaces so, and others as %20
			found = t.scan(found, strings.ReplaceAll(u.text, "+", " "))
		}
		through := append(layers[:len(layers):len(layers)], u)
		for _, m := range found {
			for i := len(through) - 1; i >= 0; i-- {
				m.from, m.to = through[i].from(m.from), through[i].to(m.to)
			}
			out = append(out, match{m.from, m.to, m.name, false})
		}
		out = t.undone(out, u.text, through)
	}
	return out
}

// begun is where a text that was cut off ends in the beginning of a secret, or the
// text's length. A few letters are no beginning.
func (t *table) begun(s string) int {
	at := len(s)
	for _, p := range t.patterns {
		for n := min(len(p.text)-1, len(s)); n >= MinLength/2; n-- {
			if len(s)-n < at && strings.HasSuffix(s, p.text[:n]) {
				at = len(s) - n
				break
			}
		}
	}
	return at
}
