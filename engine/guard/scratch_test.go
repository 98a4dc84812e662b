//go:build unix

package guard

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"runbook/engine/permit"
)

// TestScratchIsTheFolderThatWasMade: a link that takes the place of a script's own
// folder between the check and the opening leads nowhere.
func TestScratchIsTheFolderThatWasMade(t *testing.T) {
	dir := tree(t, map[string]string{"hidden/f": "secret"})
	g := guardFor(t, permit.Set{}, Options{})
	tmp, err := g.scratch()
	if err != nil {
		t.Fatal(err)
	}
	defer tmp.remove()
	s := &scriptState{guard: g, tmp: tmp, stop: func(error) {}}
	at, err := s.judge(filepath.Join(tmp.dir, "f"), true)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp.dir, tmp.dir+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "hidden"), tmp.dir); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []int{os.O_RDONLY, os.O_WRONLY | os.O_CREATE | os.O_TRUNC} {
		if f, err := at.open(flag, 0o600); !errors.Is(err, errMoved) {
			t.Errorf("it was opened: %v %v", f, err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "hidden/f")); err != nil || string(b) != "secret" {
		t.Errorf("%q %v", b, err)
	}
}

// TestLinksThatTakeTurns: while a file, and the folder that it is in, take turns
// with links that lead out, a script sees what is permitted or is denied.
func TestLinksThatTakeTurns(t *testing.T) {
	dir := tree(t, map[string]string{"in/sub/f": "mine\n", "out/f": "hidden\n"})
	g := guardFor(t, permit.Set{Read: []string{filepath.Join(dir, "in")}, Write: []string{filepath.Join(dir, "in")}}, Options{})
	sub, aside := filepath.Join(dir, "in/sub"), filepath.Join(dir, "aside")
	var swaps sync.WaitGroup
	done := make(chan struct{})
	swaps.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			for _, err := range []error{os.Rename(sub, aside), os.Symlink(filepath.Join(dir, "out"), sub), os.Remove(sub), os.Rename(aside, sub)} {
				if err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	seen := map[string]int{}
	for n := 0; n < 300 || seen["denied"] == 0 && n < 5000; n++ {
		out, err := script(t, g, `read -r x < "${__rb0}/in/sub/f" && echo "$x"; echo new > "${__rb0}/in/sub/g"`, dir)
		var d *Denied
		switch {
		case errors.As(err, &d):
			seen["denied"]++
		case err != nil:
			t.Fatal(err)
		}
		seen[out.Stdout]++
	}
	close(done)
	swaps.Wait()
	_, err := os.Lstat(filepath.Join(dir, "out/g"))
	if seen["hidden\n"] > 0 || err == nil || seen["denied"] == 0 {
		t.Errorf("it came to %v, %v", seen, err)
	}
	if out, err := script(t, g, `read -r x < "${__rb0}/in/sub/f"; echo "$x"`, dir); err != nil || out.Stdout != "mine\n" {
		t.Errorf("when nothing takes turns: %+v %v", out, err)
	}
}
