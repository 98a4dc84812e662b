// Package plan resolves, types and proves a document into an immutable Plan:
// everything that can be known before the run is known here, and whatever is
// wrong is a diagnostic. The interpreter walks the Plan and nothing else.
package plan

import (
	"time"

	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/permit"
	"runbook/engine/source"
	"runbook/engine/types"
)

// Role is what a step is.
type Role string

// The roles of steps.
const (
	Check    Role = "check"
	Action   Role = "action"
	Decide   Role = "decide"
	Manual   Role = "manual"
	Message  Role = "message"
	Group    Role = "group"
	Parallel Role = "parallel"
	Each     Role = "each"
	Run      Role = "run"
	End      Role = "end"
)

// Plan is one runbook, sound. It is immutable and may be walked by many runs at
// once.
type Plan struct {
	File        *source.File
	Digest      string // hex SHA-256 of the file's bytes
	APIVersion  string
	Name        string
	Title       string
	Description string
	Version     string
	Triggers    []string
	Tags        []string
	Links       []Link
	Permissions Permissions
	Requires    []Requirement
	Inputs      []*Input
	Secrets     []*Secret
	Channels    []*Channel
	Facts       []*Fact
	Attachments []*Attachment
	Steps       []*Step
	Outputs     []Output // what the run gives
	Procedures  []*Procedure
	Finally     []*Step

	Beside []Beside // the other files that it is made of
	// Policy is the organisation's that it was held against, and runs under; nil is
	// none.
	Policy *permit.Policy

	unsound bool // while the file that runs it is compiled: there are errors in it

	all []*Plan // see Plans
}

// Beside is a file beside the runbook's. Digest is the hex SHA-256 of its bytes.
type Beside struct {
	File   *source.File
	Digest string
}

// Permissions are the file's, with hosts still to be rendered over the inputs.
type Permissions struct {
	Static permit.Set       // all but hosts that are templates
	Hosts  []*lang.Template // hosts that are templates; empty permits nothing
}

// Requirement is a command that must be there before the first step.
type Requirement struct {
	Command string
	If      *lang.Expr // over inputs; nil is always
	Span    source.Span
}

// Needed reports whether it must be there in a run with these inputs.
func (q Requirement) Needed(inputs map[string]any) (bool, error) {
	if q.If == nil {
		return true, nil
	}
	needed, _, err := q.If.Bool(lang.Env{"inputs": inputs})
	return needed, err
}

// Link is a place to look.
type Link struct {
	Title string
	URL   *lang.Template
}

// Input is a declared input.
type Input struct {
	types.Decl
	Span source.Span
}

// Secret is a declared secret with its source: exactly one of Env, File and
// Command.
type Secret struct {
	Name        string
	Key         string // what the run knows it by: FILE:NAME where another file declares it
	Env         string
	File        string
	Command     []string
	Optional    bool
	Description string
	Span        source.Span
}

// Channel is somewhere a message can go. Kind is slack, statuspage or webhook;
// Options are its settings. Host is where it leads to, as far as that is known
// before its secrets are, or "".
type Channel struct {
	Name    string
	Kind    string
	Options *Tree
	Host    string
	Span    source.Span
}

// Fact is something that the run finds out.
type Fact struct {
	types.Decl
	Span source.Span
}

// Procedure is a named list of steps with inputs and outputs of its own.
type Procedure struct {
	Name       string
	Title      *lang.Template
	Inputs     []*Input
	Outputs    []Output
	Facts      []Setting
	Escalation *lang.Template
	Steps      []*Step
	Span       source.Span
}

