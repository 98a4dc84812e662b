package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"runbook/engine/changes"
	"runbook/engine/journal"
	"runbook/engine/plan"
	"runbook/engine/source"
)

// ChangedError says that a runbook is not what a run has of it. Where nothing was
// Executed that changed, RunOptions.AcceptChanges lets the run go on with it.
type ChangedError struct {
	Run  string // the run's id
	Kept string // the run's copy of the first file that changed
	*changes.Changes
}

// Error names the file, and what was executed of it that changed.
func (e *ChangedError) Error() string {
	text := fmt.Sprintf("%s has changed since run %s began", e.Files[0].Path, e.Run)
	if len(e.Executed) > 0 {
		return text + ", also in what has begun: " + strings.Join(e.Executed, "; ")
	}
	return text + "; nothing of it that has begun is touched"
}

// KeptRunbook is the runbook of a run as the run has it, from the copies in its
// folder. Beside opens its other files.
func KeptRunbook(store *journal.Store, id string, state *journal.State) (*source.File, Beside, error) {
	data, err := os.ReadFile(store.CurrentPath(id, state))
	if err != nil {
		return nil, nil, fmt.Errorf("the runbook of run %s cannot be read: %w", id, err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != state.Runbook.Digest {
		return nil, nil, fmt.Errorf("the runbook of run %s cannot be used: the run's copy of it was changed", id)
	}
	return source.NewFile(state.Runbook.Path, data), kept(store, id, state.Files), nil
}

// Of is the runbook that a run goes on with: as it is now where it was found then, or
// the run's own copy where it is gone from there, or where the run is over or
// cancelled. Beside opens its other files.
func (p Places) Of(store *journal.Store, id string, state *journal.State) (*source.File, Beside, error) {
	own, kept, err := KeptRunbook(store, id, state)
	if err != nil || state.Finished != nil || state.Cancelled {
		return own, kept, err
	}
	now, beside, err := p.again(state.Runbook, kept)
	if err != nil || now != nil {
		return now, beside, err
	}
	return own, kept, nil
}

// Edited are the files of a run that say something else now, where they were then:
// the runbook's own first. Those that are gone are left out.
func (p Places) Edited(store *journal.Store, id string, state *journal.State) []changes.File {
	was, at := state.Runbook, p.placeOf(state.Runbook)
	var out []changes.File
	add := func(f journal.File, now candidate, kept string) {
		data, err := now.read()
		sum := sha256.Sum256(data)
		old, lost := os.ReadFile(kept)
		if is := hex.EncodeToString(sum[:]); at.path != "" && err == nil && lost == nil && is != f.Digest {
			out = append(out, changes.File{Path: f.Path, Was: f.Digest, Is: is, Diff: changes.Diff(f.Path, source.NewFile(f.Path, old), source.NewFile(f.Path, data))})
		}
	}
	add(journal.File{Path: was.Path, Digest: was.Digest}, at, store.CurrentPath(id, state))
	for _, f := range state.Files {
		rel, err := filepath.Rel(filepath.Dir(strings.TrimPrefix(was.Path, inLibrary)), strings.TrimPrefix(f.Path, inLibrary))
		if err != nil {
			continue // nobody can say where it was
		}
		if now, err := at.beside(filepath.ToSlash(rel)); err == nil {
			add(f, now, store.FilePath(id, f.Digest))
		}
	}
	return out
}

// changed says what became of the runbook since a run began: nil is nothing.
func (rb *Runbook) changed(store *journal.Store, id string, state *journal.State, past []journal.Event) (*ChangedError, error) {
	if state.Runbook.Digest == rb.Plan.Digest && rb.madeOf(state.Files) {
		return nil, nil
	}
	own, beside, err := KeptRunbook(store, id, state)
	if err != nil {
		return nil, err
	}
	was := plan.Compile(own, plan.Options{Kinds: pure(rb.kinds), Beside: beside}, func(source.Diagnostic) {})
	if was == nil {
		return nil, fmt.Errorf("what run %s began with is not sound for this version of the program: go on with %s, which it began with", id, state.Started.Engine)
	}
	c := changes.Compare(was, rb.Plan, past)
	kept := store.CurrentPath(id, state)
	if first := c.Files[0]; first.Path != rb.Plan.File.Name {
		kept = store.FilePath(id, first.Was)
	}
	return &ChangedError{id, kept, c}, nil
}

// maxDiff bounds the diff of a file in the journal.
const maxDiff = 64 << 10

// accept keeps the runbook as it is now, and records that the run goes on with it.
func (r *running) accept(w *journal.Writer, state *journal.State, c *changes.Changes) error {
	p := r.rb.Plan
	for _, f := range append([]plan.Beside{{File: p.File, Digest: p.Digest}}, p.Beside...) {
		var lost *journal.KeepError
		if err := r.opts.Store.KeepFile(state.Run, f.Digest, f.File.Data); errors.As(err, &lost) {
			return &journal.KeepError{Run: lost.Run, Begun: true, Err: lost.Err}
		} else if err != nil {
			return err
		}
	}
	d := journal.ChangesAcceptedData{By: r.opts.User, Steps: c.Steps, Parts: c.Parts, Runbook: journal.Runbook{
		Name: p.Name, Title: p.Title, Version: p.Version, Path: p.File.Name, Origin: state.Runbook.Origin, Digest: p.Digest,
	}}
	for _, f := range p.Beside {
		d.Files = append(d.Files, journal.File{Path: f.File.Name, Digest: f.Digest})
	}
	for _, f := range c.Files {
		x := journal.FileChange{Path: f.Path, Was: f.Was, Digest: f.Is, Diff: f.Diff}
		if len(x.Diff) > maxDiff {
			x.Diff, x.Cut = strings.ToValidUTF8(x.Diff[:maxDiff], "")+"…", true
		}
		d.Changed = append(d.Changed, x)
	}
	_, err := w.Append(journal.ChangesAccepted, "", "", d, true)
	return err
}
