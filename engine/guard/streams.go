package guard

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"mvdan.cc/sh/v3/interp"
)

// stream is an end of the script, or nothing at all, opened as a file.
type stream struct {
	io.Reader
	io.Writer
}

// Close does nothing: whoever made the ends closes them.
func (stream) Close() error { return nil }

// device opens a file that needs no entry.
func device(ctx context.Context, path string) io.ReadWriteCloser {
	hc := interp.HandlerCtx(ctx)
	end := stream{bytes.NewReader(nil), io.Discard}
	n, ok := streams[filepath.Clean(path)]
	switch {
	case ok && n == 0 && hc.Stdin != nil:
		end.Reader = hc.Stdin
	case ok && n == 1:
		end.Writer = hc.Stdout
	case ok && n == 2:
		end.Writer = hc.Stderr
	}
	return end
}

// streamInfo describes a file that needs no entry.
func streamInfo(ctx context.Context, path string) fs.FileInfo {
	hc := interp.HandlerCtx(ctx)
	var end any
	n, ok := streams[filepath.Clean(path)]
	switch {
	case ok && n == 0:
		end = hc.Stdin
	case ok && n == 1:
		end = hc.Stdout
	case ok:
		end = hc.Stderr
	}
	if f, ok := end.(*os.File); ok && f != nil {
		if info, err := f.Stat(); err == nil {
			return info
		}
	}
	return memoryInfo{name: filepath.Base(path)}
}
