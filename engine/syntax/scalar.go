package syntax

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"runbook/engine/source"
)

// decoded collects a scalar's value again, with where each byte came from.
type decoded struct {
	out  []byte
	segs []source.Segment
}

// verbatim takes the n bytes at off as they are.
func (d *decoded) verbatim(raw []byte, off, n int) {
	if n == 0 {
		return
	}
	if k := len(d.segs) - 1; k >= 0 && d.segs[k].Verbatim && d.segs[k].Offset+len(d.out)-d.segs[k].At == off {
		d.out = append(d.out, raw[off:off+n]...)
		return
	}
	d.segs = append(d.segs, source.Segment{At: len(d.out), Offset: off, Verbatim: true})
	d.out = append(d.out, raw[off:off+n]...)
}

// made takes text that width bytes at off stand for.
func (d *decoded) made(text string, off, width int) {
	if text == "" {
		return
	}
	d.segs = append(d.segs, source.Segment{At: len(d.out), Offset: off, Width: width})
	d.out = append(d.out, text...)
}

// scalarText decodes the scalar that begins at off again, to know where each
// byte of value stands. Where that cannot be told, every byte maps to the whole.
func scalarText(f *source.File, off int, style Style, value string) source.Text {
	raw := f.Data
	var d decoded
	end := off
	ok := false
	switch style {
	case SingleQuoted, DoubleQuoted:
		end, ok = d.quoted(raw, off, style == DoubleQuoted)
		ok = ok && string(d.out) == value
	case LiteralBlock, FoldedBlock:
		d, end, ok = block(raw, off, style == FoldedBlock, value)
	default:
		end, ok = d.plain(raw, off, value)
	}
	if !ok {
		return source.NewText(value, source.Span{File: f, Start: off, End: max(end, lineEnd(raw, off))}, nil)
	}
	return source.NewText(value, source.Span{File: f, Start: off, End: end}, d.segs)
}

// plain decodes until value is complete.
func (d *decoded) plain(raw []byte, off int, value string) (int, bool) {
	for len(d.out) < len(value) && off < len(raw) {
		if next, text := fold(raw, off); text != "" {
			d.made(text, off, next-off)
			off = next
			continue
		}
		n := min(max(1, skipBlanks(raw, off)-off), len(value)-len(d.out))
		d.verbatim(raw, off, n)
		off += n
	}
	return off, string(d.out) == value
}

// quoted decodes from the opening quote to behind the closing one.
func (d *decoded) quoted(raw []byte, off int, double bool) (int, bool) {
	quote := byte('\'')
	if double {
		quote = '"'
	}
	if off >= len(raw) || raw[off] != quote {
		return off, false
	}
	for off++; off < len(raw); {
		next, text := fold(raw, off)
		switch c := raw[off]; {
		case text != "":
			d.made(text, off, next-off)
			off = next
		case c == quote && !double && off+1 < len(raw) && raw[off+1] == quote:
			d.made("'", off, 2)
			off += 2
		case c == quote:
			return off + 1, true
		case c == '\\' && double:
			width, ok := d.escape(raw, off)
			if !ok {
				return off, false
			}
			off += width
		default:
			n := max(1, skipBlanks(raw, off)-off)
			d.verbatim(raw, off, n)
			off += n
		}
	}
	return off, false
}

// escapes are YAML's one-letter escapes (YAML 1.2, section 5.7).
var escapes = map[byte]string{'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f",
	'r': "\r", 'e': "\x1b", ' ': " ", '"': "\"", '/': "/", '\\': "\\", '\'': "'", 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029"}

// escape decodes one escape of a double-quoted scalar and returns its width.
func (d *decoded) escape(raw []byte, off int) (int, bool) {
	if off+1 >= len(raw) {
		return 0, false
	}
	c := raw[off+1]
	if n := breakAt(raw, off+1); n > 0 {
		next, blank := off+1+n, 0
		for {
			k := skipBlanks(raw, next)
			if b := breakAt(raw, k); b > 0 {
				next, blank = k+b, blank+1
				continue
			}
			next = k
			break
		}
		d.made(strings.Repeat("\n", blank), off, next-off)
		return next - off, true
	}
	if digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]; digits > 0 {
		if off+2+digits > len(raw) {
			return 0, false
		}
		r, err := strconv.ParseUint(string(raw[off+2:off+2+digits]), 16, 32)
		if err != nil || !utf8.ValidRune(rune(r)) {
			return 0, false
		}
		d.made(string(rune(r)), off, 2+digits)
		return 2 + digits, true
	}
	text, ok := escapes[c]
	d.made(text, off, 2)
	return 2, ok
}

// fold recognises blanks and line breaks that a flow scalar folds: it returns
// the place behind them and what they become, "" where there is no break.
func fold(raw []byte, off int) (next int, text string) {
	at, first := skipBlanks(raw, off), ""
	var rest []byte
	for {
		n := breakAt(raw, at)
		if n == 0 {
			return next, joined(first, rest, true)
		}
		if first == "" {
			first = breakText(raw, at)
		} else {
			rest = append(rest, breakText(raw, at)...)
		}
		at = skipBlanks(raw, at+n)
		next = at
	}
}

