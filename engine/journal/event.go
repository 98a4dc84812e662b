// Package journal is the run's memory: an append-only file of events, hash
// chained, one JSON object a line. The screen, the report, the postmortem and a
// resume are read from it; nobody keeps a second truth.
package journal

import (
	"encoding/json"
	"math"
	"time"
)

// Type names what happened.
type Type string

// The types of events, each with the data that it carries.
const (
	RunStarted        Type = "run.started"        // RunStartedData
	RunPaused         Type = "run.paused"         // RunPausedData
	RunResumed        Type = "run.resumed"        // RunResumedData
	RunFinished       Type = "run.finished"       // RunFinishedData
	StepStarted       Type = "step.started"       // StepStartedData
	StepFinished      Type = "step.finished"      // StepFinishedData
	AttemptStarted    Type = "attempt.started"    // AttemptStartedData
	AttemptFinished   Type = "attempt.finished"   // AttemptFinishedData
	ProcessStarted    Type = "process.started"    // ProcessStartedData
	WaitStarted       Type = "wait.started"       // WaitStartedData
	WaitFinished      Type = "wait.finished"      // WaitFinishedData
	DecisionMade      Type = "decision.made"      // DecisionMadeData
	FactSet           Type = "fact.set"           // FactSetData
	SecretReplaced    Type = "secret.replaced"    // SecretReplacedData
	MessageRendered   Type = "message.rendered"   // MessageRenderedData
	MessageSent       Type = "message.sent"       // MessageSentData
	MessageUnsent     Type = "message.unsent"     // MessageUnsentData
	ApprovalRequested Type = "approval.requested" // ApprovalRequestedData
	ApprovalAnswered  Type = "approval.answered"  // ApprovalAnsweredData
	UndoOwed          Type = "undo.owed"          // UndoData
	UndoSettled       Type = "undo.settled"       // UndoData
	UndoFinished      Type = "undo.finished"      // UndoFinishedData
	ProcedureStarted  Type = "procedure.started"  // ProcedureStartedData
	RunbookStarted    Type = "runbook.started"    // RunbookStartedData
	RunbookFinished   Type = "runbook.finished"   // RunbookFinishedData
	ItemStarted       Type = "item.started"       // ItemStartedData
	ChangesAccepted   Type = "changes.accepted"   // ChangesAcceptedData

	// A rehearsal is told in events of its own; it is never kept.
	RunRehearsed    Type = "run.rehearsed"    // RunRehearsedData
	StepRehearsed   Type = "step.rehearsed"   // StepRehearsedData
	BranchRehearsed Type = "branch.rehearsed" // BranchRehearsedData
)

// Event is one line. Step is the step's id and Key the path of frames to it;
// both are empty for the run itself. Prev is the hash of the event before, and
// Hash that of this one: the hex SHA-256 of its canonical JSON without `hash`.
type Event struct {
	Seq  int64           `json:"seq"`
	Time time.Time       `json:"time"`
	Run  string          `json:"run"`
	Type Type            `json:"type"`
	Step string          `json:"step,omitempty"`
	Key  string          `json:"key,omitempty"`
	Data json.RawMessage `json:"data,omitempty"`
	Prev string          `json:"prev"`
	Hash string          `json:"hash"`
}

// Place says where in a runbook something is written; lines and columns count
// from 1.
type Place struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Seconds is a duration as the journal writes it: seconds with fractions.
type Seconds float64

// SecondsOf turns a duration into Seconds.
func SecondsOf(d time.Duration) Seconds { return Seconds(d.Seconds()) }

// Duration turns Seconds back.
func (s Seconds) Duration() time.Duration {
	return time.Duration(math.Round(float64(s) * float64(time.Second)))
}

// Runbook says which file ran. Digest is the hex SHA-256 of its bytes; Path is
// the file as it was named, Origin its absolute path where it has one.
type Runbook struct {
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	Version string `json:"version,omitempty"`
	Path    string `json:"path"`
	Origin  string `json:"origin,omitempty"`
	Digest  string `json:"digest"`
}

