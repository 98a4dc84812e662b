package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// forms are the spellings in which a text turns up: as it is, and as base64, hex,
// URLs, JSON and shells write it. Spellings with escapes that are not here are
// found by undoing the escapes.
func forms(v string) []string {
	upper := strings.ToUpper(hex.EncodeToString([]byte(v)))
	out := []string{v, url.QueryEscape(v), url.PathEscape(v), hex.EncodeToString([]byte(v)), upper, jsonForm(v),
		strings.ToLower(v), // a name of a host
	}
	out = append(out, written(v)...)
	if q := fmt.Sprintf("%q", v); len(q) > 2 {
		out = append(out, q[1:len(q)-1])
	}
	text := v
	for range deepest { // what looks like an escape in it is undone with the others
		u, any := unescape(text, kinds)
		if !any {
			break
		}
		text = u.text
		out = append(out, written(text)...)
	}
	// Programs write another sign for bytes that are no UTF-8: Go one for a run of
	// them, JSON one for each.
	out = append(out, strings.ToValidUTF8(v, "\ufffd"), string([]rune(v)))
	return append(out, base64Forms(v)...)
}

// maxTwice bounds what is looked for in two encodings at once.
const maxTwice = 4 << 10

// twice are the forms of a text that was encoded, and then encoded again, as what
// holds credentials for a registry inside a secret of Kubernetes is: base64 or hex of
// base64, and base64 of hex.
func twice(v string) (out []string) {
	if len(v) > maxTwice {
		return nil
	}
	for _, b := range base64Forms(v) {
		out = append(out, hex.EncodeToString([]byte(b)))
		out = append(out, base64Forms(b)...)
	}
	return append(out, base64Forms(hex.EncodeToString([]byte(v)))...)
}

// written are the ways in which a text is written that no escape tells of: a space as
// forms of the web write it, and quotes inside quotes as SQL, YAML, CSV and shells do.
func written(v string) (out []string) {
	for _, s := range []string{v, strings.ReplaceAll(v, " ", "+"), strings.ReplaceAll(v, "+", " ")} {
		out = append(out, s, strings.ReplaceAll(s, "'", "''"), strings.ReplaceAll(s, `"`, `""`))
		for _, once := range inShell(s) {
			out = append(append(out, once), inShell(once)...) // and inside another one's quotes
		}
	}
	return out
}

// inShell is a text inside single quotes of a shell; the last is the first of them
// whose escape was undone with others.
func inShell(s string) []string {
	if !strings.Contains(s, "'") {
		return nil
	}
	return []string{strings.ReplaceAll(s, "'", `'\''`), strings.ReplaceAll(s, "'", `'"'"'`), strings.ReplaceAll(s, "'", "'''")}
}

func jsonForm(v string) string {
	b, err := json.Marshal(v)
	if err != nil || len(b) < 2 {
		return v
	}
	return string(b[1 : len(b)-1])
}

// base64Forms are the letters that depend on the text alone, for each of the
// three ways in which it can be aligned inside a longer one, and the lines of a
// long one.
func base64Forms(v string) []string {
	var out []string
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		whole := enc.EncodeToString([]byte(v))
		out = append(out, whole)
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
		for _, width := range []int{64, 76} { // of PEM, and of MIME and the program base64
			rest := whole
			if len(v)%3 != 0 {
				rest = whole[:len(whole)-1]
			}
			for n := 0; len(whole) > width && rest != ""; {
				n = min(width, len(rest))
				out, rest = append(out, rest[:n]), rest[n:]
			}
		}
	}
	return out
}

// minPart is the least length of a part of a secret that has a form of its own:
// shorter ones are ordinary words too often.
const minPart = 16

// parts are what of a secret gives it away by itself: its lines, as programs
// print them; of a URL what stands behind the host, and its password; of a header
// what is behind the scheme; of a JSON document its texts.
func parts(v string) []string {
	out := []string{strings.TrimSpace(v)}
	for _, line := range strings.FieldsFunc(v, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") { // of PEM, the same for everybody
			out = append(out, line)
		}
	}
	if scheme, rest, ok := strings.Cut(v, " "); ok && (strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "basic") || strings.EqualFold(scheme, "token")) {
		out = append(out, strings.TrimSpace(rest))
	}
	if u, err := url.Parse(strings.TrimSpace(v)); err == nil && u.Host != "" {
		if password, ok := u.User.Password(); ok {
			out = append(out, password)
		}
		out = append(out, long(u.RequestURI(), u.Path, u.Fragment)...)
		out = append(out, long(strings.Split(u.Path, "/")...)...)
		for _, values := range u.Query() {
			out = append(out, values...)
		}
	}
	var doc any
	if strings.HasPrefix(strings.TrimSpace(v), "{") && json.Unmarshal([]byte(v), &doc) == nil {
		for _, text := range texts(nil, doc) {
			out = append(out, long(text)...)
			if strings.Contains(text, "\n") {
				out = append(out, parts(text)...)
			}
		}
	}
	return out
}

func long(texts ...string) (out []string) {
	for _, s := range texts {
		if len(s) >= minPart {
			out = append(out, s)
		}
	}
	return out
}

// texts adds the texts of a document, but addresses: they are the same for everybody.
func texts(out []string, v any) []string {
	switch v := v.(type) {
	case string:
		if !strings.Contains(v, "://") {
			out = append(out, v)
		}
	case map[string]any:
		for _, x := range v {
			out = texts(out, x)
		}
	case []any:
		for _, x := range v {
			out = texts(out, x)
		}
	}
	return out
}
