package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// edit puts a text in place of what stands at an offset. Texts of several mutants
// at the same place nest as what they change does. A %d in the text is the
// mutant's number.
type edit struct {
	at     int
	cut    int // how many bytes it takes away
	text   string
	behind bool // it ends something, so it stands before what begins there
	pos    token.Pos

	// Of the mutant: where what it changes begins and ends, and its number.
	from, to, id int
}

func wrap(from, to token.Pos, before, after string) []edit {
	return []edit{{pos: from, text: before}, {pos: to, text: after, behind: true}}
}

// changed is the text of a file with the switches of mutants in it.
func (p *pkg) changed(name string, mutants []*mutant) []byte {
	var all []edit
	for _, m := range mutants {
		if m.file != name {
			continue
		}
		for _, e := range m.edits {
			if strings.Contains(e.text, "%d") {
				e.text = fmt.Sprintf(e.text, m.id)
			}
			e.from, e.to, e.id = m.from, m.to, m.id
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, before)
	var out []byte
	at := 0
	for _, e := range all {
		out = append(out, p.text[name][at:e.at]...)
		out = append(out, e.text...)
		at = max(at, e.at+e.cut)
	}
	return append(out, p.text[name][at:]...)
}

// before is the order of edits: what ends before what begins, of what ends the
// innermost first, of what begins the outermost.
func before(a, b edit) int {
	if c := cmp.Compare(a.at, b.at); c != 0 {
		return c
	}
	switch {
	case a.behind && b.behind:
		return cmp.Or(cmp.Compare(b.from, a.from), cmp.Compare(b.id, a.id))
	case a.behind:
		return -1
	case b.behind:
		return 1
	}
	return cmp.Or(cmp.Compare(b.to, a.to), cmp.Compare(a.id, b.id))
}

// overlay writes the package with all mutants in it, and the file that tells the
// go command to build it in place of the one in the tree.
func (p *pkg) overlay(tmp string, mutants []*mutant) (string, error) {
	replace := map[string]string{}
	put := func(name string, text []byte) error {
		to := filepath.Join(tmp, name)
		replace[filepath.Join(p.dir, name)] = to
		return os.WriteFile(to, text, 0o600)
	}
	for _, name := range p.names {
		if err := put(name, p.changed(name, mutants)); err != nil {
			return "", err
		}
	}
	if err := put(gearName, gearOf(p.name)); err != nil {
		return "", err
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(tmp, "overlay.json")
	return file, os.WriteFile(file, data, 0o600)
}
