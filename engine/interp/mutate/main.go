// Command mutate asks whether the tests would notice if the interpreter were
// wrong. It changes one thing in it at a time (a condition negated, a statement
// left out, a 0 for a 1) and runs the tests; a change that no test notices is a
// survivor. Survivors are named in survivors.txt, each with the reason why it
// does no harm; one that is not named there fails, and so does a name whose
// survivor is gone.
//
//	go run ./engine/interp/mutate            all of it
//	go run ./engine/interp/mutate -file each.go -v
//
// All mutants are built into the same test programs, each behind a switch that
// is thrown by a variable of the environment. So the tests are compiled once,
// and a mutant costs only the time that they run until the first fails.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// suites are the tests that hold the interpreter, the fast ones first. Of the
// corpus, what runs on the simulated clock is enough: the interpreter knows no
// other.
var suites = []suite{
	{pkg: "./engine/interp", run: "."},
	{pkg: "./engine/runtime/sim", run: "."},
	{pkg: "./engine/runtime/runtimetest", run: "^TestCorpus$/./^sim$"},
	{pkg: "./engine/runtime/local", run: "."},
}

func main() {
	file := flag.String("file", "", "only the mutants of this `file` of the package")
	list := flag.Bool("list", false, "list the mutants, and run nothing")
	verbose := flag.Bool("v", false, "say of each mutant what came of it")
	jobs := flag.Int("jobs", runtime.NumCPU(), "how many run at once")
	flag.Parse()
	if err := run(*file, *list, *verbose, *jobs); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(only string, list, verbose bool, jobs int) error {
	began := time.Now()
	pkg, err := load("./engine/interp")
	if err != nil {
		return err
	}
	mutants := pkg.mutants()
	if only != "" {
		mutants = keep(mutants, func(m *mutant) bool { return m.file == only })
	}
	if list {
		for _, m := range mutants {
			fmt.Println(m)
		}
		fmt.Println(len(mutants), "mutants")
		return nil
	}
	tmp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	overlay, err := pkg.overlay(tmp, mutants)
	if err != nil {
		return err
	}
	lab, err := build(tmp, overlay, suites)
	if err != nil {
		return err
	}
	lab.try(mutants, jobs, verbose)
	known, err := readKnown(filepath.Join(pkg.dir, "mutate", "survivors.txt"))
	if err != nil {
		return err
	}
	return report(mutants, known, only, time.Since(began))
}

// keep is those that hold.
func keep(all []*mutant, holds func(*mutant) bool) []*mutant {
	var out []*mutant
	for _, m := range all {
		if holds(m) {
			out = append(out, m)
		}
	}
	return out
}
