//go:build !race

package corpus_test

import "testing"

func alone(*testing.T) {}
