package secret

import "strings"

// words are those of the journal itself that are as long as a secret: its fields, its
// types of events and what it says of steps and runs. A secret of such a value would
// take the journal apart. A test of the journal's schema holds the list.
var words = strings.Fields(`
approval.answered approval.requested attached attempt.finished attempt.started attempts
branch.rehearsed canceled cancelled changes.accepted check_after completed could_not decision.made
declined description duration escalated escalation established evidence fact.set failed_items
identified identity in_doubt incident instructions investigating item.started message.rendered
message.sent message.unsent mitigated monitoring no_action not_held not_read observed parallel
password permissions procedure procedure.started process.started protocol required resolved
run.finished run.paused run.rehearsed run.resumed run.started runbook.finished runbook.started
scenario secret.replaced step.finished step.rehearsed step.started terminal truncated uncertain
undefined undo.finished undo.owed undo.settled variable wait.finished wait.started
`)
