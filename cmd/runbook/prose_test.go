package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fenced    = regexp.MustCompile("(?s)```.*?```|(?s)<!--.*?-->")
	paragraph = regexp.MustCompile(`\n\s*\n|\n- `)
	sentence  = regexp.MustCompile(`[.;:] `)
)

// TestSentencesStandOnce: a page that people wrote says a thing once. Where two
// versions of a passage were put together, a sentence of it stands there twice.
func TestSentencesStandOnce(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("no pages: ", err)
	}
	read := 0
	for _, page := range append(pages, "../../README.md", "../../CHANGELOG.md", "../../CONTRIBUTING.md", "../../SECURITY.md") {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if page := filepath.Base(page); page == "reference.md" || page == "journal.md" {
			continue // what is drawn from descriptions repeats them
		}
		seen := map[string]bool{}
		for _, p := range paragraph.Split(fenced.ReplaceAllString(string(data), "\n\n"), -1) {
			for _, s := range sentence.Split(strings.Join(strings.Fields(p), " "), -1) {
				if seen[s] && len(s) > 40 {
					t.Errorf("%s says twice: %s", filepath.Base(page), s)
				}
				seen[s] = true
				read++
			}
		}
	}
	if read < 500 {
		t.Errorf("only %d sentences were read", read)
	}
}
