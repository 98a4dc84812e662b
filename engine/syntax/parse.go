package syntax

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"runbook/engine/source"
)

// The bounds of a file. A runbook that a person wrote stays far below them.
const (
	MaxBytes = 1 << 20 // bytes of a file
	MaxDepth = 100     // nested mappings and lists
	MaxNodes = 100_000 // values, aliases expanded
)

var bom = []byte("\xef\xbb\xbf")

// Parse reads the bytes of one file into a tree, or nil where nothing could be
// read. It never panics and reports whatever is wrong.
func Parse(f *source.File, report source.Report) *Node {
	p := &parser{f: f, report: report, marks: map[int][]int{}}
	if !p.readable() {
		return nil
	}
	p.lines = yamlLines(f.Data)
	doc, ok := p.decode()
	if !ok {
		return nil
	}
	if doc == nil || len(doc.Content) == 0 {
		p.add("empty-file", 0, min(1, len(f.Data)), "the file holds no document", "Begin with `apiVersion: runbook/v1`.")
		return nil
	}
	return p.node(doc.Content[0], 0)
}

type parser struct {
	f      *source.File
	report source.Report
	lines  []int // byte offsets at which lines begin, as yaml.v3 counts lines
	nodes  int
	full   bool          // MaxNodes was reported
	marks  map[int][]int // of long lines, by line
	open   []*yaml.Node
}

func (p *parser) add(code string, start, end int, summary, detail string) {
	p.report(source.Diagnostic{Code: code, Span: source.Span{File: p.f, Start: start, End: end}, Summary: summary, Detail: detail})
}

// readable refuses what is not a text of bounded size before yaml.v3 sees it.
func (p *parser) readable() bool {
	data := p.f.Data
	switch {
	case len(data) > MaxBytes:
		p.add("too-large", 0, 0, fmt.Sprintf("the file is larger than %d bytes", MaxBytes), "A runbook is one file for people; split it into several.")
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		p.add("not-text", 0, 2, "the file is UTF-16", "Save it as UTF-8.")
	case !utf8.Valid(data):
		at := invalidAt(data)
		p.add("not-text", at, at+1, fmt.Sprintf("byte 0x%02x is not UTF-8", data[at]), "A runbook is UTF-8 text; this looks like a binary file or another encoding.")
	default:
		return p.printable(data)
	}
	return false
}

func invalidAt(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return 0
}

// printable refuses control characters, which YAML forbids as well.
func (p *parser) printable(data []byte) bool {
	for i, c := range data {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			p.add("not-text", i, i+1, fmt.Sprintf("control character 0x%02x", c), "Remove it; inside double quotes write it as an escape, such as \"\\x1b\".")
			return false
		}
	}
	return true
}

// decode runs yaml.v3, which reports syntax errors as one string with a line,
// and looks for a second document.
func (p *parser) decode() (doc *yaml.Node, ok bool) {
	defer func() {
		if r := recover(); r != nil { // yaml.v3 has panicked on hostile input before
			p.syntaxError(fmt.Errorf("yaml: %v", r))
			doc, ok = nil, false
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(p.f.Data, bom)))
	var first, second yaml.Node
	switch err := dec.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil, true
	case err != nil:
		p.syntaxError(err)
		return nil, false
	}
	if err := dec.Decode(&second); err == nil {
		at := p.separator(second.Line)
		p.add("two-documents", at, min(at+3, len(p.f.Data)), "a second document begins here", "A file holds one runbook: put the other in a file of its own.")
	} else if !errors.Is(err, io.EOF) {
		p.syntaxError(err)
	}
	return &first, true
}

// separator is the place of the `---` at or before a line.
func (p *parser) separator(line int) int {
	for l := min(line, len(p.lines)); l > 1; l-- {
		if bytes.HasPrefix(p.f.Data[p.lines[l-1]:], []byte("---")) {
			return p.lines[l-1]
		}
	}
	return p.offset(line, 1)
}

