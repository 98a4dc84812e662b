package plan_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/engine/source/render"
)

// TestWarned holds every testdata/warned/*.yaml against its .out: runbooks that
// are accepted, with what they are warned of.
func TestWarned(t *testing.T) {
	files, _ := filepath.Glob("testdata/warned/*.yaml")
	if len(files) == 0 {
		t.Fatal("no fixtures")
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p, found := compile(filepath.Base(f), data)
		var b bytes.Buffer
		if err := render.Text(&b, found, render.Options{}); err != nil {
			t.Fatal(err)
		}
		if p == nil {
			t.Errorf("%s is refused:\n%s", f, b.String())
			continue
		}
		golden := strings.TrimSuffix(f, ".yaml") + ".out"
		if *update {
			if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil || b.String() != string(want) {
			t.Errorf("%s: got\n%swant\n%s", f, b.String(), want)
		}
	}
}
