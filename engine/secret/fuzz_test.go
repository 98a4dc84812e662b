package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"runbook/engine/secret/leaktest"
)

// encoders are the ways in which programs write a text. Those after `escapes`
// write escapes, and may lie over any other.
var encoders = []struct {
	name string
	f    func(string) string
}{
	{"raw", func(s string) string { return s }},
	{"base64", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
	{"base64 url", func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }},
	{"hex", func(s string) string { return hex.EncodeToString([]byte(s)) }},
	{"HEX", func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }},
	{"query", url.QueryEscape},
	{"path", url.PathEscape},
	{"every byte", func(s string) string { return each(s, "%%%02x") }},
	{"every byte, upper", func(s string) string { return each(s, "%%%02X") }},
	{"json", jsonForm},
	{"json, html safe", func(s string) string { b, _ := json.Marshal(s); return string(b[1 : len(b)-1]) }},
	{"json, ascii", func(s string) string { return ascii(s) }},
	{"go", func(s string) string { q := fmt.Sprintf("%q", s); return q[1 : len(q)-1] }},
	{"go, ascii", func(s string) string { q := fmt.Sprintf("%+q", s); return q[1 : len(q)-1] }},
	{"html", html.EscapeString},
	{"xml", func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "\n", "&#xA;") }},
	{"bytes", func(s string) string { return each(s, `\x%02x`) }},
	{"octal", func(s string) string { return each(s, `\%03o`) }},
	{"shell", func(s string) string { return strings.ReplaceAll(s, "'", `'\''`) }},
	{"shell, python", func(s string) string { return strings.ReplaceAll(s, "'", `'"'"'`) }},
}

const escapes = 5

// fragile encoders say of bytes that are no UTF-8 only that there were some.
var fragile = map[string]bool{"json": true, "json, html safe": true, "json, ascii": true}

func each(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

// ascii is JSON as Python and others write it.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// FuzzMask: whatever is written around a secret, however both are encoded, and
// wherever what comes of it stands, the secret cannot be read any more; and a text
// without it stays as it is.
func FuzzMask(f *testing.F) {
	f.Add("pat-na1-0123456789abcdef", "user:", "\n", uint16(0x0100), "an ordinary line, 100% \\ &amp;")
	f.Add("a\"b\\c'd%41&lt;é\n😀", "{", "}", uint16(0x0a09), `{"n":1}`)
	f.Add("\xff\x00abc\x80defgh", "x", "yz", uint16(0x0501), "\\u0041")
	f.Add("abcdefgh", "abcdefg", "bcdefgh", uint16(0x0904), "abcdefg")
	for i := range encoders {
		f.Add("to ken+/%20=ü'\"<&>", "pre", "post", uint16(i)<<8, strings.Repeat("y", i))
	}
	f.Fuzz(func(t *testing.T, value, before, after string, recipe uint16, text string) {
		m := NewMasker()
		if strings.Contains(value, "*") || len(value) > 1<<10 || m.Add("s", value) != nil {
			return
		}
		if !strings.Contains(text, value) && leaktest.Search(text, value, 0) == "raw" {
			return // it differs in bytes that are no UTF-8, and is another text
		}
		first, over := encoders[int(recipe>>8)%len(encoders)], encoders[0]
		if n := int(recipe & 0xff); n%2 == 1 {
			over = encoders[escapes+n/2%(len(encoders)-escapes)]
		}
		written := over.f(first.f(before + value + after))
		given := text + " " + written + " " + text
		got := m.MaskString(given)
		if form := leaktest.Search(got, value, 0); form != "" && !fragile[first.name] && !fragile[over.name] {
			t.Errorf("%s, over it %s: %q can be read as %s in %q, which was %q", first.name, over.name, value, form, got, given)
		}
		raw, err := json.Marshal(map[string]any{"text": given})
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		leaf := fmt.Sprint(doc["text"])
		if changed := m.MaskString(leaf) != leaf; changed && m.Clean(raw) {
			t.Errorf("%q is said to be clean: %s", value, raw)
		}
		other := NewMasker()
		if err := other.Add("other", "Zq8#kV-2mP!xW7$yT4^"); err != nil {
			t.Fatal(err)
		}
		if got := other.MaskString(given); got != given {
			t.Errorf("%q became %q", given, got)
		}
	})
}
