package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// pkg is the package that is changed.
type pkg struct {
	name, path, dir string
	fset            *token.FileSet
	names           []string // of its files, without the tests
	files           map[string]*ast.File
	text            map[string][]byte
	info            *types.Info
	imports         types.Importer
}

// listed is what `go list` says of a package.
type listed struct {
	ImportPath, Name, Dir, Export string
	GoFiles                       []string
	DepOnly, Standard             bool
}

// load parses and types a package, whose imports it takes from the build cache.
func load(path string) (*pkg, error) {
	all, err := goList(path)
	if err != nil {
		return nil, err
	}
	own := all[slices.IndexFunc(all, func(l listed) bool { return !l.DepOnly && !l.Standard })]
	p := &pkg{name: own.Name, path: own.ImportPath, dir: own.Dir, fset: token.NewFileSet(), names: own.GoFiles, files: map[string]*ast.File{}, text: map[string][]byte{}}
	exports := map[string]string{}
	for _, l := range all {
		exports[l.ImportPath] = l.Export
	}
	p.imports = importer.ForCompiler(p.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	slices.Sort(p.names)
	for _, name := range p.names {
		if p.text[name], err = os.ReadFile(filepath.Join(p.dir, name)); err != nil {
			return nil, err
		}
		if p.files[name], err = parser.ParseFile(p.fset, name, p.text[name], parser.SkipObjectResolution); err != nil {
			return nil, err
		}
	}
	p.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	return p, p.check("", nil, p.info)
}

// goList lists a package with all that it and the switches need.
func goList(path string) ([]listed, error) {
	args := append([]string{"list", "-deps", "-export", "-json=ImportPath,Name,Dir,Export,GoFiles,DepOnly,Standard", path}, gearNeeds...)
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		var ee *exec.ExitError
		if errors.As(err, &ee) {
			return nil, fmt.Errorf("go list: %w\n%s", err, ee.Stderr)
		}
		return nil, err
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := d.Decode(&l); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
}

// check types the package with another text of one file.
func (p *pkg) check(name string, text []byte, info *types.Info) error {
	gear, err := parser.ParseFile(p.fset, gearName, gearOf(p.name), parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	files := []*ast.File{gear}
	for _, n := range p.names {
		f := p.files[n]
		if n == name {
			if f, err = parser.ParseFile(p.fset, n, text, parser.SkipObjectResolution); err != nil {
				return err
			}
		}
		files = append(files, f)
	}
	conf := types.Config{Importer: p.imports}
	_, err = conf.Check(p.path, p.fset, files, info)
	return err
}
