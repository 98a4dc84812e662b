package lang

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// indirect are built-ins that run what their words come to.
var indirect = []string{"eval", "source", ".", "trap"}

// Commands are the commands that the script runs, with the values of its holes: as
// far as they can be told before it runs. One of which nothing is known has no
// words.
func (b Bound) Commands() []Command {
	file, err := parseShell(b.Text)
	if err != nil {
		return []Command{{}}
	}
	own := (&scriptChecker{file: file}).functions()
	var out []Command
	syntax.Walk(file, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		cmd := unwrapped(b.command(call))
		switch {
		case len(cmd.Words) == 0, slices.Contains(indirect, cmd.Words[0]):
			out = append(out, Command{})
		case slices.Contains(builtins, cmd.Words[0]) || own[cmd.Words[0]]:
		default:
			out = append(out, cmd)
		}
		return true
	})
	return out
}

func (b Bound) command(call *syntax.CallExpr) Command {
	cmd := Command{Whole: true}
	for _, a := range call.Args {
		words, ok := b.words(a)
		if !ok {
			cmd.Whole = false
			break
		}
		cmd.Words = append(cmd.Words, words...)
	}
	return cmd
}

// words are those that a word of the script comes to: more than one where a list
// stands in it.
func (b Bound) words(w *syntax.Word) ([]string, bool) {
	out := []string{""}
	add := func(s string) { out[len(out)-1] += s }
	for _, p := range w.Parts {
		quoted := []syntax.WordPart{p}
		dbl, inQuotes := p.(*syntax.DblQuoted)
		if inQuotes {
			quoted = dbl.Parts
		}
		for _, q := range quoted {
			switch q := q.(type) {
			case *syntax.Lit:
				if !inQuotes && strings.ContainsAny(q.Value, "*?[{~") {
					return nil, false
				}
				add(unescape(q.Value))
			case *syntax.SglQuoted:
				if q.Dollar {
					return nil, false
				}
				add(q.Value)
			case *syntax.ParamExp:
				value, ok := b.value(q)
				if !ok {
					return nil, false
				}
				list, isList := value.([]any)
				if !isList {
					list = []any{value}
				}
				for i, x := range list {
					text, known := x.(string) // a secret is not known
					if !known {
						return nil, false
					}
					if i > 0 {
						out = append(out, "")
					}
					add(text)
				}
			default:
				return nil, false
			}
		}
	}
	return out, true
}

// value is that of the hole for which a parameter stands.
func (b Bound) value(p *syntax.ParamExp) (any, bool) {
	if p.Param == nil || !ownName.MatchString(p.Param.Value) || p.Length || p.Excl || p.Slice != nil || p.Repl != nil || p.Exp != nil {
		return nil, false
	}
	i, err := strconv.Atoi(strings.TrimPrefix(p.Param.Value, holeName))
	if err != nil || i >= len(b.Values) {
		return nil, false
	}
	return b.Values[i], true
}
