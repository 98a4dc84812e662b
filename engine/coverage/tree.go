package coverage

import (
	"cmp"

	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/source"
)

// File is one runbook as a tree.
type File struct {
	Name    string // the file's, as it was named
	Runbook string // the runbook's
	Title   string
	Nodes   []*Node // its steps, its procedures, and `finally`
}

// Node is a step, a branch, or a list of steps that something leads to. Main is
// whether it was taken at all, nil where its Nodes alone say so; Sides are what
// else can be taken of it.
type Node struct {
	What  string // a step's role, branch, else, procedure, undo, on_failure, finally
	Name  string
	Title string
	Into  string // the procedure or the file that it goes into
	File  string // the file, where that is what it goes into
	Line  int
	Main  *Item
	Sides []*Item
	Nodes []*Node
}

// grower makes the tree of one plan.
type grower struct {
	c *Coverage
	p *plan.Plan
}

// grow makes the tree of a plan, with all that there is to take in it.
func (c *Coverage) grow(p *plan.Plan) *File {
	g := &grower{c, p}
	f := &File{Name: p.File.Name, Runbook: p.Name, Title: p.Title, Nodes: g.list(p.Steps)}
	for _, proc := range p.Procedures {
		n := g.node("procedure", proc.Name, titleOf(proc.Title), proc.Span)
		n.Main = g.main(Item{Class: Procedures, Name: proc.Name}, proc.Span)
		n.Nodes = g.list(proc.Steps)
		f.Nodes = append(f.Nodes, n)
	}
	if len(p.Finally) > 0 {
		n := g.node("finally", "", "", p.Finally[0].Span)
		n.Main = g.main(Item{Class: Finally}, p.Finally[0].Span)
		n.Nodes = g.list(p.Finally)
		f.Nodes = append(f.Nodes, n)
	}
	return f
}

func titleOf(t *lang.Template) string {
	if t == nil {
		return ""
	}
	return t.Text.Value
}

func (g *grower) node(what, name, title string, at source.Span) *Node {
	return &Node{What: what, Name: name, Title: title, Line: at.Position().Line}
}

// item is something that can be taken, entered where it is new; nil where it
// stands in no file.
func (g *grower) item(i Item, at source.Span) (item *Item, isNew bool) {
	if at.File == nil {
		return nil, false
	}
	pos := at.Position()
	i.File, i.Line, i.Column, i.offset = at.File.Name, pos.Line, pos.Column, at.Start
	if there := g.c.items[i.id()]; there != nil {
		return there, false
	}
	g.c.items[i.id()] = &i
	return &i, true
}

// main is an item that says of a node whether it was taken at all.
func (g *grower) main(i Item, at source.Span) *Item {
	item, _ := g.item(i, at)
	return item
}

// sides adds what else can be taken of a node, where no other has it: a check that
// repeats another inherits what is told of that one.
func (g *grower) sides(n *Node, list ...side) {
	for _, x := range list {
		if i, isNew := g.item(x.item, x.at); isNew {
			n.Sides = append(n.Sides, i)
		}
	}
}

func (g *grower) list(steps []*plan.Step) []*Node {
	var out []*Node
	for _, s := range steps {
		out = append(out, g.step(s))
	}
	return out
}

// step is a step with all that it holds.
func (g *grower) step(s *plan.Step) *Node {
	n := g.node(string(s.Role), s.ID, titleOf(s.Title), s.Span)
	n.Main = g.main(of(s, Steps, "", ""), s.Span)
	switch {
	case s.Call != nil:
		n.Into = s.Call.Procedure.Name
	case s.Sub != nil:
		n.Into = s.Sub.Plan.File.Name
		n.File = n.Into
	}
	g.sides(n, sides(s)...)
	n.Nodes = g.list(s.Steps)
	for _, b := range s.Branches {
		n.Nodes = append(n.Nodes, g.branch(s, b))
	}
	for _, check := range []*plan.Step{s.Verify, s.CheckAfter} {
		if check != nil {
			n.Nodes = append(n.Nodes, g.step(check))
		}
	}
	if s.Failure.Mode != plan.FailStop {
		n.Nodes = append(n.Nodes, g.failure(s))
	}
	if s.Undo != nil {
		n.Nodes = append(n.Nodes, g.undo(s))
	}
	return n
}

