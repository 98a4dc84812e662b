package statuspage

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/kindtest"
	"runbook/engine/permit"
	"runbook/engine/source"
	"runbook/engine/types"
)

// groups is a page with groups, an incident without components, and one that is
// resolved although it is still there.
const groups = `{"page": {"name": "Big"}, "status": {"indicator": "major", "description": "Partial System Outage"}, "components": [
  {"id": "g1", "name": "CRM", "status": "major_outage", "group": true, "group_id": null},
  {"id": "c1", "name": "Contacts API", "status": "major_outage", "group_id": "g1", "group": false},
  {"id": "c2", "name": "Deals", "status": "operational", "group_id": "g1"},
  {"id": "c3", "name": "Webhooks", "status": "under_maintenance"},
  {"id": "g2", "name": "Lonely group", "status": "operational", "group": true},
  {"id": "c4", "name": "Forms"}
], "incidents": [
  {"name": "Contacts are slow", "status": "investigating", "impact": "major", "shortlink": "https://s/1", "created_at": "2026-01-01T00:00:00Z", "components": [{"id": "c1", "name": "Contacts API"}]},
  {"name": "Webhooks are late", "status": "monitoring", "impact": "none", "components": [], "incident_updates": []},
  {"name": "Told by an update", "status": "identified", "incident_updates": [{"affected_components": null}, {"affected_components": [{"code": "c4", "name": "Forms"}]}]},
  {"name": "Contacts were slow", "status": "resolved", "components": [{"id": "c1"}]}
], "scheduled_maintenances": [
  {"name": "Move", "status": "in_progress", "shortlink": "https://s/2", "scheduled_for": "2026-01-02T00:00:00Z", "scheduled_until": "2026-01-03T00:00:00Z", "components": [{"id": "c3", "name": "Webhooks"}]},
  {"name": "Old move", "status": "completed", "components": [{"id": "c3", "name": "Webhooks"}]}
]}`

func pages(t *testing.T) http.HandlerFunc {
	real, err := os.ReadFile("testdata/summary.json")
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{
		summary: string(real), "/groups" + summary: groups, "/own.json": groups, "/html" + summary: "<!doctype html><html>down</html>", "/text" + summary: "down", "/list" + summary: "[1]", "/empty" + summary: "", "/null" + summary: "null",
		"/object" + summary: `{"error": "no such page"}`, "/noincidents" + summary: `{"status": {"indicator": "none", "description": "fine"}, "components": [{"name": "API", "status": "operational"}]}`,
		"/lookalike" + summary: `{"components": [{"name": "API", "status": "operational"}], "incidents": []}`, "/odd" + summary: `{"status": {"indicator": "purple"}, "components": [], "incidents": []}`,
		"/wrong" + summary: `{"status": "fine", "components": [1, null, "x", {"name": 5, "status": []}, {"name": "API", "id": 7}], "incidents": [[], {"name": {}, "components": {"id": 1}, "incident_updates": [4]}], "scheduled_maintenances": "none"}`,
		"/cut" + summary:   string(real[:200]), "/deep" + summary: strings.Repeat("[", 100_000),
	}
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/busy" + summary:
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/moved" + summary:
			http.Redirect(w, r, summary, http.StatusMovedPermanently)
		case "/away" + summary:
			http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
		case "/endless" + summary:
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		case "/slow" + summary:
			for range 600 {
				fmt.Fprint(w, " ")
				w.(http.Flusher).Flush()
				select {
				case <-time.After(20 * time.Millisecond):
				case <-r.Context().Done():
					return
				}
			}
		case "/hangup" + summary:
			conn, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"status\":")
			conn.Close()
		default:
			body, ok := bodies[r.URL.Path]
			if !ok {
				http.NotFound(w, r)
			}
			fmt.Fprint(w, body)
		}
	}
}

func is(more ...any) func(*testing.T, map[string]any) {
	return func(t *testing.T, f map[string]any) {
		t.Helper()
		for i := 0; i < len(more); i += 2 {
			v := f[more[i].(string)]
			if list, ok := v.([]any); ok {
				var names []string
				for _, x := range list {
					if m, ok := x.(map[string]any); ok {
						x = m["name"]
					}
					names = append(names, types.Format(x))
				}
				v = strings.Join(names, "|")
			}
			if v != more[i+1] {
				t.Errorf("%s is %v, want %v", more[i], v, more[i+1])
			}
		}
	}
}