// joined is what a line break and those behind it become.
func joined(first string, rest []byte, fold bool) string {
	switch {
	case !fold || first != "\n":
		return first + string(rest)
	case len(rest) == 0:
		return " "
	}
	return string(rest)
}

// breakText is what a line break stands for: LS and PS stay as they are.
func breakText(raw []byte, off int) string {
	if n := breakAt(raw, off); n == 3 {
		return string(raw[off : off+n])
	}
	return "\n"
}

func skipBlanks(raw []byte, off int) int {
	for off < len(raw) && (raw[off] == ' ' || raw[off] == '\t') {
		off++
	}
	return off
}

// breakAt is the width of a line break at off, or 0.
func breakAt(raw []byte, off int) int {
	switch {
	case off >= len(raw):
		return 0
	case raw[off] == '\r' && off+1 < len(raw) && raw[off+1] == '\n':
		return 2
	case raw[off] == '\n' || raw[off] == '\r':
		return 1
	case bytes.HasPrefix(raw[off:], []byte("\u0085")):
		return 2
	case bytes.HasPrefix(raw[off:], []byte("\u2028")), bytes.HasPrefix(raw[off:], []byte("\u2029")):
		return 3
	}
	return 0
}

// lineEnd is the end of the line that off stands in.
func lineEnd(raw []byte, off int) int {
	for off < len(raw) && breakAt(raw, off) == 0 {
		off++
	}
	return off
}

// blockLine is one line of a block scalar: its first byte and its end, without
// the break; next is the line behind it.
type blockLine struct{ start, end, next, indent int }

// block decodes a literal or folded scalar whose header begins at off. The
// indentation that the header may give is relative to a parent that is not known
// here, so every indentation that fits is tried against the value.
func block(raw []byte, off int, fold bool, value string) (decoded, int, bool) {
	body := lineEnd(raw, off)
	body += breakAt(raw, body)
	for indent := deepest(raw, body) + 1; indent >= 0; indent-- {
		if d, end, ok := tryBlock(raw, body, indent, fold, value); ok {
			return d, max(end, off+1), true
		}
	}
	return decoded{}, lineEnd(raw, off), value == ""
}

// deepest is the most that a block that begins at off can be indented: as its
// first line that holds something, or a line of blanks before that.
func deepest(raw []byte, off int) int {
	indent := 0
	for off < len(raw) {
		l := lineAt(raw, off)
		indent = max(indent, l.indent)
		if l.indent < l.end-l.start {
			return indent
		}
		off = l.next
	}
	return indent
}

// lineAt is the line of a block that begins at off.
func lineAt(raw []byte, off int) blockLine {
	end := lineEnd(raw, off)
	indent := 0
	for off+indent < end && raw[off+indent] == ' ' {
		indent++
	}
	return blockLine{off, end, end + breakAt(raw, end), indent}
}

// tryBlock decodes with a given indentation; it is right where the value comes
// out, up to the line breaks that chomping cuts.
func tryBlock(raw []byte, body, indent int, fold bool, value string) (decoded, int, bool) {
	var d decoded
	end, started, more := 0, false, false
	var first string // the line breaks that are pending
	var rest []byte
	var brk blockLine // the line whose break is the first
	for off := body; off < len(raw) && len(d.out)+len(rest) <= len(value); {
		l := lineAt(raw, off)
		off = l.next
		if l.indent == l.end-l.start && l.indent <= indent {
			if l.next == l.end {
				break // blanks before the end of the file
			}
			if !started {
				d.made(breakText(raw, l.end), l.start, l.next-l.start)
				end = l.next
			} else {
				rest = append(rest, breakText(raw, l.end)...)
			}
			continue
		}
		if l.indent < indent {
			break
		}
		at, text := len(d.out), l.start+indent
		isMore := text < l.end && (raw[text] == ' ' || raw[text] == '\t')
		if started {
			d.made(joined(first, rest, fold && !more && !isMore), brk.end, max(1, text-brk.end))
		}
		d.verbatim(raw, text, l.end-text)
		started, more, brk, end, first, rest = true, isMore, l, l.end, breakText(raw, l.end), nil
		if len(d.out) > len(value) || string(d.out[at:]) != value[at:len(d.out)] {
			return decoded{}, 0, false
		}
		if len(d.out) == len(value) {
			return d, end, true
		}
	}
	if len(d.out) > len(value) || string(d.out) != value[:len(d.out)] || value == "" {
		return decoded{}, 0, false
	}
	if tail := value[len(d.out):]; started && strings.HasPrefix(first+string(rest), tail) {
		d.made(tail, brk.end, max(1, brk.next-brk.end))
		end = max(end, brk.next)
	}
	return d, end, len(d.out) == len(value)
}
