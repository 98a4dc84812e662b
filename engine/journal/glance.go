package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Glance is what the first and the last line of a journal say: enough for a list
// that has to be there at once.
type Glance struct {
	Runbook string
	Mode    string
	Began   time.Time
	Status  string // as State.Status says it
}

// glanced bounds how much of either end of a journal is looked at.
const glanced = 256 << 10

// Glance reads both ends of a run's journal, and no more of it.
func (s *Store) Glance(id string) (Glance, error) {
	f, err := os.Open(filepath.Join(s.Path(id), FileName))
	if err != nil {
		return Glance{}, err
	}
	defer f.Close()
	first, err := firstEvent(f)
	if err != nil {
		return Glance{}, err
	}
	var started RunStartedData
	if err := json.Unmarshal(first.Data, &started); err != nil {
		return Glance{}, err
	}
	last, err := decisive(f)
	if err != nil {
		return Glance{}, err
	}
	state := NewState()
	if last.Type == RunPaused || last.Type == RunFinished { // another last line says that it goes on, or broke off
		state.Apply(last)
	}
	return Glance{Runbook: started.Runbook.Name, Mode: started.Mode, Began: first.Time, Status: state.Status(s.Busy(id))}, nil
}

func firstEvent(f io.Reader) (Event, error) {
	var e Event
	line, err := bufio.NewReader(io.LimitReader(f, glanced)).ReadBytes('\n')
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(line, &e)
}

// decisive is the last event, or the end of the run where that stands before it:
// messages may have been sent since, and what was owed undone. A crash can leave a torn line at the very end.
func decisive(f *os.File) (Event, error) {
	st, err := f.Stat()
	if err != nil {
		return Event{}, err
	}
	from := max(0, st.Size()-glanced)
	data, err := io.ReadAll(io.NewSectionReader(f, from, st.Size()-from))
	if err != nil {
		return Event{}, err
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	last, data, err := lastLine(data, from)
	for e := last; err == nil; {
		if e.Type == RunFinished {
			return e, nil
		}
		if e.Type == RunStarted {
			break
		}
		if e, data, err = lastLine(data, from); err != nil {
			return last, nil // as far as was looked, the run goes on
		}
	}
	return last, err
}

// lastLine reads the last of whole lines, and gives those before it. From is
// where they begin in the file.
func lastLine(data []byte, from int64) (Event, []byte, error) {
	var e Event
	if len(data) == 0 {
		return e, nil, errors.New("the journal's last line is too long to glance at")
	}
	begin := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	if begin == 0 && from > 0 {
		return e, nil, errors.New("the journal's last line is too long to glance at")
	}
	err := json.Unmarshal(data[begin:], &e)
	return e, data[:begin], err
}