func TestStatuspage(t *testing.T) {
	kindtest.Declaration(t, New())
	srv := httptest.NewServer(pages(t))
	defer srv.Close()
	g := guard.New(permit.Set{Hosts: []string{"127.0.0.1"}}, guard.Options{Env: []string{}})
	defer g.Close()
	at := func(path string, components ...any) map[string]any {
		o := map[string]any{"url": srv.URL + path}
		if len(components) > 0 {
			o["components"] = components
		}
		return o
	}
	unread := is("readable", false, "indicator", "unknown", "incidents", "", "components", "")
	kindtest.Run(t, New(), g, []kindtest.Case{
		{Name: "all", Options: at(""), Verify: func(t *testing.T, f map[string]any) {
			is("readable", true, "indicator", "minor", "description", "Partially Degraded Service", "components", "Market data", "degraded", "Market data", "incidents", "Market data is delayed", "others", "", "maintenances", "Schedule maintenance", "unmatched", "")(t, f)
			i := f["incidents"].([]any)[0].(map[string]any)
			if i["status"] != "investigating" || i["impact"] != "minor" || i["url"] != "http://stspg.io/pkvbwp8jppf9" || i["started"] != "2020-02-11T03:15:01.906Z" || types.Format(i["components"]) != `["Market data"]` {
				t.Errorf("%v", i)
			}
		}},
		{Name: "slash at the end", Options: at("/"), Verify: is("readable", true)},
		{Name: "the address itself", Options: at(summary), Verify: is("readable", true)},
		{Name: "another address", Options: at("/own.json"), Verify: is("readable", true, "indicator", "major")},
		{Name: "moved", Options: at("/moved"), Verify: is("readable", true)},
		{Name: "by component", Options: at("", "MARKET"), Verify: is("incidents", "Market data is delayed", "unmatched", "")},
		{Name: "a part has another name", Options: at("", "market", "Login"), Verify: is("unmatched", "Login", "degraded", "Market data")},
		{Name: "all have other names", Options: at("", "Login"), Error: "no_component", Verify: is("readable", true, "unmatched", "Login", "incidents", "", "others", "Market data is delayed")},
		{Name: "all of many", Options: at("/groups"), Verify: is("components", "Contacts API|Deals|Webhooks|Lonely group|Forms", "degraded", "Contacts API|Webhooks|Forms", "incidents", "Contacts are slow|Webhooks are late|Told by an update", "others", "", "maintenances", "Move")},
		{Name: "a group", Options: at("/groups", "crm"), Verify: is("components", "Contacts API|Deals", "degraded", "Contacts API", "incidents", "Contacts are slow", "others", "Webhooks are late|Told by an update", "maintenances", "")},
		{Name: "by title", Options: at("/groups", "webhook"), Verify: is("components", "Webhooks", "incidents", "Webhooks are late", "maintenances", "Move")},
		{Name: "by update", Options: at("/groups", "forms"), Verify: is("incidents", "Told by an update", "degraded", "Forms")},
		{Name: "untouched", Options: at("/groups", "deals"), Verify: is("incidents", "", "degraded", "", "others", "Contacts are slow|Webhooks are late|Told by an update")},
		{Name: "no indicator", Options: at("/lookalike"), Verify: is("readable", true, "indicator", "unknown", "degraded", "")},
		{Name: "odd indicator", Options: at("/odd"), Verify: is("readable", true, "indicator", "unknown")},
		{Name: "wrong types", Options: at("/wrong"), Verify: is("readable", true, "components", "|API", "incidents", "")},
		{Name: "no incidents", Options: at("/noincidents"), Error: "protocol", Verify: is("readable", false, "indicator", "none", "components", "API")},
		{Name: "an error", Options: at("/object"), Error: "protocol", Verify: unread},
		{Name: "html", Options: at("/html"), Error: "protocol", Verify: unread},
		{Name: "text", Options: at("/text"), Error: "protocol", Verify: unread},
		{Name: "list", Options: at("/list"), Error: "protocol", Verify: unread},
		{Name: "null", Options: at("/null"), Error: "protocol", Verify: unread},
		{Name: "empty", Options: at("/empty"), Error: "protocol", Verify: unread},
		{Name: "cut", Options: at("/cut"), Error: "protocol", Verify: unread},
		{Name: "deep", Options: at("/deep"), Error: "protocol", Verify: unread},
		{Name: "busy", Options: at("/busy"), Error: "protocol", Verify: unread},
		{Name: "not found", Options: at("/nothing"), Error: "protocol", Verify: unread},
		{Name: "endless", Options: at("/endless"), Error: "protocol", Verify: unread},
		{Name: "hangs up", Options: at("/hangup"), Error: "protocol", Verify: unread},
		{Name: "slow", Options: at("/slow"), Timeout: 200 * time.Millisecond, Error: "timeout", Verify: unread},
		{Name: "leads away", Options: at("/away"), Error: "denied", Verify: unread},
		{Name: "not permitted", Options: map[string]any{"url": "https://status.example.com"}, Error: "denied"},
		{Name: "no page", Options: map[string]any{"url": "status.example.com"}, Error: "protocol"},
		{Name: "nobody listens", Options: map[string]any{"url": "http://127.0.0.1:1"}, Error: "connect"},
	})
	kindtest.Cancelled(t, New(), g, at("/slow"))
}

