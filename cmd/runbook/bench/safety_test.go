package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/engine/guard"
	"runbook/engine/journal"
	"runbook/engine/permit"
)

// actions is how many actions the durable run has.
const actions = 200

// BenchmarkDurability is a run of 200 actions that do nothing, of which each is on
// the disk before it begins and when it has ended. The floor writes the same lines
// into the same folder, and syncs at the same places: twice an action.
func BenchmarkDurability(b *testing.B) {
	runbook, _ := programs(b)
	text := "apiVersion: runbook/v1\nname: bench\nsteps:\n"
	for i := range actions {
		text += fmt.Sprintf("  - {action: a%d, shell: ':'}\n", i)
	}
	file, dir := write(b, text), b.TempDir()
	state := filepath.Join(dir, "state")
	must(b, exec.Command(runbook, "run", file, "--state", state))
	lines := journalOf(b, state)
	if n := len(slices.DeleteFunc(slices.Clone(lines), func(l []byte) bool { return !durable(l) })); n != 2*actions {
		b.Fatalf("%d lines have to be on the disk", n)
	}
	pair(b, 1, "action", actions, func() { must(b, exec.Command(runbook, "run", file, "--state", state)) }, func() {
		f, err := os.CreateTemp(dir, "floor")
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		for _, l := range lines {
			if _, err := f.Write(l); err != nil {
				b.Fatal(err)
			}
			if durable(l) {
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// durable reports whether a line of the journal stands before or behind an action.
func durable(line []byte) bool {
	return bytes.Contains(line, []byte(`"type":"attempt.started"`)) || bytes.Contains(line, []byte(`"type":"attempt.finished"`))
}

// journalOf are the lines of the only run's journal.
func journalOf(b *testing.B, state string) [][]byte {
	b.Helper()
	store := &journal.Store{Dir: state}
	ids, err := store.IDs()
	if err != nil || len(ids) != 1 {
		b.Fatal(ids, err)
	}
	data, err := os.ReadFile(filepath.Join(store.Path(ids[0]), journal.FileName))
	if err != nil {
		b.Fatal(err)
	}
	return bytes.SplitAfter(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
}

// entries are what a large runbook permits.
func entries() []string {
	var list []string
	for _, program := range []string{"kubectl", "kubectl -n *", "aws", "helm", "gcloud sql", "systemctl"} {
		for _, verb := range []string{"get", "describe", "logs", "top", "rollout status", "list", "events"} {
			list = append(list, program+" "+verb)
		}
	}
	return append(list, "true")
}

// rounds is how often what takes next to no time is done for one figure.
const rounds = 1000

// BenchmarkPermission is what is asked before a program starts. argv is the judge
// alone, with 43 entries of which the last fits, beside a loop that compares words;
// path is the search in PATH, beside os/exec's; exec is all of it and the program,
// beside os/exec starting that.
func BenchmarkPermission(b *testing.B) {
	set := permit.Set{Observe: entries()}
	g := guard.New(set, guard.Options{})
	defer g.Close()
	argv := []string{"true", "--namespace", "payments"}
	b.Run("argv", func(b *testing.B) {
		var words [][]string
		for _, e := range set.Observe {
			words = append(words, strings.Fields(e))
		}
		pair(b, 10, "exec", rounds, func() {
			for range rounds {
				if !set.Command(argv, false).OK {
					b.Fatal("it is not permitted")
				}
			}
		}, func() {
			for range rounds {
				if !slices.ContainsFunc(words, func(w []string) bool { return len(w) <= len(argv) && slices.Equal(w, argv[:len(w)]) }) {
					b.Fatal("it is not permitted")
				}
			}
		})
	})
	b.Run("path", func(b *testing.B) {
		pair(b, 10, "exec", rounds, func() {
			for range rounds {
				if _, err := g.Find("true"); err != nil {
					b.Fatal(err)
				}
			}
		}, func() {
			for range rounds {
				if _, err := exec.LookPath("true"); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("exec", func(b *testing.B) {
		pair(b, 10, "exec", 100, func() {
			for range 100 {
				if out, err := g.RunProgram(context.Background(), guard.Program{Argv: argv}); err != nil || out.Exit != 0 {
					b.Fatal(out, err)
				}
			}
		}, func() {
			for range 100 {
				must(b, exec.Command("true", argv[1:]...))
			}
		})
	})
}
