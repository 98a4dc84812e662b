package plan_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/checks"
	"runbook/engine/kind"
	"runbook/engine/plan"
	"runbook/engine/source"
	"runbook/engine/source/render"
)

var update = flag.Bool("update", false, "write the golden files anew")

func kinds() []kind.Kind {
	var out []kind.Kind
	for _, k := range checks.All() {
		out = append(out, k.Kind)
	}
	return out
}

func compile(name string, data []byte) (*plan.Plan, source.Diagnostics) {
	var found source.Diagnostics
	p := plan.Compile(source.NewFile(name, data), plan.Options{Kinds: kinds(), Beside: beside}, func(d source.Diagnostic) { found = append(found, d) })
	return p, found.Sort()
}

// beside opens the files in testdata/beside.
func beside(from *source.File, name string) (*source.File, error) {
	dir := "testdata/beside"
	if strings.HasPrefix(from.Name, "../../runbooks/") {
		dir = "../../runbooks"
	}
	data, err := fs.ReadFile(os.DirFS(dir), name)
	if err != nil {
		return nil, err
	}
	return source.NewFile(name, data), nil
}

// TestBad holds every testdata/bad/*.yaml against its .out: all findings, exact
// to message and column.
func TestBad(t *testing.T) {
	files, _ := filepath.Glob("testdata/bad/*.yaml")
	if len(files) == 0 {
		t.Fatal("no fixtures")
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p, found := compile(filepath.Base(f), data)
		if p != nil || !found.Failed() {
			t.Errorf("%s is accepted", f)
		}
		for _, d := range found {
			if d.Span.IsZero() || d.Summary == "" {
				t.Errorf("%s: %q has no place", f, d.Summary)
			}
		}
		var b bytes.Buffer
		if err := render.Text(&b, found, render.Options{}); err != nil {
			t.Fatal(err)
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

// TestGood: nothing is found in testdata/good and in the library.
func TestGood(t *testing.T) {
	files, _ := filepath.Glob("testdata/good/*.yaml")
	library, _ := filepath.Glob("../../runbooks/*.yaml")
	for _, f := range append(files, library...) {
		if strings.HasSuffix(f, ".scenarios.yaml") {
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p, found := compile(f, data)
		if p == nil || found.Failed() {
			var b bytes.Buffer
			_ = render.Text(&b, found, render.Options{})
			t.Errorf("%s", b.String())
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, pattern := range []string{"../../runbooks/*.yaml", "testdata/bad/*.yaml", "testdata/good/*.yaml", "testdata/places/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(bytes.NewBufferString(strings.NewReplacer("«", "", "»", "").Replace(string(data))).Bytes())
		}
	}
	for _, c := range huge {
		if data := c.data(); len(data) < 4096 {
			f.Add([]byte(data))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, found := compile("x.yaml", data)
		if (p == nil) != found.Failed() {
			t.Errorf("plan %v with %d findings", p != nil, len(found))
		}
		wellFormed(t, found)
		var b bytes.Buffer
		if err := render.Text(&b, found, render.Options{}); err != nil {
			t.Error(err)
		}
	})
}
