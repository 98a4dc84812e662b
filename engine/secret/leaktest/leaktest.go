// Package leaktest looks for a secret in what a run has left behind. It shares no
// code with the masker: it decodes whatever looks encoded, and searches that too.
package leaktest

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"regexp"
	"strconv"
	"strings"
)

// depth is how many encodings may lie one over the other.
const depth = 3

var (
	percents = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	// Of base64 whatever is long enough to hold a secret, also over the lines of a
	// program that breaks them.
	sixties = regexp.MustCompile(`[A-Za-z0-9+/_-]{10,}(?:\r?\n[A-Za-z0-9+/_-]+)*`)
	hexes   = regexp.MustCompile(`(?:[0-9A-Fa-f]{2}){8,}`)
	slashes = regexp.MustCompile(`\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[0-7]{3}|.)`)
)

// Search gives the encodings through which a secret, or a piece of so many bytes
// of it, can be read in a text: "raw", "json base64", ... and "" where it cannot.
// A piece of 0 is the whole secret.
func Search(text, secret string, piece int) string {
	if piece <= 0 || piece > len(secret) {
		piece = len(secret)
	}
	s := searcher{seen: map[string]bool{}}
	for i := 0; i+piece <= len(secret); i++ {
		s.pieces = append(s.pieces, secret[i:i+piece])
	}
	return s.in(text, "raw", depth)
}

type searcher struct {
	pieces []string
	seen   map[string]bool
}

func (s searcher) in(text, how string, depth int) string {
	if s.seen[text] {
		return ""
	}
	s.seen[text] = true
	lower := strings.ToLower(text)
	for _, p := range s.pieces {
		if strings.Contains(text, p) || strings.Contains(lower, strings.ToLower(p)) {
			return how
		}
	}
	if depth == 0 {
		return ""
	}
	for name, decoded := range decodings(text) {
		for _, d := range decoded {
			if found := s.in(d, how+" "+name, depth-1); found != "" {
				return found
			}
		}
	}
	return ""
}

// decodings are the texts that stand in a text with an encoding.
func decodings(text string) map[string][]string {
	out := map[string][]string{}
	add := func(name, decoded string) {
		if decoded != text && decoded != "" {
			out[name] = append(out[name], decoded)
		}
	}
	add("url", percents.ReplaceAllStringFunc(text, func(s string) string { return string(unhex(s[1:])) }))
	add("plus", strings.ReplaceAll(text, "+", " "))
	add("html", html.UnescapeString(text))
	add("json", slashes.ReplaceAllStringFunc(text, unslash))
	add("shell", strings.NewReplacer(`'\''`, "'", `'"'"'`, "'").Replace(text))
	for _, run := range hexes.FindAllString(text, -1) {
		add("hex", string(unhex(run)))
		add("hex", string(unhex(run[1:len(run)-1])))
	}
	for _, run := range sixties.FindAllString(text, -1) {
		run = strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "").Replace(run)
		for from := range 4 {
			rest := run[min(from, len(run)):]
			b, _ := base64.RawStdEncoding.DecodeString(rest[:len(rest)-len(rest)%4]) // whole groups always decode
			add("base64", string(b))
			if len(rest)%4 > 1 {
				b, _ = base64.RawStdEncoding.DecodeString(rest)
				add("base64", string(b))
			}
		}
	}
	return out
}

func unhex(s string) []byte {
	b, _ := hex.DecodeString(s) // the pattern lets nothing else through
	return b
}

func unslash(s string) string {
	if text, err := strconv.Unquote(`"` + s + `"`); err == nil {
		return text
	}
	return s[1:]
}