func TestMessages(t *testing.T) {
	for body, want := range map[string]string{"<html>": "a web page", "x": "not JSON", "[]": "not that of a status page", `{"components": []}`: "no list of `incidents`", `{}`: "no list of `components` and `incidents`"} {
		if _, err := read([]byte(body), nil); err == nil || !strings.Contains(err.Message, want) {
			t.Errorf("%s: %+v", body, err)
		}
	}
	if _, err := read([]byte(groups), []string{"login", "x y"}); err == nil || !strings.Contains(err.Message, "has login or x y in its name; they are Contacts API, Deals") {
		t.Errorf("%+v", err)
	}
}

func leaf(v any) kind.Leaf { return kind.Leaf{Value: v, Known: true} }

func TestStaticChecks(t *testing.T) {
	for _, c := range []struct {
		options map[string]kind.Leaf
		says    string
	}{
		{map[string]kind.Leaf{"url": leaf("https://status.example.com")}, ""},
		{map[string]kind.Leaf{"url": leaf("status.example.com")}, "must begin with http"},
		{map[string]kind.Leaf{"url": leaf("https://")}, "no host"},
		{map[string]kind.Leaf{"url": leaf("https://a.b/%zz")}, "cannot be used"},
		{map[string]kind.Leaf{"url": {Prefix: "ftp://"}}, "scheme is ftp"},
		{map[string]kind.Leaf{"url": leaf("https://a.b"), "components[0]": leaf("API"), "components[1]": leaf(" ")}, "part of every name"},
	} {
		var found []source.Diagnostic
		check(kind.Use{Check: true, Options: c.options}, func(d source.Diagnostic) { found = append(found, d) })
		if (c.says == "") != (len(found) == 0) || len(found) > 0 && (!strings.Contains(found[0].Summary, c.says) || found[0].Detail == "") {
			t.Errorf("%v: %v", c.options, found)
		}
	}
	for l, want := range map[kind.Leaf]string{leaf("https://a.b/c"): "a.b", leaf("https://a.b:8443"): "a.b:8443", {Prefix: "https://a.b/x"}: "a.b", {Prefix: "https://a."}: ""} {
		if e := effects(kind.Use{Options: map[string]kind.Leaf{"url": l}}); len(e) != 1 || e[0].Host != want {
			t.Errorf("%v: %v", l, e)
		}
	}
	for in, want := range map[string]string{"https://a.b": "https://a.b/api/v2/summary.json", "https://a.b/x/?q=1#f": "https://a.b/x/api/v2/summary.json", "https://a.b/s.json?q=1": "https://a.b/s.json?q=1"} {
		if u, err := address(in); err != nil || u.String() != want {
			t.Errorf("%s: %v %v", in, u, err)
		}
	}
}

// FuzzRead: whatever a page says gives results of their declared types, and an
// error wherever it could not be read.
func FuzzRead(f *testing.F) {
	real, err := os.ReadFile("testdata/summary.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []string{string(real), groups, "<html>", "[]", "{}", `{"components": [{"group": true, "id": "a", "group_id": "a"}], "incidents": [{}]}`} {
		f.Add([]byte(body), "market")
		f.Add([]byte(body), "")
	}
	decl := types.Decl{Name: "results", Type: results}
	f.Fuzz(func(t *testing.T, body []byte, word string) {
		var filter []string
		if word != "" {
			filter = []string{word}
		}
		fields, problem := read(body, filter)
		if _, err := decl.Check(fields); err != nil {
			t.Error(err)
		}
		for _, field := range results.Fields {
			if _, ok := fields[field.Name]; !ok {
				t.Errorf("%s is missing", field.Name)
			}
		}
		if problem == nil && fields["readable"] != true || problem != nil && problem.Message == "" {
			t.Errorf("%v %+v", fields["readable"], problem)
		}
	})
}
