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
	last, err := lastEvent(f)
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

// lastEvent is the last line that is whole: a crash can leave a torn one behind
// it.
func lastEvent(f *os.File) (Event, error) {
	var e Event
	st, err := f.Stat()
	if err != nil {
		return e, err
	}
	from := max(0, st.Size()-glanced)
	data, err := io.ReadAll(io.NewSectionReader(f, from, st.Size()-from))
	if err != nil {
		return e, err
	}
	end := bytes.LastIndexByte(data, '\n')
	if end < 0 {
		return e, errors.New("the journal's last line is too long to glance at")
	}
	begin := bytes.LastIndexByte(data[:end], '\n') + 1
	if begin == 0 && from > 0 {
		return e, errors.New("the journal's last line is too long to glance at")
	}
	return e, json.Unmarshal(data[begin:end], &e)
}
