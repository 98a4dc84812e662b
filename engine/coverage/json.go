package coverage

import (
	"encoding/json"
	"io"
)

// document is the JSON form. Fields may be added; none goes or changes.
type document struct {
	Coverage int              `json:"coverage"` // the form's version
	Figures  []figureDocument `json:"figures"`
	Files    []fileDocument   `json:"files"`
	Items    []itemDocument   `json:"items"`
}

type figureDocument struct {
	Class   Class   `json:"class"`
	Taken   int     `json:"taken"`
	Of      int     `json:"of"`
	Percent float64 `json:"percent"`
}

type fileDocument struct {
	File    string           `json:"file"`
	Runbook string           `json:"runbook"`
	Title   string           `json:"title,omitempty"`
	Figures []figureDocument `json:"figures"`
}

type itemDocument struct {
	Class   Class    `json:"class"`
	File    string   `json:"file"`
	Line    int      `json:"line"`
	Column  int      `json:"column"`
	Step    string   `json:"step,omitempty"`
	Name    string   `json:"name,omitempty"`
	Else    bool     `json:"else,omitempty"`
	Way     string   `json:"way,omitempty"`
	Taken   []string `json:"taken"`
	Missing string   `json:"missing,omitempty"` // a sentence, where it was not taken
}

// JSON writes all figures and all items, by place: one document. The same
// coverage is always the same bytes.
func (c *Coverage) JSON(w io.Writer) error {
	items := c.Items()
	d := document{Coverage: 1, Figures: told(figures(items)), Files: []fileDocument{}, Items: []itemDocument{}}
	for _, f := range c.Files {
		d.Files = append(d.Files, fileDocument{f.Name, f.Runbook, f.Title, told(figures(inFile(items, f.Name)))})
	}
	for _, i := range items {
		x := itemDocument{Class: i.Class, File: i.File, Line: i.Line, Column: i.Column, Step: i.Step, Name: i.Name, Else: i.Else, Way: i.Way, Taken: i.Taken}
		if len(i.Taken) == 0 {
			x.Taken, x.Missing = []string{}, i.What()
		}
		d.Items = append(d.Items, x)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

func told(list []Figure) []figureDocument {
	out := make([]figureDocument, len(list))
	for i, f := range list {
		exact := 100.0
		if f.Of > 0 {
			exact = float64(f.Taken*10000/f.Of) / 100
		}
		out[i] = figureDocument{f.Class, f.Taken, f.Of, exact}
	}
	return out
}

func inFile(items []*Item, name string) []*Item {
	var out []*Item
	for _, i := range items {
		if i.File == name {
			out = append(out, i)
		}
	}
	return out
}
