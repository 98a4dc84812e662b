// Command probe plays every program of the guard's tests. It is built apart: the
// tests start it thousands of times, and under the race detector their own binary
// is slow to start.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() { os.Exit(probe(os.Getenv("PROBE_LOG"), filepath.Base(os.Args[0]), os.Args[1:])) }

// probe appends its argv to the log as JSON. `--stdin` and `--env` add what
// stands there; `--print` prints the last argument.
func probe(log, name string, args []string) int {
	argv := append([]string{name}, args...)
	if len(args) > 0 {
		switch args[0] {
		case "--stdin":
			in, _ := io.ReadAll(os.Stdin)
			argv = append(argv, string(in))
		case "--env":
			argv = append(argv, os.Getenv("X"))
		case "--print":
			fmt.Print(args[len(args)-1])
		}
	}
	line, _ := json.Marshal(argv)
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return 99
	}
	defer f.Close()
	if _, err := f.Write(append(line, '\n')); err != nil {
		return 98
	}
	return 0
}
