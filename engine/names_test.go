package engine_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheDoorIsNeeded: each exported name of the package is documented, and is
// used by the program, shown in an example, or, a type, part of what is. Values of
// a group (the exit codes) stand for each other.
func TestTheDoorIsNeeded(t *testing.T) {
	used := selectedNames(t, append(sources(t, "../cmd/runbook/*.go"), "example_test.go"))
	door := &names{held: map[string]bool{}}
	for _, name := range sources(t, "*.go") {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			door.declared(d)
		}
	}
	if len(door.groups) < 20 {
		t.Fatalf("only %d exported names were found", len(door.groups))
	}
	for _, g := range door.groups {
		needed := false
		for _, name := range g.names {
			if g.method {
				needed = needed || used["."+name]
				continue
			}
			needed = needed || used["engine."+name] || g.isType && door.held[name]
		}
		if !g.documented {
			t.Errorf("engine.%s has no comment", strings.Join(g.names, ", "))
		}
		if !needed {
			t.Errorf("nothing uses engine.%s, and no example shows it", strings.Join(g.names, ", "))
		}
	}
}

// names are what a package exports.
type names struct {
	groups []group
	held   map[string]bool // types that signatures and fields name
}

type group struct {
	names              []string
	documented, isType bool
	method             bool
}

func (n *names) declared(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		// Error is called by whoever prints an error.
		if d.Name.IsExported() && d.Name.Name != "Error" && (d.Recv == nil || exportedReceiver(d)) {
			n.groups = append(n.groups, group{names: []string{d.Name.Name}, documented: d.Doc != nil, method: d.Recv != nil})
			n.hold(d.Type)
		}
	case *ast.GenDecl:
		values := group{documented: d.Doc != nil}
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() {
					n.groups = append(n.groups, group{names: []string{s.Name.Name}, documented: d.Doc != nil || s.Doc != nil, isType: true})
					n.hold(s.Type)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() {
						values.names = append(values.names, name.Name)
						values.documented = values.documented || s.Doc != nil
						if s.Type != nil {
							n.hold(s.Type)
						}
					}
				}
			}
		}
		if len(values.names) > 0 {
			n.groups = append(n.groups, values)
		}
	}
}

// hold notes the types that a signature or a type names.
func (n *names) hold(in ast.Node) {
	ast.Inspect(in, func(x ast.Node) bool {
		if id, ok := x.(*ast.Ident); ok {
			n.held[id.Name] = true
		}
		return true
	})
}

func exportedReceiver(d *ast.FuncDecl) bool {
	x := d.Recv.List[0].Type
	if p, ok := x.(*ast.StarExpr); ok {
		x = p.X
	}
	id, ok := x.(*ast.Ident)
	return ok && id.IsExported()
}

// sources are the files of a pattern that are no tests.
func sources(t *testing.T, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil || len(all) == 0 {
		t.Fatal("no files fit ", pattern)
	}
	var out []string
	for _, name := range all {
		if !strings.HasSuffix(name, "_test.go") {
			out = append(out, name)
		}
	}
	return out
}

var selection = regexp.MustCompile(`(\bengine)?\.([A-Z]\w*)`)

// selectedNames are all names that files select: .Name from whatever it is, and
// engine.Name from the package besides.
func selectedNames(t *testing.T, files []string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range selection.FindAllStringSubmatch(string(text), -1) {
			out["."+m[2]], out[m[1]+"."+m[2]] = true, true
		}
	}
	return out
}
