//go:build unix

package guard

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"runbook/engine/permit"
)

// TestTheRestOfAGroupHasItsGrace: a child that outlives its program, and holds no
// pipe, may still clean up behind a TERM, when the step has finished as when it was
// ended.
func TestTheRestOfAGroupHasItsGrace(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	for what, end := range map[string]string{"it has finished": "", "it is ended": "sleep 300"} {
		dir := t.TempDir()
		const child = `trap "sleep 0.3; echo > cleaned; exit 0" TERM; echo > ready; while :; do sleep 0.05; done`
		ctx, stop := context.WithCancel(context.Background())
		go func() {
			for _, err := os.Stat(filepath.Join(dir, "ready")); err != nil; _, err = os.Stat(filepath.Join(dir, "ready")) {
				time.Sleep(time.Millisecond)
			}
			if end != "" {
				stop()
			}
		}()
		_, _ = New(permit.Set{Act: []string{"sh"}}, Options{Grace: time.Minute}).RunProgram(ctx, Program{ // how it ends is not what counts
			Argv: []string{"sh", "-c", `sh -c '` + child + `' > /dev/null 2>&1 & until test -e ready; do sleep 0.01; done; ` + end}, Action: true, Dir: dir,
		})
		stop()
		if _, err := os.Stat(filepath.Join(dir, "cleaned")); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
