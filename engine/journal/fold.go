package journal

import (
	"strings"
	"time"
)

// State is what a journal says of a run, folded from its events. Every reader
// starts from it.
type State struct {
	Run      string
	Started  RunStartedData
	Began    time.Time
	Last     time.Time
	Finished *RunFinishedData
	Paused   []string // keys of the questions that are open; nil unless paused
	Facts    map[string]any
	Steps    []*Step // in the order in which they began
	Undo     []Owed
	// Escalation is what the procedures that were gone into say about whom to
	// turn to where they do not help.
	Escalation []string

	byKey map[string]*Step
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
	Questions []Question
	Attempts  int
	Waiting   *WaitStartedData
}

// Question is something a person was asked, with the answer.
type Question struct {
	At       time.Time
	Asked    ApprovalRequestedData
	Answered *ApprovalAnsweredData
	When     time.Time
}

// Owed is an undo that is not settled.
type Owed struct {
	Key string
	UndoData
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
func NewState() *State { return &State{Facts: map[string]any{}, byKey: map[string]*Step{}} }

// Step finds a step by its key, or nil.
func (s *State) Step(key string) *Step { return s.byKey[key] }

// Apply takes one event. Events of a type that is not known are passed over.
func (s *State) Apply(e Event) {
	s.Run, s.Last = e.Run, e.Time
	switch e.Type {
	case RunStarted:
		s.Started, _ = Decode[RunStartedData](e)
		s.Began = e.Time
		for k, v := range s.Started.Facts {
			s.Facts[k] = v
		}
	case RunPaused:
		d, _ := Decode[RunPausedData](e)
		s.Paused = d.Waiting
	case RunResumed:
		s.Paused = nil
	case RunFinished:
		d, _ := Decode[RunFinishedData](e)
		s.Finished, s.Paused = &d, nil
	case FactSet:
		d, _ := Decode[FactSetData](e)
		s.Facts[d.Name] = d.Value
	case UndoOwed:
		d, _ := Decode[UndoData](e)
		s.Undo = append(s.Undo, Owed{e.Key, d})
	case UndoSettled:
		if d, _ := Decode[UndoData](e); d.How != "failed" {
			s.settle(e.Key)
		}
	case ProcedureStarted:
		d, _ := Decode[ProcedureStartedData](e)
		if d.Escalation != "" {
			s.Escalation = append(s.Escalation, d.Escalation)
		}
	default:
		s.applyStep(e)
	}
}

func (s *State) settle(key string) {
	for i, u := range s.Undo {
		if u.Key == key {
			s.Undo = append(s.Undo[:i:i], s.Undo[i+1:]...)
			return
		}
	}
}

// applyStep takes an event that belongs to a step.
func (s *State) applyStep(e Event) {
	key, _, _ := strings.Cut(e.Key, "#")
	if e.Type == StepStarted {
		key = e.Key
	}
	st := s.byKey[key]
	if st == nil {
		if e.Type != StepStarted && e.Type != StepFinished {
			return
		}
		st = &Step{ID: e.Step, Key: key, Depth: strings.Count(key, "/"), Began: e.Time}
		s.byKey[key] = st
		s.Steps = append(s.Steps, st)
	}
	switch e.Type {
	case StepStarted:
		st.Info, _ = Decode[StepStartedData](e)
	case StepFinished:
		d, _ := Decode[StepFinishedData](e)
		st.Done, st.Ended, st.Waiting = &d, e.Time, nil
		if st.Info.Role == "" {
			st.Info.Role = d.Role
		}
	case AttemptStarted:
		st.Attempts++
	case WaitStarted:
		d, _ := Decode[WaitStartedData](e)
		st.Waiting = &d
	case WaitFinished:
		st.Waiting = nil
	case DecisionMade:
		d, _ := Decode[DecisionMadeData](e)
		st.Decision = &d
	case MessageRendered:
		d, _ := Decode[MessageRenderedData](e)
		st.Message = &d
	case ApprovalRequested:
		d, _ := Decode[ApprovalRequestedData](e)
		st.Questions = append(st.Questions, Question{At: e.Time, Asked: d})
	case ApprovalAnswered:
		st.answer(e)
	}
}

func (st *Step) answer(e Event) {
	d, _ := Decode[ApprovalAnsweredData](e)
	if n := len(st.Questions); n > 0 {
		st.Questions[n-1].Answered, st.Questions[n-1].When = &d, e.Time
	}
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
