package statuspage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"runbook/engine/guard"
	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

const (
	maxBody   = 8 << 20 // the largest pages have a few hundred KiB
	redirects = 5
)

type executor struct{}

// Execute reads the page.
func (executor) Execute(ctx context.Context, r exec.Request) exec.Result {
	start := r.Time()
	body, err := fetch(ctx, r)
	if err != nil {
		return exec.Result{Fields: empty(), Error: failure(ctx, err), Duration: r.Since(start)}
	}
	list, _ := r.Options["components"].([]any)
	var filter []string
	for _, w := range list {
		if s := strings.TrimSpace(types.Format(w)); s != "" {
			filter = append(filter, s)
		}
	}
	fields, problem := read(body, filter)
	return exec.Result{Fields: fields, Error: problem, Duration: r.Since(start)}
}

func failure(ctx context.Context, err error) *exec.Error {
	he := guard.Classify(ctx, err)
	return &exec.Error{Kind: he.Kind, Message: guard.Reason(he)}
}

func protocol(format string, args ...any) error {
	return &guard.HTTPError{Kind: "protocol", Err: fmt.Errorf(format, args...)}
}

func fetch(ctx context.Context, r exec.Request) ([]byte, error) {
	u, err := address(types.Format(r.Options["url"]))
	if err != nil {
		return nil, protocol("the URL cannot be used: %w", err)
	}
	c, err := r.Guard.Client(guard.TLS{}, redirects)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "runbook")
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, protocol("the page answered with status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, protocol("the answer broke off after %d bytes", len(body))
	case err != nil:
		return nil, err
	case len(body) > maxBody:
		return nil, protocol("the answer is longer than %d MiB: that is no status page", maxBody>>20)
	}
	return body, nil
}
