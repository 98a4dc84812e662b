//go:build race

package corpus_test

import "testing"

// alone: the race detector makes what follows take several minutes, and it runs
// nothing side by side. `make test` runs it without.
func alone(t *testing.T) { t.Skip("every key with every value is tried without the race detector") }
