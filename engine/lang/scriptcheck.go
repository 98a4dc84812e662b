package lang

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"runbook/engine/source"
)

// find gives every hole its context.
func (c *scriptChecker) find() {
	byName := map[string]*hole{}
	for _, h := range c.holes {
		byName[h.name] = h
	}
	var stack []syntax.Node
	syntax.Walk(c.file, func(n syntax.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil {
			if h := byName[p.Param.Value]; h != nil {
				c.place(h, p, stack)
			}
		}
		stack = append(stack, n)
		return true
	})
	for _, h := range c.holes {
		if h.ctx == lost && h.tmpl != nil {
			c.lostHole(h)
		}
	}
}

// place decides from what a hole stands in whether it can be quoted there.
func (c *scriptChecker) place(h *hole, p *syntax.ParamExp, stack []syntax.Node) {
	h.ctx = bare
	for i := len(stack) - 1; i >= 0; i-- {
		inner := syntax.Node(p)
		if i+1 < len(stack) {
			inner = stack[i+1]
		}
		done, why := c.within(h, stack[i], inner)
		if why != "" {
			c.refuse(h, why)
			return
		}
		if done {
			break
		}
	}
	if h.list() && c.opts.Interpreter != "" {
		c.refuse(h, "an interpreter of its own cannot be given a list")
		return
	}
	if h.list() && h.ctx != bare {
		c.refuse(h, "a list cannot stand inside quotes or arithmetic: one word each is what it becomes")
	}
}

func (c *scriptChecker) refuse(h *hole, why string) {
	c.add("hole-here", h.from, h.to, "a hole cannot stand here: "+why, "Make it a word of its own, assign it to a variable first (`v={{ ... }}`), or pass it through `env:` or `stdin:`.")
}

// within looks at one node around a hole. Done ends the search outwards.
func (c *scriptChecker) within(h *hole, n, inner syntax.Node) (done bool, why string) {
	switch n := n.(type) {
	case *syntax.DblQuoted:
		if h.ctx == bare {
			h.ctx = quoted
		}
	case *syntax.Word:
		if _, direct := inner.(*syntax.ParamExp); direct {
			h.whole = len(n.Parts) == 1
			if h.list() && !h.whole {
				return true, "a list must be a word of its own"
			}
		}
	case *syntax.Redirect:
		if n.Hdoc == inner {
			h.ctx = heredoc
			return true, ""
		}
	case *syntax.ParamExp:
		return true, "inside ${...} it would be a pattern or an index"
	case *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.LetClause, *syntax.CStyleLoop:
		h.ctx = arith
		if !h.int() {
			return true, "in arithmetic only an int is safe; the shell would evaluate anything else"
		}
		return true, ""
	case *syntax.CmdSubst:
		if n.Backquotes {
			return true, "in backquotes quoting cannot be relied on; write $( )"
		}
		return true, ""
	case *syntax.ExtGlob, *syntax.BraceExp:
		return true, "it would be part of a pattern"
	case *syntax.CaseItem:
		if slices.ContainsFunc(n.Patterns, func(w *syntax.Word) bool { return syntax.Node(w) == inner }) {
			return true, "it would be a pattern"
		}
	case *syntax.BinaryTest:
		return c.inTest(h, n, inner)
	case *syntax.UnaryTest:
		if n.Op == syntax.TsVarSet || n.Op == syntax.TsRefVar {
			return true, "it would name a variable, and an index in that is evaluated"
		}
	case *syntax.Assign:
		if n.Index != nil && syntax.Node(n.Index) == inner {
			return true, "it would be an index"
		}
	case *syntax.DeclClause:
		return false, ""
	}
	return false, ""
}

// inTest: a right side that is a pattern is quoted like any word, and so
// literal; number tests evaluate what they are given.
func (c *scriptChecker) inTest(h *hole, n *syntax.BinaryTest, inner syntax.Node) (bool, string) {
	switch n.Op {
	case syntax.TsEql, syntax.TsNeq, syntax.TsLss, syntax.TsLeq, syntax.TsGtr, syntax.TsGeq:
		if !h.int() {
			return true, "a number test evaluates its operands; only an int is safe"
		}
	}
	return false, ""
}

// lostHole says where a hole is that is no parameter in the tree.
func (c *scriptChecker) lostHole(h *hole) {
	where := "the shell does not look into this text"
	syntax.Walk(c.file, func(n syntax.Node) bool {
		if n == nil {
			return true
		}
		inside := int(n.Pos().Offset()) <= h.at && int(n.End().Offset()) >= h.end
		switch n := n.(type) {
		case *syntax.SglQuoted:
			if inside {
				where = "nothing is filled in inside single quotes; use double quotes, or none"
			}
		case *syntax.Comment:
			if inside {
				where = "it is in a comment"
			}
		case *syntax.Lit:
			if strings.Contains(n.Value, h.name) {
				where = "it is in a quoted here-document, an escape or a pattern"
			}
		case *syntax.ExtGlob:
			if strings.Contains(n.Pattern.Value, h.name) {
				where = "it would be part of a pattern"
			}
		}
		return true
	})
	c.refuse(h, where)
}