func (g *grower) branch(s *plan.Step, b *plan.Branch) *Node {
	n := g.node("branch", b.ID, titleOf(b.Title), b.Span)
	i := of(s, Branches, b.ID, "")
	if i.Else = b.When == nil; i.Else {
		n.What = "else"
	}
	n.Main = g.main(i, b.Span)
	n.Nodes = g.list(b.Steps)
	if b.Call != nil {
		n.Into = b.Call.Procedure.Name
	}
	return n
}

func (g *grower) failure(s *plan.Step) *Node {
	at := failureAt(s)
	n := g.node("on_failure", "", "", at)
	n.Main = g.main(of(s, OnFailure, "", ""), at)
	n.Nodes = g.list(s.Failure.Steps)
	if s.Failure.Mode == plan.FailContinue {
		n.Title = "go on"
	}
	if s.Failure.Call != nil {
		n.Into = s.Failure.Call.Procedure.Name
	}
	return n
}

// failureAt is where a failure rule stands: where what it runs does, and else at
// its step.
func failureAt(s *plan.Step) source.Span {
	switch {
	case len(s.Failure.Steps) > 0:
		return s.Failure.Steps[0].Span
	case s.Failure.Call != nil:
		return s.Failure.Call.Span
	}
	return s.Span
}

func undoAt(s *plan.Step) source.Span {
	if len(s.Undo.Steps) > 0 {
		return s.Undo.Steps[0].Span
	}
	return s.Span
}

func (g *grower) undo(s *plan.Step) *Node {
	at := undoAt(s)
	n := g.node("undo", "", "", at)
	n.Main = g.main(of(s, Undo, "", Done), at)
	if !s.Undo.Auto {
		g.sides(n, side{of(s, Undo, "", Offered), at})
	}
	n.Nodes = g.list(s.Undo.Steps)
	return n
}

// of is an item of a step.
func of(s *plan.Step, class Class, name, way string) Item {
	return Item{Class: class, Role: string(s.Role), Step: s.ID, Name: name, Way: way}
}

// side is something that can come out more than one way.
type side struct {
	item Item
	at   source.Span
}

// sides are the ways in which what a step says of itself can come out.
func sides(s *plan.Step) []side {
	var out []side
	both := func(class Class, name string, at source.Span, ways ...string) {
		for _, way := range ways {
			out = append(out, side{of(s, class, name, way), at})
		}
	}
	if s.If != nil {
		both(If, "", s.If.Text.Span, True, False)
	}
	if s.Confirm != nil {
		both(Approvals, "", confirmAt(s), Approved, Refused)
	}
	if s.Role == plan.Each {
		both(Each, "", s.In.Text.Span, counts(s.In)...)
	}
	for _, e := range s.Expect {
		both(Expect, e.Source, e.Text.Span, Held, NotHeld)
	}
	if s.Poll != nil {
		both(Polls, "", s.Span, Success, GaveUp)
	}
	return out
}

// counts are the ways that an `each` can go: a list that stands in the runbook has
// items, or has none, and no scenario can change that.
func counts(in *lang.Expr) []string {
	if len(in.Reads) > 0 {
		return []string{None, Some}
	}
	v, err := in.Eval(lang.Env{})
	list, known := v.([]any)
	switch {
	case err != nil || !known:
		return []string{None, Some}
	case len(list) == 0:
		return []string{None}
	}
	return []string{Some}
}

func confirmAt(s *plan.Step) source.Span {
	if s.Confirm.Ask == nil {
		return s.Span
	}
	return cmp.Or(s.Confirm.Ask.Text.Span, s.Span)
}

// copied is a tree with items of its own, which have not been taken.
func (c *Coverage) copied(nodes []*Node) []*Node {
	own := func(i *Item) *Item {
		if i == nil {
			return nil
		}
		if there := c.items[i.id()]; there != nil {
			return there
		}
		x := *i
		x.Taken = nil
		c.items[x.id()] = &x
		return &x
	}
	var out []*Node
	for _, n := range nodes {
		x := *n
		x.Main, x.Sides, x.Nodes = own(n.Main), nil, c.copied(n.Nodes)
		for _, i := range n.Sides {
			x.Sides = append(x.Sides, own(i))
		}
		out = append(out, &x)
	}
	return out
}
