package coverage

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"runbook/engine/plan"
	"runbook/engine/report"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"side": sideWord, "anchor": anchor, "clean": report.Clean, "state": state, "sign": sign, "door": door, "of": ofFile, "words": inWords,
}).Parse(pageHTML))

// pageNode is a node with the file that it stands in.
type pageNode struct {
	Node *Node
	File string
}

func ofFile(n *Node, file string) pageNode { return pageNode{n, file} }

// pageFile is a file with its own figures.
type pageFile struct {
	*File
	Figures []Figure
}

// HTML writes the tree of decisions as one page that needs nothing besides itself:
// what was taken and by whom, and what was not.
func (c *Coverage) HTML(w io.Writer) error {
	items := c.Items()
	page := struct {
		Figures []Figure
		Missing []Gap
		Files   []pageFile
	}{Figures: figures(items), Missing: c.Gaps()}
	for _, f := range c.Files {
		page.Files = append(page.Files, pageFile{f, figures(inFile(items, f.Name))})
	}
	return pageTemplate.Execute(w, page)
}

// word is a part of a sentence; in code where the text has it between backticks.
type word struct {
	Code bool
	Text string
}

func inWords(sentence string) []word {
	var out []word
	for i, part := range strings.Split(sentence, "`") {
		if part != "" {
			out = append(out, word{i%2 == 1, part})
		}
	}
	return out
}

// state is the class by which a node is drawn: taken, missed, or part where it
// was taken and something of it was not: a side, or a branch of a decision.
func state(n *Node) string {
	if n.Main != nil && len(n.Main.Taken) == 0 {
		return "missed"
	}
	sides := n.Sides
	if n.What == string(plan.Decide) {
		for _, b := range n.Nodes {
			sides = append(slices.Clip(sides), b.Main)
		}
	}
	for _, i := range sides {
		if i != nil && len(i.Taken) == 0 {
			return "part"
		}
	}
	return "taken"
}

// sign tells the states apart without colour.
func sign(n *Node) string {
	return map[string]string{"taken": "✓", "part": "◐", "missed": "✗"}[state(n)]
}

// sideWord is what one way of coming out is called beside its step.
func sideWord(i *Item) string {
	switch i.Class {
	case If:
		return "if " + i.Way
	case Expect:
		return short(report.Clean(i.Name)) + ": " + i.Way
	case Each:
		return map[string]string{Some: "some items", None: "no item"}[i.Way]
	case Polls:
		return "poll " + i.Way
	case Undo:
		return "undo " + i.Way
	}
	return i.Way
}

// anchor is the address of a file or of a procedure on the page.
func anchor(file, procedure string) string {
	var b strings.Builder
	for _, r := range file + "-" + procedure {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, "_%x", r)
	}
	return b.String()
}

// door is where the name that a node goes into leads on the page.
func door(file string, n *Node) string {
	if n.File != "" {
		return anchor(n.File, "")
	}
	return anchor(file, n.Into)
}
