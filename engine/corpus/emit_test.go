package corpus_test

import (
	"strconv"
	"strings"

	"runbook/engine/syntax"
)

// edit changes one entry of a document, or one value.
type edit struct {
	value *syntax.Node // whose text is replaced; or nil
	text  string       // the text instead of it
	in    *syntax.Node // the mapping of the entry; or nil
	key   string       // the entry
	line  string       // one line instead of the entry; "-" removes it
	more  string       // one line more at the mapping's end
	head  string       // lines before all others
}

// emitter writes a tree as YAML, an edit made, and remembers where the edit is.
type emitter struct {
	strings.Builder
	edit
	from, to   int // the text that was put in
	keyAt      int // the key before it
	inAt, inTo int // the mapping of the edit, as far as it is on lines of its own
}

func emitted(n *syntax.Node, e edit) *emitter {
	w := &emitter{edit: e}
	w.WriteString(e.head)
	w.block(n, "")
	return w
}

// block writes a value on lines of its own.
func (w *emitter) block(n *syntax.Node, indent string) {
	begin := w.Len()
	for _, e := range n.Entries {
		w.entry(n, e, indent)
	}
	for _, item := range n.Items {
		w.WriteString(indent + "-")
		w.behind(item, indent)
	}
	if n == w.in {
		if w.more != "" {
			w.put(indent, w.more)
		}
		w.inAt, w.inTo = begin+len(indent), w.Len()-1
	}
}

func (w *emitter) put(indent, line string) {
	w.WriteString(indent)
	w.from = w.Len()
	w.WriteString(line)
	w.to = w.Len()
	w.WriteByte('\n')
}

func (w *emitter) entry(n *syntax.Node, e syntax.Entry, indent string) {
	if n == w.in && e.Key.Value == w.key && w.line != "" {
		if w.line != "-" {
			w.put(indent, w.line)
		}
		return
	}
	at := w.Len() + len(indent)
	w.WriteString(indent + e.Key.Value + ":")
	if e.Value == w.value || n == w.in && e.Key.Value == w.key {
		w.keyAt = at
	}
	w.behind(e.Value, indent)
}

// behind writes a value behind its key or dash.
func (w *emitter) behind(n *syntax.Node, indent string) {
	switch {
	case n == w.value:
		w.put(" ", w.text)
	case len(n.Entries)+len(n.Items) > 0:
		w.WriteByte('\n')
		w.block(n, indent+"  ")
	default:
		w.WriteString(" " + flow(n) + "\n")
	}
}

// flow is a value on one line.
func flow(n *syntax.Node) string {
	switch n.Kind {
	case syntax.Mapping:
		var words []string
		for _, e := range n.Entries {
			words = append(words, e.Key.Value+": "+flow(e.Value))
		}
		return "{" + strings.Join(words, ", ") + "}"
	case syntax.Sequence:
		var words []string
		for _, item := range n.Items {
			words = append(words, flow(item))
		}
		return "[" + strings.Join(words, ", ") + "]"
	case syntax.Null:
		return "null"
	}
	if n.Tag == syntax.Str {
		return strconv.Quote(n.Text.Value)
	}
	return n.Text.Value
}
