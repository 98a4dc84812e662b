package lang

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"runbook/engine/source"
)

// unquoted warns of `$v` and `$(...)` without quotes where they carry a hole: the
// shell splits them at blanks and takes * and ? for patterns.
func (c *scriptChecker) unquoted() {
	if len(c.holes) == 0 {
		return
	}
	carrying := c.carrying
	syntax.Walk(c.file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			for _, a := range n.Args {
				c.splits(a, carrying)
			}
		case *syntax.WordIter:
			for _, a := range n.Items {
				c.splits(a, carrying)
			}
		case *syntax.ArrayExpr:
			for _, e := range n.Elems {
				if e.Value != nil {
					c.splits(e.Value, carrying)
				}
			}
		}
		return true
	})
}

// splits looks at the parts of a word that stand outside quotes.
func (c *scriptChecker) splits(w *syntax.Word, carrying map[string]bool) {
	for _, p := range w.Parts {
		switch p := p.(type) {
		case *syntax.ParamExp:
			if p.Param != nil && carrying[p.Param.Value] && !p.Length {
				c.atNode(source.Warning, "unquoted", p, "`$"+p.Param.Value+"` holds a value of this run, and is split into words here", "Quote it: \"$"+p.Param.Value+"\".")
			}
		case *syntax.CmdSubst:
			if c.carries(p, carrying) {
				c.atNode(source.Warning, "unquoted", p, "what this prints depends on a value of this run, and is split into words here", "Quote it: \"$(...)\".")
			}
		}
	}
}

// carries reports whether a hole, or a variable that carries one, stands in a
// node.
func (c *scriptChecker) carries(n syntax.Node, carrying map[string]bool) bool {
	for _, h := range c.in(n) {
		if !c.onlyRisky || !h.int() {
			return true
		}
	}
	found := false
	syntax.Walk(n, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil && carriesParam(p, carrying) {
			found = true
		}
		return !found
	})
	return found
}

// carriesParam reports whether an expansion gives what carries a hole. What `${!v}`
// leads to is not known.
func carriesParam(p *syntax.ParamExp, carrying map[string]bool) bool {
	return carrying[p.Param.Value] || p.Excl && p.Names == 0 && p.Index == nil && len(carrying) > 0
}

// carriers are the variables that hold a hole's value, or one made of it.
func (c *scriptChecker) carriers() map[string]bool {
	out := map[string]bool{}
	for before := -1; before < len(out); {
		before = len(out)
		syntax.Walk(c.file, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Assign:
				if n.Name != nil && (n.Value != nil && c.carries(n.Value, out) || n.Array != nil && c.carries(n.Array, out)) {
					out[n.Name.Value] = true
				}
			case *syntax.WordIter:
				for _, w := range n.Items {
					if c.carries(w, out) {
						out[n.Name.Value] = true
					}
				}
				if !n.InPos.IsValid() && out["*"] { // it goes through the arguments
					out[n.Name.Value] = true
				}
			case *syntax.DeclClause:
				c.sameVariable(n, out)
			case *syntax.CallExpr:
				c.handed(n, out)
			}
			return true
		})
	}
	return out
}

// firstOfAll is what carriers has beside the names of variables: that the value may be the
// first of all arguments, which `"$@"` makes a command's name.
const firstOfAll = "@ first"

// handed notes what a command takes over into variables: the arguments of `set`
// and of functions by their numbers, and the names that are read into. What is
// read may always be made of a hole.
func (c *scriptChecker) handed(n *syntax.CallExpr, out map[string]bool) {
	if len(n.Args) == 0 {
		return
	}
	args := n.Args[1:]
	if slices.ContainsFunc(args, func(a *syntax.Word) bool { return c.carries(a, out) }) {
		out["_"] = true // the last word of what ran
	}
	switch name, _ := literalWord(n.Args[0]); {
	case name == "read" || name == "mapfile" || name == "readarray":
		out["REPLY"], out["MAPFILE"] = true, true
		for _, a := range args {
			if s, ok := literalWord(a); ok && !strings.HasPrefix(s, "-") {
				out[s] = true
			}
		}
	case name == "getopts" && out["*"]:
		out["OPTARG"] = true
	case name == "set" && len(args) > 0:
		s, known := literalWord(args[0])
		if known && s == "--" {
			args = args[1:]
		}
		c.numbered(args, out, known && s != "" && (s == "--" || s[0] != '-' && s[0] != '+'))
	case c.functions()[name]:
		c.numbered(args, out, true)
	}
}

// several is how many words more a word may be than one, as far as anybody counts.
const several = 9

