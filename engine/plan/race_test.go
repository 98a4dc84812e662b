//go:build race

package plan_test

// raced: under the race detector values go to the heap that otherwise do not, so
// what is allocated says nothing. `make test` runs those tests without it too.
const raced = true
