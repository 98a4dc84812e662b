// Package http is the kind that makes an HTTP request. It tells apart where a
// request can fail: the name, the connection, TLS, time, the protocol.
package http

import (
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
	"strings"
)

// DefaultBody is how much of a body is kept where `max_body` says nothing.
const DefaultBody = 1 << 20

func text(doc string) *spec.Shape { return &spec.Shape{Form: spec.Template, Loose: true, Doc: doc} }

func texts() *spec.Shape { return &spec.Shape{Form: spec.Map, Elem: text("")} }

var auth = &spec.Shape{Form: spec.Object, One: []string{"basic", "bearer"}, Fields: []spec.Field{
	{Key: "basic", Doc: "Basic authentication.", Shape: &spec.Shape{Form: spec.Object, Fields: []spec.Field{
		{Key: "user", Doc: "The user.", Shape: text(""), Required: true}, {Key: "password", Doc: "The password; a secret.", Shape: text(""), Required: true}}}},
	{Key: "bearer", Doc: "A bearer token; a secret.", Shape: text(""), Example: `"{{ .secrets.api_token }}"`},
}}

var tlsShape = &spec.Shape{Form: spec.Object, Fields: []spec.Field{
	{Key: "ca", Doc: "A file of PEM certificates to trust besides the system's.", Shape: text("")},
	{Key: "cert", Doc: "A file with the client certificate in PEM.", Shape: text("")},
	{Key: "key", Doc: "A file with the client certificate's key in PEM.", Shape: text("")},
	{Key: "server_name", Doc: "The name that the server's certificate must have, where it is not the URL's.", Shape: text("")},
}}

var options = &spec.Shape{Form: spec.Object, Name: "http", Fields: []spec.Field{
	{Key: "url", Doc: "Where to ask: an http or https URL.", Shape: text(""), Required: true, Example: "https://api.example.com/v1/ping"},
	{Key: "method", Doc: "The method. A check uses GET or HEAD, or says `safe: true`.", Shape: &spec.Shape{Form: spec.String, Pattern: "^[A-Z]{1,20}$", Doc: "A method is written in capitals."}, Default: "GET"},
	{Key: "query", Doc: "Query parameters, added to those of the URL.", Shape: texts()},
	{Key: "headers", Doc: "Request headers.", Shape: texts()},
	{Key: "body", Doc: "The body, as text. Excludes `json` and `form`.", Shape: text("")},
	{Key: "json", Doc: "The body, as JSON: any YAML; a leaf that is one {{ }} keeps its type. Excludes `body` and `form`.", Shape: &spec.Shape{Form: spec.Tree}},
	{Key: "form", Doc: "The body, as a form. Excludes `body` and `json`.", Shape: texts()},
	{Key: "auth", Doc: "Authentication.", Shape: auth},
	{Key: "redirects", Doc: "How many redirects to follow; 0 follows none. Each is put to the permission check.", Shape: &spec.Shape{Form: spec.Int, Max: 50}, Default: "10"},
	{Key: "max_body", Doc: "How much of the body is kept; a longer one is cut, `truncated` is true and `json` nil.", Shape: &spec.Shape{Form: spec.Size}, Default: "1MiB"},
	{Key: "tls", Doc: "The step's own certificates.", Shape: tlsShape},
	{Key: "safe", Doc: "Says that the request changes nothing although its method could: a search by POST.", Shape: &spec.Shape{Form: spec.Bool}, Default: "false"},
}}

func late(name string, t *types.Type, doc string) types.Field {
	return types.Field{Name: name, Type: t, Doc: doc, Late: true}
}

var duration = &types.Type{Kind: types.Duration}

var results = &types.Type{Kind: types.Object, Fields: []types.Field{
	late("status", &types.Type{Kind: types.Int}, "The status code; 0 where there was no answer."),
	late("headers", &types.Type{Kind: types.Object, Headers: true}, "The answer's headers by name, without regard to case; a missing one is nil."),
	late("body", &types.Type{Kind: types.String}, "The body as text."),
	late("json", nil, "The body as JSON; nil where it is not JSON."),
	late("truncated", &types.Type{Kind: types.Bool}, "Whether the body was cut at `max_body`."),
	late("url", &types.Type{Kind: types.String}, "The URL that answered, behind redirects."),
	late("protocol", &types.Type{Kind: types.String}, "HTTP/1.1 or HTTP/2.0; empty where there was no answer."),
	late("timing", &types.Type{Kind: types.Object, Fields: []types.Field{{Name: "dns", Type: duration}, {Name: "connect", Type: duration}, {Name: "tls", Type: duration}, {Name: "first_byte", Type: duration}, {Name: "total", Type: duration}}},
		"How long each part took; 0 for a part that was not needed."),
}}

// New declares the kind.
func New() exec.Kind {
	return exec.Kind{Kind: kind.Kind{
		Name: "http", Doc: "Makes an HTTP request. No answer is status 0, with the reason in `error.kind`.",
		Options: options, Result: results,
		Errors:   []string{"dns", "connect", "tls", "protocol", "denied"},
		Patience: kind.Patience,
		Expect:   "status >= 200 and status < 300", Status: "status",
		States: []kind.State{
			{Name: "answered", Ranges: map[string]kind.Range{"status": {Min: 100, Max: 599}}},
			{Name: "no answer", Ranges: map[string]kind.Range{"status": {}}, Error: true},
			{Name: "answered with less than a status of HTTP", Ranges: map[string]kind.Range{"status": {Min: 0, Max: 99}}, Rare: true},
			{Name: "answered with more than a status of HTTP", Ranges: map[string]kind.Range{"status": {Min: 600, Max: 999}}, Rare: true},
		},
		Check: check, Effects: kind.Use.Asks,
	}, Executor: executor{}}
}

// check is what can be said of a use before the run.
func check(u kind.Use, report source.Report) {
	add := func(at source.Span, summary, detail string) {
		report(source.Diagnostic{Code: "http", Span: at, Summary: summary, Detail: detail})
	}
	method, _ := u.Text("method")
	if method == "" {
		method = "GET"
	}
	safe := u.Options["safe"].Value == true
	if u.Check && method != "GET" && method != "HEAD" && !safe {
		add(u.Options["method"].Span, "a check must not change anything, and "+method+" may", "Make it an `action`, or say `safe: true` if this request changes nothing.")
	}
	var bodies []string
	for _, b := range []string{"body", "json", "form"} {
		if has(u, b) {
			bodies = append(bodies, b)
		}
	}
	if len(bodies) > 1 {
		add(u.Span, "`"+strings.Join(bodies, "` and `")+"` exclude each other", "Keep one.")
	}
	if len(bodies) > 0 && (method == "GET" || method == "HEAD") {
		add(u.Span, "a "+method+" request has no body", "Say `method: POST`.")
	}
	u.CheckURL("https://api.example.com/v1/ping", add)
}

// has reports whether an option, or anything below it, is there.
func has(u kind.Use, name string) bool {
	for path := range u.Options {
		if path == name || strings.HasPrefix(path, name+".") || strings.HasPrefix(path, name+"[") {
			return true
		}
	}
	return false
}