// missing are what the embedded shell does not have, with what to do instead.
// A test runs each in the shell and sees it fail.
var missing = map[string]string{
	"umask":    "set the mode of what you create: `install -m 600`",
	"ulimit":   "bound the step with `timeout:`",
	"jobs":     "`wait` for what you started",
	"bg":       "end the command with `&`",
	"fg":       "run the command in the foreground",
	"disown":   "a step leaves no process behind",
	"fc":       "scripts have no history",
	"history":  "scripts have no history",
	"bind":     "scripts have no keyboard",
	"compgen":  "scripts have no completion",
	"complete": "scripts have no completion",
	"caller":   "use `echo` to say where you are",
	"enable":   "the built-ins cannot be changed",
	"suspend":  "a step cannot be suspended",
	"logout":   "use `exit`",
}

// inspect refuses what the embedded shell lacks, and holes where they would be
// run instead of read.
func (c *scriptChecker) inspect() {
	if len(c.holes) > 0 {
		c.carrying = c.carriers()
		c.onlyRisky = true
		c.risky = c.carriers()
		c.onlyRisky = false
	}
	syntax.Walk(c.file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CoprocClause:
			c.lacks(n, "coproc", "start it with `&`")
		case *syntax.DeclClause:
			c.declared(n)
		case *syntax.Redirect:
			c.redirect(n)
		case *syntax.CallExpr:
			c.callExpr(n)
		case *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.LetClause, *syntax.CStyleLoop:
			c.evaluations(n)
		case *syntax.BinaryTest:
			if n.Op >= syntax.TsEql && n.Op <= syntax.TsGtr {
				c.evaluations(n)
			}
		case *syntax.Assign:
			c.assigned(n)
		case *syntax.Stmt:
			c.fedProgram(n)
		case *syntax.BinaryCmd:
			c.pipedProgram(n)
		}
		return true
	})
	c.unquoted()
}

func (c *scriptChecker) lacks(n syntax.Node, what, instead string) {
	if c.opts.Interpreter != "" {
		return // a real shell has it
	}
	c.add("not-in-shell", c.back(int(n.Pos().Offset())), c.back(int(n.Pos().Offset())+len(what)), "the embedded shell has no `"+what+"`", strings.ToUpper(instead[:1])+instead[1:]+", or use `interpreter: [bash]`.")
}

// declared refuses holes that would name a variable.
func (c *scriptChecker) declared(n *syntax.DeclClause) {
	integer := slices.ContainsFunc(n.Args, func(a *syntax.Assign) bool {
		s, _ := flagWord(a)
		return strings.HasPrefix(s, "-") && strings.ContainsAny(s, "in")
	})
	for _, a := range n.Args {
		if integer && !a.Naked {
			c.evaluated(a)
		}
		if a.Naked && a.Value != nil {
			for _, h := range c.in(a.Value) {
				c.refuse(h, "it would name a variable of `"+n.Variant.Value+"`")
			}
		}
	}
}

func (c *scriptChecker) redirect(n *syntax.Redirect) {
	if n.Word == nil {
		return
	}
	if w, ok := literalWord(n.Word); ok && (strings.HasPrefix(w, "/dev/tcp/") || strings.HasPrefix(w, "/dev/udp/")) {
		c.lacks(n.Word, w, "use an `http` step")
	}
}

// in are the holes inside a node.
func (c *scriptChecker) in(n syntax.Node) []*hole {
	from, to := int(n.Pos().Offset()), int(n.End().Offset())
	first, _ := slices.BinarySearchFunc(c.holes, from, func(h *hole, at int) int { return h.at - at }) // they stand in order
	last := first
	for last < len(c.holes) && c.holes[last].end <= to {
		last++
	}
	return c.holes[first:last:last]
}

// callExpr looks at one simple command.
func (c *scriptChecker) callExpr(n *syntax.CallExpr) {
	if len(n.Args) == 0 {
		return
	}
	if hs := c.in(n.Args[0]); len(hs) > 0 {
		c.refuse(hs[0], "it would be the command's name; write the name, or use `argv:`")
		return
	}
	name, ok := literalWord(n.Args[0])
	if !ok {
		c.refuseName(n.Args[0], "it would be the command's name")
		return
	}
	if instead, ok := missing[name]; ok {
		c.lacks(n.Args[0], name, instead)
	}
	if name == "read" && slices.ContainsFunc(n.Args[1:], func(w *syntax.Word) bool { s, _ := literalWord(w); return strings.HasPrefix(s, "-t") }) {
		c.lacks(n.Args[0], "read", "bound the step with `timeout:`; `read -t` is missing")
	}
	if name == "exec" && len(n.Args) == 1 {
		c.execRedirect(n)
	}
	c.programText(name, n.Args[1:])
	c.numberTest(name, n.Args[1:])
	c.words(name, n)
}

