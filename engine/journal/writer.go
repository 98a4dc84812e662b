package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// FileName is a journal's name in its run's folder.
const FileName = "journal.jsonl"

// Masker takes the secrets out of a value before it is written. Clean says, of the
// value's JSON, that there is certainly none in it.
type Masker interface {
	MaskValue(any) any
	Clean(raw []byte) bool
}

// Writer appends to one run's journal. It is safe for many goroutines, and the
// only writer: a lock keeps others out.
type Writer struct {
	run   string
	user  string
	mask  Masker
	watch []func(Event)
	state *State

	mu   sync.Mutex
	file Disk
	lock *os.File
	seq  int64
	head string
	line []byte // the last one; it is overwritten
	data []byte // that of the last one, before it was masked; it is overwritten
	size int64
	err  error
	now  func() time.Time
	disk func(Disk) Disk
}

// Disk is what a journal is written to: its file.
type Disk interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

// Options of a Writer. Watch is told of every event, in order, after it was
// written; State, where there is one, takes it before. Memory keeps the journal out
// of the file system: a run that must leave no trace.
type Options struct {
	User   string // who is at work, for those who find the run locked
	Mask   Masker
	Watch  []func(Event)
	State  *State
	Memory bool
	Now    func() time.Time // nil is time.Now
	// Through is what stands between the journal and its file; nil is nothing.
	Through func(Disk) Disk
}

// Create opens a new journal in a folder, which is made with mode 0700.
func Create(dir, run string, o Options) (*Writer, error) {
	w := newWriter(run, o)
	if o.Memory {
		return w, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &KeepError{run, false, err}
	}
	f, err := os.OpenFile(filepath.Join(dir, FileName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, &KeepError{run, false, err}
	}
	w.file = w.disk(f)
	if err := w.acquire(dir); err != nil {
		_ = f.Close() // nothing was written
		Discard(dir)
		return nil, err
	}
	syncDir(dir)
	syncDir(filepath.Dir(dir))
	return w, nil
}

// Discard takes away the folder of a run of which nothing was begun.
func Discard(dir string) {
	if dir != "" {
		_ = os.RemoveAll(dir) // what stays says by its empty journal that nothing was begun
	}
}

// KeepError says that a run cannot be written down. Nothing is done that is not
// written down. Begun says that something of it was.
type KeepError struct {
	Run   string
	Begun bool
	Err   error
}

// Error says why, and that nothing more was done.
func (e *KeepError) Error() string {
	done := "nothing was begun"
	if e.Begun {
		done = "nothing more is done"
	}
	return fmt.Sprintf("run %s cannot be written down, so %s: %s", e.Run, done, e.Err)
}

// Unwrap is why.
func (e *KeepError) Unwrap() error { return e.Err }

func newWriter(run string, o Options) *Writer {
	w := &Writer{run: run, user: o.User, mask: o.Mask, watch: o.Watch, state: o.State, now: o.Now, disk: o.Through}
	if w.now == nil {
		w.now = time.Now
	}
	if w.disk == nil {
		w.disk = func(d Disk) Disk { return d }
	}
	return w
}

// Open goes on with a journal that is there. A torn last line, which a crash
// leaves, is cut off. It returns the events so far.
func Open(dir, run string, o Options) (*Writer, []Event, error) {
	w := newWriter(run, o)
	if err := w.acquire(dir); err != nil {
		var lost *KeepError
		if errors.As(err, &lost) {
			lost.Begun = true
		}
		return nil, nil, err
	}
	path := filepath.Join(dir, FileName)
	l, err := ReadFile(path)
	if err == nil {
		err = l.Check(run)
	}
	if err != nil {
		w.release()
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
		w.release()
		return nil, nil, &KeepError{run, true, err}
	}
	w.file, w.size = w.disk(f), l.Size
	if n := len(l.Events); n > 0 {
		w.seq, w.head = l.Events[n-1].Seq, l.Events[n-1].Hash
	}
	return w, l.Events, nil
}

// acquire takes the run's lock, or says who holds it. Who did not let it go in order
// stays named in its file: a lock is not seen on every network file system, so that
// one of another machine is taken for held until somebody has looked.
func (w *Writer) acquire(dir string) error {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return &KeepError{w.run, false, err}
	}
	err = tryLock(f)
	holder := heldBy(f)
	for tries := 0; err != nil && holder == "" && tries < 50; tries++ { // it took it just now
		time.Sleep(10 * time.Millisecond)
		holder = heldBy(f)
	}
	host, _ := os.Hostname() // unknown is as good as none here
	if err != nil {
		f.Close()
		return &LockedError{Run: w.run, Holder: holder}
	}
	if holder != "" && !strings.Contains(holder, onHost(host)) {
		f.Close()
		return &LockedError{Run: w.run, Holder: holder, Elsewhere: path}
	}
	_ = f.Truncate(0)
	_, err = f.WriteAt([]byte(fmt.Sprintf("process %d of %s%s%s\n", os.Getpid(), strings.ReplaceAll(w.user, "\n", " "), onHost(host), w.now().UTC().Format(time.RFC3339))), 0)
	if err != nil {
		f.Close()
		return &KeepError{w.run, false, err}
	}
	w.lock = f
	return nil
}