// node converts one value.
func (p *parser) node(y *yaml.Node, depth int) *Node {
	off := p.valueStart(y)
	at := source.Span{File: p.f, Start: off, End: off}
	p.nodes++
	if p.nodes > MaxNodes {
		if !p.full {
			p.full = true
			p.report(source.Diagnostic{Code: "too-large", Span: at, Summary: fmt.Sprintf("the file holds more than %d values once its aliases are expanded", MaxNodes), Detail: "Use fewer aliases."})
		}
		return &Node{Kind: Null, Reported: true, Span: at}
	}
	if depth > MaxDepth {
		p.add("too-deep", off, off+1, "values are nested too deeply", fmt.Sprintf("At most %d levels are allowed.", MaxDepth))
		return &Node{Kind: Null, Reported: true, Span: at}
	}
	switch y.Kind {
	case yaml.AliasNode:
		return p.alias(y, depth)
	case yaml.MappingNode:
		n := p.mapping(y, off, depth)
		p.knownTag(y, n, "!!map")
		return n
	case yaml.SequenceNode:
		n := p.sequence(y, off, depth)
		p.knownTag(y, n, "!!seq")
		return n
	}
	return p.scalar(y, off)
}

// valueStart is where a value begins, behind its anchor and tag. An empty value
// begins right behind them.
func (p *parser) valueStart(y *yaml.Node) int {
	off := p.offset(y.Line, y.Column)
	if y.Kind == yaml.AliasNode {
		return off
	}
	empty := y.Kind == yaml.ScalarNode && y.Value == "" && styles[y.Style&^(yaml.TaggedStyle|yaml.FlowStyle)] == PlainStyle
	for off < len(p.f.Data) && (p.f.Data[off] == '&' && y.Anchor != "" || p.f.Data[off] == '!') {
		if p.f.Data[off] == '&' {
			off = min(len(p.f.Data), off+1+len(y.Anchor))
		} else {
			off = tagEnd(p.f.Data, off)
		}
		if next := p.nextToken(off); !empty || next < len(p.f.Data) && (p.f.Data[next] == '&' || p.f.Data[next] == '!') {
			off = next
		}
	}
	return off
}

// tagEnd is where a tag ends: at a blank, or with the line.
func tagEnd(raw []byte, off int) int {
	for off < len(raw) && raw[off] != ' ' && raw[off] != '\t' && breakAt(raw, off) == 0 {
		off++
	}
	return off
}

// nextToken skips blanks, line breaks and comments.
func (p *parser) nextToken(off int) int {
	for {
		off = skipBlanks(p.f.Data, off)
		if off < len(p.f.Data) && p.f.Data[off] == '#' {
			off = lineEnd(p.f.Data, off)
		}
		n := breakAt(p.f.Data, off)
		if n == 0 {
			return off
		}
		off += n
	}
}

func (p *parser) alias(y *yaml.Node, depth int) *Node {
	off := p.offset(y.Line, y.Column)
	for _, o := range p.open {
		if o == y.Alias {
			p.add("bad-alias", off, off+1+len(y.Value), "the alias *"+y.Value+" stands inside its own anchor", "It would never end; write the value out.")
			return &Node{Kind: Null, Reported: true, Span: source.Span{File: p.f, Start: off, End: off + 1 + len(y.Value)}}
		}
	}
	p.open = append(p.open, y.Alias)
	n := p.node(y.Alias, depth+1)
	p.open = p.open[:len(p.open)-1]
	n.Span = source.Span{File: p.f, Start: off, End: off + 1 + len(y.Value)} // where it is used; what is inside stands at the anchor
	return n
}

func (p *parser) sequence(y *yaml.Node, off, depth int) *Node {
	n := &Node{Kind: Sequence, Span: source.Span{File: p.f, Start: off, End: off + 1}}
	p.open = append(p.open, y)
	for _, c := range y.Content {
		item := p.node(c, depth+1)
		n.Items = append(n.Items, item)
		n.Span.End = max(n.Span.End, item.Span.End)
	}
	p.open = p.open[:len(p.open)-1]
	p.close(y, n, ']')
	return n
}

// close takes the closing bracket of a flow collection into its span.
func (p *parser) close(y *yaml.Node, n *Node, bracket byte) {
	if y.Style&yaml.FlowStyle == 0 {
		return
	}
	for at := n.Span.End; at < len(p.f.Data); at++ {
		switch c := p.f.Data[at]; {
		case c == bracket:
			n.Span.End = at + 1
			return
		case !strings.ContainsRune(" \t\r\n,", rune(c)):
			return // a comment, or something unforeseen: the span ends with the last value
		}
	}
}