// execRedirect: `exec 3>file` changes the shell's own files, which the embedded
// one cannot.
func (c *scriptChecker) execRedirect(n *syntax.CallExpr) {
	syntax.Walk(c.file, func(x syntax.Node) bool {
		if s, ok := x.(*syntax.Stmt); ok && s.Cmd == syntax.Command(n) && len(s.Redirs) > 0 {
			c.lacks(n.Args[0], "exec", "redirect the commands: `{ ...; } > file`")
		}
		return true
	})
}

// words warns of holes that a program may take for an option.
func (c *scriptChecker) words(name string, n *syntax.CallExpr) {
	switch name {
	case "echo", "printf", "test", "[", "true", "false", ":", "exit", "return", "cd":
		return
	}
	for i, a := range n.Args[1:] {
		if s, _ := literalWord(a); s == "--" {
			return
		}
		hs := c.in(a)
		if len(hs) != 1 || hs[0].at != int(a.Pos().Offset()) && hs[0].ctx == bare || !startsWithHole(a, hs[0]) || !mayDash(hs[0]) {
			continue
		}
		if i > 0 {
			if before, _ := literalWord(n.Args[i]); strings.HasPrefix(before, "-") && !strings.Contains(before, "=") {
				continue // most likely the value of that option
			}
		}
		c.say(source.Warning, "may-be-option", hs[0].from, hs[0].to, "this value may begin with `-`, and `"+name+"` would take it for an option",
			"Put `--` before it, or give the input a `pattern` that does not begin with `-`.")
	}
}

func startsWithHole(w *syntax.Word, h *hole) bool {
	first := int(w.Pos().Offset())
	return h.at == first || h.at == first+1 && h.ctx == quoted
}

// literalWord is a word's text, where nothing in it depends on the run.
func literalWord(w *syntax.Word) (string, bool) {
	var b strings.Builder
	for _, p := range w.Parts {
		switch p := p.(type) {
		case *syntax.Lit:
			b.WriteString(unescape(p.Value))
		case *syntax.SglQuoted:
			if p.Dollar {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, q := range p.Parts {
				l, ok := q.(*syntax.Lit)
				if !ok {
					return "", false
				}
				b.WriteString(l.Value)
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// builtins of the embedded shell, which are no external commands.
var builtins = []string{".", ":", "[", "alias", "break", "builtin", "cd", "command", "continue", "dirs", "echo", "eval", "exec", "exit", "export", "false", "getopts", "local", "mapfile",
	"popd", "printf", "pushd", "pwd", "read", "readarray", "readonly", "return", "set", "shift", "shopt", "source", "test", "trap", "true", "type", "unalias", "unset", "wait", "declare", "typeset", "let", "kill"}

// IsBuiltin reports whether a word is a command of the embedded shell, which
// needs no permission.
func IsBuiltin(word string) bool { return slices.Contains(builtins, word) }

// commands are the script's external commands as far as they can be told.
func (c *scriptChecker) commands() []Command {
	own := c.functions()
	var out []Command
	syntax.Walk(c.file, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		cmd := unwrapped(c.command(call))
		if len(cmd.Words) == 0 || slices.Contains(builtins, cmd.Words[0]) || own[cmd.Words[0]] || missing[cmd.Words[0]] != "" {
			return true
		}
		out = append(out, cmd)
		return true
	})
	return out
}

// unwrapped is the command behind built-ins that run another.
func unwrapped(cmd Command) Command {
	for len(cmd.Words) > 1 && (cmd.Words[0] == "command" || cmd.Words[0] == "exec" || cmd.Words[0] == "builtin") && !strings.HasPrefix(cmd.Words[1], "-") {
		cmd.Words = cmd.Words[1:]
	}
	return cmd
}

func (c *scriptChecker) command(call *syntax.CallExpr) Command {
	from, to := int(call.Args[0].Pos().Offset()), int(call.Args[0].End().Offset())
	cmd := Command{Whole: true, Span: c.text.Sub(c.back(from), c.back(to))}
	for _, a := range call.Args {
		w, ok := literalWord(a)
		if !ok || strings.ContainsAny(w, "*?[{~") {
			cmd.Whole = false
			break
		}
		cmd.Words = append(cmd.Words, w)
	}
	return cmd
}