// heldBy is what a lock's file says; "" for nothing.
func heldBy(f *os.File) string {
	b := make([]byte, 512)
	n, _ := f.ReadAt(b, 0) // unreadable is as good as nothing
	return string(bytes.TrimSpace(b[:n]))
}

// onHost stands in a lock between who holds it and since when.
func onHost(host string) string { return " on " + host + " since " }

// LockedError says that a run is under way elsewhere. Elsewhere is the file of a lock
// that a process of another machine did not let go; whether it still lives cannot
// be seen from here.
type LockedError struct{ Run, Holder, Elsewhere string }

// Error names the holder.
func (e *LockedError) Error() string {
	text := fmt.Sprintf("run %s is under way: held by %s", e.Run, e.Holder)
	if e.Elsewhere != "" {
		text += "; look there whether that process, and what it started, still runs; if not, remove " + e.Elsewhere + " and resume again"
	}
	return text
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
	line, asIs, err := w.seal(&e, data)
	if err == nil && w.file != nil {
		err = w.write(line, durable)
	}
	if err != nil {
		w.err = &KeepError{w.run, w.seq > 0, err}
		return Event{}, w.err
	}
	w.seq, w.head = e.Seq, e.Hash
	if !asIs {
		data = nil
	}
	if w.state != nil {
		w.state.take(e, data)
	}
	for _, f := range w.watch {
		f(e)
	}
	return e, nil
}

// seal masks and encodes the data, and chains the event. As it is, the data was
// written where there was nothing to mask.
func (w *Writer) seal(e *Event, data any) (line []byte, asIs bool, err error) {
	raw, err := appendValue(w.data[:0], data)
	if err != nil {
		return nil, false, err
	}
	w.data, raw = raw, bytes.Clone(raw)
	if asIs = w.mask == nil || w.mask.Clean(raw); !asIs {
		if raw, err = w.masked(raw); err != nil {
			return nil, false, err
		}
	}
	e.Data = raw
	if line, err = appendEvent(w.line[:0], e); err != nil {
		return nil, false, err
	}
	const open = `"}` // the hash is the last thing in the line, and empty when it is computed
	sum := sha256.Sum256(line)
	e.Hash = hex.EncodeToString(sum[:])
	line = append(line[:len(line)-len(open)], e.Hash...)
	w.line = append(line, open+"\n"...)
	return w.line, asIs, nil
}

// appendEvent writes an event as encode does, only faster: its data is JSON
// already.
func appendEvent(b []byte, e *Event) ([]byte, error) {
	b = strconv.AppendInt(append(b, `{"seq":`...), e.Seq, 10)
	when, err := e.Time.MarshalJSON()
	if err != nil {
		return nil, err
	}
	b = append(append(b, `,"time":`...), when...)
	b = appendText(append(b, `,"run":`...), e.Run)
	b = appendText(append(b, `,"type":`...), string(e.Type))
	if e.Step != "" {
		b = appendText(append(b, `,"step":`...), e.Step)
	}
	if e.Key != "" {
		b = appendText(append(b, `,"key":`...), e.Key)
	}
	if len(e.Data) > 0 {
		b = append(append(b, `,"data":`...), e.Data...)
	}
	b = appendText(append(b, `,"prev":`...), e.Prev)
	return append(appendText(append(b, `,"hash":`...), e.Hash), '}'), nil
}

// masked masks the data as a tree, in which strings are what they are, and not
// how JSON spells them. What stands in it keeps its order.
func (w *Writer) masked(raw json.RawMessage) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return w.maskedNext(nil, d)
}

func (w *Writer) maskedNext(b []byte, d *json.Decoder) ([]byte, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, nested := t.(json.Delim)
	if !nested {
		leaf, err := encode(w.mask.MaskValue(t))
		return append(b, leaf...), err
	}
	b = append(b, byte(open))
	for n := 0; d.More(); n++ {
		if n > 0 {
			b = append(b, ',')
		}
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, _ := key.(string)
			b = append(appendText(b, w.maskedName(name)), ':')
		}
		if b, err = w.maskedNext(b, d); err != nil {
			return nil, err
		}
	}
	closing, err := d.Token()
	if end, ok := closing.(json.Delim); ok {
		b = append(b, byte(end))
	}
	return b, err
}

// maskedName is the name of a field without the secrets in it.
func (w *Writer) maskedName(name string) string {
	m, _ := w.mask.MaskValue(map[string]any{name: nil}).(map[string]any)
	for masked := range m {
		return masked
	}
	return name
}

// hash is the hex SHA-256 of a line whose hash is left empty; "" for a line that does
// not end with its hash.
func hash(line []byte, is string) string {
	const open = `"}`
	bare, ok := bytes.CutSuffix(line, []byte(is+open))
	if !ok {
		return ""
	}
	sum := sha256.New()
	sum.Write(bare)
	sum.Write([]byte(open))
	return hex.EncodeToString(sum.Sum(nil))
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
	w.release()
	if w.err == nil {
		w.err = errors.New("the journal is closed")
	}
	return err
}

// release lets the lock go in order.
func (w *Writer) release() {
	if w.lock != nil {
		_ = w.lock.Truncate(0) // who holds it counts while it is held
		w.lock.Close()
		w.lock = nil
	}
}

// syncDir makes a new file's name durable. Not every system can sync a folder.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}