// RunStartedData opens a journal. Mode is run, drill (a scenario's world) or
// observe (checks only).
type RunStartedData struct {
	Runbook  Runbook        `json:"runbook"`
	Mode     string         `json:"mode"`
	Scenario string         `json:"scenario,omitempty"`
	Engine   string         `json:"engine"`
	User     string         `json:"user"`
	Host     string         `json:"host,omitempty"`
	Dir      string         `json:"dir,omitempty"` // of a real run: the folder in which it goes
	Identity *Identity      `json:"identity,omitempty"`
	Inputs   map[string]any `json:"inputs"`
	Facts    map[string]any `json:"facts"`
	Secrets  []string       `json:"secrets,omitempty"` // the declared secrets that are there, by name
	Links    []Link         `json:"links,omitempty"`
	Files    []File         `json:"files,omitempty"`
	Policy   *Policy        `json:"policy,omitempty"`
}

// Policy is an organisation's policy under which a run goes. Path is the file as it
// was named, Origin its absolute path where it has one, Digest the hex SHA-256 of
// its bytes.
type Policy struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	Origin string `json:"origin,omitempty"`
	Digest string `json:"digest"`
}

// File is another file that a runbook is made of: one that it runs, one that it
// shows. Digest is the hex SHA-256 of its bytes.
type File struct {
	Path   string `json:"path"`
	Digest string `json:"digest"`
}

// Link is a place to look, for people.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// RunPausedData says whom the run waits for: the keys of the open approvals.
type RunPausedData struct {
	Waiting []string `json:"waiting"`
}

// What somebody goes on with a run for.
const (
	Undoing    = "undo"   // it is over, and what it owes is undone
	Cancelling = "cancel" // it is ended
)

// RunResumedData says who went on, and from which event.
type RunResumedData struct {
	User     string    `json:"user"`
	Identity *Identity `json:"identity,omitempty"`
	From     int64     `json:"from"`
	For      string    `json:"for,omitempty"` // Undoing or Cancelling; "" is to bring it to its own end
	// Policy is the one under which it goes on.
	Policy *Policy `json:"policy,omitempty"`
}

// ChangesAcceptedData says that the run goes on with a runbook that was edited since
// it began, or since the changes before. By is who accepted that.
type ChangesAcceptedData struct {
	By      string       `json:"by"`
	Runbook Runbook      `json:"runbook"`
	Files   []File       `json:"files,omitempty"`
	Changed []FileChange `json:"changed"`
	Steps   []StepChange `json:"steps,omitempty"`
	Parts   []string     `json:"parts,omitempty"`
}

// FileChange is a file that says something else. Was and Digest are the hex SHA-256
// of its bytes, empty where it was, or is, no part of the runbook. Cut says that
// the diff is longer.
type FileChange struct {
	Path   string `json:"path"`
	Was    string `json:"was,omitempty"`
	Digest string `json:"digest,omitempty"`
	Diff   string `json:"diff"`
	Cut    bool   `json:"cut,omitempty"`
}

// StepChange is a step that was added, removed or changed.
type StepChange struct {
	Step string `json:"step"`
	How  string `json:"how"`
}

// RunFinishedData closes a journal. Outcome is the end's, completed without
// one, failed, or cancelled.
type RunFinishedData struct {
	Outcome  string         `json:"outcome"`
	Summary  string         `json:"summary,omitempty"`
	Error    string         `json:"error,omitempty"`
	Failed   string         `json:"failed,omitempty"` // key of the step that failed the run
	Facts    map[string]any `json:"facts"`
	Outputs  map[string]any `json:"outputs,omitempty"`
	Duration Seconds        `json:"duration"`
}

// StepStartedData says what begins. Budget is its timeout, 0 for none.
type StepStartedData struct {
	Role   string  `json:"role"`
	Kind   string  `json:"kind,omitempty"`
	Title  string  `json:"title,omitempty"`
	Budget Seconds `json:"budget,omitempty"`
	Place  Place   `json:"place"`
	Links  []Link  `json:"links,omitempty"`
}

// Error says why something could not be done; Kind is a word of the step's kind.
type Error struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

// StepFinishedData says how a step ended. Verdict is passed, failed, error or
// skipped; Reason says why in words where it is not passed.
type StepFinishedData struct {
	Role     string         `json:"role"`
	Verdict  string         `json:"verdict"`
	Duration Seconds        `json:"duration"`
	Reason   string         `json:"reason,omitempty"`
	Error    *Error         `json:"error,omitempty"`
	Results  map[string]any `json:"results,omitempty"`
	Outputs  map[string]any `json:"outputs,omitempty"`
	Evidence map[string]any `json:"evidence,omitempty"`
	Expect   []Expectation  `json:"expect,omitempty"`
	Attempts int            `json:"attempts,omitempty"`
	Earlier  []Tally        `json:"earlier,omitempty"` // of each expectation, in the attempts before the last
	Settled  string         `json:"settled,omitempty"` // it was in doubt, and counts as done: check_after, person

	// Of an each: how many items there were, and which failed, from 0.
	Items       int   `json:"items,omitempty"`
	FailedItems []int `json:"failed_items,omitempty"`
}

