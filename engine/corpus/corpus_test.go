package corpus_test

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"runbook/checks"
	"runbook/engine/kind"
	"runbook/engine/plan"
	"runbook/engine/source"
	"runbook/engine/syntax"
)

var update = flag.Bool("update", false, "write the listings anew")

func kinds() []kind.Kind {
	var out []kind.Kind
	for _, k := range checks.All() {
		out = append(out, k.Kind)
	}
	return out
}

var theLanguage = plan.Options{Kinds: kinds()}.Language()

func language() *syntax.Language { return theLanguage }

// files are the files of an archive, by name, and their names in order.
type files struct {
	names []string
	data  map[string][]byte
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func archive(t *testing.T, name string) files {
	t.Helper()
	raw := read(t, name)
	out := files{data: map[string][]byte{}}
	for _, f := range txtar.Parse(raw).Files {
		if out.data[f.Name] != nil {
			t.Fatalf("%s holds two files %s", name, f.Name)
		}
		out.names, out.data[f.Name] = append(out.names, f.Name), f.Data
	}
	return out
}

// compile is what the loader says of a file; it may name others of the archive.
func (fs files) compile(name string, data []byte) (*plan.Plan, source.Diagnostics) {
	var found source.Diagnostics
	beside := func(_ *source.File, other string) (*source.File, error) {
		if data, ok := fs.data[other]; ok {
			return source.NewFile(other, data), nil
		}
		return nil, os.ErrNotExist
	}
	p := plan.Compile(source.NewFile(name, data), plan.Options{Kinds: kinds(), Beside: beside}, func(d source.Diagnostic) { found = append(found, d) })
	return p, found.Sort()
}
