package journal

// The ways in which it was established who somebody is.
const (
	BySystem   = "system"   // the operating system's user of the process
	ByFlag     = "flag"     // a name given with --as: a claim
	ByVariable = "variable" // a name that the environment gave: a claim
	ByScenario = "scenario" // somebody in a scenario
	ByProgram  = "program"  // the program that the engine is built into says so
)

// Identity says how it was established who somebody is, and beside it the
// operating system's user and the machine, which no flag changes.
type Identity struct {
	Established string `json:"established"`
	User        string `json:"user,omitempty"`
	Host        string `json:"host,omitempty"`
}

// Planned is a step that will be done once what is around it is approved, as far
// as that is known when it is asked. Role is action, message, manual or end.
type Planned struct {
	Step  string   `json:"step"`
	Key   string   `json:"key"`
	Role  string   `json:"role"`
	Kind  string   `json:"kind,omitempty"`
	Title string   `json:"title,omitempty"`
	When  []string `json:"when,omitempty"` // what has to hold first, from the outermost
	Shown any      `json:"shown,omitempty"`
	// Unknown are the paths that only the steps before it will know.
	Unknown []string `json:"unknown,omitempty"`
	Asks    bool     `json:"asks,omitempty"` // it is asked about by itself
}

// Change is a value that will be replaced by another.
type Change struct {
	Name string `json:"name"`
	From any    `json:"from"`
	To   any    `json:"to"`
}

// Why is one turn of the way to a question: a branch that was taken, an item of
// an each, a step that failed. Key is that of the decision, the each or the step.
type Why struct {
	Key       string `json:"key"`
	Branch    string `json:"branch,omitempty"`
	Title     string `json:"title,omitempty"`
	By        string `json:"by,omitempty"` // who chose the branch
	Uncertain bool   `json:"uncertain,omitempty"`
	Because   any    `json:"because,omitempty"` // as in DecisionMadeData
	Item      string `json:"item,omitempty"`    // the item's name
	Value     any    `json:"value,omitempty"`   // the item; a long one is cut
	Failed    string `json:"failed,omitempty"`  // why the step failed
}

// Known is what a run has found out when it asks.
type Known struct {
	Facts map[string]any `json:"facts,omitempty"`
	Steps []KnownStep    `json:"steps,omitempty"` // the last of them, in the order in which they began
}

// KnownStep is how a step came out, and its evidence.
type KnownStep struct {
	Key      string         `json:"key"`
	Title    string         `json:"title,omitempty"`
	Verdict  string         `json:"verdict"`
	Reason   string         `json:"reason,omitempty"`
	Evidence map[string]any `json:"evidence,omitempty"`
}
