package interp

import (
	"runbook/engine/journal"
	"runbook/engine/plan"
)

// filesOf are the files that a runbook is made of besides its own.
func filesOf(p *plan.Plan) []journal.File {
	var out []journal.File
	for _, f := range p.Beside {
		out = append(out, journal.File{Path: f.File.Name, Digest: f.Digest})
	}
	return out
}
