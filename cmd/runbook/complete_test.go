package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCompletionIsQuick: what is asked each time that Tab is pressed is there
// before it is felt. The quickest of several counts, because the machine may be
// busy.
func TestCompletionIsQuick(t *testing.T) {
	p := &program{env: func(string) string { return "" }}
	for _, line := range []string{"run", "run hub", "run hubspot --input ", "run hubspot --scenario ", "run hubspot --answer ", "show --format "} {
		best := time.Hour
		for range 10 {
			began := time.Now()
			if p.completed("zsh", strings.Split(line, " ")) == "" {
				t.Errorf("%q completes to nothing", line)
			}
			best = min(best, time.Since(began))
		}
		if limit := 100 * time.Millisecond * slower; best > limit {
			t.Errorf("%q takes %s, which is more than %s", line, best, limit)
		}
	}
}

// FuzzBashQuoted: bash takes each candidate for one word, which is the candidate.
func FuzzBashQuoted(f *testing.F) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		f.Skip("bash is not installed")
	}
	for _, s := range []string{"plain", "two words", "$(touch pwned)", "a'b\"c", "`x`;&|<>!*?[]{}#~", "~/x", "~root", "é ü", "-n", "\\", "a=b:c", "!!"} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, word string) {
		if !harmless(word) {
			return
		}
		cmd := exec.Command(bash, "--norc", "-c", "printf '%s\\n' "+bashQuoted(word))
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C.UTF-8", "HOME=~")
		out, err := cmd.CombinedOutput()
		if want := word + "\n"; err != nil || string(out) != want {
			t.Errorf("%q is %q to bash (%v)", word, out, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
			t.Errorf("%q left %v behind", word, left)
		}
	})
}
