// Package runtimetest is the corpus that every runtime passes: runbooks with the
// journals they must give. The same events in the same order come out on the
// real clock with goroutines and on the simulated one.
package runtimetest
