package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fates are what comes of the mutants of the sample.
const fates = `
sample.go Grade: leave out: return "good"                           killed
sample.go Grade: negate: n >= 90 && !strict || n == 100             killed
sample.go Grade: negate: n >= 90                                    killed
sample.go Grade: negate: strict                                     killed
sample.go Grade: negate: n == 100                                   killed
sample.go Grade: || to &&: n >= 90 && !strict || n == 100           killed
sample.go Grade: && to ||: n >= 90 && !strict                       killed
sample.go Grade: >= to >: n >= 90                                   killed
sample.go Grade: drop else: if n < 1 { return "none" }              killed
sample.go Grade: leave out: return "none"                           killed
sample.go Grade: negate: n < 1                                      killed
sample.go Grade: < to <=: n < 1                                     killed
sample.go Grade: 1 to 0: 1                                          killed
sample.go Count: leave out: return out                              survived
sample.go Count: negate: n <= 0                                     killed
sample.go Count: <= to <: n <= 0                                    survived
sample.go Count: 0 to 1: 0                                          killed
sample.go Count: 0 to 1: 0 #2                                       killed
sample.go Count: leave out: out = append(out, i)                    killed
sample.go Count: leave out: i++                                     killed
sample.go Count: negate: i < n                                      killed
sample.go Count: < to <=: i < n                                     killed
sample.go Twice: leave out: wait = d + d                            not reached
sample.go Twice: 1 to 0: 1                                          not reached
sample.go Twice: + to -: d + d                                      not reached
`

// TestFates: each mutant of the sample is found, built, and given its fate by the
// sample's own tests; one that would eat all memory or run for ever is ended.
func TestFates(t *testing.T) {
	p, err := load("./testdata/sample")
	if err != nil {
		t.Fatal(err)
	}
	mutants, tmp := p.mutants(), t.TempDir()
	overlay, err := p.overlay(tmp, mutants)
	if err != nil {
		t.Fatal(err)
	}
	l, err := build(tmp, overlay, []suite{{pkg: "./testdata/sample", run: "."}})
	if err != nil {
		t.Fatal(err)
	}
	l.suites[0].allowed /= 5
	l.try(mutants, 2, false)
	var got, want []string
	for _, m := range mutants {
		got = append(got, fmt.Sprintf("%-67s %s", m, m.fate))
	}
	want = strings.Split(strings.TrimSpace(fates), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestSurvivorsAreNamed: each by its name and a reason, and none that is gone.
func TestSurvivorsAreNamed(t *testing.T) {
	one := &mutant{file: "a.go", function: "f", what: "negate", of: "x", nth: 1, fate: survived}
	two := &mutant{file: "a.go", function: "f", what: "negate", of: "x", nth: 2, fate: unreached}
	gone := &mutant{file: "b.go", function: "g", what: "leave out", of: "h()", nth: 1, fate: killed}
	const reason = "\n  It makes\n  no difference.\n"
	for text, want := range map[string]string{
		one.String() + "\n" + two.String() + reason:                            "",
		"# why\n\n" + one.String() + reason + two.String() + reason:            "",
		one.String() + reason:                                                  "write a test",
		one.String() + reason + two.String() + reason + gone.String() + reason: "write a test",
		one.String() + reason + two.String() + "\n":                            "no reason is given",
		one.String() + reason + one.String() + reason:                          "stands here twice",
	} {
		file := filepath.Join(t.TempDir(), "survivors.txt")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := readKnown(file)
		if err == nil {
			err = report([]*mutant{one, two, gone}, list, "", 0)
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && list[one.String()] != "It makes no difference." {
			t.Errorf("%q: %v", text, list)
		}
	}
}
