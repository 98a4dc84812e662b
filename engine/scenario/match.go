package scenario

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"runbook/engine/types"
)

// Match holds a text against what is wanted of it; all that is given must hold.
type Match struct {
	Equals   *string
	Contains []string
	Absent   []string
	Matches  []*regexp.Regexp
	JSON     any // a part that the text must hold, as JSON
	HasJSON  bool
	None     bool // there must be no text at all
}

// Problem says why a text does not match, or "".
func (m *Match) Problem(text string) string {
	switch {
	case m == nil:
		return ""
	case m.Equals != nil && text != *m.Equals:
		return fmt.Sprintf("is %q, not %q", short(text), short(*m.Equals))
	}
	for _, c := range m.Contains {
		if !strings.Contains(text, c) {
			return fmt.Sprintf("is %q, which does not contain %q", short(text), c)
		}
	}
	for _, c := range m.Absent {
		if strings.Contains(text, c) {
			return fmt.Sprintf("contains %q", c)
		}
	}
	for _, re := range m.Matches {
		if !re.MatchString(text) {
			return fmt.Sprintf("is %q, which does not match `%s`", short(text), re)
		}
	}
	if !m.HasJSON {
		return ""
	}
	v, err := types.DecodeJSON([]byte(text))
	if err != nil {
		return fmt.Sprintf("is %q, which is not JSON", short(text))
	}
	return part("", m.JSON, v)
}

// contradicts says which of a match's wants cannot hold together, or "".
func (m *Match) contradicts() string {
	if m.Equals != nil {
		rest := *m
		rest.Equals = nil
		if p := rest.Problem(*m.Equals); p != "" {
			return "what `equals` says " + p
		}
	}
	for _, c := range m.Contains {
		for _, not := range m.Absent {
			if strings.Contains(c, not) {
				return fmt.Sprintf("it has to contain %q, in which %q stands", short(c), short(not))
			}
		}
	}
	return ""
}

// part says where a part is not held by a JSON value, or "".
func part(at string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("holds no mapping at `%s`", path(at))
		}
		for _, k := range sorted(w) {
			v, there := m[k]
			if !there {
				return fmt.Sprintf("has no `%s`", path(at+"."+k))
			}
			if p := part(at+"."+k, w[k], v); p != "" {
				return p
			}
		}
		return ""
	case []any:
		l, ok := got.([]any)
		if !ok {
			return fmt.Sprintf("holds no list at `%s`", path(at))
		}
		return partOfList(at, w, l)
	}
	if types.Equal(want, got) {
		return ""
	}
	return fmt.Sprintf("has %s at `%s`, not %s", short(shown(got)), path(at), short(shown(want)))
}

// partOfList looks for each wanted entry behind the one before.
func partOfList(at string, want, got []any) string {
	for i, w := range want {
		for len(got) > 0 && part("", w, got[0]) != "" {
			got = got[1:]
		}
		if len(got) == 0 {
			return fmt.Sprintf("lacks entry %d of the list at `%s`: %s", i+1, path(at), short(shown(w)))
		}
		got = got[1:]
	}
	return ""
}

func path(at string) string {
	if at == "" {
		return "."
	}
	return strings.TrimPrefix(at, ".")
}

// shown is a value as people read it, a text in quotes.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("%q", v)
	}
	return types.Format(v)
}

func short(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}

// glob holds a text against a pattern in which * stands for any part.
func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	last := len(parts) - 1
	for _, p := range parts[1:last] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[last])
}

func begins(argv, words []string) bool {
	if len(argv) < len(words) {
		return false
	}
	for i, w := range words {
		if !glob(w, argv[i]) {
			return false
		}
	}
	return true
}

// covers reports whether whatever fits b fits a as well: then b, which stands
// behind a, is never reached.
func covers(a, b map[string]string) bool {
	for k, p := range a {
		if q, there := b[k]; !there || !glob(p, q) {
			return false
		}
	}
	return true
}

func (m *Match) covers(n *Match) bool {
	return m == nil || n != nil && alikeMatches(m, n)
}

func alikeMatches(m, n *Match) bool {
	a, b := *m, *n
	if len(a.Matches) != len(b.Matches) {
		return false
	}
	for i := range a.Matches {
		if a.Matches[i].String() != b.Matches[i].String() {
			return false
		}
	}
	a.Matches, b.Matches = nil, nil
	return reflect.DeepEqual(a, b)
}
