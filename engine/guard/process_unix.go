//go:build unix

package guard

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

func setGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func groupOf(cmd *exec.Cmd) int { return cmd.Process.Pid }

// endGroup signals what is left of the program's group, and reports whether
// there was anything: one that is dead but not yet buried counts.
func endGroup(cmd *exec.Cmd, kill bool) bool {
	sig := syscall.SIGTERM
	if kill {
		sig = syscall.SIGKILL
	}
	return !errors.Is(syscall.Kill(-cmd.Process.Pid, sig), syscall.ESRCH)
}

func signalOf(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return int(ws.Signal())
	}
	return 0
}
