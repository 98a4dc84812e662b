package lang

import (
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
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil && carrying[p.Param.Value] {
			found = true
		}
		return !found
	})
	return found
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
			case *syntax.CallExpr:
				c.handed(n, out)
			}
			return true
		})
	}
	return out
}

// handed notes what a command takes over into variables: the arguments of `set`
// and of functions by their numbers, and the names that are read into. What is
// read may always be made of a hole.
func (c *scriptChecker) handed(n *syntax.CallExpr, out map[string]bool) {
	if len(n.Args) < 2 {
		return
	}
	args := n.Args[1:]
	switch name, _ := literalWord(n.Args[0]); {
	case name == "read" || name == "mapfile" || name == "readarray":
		for _, a := range args {
			if s, ok := literalWord(a); ok && !strings.HasPrefix(s, "-") {
				out[s] = true
			}
		}
	case name == "set" || c.functions()[name]:
		if s, _ := literalWord(args[0]); name == "set" && s == "--" {
			args = args[1:]
		}
		for i, a := range args {
			if c.carries(a, out) {
				out[strconv.Itoa(i+1)], out["*"] = true, true
				if i == 0 {
					out["@"] = true
				}
			}
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
