package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"runbook/engine/journal"
	"runbook/engine/record"
	"runbook/engine/scenario"
	"runbook/engine/source"
)

// Recording is a run's exchanges as a scenario, ready to be written.
type Recording struct {
	Scenario *scenario.Scenario
	File     *source.File // the whole file, with what stood there before
	Added    bool         // to a file that was there
	Cut      []string     // the keys of steps whose replies did not fit in whole
}

// RecordOptions say what a recording is called and where it goes. Name and Title
// may be empty: the run's id, and when it was.
type RecordOptions struct {
	Path        string // the file; one that is there gets one scenario more
	Name, Title string
	Runbook     string // the runbook's file, as the scenario file names it
}

// Record turns a run's journal into a scenario, masked as the journal is. Nothing
// is written.
func (rb *Runbook) Record(events []journal.Event, o RecordOptions) (*Recording, error) {
	if len(events) > 0 && o.Name == "" {
		o.Name = events[0].Run
	}
	out, opts := &Recording{}, record.Options{Name: o.Name, Title: o.Title, Runbook: o.Runbook}
	was, err := os.ReadFile(o.Path)
	var data []byte
	switch {
	case o.Path == "" || errors.Is(err, fs.ErrNotExist):
		data, out.Cut, err = record.File(events, opts)
	case err == nil:
		out.Added = true
		data, out.Cut, err = record.Into(source.NewFile(o.Path, was), events, opts)
	}
	if err != nil {
		return nil, err
	}
	out.File = source.NewFile(o.Path, data)
	file, found := rb.Scenarios(out.File)
	if file == nil {
		return nil, fmt.Errorf("the recording does not hold: line %d: %s", found[0].Span.Position().Line, found[0].Summary)
	}
	out.Scenario = file.Find(o.Name)
	return out, nil
}

// Write puts a recording where it goes. A file that was there is replaced whole or
// not at all.
func (r *Recording) Write() error {
	path := r.File.Name
	mode := os.FileMode(0o600) // what a real run saw is nobody else's business
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".record-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it has another name by then
	_, err = f.Write(r.File.Data)
	for _, then := range []func() error{func() error { return f.Chmod(mode) }, f.Sync, f.Close} {
		if e := then(); err == nil {
			err = e
		}
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
