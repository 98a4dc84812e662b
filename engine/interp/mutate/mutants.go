package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// mutant is one change. What it is named by holds no line, so that a change
// elsewhere in the file leaves the name alone.
type mutant struct {
	id             int
	file, function string
	line           int
	what           string // the change
	of             string // the text that it changes, on one line
	nth            int    // among those that look the same, from 1
	edits          []edit
	from, to       int // what they are around
	fate           fate
	by             string // the suite that noticed it
}

// String is the name of a mutant in survivors.txt.
func (m *mutant) String() string {
	name := fmt.Sprintf("%s %s: %s: %s", m.file, m.function, m.what, m.of)
	if m.nth > 1 {
		name += fmt.Sprintf(" #%d", m.nth)
	}
	return name
}

// finder walks a file and collects its mutants.
type finder struct {
	*pkg
	file, function string
	found          []*mutant
}

// mutants are all changes of the package that compile.
func (p *pkg) mutants() []*mutant {
	var out []*mutant
	seen := map[string]int{}
	for _, name := range p.names {
		f := &finder{pkg: p, file: name}
		for _, d := range p.files[name].Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				f.function = nameOf(fn)
				ast.Inspect(fn.Body, f.visit)
			}
		}
		for _, m := range f.found {
			m.id = len(out) + 1
			if p.check(name, p.changed(name, []*mutant{m}), nil) != nil {
				continue
			}
			seen[m.String()]++
			m.nth = seen[m.String()]
			out = append(out, m)
		}
	}
	return out
}

func nameOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	return types.ExprString(t) + "." + fn.Name.Name
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
	case *ast.IfStmt:
		f.condition(n.Cond)
		f.dropElse(n)
	case *ast.ForStmt:
		f.condition(n.Cond)
	case *ast.SwitchStmt:
		if n.Tag == nil {
			f.cases(n.Body)
		}
	case *ast.ReturnStmt:
		for _, x := range n.Results {
			f.truth(x)
		}
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.BasicLit:
		f.number(n)
	case *ast.Ident:
		f.word(n)
	}
	return true
}

// cases are conditions where a switch has no tag.
func (f *finder) cases(body *ast.BlockStmt) {
	for _, s := range body.List {
		for _, x := range s.(*ast.CaseClause).List {
			f.condition(x)
		}
	}
}

// condition negates a condition as a whole, and each part of it.
func (f *finder) condition(x ast.Expr) {
	if x == nil {
		return
	}
	if b, ok := ast.Unparen(x).(*ast.BinaryExpr); ok && (b.Op == token.LAND || b.Op == token.LOR) {
		f.negate(b)
	}
	f.truth(x)
}

// truth negates the parts of what is true or false.
func (f *finder) truth(x ast.Expr) {
	switch y := ast.Unparen(x).(type) {
	case *ast.BinaryExpr:
		if y.Op == token.LAND || y.Op == token.LOR {
			f.truth(y.X)
			f.truth(y.Y)
			return
		}
	case *ast.UnaryExpr:
		if y.Op == token.NOT {
			f.truth(y.X)
			return
		}
	case *ast.Ident:
		if y.Name == "true" || y.Name == "false" {
			return // a word of its own
		}
	}
	if t, ok := f.info.Types[x].Type.Underlying().(*types.Basic); ok && t.Info()&types.IsBoolean != 0 {
		f.negate(x)
	}
}

func (f *finder) negate(x ast.Expr) {
	f.add(x, "negate", wrap(x.Pos(), x.End(), "(mutantOn(%d) != (", "))")...)
}

// binary is what becomes of an operator.
func (f *finder) binary(b *ast.BinaryExpr) {
	between := func(what, before, op, after string) {
		f.add(b, what, edit{at: f.at(b.Pos()), text: before}, edit{at: f.at(b.OpPos), cut: len(b.Op.String()), text: op}, edit{at: f.at(b.End()), text: after, behind: true})
	}
	swap, known := map[token.Token][2]string{
		token.LSS: {"< to <=", "mutantLess(%d, "}, token.LEQ: {"<= to <", "mutantAtMost(%d, "},
		token.GTR: {"> to >=", "mutantMore(%d, "}, token.GEQ: {">= to >", "mutantAtLeast(%d, "},
		token.ADD: {"+ to -", "mutantPlus(%d, "}, token.SUB: {"- to +", "mutantMinus(%d, "},
	}[b.Op]
	switch {
	case known:
		between(swap[0], swap[1], ",", ")")
	case b.Op == token.LAND:
		between("&& to ||", "mutantAnd(%d, func() bool { return ", "}, func() bool { return ", "})")
	case b.Op == token.LOR:
		between("|| to &&", "mutantOr(%d, func() bool { return ", "}, func() bool { return ", "})")
	}
}

// number makes a 1 of a 0 and a 0 of a 1.
func (f *finder) number(l *ast.BasicLit) {
	other, ok := map[string]string{"0": "1", "1": "0"}[l.Value]
	if !ok || l.Kind != token.INT {
		return
	}
	t := types.TypeString(f.info.Types[l].Type, func(p *types.Package) string {
		if p.Path() == f.path {
			return ""
		}
		return p.Name()
	})
	f.add(l, l.Value+" to "+other, edit{at: f.at(l.Pos()), cut: 1, text: fmt.Sprintf("mutantPick[%s](%%d, %s, %s)", t, l.Value, other)})
}

// word negates true and false.
func (f *finder) word(id *ast.Ident) {
	if tv, ok := f.info.Types[id]; ok && tv.Value != nil && (id.Name == "true" || id.Name == "false") {
		f.negate(id)
	}
}

// statements leaves out each that can be.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.ReturnStmt, *ast.BranchStmt:
		default:
			continue
		}
		f.add(s, "leave out", wrap(s.Pos(), s.End(), "if !mutantOn(%d) { ", " }")...)
	}
}

func (f *finder) dropElse(s *ast.IfStmt) {
	if s.Else != nil {
		f.add(s.Else, "drop else", wrap(s.Else.Pos(), s.Else.End(), "{ if !mutantOn(%d) { ", " } }")...)
	}
}

func (f *finder) at(p token.Pos) int { return f.fset.Position(p).Offset }

// add notes a mutant. The edits of wrap stand at positions, which become offsets.
func (f *finder) add(n ast.Node, what string, edits ...edit) {
	for i, e := range edits {
		if e.pos.IsValid() {
			edits[i].at = f.at(e.pos)
		}
	}
	from, to := f.at(n.Pos()), f.at(n.End())
	text := string(f.text[f.file][from:to])
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 90 {
		text = string(r[:90]) + "..."
	}
	f.found = append(f.found, &mutant{file: f.file, function: f.function, line: f.fset.Position(n.Pos()).Line, what: what, of: text, edits: edits, from: from, to: to})
}
