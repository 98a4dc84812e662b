package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"sort"
	"strings"
	"sync"
)

// MinLength is the least length of a secret in bytes: shorter ones cannot be
// masked without tearing holes into ordinary text.
const MinLength = 8

// block is how many bytes the shift table looks at together.
const block = 3

// Masker takes every known form of every known secret out of what leaves the
// engine. It is safe for many goroutines; secrets may be added at any time.
//
// It scans with a shift table over blocks of three bytes (after Wu and Manber's
// multi-pattern search): most of the text is skipped over, which is several
// times faster than walking an automaton byte by byte.
type Masker struct {
	mu       sync.RWMutex
	patterns []pattern
	shift    map[[block]byte]int
	ends     map[[block]byte][]int // block at a pattern's window end -> patterns
	window   int                   // the shortest pattern's length
	escaped  bool                  // a pattern has letters that JSON may write otherwise
	longest  int
}

type pattern struct {
	name string
	text string
	raw  bool
}

// NewMasker knows no secrets yet.
func NewMasker() *Masker { return &Masker{} }

// reserved are words of the journal itself: a secret of this value would take
// the journal apart.
var reserved = []string{"run.started", "run.finished", "step.started", "step.finished", "attempt.started", "attempt.finished", "decision.made", "completed", "resolved", "mitigated", "escalated", "no_action", "cancelled", "parallel", "duration", "verdict", "password", "undefined"}

// Add makes a secret known by its name. A value that cannot be masked is
// refused, with the reason.
func (m *Masker) Add(name, value string) error {
	if len(value) < MinLength {
		return fmt.Errorf("secret %s has %d bytes; a secret needs at least %d, or it cannot be kept out of the journal", name, len(value), MinLength)
	}
	for _, w := range reserved {
		if value == w {
			return fmt.Errorf("secret %s has the value %q, which is an ordinary word: it cannot be a secret", name, w)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range forms(value) {
		m.insert(pattern{name, f, f == value})
	}
	m.table()
	return nil
}

func (m *Masker) insert(p pattern) {
	for _, q := range m.patterns {
		if q.text == p.text {
			return
		}
	}
	m.patterns = append(m.patterns, p)
	m.escaped = m.escaped || strings.ContainsFunc(p.text, func(r rune) bool {
		return r < ' ' || r > '~' || strings.ContainsRune("\"\\<>&", r)
	})
}

// Clean reports whether there is certainly no secret in a value, given its JSON: one
// whose letters JSON writes as they are would stand in it as it is.
func (m *Masker) Clean(raw []byte) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.patterns) == 0 || !m.escaped && len(m.find(string(raw))) == 0
}

// forms are the spellings in which a secret turns up: as it is, and as base64,
// URLs, hex, JSON and shells write it.
func forms(v string) []string {
	out := []string{v, url.QueryEscape(v), url.PathEscape(v), strings.ReplaceAll(url.QueryEscape(v), "+", "%20"),
		hex.EncodeToString([]byte(v)), strings.ToUpper(hex.EncodeToString([]byte(v))), jsonForm(v), strings.ReplaceAll(v, "'", `'\''`)}
	for _, f := range []string{url.QueryEscape(v), url.PathEscape(v)} {
		out = append(out, lowerEscapes(f))
	}
	out = append(out, base64Forms(v)...)
	if q := fmt.Sprintf("%q", v); len(q) > 2 {
		out = append(out, q[1:len(q)-1])
	}
	kept := out[:0]
	for _, f := range out {
		if len(f) >= MinLength {
			kept = append(kept, f)
		}
	}
	return kept
}

func jsonForm(v string) string {
	b, err := json.Marshal(v)
	if err != nil || len(b) < 2 {
		return v
	}
	return string(b[1 : len(b)-1])
}

// lowerEscapes writes %2F as %2f.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}

// base64Forms are the letters that depend on the secret alone, for each of the
// three ways in which it can be aligned inside a longer text.
func base64Forms(v string) []string {
	var out []string
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		out = append(out, enc.EncodeToString([]byte(v)))
		for pad := 0; pad < 3; pad++ {
			b := enc.EncodeToString([]byte(strings.Repeat("\x00", pad) + v))
			from := []int{0, 2, 3}[pad]
			to := len(b)
			if (pad+len(v))%3 != 0 {
				to-- // the last letter depends on what follows
			}
			if to > from {
				out = append(out, b[from:to])
			}
		}
	}
	return out
}

// table builds the shift table anew.
func (m *Masker) table() {
	m.window, m.longest = len(m.patterns[0].text), 0
	for _, p := range m.patterns {
		m.window = min(m.window, len(p.text))
		m.longest = max(m.longest, len(p.text))
	}
	sort.SliceStable(m.patterns, func(i, j int) bool { return len(m.patterns[i].text) > len(m.patterns[j].text) })
	m.shift, m.ends = map[[block]byte]int{}, map[[block]byte][]int{}
	for i, p := range m.patterns {
		for end := block; end <= m.window; end++ {
			b := [block]byte([]byte(p.text[end-block : end]))
			s := m.window - end
			if old, ok := m.shift[b]; !ok || s < old {
				m.shift[b] = s
			}
			if s == 0 {
				m.ends[b] = append(m.ends[b], i)
			}
		}
	}
}

// match is a place of a text to be masked.
type match struct {
	from, to int
	name     string
	raw      bool
}

// find is all places, the longest first where several begin together;
// overlapping ones are joined.
func (m *Masker) find(s string) []match {
	if len(m.patterns) == 0 {
		return nil
	}
	var out []match
	free := m.window - block + 1
	for end := m.window; end <= len(s); {
		b := [block]byte([]byte(s[end-block : end]))
		shift, ok := m.shift[b]
		if !ok {
			end += free
			continue
		}
		if shift > 0 {
			end += shift
			continue
		}
		from := end - m.window
		for _, i := range m.ends[b] {
			p := m.patterns[i]
			if strings.HasPrefix(s[from:], p.text) {
				out = join(out, match{from, from + len(p.text), p.name, p.raw})
				break
			}
		}
		end++
	}
	return out
}

// join adds a match, or lets it lengthen the one it overlaps.
func join(out []match, x match) []match {
	if k := len(out) - 1; k >= 0 && x.from < out[k].to {
		if x.to > out[k].to {
			out[k].to, out[k].raw = x.to, false
		}
		return out
	}
	return append(out, x)
}

// MaskString takes the secrets out of a text.
func (m *Masker) MaskString(s string) string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return maskAt(s, m.find(s))
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

// MaskValue takes the secrets out of a tree before it is encoded: string leaves
// and the keys of mappings. A leaf that is nothing but a secret becomes
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
	case json.Number:
		if masked := m.MaskString(string(v)); masked != string(v) {
			return masked
		}
	}
	return v
}

func (m *Masker) leaf(s string) any {
	m.mu.RLock()
	defer m.mu.RUnlock()
	found := m.find(s)
	if len(found) == 1 && found[0].from == 0 && found[0].to == len(s) && found[0].raw {
		return map[string]any{MaskedKey: found[0].name}
	}
	return maskAt(s, found)
}
