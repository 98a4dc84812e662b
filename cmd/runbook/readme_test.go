package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var lasts = regexp.MustCompile(`<?[0-9.]+(ms|s)\b`)

// TestReadme: what the README shows is what the program prints, but for how
// long things took. A line … stands for lines left out.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(readme), "```text\n")
	block, _, ended := strings.Cut(block, "```")
	if !ok || !ended {
		t.Fatal("the README shows no run")
	}
	got := drilled(t, "hubspot", "token-revoked")
	for _, part := range strings.Split(block, "…\n") {
		want := lasts.ReplaceAllString(part, "T")
		_, rest, found := strings.Cut(got, want)
		if !found {
			t.Fatalf("the run does not print (from here on)\n%s\nin\n%s", part, got)
		}
		got = rest
	}
}

// drilled runs a scenario where nobody is at a terminal, and gives what was
// printed, without times.
func drilled(t *testing.T, name, scenario string) string {
	t.Helper()
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if code := Main([]string{"runbook", "run", name, "--scenario", scenario, "--non-interactive", "--state", dir}, nil, out, out); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return lasts.ReplaceAllString(string(text), "T")
}
