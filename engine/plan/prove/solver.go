package prove

import (
	"slices"

	"runbook/engine/lang"
	"runbook/engine/types"
)

// node is a formula with its variables found.
type node struct {
	op    string
	args  []*node
	con   bool
	at    int // of an atom: its variable
	atom  *lang.Formula
	table []outcomes // of an atom: what each value of the variable gives
	free  outcomes   // of an atom: what any of them can give
}

// clause is a condition that has to come out one way.
type clause struct {
	node *node
	want bool
}

// variable is what a search gives values to.
type variable struct {
	path  string
	spec  Var
	group int // -1: none
	atoms []*node
	reach []any // its values
}

// group is a number of variables that only some ways admit together.
type group struct {
	ways []Way
	vars []int
}

// solver searches for values that make clauses come out as they want. Its work
// is bounded by left.
type solver struct {
	space  Space
	vars   []*variable
	index  map[string]int
	groups []*group
	named  map[string]int
	value  []int // of each variable, the index of its value; -1: none yet
	whole  []int // variables that must have a value before a search succeeds
	times  int   // how many conditions were evaluated at another time
	parts  int   // how many parts of conditions were evaluated
	left   int
}

func newSolver(s Space, limit int) *solver {
	return &solver{space: s, index: map[string]int{}, named: map[string]int{}, left: limit}
}

func (s *solver) cost(n int) { s.left -= n }

// add makes a clause of a condition. What the condition read that is not stable
// since then gets variables of its own.
func (s *solver) add(c Condition) clause {
	time := 0
	if c.Stable != nil {
		s.times++
		time = s.times
	}
	return clause{s.node(c.Formula, c.Stable, time), c.Holds}
}

func (s *solver) node(f *lang.Formula, stable func(string) bool, time int) *node {
	n := &node{op: f.Op, con: f.Const}
	switch f.Op {
	case "atom", "opaque":
		n.op, n.atom = "atom", f
		if f.Op == "opaque" {
			n.atom = &lang.Formula{Op: "atom", Path: f.Text, Computed: true, Compare: "is", Text: f.Text}
		}
		if stable != nil && !n.atom.Computed && stable(f.Path) {
			time = 0
		}
		path := n.atom.Path
		name := key(path, time)
		if f.Op == "opaque" {
			name = key("is "+path, time)
		} else if n.atom.Computed {
			name = key("value "+path, time)
		}
		n.at = s.atom(n, name, f)
	default:
		for _, a := range f.Args {
			n.args = append(n.args, s.node(a, stable, time))
		}
	}
	return n
}

// atom finds or makes the variable of an atom.
func (s *solver) atom(n *node, name string, f *lang.Formula) int {
	i, ok := s.index[name]
	switch {
	case ok:
	case f.Op == "opaque":
		i = s.enter(name, f.Text, Var{Type: &types.Type{Kind: types.Bool}, Absent: true}, -1)
	case f.Length:
		i = s.enter(name, f.Path, Var{Type: &types.Type{Kind: types.Int}, Min: 0, Absent: true}, -1)
	case f.Computed:
		i = s.enter(name, f.Path, Var{Nil: true, Absent: true}, -1)
	default:
		i = s.variable(name, f.Path)
	}
	s.vars[i].atoms = append(s.vars[i].atoms, n)
	return i
}

// variable finds or makes the variable of a path.
func (s *solver) variable(name, path string) int {
	if i, ok := s.index[name]; ok {
		return i
	}
	g := -1
	if label, ways := s.space.Ways(path); len(ways) > 0 {
		g = s.group(name[:len(name)-len(path)]+label, ways)
	}
	i := s.enter(name, path, s.space.Var(path), g)
	if g >= 0 {
		s.groups[g].vars = append(s.groups[g].vars, i)
	}
	return i
}

func (s *solver) enter(name, path string, v Var, g int) int {
	i := len(s.vars)
	s.vars = append(s.vars, &variable{path: path, spec: v, group: g})
	s.index[name] = i
	return i
}

func (s *solver) group(label string, ways []Way) int {
	g, ok := s.named[label]
	if !ok {
		g = len(s.groups)
		s.groups = append(s.groups, &group{ways: ways})
		s.named[label] = g
	}
	return g
}

// ready gives every variable its values, once all conditions are known.
func (s *solver) ready() {
	s.value = make([]int, len(s.vars))
	for i, v := range s.vars {
		s.value[i] = -1
		s.fill(v, s.waysOf(v))
	}
}

func (s *solver) waysOf(v *variable) []Way {
	if v.group < 0 {
		return nil
	}
	return s.groups[v.group].ways
}

