package main

import (
	"errors"
	"io/fs"
	"os"
	"sync"
)

// output is standard output. It remembers the first write that failed, so that
// the views need not look: one of them that is cut is said once, at the end.
type output struct {
	file  *os.File
	mu    sync.Mutex
	first error
}

// Write writes to the file.
func (o *output) Write(b []byte) (int, error) {
	n, err := o.file.Write(b)
	var in *fs.PathError
	if errors.As(err, &in) {
		err = in.Err // the reason alone: /dev/stdout is no file that anybody named
	}
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.first == nil {
			o.first = err
		}
	}
	return n, err
}

// lost is why something was not written; nil where all was.
func (o *output) lost() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.first
}
