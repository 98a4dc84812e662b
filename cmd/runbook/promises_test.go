package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPromisesAreTested: each test that docs/security.md names for a promise is
// there.
func TestPromisesAreTested(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "\n## Each promise and its test\n")
	if !found {
		t.Fatal("the table is missing")
	}
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+|Fuzz\w+|Benchmark\w+)\(`)
	for _, dir := range []string{"../../cmd", "../../engine", "../../checks", "../../runbooks"} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
				there[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	named := 0
	for _, line := range strings.Split(table, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 4 || !strings.Contains(line, "`") {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[2], -1) {
			_, err := os.Stat(filepath.Join("../..", m[1]))
			target := strings.HasPrefix(m[1], "make ")
			if named++; !there[m[1]] && err != nil && !target {
				t.Errorf("there is no test %s, for: %s", m[1], strings.TrimSpace(cells[1]))
			}
		}
	}
	if named < 15 {
		t.Errorf("%d tests are named", named)
	}
}
