package render

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"runbook/engine/source"
)

func found(text, at string) source.Diagnostics {
	f := source.NewFile("dir/a b.yaml", []byte(text))
	i := strings.Index(text, at)
	return source.Diagnostics{{Code: "unknown-key", Span: source.Span{File: f, Start: i, End: i + len(at)},
		Summary: "no key `x`", Detail: "Did you mean `y`?", Related: []source.Note{{Span: source.Span{File: f, Start: 0, End: 1}, Text: "first"}}}}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := Text(&b, found("a: 1\n\t世界 bad: \x1b[31m\n", "bad"), Options{}); err != nil {
		t.Fatal(err)
	}
	want := "dir/a b.yaml:2:5: error: no key `x` [unknown-key]\n" +
		"    2 | \t世界 bad: \ufffd[31m\n" +
		"      | \t     ^^^\n" +
		"    1 | a: 1\n      | ^ first\n" +
		"      = Did you mean `y`?\n"
	if b.String() != want {
		t.Errorf("got\n%q\nwant\n%q", b.String(), want)
	}
}

func TestTextCutsLongLines(t *testing.T) {
	var b bytes.Buffer
	if err := Text(&b, found(strings.Repeat("x", 5000)+"HERE"+strings.Repeat("y", 5000), "HERE"), Options{Color: true}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if len(lines[1]) > 140 || !strings.Contains(lines[1], "HERE") || strings.Index(lines[1], "HERE") != strings.Index(strings.ReplaceAll(lines[2], "\x1b[1;31m", ""), "^^^^") {
		t.Errorf("the caret is not below the place:\n%s\n%s", lines[1], lines[2])
	}
}

func TestMachineForms(t *testing.T) {
	d := found("k: 1\nbad: 2\n", "bad")
	var j, s, g, empty bytes.Buffer
	for _, err := range []error{JSON(&j, d), SARIF(&s, d), GitHub(&g, d), JSON(&empty, nil)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var list []finding
	if err := json.Unmarshal(j.Bytes(), &list); err != nil || len(list) != 1 || list[0].Line != 2 || list[0].EndColumn != 4 || list[0].File != "dir/a b.yaml" {
		t.Errorf("JSON: %v %s", err, j.String())
	}
	if strings.TrimSpace(empty.String()) != "[]" {
		t.Errorf("JSON of nothing: %q", empty.String())
	}
	if !strings.Contains(s.String(), `"startLine": 2`) || !json.Valid(s.Bytes()) {
		t.Errorf("SARIF: %s", s.String())
	}
	if want := "::error file=dir/a b.yaml,line=2,endLine=2,col=1,endColumn=4,title=unknown-key::no key `x`%0Adir/a b.yaml:1:1: first%0ADid you mean `y`?\n"; g.String() != want {
		t.Errorf("GitHub: %q", g.String())
	}
}

// elsewhere is a finding whose cause stands in another file.
func elsewhere() source.Diagnostics {
	d := found("a: 1\nbad: 2\n", "bad")
	other := source.NewFile("outer file.yaml", []byte("x\nrun: it\n"))
	d[0].Related = []source.Note{{Span: source.Span{File: other, Start: 2, End: 5}, Text: "it is run here"}}
	return d
}

// TestRelatedPlaceInAnotherFile: the text says in which file the place stands.
func TestRelatedPlaceInAnotherFile(t *testing.T) {
	var b bytes.Buffer
	if err := Text(&b, elsewhere(), Options{}); err != nil {
		t.Fatal(err)
	}
	if want := "      | ^^^\n    in outer file.yaml:2:1:\n    2 | run: it\n      | ^^^ it is run here\n"; !strings.Contains(b.String(), want) {
		t.Errorf("the text does not name the other file:\n%s", b.String())
	}
}

// TestMachineFormsHaveRelatedPlaces: what a person is shown, a program is told.
func TestMachineFormsHaveRelatedPlaces(t *testing.T) {
	var j, s, g bytes.Buffer
	for _, err := range []error{JSON(&j, elsewhere()), SARIF(&s, elsewhere()), GitHub(&g, elsewhere())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var list []struct {
		Related []struct {
			File         string
			Line, Column int
			Text         string
		}
	}
	if err := json.Unmarshal(j.Bytes(), &list); err != nil || len(list[0].Related) != 1 || list[0].Related[0].File != "outer file.yaml" || list[0].Related[0].Line != 2 || list[0].Related[0].Text != "it is run here" {
		t.Errorf("JSON: %v %s", err, j.String())
	}
	for _, want := range []string{`"relatedLocations": [`, `"uri": "outer%20file.yaml"`, `"text": "it is run here"`, `"uri": "dir/a%20b.yaml"`} {
		if !strings.Contains(s.String(), want) {
			t.Errorf("SARIF lacks %s:\n%s", want, s.String())
		}
	}
	if !strings.Contains(g.String(), "%0Aouter file.yaml:2:1: it is run here%0A") {
		t.Errorf("GitHub: %q", g.String())
	}
}
