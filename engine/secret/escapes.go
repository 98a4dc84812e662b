package secret

import (
	"html"
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unescaped is a text without its escapes, and how to find back.
type unescaped struct {
	text    string
	escapes []escape // in order
}

// escape is a place of the text that was written with an escape: at is where what
// it stands for begins in the text and size how long that is, from and to are where
// the escape stands in what was read.
type escape struct{ at, size, from, to int }

// before is the last escape that begins at or before a place of the text.
func (u *unescaped) before(at int) (escape, bool) {
	i := sort.Search(len(u.escapes), func(i int) bool { return u.escapes[i].at > at })
	if i == 0 {
		return escape{}, false
	}
	return u.escapes[i-1], true
}

// from is where a place of the text begins in what was read.
func (u *unescaped) from(at int) int {
	e, ok := u.before(at)
	switch {
	case !ok:
		return at
	case at < e.at+e.size:
		return e.from
	}
	return e.to + at - e.at - e.size
}

// to is where a place that ends before `at` ends in what was read.
func (u *unescaped) to(at int) int { return u.ends(at - 1) }

func (u *unescaped) ends(last int) int {
	e, ok := u.before(last)
	switch {
	case !ok:
		return last + 1
	case last < e.at+e.size:
		return e.to
	}
	return e.to + last - e.at - e.size + 1
}

// kinds are the bytes that begin escapes: of URLs, of JSON, Go and shells, and of HTML.
const kinds = `%\&`

// kindsIn are those of the kinds that stand in a text.
func kindsIn(s string) (out []string) {
	for i := range len(kinds) {
		if strings.IndexByte(s, kinds[i]) >= 0 {
			out = append(out, kinds[i:i+1])
		}
	}
	return out
}

// unescape undoes one layer of the escapes of some kinds: of URLs, of JSON, Go, C and
// shells, of HTML and XML. What only looks like one stays. It says whether there was
// any.
func unescape(s, kinds string) (unescaped, bool) {
	var u unescaped
	var introduces [256]bool
	some := false
	for i := range len(kinds) {
		introduces[kinds[i]] = true
		some = some || strings.IndexByte(s, kinds[i]) >= 0
	}
	if !some {
		return u, false
	}
	var b []byte
	kept := 0 // what is before is in b
	for at := 0; at < len(s); at++ {
		c := s[at]
		if !introduces[c] {
			continue
		}
		var stands string
		n := 0
		switch c {
		case '%':
			stands, n = percent(s[at:])
		case '\\':
			stands, n = backslash(s[at:])
		default:
			stands, n = entity(s[at:])
		}
		if n == 0 {
			continue
		}
		if b == nil {
			b = make([]byte, 0, len(s))
		}
		b = append(b, s[kept:at]...)
		u.escapes = append(u.escapes, escape{len(b), len(stands), at, at + n})
		b = append(b, stands...)
		kept = at + n
		at = kept - 1
	}
	if b == nil {
		return u, false
	}
	u.text = string(append(b, s[kept:]...))
	return u, true
}

// percent reads %2F. Each of these gives what an escape stands for and how long it
// is, 0 where it is none.
func percent(s string) (string, int) {
	if v, ok := number(s[1:], 2, 16); ok {
		return oneByte(v), 3
	}
	return "", 0
}

// oneByte is a string of one byte.
func oneByte(v uint64) string { return bytesByValue[v : v+1] }

var bytesByValue = func() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}()

// letters are what a letter stands for behind a backslash, or itself.
var letters = func() (out [utf8.RuneSelf]string) {
	for c := range out {
		out[c] = oneByte(uint64(c))
	}
	for c, text := range map[byte]string{'n': "\n", 't': "\t", 'r': "\r", 'b': "\b", 'f': "\f", 'v': "\v", 'a': "\a", 'e': "\x1b", '\n': ""} {
		out[c] = text
	}
	return out
}()

func backslash(s string) (string, int) {
	if len(s) < 2 || s[1] >= utf8.RuneSelf {
		return "", 0
	}
	switch c := s[1]; {
	case c == 'u':
		return unicode16(s)
	case c == 'U':
		if v, ok := number(s[2:], 8, 16); ok && v <= utf8.MaxRune {
			return string(rune(v)), 10
		}
	case c == 'x':
		if v, ok := number(s[2:], 2, 16); ok {
			return oneByte(v), 4
		}
	case c >= '0' && c <= '7':
		if v, ok := number(s[1:], 3, 8); ok && v < 256 {
			return oneByte(v), 4
		}
	}
	return letters[s[1]], 2
}

// unicode16 reads \u00e9, also two that are one character together.
func unicode16(s string) (string, int) {
	v, ok := number(s[2:], 4, 16)
	if !ok {
		return "u", 2
	}
	r := rune(v)
	if utf16.IsSurrogate(r) && strings.HasPrefix(s[6:], `\u`) {
		if low, ok := number(s[8:], 4, 16); ok {
			if both := utf16.DecodeRune(r, rune(low)); both != utf8.RuneError {
				return string(both), 12
			}
		}
	}
	return string(r), 6
}

// entity reads &amp; and &#39;.
func entity(s string) (string, int) {
	const longest = 32
	end := strings.IndexByte(s[:min(len(s), longest)], ';')
	if end < 0 {
		return "", 0
	}
	if s[:end+1] == "&amp;" { // by far the most frequent
		return "&", end + 1
	}
	if text := html.UnescapeString(s[:end+1]); text != s[:end+1] {
		return text, end + 1
	}
	return "", 0
}

// number reads exactly so many digits.
func number(s string, digits int, base uint64) (v uint64, ok bool) {
	if len(s) < digits {
		return 0, false
	}
	for _, c := range []byte(s[:digits]) {
		d := uint64(c - '0')
		if c |= 0x20; c >= 'a' && c <= 'f' {
			d = uint64(c-'a') + 10
		}
		if d >= base {
			return 0, false
		}
		v = v*base + d
	}
	return v, true
}
