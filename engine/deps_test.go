package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rule says what a package (or, ending in /..., a folder of packages) may
// import from the project, and what it must never import from anywhere.
// docs/architecture.md holds the same table with the reasons.
type rule struct {
	pkg   string
	may   []string // nil: nothing from the project
	never []string
}

var rules = []rule{
	{"engine/source", nil, []string{"os", "net", "net/http"}},
	{"engine/spec", nil, []string{"os", "net", "net/http"}},
	{"engine/permit", []string{"engine/source"}, []string{"os", "net/http", "os/exec"}},
	{"engine/policy", []string{"engine/source", "engine/spec", "engine/syntax", "engine/permit"}, []string{"os", "net", "net/http", "os/exec", yaml, cli}},
	{"engine/find", nil, []string{"os", "net", "net/http", "os/exec", yaml, cli}},
	{"engine/types", nil, []string{"os", "net", "net/http"}},
	{"engine/secret", nil, []string{"net", "net/http", "os/exec"}},
	{"engine/secret/leaktest", nil, []string{"os", "net", "net/http", "os/exec"}},
	{"engine/source/render", []string{"engine/source"}, nil},
	{"engine/syntax", []string{"engine/source", "engine/spec"}, []string{"os", "net", "net/http", "os/exec"}},
	{"engine/lang", []string{"engine/source", "engine/types", "engine/secret"}, []string{yaml, "os", "net", "net/http", "os/exec"}},
	{"engine/guard", []string{"engine/secret", "engine/permit"}, []string{yaml, cli}},
	{"engine/kind", []string{"engine/source", "engine/spec", "engine/types", "engine/secret"}, []string{"os/exec", "net/http", yaml, cli}},
	{"engine/kind/exec", []string{"engine/kind", "engine/guard"}, []string{yaml, cli}},
	{"engine/channel", []string{"engine/kind", "engine/kind/exec", "engine/types", "engine/guard"}, []string{"os", "os/exec", yaml, cli}},
	{"engine/plan", []string{"engine/syntax", "engine/lang", "engine/kind", "engine/types", "engine/source", "engine/spec", "engine/permit", "engine/plan/..."}, []string{"os/exec", "net/http", yaml, cli}},
	{"engine/plan/...", []string{"engine/lang", "engine/kind", "engine/types", "engine/source"}, []string{"os/exec", "net/http", yaml, cli}},
	{"engine/journal", []string{"engine/types", "engine/secret"}, []string{"net/http", "os/exec", yaml, cli}},
	{"engine/interp", []string{"engine/plan", "engine/lang", "engine/types", "engine/journal", "engine/secret", "engine/source"}, []string{"context", "sync", "sync/atomic", "os", "os/exec", "net", "net/http", "math/rand", "math/rand/v2", "runtime", yaml, cli}},
	{"engine/record", []string{"engine/journal", "engine/secret", "engine/source", "engine/syntax", "engine/types"}, []string{"os", "net", "net/http", "os/exec", yaml, cli}},
	{"engine/report", []string{"engine/journal", "engine/source"}, []string{"net/http", "os/exec", yaml, cli}},
	{"engine/scenario", []string{"engine/source", "engine/spec", "engine/syntax", "engine/types", "engine/journal", "engine/kind"}, []string{"os/exec", yaml, cli}},
	{"engine/coverage", []string{"engine/plan", "engine/journal", "engine/report", "engine/lang", "engine/source"}, []string{"os", "net", "net/http", "os/exec", yaml, cli}},
	{"engine/changes", []string{"engine/plan", "engine/journal", "engine/lang", "engine/kind", "engine/types", "engine/source"}, []string{"os", "net", "net/http", "os/exec", yaml, cli}},
	{"engine/corpus", []string{"engine/source", "engine/spec", "engine/syntax"}, []string{"os", "net", "net/http", "os/exec", yaml}},
	{"engine/schema", []string{"engine/spec", "engine/syntax", "engine/journal"}, []string{"os", "net", "net/http", "os/exec", yaml, cli}},
	{"engine/runtime/...", []string{"engine/interp", "engine/plan", "engine/lang", "engine/types", "engine/journal", "engine/kind", "engine/kind/exec", "engine/guard", "engine/secret", "engine/runtime/memo"}, []string{yaml, cli, "net/http", "os/exec"}},
	{"checks/...", []string{"engine/kind", "engine/kind/exec", "engine/types", "engine/guard", "engine/source", "engine/spec"}, []string{yaml, cli}},
}

