package engine

// ExitCode is what a command tells its caller about how it went.
type ExitCode int

// The exit codes; they are part of the language's promise to scripts.
const (
	ExitOK        ExitCode = 0   // ran to an end
	ExitFailed    ExitCode = 1   // a step failed the run, the outcome is failed, or a resume of a run that is over left a message unsent
	ExitUsage     ExitCode = 2   // called wrongly
	ExitInvalid   ExitCode = 3   // the runbook is invalid
	ExitMissing   ExitCode = 4   // requirements, inputs or secrets are missing
	ExitPaused    ExitCode = 5   // the run waits for a person
	ExitDenied    ExitCode = 6   // a permission was denied
	ExitCancelled ExitCode = 130 // cancelled
)
