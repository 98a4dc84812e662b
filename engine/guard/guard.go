// Package guard is where effects leave: the only place that starts processes,
// dials, owns an HTTP transport, or opens a script's files. What a runbook is
// not permitted to do, it cannot do, because it has no other way out.
package guard

import (
	"time"

	"runbook/engine/permit"
)

// Guard holds one runbook's permissions and the world's doors. It is safe for
// use by many goroutines.
type Guard struct {
	Permissions permit.Set
	doors       Doors
}

// Process is a process that was started for a step.
type Process struct {
	PID     int       `json:"pid"`
	Group   int       `json:"group"`
	Argv    []string  `json:"argv"`
	Started time.Time `json:"started"`
}

// Script is a prepared script: shell text in which every hole stands as a
// quoted parameter ${__rbN}, and the values of the holes in order. A value is a
// string, or a []string for a list, which stands as "${__rbN[@]}".
type Script struct {
	Text   string
	Values []any
}

// Doors are the ways out to the world, which tests, drills and simulations
// replace.
type Doors struct{}
