package journal

// RunRehearsedData opens a rehearsal. Inputs that are not known stand as
// ‹inputs.name›; Permissions are the file's, by list.
type RunRehearsedData struct {
	Runbook     Runbook             `json:"runbook"`
	Inputs      map[string]any      `json:"inputs"`
	Permissions map[string][]string `json:"permissions"`
	Needs       []string            `json:"needs,omitempty"`
	Outputs     map[string]string   `json:"outputs,omitempty"` // their expressions
}

// StepRehearsedData says what a run would do at a step. What only a run can know
// stands as ‹steps.api.status›.
type StepRehearsedData struct {
	Role         string            `json:"role"`
	Kind         string            `json:"kind,omitempty"`
	Title        string            `json:"title,omitempty"`
	Place        Place             `json:"place"`
	If           string            `json:"if,omitempty"`
	Delay        Seconds           `json:"delay,omitempty"`
	Budget       Seconds           `json:"budget,omitempty"`
	Retry        string            `json:"retry,omitempty"`
	Poll         string            `json:"poll,omitempty"`
	Request      map[string]any    `json:"request,omitempty"`
	Expect       []string          `json:"expect,omitempty"`
	Confirm      string            `json:"confirm,omitempty"`
	Policy       []string          `json:"policy,omitempty"` // what an organisation's policy demands before it
	Instructions string            `json:"instructions,omitempty"`
	Collect      []AnswerField     `json:"collect,omitempty"`
	Attach       []string          `json:"attach,omitempty"`
	To           []string          `json:"to,omitempty"`
	Status       string            `json:"status,omitempty"`
	Text         string            `json:"text,omitempty"`
	Ask          string            `json:"ask,omitempty"`
	Outcome      string            `json:"outcome,omitempty"`
	Summary      string            `json:"summary,omitempty"`
	Procedure    string            `json:"procedure,omitempty"`
	Runbook      string            `json:"runbook,omitempty"`
	Each         string            `json:"each,omitempty"`
	Observed     *StepFinishedData `json:"observed,omitempty"` // a check that was really made
}

// BranchRehearsedData is one way out of a decision, or what runs when a step
// fails, is undone, or at the very end. Taken says that it is known to be taken.
type BranchRehearsedData struct {
	Branch string `json:"branch"`
	Title  string `json:"title,omitempty"`
	When   string `json:"when"`
	Taken  bool   `json:"taken,omitempty"`
}
