package syntax

import (
	"bytes"
	"unicode/utf8"
)

// yamlLines indexes lines as yaml.v3 does: NEL, LS and PS end a line too.
func yamlLines(data []byte) []int {
	lines := []int{0}
	for i := 0; i < len(data); {
		n := breakAt(data, i)
		if n > 0 {
			lines = append(lines, i+n)
		}
		i += max(n, 1)
	}
	return lines
}

// offset turns yaml.v3's line and column (from 1, in characters, a byte order
// mark not counted) into a byte offset.
func (p *parser) offset(line, column int) int {
	if line < 1 || line > len(p.lines) {
		return len(p.f.Data)
	}
	at := p.lines[line-1]
	// yaml.v3 passes over two byte order marks at the beginning without counting
	// them: its reader over the first, its scanner over the second.
	for n := 0; line == 1 && n < 2 && bytes.HasPrefix(p.f.Data[at:], bom); n++ {
		at += len(bom)
	}
	if column <= markEvery {
		return p.ahead(at, column-1)
	}
	marks := p.marksOf(line, at)
	if len(marks) == 0 {
		return at
	}
	n := min((column-1)/markEvery, len(marks)-1)
	return p.ahead(marks[n], column-1-n*markEvery)
}

// markEvery is how many characters there are between two marks of a line.
const markEvery = 256

// marksOf are the offsets of every markEvery-th character of a line from its
// beginning on. They are kept, so that many values on one long line cost no more
// than the line.
func (p *parser) marksOf(line, at int) []int {
	if marks, ok := p.marks[line]; ok {
		return marks
	}
	end := len(p.f.Data)
	if line < len(p.lines) {
		end = p.lines[line]
	}
	var marks []int
	for at < end {
		marks = append(marks, at)
		at = p.ahead(at, markEvery)
	}
	p.marks[line] = marks
	return marks
}

// ahead goes some characters on.
func (p *parser) ahead(at, characters int) int {
	for ; characters > 0 && at < len(p.f.Data); characters-- {
		_, n := utf8.DecodeRune(p.f.Data[at:])
		at += n
	}
	return at
}
