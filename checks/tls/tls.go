// Package tls is the kind that looks at a server's certificates: until when they
// are valid, for which names, signed by whom, and which version of TLS is spoken.
package tls

import (
	"crypto/tls"

	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

func text() *spec.Shape { return &spec.Shape{Form: spec.Template, Loose: true} }

// versions are the versions of TLS by name, oldest first.
var versions = []string{"TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"}

var numbers = map[string]uint16{"TLS 1.0": tls.VersionTLS10, "TLS 1.1": tls.VersionTLS11, "TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

func version() *spec.Shape { return &spec.Shape{Form: spec.String, Enum: versions} }

var options = &spec.Shape{Form: spec.Object, Name: "tls", Fields: []spec.Field{
	{Key: "host", Doc: "The host to connect to.", Shape: text(), Required: true, Example: "www.example.com"},
	{Key: "port", Doc: "The port to connect to.", Shape: text(), Default: "443"},
	{Key: "name", Doc: "The name to ask the server for, which its certificate must have.", Shape: text(), Default: "the host"},
	{Key: "ca", Doc: "A file of PEM certificates to trust besides the system's.", Shape: text()},
	{Key: "cert", Doc: "A file with the client certificate in PEM.", Shape: text()},
	{Key: "key", Doc: "A file with the client certificate's key in PEM.", Shape: text()},
	{Key: "min_version", Doc: "The oldest version of TLS to offer.", Shape: version(), Default: "TLS 1.2"},
	{Key: "max_version", Doc: "The newest version of TLS to offer; with an old one it can be seen whether a server still takes it.", Shape: version(), Default: "TLS 1.3"},
}}

func late(name string, t *types.Type, doc string) types.Field {
	return types.Field{Name: name, Type: t, Doc: doc, Late: true}
}

var (
	str    = &types.Type{Kind: types.String}
	words  = &types.Type{Kind: types.List, Elem: str}
	whole  = &types.Type{Kind: types.Int}
	moment = &types.Type{Kind: types.Time}
	days   = &types.Type{Kind: types.Int, Nil: true}
)

// problems are what can be wrong with a certificate; "" is nothing.
var problems = []string{"", "expired", "not_yet_valid", "wrong_name", "self_signed", "unknown_authority", "wrong_use", "other"}

var certificate = &types.Type{Kind: types.Object, Fields: []types.Field{
	{Name: "subject", Type: str}, {Name: "issuer", Type: str}, {Name: "names", Type: words}, {Name: "not_before", Type: moment}, {Name: "not_after", Type: moment}, {Name: "days_left", Type: whole}, {Name: "serial", Type: str},
}}

var results = &types.Type{Kind: types.Object, Fields: []types.Field{
	late("valid", &types.Type{Kind: types.Bool}, "Whether the certificate is valid here and now for the name."),
	late("problem", &types.Type{Kind: types.String, Enum: problems}, "What is wrong with the certificate; empty where it is valid, or where none was seen."),
	late("detail", str, "The problem in a sentence."),
	late("days_left", days, "The whole days for which the server's own certificate is still valid, below 0 once it has expired; nil where none was seen."),
	late("chain_days_left", days, "The least `days_left` of the chain."),
	late("names", words, "The names and addresses that the server's own certificate is for."),
	late("chain", &types.Type{Kind: types.List, Elem: certificate}, "The certificates that the server sent, its own first: `subject issuer names not_before not_after days_left serial`."),
	late("version", &types.Type{Kind: types.String, Enum: append([]string{""}, versions...)}, "The version of TLS that was agreed on; empty where none was."),
	late("cipher", str, "The cipher suite that was agreed on."),
}}

// New declares the kind.
func New() exec.Kind {
	return exec.Kind{Kind: kind.Kind{
		Name: "tls", Doc: "Looks at a server's certificates. One that is not valid is a finding, not an error.",
		Options: options, Result: results,
		Errors:   []string{"dns", "connect", "tls", "protocol", "denied"},
		Patience: kind.Patience,
		Expect:   "valid", Status: "valid",
		States: []kind.State{{Name: "a certificate was seen"}, {Name: "no certificate was seen", Error: true}},
		Check:  check, Effects: effects, Stub: stub,
	}, Executor: executor{}}
}

// check is what can be said of a use before the run.
func check(u kind.Use, report source.Report) {
	add := func(at source.Span, summary, detail string) {
		report(source.Diagnostic{Code: "tls", Span: at, Summary: summary, Detail: detail})
	}
	u.CheckDial(add)
	lo, hi := offered(u.Options["min_version"].Value, u.Options["max_version"].Value)
	if lo > hi {
		add(u.Span, "the oldest version is newer than the newest, so none can be offered", "Turn `min_version` and `max_version` round.")
	}
	for _, pair := range [][2]string{{"cert", "key"}, {"key", "cert"}} {
		_, has := u.Options[pair[0]]
		if _, other := u.Options[pair[1]]; has && !other {
			add(u.Options[pair[0]].Span, "`"+pair[0]+"` needs `"+pair[1]+"`", "A client certificate is a pair of files.")
		}
	}
}

// offered are the versions to offer. An old `max_version` alone draws the lower
// end with it.
func offered(lowest, highest any) (lo, hi uint16) {
	lo, hi = tls.VersionTLS12, tls.VersionTLS13
	if s, ok := highest.(string); ok && numbers[s] != 0 {
		hi = numbers[s]
		lo = min(lo, hi)
	}
	if s, ok := lowest.(string); ok && numbers[s] != 0 {
		lo = numbers[s]
	}
	return lo, hi
}

func effects(u kind.Use) []kind.Effect { return u.Dials(443) }
