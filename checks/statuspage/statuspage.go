// Package statuspage is the kind that reads a vendor's status page, one that
// answers as Atlassian Statuspage does, and tells what concerns the components
// that one depends on from what does not.
package statuspage

import (
	"net/url"
	"strings"

	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// summary is where a page says everything at once.
const summary = "/api/v2/summary.json"

func text() *spec.Shape { return &spec.Shape{Form: spec.Template, Loose: true} }

var options = &spec.Shape{Form: spec.Object, Name: "statuspage", Fields: []spec.Field{
	{Key: "url", Doc: "The page. `" + summary + "` is put behind it, unless it ends in .json already.", Shape: text(), Required: true, Example: "https://status.example.com"},
	{Key: "components", Doc: "Parts of the names of the components that matter, or of their groups, in any case. Without it all do.", Shape: &spec.Shape{Form: spec.List, Elem: text(), Min: 1}, Example: "[API, Webhooks]"},
}}

func late(name string, t *types.Type, doc string) types.Field {
	return types.Field{Name: name, Type: t, Doc: doc, Late: true}
}

var (
	str   = &types.Type{Kind: types.String}
	words = &types.Type{Kind: types.List, Elem: str}
	flag  = &types.Type{Kind: types.Bool}
)

func listOf(names ...string) *types.Type {
	t := &types.Type{Kind: types.Object}
	for _, n := range names {
		f := types.Field{Name: n, Type: str}
		if n == "components" {
			f.Type = words
		}
		t.Fields = append(t.Fields, f)
	}
	return &types.Type{Kind: types.List, Elem: t}
}

var (
	incidentType    = listOf("name", "status", "impact", "url", "started", "components")
	componentType   = listOf("name", "status")
	maintenanceType = listOf("name", "status", "url", "starts", "ends", "components")
)

// indicators are what a page says of itself as a whole.
var indicators = []string{"none", "minor", "major", "critical", "maintenance", "unknown"}

var results = &types.Type{Kind: types.Object, Fields: []types.Field{
	late("readable", flag, "Whether the page could be read: it has components and incidents."),
	late("indicator", &types.Type{Kind: types.String, Enum: indicators}, "What the page says of itself as a whole; `unknown` where it does not, or could not be read. An incident elsewhere counts in it too."),
	late("description", str, "The same in words."),
	late("incidents", incidentType, "The incidents that are not resolved and touch the components: `{name, status, impact, url, started, components}`."),
	late("others", incidentType, "The incidents that are not resolved and touch none of them."),
	late("components", componentType, "The components that matter: `{name, status}`."),
	late("degraded", words, "The names of those of them that are not operational."),
	late("maintenances", maintenanceType, "The planned works that are not over and touch the components: `{name, status, url, starts, ends, components}`."),
	late("unmatched", words, "Entries of `components` that no component of the page has in its name: the vendor may have renamed it."),
}}

// New declares the kind.
func New() exec.Kind {
	return exec.Kind{Kind: kind.Kind{
		Name: "statuspage", Doc: "Reads a status page that answers as Atlassian Statuspage does. What a vendor says of himself is a hint, and may be late.",
		Options: options, Result: results,
		Errors:   []string{"dns", "connect", "tls", "protocol", "denied", "no_component"},
		Patience: kind.Patience,
		Expect:   "len(degraded) == 0 and len(incidents) == 0", Status: "readable",
		States: []kind.State{{Name: "read"}, {Name: "could not be read", Error: true}},
		Check:  check, Effects: effects,
	}, Executor: executor{}}
}

// address is where to ask.
func address(s string) (*url.URL, error) {
	u, err := kind.ParseURL(s)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(u.Path, ".json") {
		u = u.JoinPath(summary)
		u.RawQuery, u.Fragment = "", ""
	}
	return u, nil
}

// check is what can be said of a use before the run.
func check(u kind.Use, report source.Report) {
	add := func(at source.Span, summary, detail string) {
		report(source.Diagnostic{Code: "statuspage", Span: at, Summary: summary, Detail: detail})
	}
	u.CheckURL("https://status.example.com", add)
	for path, l := range u.Options {
		if s, ok := l.Value.(string); ok && strings.HasPrefix(path, "components[") && strings.TrimSpace(s) == "" {
			add(l.Span, "an empty name is a part of every name", "Remove it; without `components` all of them matter.")
		}
	}
}

func effects(u kind.Use) []kind.Effect { return u.Asks() }
