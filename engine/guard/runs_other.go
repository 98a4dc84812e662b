//go:build !unix && !windows

package guard

// groupRuns: this system does not say.
func groupRuns(Process) bool { return false }
