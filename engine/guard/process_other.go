//go:build !unix

package guard

import (
	"os"
	"os/exec"
)

// Without process groups only the program itself can be ended; docs/security.md
// says so.
func setGroup(*exec.Cmd) {}

func groupOf(cmd *exec.Cmd) int { return cmd.Process.Pid }

func endGroup(cmd *exec.Cmd, kill bool) {
	if cmd.ProcessState == nil {
		_ = cmd.Process.Kill()
	}
}

func signalOf(*os.ProcessState) int { return 0 }
