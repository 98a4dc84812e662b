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

func endGroup(cmd *exec.Cmd, kill bool) bool {
	if cmd.ProcessState != nil {
		return false
	}
	_ = cmd.Process.Kill()
	return true
}

func signalOf(*os.ProcessState) int { return 0 }
