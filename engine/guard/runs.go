package guard

import "time"

// slack is how far the start of a process may lie from what was written down of
// it: the clock of the system counts in ticks, and it was written down a moment
// later.
const slack = 2 * time.Second

// Runs reports whether a process that an earlier run started, or one that it
// started in its group, has not ended. Another process that was given its number
// since is told apart by its start, where the system tells that.
func Runs(p Process) bool {
	if p.Group <= 1 {
		return false
	}
	return groupRuns(p)
}

// same reports whether a process that began at that time can be the one that was
// written down: one that was given its number since began later.
func same(p Process, began time.Time) bool { return began.Before(p.Started.Add(slack)) }
