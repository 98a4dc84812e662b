package guard

import (
	"bytes"
	"context"
	"errors"
	"io"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// order says, of a script in a world that is not real, which of its programs may
// run beside others, by the place of the command. What is not in it runs alone.
type order map[uint]place

type place int

const (
	behind place = iota + 1 // the end of a pipe: what comes out of it has come when it begins
	beside                  // nothing is known of who is first
	job                     // in the background: its time passes when the script waits for it
)

var errNoPipeFiles = errors.New("process substitution, <(...) or >(...), makes a file that a simulated run does not have: write what it gives into a file below $TMPDIR")

// maxCommands bounds a script that a simulated clock cannot end, since it does not
// wait for anything.
const maxCommands = 1_000_000

var errSpins = errors.New("the script runs a million commands in no time: a loop in it does not end")

// call is told of every command before it runs.
func (s *scriptState) call(ctx context.Context, argv []string) ([]string, error) {
	if err := s.lookup(ctx, argv); err != nil {
		return nil, err
	}
	if ClockOf(ctx) == nil {
		return stringTest(ctx, argv)
	}
	if s.commands.Add(1) > maxCommands {
		s.stop(errSpins)
		return nil, errSpins
	}
	if argv[0] == "wait" && interp.HandlerCtx(ctx).Pos.IsValid() { // and not one of ours
		if err := Wait(context.WithValue(ctx, besideKey{}, Joined), 1); err != nil {
			return nil, err
		}
	}
	return stringTest(ctx, argv)
}

// orderOf finds the programs that do not run alone. One that ends a pipe of its
// own waits until all that is before it has run: emulated programs read no more
// than they must, and then the order of what happens is the same in every run. On
// a simulated clock, jobs in the background are done in turn as well.
func orderOf(file *syntax.File, simulated bool) (order, error) {
	o := order{}
	var problem error
	functions, together := false, false
	jobs := []*syntax.Stmt{}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ProcSubst:
			problem = errNoPipeFiles
		case *syntax.FuncDecl:
			functions = true
		case *syntax.CoprocClause:
			together = true
		case *syntax.Stmt:
			if n.Background {
				jobs = append(jobs, n)
			}
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
	for _, j := range jobs {
		o.all(j, job)
	}
	if !simulated {
		return o, nil
	}
	if len(jobs) > 0 {
		inTurn(file)
	}
	return o, problem
}

// inTurn lets the script go on behind a job in the background when that is done:
// what they write then comes in the same order in every run.
func inTurn(file *syntax.File) {
	lists := []*[]*syntax.Stmt{&file.Stmts}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Block:
			lists = append(lists, &n.Stmts)
		case *syntax.Subshell:
			lists = append(lists, &n.Stmts)
		case *syntax.CmdSubst:
			lists = append(lists, &n.Stmts)
		case *syntax.IfClause:
			lists = append(lists, &n.Cond, &n.Then)
		case *syntax.WhileClause:
			lists = append(lists, &n.Cond, &n.Do)
		case *syntax.ForClause:
			lists = append(lists, &n.Do)
		case *syntax.CaseItem:
			lists = append(lists, &n.Stmts)
		}
		return true
	})
	for _, l := range lists {
		var out []*syntax.Stmt
		for _, s := range *l {
			if out = append(out, s); s.Background {
				out = append(out, awaited())
			}
		}
		*l = out
	}
}

// awaited is `wait "$!" || :`, which stands at no place of the script.
func awaited() *syntax.Stmt {
	word := func(parts ...syntax.WordPart) *syntax.Word { return &syntax.Word{Parts: parts} }
	command := func(words ...*syntax.Word) *syntax.Stmt { return &syntax.Stmt{Cmd: &syntax.CallExpr{Args: words}} }
	last := &syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "!"}}}}
	return &syntax.Stmt{Cmd: &syntax.BinaryCmd{Op: syntax.OrStmt, X: command(word(&syntax.Lit{Value: "wait"}), word(last)), Y: command(word(&syntax.Lit{Value: ":"}))}}
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
		return context.WithValue(ctx, besideKey{}, Mixed)
	case job:
		return context.WithValue(ctx, besideKey{}, Job)
	}
	return ctx
}
