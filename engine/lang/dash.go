package lang

import (
	"regexp/syntax"
	"slices"
	"strings"

	"runbook/engine/types"
)

// mayDash reports whether a hole's value may begin with `-`.
func mayDash(h *hole) bool {
	if h.tmpl == nil {
		return false
	}
	t := h.tmpl.typ
	if t != nil && t.Kind == types.List {
		t = t.Elem
	}
	switch {
	case t == nil:
		return true
	case len(t.Enum) > 0:
		return slices.ContainsFunc(t.Enum, func(s string) bool { return strings.HasPrefix(s, "-") })
	case t.Pattern != "":
		return patternAllowsDash(t.Pattern)
	}
	return t.Kind == types.String
}

// patternAllowsDash reports whether a string that begins with `-` can match. It
// follows the pattern's program up to the first character.
func patternAllowsDash(pattern string) bool {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return true
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return true
	}
	d := dashSearch{prog: prog, seen: map[dashState]bool{}}
	return d.from(dashState{pc: uint32(prog.Start)})
}

// dashState is a place in the program before any character was read. Without
// the beginning, the match may begin anywhere; behind the end, nothing follows.
type dashState struct {
	pc         uint32
	begun, end bool
}

type dashSearch struct {
	prog *syntax.Prog
	seen map[dashState]bool
}

func (d *dashSearch) from(s dashState) bool {
	if d.seen[s] {
		return false
	}
	d.seen[s] = true
	in := d.prog.Inst[s.pc]
	next := dashState{in.Out, s.begun, s.end}
	switch in.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		return d.from(next) || d.from(dashState{in.Arg, s.begun, s.end})
	case syntax.InstCapture, syntax.InstNop:
		return d.from(next)
	case syntax.InstEmptyWidth:
		next.begun = s.begun || syntax.EmptyOp(in.Arg)&syntax.EmptyBeginText != 0
		next.end = s.end || syntax.EmptyOp(in.Arg)&syntax.EmptyEndText != 0
		return d.from(next)
	case syntax.InstMatch:
		return !s.begun || !s.end
	case syntax.InstFail:
		return false
	}
	return !s.begun || !s.end && in.MatchRune('-')
}
