// Package prometheus is the kind that asks a Prometheus, or what speaks its HTTP
// API (Thanos, Mimir, VictoriaMetrics), a question in PromQL.
package prometheus

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// The bounds of an answer.
const (
	DefaultBody = 10 << 20
	MaxBody     = 256 << 20
	maxFound    = 1<<31 - 1
)

func text() *spec.Shape { return &spec.Shape{Form: spec.Template, Loose: true} }

var auth = &spec.Shape{Form: spec.Object, One: []string{"basic", "bearer"}, Fields: []spec.Field{
	{Key: "basic", Doc: "Basic authentication.", Shape: &spec.Shape{Form: spec.Object, Fields: []spec.Field{
		{Key: "user", Doc: "The user.", Shape: text(), Required: true}, {Key: "password", Doc: "The password; a secret.", Shape: text(), Required: true}}}},
	{Key: "bearer", Doc: "A bearer token; a secret.", Shape: text(), Example: `"{{ .secrets.metrics_token }}"`},
}}

var tlsShape = &spec.Shape{Form: spec.Object, Fields: []spec.Field{
	{Key: "ca", Doc: "A file of PEM certificates to trust besides the system's.", Shape: text()},
	{Key: "cert", Doc: "A file with the client certificate in PEM.", Shape: text()},
	{Key: "key", Doc: "A file with the client certificate's key in PEM.", Shape: text()},
	{Key: "server_name", Doc: "The name that the server's certificate must have, where it is not the URL's.", Shape: text()},
}}

var options = &spec.Shape{Form: spec.Object, Name: "prometheus", Fields: []spec.Field{
	{Key: "url", Doc: "Where it is, without `/api/v1`. Its redirects are not followed.", Shape: text(), Required: true, Example: "https://prometheus.example.com"},
	{Key: "query", Doc: "The question, in PromQL. It is not a template: `$NAME`, outside of quotes, stands for a value of `params`, and can be nothing but a value.", Shape: &spec.Shape{Form: spec.String}, Required: true, Example: "sum(rate(http_errors_total{job=$job}[$window]))"},
	{Key: "params", Doc: "The values of the question's `$NAME`s. In a label it is a quoted string; behind `=~` a string that matches literally, or a list of them, any of which matches; elsewhere a number; in `[ ]` and behind `offset` a duration.", Shape: &spec.Shape{Form: spec.Map, Elem: &spec.Shape{Form: spec.Tree}}, Example: "{job: \"{{ .inputs.service }}\", window: 5m}"},
	{Key: "time", Doc: "The moment to ask for: RFC 3339, seconds since 1970, or how long ago.", Shape: text(), Default: "now", Example: "5m"},
	{Key: "start", Doc: "Where a range begins: RFC 3339, seconds since 1970, or how long before `end`. It makes the question one for a range, which gives `series`.", Shape: text(), Example: "1h"},
	{Key: "end", Doc: "Where a range ends: RFC 3339, seconds since 1970, or how long ago.", Shape: text(), Default: "now"},
	{Key: "step", Doc: "How far the points of a range are apart.", Shape: &spec.Shape{Form: spec.Duration}, Default: "1m"},
	{Key: "headers", Doc: "Request headers: `X-Scope-OrgID`.", Shape: &spec.Shape{Form: spec.Map, Elem: text()}},
	{Key: "auth", Doc: "Authentication.", Shape: auth},
	{Key: "tls", Doc: "The step's own certificates.", Shape: tlsShape},
	{Key: "max_body", Doc: "How large an answer may be, 256MiB at most; a larger one is an error.", Shape: &spec.Shape{Form: spec.Size}, Default: "10MiB"},
}}

func late(name string, t *types.Type, doc string) types.Field {
	return types.Field{Name: name, Type: t, Doc: doc, Late: true}
}

var results = &types.Type{Kind: types.Object, Fields: []types.Field{
	late("result_type", &types.Type{Kind: types.String}, "What came back: `vector` or `scalar`, for a range `matrix`; empty where there was no answer."),
	late("value", &types.Type{Kind: types.Number, Nil: true}, "The number, where the answer is a single one; nil where it is none or several, and for NaN and the infinities."),
	late("samples", &types.Type{Kind: types.List}, "The answer for a moment: a list of `labels`, `value` (a number, or nil as above), `text` (as the server wrote it: `NaN`, `+Inf`) and `time`."),
	late("series", &types.Type{Kind: types.List}, "The answer for a range: a list of `labels` and `points`, each with `value`, `text` and `time`."),
	late("found", &types.Type{Kind: types.Int}, "How many samples or series there are."),
	late("warnings", &types.Type{Kind: types.List, Elem: &types.Type{Kind: types.String}}, "What the server remarks about the question."),
}}

