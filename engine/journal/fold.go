package journal

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// State is what a journal says of a run, folded from its events. Every reader
// starts from it.
type State struct {
	Run     string
	Started RunStartedData
	// Runbook and Files are what the run is made of now: what it began with, or what
	// was accepted since.
	Runbook  Runbook
	Files    []File
	Policy   *Policy // the one that it went under last; nil is none
	Began    time.Time
	Last     time.Time
	Ended    time.Time // when it was over; messages may have been sent since
	Finished *RunFinishedData
	// Cancelled says that somebody went on with the run to end it: however long that
	// takes, its steps are over.
	Cancelled bool
	Paused    []string // keys of the questions that are open; nil unless paused
	Facts     map[string]any
	Steps     []*Step // in the order in which they began
	Undo      []Owed
	// Escalation is what the procedures that were gone into say about whom to
	// turn to where they do not help.
	Escalation []string
	// Moments are what is worth telling of the run, in the order in which it
	// happened.
	Moments []Moment

	byKey  map[string]*Step
	once   map[string]*Step // by the key without rounds: that of the last one
	others []Another
	data   any // what the event that is taken was written from, where that is at hand
}

// Moment is something that happened. Data is what its event carries, as the type
// that the event's Type names (a FactSetData for fact.set).
type Moment struct {
	At   time.Time
	Type Type
	ID   string // the step's id, empty for the run itself
	Key  string // the event's key
	Step *Step  // nil where the event belongs to no step that is known
	Data any
}

// Step is one step of a run. A step that a group repeats has one State per key.
type Step struct {
	ID, Key   string
	Depth     int
	Info      StepStartedData
	Began     time.Time
	Ended     time.Time
	Done      *StepFinishedData
	Decision  *DecisionMadeData
	Message   *MessageRenderedData
	Sent      []MessageSentData   // the channels that took the message
	Unsent    []MessageUnsentData // those that did not, each with the latest reason
	Questions []Question
	Attempts  int
	Waiting   *WaitStartedData
	Since     time.Time // when Waiting began
	Polls     int       // how many waits for the next poll there were
	Trouble   *Error    // what kept the latest attempt from its end
}

// Question is something a person was asked, with the answer.
type Question struct {
	Key      string
	At       time.Time
	Asked    ApprovalRequestedData
	Answered *ApprovalAnsweredData
	When     time.Time
}

// Owed is an undo that is not settled.
type Owed struct {
	Key    string
	Failed bool // it was made, and failed
	UndoData
}

// Owed are the undos that are still to be made, the last first: what is only
// undone when a run fails stays, once it has not.
func (s *State) Owed() []Owed {
	out := slices.Clone(s.Undo)
	slices.Reverse(out)
	if s.Finished == nil || s.Finished.Outcome == "failed" || s.Finished.Outcome == "cancelled" {
		return out
	}
	return slices.DeleteFunc(out, func(u Owed) bool { return u.When != "always" && !u.Failed })
}

// Fold reads a journal.
func Fold(events []Event) *State {
	s := NewState()
	for _, e := range events {
		s.Apply(e)
	}
	return s
}

// NewState is the state before the first event.
func NewState() *State {
	return &State{Facts: map[string]any{}, byKey: map[string]*Step{}, once: map[string]*Step{}}
}

// Step finds a step by its key, or nil. A key without rounds is that of the latest:
// what is owed once, as an undo is, speaks of it.
func (s *State) Step(key string) *Step {
	if st := s.byKey[key]; st != nil {
		return st
	}
	return s.once[key]
}

// take takes an event that has just been written, as it is, from data.
func (s *State) take(e Event, data any) {
	s.data = data
	s.Apply(e)
	s.data = nil
}

// Apply takes one event. Events of a type that is not known are passed over.
func (s *State) Apply(e Event) {
	s.Run = e.Run
	if e.Time.After(s.Last) { // a clock may be set back
		s.Last = e.Time
	}
	switch e.Type {
	case RunStarted:
		s.Started = tell[RunStartedData](s, e, nil)
		s.Began, s.Policy, s.Runbook, s.Files = e.Time, s.Started.Policy, s.Started.Runbook, s.Started.Files
		for k, v := range s.Started.Facts {
			s.Facts[k] = v
		}
	case RunPaused:
		s.Paused = tell[RunPausedData](s, e, nil).Waiting
	case RunResumed:
		d := tell[RunResumedData](s, e, nil)
		if d.Policy != nil {
			s.Policy = d.Policy
		}
		s.Paused, s.Cancelled = nil, s.Cancelled || d.For == Cancelling
	case ChangesAccepted:
		d := tell[ChangesAcceptedData](s, e, nil)
		s.Runbook, s.Files = d.Runbook, d.Files
	case RunFinished:
		d := tell[RunFinishedData](s, e, nil)
		s.Finished, s.Paused, s.Ended = &d, nil, e.Time
	case FactSet:
		d := tell[FactSetData](s, e, s.owner(e))
		if !s.inAnother(e.Key) {
			s.Facts[d.Name] = d.Value
		}
	case RunbookStarted:
		s.others = append(s.others, Another{e.Key, tell[RunbookStartedData](s, e, s.owner(e))})
	case RunbookFinished:
		tell[RunbookFinishedData](s, e, s.owner(e))
	case SecretReplaced:
		tell[SecretReplacedData](s, e, s.owner(e))
	case UndoOwed:
		s.Undo = append(s.Undo, Owed{Key: e.Key, UndoData: tell[UndoData](s, e, s.owner(e))})
	case UndoSettled:
		s.settle(StepKey(e.Key), tell[UndoData](s, e, s.owner(e)).How == "failed")
	case UndoFinished:
		tell[UndoFinishedData](s, e, nil)
	case ItemStarted:
		tell[ItemStartedData](s, e, s.owner(e))
	case ProcedureStarted:
		s.procedure(tell[ProcedureStartedData](s, e, s.owner(e)))
	default:
		s.applyStep(e)
	}
}

