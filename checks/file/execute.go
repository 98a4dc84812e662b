package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
	"unicode/utf8"

	"runbook/engine/guard"
	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

type executor struct{}

// Execute looks. The system may take for ever over a file of a network that is
// gone, and cannot be hurried, so the call returns without it.
func (executor) Execute(ctx context.Context, r exec.Request) exec.Result {
	start := r.Time()
	limit := int64(-1)
	if r.Options["read"] == true {
		limit = DefaultSize
		if n, ok := r.Options["max_size"].(int64); ok {
			limit = n
		}
	}
	type answer struct {
		file guard.File
		err  error
	}
	done := make(chan answer, 1)
	path := types.Format(r.Options["path"])
	go func() {
		f, err := r.Guard.ReadFile(path, limit)
		done <- answer{f, err}
	}()
	var got answer
	select {
	case got = <-done:
	case <-ctx.Done():
		got.err = ctx.Err()
	}
	fields := describe(got.file, r.Time())
	return exec.Result{Fields: fields, Error: failure(ctx, got.err), Duration: r.Since(start)}
}

func failure(ctx context.Context, err error) *exec.Error {
	var denied *guard.Denied
	var pe *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &denied):
		return &exec.Error{Kind: "denied", Message: denied.Error()}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &exec.Error{Kind: "timeout", Message: "the file system gave no answer in time"}
	case ctx.Err() != nil:
		return &exec.Error{Kind: "canceled", Message: "the run was cancelled"}
	case errors.As(err, &pe):
		return &exec.Error{Kind: "access", Message: fmt.Sprintf("the system does not let it be looked at: %v", pe.Err)}
	}
	return &exec.Error{Kind: "access", Message: err.Error()}
}

// describe turns what was found into results.
func describe(f guard.File, now time.Time) map[string]any {
	fields := map[string]any{"exists": f.Info != nil, "type": "", "size": 0, "modified": nil, "age": nil, "mode": "", "content": "", "json": nil, "binary": false, "truncated": f.Cut}
	if f.Info == nil {
		return fields
	}
	mode, at := f.Info.Mode(), f.Info.ModTime()
	fields["type"], fields["mode"] = sort(mode), fmt.Sprintf("%04o", mode.Perm())
	fields["modified"], fields["age"] = at.UTC(), now.Sub(at)
	if mode.IsRegular() {
		fields["size"] = int(f.Info.Size())
	}
	inside(fields, f)
	return fields
}

// inside is what stands in a file.
func inside(fields map[string]any, f guard.File) {
	content := f.Content
	if f.Cut {
		content = whole(content)
	}
	if !utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0 {
		fields["binary"] = true
		return
	}
	fields["content"] = string(content)
	if v, err := types.DecodeJSON(content); err == nil && !f.Cut {
		fields["json"] = v
	}
}

// whole drops a character that was cut in two.
func whole(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

func sort(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return "file"
	case m.IsDir():
		return "folder"
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	}
	return "other"
}
