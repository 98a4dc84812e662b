package engine

import (
	"bytes"
	"slices"

	"runbook/engine/source"
	"runbook/engine/syntax"
)

// Outline is what a runbook's file says of itself. It is read without a proof,
// from a file that is not sound as well: for finding one and for completing
// words, where waiting for the proof would be too long and an error no help.
type Outline struct {
	Name        string
	Title       string
	Description string
	Triggers    []string
	Tags        []string
	Inputs      []OutlineInput
	Steps       []OutlineStep // all there are, in the order of the file
}

// OutlineInput is a declared input, with the values that it can have where they
// are few.
type OutlineInput struct {
	Name        string
	Description string
	Values      []string
}

// OutlineStep is a step with what a person can be asked at it.
type OutlineStep struct {
	ID      string
	Role    string
	Title   string
	Confirm bool     // it asks before it is done
	Undo    bool     // it can be taken back, which is asked too
	Choices []string // what a person may answer, besides approving
	Fields  []string // what a person gives with the answer
}

// ReadOutline reads what can be read; a file that is no runbook has an empty one.
func ReadOutline(f *source.File) Outline {
	root := syntax.Parse(f, func(source.Diagnostic) {})
	if root == nil || root.Kind != syntax.Mapping {
		return Outline{}
	}
	o := Outline{
		Name: textAt(root, "name"), Title: textAt(root, "title"), Description: textAt(root, "description"),
		Triggers: textsOf(root.Get("triggers")), Tags: textsOf(root.Get("tags")),
	}
	for _, e := range entriesOf(root.Get("inputs")) {
		o.Inputs = append(o.Inputs, OutlineInput{Name: e.Key.Value, Description: textAt(e.Value, "description"), Values: valuesOf(e.Value)})
	}
	o.addSteps(root)
	return o
}

// valuesOf are the few values that an input can have.
func valuesOf(n *syntax.Node) []string {
	if textAt(n, "type") == "bool" {
		return []string{"true", "false"}
	}
	return textsOf(n.Get("enum"))
}

// holders are the keys under which steps are found: lists of them, and what
// holds such lists.
var holders = []string{"steps", "finally", "branches", "else", "procedures", "on_failure", "undo"}

// addSteps walks a mapping that may hold steps. The tree is as deep as the parser
// lets it be, so this ends.
func (o *Outline) addSteps(n *syntax.Node) {
	for _, e := range entriesOf(n) {
		if !slices.Contains(holders, e.Key.Value) {
			continue
		}
		for _, item := range append([]*syntax.Node{e.Value}, itemsOf(e.Value)...) {
			o.addStep(item)
			o.addSteps(item)
		}
		if e.Key.Value == "procedures" {
			for _, p := range entriesOf(e.Value) {
				o.addSteps(p.Value)
			}
		}
	}
}

func (o *Outline) addStep(n *syntax.Node) {
	for _, role := range syntax.Roles {
		id := textAt(n, role)
		if id == "" {
			continue
		}
		s := OutlineStep{ID: id, Role: role, Title: textAt(n, "title"), Confirm: n.Get("confirm") != nil, Undo: n.Get("undo") != nil}
		switch {
		case role == "manual":
			s.Choices = []string{"done", "could_not"}
			for _, c := range entriesOf(n.Get("collect")) {
				s.Fields = append(s.Fields, c.Key.Value)
			}
		case role == "decide" && n.Get("ask") != nil:
			s.Choices = branchNames(n)
		case s.Confirm:
			s.Choices = []string{"approve", "refuse"}
		}
		o.Steps = append(o.Steps, s)
		return
	}
}

// branchNames are the names by which a decision's ways out are chosen.
func branchNames(n *syntax.Node) []string {
	var out []string
	for _, b := range append(itemsOf(n.Get("branches")), n.Get("else")) {
		name := textAt(b, "id")
		if name == "" {
			name = textAt(b, "then")
		}
		if name != "" {
			out = append(out, name)
		}
	}
	return out
}

// OutlineScenario is a scenario's name and what has happened in its world.
type OutlineScenario struct{ Name, Title string }

// ReadScenarioNames reads the names of a file of scenarios, without a proof.
func ReadScenarioNames(f *source.File) []OutlineScenario {
	var out []OutlineScenario
	root := syntax.Parse(f, func(source.Diagnostic) {})
	for _, e := range entriesOf(root.Get("scenarios")) {
		out = append(out, OutlineScenario{e.Key.Value, textAt(e.Value, "title")})
	}
	return out
}

// ReadScenarioRunbook reads which runbook's file a file of scenarios names, "" where
// it names none, without a proof.
func ReadScenarioRunbook(f *source.File) string {
	return textAt(syntax.Parse(f, func(source.Diagnostic) {}), "runbook")
}

// TitleOf looks for the title of a runbook in the beginning of its bytes, without
// reading the rest: for a list of many, each time that a key is pressed.
func TitleOf(data []byte) string {
	const beginning = 16 << 10
	for line := range bytes.Lines(data[:min(len(data), beginning)]) {
		value, ok := bytes.CutPrefix(line, []byte("title:"))
		if !ok {
			continue
		}
		v, _ := syntax.ReadValue(string(bytes.TrimSpace(value)))
		s, _ := v.(string)
		return s
	}
	return ""
}

func entriesOf(n *syntax.Node) []syntax.Entry {
	if n == nil {
		return nil
	}
	return n.Entries
}

func itemsOf(n *syntax.Node) []*syntax.Node {
	if n == nil {
		return nil
	}
	return slices.Clone(n.Items)
}

// textAt is the text of a key, "" where it has none.
func textAt(n *syntax.Node, key string) string {
	if v := n.Get(key); v != nil && v.Kind == syntax.Scalar {
		return v.Text.Value
	}
	return ""
}

func textsOf(n *syntax.Node) []string {
	var out []string
	for _, item := range itemsOf(n) {
		if item.Kind == syntax.Scalar {
			out = append(out, item.Text.Value)
		}
	}
	return out
}
