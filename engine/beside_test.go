package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"runbook/engine"
)

const outer = `apiVersion: runbook/v1
name: outer
steps:
  - run: inner
    runbook: PATH
`

const inner = `apiVersion: runbook/v1
name: inner
outputs: {word: {expr: '"hello"', type: string}}
steps: [{message: m, text: hello}]
`

// problems are the findings of a file with its path in place of PATH.
func problems(t *testing.T, places engine.Places) string {
	t.Helper()
	found, err := places.Open("outer")
	if err != nil {
		t.Fatal(err)
	}
	rb, diags := engine.Load(found.File, engine.WithFiles(found.Files()))
	if rb != nil {
		return rb.Plan.Plans()[1].File.Name
	}
	var out []string
	for _, d := range diags {
		out = append(out, d.Summary)
	}
	return strings.Join(out, "\n")
}

// TestRunbooksBesideOneAnother: a file is found beside the one that runs it, on
// the disk and in the library, and nowhere that is not meant.
func TestRunbooksBesideOneAnother(t *testing.T) {
	for path, want := range map[string]string{
		"sub/inner.yaml":      "library:sub/inner.yaml",
		"./inner.yaml":        "library:inner.yaml",
		"../inner.yaml":       "leads out of the library",
		"/inner.yaml":         "an absolute path",
		"sub":                 "is a folder",
		"sub/../inner.yaml":   "library:inner.yaml",
		"sub/../outer.yaml":   "in a circle",
		"nothing/inner.yaml":  "there is no such file",
		"sub/inner.yaml/more": "there is no such file",
	} {
		library := fstest.MapFS{
			"outer.yaml": {Data: []byte(strings.ReplaceAll(outer, "PATH", path))}, "inner.yaml": {Data: []byte(inner)}, "sub/inner.yaml": {Data: []byte(inner)},
		}
		if got := problems(t, engine.Places{Dir: t.TempDir(), Library: library}); !strings.Contains(got, want) {
			t.Errorf("library, %s: %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"sub/inner.yaml": filepath.Join("runbooks", "sub", "inner.yaml"), "../inner.yaml": "inner.yaml", "/etc/hostname": "an absolute path",
		"sub": "no ordinary file", "gone.yaml": "there is no such file", "outer.yaml": "in a circle",
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"runbooks/outer.yaml": strings.ReplaceAll(outer, "PATH", path), "runbooks/sub/inner.yaml": inner, "inner.yaml": inner} {
			at := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := problems(t, engine.Places{Dir: dir}); !strings.Contains(got, want) {
			t.Errorf("disk, %s: %s, want %s", path, got, want)
		}
	}
}