func (p *parser) mapping(y *yaml.Node, off, depth int) *Node {
	n := &Node{Kind: Mapping, Span: source.Span{File: p.f, Start: off, End: off + 1}}
	p.open = append(p.open, y)
	var merges []*yaml.Node
	seen := make(map[string]source.Text, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Kind == yaml.ScalarNode && k.Tag == "!!merge" {
			merges = append(merges, v)
			continue
		}
		if e, ok := p.entry(seen, k, v, depth); ok {
			n.Entries = append(n.Entries, e)
		} else {
			n.Reported = true // a key that cannot be one, or a second time
		}
	}
	for _, m := range merges {
		p.merge(n, seen, m, depth)
	}
	p.open = p.open[:len(p.open)-1]
	for _, e := range n.Entries {
		if e.Key.Span.Start >= off {
			n.Span.End = max(n.Span.End, e.Key.Span.End, e.Value.Span.End)
		}
	}
	p.close(y, n, '}')
	return n
}

// entry converts a key with its value, or reports why it cannot be one.
func (p *parser) entry(seen map[string]source.Text, k, v *yaml.Node, depth int) (Entry, bool) {
	at := p.valueStart(k)
	for k.Kind == yaml.AliasNode {
		k = k.Alias
	}
	if k.Kind != yaml.ScalarNode {
		p.add("bad-key", at, at+1, "a key must be a string", "If this is a template or an expression, quote it: YAML reads { and [ as the beginning of a mapping or list.")
		return Entry{}, false
	}
	key := p.scalar(k, at)
	text := key.Text
	if key.Kind == Null {
		text = source.NewText("", key.Span, nil)
	}
	if before, twice := seen[text.Value]; twice {
		p.report(source.Diagnostic{Code: "duplicate-key", Span: text.Span, Summary: fmt.Sprintf("the key `%s` stands here a second time", text.Value),
			Detail: "Keep one of the two.", Related: []source.Note{{Span: before.Span, Text: "the first one"}}})
		p.node(v, depth+1) // its findings are wanted all the same
		return Entry{}, false
	}
	seen[text.Value] = text
	return Entry{Key: text, Value: p.node(v, depth+1)}, true
}

// merge takes the keys of `<<`, where the mapping has none of its own.
func (p *parser) merge(n *Node, seen map[string]source.Text, m *yaml.Node, depth int) {
	v := p.node(m, depth+1)
	from := []*Node{v}
	if v.Kind == Sequence {
		from = v.Items
	}
	for _, f := range from {
		if f.Reported && f.Kind != Mapping {
			n.Reported = true
			continue
		}
		if f.Kind != Mapping {
			n.Reported = true
			p.report(source.Diagnostic{Code: "bad-merge", Span: f.Span, Summary: "`<<` merges mappings only", Detail: "Give it an alias of a mapping: `<<: *name`."})
			continue
		}
		for _, e := range f.Entries {
			if _, has := seen[e.Key.Value]; !has {
				seen[e.Key.Value] = e.Key
				n.Entries = append(n.Entries, e)
			}
		}
	}
}

var styles = map[yaml.Style]Style{yaml.SingleQuotedStyle: SingleQuoted, yaml.DoubleQuotedStyle: DoubleQuoted, yaml.LiteralStyle: LiteralBlock, yaml.FoldedStyle: FoldedBlock}

func (p *parser) scalar(y *yaml.Node, off int) *Node {
	style := styles[y.Style&^(yaml.TaggedStyle|yaml.FlowStyle)]
	text := scalarText(p.f, off, style, y.Value)
	n := &Node{Kind: Scalar, Text: text, Style: style, Span: text.Span}
	if style == PlainStyle && y.Value == "" {
		n.Span.End = n.Span.Start
	}
	if y.Style&yaml.TaggedStyle != 0 {
		return p.tagged(y, n)
	}
	p.knownTag(y, n, "") // `! x`, a tag without a name
	if style == PlainStyle {
		n.Kind, n.Tag = resolve(y.Value)
	}
	return n
}

