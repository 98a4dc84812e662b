package source

import "sort"

// Text is a decoded scalar together with where each of its bytes stands in the
// file. What YAML decodes is not what the file holds: quotes are dropped,
// escapes resolved, lines folded, indentation removed. A finding inside a
// string (an expression, a template, a script) is only useful at its true
// place, so the way back is kept with the value.
type Text struct {
	Value string
	Span  Span // the whole scalar in the file, quotes and block header included
	segs  []Segment
}

// Segment maps a run of value bytes to the file. Where Verbatim, byte i of the
// run stands at Offset+i; otherwise the whole run came from the Width bytes at
// Offset (an escape, a folded line break).
type Segment struct {
	At       int // first byte in the value
	Offset   int // first byte in the file
	Width    int // bytes in the file that a run which is not verbatim came from
	Verbatim bool
}

// NewText joins a decoded value with its segments, which must be in ascending
// order of At and begin at 0 unless the value is empty.
func NewText(value string, span Span, segs []Segment) Text {
	return Text{Value: value, Span: span, segs: segs}
}

// Plain is a Text that stands nowhere: a default, or a value made by the
// engine itself.
func Plain(value string) Text { return Text{Value: value} }

// At is the file offset of byte i of the value. i may be len(Value), which is
// just behind the last byte.
func (t Text) At(i int) int {
	if len(t.segs) == 0 || t.Span.File == nil {
		return t.Span.Start
	}
	i = min(max(i, 0), len(t.Value))
	if i == len(t.Value) && i > 0 {
		return t.behind(i - 1)
	}
	s := t.segs[t.segment(i)]
	if s.Verbatim {
		return s.Offset + i - s.At
	}
	return s.Offset
}

// behind is the file offset just behind byte i of the value.
func (t Text) behind(i int) int {
	s := t.segs[t.segment(i)]
	if s.Verbatim {
		return s.Offset + i - s.At + 1
	}
	return s.Offset + s.Width
}

// segment is the index of the segment that holds byte i.
func (t Text) segment(i int) int {
	return max(0, sort.Search(len(t.segs), func(k int) bool { return t.segs[k].At > i })-1)
}

// Sub is the span in the file of the value's bytes from start to end. An empty
// range gives an empty span at its place.
func (t Text) Sub(start, end int) Span {
	if t.Span.File == nil {
		return Span{}
	}
	if len(t.segs) == 0 {
		return t.Span
	}
	start = min(max(start, 0), len(t.Value))
	end = min(max(end, start), len(t.Value))
	from := t.At(start)
	if end == start {
		return Span{t.Span.File, from, from}
	}
	return Span{t.Span.File, from, max(from, t.behind(end-1))}
}