// fill gives the variable its values, and its atoms their tables. Of values that
// no atom and no way can tell apart, one is enough.
func (s *solver) fill(v *variable, ways []Way) {
	var literals []any
	for _, a := range v.atoms {
		literals = append(literals, a.atom.Literals...)
	}
	for _, w := range ways {
		b := w.Bounds[v.path]
		if b.Between != nil {
			literals = append(literals, b.Between[0], b.Between[1])
		}
		literals = append(literals, b.Among...)
		literals = append(literals, b.Except...)
	}
	values := v.spec.values(literals, s.space.Example)
	s.cost(len(values) * len(literals) / (2 * partsPer))
	if s.left < 0 {
		return
	}
	seen := map[string]bool{}
	for _, x := range values {
		sign := v.sign(x, ways)
		if seen[sign] {
			continue
		}
		seen[sign] = true
		v.reach = append(v.reach, x)
		for _, a := range v.atoms {
			o := compare(a.atom, x)
			a.table = append(a.table, o)
			a.free |= o
		}
	}
}

// sign is all that a search can see of a value.
func (v *variable) sign(x any, ways []Way) string {
	b := make([]byte, 0, len(v.atoms)+len(ways))
	for _, a := range v.atoms {
		b = append(b, byte(compare(a.atom, x)))
	}
	for _, w := range ways {
		ok := byte(0)
		if w.Bounds[v.path].allows(x) {
			ok = 1
		}
		b = append(b, ok)
	}
	return string(b)
}

// partsPer is how many parts of a condition count as one more evaluation: a long
// condition costs more than a short one.
const partsPer = 16

// eval is what a formula can come to with the values given so far.
func (s *solver) eval(n *node) outcomes {
	if s.parts++; s.parts%partsPer == 0 {
		s.cost(1)
	}
	switch n.op {
	case "const":
		return truth(n.con)
	case "atom":
		if i := s.value[n.at]; i >= 0 {
			return n.table[i]
		}
		return n.free
	case "not":
		return negate(s.eval(n.args[0]))
	case "and":
		return s.lazy(n, isFalse, isTrue)
	case "or":
		return s.lazy(n, isTrue, isFalse)
	case "if":
		c := s.eval(n.args[0])
		out := c & isError
		if c&isTrue != 0 {
			out |= s.eval(n.args[1])
		}
		if c&isFalse != 0 {
			out |= s.eval(n.args[2])
		}
		return out
	}
	return anything
}

// lazy is `and` and `or`: what the left side settles is settled, errors too.
func (s *solver) lazy(n *node, settles, goesOn outcomes) outcomes {
	left := s.eval(n.args[0])
	out := left & (settles | isError)
	if left&goesOn != 0 {
		out |= s.eval(n.args[1])
	}
	return out
}

// split is a variable without a value that can settle what a formula comes to,
// or -1.
func (s *solver) split(n *node) int {
	if n.op == "atom" {
		if s.value[n.at] < 0 {
			return n.at
		}
		return -1
	}
	for _, a := range n.args {
		if len(n.args) > 1 {
			if o := s.eval(a); o&(o-1) == 0 {
				continue
			}
		}
		if i := s.split(a); i >= 0 {
			return i
		}
	}
	return -1
}

// possible reports whether clauses can come out as they want. Where the work is
// too much, they can.
func (s *solver) possible(clauses []clause) bool {
	return s.search(clauses, func() bool { return true }) || s.left < 0
}

// search gives values until all clauses come out as they want and accept agrees.
func (s *solver) search(clauses []clause, accept func() bool) bool {
	next := -1
	for _, c := range clauses {
		s.cost(1)
		if s.left < 0 {
			return false
		}
		o := s.eval(c.node)
		yes, no := o&isTrue != 0, o&^isTrue != 0
		if c.want && !yes || !c.want && !no {
			return false
		}
		if next < 0 && yes && no {
			next = s.split(c.node)
		}
	}
	if next < 0 {
		next = s.unset()
	}
	if next < 0 {
		return accept()
	}
	return s.each(next, clauses, accept)
}

// each tries the values of a variable.
func (s *solver) each(i int, clauses []clause, accept func() bool) bool {
	defer func() { s.value[i] = -1 }()
	for x := range s.vars[i].reach {
		s.value[i] = x
		if g := s.vars[i].group; g >= 0 && !s.admitted(s.groups[g]) {
			continue
		}
		if s.search(clauses, accept) {
			return true
		}
		if s.left < 0 {
			return false
		}
	}
	return false
}

// unset is a variable that must have a value and has none, or -1.
func (s *solver) unset() int {
	if i := slices.IndexFunc(s.whole, func(i int) bool { return s.value[i] < 0 }); i >= 0 {
		return s.whole[i]
	}
	return -1
}

// admitted reports whether one of a group's ways admits the values that its
// variables have so far.
func (s *solver) admitted(g *group) bool {
	return slices.ContainsFunc(g.ways, func(w Way) bool {
		for _, i := range g.vars {
			v := s.vars[i]
			if x := s.value[i]; x >= 0 && !w.Bounds[v.path].allows(v.reach[x]) {
				return false
			}
		}
		return true
	})
}

// current is the case that a search has come to.
func (s *solver) current() Case {
	c := Case{}
	for _, i := range s.whole {
		c[s.vars[i].path] = s.vars[i].reach[s.value[i]]
	}
	return c
}
