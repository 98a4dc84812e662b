// Package permit decides whether a command or a host is permitted. It is pure:
// the plan asks it before a run, the guard asks it during one.
package permit

// Set is what a runbook may do. Nothing is permitted that is not listed.
type Set struct {
	Observe []string // commands that checks and actions may run
	Act     []string // commands that only actions may run
	Hosts   []string // host, *.suffix, optionally with :port
	Env     []string // dangerous environment variables that scripts may set
	Read    []string // files and folders the shell may open for reading
	Write   []string // files and folders the shell may open for writing
}
