package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fate is what came of a mutant.
type fate string

const (
	killed    fate = "killed"
	survived  fate = "survived"
	unreached fate = "not reached" // no test comes to that place
)

// suite is a package of tests, and which of them.
type suite struct {
	pkg, run string

	binary, dir string
	passed      map[int]bool  // the mutants that it comes to
	allowed     time.Duration // past it, a mutant runs for ever
}

// lab is where mutants are tried.
type lab struct{ suites []suite }

// build compiles the tests with all mutants in them, and runs them with none
// on: they have to pass, and tell which mutants they come to.
func build(tmp, overlay string, suites []suite) (*lab, error) {
	l := &lab{}
	for i, s := range suites {
		s.binary = filepath.Join(tmp, fmt.Sprintf("suite%d.test", i))
		if out, err := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", s.binary, s.pkg).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s does not build with the mutants in it: %w\n%s", s.pkg, err, out)
		}
		dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", s.pkg).Output()
		if err != nil {
			return nil, err
		}
		s.dir = strings.TrimSpace(string(dir))
		if err := s.baseline(filepath.Join(tmp, fmt.Sprintf("passed%d", i))); err != nil {
			return nil, err
		}
		l.suites = append(l.suites, s)
	}
	return l, nil
}

func (s *suite) baseline(passed string) error {
	s.allowed = time.Minute
	began := time.Now()
	if out, err := s.test("MUTANTS_PASSED=" + passed); err != nil {
		return fmt.Errorf("%s fails without a mutant: %w\n%s", s.pkg, err, out)
	}
	s.allowed = 5*time.Second + 5*time.Since(began)
	s.passed = map[int]bool{}
	text, err := os.ReadFile(passed)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // with one file alone, a suite may come to none of its mutants
	}
	if err != nil {
		return fmt.Errorf("what %s comes to cannot be read: %w", s.pkg, err)
	}
	for _, line := range strings.Fields(string(text)) {
		id, err := strconv.Atoi(line)
		if err != nil {
			return err
		}
		s.passed[id] = true
	}
	return nil
}

// test runs the suite with one more variable in its environment.
func (s *suite) test(env string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.allowed)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.binary, "-test.run", s.run, "-test.failfast")
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), env)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	return out.String(), err
}

// try gives each mutant its fate.
func (l *lab) try(mutants []*mutant, jobs int, verbose bool) {
	todo := make(chan *mutant)
	var wait sync.WaitGroup
	for range jobs {
		wait.Go(func() {
			for m := range todo {
				l.one(m)
				if verbose {
					fmt.Printf("%-12s %-30s %s\n", m.fate, m.by, m)
				}
			}
		})
	}
	for _, m := range mutants {
		todo <- m
	}
	close(todo)
	wait.Wait()
}

// one runs the suites that come to a mutant until one fails.
func (l *lab) one(m *mutant) {
	m.fate = unreached
	for i := range l.suites {
		s := &l.suites[i]
		if !s.passed[m.id] {
			continue
		}
		m.fate = survived
		if _, err := s.test(fmt.Sprintf("MUTANT=%d", m.id)); err != nil {
			m.fate, m.by = killed, s.pkg
			return
		}
	}
}
