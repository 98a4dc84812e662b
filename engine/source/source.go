// Package source holds what every later stage needs to speak about a file:
// its bytes, places in it, and the findings that point there.
//
// Places are byte offsets. They become lines and columns only when a person or
// a machine reads them: lines and columns count from 1, columns in characters
// (Unicode code points), which is what editors and CI annotations count.
package source

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// File is one file's name, as the user wrote it, and its bytes.
type File struct {
	Name  string
	Data  []byte
	lines []int // byte offset at which each line begins
}

// NewFile indexes the lines of data. A line ends at LF, CRLF or a lone CR.
func NewFile(name string, data []byte) *File {
	breaks := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r"))
	f := &File{Name: name, Data: data, lines: make([]int, 1, 1+breaks)}
	for i, c := range data {
		if c == '\n' || c == '\r' && (i+1 == len(data) || data[i+1] != '\n') {
			f.lines = append(f.lines, i+1)
		}
	}
	return f
}

// Position is a place as people count: line and column from 1, the column in
// characters.
type Position struct{ Line, Column int }

// Position says where the byte offset stands. An offset outside the file is
// moved to its nearest end.
func (f *File) Position(offset int) Position {
	offset = min(max(offset, 0), len(f.Data))
	line := sort.Search(len(f.lines), func(i int) bool { return f.lines[i] > offset }) - 1
	return Position{line + 1, utf8.RuneCount(f.Data[f.lines[line]:offset]) + 1}
}

// Offset is the inverse of Position: the byte offset of a line and column from
// 1. A column past the line's end gives the line's end.
func (f *File) Offset(line, column int) int {
	if line < 1 {
		return 0
	}
	if line > len(f.lines) {
		return len(f.Data)
	}
	at, end := f.lines[line-1], f.lineEnd(line)
	for ; column > 1 && at < end; column-- {
		_, n := utf8.DecodeRune(f.Data[at:end])
		at += n
	}
	return at
}

// Lines is how many lines the file has; an empty file has one.
func (f *File) Lines() int { return len(f.lines) }

// Line is the text of a line, counted from 1, without its ending.
func (f *File) Line(line int) string {
	if line < 1 || line > len(f.lines) {
		return ""
	}
	return string(f.Data[f.lines[line-1]:f.lineEnd(line)])
}

// lineEnd is the offset of a line's end, before its line break.
func (f *File) lineEnd(line int) int {
	end := len(f.Data)
	if line < len(f.lines) {
		end = f.lines[line]
	}
	for end > f.lines[line-1] && (f.Data[end-1] == '\n' || f.Data[end-1] == '\r') {
		end--
	}
	return end
}

// Span is a range of bytes of one file, Start included and End not. The zero
// Span points nowhere.
type Span struct {
	File       *File
	Start, End int
}

// IsZero reports whether the span points nowhere.
func (s Span) IsZero() bool { return s.File == nil }

// Position says where the span begins; the zero Span is at 0:0.
func (s Span) Position() Position {
	if s.File == nil {
		return Position{}
	}
	return s.File.Position(s.Start)
}

// EndPosition says where the span ends.
func (s Span) EndPosition() Position {
	if s.File == nil {
		return Position{}
	}
	return s.File.Position(s.End)
}