// inAnother reports whether a key stands in another runbook, whose facts are its
// own.
func (s *State) inAnother(key string) bool {
	return slices.ContainsFunc(s.others, func(o Another) bool { return strings.HasPrefix(key, o.Key+"/") })
}

// Name is a step's id behind those of the steps that run its runbook: RUN/STEP.
func (s *State) Name(st *Step) string {
	name, within := "", ""
	for _, m := range s.Moments {
		if m.Type == RunbookStarted && len(m.Key) > len(within) && strings.HasPrefix(st.Key, m.Key+"/") {
			name, within = name+m.ID+"/", m.Key
		}
	}
	return name + st.ID
}

// tell reads an event that is worth telling, and keeps it as a moment.
func tell[T any](s *State, e Event, st *Step) T {
	d := said[T](s, e)
	s.Moments = append(s.Moments, Moment{At: e.Time, Type: e.Type, ID: e.Step, Key: e.Key, Step: st, Data: d})
	return d
}

func (s *State) procedure(d ProcedureStartedData) {
	if d.Escalation != "" && !slices.Contains(s.Escalation, d.Escalation) {
		s.Escalation = append(s.Escalation, d.Escalation)
	}
}

// settle strikes out what was owed; what failed stays.
func (s *State) settle(key string, failed bool) {
	i := slices.IndexFunc(s.Undo, func(u Owed) bool { return u.Key == key })
	switch {
	case i < 0:
	case failed:
		s.Undo[i].Failed = true
	default:
		s.Undo = append(s.Undo[:i:i], s.Undo[i+1:]...)
	}
}

// owner is the step that an event speaks of: that of its key, and the way from
// there up to a step that began (`store>undo` is store's).
func (s *State) owner(e Event) *Step {
	for key := StepKey(e.Key); key != ""; key = StepKey(outer(key)) {
		if st := s.Step(key); st != nil {
			return st
		}
	}
	return nil
}

// applyStep takes an event that belongs to a step.
func (s *State) applyStep(e Event) {
	switch e.Type {
	case StepStarted:
		st := s.begin(e)
		st.Info = said[StepStartedData](s, e)
		return
	case StepFinished:
		st := s.begin(e)
		d := tell[StepFinishedData](s, e, st)
		st.Done, st.Ended, st.Waiting = &d, e.Time, nil
		if st.Info.Role == "" {
			st.Info.Role = d.Role
		}
		return
	}
	if st := s.owner(e); st != nil {
		s.during(st, e)
	}
}

// begin is the step of a key, which begins with its first event.
func (s *State) begin(e Event) *Step {
	st := s.byKey[e.Key]
	if st == nil {
		st = &Step{ID: e.Step, Key: e.Key, Depth: strings.Count(e.Key, "/"), Began: e.Time}
		s.byKey[e.Key], s.once[Once(e.Key)] = st, st
		s.Steps = append(s.Steps, st)
	}
	return st
}

// during takes what happens while a step is under way.
func (s *State) during(st *Step, e Event) {
	switch e.Type {
	case AttemptStarted:
		st.Attempts++
		st.Waiting = nil
	case AttemptFinished:
		st.Trouble = nil
		if bytes.Contains(e.Data, []byte(`"error":`)) {
			d, _ := Decode[struct{ Error *Error }](e) // not its fields, which are many
			st.Trouble = d.Error
		}
	case WaitStarted:
		d := said[WaitStartedData](s, e)
		st.Waiting, st.Since = &d, e.Time
		if d.For == "poll" {
			st.Polls++
		}
	case WaitFinished:
		st.Waiting = nil
	case DecisionMade:
		d := tell[DecisionMadeData](s, e, st)
		st.Decision = &d
	case MessageRendered:
		d := tell[MessageRenderedData](s, e, st)
		st.Message = &d
	case MessageSent, MessageUnsent:
		s.delivered(st, e)
	case ApprovalRequested:
		d := tell[ApprovalRequestedData](s, e, st)
		st.ask(Question{Key: e.Key, At: e.Time, Asked: d})
	case ApprovalAnswered:
		st.answer(e.Key, tell[ApprovalAnsweredData](s, e, st), e.Time)
	}
}

// ask takes a question. One that is put anew, because it is about something else
// by now, takes the place of the one that is open.
func (st *Step) ask(q Question) {
	if q.Asked.Again {
		for i := range st.Questions {
			if was := &st.Questions[i]; was.Key == q.Key && was.Answered == nil {
				*was = q
				return
			}
		}
	}
	st.Questions = append(st.Questions, q)
}

// answer answers the question of its key that is open.
func (st *Step) answer(key string, d ApprovalAnsweredData, at time.Time) {
	for i := len(st.Questions) - 1; i >= 0; i-- {
		q := &st.Questions[i]
		if q.Answered == nil && q.Key == key {
			q.Answered, q.When = &d, at
			return
		}
	}
}

// Open is the question that the step waits for, or nil.
func (st *Step) Open() *Question {
	for i := range st.Questions {
		if st.Questions[i].Answered == nil {
			return &st.Questions[i]
		}
	}
	return nil
}

// Status says in a word how a run stands: its outcome, paused, running, or
// interrupted where no process is at work on it.
func (s *State) Status(busy bool) string {
	switch {
	case s.Finished != nil:
		return s.Finished.Outcome
	case busy:
		return "running"
	case s.Paused != nil:
		return "paused"
	}
	return "interrupted"
}
