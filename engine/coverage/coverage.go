// Package coverage says how much of a runbook its scenarios take: which branches,
// steps, procedures, failure rules and both sides of what can come out two ways.
// It is a pure function of a plan and the journals of runs. What no run took it
// names with its place, in words that the runbook's author understands.
package coverage

import (
	"cmp"
	"fmt"
	"slices"

	"runbook/engine/journal"
	"runbook/engine/plan"
)

// Class is a sort of thing that can be taken. Its word is a word of the language
// where there is one.
type Class string

// The classes, in the order in which they are told.
const (
	Branches   Class = "branches"   // each branch of a decision, `else` included
	Steps      Class = "steps"      // each step: it ran
	Procedures Class = "procedures" // each procedure: it was gone into
	OnFailure  Class = "on_failure" // each failure rule but `stop`: it was followed
	Undo       Class = "undo"       // each undo: it was offered, and it was run
	Finally    Class = "finally"    // the steps at the very end
	If         Class = "if"         // each `if`: true, and false
	Expect     Class = "expect"     // each expectation of the author: held, and did not
	Each       Class = "each"       // each `each`: without an item, and with some
	Approvals  Class = "approvals"  // each `confirm`: approved, and refused
	Polls      Class = "poll"       // each `poll`: succeeded, and gave up
	// Total is no class: it stands for all of them together.
	Total Class = "total"
)

// Classes are all classes, in the order in which they are told.
var Classes = []Class{Branches, Steps, Procedures, OnFailure, Undo, Finally, If, Expect, Each, Approvals, Polls}

// The ways in which things come out that can come out more than one.
const (
	True     = "true"
	False    = "false"
	Held     = "held"
	NotHeld  = "not held"
	Some     = "some"
	None     = "none"
	Approved = "approved"
	Refused  = "refused"
	Success  = "succeeded"
	GaveUp   = "gave up"
	Offered  = "offered"
	Done     = "done"
)

// Item is one thing that a run can take. Taken are the names of the runs that
// did, sorted; none where it was not taken.
type Item struct {
	Class  Class
	File   string
	Line   int
	Column int
	Role   string // of the step; empty for a procedure and `finally`
	Step   string // the step's id; empty for a procedure and `finally`
	Name   string // a branch's id, a procedure's name, an expectation
	Else   bool   // of a branch: it is the decision's `else`
	Way    string // which way it came out, where there are several
	Taken  []string

	offset int
}

// id tells items apart. What is written once is one item: also where a check that
// repeats another inherits it, where an alias of YAML repeats it, and where two
// runbooks run a third.
func (i *Item) id() string { return fmt.Sprintf("%s %d %s %s", i.Class, i.offset, i.Way, i.File) }

// Run is what one run left behind, under the name by which people know it: its
// scenario's.
type Run struct {
	Name   string
	Events []journal.Event
}

// Coverage is what runs took of a plan, and of the plans that it runs.
type Coverage struct {
	Files []*File // sorted by name

	items map[string]*Item
}

// Of holds runs against a plan. Runs of another version of its files say nothing
// of this one, and are passed over.
func Of(p *plan.Plan, runs ...Run) *Coverage {
	c := &Coverage{items: map[string]*Item{}}
	for _, x := range p.Plans() {
		c.Files = append(c.Files, c.grow(x))
	}
	c.sort()
	for _, r := range runs {
		if sameFiles(p, r.Events) {
			c.take(p, r)
		}
	}
	return c
}

// sameFiles reports whether a run was made with these files.
func sameFiles(p *plan.Plan, events []journal.Event) bool {
	if len(events) == 0 || events[0].Type != journal.RunStarted {
		return false
	}
	d, err := journal.Decode[journal.RunStartedData](events[0])
	if err != nil || d.Runbook.Digest != p.Digest {
		return false
	}
	return slices.EqualFunc(p.Beside, d.Files, func(b plan.Beside, f journal.File) bool { return b.Digest == f.Digest })
}

// Union is what all of them together took. A file that stands in several counts
// once.
func Union(list ...*Coverage) *Coverage {
	out := &Coverage{items: map[string]*Item{}}
	for _, c := range list {
		for _, f := range c.Files {
			if !slices.ContainsFunc(out.Files, func(x *File) bool { return x.Name == f.Name }) {
				out.Files = append(out.Files, &File{f.Name, f.Runbook, f.Title, out.copied(f.Nodes)})
			}
		}
		for id, item := range c.items {
			for _, name := range item.Taken {
				out.items[id].take(name)
			}
		}
	}
	out.sort()
	return out
}

func (c *Coverage) sort() {
	slices.SortFunc(c.Files, func(a, b *File) int { return cmp.Compare(a.Name, b.Name) })
}

// take notes a run once, in order.
func (i *Item) take(name string) {
	if at, there := slices.BinarySearch(i.Taken, name); !there {
		i.Taken = slices.Insert(i.Taken, at, name)
	}
}

// Items are all items, by place.
func (c *Coverage) Items() []*Item {
	out := make([]*Item, 0, len(c.items))
	for _, i := range c.items {
		out = append(out, i)
	}
	slices.SortFunc(out, byPlace)
	return out
}

// byPlace orders items as they stand in the files.
func byPlace(a, b *Item) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.offset, b.offset),
		cmp.Compare(slices.Index(Classes, a.Class), slices.Index(Classes, b.Class)), cmp.Compare(a.Way, b.Way))
}

// Missing are the items that no run took, by place.
func (c *Coverage) Missing() []*Item {
	return slices.DeleteFunc(c.Items(), func(i *Item) bool { return len(i.Taken) > 0 })
}

// Figure is how many of a class were taken.
type Figure struct {
	Class     Class
	Taken, Of int
}

// Percent is rounded down, so that 100 is all of them. Of nothing it is 100.
func (f Figure) Percent() int {
	if f.Of == 0 {
		return 100
	}
	return f.Taken * 100 / f.Of
}

// Figures are those of the classes that the files have, and the total at the
// end.
func (c *Coverage) Figures() []Figure { return figures(c.Items()) }

func figures(items []*Item) []Figure {
	by := map[Class]*Figure{}
	total := Figure{Class: Total}
	for _, i := range items {
		f := by[i.Class]
		if f == nil {
			f = &Figure{Class: i.Class}
			by[i.Class] = f
		}
		f.Of++
		total.Of++
		if len(i.Taken) > 0 {
			f.Taken++
			total.Taken++
		}
	}
	var out []Figure
	for _, class := range Classes {
		if f := by[class]; f != nil {
			out = append(out, *f)
		}
	}
	return append(out, total)
}

// Figure is that of one class, or of all together.
func (c *Coverage) Figure(class Class) Figure {
	for _, f := range c.Figures() {
		if f.Class == class {
			return f
		}
	}
	return Figure{Class: class}
}
