package guard

import (
	"strings"
	"sync"
)

// defaultOut is how much of a program's output is kept.
const defaultOut = 1 << 20

// capture keeps the beginning of an output and drains the rest, so that the
// program is never blocked.
type capture struct {
	mu   sync.Mutex
	b    strings.Builder
	max  int
	over bool
}

func newCapture(limit int64) *capture {
	if limit <= 0 {
		limit = defaultOut
	}
	return &capture{max: int(limit)}
}

// Write keeps what fits.
func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if room := c.max - c.b.Len(); len(p) > room {
		c.over = true
		c.b.Write(p[:room])
		return len(p), nil
	}
	return c.b.Write(p)
}

// String is what was kept, as valid UTF-8.
func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.ToValidUTF8(c.b.String(), "\ufffd")
}

func (c *capture) cut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}
