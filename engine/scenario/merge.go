package scenario

import (
	"fmt"
	"strings"

	"runbook/engine/source"
	"runbook/engine/syntax"
)

// maxChain bounds how many scenarios extend one another in a row.
const maxChain = 16

// family resolves which scenario extends which.
type family struct {
	byName map[string]syntax.Entry
	names  []string
	report source.Report
}

func newFamily(scenarios []syntax.Entry, report source.Report) *family {
	f := &family{byName: map[string]syntax.Entry{}, report: report}
	for _, e := range scenarios {
		f.byName[e.Key.Value] = e
		f.names = append(f.names, e.Key.Value)
	}
	return f
}

// whole is a scenario with all that it inherits; nil where that cannot be known.
func (f *family) whole(e syntax.Entry) *syntax.Node {
	chain := []syntax.Entry{e}
	seen := map[string]bool{e.Key.Value: true}
	for at := e.Value.Get("extends"); at != nil; at = chain[len(chain)-1].Value.Get("extends") {
		base, known := f.byName[at.Text.Value]
		switch {
		case !known:
			f.say("unknown-scenario", at, fmt.Sprintf("there is no scenario `%s` to extend", at.Text.Value), didYouMean(at.Text.Value, f.names))
			return nil
		case seen[base.Key.Value]:
			f.say("circular", at, fmt.Sprintf("`%s` extends itself%s", e.Key.Value, through(chain, base)), "Begin with a scenario that extends none.")
			return nil
		case len(chain) == maxChain:
			f.say("too-deep", at, fmt.Sprintf("more than %d scenarios extend one another", maxChain), "Let them extend one that is nearer to the first.")
			return nil
		}
		seen[base.Key.Value] = true
		chain = append(chain, base)
	}
	n := chain[len(chain)-1].Value
	if len(chain) == 1 {
		f.nothingToRemove(nil, n, deep)
		return n
	}
	for i := len(chain) - 2; i >= 0; i-- {
		if i == 0 {
			f.nothingToRemove(n, chain[0].Value, deep)
		}
		n = merged(n, chain[i].Value, deep, true)
	}
	return n
}

func through(chain []syntax.Entry, base syntax.Entry) string {
	if len(chain) == 1 {
		return ""
	}
	var names []string
	for _, e := range chain[1:] {
		if e.Key.Value != base.Key.Value {
			names = append(names, "`"+e.Key.Value+"`")
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " through " + strings.Join(names, ", ")
}

func (f *family) say(code string, at *syntax.Node, summary, detail string) {
	f.report(source.Diagnostic{Code: code, Span: at.Span, Summary: summary, Detail: detail})
}

// levels are the mappings that are merged key by key, and those in them.
type levels map[string]levels

var deep = levels{
	"inputs": {}, "secrets": {}, "answers": {},
	"expect": {"decisions": {}, "verdicts": {}, "facts": {}, "outputs": {}, "evidence": {}, "messages": {}, "duration": {}},
}

// literals are the mappings in which null is a value where nothing is inherited.
var literals = map[string]bool{"inputs": true, "facts": true, "outputs": true, "evidence": true}

// nothingToRemove reports each null that removes nothing.
func (f *family) nothingToRemove(base, n *syntax.Node, l levels) {
	for _, e := range n.Entries {
		inherited, inner := base.Get(e.Key.Value), l[e.Key.Value]
		if e.Value.Kind == syntax.Null && inherited == nil {
			f.say("nothing-to-remove", e.Value, fmt.Sprintf("`%s` is null, and there is nothing that it removes", e.Key.Value), "Null removes what a scenario inherits. Give it a value, or remove the key.")
		}
		if inner != nil && !literals[e.Key.Value] {
			f.nothingToRemove(inherited, e.Value, inner)
		}
	}
}

// merged is a variation over what it extends: mappings are merged, lists of stubs
// go before those that are inherited, and all else is replaced.
func merged(base, n *syntax.Node, l levels, stubs bool) *syntax.Node {
	out := &syntax.Node{Kind: syntax.Mapping, Span: n.Span}
	for _, e := range n.Entries {
		was := base.Get(e.Key.Value)
		switch {
		case was == nil:
		case e.Value.Kind == syntax.Null:
			continue
		case e.Value.Kind == syntax.Mapping && was.Kind == syntax.Mapping && l[e.Key.Value] != nil:
			e.Value = merged(was, e.Value, l[e.Key.Value], false)
		case stubs && e.Value.Kind == syntax.Sequence && was.Kind == syntax.Sequence:
			list := *e.Value
			list.Items = append(append([]*syntax.Node{}, e.Value.Items...), was.Items...)
			e.Value = &list
		}
		out.Entries = append(out.Entries, e)
	}
	for _, e := range base.Entries {
		if n.Get(e.Key.Value) == nil && e.Key.Value != "extends" {
			out.Entries = append(out.Entries, e)
		}
	}
	return out
}
