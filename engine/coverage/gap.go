package coverage

import (
	"fmt"
	"slices"
)

// Gap is something that no run took and that hides others: a step that never ran
// says all that there is to say of its expectations.
type Gap struct {
	*Item
	Inside int // how many more were not taken because of it
}

// What says it in a sentence.
func (g Gap) What() string {
	if g.Inside == 0 {
		return g.Item.What()
	}
	return fmt.Sprintf("%s (and %d more inside it)", g.Item.What(), g.Inside)
}

// Gaps are what was not taken, by place, without what lies inside of what was not
// taken.
func (c *Coverage) Gaps() []Gap {
	var out []Gap
	seen := map[*Item]bool{} // what an alias repeats is told once
	for _, f := range c.Files {
		out = gaps(out, f.Nodes, seen)
	}
	slices.SortFunc(out, func(a, b Gap) int { return byPlace(a.Item, b.Item) })
	return out
}

func gaps(out []Gap, nodes []*Node, seen map[*Item]bool) []Gap {
	for _, n := range nodes {
		if n.Main != nil && len(n.Main.Taken) == 0 {
			if !seen[n.Main] {
				out = append(out, Gap{n.Main, missed(n, seen) - 1})
			}
			continue
		}
		for _, i := range n.Sides {
			if len(i.Taken) == 0 {
				out = append(out, Gap{i, 0})
			}
		}
		out = gaps(out, n.Nodes, seen)
	}
	return out
}

// missed counts what was not taken of a node and inside it, and was not counted
// before.
func missed(n *Node, seen map[*Item]bool) int {
	count := 0
	for _, i := range append([]*Item{n.Main}, n.Sides...) {
		if i != nil && len(i.Taken) == 0 && !seen[i] {
			seen[i] = true
			count++
		}
	}
	for _, x := range n.Nodes {
		count += missed(x, seen)
	}
	return count
}