// Expectation is one `expect` with what it read.
type Expectation struct {
	Expr    string `json:"expr"`
	OK      bool   `json:"ok"`
	Because any    `json:"because,omitempty"`
	Error   string `json:"error,omitempty"`
}

// Tally is how often an expectation held in the attempts before the last, and how
// often it did not.
type Tally struct {
	Held    int `json:"held"`
	NotHeld int `json:"not_held"`
}

// AttemptStartedData stands before an attempt, durably where it is an action's.
// Request is what will be done, masked.
type AttemptStartedData struct {
	Role    string         `json:"role"`
	Kind    string         `json:"kind"`
	Request map[string]any `json:"request,omitempty"`
}

// AttemptFinishedData is what an attempt came back with: the memo that a resume
// stands on.
type AttemptFinishedData struct {
	Fields   map[string]any `json:"fields"`
	Error    *Error         `json:"error,omitempty"`
	Duration Seconds        `json:"duration"`
	Ended    string         `json:"ended,omitempty"` // the scope ended meanwhile: timeout, cancelled, stopped
}

// ProcessStartedData names a process of a step.
type ProcessStartedData struct {
	PID     int       `json:"pid"`
	Group   int       `json:"group"`
	Argv    []string  `json:"argv"`
	Started time.Time `json:"started"`
}

// ProcedureStartedData says which procedure a step or a branch went into, and
// whom to turn to where it does not help.
type ProcedureStartedData struct {
	Name       string `json:"name"`
	Title      string `json:"title,omitempty"`
	Escalation string `json:"escalation,omitempty"`
	Place      Place  `json:"place"`
}

// RunbookStartedData says which other runbook a step runs.
type RunbookStartedData struct {
	Runbook Runbook        `json:"runbook"`
	Inputs  map[string]any `json:"inputs"`
	Facts   map[string]any `json:"facts"`
	Links   []Link         `json:"links,omitempty"`
}

// RunbookFinishedData says how another runbook ended. Outcome is as in
// RunFinishedData.
type RunbookFinishedData struct {
	Outcome string         `json:"outcome"`
	Summary string         `json:"summary,omitempty"`
	Error   string         `json:"error,omitempty"`
	Failed  string         `json:"failed,omitempty"` // key of the step that failed it
	Facts   map[string]any `json:"facts"`
	Outputs map[string]any `json:"outputs,omitempty"`
}

// ItemStartedData says which item of an `each` begins. A long value is cut.
type ItemStartedData struct {
	Name  string `json:"name"`
	Index int    `json:"index"` // from 0
	Value any    `json:"value"`
}

// WaitStartedData says how long the run waits and what for: delay, retry or poll.
type WaitStartedData struct {
	For    string  `json:"for"`
	Length Seconds `json:"length"`
}

// WaitFinishedData ends a wait. Ended says that the scope ended meanwhile:
// timeout, cancelled, stopped. The wait for a person has one only then; For is
// `person`, and the question stays without an answer. For is `turn` where something
// did not come to begin, and never will.
type WaitFinishedData struct {
	For   string `json:"for"`
	Ended string `json:"ended,omitempty"`
}

// DecisionMadeData says which branch was taken and why. Branch is empty where
// none fitted. Because lists the operands that were read, in order.
type DecisionMadeData struct {
	Branch    string   `json:"branch"`
	Title     string   `json:"title,omitempty"`
	Because   any      `json:"because"`
	Uncertain bool     `json:"uncertain,omitempty"`
	Choices   []string `json:"choices,omitempty"` // with `ask`: those that fitted
	By        string   `json:"by,omitempty"`      // with `ask`: who chose
	Place     Place    `json:"place"`
}

// FactSetData is a fact's new value, and the one before.
type FactSetData struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
	Was   any    `json:"was"`
}

// SecretReplacedData says that a declared secret is a collected one from here on.
type SecretReplacedData struct {
	Name string `json:"name"`
	By   string `json:"by"`
}

// MessageRenderedData is a message's text, and the channels it is for.
type MessageRenderedData struct {
	Title string   `json:"title,omitempty"`
	To    []string `json:"to,omitempty"`
	Text  string   `json:"text"`
	// Status is what the incident on a status page becomes.
	Status string `json:"status,omitempty"`
}

