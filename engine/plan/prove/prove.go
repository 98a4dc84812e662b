// Package prove finds out what can be said of a decision before any run:
// branches that can never be taken, conditions that always hold, cases that
// nobody thought of.
//
// A condition is a formula over variables: the paths that it compares, and what
// is not understood of it. A variable's values are the literals that it is
// compared with, their neighbours, and whatever else its type allows, one for
// each way in which the comparisons can come out. What a formula gives is a set:
// true, false, an error, or several of them where that is not known. So a search
// over all values that finds nothing is a proof, however little was understood.
package prove

import (
	"runbook/engine/lang"
	"runbook/engine/types"
)

// Limit is how many evaluations of a condition one decision may cost; past it
// nothing is said of the decision.
const Limit = 200_000

// Var says what stands at a path.
type Var struct {
	Type *types.Type // nil: anything
	// Nil says that it may be nil; Absent that reading it may be an error,
	// because what holds it is not there.
	Nil, Absent bool
	Enum        []any // where there are any, it is one of them
	Min, Max    any   // of an Int or Number: int or float64; nil is no bound
}

// Bound is what a way demands of a variable. Exactly one field is set.
type Bound struct {
	Between *[2]int // an int, both ends included
	Among   []any
	Except  []any
	Gone    bool // nil or absent
}

// Way is one way in which the variables of a group can stand together. A
// variable without a bound is free in it.
type Way struct {
	Name   string
	Bounds map[string]Bound
}

// Space says what the variables of conditions can be.
type Space struct {
	// Var describes a path.
	Var func(path string) Var
	// Ways are the ways of the group that a path belongs to, with the group's
	// name; no ways is no group.
	Ways func(path string) (string, []Way)
	// Example says that values are for people to read: they are all possible,
	// and need not stand for all values.
	Example bool
}

// Condition is a formula and what it came to: true, or not true (false or an
// error).
type Condition struct {
	Formula *lang.Formula
	Holds   bool
	// Stable says which paths still have the value that they had when the
	// condition was evaluated. Nil is all.
	Stable func(path string) bool
}

// Decision is what there is to prove.
type Decision struct {
	Space Space
	Known []Condition // what holds wherever the decision is made
	Whens []*lang.Formula
	// Apart are further conditions that cases are told apart by, whatever they
	// come to.
	Apart []*lang.Formula
	// PerCase is what it costs to look at a case, besides its conditions.
	PerCase int
	Any     bool // a person chooses among the branches that hold: none hides another
}

// Sort is what a finding says.
type Sort int

// The sorts of findings. All are proven.
const (
	Impossible Sort = iota // the condition never holds
	Hidden                 // wherever it holds, branches before it are taken
	Always                 // the condition always holds
)

// Finding is one thing that is proven of a branch.
type Finding struct {
	Sort   Sort
	Branch int
	By     []int // Hidden: the branches that take its cases
	// Known: it is so only because of what is known where the decision stands.
	Known bool
}

// Decide proves what it can of a decision. It says how many evaluations that
// cost; past Limit it finds nothing.
func Decide(d Decision) ([]Finding, int) {
	p := &proof{solver: newSolver(d.Space, Limit), d: d}
	for _, k := range d.Known {
		p.known = append(p.known, p.add(k))
	}
	for _, w := range d.Whens {
		p.whens = append(p.whens, p.add(Condition{Formula: w}))
	}
	p.ready()
	for i := range d.Whens {
		p.branch(i)
	}
	if p.left < 0 {
		return nil, Limit
	}
	return p.found, Limit - p.left
}

type proof struct {
	*solver
	d     Decision
	known []clause
	whens []clause
	found []Finding
}

// branch proves what it can of one branch.
func (p *proof) branch(i int) {
	holds := p.whens[i]
	holds.want = true
	if !p.possible(append(p.known, holds)) {
		p.found = append(p.found, Finding{Sort: Impossible, Branch: i, Known: p.possible([]clause{holds})})
		return
	}
	if !p.d.Any && i > 0 {
		before := p.whens[:i]
		if !p.possible(p.with(before, holds)) {
			p.found = append(p.found, Finding{Sort: Hidden, Branch: i, By: p.needed(i, holds), Known: len(p.known) > 0 && p.possible(append(before[:i:i], holds))})
			return
		}
	}
	if !p.possible(append(p.known[:len(p.known):len(p.known)], p.whens[i])) {
		p.found = append(p.found, Finding{Sort: Always, Branch: i, Known: p.possible([]clause{p.whens[i]})})
	}
}

// with is what is known, the branches before, and one more, the last first: it
// decides most.
func (p *proof) with(before []clause, last clause) []clause {
	out := append([]clause{last}, p.known...)
	return append(out, before...)
}

// needed are the branches before i without any of which i would not be hidden.
func (p *proof) needed(i int, holds clause) []int {
	keep := make([]bool, i)
	for j := range keep {
		keep[j] = true
	}
	for j := range keep {
		keep[j] = false
		if p.possible(p.with(p.kept(keep), holds)) {
			keep[j] = true
		}
	}
	var out []int
	for j, k := range keep {
		if k {
			out = append(out, j)
		}
	}
	return out
}

func (p *proof) kept(keep []bool) []clause {
	var out []clause
	for j, k := range keep {
		if k {
			out = append(out, p.whens[j])
		}
	}
	return out
}

// Possible reports whether conditions can come out as they say together. Where
// that is too much to find out, they can. It says how many evaluations that cost.
func Possible(s Space, conditions ...Condition) (bool, int) {
	v := newSolver(s, Limit)
	var clauses []clause
	for _, c := range conditions {
		clauses = append(clauses, v.add(c))
	}
	v.ready()
	return v.possible(clauses), Limit - max(v.left, 0)
}

// perCase is what looking at one case costs besides its conditions: the way to
// the decision is walked for each.
const perCase = 100

// Case is a value for each variable, by its path.
type Case map[string]any

// Missing looks for a case that no condition takes: all of paths have a value
// in it, and accept has agreed to it. Nil is none, or too much to find out.
func Missing(d Decision, paths []string, accept func(Case) bool) (Case, int) {
	v := newSolver(d.Space, Limit)
	var clauses []clause
	for _, k := range d.Known {
		clauses = append(clauses, v.add(k))
	}
	for _, w := range d.Whens {
		clauses = append(clauses, v.add(Condition{Formula: w}))
	}
	for _, f := range d.Apart {
		v.add(Condition{Formula: f})
	}
	for _, p := range paths {
		v.whole = append(v.whole, v.variable(p, p))
	}
	v.ready()
	var found Case
	v.search(clauses, func() bool {
		c := v.current()
		if v.cost(perCase + d.PerCase + len(d.Whens)); v.left < 0 || !accept(c) {
			return false
		}
		found = c
		return true
	})
	return found, Limit - max(v.left, 0)
}
