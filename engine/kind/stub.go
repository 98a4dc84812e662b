package kind

import (
	"fmt"
	"time"
)

// Stub is how scenarios stand in for a kind whose calls are neither requests over
// HTTP nor programs. A stub's reply holds native results, and is typed by Result.
type Stub struct {
	On      string // what `on` says of a call, in words
	Example string // as one would write it
	// Line is a call in one line, which `on` is held against.
	Line func(options map[string]any) string
	// Complete fills in what a reply to a call leaves out, in place. The word is
	// one of Errors where the results mean that there was an error.
	Complete func(c StubCall, reply map[string]any) (word string)
	// Patience is how long a call waits for its answer by itself, whatever the step's
	// timeout is; nil is as long as that says.
	Patience func(options map[string]any) time.Duration
}

// StubCall is a call that a stub answers.
type StubCall struct {
	Options map[string]any
	Check   bool
	Now     time.Time
}

// Used is a use of a kind whose options are all known, as they are executed.
func Used(options map[string]any, check bool) Use {
	u := Use{Check: check, Options: map[string]Leaf{}}
	flatten(u.Options, "", options)
	return u
}

func flatten(into map[string]Leaf, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			at := k
			if path != "" {
				at = path + "." + k
			}
			flatten(into, at, x)
		}
	case []any:
		for i, x := range v {
			flatten(into, fmt.Sprintf("%s[%d]", path, i), x)
		}
	default:
		into[path] = Leaf{Value: v, Known: true}
	}
}

// Default sets a result that a reply leaves out.
func Default(reply map[string]any, name string, v any) {
	if _, given := reply[name]; !given {
		reply[name] = v
	}
}
