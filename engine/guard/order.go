package guard

import (
	"bytes"
	"context"
	"errors"
	"io"

	"mvdan.cc/sh/v3/syntax"
)

// order says, of a script on a simulated clock, which of its programs may run
// beside others, by the place of the command. What is not in it runs alone.
type order map[uint]place

type place int

const (
	behind place = iota + 1 // the end of a pipe: what comes out of it has come when it begins
	beside                  // nothing is known of who is first
)

var errNoPipeFiles = errors.New("process substitution, <(...) or >(...), makes a file that a simulated run does not have: write what it gives into a file below $TMPDIR")

// orderOf finds the programs that do not run alone. One that ends a pipe of its
// own waits, in a simulation, until all that is before it has run: then the order
// of what happens is the same in every run.
func orderOf(file *syntax.File) (order, error) {
	o := order{}
	var problem error
	functions, together := false, false
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ProcSubst:
			problem = errNoPipeFiles
		case *syntax.FuncDecl:
			functions = true
		case *syntax.CoprocClause:
			together = true
		case *syntax.Stmt:
			together = together || n.Background
		case *syntax.BinaryCmd:
			if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
				o.pipe(n)
			}
		}
		return true
	})
	if together || functions && len(o) > 0 {
		o.all(file, beside)
	}
	return o, problem
}

// pipe enters the programs of a pipe. Where its end is more than one command,
// others may read what comes through as well, so nothing is known.
func (o order) pipe(n *syntax.BinaryCmd) {
	if call, ok := n.Y.Cmd.(*syntax.CallExpr); ok && !reads(n.Y) {
		if at := placeOf(call); o[at] == 0 {
			o[at] = behind
		}
		return
	}
	o.all(n, beside)
}

// reads reports whether a statement takes its standard input from elsewhere.
func reads(s *syntax.Stmt) bool {
	for _, r := range s.Redirs {
		switch r.Op {
		case syntax.RdrIn, syntax.DplIn, syntax.RdrInOut, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
			return true
		}
	}
	return false
}

func (o order) all(n syntax.Node, p place) {
	syntax.Walk(n, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok {
			o[placeOf(call)] = p
		}
		return true
	})
}

// placeOf is where a command's words begin, behind its assignments.
func placeOf(call *syntax.CallExpr) uint {
	if len(call.Args) > 0 {
		return call.Args[0].Pos().Offset()
	}
	return call.Pos().Offset()
}

// turn makes a program ready to run when it is its turn.
func (o order) turn(ctx context.Context, at syntax.Pos, c *Command) context.Context {
	switch o[at.Offset()] {
	case behind:
		if c.Stdin != nil {
			b, _ := io.ReadAll(c.Stdin) // a pipe within this process ends, and does nothing else
			c.Stdin = bytes.NewReader(b)
		}
	case beside:
		return context.WithValue(ctx, besideKey{}, true)
	}
	return ctx
}