// MessageSentData says that a channel took a message. Kind is that of the
// channel; Incident is the one on a status page that it belongs to.
type MessageSentData struct {
	Channel  string `json:"channel"`
	Kind     string `json:"kind"`
	Attempts int    `json:"attempts,omitempty"`
	Incident string `json:"incident,omitempty"`
}

// MessageUnsentData says that a message did not reach a channel, and why. It
// stays in the run's outbox.
type MessageUnsentData struct {
	Channel  string `json:"channel"`
	Kind     string `json:"kind"`
	Attempts int    `json:"attempts,omitempty"`
	Error    Error  `json:"error"`
}

// ApprovalRequestedData is a question to a person. Kind is manual, confirm, ask,
// in_doubt or undo.
type ApprovalRequestedData struct {
	Kind    string        `json:"kind"`
	Name    string        `json:"name,omitempty"` // by which it is answered: STEP, ID/STEP, STEP>undo
	Title   string        `json:"title,omitempty"`
	Text    string        `json:"text,omitempty"`
	Shown   any           `json:"shown,omitempty"`   // what will be done, masked
	Steps   []Planned     `json:"steps,omitempty"`   // of a group or an undo: what will be done in it
	More    int           `json:"more,omitempty"`    // how many others there are besides Steps
	Changes []Change      `json:"changes,omitempty"` // the values that it replaces
	Why     []Why         `json:"why,omitempty"`     // the way here, from the outermost
	Known   *Known        `json:"known,omitempty"`
	Again   bool          `json:"again,omitempty"` // it takes the place of the request before, which was about something else
	Choices []Choice      `json:"choices,omitempty"`
	Fields  []AnswerField `json:"fields,omitempty"`
	Always  bool          `json:"always,omitempty"`
	By      []string      `json:"by,omitempty"`      // who may approve
	Count   int           `json:"count,omitempty"`   // how many have to, where more than one
	Given   []string      `json:"given,omitempty"`   // who has
	Timeout Seconds       `json:"timeout,omitempty"` // how long they have
	Retype  string        `json:"retype,omitempty"`  // what has to be typed to approve
	Policy  []string      `json:"policy,omitempty"`  // the entries of an organisation's policy that demand it, and why
	Own     bool          `json:"own,omitempty"`     // with policy: the step's own confirm wants it too
	// Attached are the attachments of a manual step.
	Attached []Attachment `json:"attached,omitempty"`
}

// Attachment is a text that a person was shown. Cut says that it is longer.
type Attachment struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
	File  string `json:"file,omitempty"`
	Text  string `json:"text"`
	Cut   bool   `json:"cut,omitempty"`
}

// Choice is one answer that may be given.
type Choice struct {
	ID    string `json:"id"`
	Title string `json:"title,omitempty"`
}

// AnswerField is a value that a person is asked for.
type AnswerField struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
	Secret      bool   `json:"secret,omitempty"`
	Required    bool   `json:"required,omitempty"`
	Options     []any  `json:"options,omitempty"` // what it is picked from; a long one is cut
}

// ApprovalAnsweredData is what a person said. Values hold no secret: a secret
// one stands as {"$masked": name}.
type ApprovalAnsweredData struct {
	Kind   string `json:"kind"`
	Choice string `json:"choice"` // approve, refuse, done, could_not, a branch's id
	By     string `json:"by"`
	How    string `json:"how,omitempty"` // terminal, --yes, --answer, scenario
	// Identity says how it is known who that is; nil where nobody answered.
	Identity *Identity `json:"identity,omitempty"`
	// Saw says that the question could be seen before it was answered: it was not
	// answered beforehand.
	Saw    bool           `json:"saw,omitempty"`
	Values map[string]any `json:"values,omitempty"`
	Note   string         `json:"note,omitempty"`
}

// UndoFinishedData says that what a run that is over still owed has been offered.
type UndoFinishedData struct {
	Owed int `json:"owed"` // how many undos it owes now
}

// UndoData is an undo that is owed, or how it was settled: done, declined or
// failed; one that failed stays owed.
type UndoData struct {
	Title  string `json:"title,omitempty"`
	When   string `json:"when,omitempty"`
	Action string `json:"action"` // key of the action that owes it
	How    string `json:"how,omitempty"`
	Auto   bool   `json:"auto,omitempty"` // it is done without asking
}
