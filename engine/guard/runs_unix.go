//go:build unix && !linux

package guard

import "syscall"

// groupRuns asks whether the group takes a signal. When its processes began this
// system does not tell in a way that all have in common, so a group that was given
// the same number since counts as running: nothing is repeated on a guess.
func groupRuns(p Process) bool {
	err := syscall.Kill(-p.Group, 0)
	return err == nil || err == syscall.EPERM
}
