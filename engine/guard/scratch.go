package guard

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// scratch is a step's own folder for temporary files: $TMPDIR. It is made when
// something could look for it, because most steps never do.
type scratch struct {
	dir  string
	once sync.Once
	made bool
	err  error
}

// scratch names a folder below the guard's own, which Close removes.
func (g *Guard) scratch() (*scratch, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.temp == "" {
		dir, err := os.MkdirTemp("", "runbook-")
		if err != nil {
			return nil, err
		}
		g.temp = dir
	}
	g.scripts++
	return &scratch{dir: filepath.Join(g.temp, strconv.Itoa(g.scripts))}, nil
}

func (s *scratch) make() error {
	s.once.Do(func() {
		s.err = os.Mkdir(s.dir, 0o700)
		s.made = s.err == nil
	})
	return s.err
}

// remove is called when nothing of the step runs any more.
func (s *scratch) remove() {
	if s.made {
		_ = os.RemoveAll(s.dir) // what cannot be removed now goes with the guard's folder
	}
}
