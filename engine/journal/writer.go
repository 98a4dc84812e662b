package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// FileName is a journal's name in its run's folder.
const FileName = "journal.jsonl"

// Masker takes the secrets out of a value before it is written.
type Masker interface{ MaskValue(any) any }

// Writer appends to one run's journal. It is safe for many goroutines, and the
// only writer: a lock keeps others out.
type Writer struct {
	run   string
	mask  Masker
	watch []func(Event)

	mu   sync.Mutex
	file *os.File
	lock *os.File
	seq  int64
	head string
	size int64
	err  error
	now  func() time.Time
}

// Options of a Writer. Watch is told of every event, in order, after it was
// written. Memory keeps the journal out of the file system: a run that must leave
// no trace.
type Options struct {
	Mask   Masker
	Watch  []func(Event)
	Memory bool
	Now    func() time.Time // nil is time.Now
}

// Create opens a new journal in a folder, which is made with mode 0700.
func Create(dir, run string, o Options) (*Writer, error) {
	w := newWriter(run, o)
	if o.Memory {
		return w, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot keep the run: %w", err)
	}
	if err := w.acquire(dir); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, FileName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		w.lock.Close()
		return nil, fmt.Errorf("cannot keep the run: %w", err)
	}
	w.file = f
	syncDir(dir)
	return w, nil
}

func newWriter(run string, o Options) *Writer {
	w := &Writer{run: run, mask: o.Mask, watch: o.Watch, now: o.Now}
	if w.now == nil {
		w.now = time.Now
	}
	return w
}

// Open goes on with a journal that is there. A torn last line, which a crash
// leaves, is cut off. It returns the events so far.
func Open(dir, run string, o Options) (*Writer, []Event, error) {
	w := newWriter(run, o)
	if err := w.acquire(dir); err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, FileName)
	l, err := ReadFile(path)
	if err == nil {
		err = l.Verify()
	}
	if err != nil {
		w.lock.Close()
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Truncate(l.Size)
	}
	if err == nil {
		_, err = f.Seek(l.Size, 0)
	}
	if err != nil {
		w.lock.Close()
		return nil, nil, fmt.Errorf("cannot go on with the run: %w", err)
	}
	w.file, w.size = f, l.Size
	if n := len(l.Events); n > 0 {
		w.seq, w.head = l.Events[n-1].Seq, l.Events[n-1].Hash
	}
	return w, l.Events, nil
}

// acquire takes the run's lock, or says who holds it.
func (w *Writer) acquire(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("cannot lock the run: %w", err)
	}
	if err := tryLock(f); err != nil {
		holder := make([]byte, 256)
		n, _ := f.ReadAt(holder, 0)
		f.Close()
		return &LockedError{Run: w.run, Holder: string(bytes.TrimSpace(holder[:n]))}
	}
	host, _ := os.Hostname() // unknown is as good as none here
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(fmt.Sprintf("process %d on %s since %s\n", os.Getpid(), host, w.now().UTC().Format(time.RFC3339))), 0)
	w.lock = f
	return nil
}

// LockedError says that a run is under way elsewhere.
type LockedError struct{ Run, Holder string }

// Error names the holder.
func (e *LockedError) Error() string {
	return fmt.Sprintf("run %s is under way: held by %s", e.Run, e.Holder)
}

// SetMask changes the masker of a journal that was opened to go on with.
func (w *Writer) SetMask(m Masker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mask = m
}

// Append writes an event and gives it back as it was written. Where durable, it
// is on the disk when Append returns. After an error the journal takes nothing
// more: what is not written down did not happen.
func (w *Writer) Append(typ Type, step, key string, data any, durable bool) (Event, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return Event{}, w.err
	}
	e := Event{Seq: w.seq + 1, Time: w.now().UTC(), Run: w.run, Type: typ, Step: step, Key: key, Prev: w.head}
	line, err := w.seal(&e, data)
	if err == nil && w.file != nil {
		err = w.write(line, durable)
	}
	if err != nil {
		w.err = fmt.Errorf("the journal cannot be written: %w", err)
		return Event{}, w.err
	}
	w.seq, w.head = e.Seq, e.Hash
	for _, f := range w.watch {
		f(e)
	}
	return e, nil
}

// seal masks and encodes the data, and chains the event.
func (w *Writer) seal(e *Event, data any) ([]byte, error) {
	raw, err := encode(data)
	if err != nil {
		return nil, err
	}
	if w.mask != nil {
		if raw, err = w.masked(raw); err != nil {
			return nil, err
		}
	}
	e.Data = raw
	e.Hash, err = hash(*e)
	if err != nil {
		return nil, err
	}
	line, err := encode(e)
	return append(line, '\n'), err
}

// masked masks the data as a tree, in which strings are what they are, and not
// how JSON spells them.
func (w *Writer) masked(raw json.RawMessage) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	return encode(w.mask.MaskValue(tree))
}

// encode writes JSON as people read it: < stays <.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// hash is the hex SHA-256 of the event's JSON with an empty hash.
func hash(e Event) (string, error) {
	e.Hash = ""
	b, err := encode(e)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// write appends a line. A line that was written in part, because the disk is
// full, is cut back.
func (w *Writer) write(line []byte, durable bool) error {
	if n, err := w.file.Write(line); err != nil {
		if n > 0 {
			err = errors.Join(err, w.file.Truncate(w.size))
		}
		return err
	}
	w.size += int64(len(line))
	if durable {
		return w.file.Sync()
	}
	return nil
}

// Head is the hash of the last event.
func (w *Writer) Head() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.head
}

// Close puts everything on the disk and lets the lock go.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	if w.file != nil {
		err = errors.Join(w.file.Sync(), w.file.Close())
		w.file = nil
	}
	if w.lock != nil {
		w.lock.Close()
		w.lock = nil
	}
	if w.err == nil {
		w.err = errors.New("the journal is closed")
	}
	return err
}

// syncDir makes a new file's name durable. Not every system can sync a folder.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}
