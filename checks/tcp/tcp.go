// Package tcp is the kind that connects to a port, and may hold a short dialogue
// there: say something, wait for something.
package tcp

import (
	"strings"

	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// DefaultReceived is how much is taken in where `max_received` says nothing.
const DefaultReceived = 64 << 10

func text() *spec.Shape { return &spec.Shape{Form: spec.Template, Loose: true} }

var line = &spec.Shape{Form: spec.Object, Some: []string{"send", "expect"}, Fields: []spec.Field{
	{Key: "send", Doc: "What to say. In double quotes, YAML reads `\\r\\n` as a line's end.", Shape: text(), Example: `"QUIT\r\n"`},
	{Key: "expect", Doc: "A regular expression that what the server says, since the last one that matched, must come to match; `^` and `$` stand for the ends of a line. With `send` beside it, it is waited for afterwards.", Shape: &spec.Shape{Form: spec.String}, Example: "^220 "},
	{Key: "within", Doc: "How long to wait for it.", Shape: &spec.Shape{Form: spec.Duration}, Default: "5s"},
}}

var options = &spec.Shape{Form: spec.Object, Name: "tcp", Fields: []spec.Field{
	{Key: "host", Doc: "The host to connect to.", Shape: text(), Required: true, Example: "db.example.com"},
	{Key: "port", Doc: "The port to connect to.", Shape: text(), Required: true, Example: "5432"},
	{Key: "banner", Doc: "How long to wait for the line in which the server says who it is, before anything is sent. Without it none is waited for.", Shape: &spec.Shape{Form: spec.Duration}, Example: "2s"},
	{Key: "dialogue", Doc: "What to say, and what to wait for, in order.", Shape: &spec.Shape{Form: spec.List, Elem: line, Min: 1}},
	{Key: "max_received", Doc: "How much is taken in. A server that says more before an `expect` matches has failed it.", Shape: &spec.Shape{Form: spec.Size}, Default: "64KiB"},
	{Key: "safe", Doc: "Says that what is sent changes nothing, which a check has to.", Shape: &spec.Shape{Form: spec.Bool}, Default: "false"},
	{Key: "tls", Doc: "Whether to speak TLS from the first byte, and to demand a valid certificate.", Shape: &spec.Shape{Form: spec.Bool}, Default: "false"},
	{Key: "name", Doc: "The name that the server's certificate must have, where it is not `host`.", Shape: text()},
	{Key: "ca", Doc: "A file of PEM certificates to trust besides the system's.", Shape: text()},
	{Key: "cert", Doc: "A file with the client certificate in PEM.", Shape: text()},
	{Key: "key", Doc: "A file with the client certificate's key in PEM.", Shape: text()},
}}

func late(name string, t *types.Type, doc string) types.Field {
	return types.Field{Name: name, Type: t, Doc: doc, Late: true}
}

var (
	str      = &types.Type{Kind: types.String}
	duration = &types.Type{Kind: types.Duration}
)

var results = &types.Type{Kind: types.Object, Fields: []types.Field{
	late("connected", &types.Type{Kind: types.Bool}, "Whether the connection came about, whatever went wrong on it later."),
	late("banner", str, "The line that the server said before anything was sent; empty where it said none in time, or none was waited for."),
	late("received", str, "All that the server said, the banner included."),
	late("timing", &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "connect", Type: duration}, {Name: "tls", Type: duration}, {Name: "first_byte", Type: duration}, {Name: "total", Type: duration}}},
		"How long each part took: `connect` with the name looked up, `first_byte` from the connection on; 0 for a part that was not needed or not reached."),
}}

// New declares the kind.
func New() exec.Kind {
	return exec.Kind{Kind: kind.Kind{
		Name: "tcp", Doc: "Connects to a port, and may hold a short dialogue there.",
		Options: options, Result: results,
		Errors:   []string{"dns", "connect", "tls", "protocol", "denied"},
		Patience: kind.Patience,
		Expect:   "connected", Status: "connected",
		States: []kind.State{{Name: "connected"}, {Name: "no connection, or no dialogue", Error: true}},
		Check:  check, Effects: effects, Stub: stub,
	}, Executor: executor{}}
}

// check is what can be said of a use before the run.
func check(u kind.Use, report source.Report) {
	add := func(at source.Span, summary, detail string) {
		report(source.Diagnostic{Code: "tcp", Span: at, Summary: summary, Detail: detail})
	}
	u.CheckDial(add)
	for path, l := range u.Options {
		step, inDialogue := strings.CutPrefix(path, "dialogue[")
		if !inDialogue {
			continue
		}
		if s, ok := l.Value.(string); ok && strings.HasSuffix(step, "].expect") {
			if _, err := compile(s); err != nil {
				add(l.Span, "the expectation is no regular expression: "+err.Error(), "Write one in Go's syntax, such as `^220 `.")
			}
		}
		if u.Check && strings.HasSuffix(step, "].send") && u.Options["safe"].Value != true {
			add(l.Span, "a check must not change anything, and what is sent may", "Make it an `action`, or say `safe: true` if it changes nothing.")
		}
	}
	for _, path := range []string{"name", "ca", "cert", "key"} {
		if l, ok := u.Options[path]; ok && u.Options["tls"].Value != true {
			add(l.Span, "`"+path+"` has no meaning without TLS", "Say `tls: true`, or remove it.")
		}
	}
}

func effects(u kind.Use) []kind.Effect { return u.Dials(0) }
