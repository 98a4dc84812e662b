package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// MinLength is the least length of a secret in bytes: shorter ones cannot be
// masked without tearing holes into ordinary text.
const MinLength = 8

// Masker takes every known form of every known secret out of what leaves the
// engine. It is safe for many goroutines; secrets may be added at any time.
type Masker struct {
	table atomic.Pointer[table] // nil without secrets

	mu       sync.Mutex
	patterns []pattern
	known    map[string]bool // texts of patterns
	plain    []plain
	words    []string
}

// plain is a text that everybody can read.
type plain struct{ what, text string }

// NewMasker knows no secrets yet.
func NewMasker() *Masker { return &Masker{known: map[string]bool{}} }

// Plain makes a text known that is kept as it is, such as the runbook itself: a
// secret that stands in it is none, and Add refuses it. What names the text.
func (m *Masker) Plain(what, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.plain = append(m.plain, plain{what, text})
}

// Reserve makes words known that a journal is written with, besides its own: a
// secret that is one of them, or a part of one, is refused.
func (m *Masker) Reserve(words ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.words = append(m.words, words...)
}

func (m *Masker) isWord(value string) bool {
	holds := func(word string) bool { return strings.Contains(word, value) }
	return slices.ContainsFunc(words, holds) || slices.ContainsFunc(m.words, holds)
}

// Add makes a secret known by its name. A value that cannot be masked is
// refused, with the reason, which does not hold it.
func (m *Masker) Add(name, value string) error {
	if len(value) < MinLength {
		return fmt.Errorf("secret %s has %d bytes; a secret needs at least %d, or it cannot be kept out of the journal", name, len(value), MinLength)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isWord(value) || strings.Trim(value, "‹*›") == "" {
		return fmt.Errorf("secret %s is an ordinary word, which the journal itself is written with: it cannot be a secret", name)
	}
	for _, p := range m.plain {
		if before, _, found := strings.Cut(p.text, value); found {
			return fmt.Errorf("secret %s stands in %s, line %d, where everybody can read it: take it out there, and give the secret another value", name, p.what, 1+strings.Count(before, "\n"))
		}
	}
	n := len(m.patterns)
	for _, f := range forms(value) {
		m.insert(pattern{name, f, f == value})
	}
	for _, f := range twice(value) {
		m.insert(pattern{name, f, false})
	}
	for _, part := range parts(value) {
		if len(part) < MinLength || m.isWord(part) {
			continue
		}
		for _, f := range forms(part) {
			m.insert(pattern{name, f, false})
		}
	}
	if len(m.patterns) > n {
		m.table.Store(newTable(m.patterns))
	}
	return nil
}

// insert keeps what is long enough and new.
func (m *Masker) insert(p pattern) {
	if len(p.text) < MinLength || m.known[p.text] {
		return
	}
	m.known[p.text] = true
	m.patterns = append(m.patterns, p)
}

// find is all places of a text to be masked.
func (m *Masker) find(s string) []match {
	t := m.table.Load()
	if t == nil || len(s) < t.window {
		return nil
	}
	return t.find(s)
}

// Clean reports whether there is no secret in a value, given its JSON.
func (m *Masker) Clean(raw []byte) bool {
	t := m.table.Load()
	if t == nil {
		return true
	}
	if len(t.scan(nil, string(raw))) > 0 {
		return false
	}
	for len(raw) > 0 {
		begin := bytes.IndexByte(raw, '"')
		if begin < 0 {
			return true
		}
		end, escaped := endOfString(raw, begin+1)
		text := string(raw[begin+1 : min(end, len(raw))])
		if escaped && json.Unmarshal(raw[begin:min(end+1, len(raw))], &text) != nil {
			return false // what cannot be read is looked at by whoever can
		}
		if len(text) >= t.window && len(t.find(text)) > 0 {
			return false
		}
		raw = raw[min(end+1, len(raw)):]
	}
	return true
}

// endOfString is where a string of JSON ends, given where its text begins, and
// whether there are escapes in it.
func endOfString(raw []byte, at int) (end int, escaped bool) {
	for at < len(raw) {
		quote := bytes.IndexByte(raw[at:], '"')
		if quote < 0 {
			break
		}
		slash := bytes.IndexByte(raw[at:at+quote], '\\')
		if slash < 0 {
			return at + quote, escaped
		}
		escaped = true
		at += slash + 2
	}
	return len(raw), escaped
}

// Holds is the name of a secret that stands in a tree of texts, lists and mappings,
// keys included, or "".
func (m *Masker) Holds(v any) string {
	switch v := v.(type) {
	case string:
		if found := m.find(v); len(found) > 0 {
			return found[0].name
		}
	case []any:
		for _, x := range v {
			if name := m.Holds(x); name != "" {
				return name
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if name := m.Holds(k); name != "" {
				return name
			}
			if name := m.Holds(v[k]); name != "" {
				return name
			}
		}
	case json.Number, int, int64, uint64, float64:
		return m.Holds(fmt.Sprint(v))
	}
	return ""
}

// MaskString takes the secrets out of a text.
func (m *Masker) MaskString(s string) string { return maskAt(s, m.find(s)) }

// MaskCut is MaskString for a text that was cut off: a secret of which nothing but
// the beginning is there is taken out as well.
func (m *Masker) MaskCut(s string) string {
	s = m.MaskString(s)
	t := m.table.Load()
	if t == nil {
		return s
	}
	if at := t.begun(s); at < len(s) {
		return s[:at] + Mask
	}
	return s
}

func maskAt(s string, found []match) string {
	if len(found) == 0 {
		return s
	}
	var b strings.Builder
	at := 0
	for _, f := range found {
		b.WriteString(s[at:f.from])
		b.WriteString(Mask)
		at = f.to
	}
	b.WriteString(s[at:])
	return b.String()
}

// MaskedKey is the key of the mapping that stands for a leaf that was nothing
// but a secret: {"$masked": "api_token"}.
const MaskedKey = "$masked"

// MaskValue takes the secrets out of a tree before it is encoded: string leaves,
// numbers and the keys of mappings. A leaf that is nothing but a secret becomes
// {"$masked": name}. The tree given stays as it is.
func (m *Masker) MaskValue(v any) any {
	switch v := v.(type) {
	case string:
		return m.leaf(v)
	case Value:
		return map[string]any{MaskedKey: v.Name}
	case Text:
		return m.MaskString(v.String())
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[m.MaskString(k)] = m.MaskValue(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = m.MaskValue(x)
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = m.leaf(x)
		}
		return out
	case json.Number, int, int64, uint64, float64:
		if text := fmt.Sprint(v); len(text) >= MinLength && len(m.find(text)) > 0 {
			return m.leaf(text)
		}
	}
	return v
}

func (m *Masker) leaf(s string) any {
	found := m.find(s)
	if len(found) == 1 && found[0].from == 0 && found[0].to == len(s) && found[0].raw {
		return map[string]any{MaskedKey: found[0].name}
	}
	return maskAt(s, found)
}