// numbered notes which of the arguments `$1`, `$2`, ... a value may be. Options of
// `set` that come before them take numbers off, so where those are not known a value
// may be any of the lower ones; so do `shift`, and words that may be none at all.
func (c *scriptChecker) numbered(args []*syntax.Word, out map[string]bool, known bool) {
	less, more := c.shifts(), 0
	from, to := -1, -1 // all between has been noted
	for i, a := range args {
		low, high, carries := i, i, c.carries(a, out)
		grows := c.grows(a)
		switch {
		case isAll(a):
			if !out[firstOfAll] {
				low++
			}
			high = low + several
		case grows:
			high += several
		}
		if low = max(low-less, 0); !known {
			low = 0
		}
		if carries {
			for at := low; at <= high+more; at++ {
				if at == from {
					at = to
					continue
				}
				out[strconv.Itoa(at+1)] = true
			}
			if from < 0 || low > to+1 || high+more < from-1 {
				from, to = low, high+more
			}
			from, to = min(from, low), max(to, high+more)
			out["@"], out["*"] = true, true
			out[firstOfAll] = out[firstOfAll] || low == 0
		}
		if grows {
			less, more = less+1, several
		}
	}
}

// grows reports whether a word may be several, or none: what stands outside quotes,
// and all elements of something.
func (c *scriptChecker) grows(w *syntax.Word) bool {
	grows := slices.ContainsFunc(c.in(w), (*hole).list)
	bare := map[syntax.Node]bool{}
	for _, p := range w.Parts {
		bare[p] = true
	}
	syntax.Walk(w, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ParamExp:
			hole := len(c.in(n)) > 0
			all := n.Param != nil && n.Param.Value == "@"
			if word, ok := n.Index.(*syntax.Word); ok {
				s, _ := literalWord(word)
				all = all || s == "@"
			}
			grows = grows || all || bare[n] && !hole
		case *syntax.CmdSubst:
			grows = grows || bare[n]
			return false
		case *syntax.ExtGlob:
			grows = true
		}
		return true
	})
	return grows
}

// isAll reports whether a word is `$@`, in quotes or not.
func isAll(w *syntax.Word) bool {
	parts := w.Parts
	if len(parts) == 1 {
		if q, ok := parts[0].(*syntax.DblQuoted); ok {
			parts = q.Parts
		}
	}
	if len(parts) != 1 {
		return false
	}
	p, ok := parts[0].(*syntax.ParamExp)
	return ok && p.Param != nil && p.Param.Value == "@" && p.Slice == nil && !p.Excl && p.Exp == nil && p.Repl == nil && p.Index == nil
}

// shifts is how far `shift` may take numbers down; in a loop there is no end to it.
func (c *scriptChecker) shifts() int {
	const all = 1 << 20
	n := 0
	syntax.Walk(c.file, func(x syntax.Node) bool {
		switch x := x.(type) {
		case *syntax.WhileClause, *syntax.ForClause:
			syntax.Walk(x, func(in syntax.Node) bool {
				if call, ok := in.(*syntax.CallExpr); ok && isShift(call) {
					n = all
				}
				return true
			})
		case *syntax.CallExpr:
			if !isShift(x) {
				return true
			}
			by := 1
			if len(x.Args) > 1 {
				s, _ := literalWord(x.Args[1])
				var err error
				if by, err = strconv.Atoi(s); err != nil || by < 0 {
					by = all
				}
			}
			n = min(n+by, all)
		}
		return true
	})
	return n
}

func isShift(n *syntax.CallExpr) bool {
	if len(n.Args) == 0 {
		return false
	}
	name, known := literalWord(n.Args[0])
	if known && (name == "command" || name == "builtin") && len(n.Args) > 1 {
		name, known = literalWord(n.Args[1])
	}
	return known && name == "shift"
}

// sameVariable notes that a name stands for another variable (`declare -n`): each has
// what the other carries.
func (c *scriptChecker) sameVariable(n *syntax.DeclClause, out map[string]bool) {
	if !slices.ContainsFunc(n.Args, func(a *syntax.Assign) bool {
		s, _ := flagWord(a)
		return strings.HasPrefix(s, "-") && strings.Contains(s, "n")
	}) {
		return
	}
	for _, a := range n.Args {
		if a.Name == nil || a.Value == nil {
			continue
		}
		other, known := literalWord(a.Value)
		switch {
		case !known && len(out) > 0:
			out[a.Name.Value] = true
		case out[a.Name.Value] || out[other]:
			out[a.Name.Value], out[other] = true, true
		}
	}
}

// functions are the names of the script's own.
func (c *scriptChecker) functions() map[string]bool {
	if c.own == nil {
		c.own = map[string]bool{}
		syntax.Walk(c.file, func(n syntax.Node) bool {
			if f, ok := n.(*syntax.FuncDecl); ok && f.Name != nil {
				c.own[f.Name.Value] = true
			}
			return true
		})
	}
	return c.own
}

// evaluations refuses variables that carry a hole in arithmetic, where a shell
// evaluates what they hold. Those that hold nothing but ints are safe.
func (c *scriptChecker) evaluations(n syntax.Node) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			return false
		case *syntax.Lit:
			if c.risky[n.Value] {
				c.atNode(source.Error, "hole-here", n, "`"+n.Value+"` holds a value of this run, and arithmetic evaluates it", "Only an int is safe here: give the input the type int.")
			}
		case *syntax.ParamExp:
			if n.Param != nil && c.risky[n.Param.Value] && !n.Length {
				c.atNode(source.Error, "hole-here", n, "`$"+n.Param.Value+"` holds a value of this run, and arithmetic evaluates it", "Only an int is safe here: give the input the type int.")
			}
			return false
		}
		return true
	})
}
