package engine_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/source"
)

var update = flag.Bool("update", false, "write the expected findings anew")

// TestFindingsOfScenarios holds what is said of each file of scenarios in
// testdata, with its place, against the file of findings beside it.
func TestFindingsOfScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.scenarios.yaml")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f := source.NewFile(name, data)
			var b strings.Builder
			for _, d := range engine.Validate(f, engine.WithFiles(engine.OnDisk(f))) {
				if d.Span.IsZero() || d.Span.File != f {
					t.Errorf("%s has no place in the file", d.Summary)
				}
				p := d.Span.Position()
				fmt.Fprintf(&b, "%d:%d: %s: %s [%s]\n\t%s\n", p.Line, p.Column, d.Severity, d.Summary, d.Code, d.Detail)
				for _, r := range d.Related {
					p := r.Span.Position()
					fmt.Fprintf(&b, "\t%d:%d: %s\n", p.Line, p.Column, r.Text)
				}
			}
			golden := strings.TrimSuffix(name, ".yaml") + ".out"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || string(want) != b.String() {
				t.Errorf("%v: the findings are\n%s", err, b.String())
			}
		})
	}
}
