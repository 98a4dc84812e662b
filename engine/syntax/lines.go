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
	if line == 1 && bytes.HasPrefix(p.f.Data, bom) {
		at += len(bom)
	}
	for ; column > markEvery; column -= markEvery {
		at = p.jump(at)
	}
	return p.ahead(at, column-1)
}

// markEvery is how many characters a mark skips.
const markEvery = 256

// jump goes markEvery characters on. It remembers where that leads, so that many
// values on one long line cost no more than the line.
func (p *parser) jump(at int) int {
	to, ok := p.marks[at]
	if !ok {
		to = p.ahead(at, markEvery)
		p.marks[at] = to
	}
	return to
}

// ahead goes some characters on.
func (p *parser) ahead(at, characters int) int {
	for ; characters > 0 && at < len(p.f.Data); characters-- {
		_, n := utf8.DecodeRune(p.f.Data[at:])
		at += n
	}
	return at
}
