package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

var errLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// syntaxError turns yaml.v3's sentence into a finding at its place.
func (p *parser) syntaxError(err error) {
	line, text := sentence(err)
	if strings.Contains(text, "exceeded max depth") {
		p.add("too-deep", 0, 0, "values are nested too deeply", fmt.Sprintf("At most %d levels are allowed.", MaxDepth))
		return
	}
	if strings.HasPrefix(text, "did not find expected ',' or") {
		line++ // the parser counts lines from 0, and names the line of the bracket
	} else if name, ok := strings.CutPrefix(text, "unknown anchor '"); ok {
		p.unknownAnchor(strings.TrimSuffix(name, "' referenced"), text)
		return
	} else if at, ok := p.firstBad(text); ok {
		p.errorAt(at, text)
		return
	}
	line = min(max(line, 1), len(p.lines))
	start := skipBlanks(p.f.Data, p.lines[line-1])
	end := lineEnd(p.f.Data, start)
	code, remedy := p.remedy(text, line)
	p.add(code, start, max(end, start), "this is not YAML: "+text, remedy)
}

// sentence takes yaml.v3's error apart: the line from 1 where it names one, and
// what it says.
func sentence(err error) (line int, text string) {
	m := errLine.FindStringSubmatch(err.Error())
	if m == nil {
		return 1, err.Error()
	}
	if n, err := strconv.Atoi(m[1]); err == nil {
		return n, m[2]
	}
	return 1, m[2]
}

// errorAt reports a sentence of yaml.v3 at the byte that it is about.
func (p *parser) errorAt(at int, text string) {
	line := sort.SearchInts(p.lines, at+1)
	code, remedy := p.remedy(text, line)
	p.add(code, at, max(at+1, lineEnd(p.f.Data, at)), "this is not YAML: "+text, remedy)
}

// unknownAnchor reports an alias without an anchor. yaml.v3 names no line, and
// notices it while it looks at what follows; the alias is the first of that name
// that, where the file ends behind it, gives the same error.
func (p *parser) unknownAnchor(name, text string) {
	alias := []byte("*" + name)
	var ends []int
	for at := 0; ; {
		i := bytes.Index(p.f.Data[at:], alias)
		if i < 0 {
			break
		}
		at += i + len(alias)
		ends = append(ends, at)
	}
	end := len(p.f.Data)
	if n := sort.Search(len(ends), func(i int) bool { return decodeError(p.f.Data[:ends[i]]) == text }); n < len(ends) {
		end = ends[n]
	}
	p.add("bad-alias", max(0, end-len(alias)), end, "there is no anchor `&"+short(name)+"` before this alias",
		"If this is not meant to be an alias, quote it: YAML reads `*` as the beginning of one.")
}

// exactBelow bounds the files in which the byte of a syntax error is looked for:
// each look reads the file again.
const exactBelow = 64 << 10

// firstBad finds the byte at which a syntax error begins to be one, because
// yaml.v3 names a line at best, and often another: it is the last byte of the
// shortest beginning of the file that gives the same error.
func (p *parser) firstBad(text string) (int, bool) {
	data := p.f.Data
	if len(data) > exactBelow || strings.Contains(text, "unexpected end of stream") {
		return 0, false
	}
	ends := runeEnds(data)
	n := sort.Search(len(ends), func(i int) bool { return decodeError(data[:ends[i]]) == text })
	if n == len(ends) || decodeError(data[:ends[n]]) != text {
		return 0, false
	}
	at := 0
	if n > 0 {
		at = ends[n-1]
	}
	for at > 0 && breakAt(data, at) > 0 { // it took the end of the line to see it
		at--
	}
	return at, true
}

// runeEnds are the offsets behind each character.
func runeEnds(data []byte) []int {
	var ends []int
	for i := 0; i < len(data); {
		_, n := utf8.DecodeRune(data[i:])
		i += n
		ends = append(ends, i)
	}
	return ends
}

// decodeError is what yaml.v3 says of some bytes, "" where it reads them.
func decodeError(data []byte) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprint(r)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, bom)))
	for range 2 {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return ""
		}
		if err != nil {
			_, text = sentence(err)
			return text
		}
	}
	return ""
}

// exprKey recognises a line that holds an expression, where YAML's own error
// says little to somebody who thinks of expressions.
var exprKey = regexp.MustCompile(`(?:^|[\s{,-])(?:when|if|expect|on|in|outputs?)\s*:|\?\?|==|!=|\band\b|\bor\b`)

// remedy guesses what the author meant from the line of a syntax error and the
// line before it: yaml.v3 often notices one line late.
func (p *parser) remedy(text string, line int) (code, remedy string) {
	for _, l := range []int{line, line - 1} {
		if l < 1 {
			continue
		}
		s := string(p.f.Data[p.lines[l-1]:lineEnd(p.f.Data, p.lines[l-1])])
		trimmed := strings.TrimLeft(s, " ")
		switch {
		case strings.HasPrefix(trimmed, "\t"):
			return "yaml-syntax", fmt.Sprintf("Line %d is indented with a tab; YAML wants spaces.", l)
		case strings.Contains(s, ": {{") || strings.HasPrefix(strings.TrimPrefix(trimmed, "- "), "{{"):
			return "quote-it", "A value that begins with {{ is a mapping to YAML: quote it, \"{{ ... }}\"."
		case strings.Contains(s, ": @") || strings.Contains(s, ": `") || strings.Contains(s, ": %"):
			return "quote-it", "A value cannot begin with @, ` or %: quote it."
		case exprKey.MatchString(s):
			return "quote-it", "YAML reads part of this expression as its own syntax: quote the whole expression."
		}
	}
	if strings.Contains(text, "undefined tag handle") {
		return "quote-it", "YAML reads a value that begins with `!` as a tag: quote the expression, or write `not`."
	}
	if strings.Contains(text, "unknown escape") {
		return "yaml-syntax", "Inside double quotes `\\` begins an escape: write `\\\\`, or use single quotes."
	}
	if strings.Contains(text, "mapping values are not allowed") {
		return "quote-it", "There is a `: ` inside a plain value: quote the value. Or the indentation is off."
	}
	return "yaml-syntax", "Look at this line and the one before it: quotes and brackets that are not closed, or indentation that is off."
}
