//go:build !race

package plan_test

// raced says that the race detector is at work.
const raced = false
