package lang

import (
	"errors"
	"strings"
)

// errUnclosed is a {{ without its }}.
var errUnclosed = errors.New("{{ is not closed by }}")

// holeEnd is the place behind the }} that closes the hole at from. Strings and
// comments inside the hole may hold braces.
func holeEnd(s string, from int) (int, error) {
	i := from + 2
	if rest := strings.TrimLeft(strings.TrimPrefix(s[i:], "-"), " \t\r\n"); strings.HasPrefix(rest, "/*") {
		end := strings.Index(s[i:], "*/")
		if end < 0 {
			return 0, errUnclosed
		}
		i += end + 2
	}
	for i < len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\'' || c == '`':
			end := quoteEnd(s, i)
			if end < 0 {
				return 0, errUnclosed
			}
			i = end
		case strings.HasPrefix(s[i:], "}}"):
			return i + 2, nil
		default:
			i++
		}
	}
	return 0, errUnclosed
}

// quoteEnd is the place behind the string that begins at i, or -1.
func quoteEnd(s string, i int) int {
	q := s[i]
	for i++; i < len(s); i++ {
		switch {
		case s[i] == '\\' && q != '`':
			i++
		case s[i] == q:
			return i + 1
		}
	}
	return -1
}
