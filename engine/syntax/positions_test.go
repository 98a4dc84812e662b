package syntax

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"runbook/engine/source"
)

// walk visits every scalar of a tree, keys included.
func walk(n *Node, visit func(source.Text, Style)) {
	switch n.Kind {
	case Scalar:
		visit(n.Text, n.Style)
	case Mapping:
		for _, e := range n.Entries {
			visit(e.Key, PlainStyle)
			walk(e.Value, visit)
		}
	case Sequence:
		for _, i := range n.Items {
			walk(i, visit)
		}
	}
}

// holds checks the mapping: the bytes of the file at map(i) decode to value[i].
func holds(t *testing.T, f *source.File, text source.Text) {
	t.Helper()
	for i := 0; i < len(text.Value); i++ {
		s := text.Sub(i, i+1)
		if s.Start < text.Span.Start || s.End > text.Span.End || s.End <= s.Start {
			t.Fatalf("byte %d of %q is at %d:%d, outside %d:%d", i, text.Value, s.Start, s.End, text.Span.Start, text.Span.End)
		}
		raw := string(f.Data[s.Start:s.End])
		if raw == text.Value[i:i+1] {
			continue
		}
		if !standsFor(raw, text.Value[i]) {
			t.Fatalf("byte %d (%q) of %q is at %q", i, text.Value[i], text.Value, raw)
		}
	}
}

// standsFor reports whether a run of file bytes can decode to a byte: an escape,
// a doubled quote, or a folded line break.
func standsFor(raw string, b byte) bool {
	switch {
	case raw[0] == '\\':
		var n yaml.Node
		if yaml.Unmarshal([]byte("\""+raw+"\""), &n) == nil && len(n.Content) == 1 {
			for _, c := range []byte(n.Content[0].Value) {
				if c == b {
					return true
				}
			}
		}
		return b == '\n' // an escaped line break with empty lines behind it
	case raw == "''":
		return b == '\''
	}
	for i := 0; i < len(raw); i++ {
		if breakAt([]byte(raw), i) > 0 && (b == ' ' || strings.IndexByte(breakText([]byte(raw), i), b) >= 0) {
			return true
		}
	}
	return false
}

var positionCases = []string{
	"a: plain\nb: 'it''s'\nc: \"x\\ty\\u00e9\\x41\"\n",
	"a: folds over\n  two lines\n\n  and a blank\n",
	"a: |\n  one\n  two\n\n    more\n  end\n",
	"a: |-\n  one\n\n\n",
	"a: |+\n  one\n\n\n",
	"a: >\n  one\n  two\n\n  three\n    more\n    still\n  back\n",
	"a: >2\n    one\n   two\n",
	"a: |1\n  lead\n x\n",
	"a: \"one\n  two\\\n  three\\n\n\n  four\"\n",
	"a: 'one\n\n  two'\r\nb: |\r\n  x\r\n  y\r\n",
	"\xef\xbb\xbfa: ü€😀 x\nb: &k !!str v\nc: *k\n",
	"- |\n\n  lead blank\n- >-\n\n  folded\n  lead\n",
	"{a: [x, 'y', \"z\"], b: {c: d}}\n",
	"? a\n: b\n", "a:\n- b\n-\n  c\n", "a: |  # comment\n  x\n", "\"k\\n\": v\n",
	"a: |1\n   \n", "a: |+\n\n\nb: c\n", "a: >+\n\n\n x\n\n", "a: |\n\n", "a: |-\n  x\ty\n", "b: !!str\nc: d\n", "a: &x\nb: *x\n", "a: \"\\\n  b\"\n", "a: 'x \n \n  y'\n", "--- |\n x\n y\n", "--- >\n\n x\n",
	"a: \"x  \\\n   \\ y\"\n", "a: >\n  x\n   y\n\n   z\n\n\n  w\n", "a: x\u0085b: y\n", "a: |\n  x\u2028  y\n", "a: b\n c\r d\r\n e\n",
	"a: >\n  x\n\n\n  y\n   z\n\n  w\n", "a: |\n x\n\n\n", "a: |\n  \n  x\n",
}

func TestPositions(t *testing.T) {
	for _, in := range positionCases {
		f := source.NewFile("x.yaml", []byte(in))
		n := Parse(f, func(d source.Diagnostic) { t.Errorf("%q: %s", in, d.Summary) })
		if n == nil {
			t.Fatalf("%q gave nothing", in)
		}
		walk(n, func(text source.Text, style Style) {
			if len(text.Value) > 1 && text.Sub(0, 1) == text.Span && text.Sub(1, 2) == text.Span {
				t.Errorf("%q: %q has no mapping", in, text.Value)
			}
			holds(t, f, text)
		})
	}
}

func FuzzPositions(f *testing.F) {
	for _, c := range positionCases {
		f.Add([]byte(c))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := source.NewFile("x.yaml", data)
		n := Parse(file, func(d source.Diagnostic) {
			if d.Span.IsZero() {
				t.Errorf("no place: %s", d.Summary)
			}
		})
		if n == nil {
			return
		}
		walk(n, func(text source.Text, style Style) {
			if len(text.Value) > 1 && text.Sub(0, 1) == text.Span && text.Sub(1, 2) == text.Span {
				t.Errorf("%q has no mapping", text.Value)
			}
			holds(t, file, text)
		})
	})
}