// Step is one step of any role. What a role does not have is zero.
type Step struct {
	ID    string
	Role  Role
	Title *lang.Template // nil: none
	Links []Link
	Span  source.Span // the value of the role key

	If       *lang.Expr
	Delay    time.Duration
	Timeout  time.Duration // per attempt; a budget on groups; 0 is none
	Retry    *Retry
	Poll     *Poll
	Expect   []*lang.Expr // the kind's default included where it applies
	Outputs  []Output
	Evidence []string // names of outputs or native results
	Facts    []Setting
	Failure  Failure

	// check, action
	Kind       *kind.Kind
	Options    *Tree
	Required   bool
	Idempotent bool
	Confirm    *Confirm // also on groups
	Verify     *Step
	CheckAfter *Step // decides whether it took effect where it is in doubt
	Undo       *Undo

	// decide
	Branches []*Branch
	Ask      *lang.Template // nil: the first branch that holds

	// manual
	Instructions *lang.Template
	Collect      []*Collect
	Attach       []*Attachment

	// message
	To     []string
	Text   *lang.Template
	Status string // of the incident on a status page; "" leaves it as it is

	// group, parallel, each
	Steps []*Step
	Max   int // 0 is all at once; of an each at least 1

	// each, whose Outputs are of one item
	In          *lang.Expr
	As          string // the item's name
	MaxFailures int

	// run, or the procedure of a branch
	Call *Call
	Sub  *Sub // of a run of another runbook

	// end
	Outcome string
	Summary *lang.Template
}

// Retry repeats an attempt that erred. Attempts counts the first. On is nil
// for every error.
type Retry struct {
	Attempts int
	Delay    time.Duration
	Backoff  float64
	MaxDelay time.Duration
	On       *lang.Expr
}

// Poll repeats a step until its expectations hold, or While does not any more.
type Poll struct {
	Every time.Duration
	For   time.Duration
	While *lang.Expr // nil is always
}

// Output is a named value that a step or procedure gives.
type Output struct {
	Name string
	Expr *lang.Expr
	Type *types.Type
	Decl *types.Decl // what its value must fit; nil where nothing is declared
}

// Setting sets a fact, or a procedure's input.
type Setting struct {
	Name  string
	Value *Tree
	Decl  *types.Decl
	Span  source.Span
}

// FailureMode is what happens behind a step that failed.
type FailureMode int

// The modes. FailSteps runs Steps, then goes on if Continue.
const (
	FailStop FailureMode = iota
	FailContinue
	FailSteps
)

// Failure is a step's on_failure.
type Failure struct {
	Mode     FailureMode
	Steps    []*Step
	Call     *Call
	Continue bool
}

// Confirm asks a person before an action or group.
type Confirm struct {
	Ask     *lang.Template
	By      []string // who may approve; nil is everybody
	Count   int      // how many different people have to
	Timeout time.Duration
	Always  bool           // also where everything is approved beforehand
	Retype  *lang.Template // what has to be typed; nil is nothing
	Changes []Change       // the values that are replaced, for people to see
}

// Change is a value that a step replaces by another.
type Change struct {
	Name     string
	From, To *lang.Expr
}

// Undo takes an action's effect back.
type Undo struct {
	Always bool // when the run ends at all, not only when it fails or is cancelled
	Auto   bool // without asking
	Steps  []*Step
}

// Branch is one way out of a decision. When is nil for `else`. Steps and Call
// exclude each other; with neither, the branch does nothing.
type Branch struct {
	ID    string
	Title *lang.Template
	When  *lang.Expr
	Facts []Setting
	Steps []*Step
	Call  *Call
	Span  source.Span
}

// Sub runs another runbook with inputs.
type Sub struct {
	Plan   *Plan
	Inputs []Setting
	Path   string // as the file that runs it names it
	Span   source.Span
}

// Call runs a procedure with inputs.
type Call struct {
	Procedure *Procedure
	Inputs    []Setting
	Span      source.Span
}

// Collect is a value that a manual step asks for. Replaces names the declared
// secret that it is from then on.
type Collect struct {
	types.Decl
	Secret   bool
	Replaces string
	Options  *lang.Expr // what the person picks from; nil where they may give anything
	Span     source.Span
}
