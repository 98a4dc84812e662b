package plan_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/engine/source"
)

// place is where a fixture says that an error stands.
type place struct{ start, end int }

// unmark takes the marks « and » out of a fixture: what stands between them is
// what an error must point at, no more and no less.
func unmark(t *testing.T, data []byte) ([]byte, []place) {
	t.Helper()
	var out []byte
	var places []place
	for i, part := range bytes.Split(data, []byte("«")) {
		if i == 0 {
			out = append(out, part...)
			continue
		}
		inside, behind, ok := bytes.Cut(part, []byte("»"))
		if !ok {
			t.Fatalf("« without » before %.40q", part)
		}
		places = append(places, place{len(out), len(out) + len(inside)})
		out = append(append(out, inside...), behind...)
	}
	return out, places
}

// TestPlaces: every error of testdata/places stands exactly where the fixture
// marks it, in all five styles of scalars.
func TestPlaces(t *testing.T) {
	files, _ := filepath.Glob("testdata/places/*.yaml")
	if len(files) == 0 {
		t.Fatal("no fixtures")
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for how, change := range map[string]func(string) string{
			"as it is":       func(s string) string { return s },
			"with CRLF":      func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
			"with a BOM":     func(s string) string { return "\ufeff" + s },
			"with CR":        func(s string) string { return strings.ReplaceAll(s, "\n", "\r") },
			"without an end": func(s string) string { return strings.TrimRight(s, "\n") },
		} {
			t.Run(filepath.Base(f)+" "+how, func(t *testing.T) { checkPlaces(t, []byte(change(string(raw)))) })
		}
	}
}

func checkPlaces(t *testing.T, marked []byte) {
	data, want := unmark(t, marked)
	_, found := compile("x.yaml", data)
	var got []place
	for _, d := range found {
		if d.Severity == source.Error {
			p := place{d.Span.Start, d.Span.End}
			got = append(got, p)
			if !slices.Contains(want, p) {
				t.Errorf("%s: no mark for %q: %s %s", at(d.Span), data[p.start:p.end], d.Summary, d.Detail)
			}
		}
	}
	for _, p := range want {
		if !slices.Contains(got, p) {
			t.Errorf("%s: no error at %q", at(source.Span{File: source.NewFile("x.yaml", data), Start: p.start}), data[p.start:p.end])
		}
	}
}

func at(s source.Span) string {
	p := s.Position()
	return fmt.Sprintf("%d:%d", p.Line, p.Column)
}