// tagged handles explicit tags: the core schema's are obeyed, others refused.
func (p *parser) tagged(y *yaml.Node, n *Node) *Node {
	tags := map[string]Tag{"!!str": Str, "!!int": Int, "!!float": Float, "!!bool": Bool}
	t, ok := tags[y.Tag]
	if !ok {
		p.knownTag(y, n, "!!str")
		return n
	}
	n.Tag = t
	if _, is := resolve(y.Value); t != Str && is != t && (t != Float || is != Int) {
		n.Reported = true
		p.add("bad-tag", n.Span.Start, n.Span.End, fmt.Sprintf("%q is not what its tag `%s` says", y.Value, y.Tag), "Remove the tag.")
	}
	return n
}

// knownTag refuses tags of the author's own. Nearly always it is an expression
// that begins with `!`, which must not be read without it.
func (p *parser) knownTag(y *yaml.Node, n *Node, want string) {
	at := p.offset(y.Line, y.Column)
	if y.Anchor != "" && at < len(p.f.Data) && p.f.Data[at] == '&' {
		at = p.nextToken(min(len(p.f.Data), at+1+len(y.Anchor)))
	}
	if at >= len(p.f.Data) || p.f.Data[at] != '!' || y.Style&yaml.TaggedStyle != 0 && y.Tag == want {
		return
	}
	end := at
	for end < len(p.f.Data) && !strings.ContainsRune(" \t\r\n,]}", rune(p.f.Data[end])) {
		end++
	}
	n.Reported = true
	p.add("quote-it", at, end, fmt.Sprintf("`%s` is a tag to YAML", p.f.Data[at:end]), "If it is an expression that begins with `!`, quote it, or write `not`. Tags are not used in runbooks.")
}

var (
	intForm   = regexp.MustCompile(`^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$`)
	floatForm = regexp.MustCompile(`^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
)

// resolve is YAML 1.2's core schema (section 10.3.2).
func resolve(s string) (NodeKind, Tag) {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return Null, Str
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return Scalar, Bool
	}
	switch {
	case intForm.MatchString(s):
		return Scalar, Int
	case floatForm.MatchString(s):
		return Scalar, Float
	}
	return Scalar, Str
}

// Literal is the plain value of a tree: string, int, float64, bool, nil, []any,
// map[string]any. Numbers that do not fit 64 bits are json.Number.
func Literal(n *Node) any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case Mapping:
		m := make(map[string]any, len(n.Entries))
		for _, e := range n.Entries {
			m[e.Key.Value] = Literal(e.Value)
		}
		return m
	case Sequence:
		l := make([]any, len(n.Items))
		for i, item := range n.Items {
			l[i] = Literal(item)
		}
		return l
	case Null:
		return nil
	}
	return literal(n)
}

func literal(n *Node) any {
	s := n.Text.Value
	switch n.Tag {
	case Bool:
		return strings.EqualFold(s, "true")
	case Int:
		if i, err := parseInt(s); err == nil {
			return i
		}
		if x, ok := new(big.Int).SetString(digits(s)); ok {
			return json.Number(x.String())
		}
	case Float:
		if x, err := strconv.ParseFloat(s, 64); err == nil {
			return x
		}
		if json.Valid([]byte(s)) {
			return json.Number(s)
		}
	}
	return s
}

// fits reports whether the literal of a number is one that 64 bits hold: infinity
// is a word, and what is too large stays exact.
func fits(v any) bool {
	switch v.(type) {
	case int, float64:
		return true
	}
	return false
}

// parseInt reads YAML 1.2's integers: `012` is twelve, not ten.
func parseInt(s string) (int, error) {
	s, base := digits(s)
	i, err := strconv.ParseInt(s, base, 0)
	return int(i), err
}

// digits are those of an integer as YAML 1.2 writes it, and their base.
func digits(s string) (string, int) {
	switch {
	case strings.HasPrefix(s, "0x"):
		return s[2:], 16
	case strings.HasPrefix(s, "0o"):
		return s[2:], 8
	}
	return s, 10
}
