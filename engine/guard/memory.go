package guard

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Memory is a file system in memory. It stands for the real one where scripts run
// in a world that is not real: the embedded shell writes and reads its temporary
// files there. It is safe for many goroutines.
type Memory struct {
	mu    sync.Mutex
	files map[string]*memoryFile // by clean path
}

type memoryFile struct {
	folder bool
	data   []byte
}

// NewMemory is an empty file system.
func NewMemory() *Memory { return &Memory{files: map[string]*memoryFile{}} }

func (m *Memory) mkdir(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[path.Clean(name)] = &memoryFile{folder: true}
}

func (m *Memory) write(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[path.Clean(name)] = &memoryFile{data: data}
}

// removeAll takes a folder away with all that is in it.
func (m *Memory) removeAll(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = path.Clean(name)
	for k := range m.files {
		if k == name || strings.HasPrefix(k, name+"/") {
			delete(m.files, k)
		}
	}
}

func absentAt(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: syscall.ENOENT}
}

// open opens a file as os.OpenFile does. Where loose, the folders around it are
// there without having been made.
func (m *Memory) open(name string, flag int, loose bool) (io.ReadWriteCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.files[path.Clean(name)]
	switch {
	case f == nil && flag&os.O_CREATE == 0, f == nil && !loose && !m.isFolder(path.Dir(path.Clean(name))):
		return nil, absentAt("open", name)
	case f == nil:
		f = &memoryFile{}
		m.files[path.Clean(name)] = f
	case f.folder:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	case flag&os.O_EXCL != 0 && flag&os.O_CREATE != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EEXIST}
	}
	if flag&os.O_TRUNC != 0 {
		f.data = nil
	}
	return &memoryHandle{in: m, file: f, append: flag&os.O_APPEND != 0}, nil
}

func (m *Memory) isFolder(name string) bool {
	f := m.files[name]
	return f != nil && f.folder
}

func (m *Memory) stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.files[path.Clean(name)]
	if f == nil {
		return nil, absentAt("stat", name)
	}
	return f.info(path.Base(name)), nil
}

func (m *Memory) readDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = path.Clean(name)
	if !m.isFolder(name) {
		return nil, absentAt("open", name)
	}
	var out []fs.DirEntry
	for k, f := range m.files {
		if path.Dir(k) == name && k != name {
			out = append(out, fs.FileInfoToDirEntry(f.info(path.Base(k))))
		}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

func (f *memoryFile) info(name string) fs.FileInfo {
	return memoryInfo{name, int64(len(f.data)), f.folder}
}

// memoryInfo is what is known of a file in memory. Its time is that of no clock.
type memoryInfo struct {
	name   string
	size   int64
	folder bool
}

// Name is the last part of the path.
func (i memoryInfo) Name() string { return i.name }

// Size is the length of the content.
func (i memoryInfo) Size() int64 { return i.size }

// Mode says whether it is a folder, and that its owner may do all with it.
func (i memoryInfo) Mode() fs.FileMode {
	if i.folder {
		return fs.ModeDir | 0o700
	}
	return 0o600
}

// ModTime is not known.
func (i memoryInfo) ModTime() time.Time { return time.Time{} }

// IsDir reports whether it is a folder.
func (i memoryInfo) IsDir() bool { return i.folder }

// Sys is nothing.
func (i memoryInfo) Sys() any { return nil }

// memoryHandle is an open file.
type memoryHandle struct {
	in     *Memory
	file   *memoryFile
	at     int
	append bool
}

// Read reads on.
func (h *memoryHandle) Read(p []byte) (int, error) {
	h.in.mu.Lock()
	defer h.in.mu.Unlock()
	if h.at >= len(h.file.data) {
		return 0, io.EOF
	}
	n := copy(p, h.file.data[h.at:])
	h.at += n
	return n, nil
}

// Write writes on, or at the end.
func (h *memoryHandle) Write(p []byte) (int, error) {
	h.in.mu.Lock()
	defer h.in.mu.Unlock()
	if h.append {
		h.at = len(h.file.data)
	}
	if missing := h.at + len(p) - len(h.file.data); missing > 0 {
		h.file.data = append(h.file.data, bytes.Repeat([]byte{0}, missing)...)
	}
	h.at += copy(h.file.data[h.at:], p)
	return len(p), nil
}

// Close does nothing: the file stays.
func (h *memoryHandle) Close() error { return nil }
