package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// known are the survivors that are known to do no harm, each with the reason.
type known map[string]string

// readKnown reads a list in which a mutant's name stands at the beginning of a
// line, and the reason below it, indented. Names may share a reason. Lines with #
// are for people.
func readKnown(file string) (known, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	out := known{}
	var open []string
	said := true
	for n, line := range strings.Split(string(text), "\n") {
		reason := strings.TrimSpace(line)
		switch {
		case reason == "" || strings.HasPrefix(line, "#"):
		case line[0] != ' ':
			if said {
				open, said = nil, false
			}
			if _, twice := out[line]; twice {
				return nil, fmt.Errorf("%s:%d: this mutant stands here twice", file, n+1)
			}
			open = append(open, line)
			out[line] = ""
		default:
			said = true
			for _, name := range open {
				out[name] = strings.TrimSpace(out[name] + " " + reason)
			}
		}
	}
	for name, reason := range out {
		if reason == "" {
			return nil, fmt.Errorf("%s: no reason is given for: %s", file, name)
		}
	}
	return out, nil
}

// report says what came of the mutants, and holds the survivors against those
// that are known.
func report(mutants []*mutant, known known, only string, took time.Duration) error {
	count := map[fate]int{}
	wrong := false
	left := maps.Clone(known)
	for _, m := range mutants {
		count[m.fate]++
		name := m.String()
		if m.fate == killed {
			continue
		}
		if _, ok := left[name]; ok {
			delete(left, name)
			continue
		}
		wrong = true
		fmt.Printf("engine/interp/%s:%d: %s: no test notices it\n%s\n", m.file, m.line, m.fate, name)
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		if only == "" || strings.HasPrefix(name, only+" ") {
			wrong = true
			fmt.Printf("survivors.txt names what is no survivor any more: %s\n", name)
		}
	}
	fmt.Printf("%d mutants: %d killed, %d survived, %d not reached, in %s\n", len(mutants), count[killed], count[survived], count[unreached], took.Round(time.Second))
	if wrong {
		return errors.New("write a test that notices it, or say in survivors.txt why it does no harm")
	}
	return nil
}