// New declares the kind.
func New() exec.Kind {
	return exec.Kind{Kind: kind.Kind{
		Name: "prometheus", Doc: "Asks a Prometheus a question in PromQL, for a moment or a range. It changes nothing.",
		Options: options, Result: results,
		Errors:   []string{"dns", "connect", "tls", "auth", "protocol", "query", "denied"},
		Patience: kind.Patience,
		States: []kind.State{
			{Name: "answered", Ranges: map[string]kind.Range{"found": {Min: 0, Max: maxFound}}},
			{Name: "no answer", Ranges: map[string]kind.Range{"found": {}}, Error: true},
		},
		Check: check, Effects: kind.Use.Asks,
	}, Executor: executor{}}
}

// checker is what can be said of a use before the run.
type checker struct {
	use    kind.Use
	report source.Report
}

func (c checker) add(at source.Span, summary, detail string) {
	c.report(source.Diagnostic{Code: "prometheus", Span: at, Summary: summary, Detail: detail})
}

func check(u kind.Use, report source.Report) {
	c := checker{u, report}
	c.query()
	c.times()
	if s, ok := u.Text("url"); ok {
		if _, err := parseURL(s); err != nil {
			c.add(u.Options["url"].Span, "the URL cannot be used: "+err.Error(), "Write one such as https://prometheus.example.com.")
		}
	}
	if n, ok := u.Options["max_body"].Value.(int64); ok && (n < 1 || n > MaxBody) {
		c.add(u.Options["max_body"].Span, "`max_body` is out of range", "Write a size from 1 to 256MiB.")
	}
}

// query holds the placeholders against the parameters.
func (c checker) query() {
	l := c.use.Options["query"]
	q, ok := c.use.Text("query")
	if !ok {
		return
	}
	if strings.Contains(q, "{{") {
		c.add(l.Span, "`query` is no template", "Values come in through `params`, so that nothing in them can be taken for PromQL: write `job=$job`, and `params: {job: \"{{ … }}\"}`.")
		return
	}
	given := c.params()
	used := map[string]bool{}
	for _, h := range holes(q) {
		_, there := given[h.name]
		used[h.name] = true
		switch {
		case h.quoted && there:
			c.add(l.Span, fmt.Sprintf("`$%s` stands in quotes, where it means itself", h.name), fmt.Sprintf("Write it without them: `label=$%s`.", h.name))
		case !h.quoted && h.name == "":
			c.add(l.Span, "there is a `$` without a name", "Write the name of one of `params` behind it.")
		case !h.quoted && !there:
			c.add(l.Span, fmt.Sprintf("`$%s` is not among `params`", h.name), fmt.Sprintf("Write `params: {%s: …}`.", h.name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !used[name] {
			c.add(given[name].Span, fmt.Sprintf("the query has no `$%s`", name), "Use the parameter, or remove it.")
		}
	}
}

// params are the parameters' names, each with where it stands.
func (c checker) params() map[string]kind.Leaf {
	out := map[string]kind.Leaf{}
	for path, l := range c.use.Options {
		name, ok := strings.CutPrefix(path, "params.")
		if !ok {
			continue
		}
		if i := strings.IndexAny(name, ".["); i >= 0 {
			name = name[:i]
			if _, known := out[name]; known {
				continue
			}
		}
		out[name] = l
	}
	return out
}

func (c checker) times() {
	_, isRange := c.use.Options["start"]
	for _, key := range []string{"end", "step"} {
		if l, ok := c.use.Options[key]; ok && !isRange {
			c.add(l.Span, fmt.Sprintf("`%s` belongs to a range", key), "Write `start` too, or `time` for a moment.")
		}
	}
	if l, ok := c.use.Options["time"]; ok && isRange {
		c.add(l.Span, "`time` is for a moment, and `start` for a range", "Keep one of them.")
	}
	for _, key := range []string{"time", "start", "end"} {
		if s, ok := c.use.Text(key); ok {
			if _, err := moment(s, epoch); err != nil {
				c.add(c.use.Options[key].Span, fmt.Sprintf("`%s` is no time: %s", key, err), "Write `2026-01-31T12:00:00Z`, or `15m` for 15 minutes before.")
			}
		}
	}
}

// parseURL reads a server's URL, behind which paths are put.
func parseURL(s string) (*url.URL, error) {
	u, err := kind.ParseURL(s)
	if err == nil && (u.RawQuery != "" || u.Fragment != "") {
		err = errors.New("it must end before the ? or #")
	}
	return u, err
}