// TestTableIsDescribed holds docs/architecture.md to the rules: it has each of them
// as a row, and no other.
func TestTableIsDescribed(t *testing.T) {
	page, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| package | may import from the project | never |\n|---|---|---|\n")
	if !found {
		t.Fatal("docs/architecture.md has no table of imports")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	for _, r := range rules {
		i := slices.Index(rows, r.row())
		if i < 0 {
			t.Errorf("docs/architecture.md lacks the row\n%s", r.row())
			continue
		}
		rows = slices.Delete(rows, i, i+1)
	}
	for _, row := range rows {
		t.Errorf("docs/architecture.md has a row that no rule stands behind\n%s", row)
	}
}

// row is a rule as the page shows it.
func (r rule) row() string {
	may := strings.ReplaceAll(strings.Join(r.may, ", "), "engine/", "")
	if may == "" {
		may = "nothing"
	}
	return fmt.Sprintf("| `%s` | %s | %s |", strings.TrimPrefix(r.pkg, "engine/"), may, strings.Join(r.never, ", "))
}

// TestInterpIsPure: what the interpreter does must be the same in every runtime,
// so it starts nothing beside itself and asks no clock.
func TestInterpIsPure(t *testing.T) {
	files, err := filepath.Glob("interp/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no files: ", err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.GoStmt, *ast.SelectStmt, *ast.ChanType, *ast.SendStmt:
				t.Errorf("%s: the interpreter starts nothing beside itself, and waits in World alone", fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				id, ok := x.X.(*ast.Ident)
				if ok && id.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}, x.Sel.Name) {
					t.Errorf("%s: the interpreter reads no clock: time.%s", fset.Position(n.Pos()), x.Sel.Name)
				}
			}
			return true
		})
	}
}

const (
	module = "runbook"
	yaml   = "gopkg.in/yaml.v3"
	cli    = "github.com/urfave/cli/v2"
)

// only says which packages alone may import a library, so that it stays easy to
// replace and its words stay in one room.
var only = map[string][]string{
	yaml:                            {"engine/syntax"},
	cli:                             {"cmd/runbook"},
	"github.com/expr-lang/expr":     {"engine/lang"},
	"github.com/Masterminds/sprig":  {"engine/lang"},
	"mvdan.cc/sh/v3/syntax":         {"engine/lang", "engine/guard"},
	"mvdan.cc/sh/v3/interp":         {"engine/guard"},
	"os/exec":                       {"engine/guard", "engine/guard/...", "engine/interp/mutate"}, // the last is no part of the program
	"database/sql":                  {"checks/sql"},
	"github.com/jackc/pgx":          {"checks/sql"},
	"github.com/go-sql-driver":      {"checks/sql"},
	"github.com/ncruces/go-sqlite3": {"checks/sql"},
	"github.com/prometheus":         {"checks/prometheus"},
	"github.com/miekg/dns":          {"checks/dns"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		r, ruled := ruleOf(name)
		for _, imp := range p.Imports {
			if ruled && slices.Contains(r.never, imp) {
				t.Errorf("%s imports %s, which it never may", name, imp)
			}
			inner, ours := strings.CutPrefix(imp, module+"/")
			if ours && ruled && !slices.ContainsFunc(r.may, func(m string) bool { return matches(m, inner) }) {
				t.Errorf("%s imports %s; it may import %s", name, inner, strings.Join(r.may, ", "))
			}
			if ours && strings.HasPrefix(inner, "cmd/") && !strings.HasPrefix(name, "cmd/") {
				t.Errorf("%s imports %s: nothing imports a command", name, inner)
			}
			checkOnly(t, name, imp)
		}
	}
}

func checkOnly(t *testing.T, name, imp string) {
	for lib, allowed := range only {
		if imp != lib && !strings.HasPrefix(imp, lib+"/") {
			continue
		}
		if !slices.ContainsFunc(allowed, func(a string) bool { return matches(a, name) }) {
			t.Errorf("%s imports %s; only %s may", name, imp, strings.Join(allowed, ", "))
		}
	}
}

func TestEveryRuleHasAPackage(t *testing.T) {
	pkgs := list(t)
	for _, r := range rules {
		if !slices.ContainsFunc(pkgs, func(p pkg) bool { return matches(r.pkg, strings.TrimPrefix(p.ImportPath, module+"/")) }) {
			t.Errorf("the rule for %s governs no package", r.pkg)
		}
	}
}

func ruleOf(name string) (rule, bool) {
	for _, r := range rules {
		if r.pkg == name {
			return r, true
		}
	}
	for _, r := range rules {
		if strings.HasSuffix(r.pkg, "/...") && matches(r.pkg, name) {
			return r, true
		}
	}
	return rule{}, false
}

func matches(pattern, name string) bool {
	if folder, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(name, folder+"/")
	}
	return pattern == name
}

// list asks the go command, so that the rules hold for what is really built.
func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		var ee *exec.ExitError
		if errors.As(err, &ee) {
			t.Fatalf("go list: %v\n%s", err, ee.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}
