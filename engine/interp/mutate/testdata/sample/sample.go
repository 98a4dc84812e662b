// Package sample is what the tests of mutate change.
package sample

import "time"

// Grade is one of three words.
func Grade(n int, strict bool) string {
	if n >= 90 && !strict || n == 100 {
		return "good"
	} else if n < 1 {
		return "none"
	}
	return "fair"
}

// Count gives the numbers below n. Where n is 0, the loop has no turn, and the
// shortcut saves nothing.
func Count(n int) []int {
	var out []int
	if n <= 0 {
		return out
	}
	i := 0
	for i < n {
		out = append(out, i)
		i++
	}
	return out
}

// Twice is never called.
func Twice(d time.Duration) time.Duration {
	wait := time.Duration(1)
	wait = d + d
	return wait
}
