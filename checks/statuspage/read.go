package statuspage

import (
	"slices"
	"strings"

	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

const (
	maxItems = 1000 // entries of a list that are kept
	maxText  = 500  // characters of a text that are kept
)

func empty() map[string]any {
	return map[string]any{"readable": false, "indicator": "unknown", "description": "", "incidents": []any{}, "others": []any{}, "components": []any{}, "degraded": []any{}, "maintenances": []any{}, "unmatched": []any{}}
}

// read takes a page's answer apart. Foreign pages leave things out, so nothing is
// taken for granted: what is there is told, even where the whole is no status
// page.
func read(body []byte, filter []string) (map[string]any, *exec.Error) {
	fields := empty()
	v, err := types.DecodeJSON(body)
	page, ok := v.(map[string]any)
	switch {
	case err != nil && strings.HasPrefix(strings.TrimSpace(string(body[:min(len(body), 100)])), "<"):
		return fields, &exec.Error{Kind: "protocol", Message: "the answer is a web page, not JSON"}
	case err != nil:
		return fields, &exec.Error{Kind: "protocol", Message: "the answer is not JSON: " + cut(err.Error())}
	case !ok:
		return fields, &exec.Error{Kind: "protocol", Message: "the answer is JSON, but not that of a status page"}
	}
	overall := object(page["status"])
	if word := str1(overall["indicator"]); slices.Contains(indicators, word) {
		fields["indicator"] = word
	}
	fields["description"] = str1(overall["description"])
	s := newScope(page["components"], filter)
	fields["components"], fields["degraded"], fields["unmatched"] = s.components, s.degraded, s.unmatched
	fields["incidents"], fields["others"] = s.incidents(page["incidents"])
	fields["maintenances"] = s.maintenances(page["scheduled_maintenances"])
	var missing []string
	for _, key := range []string{"components", "incidents"} {
		if _, ok := page[key].([]any); !ok {
			missing = append(missing, "`"+key+"`")
		}
	}
	if len(missing) > 0 {
		return fields, &exec.Error{Kind: "protocol", Message: "the answer has no list of " + strings.Join(missing, " and ") + ", so it does not tell how things stand"}
	}
	fields["readable"] = true
	if len(filter) > 0 && len(s.unmatched) == len(filter) {
		return fields, &exec.Error{Kind: "no_component", Message: "no component of the page has " + strings.Join(filter, " or ") + " in its name; they are " + s.all()}
	}
	return fields, nil
}

// scope is what of a page matters.
type scope struct {
	filter     []string // in small letters
	components []any
	degraded   []any
	unmatched  []any
	ids        map[string]bool // of the components that matter
	names      []string        // of all
}

// part is a component as the page has it.
type part struct {
	id, name, status, group string
	container               bool
}

func newScope(raw any, filter []string) *scope {
	s := &scope{components: []any{}, degraded: []any{}, unmatched: []any{}, ids: map[string]bool{}}
	for _, w := range filter {
		s.filter = append(s.filter, strings.ToLower(w))
	}
	parts, groups := partsOf(raw)
	seen := make([]bool, len(filter))
	for _, p := range parts {
		s.names = append(s.names, p.name)
		matters := len(filter) == 0
		for i, w := range s.filter {
			if contains(p.name, w) || p.group != "" && contains(groups[p.group], w) {
				matters, seen[i] = true, true
			}
		}
		if !matters {
			continue
		}
		if p.id != "" {
			s.ids[p.id] = true
		}
		s.components = append(s.components, map[string]any{"name": p.name, "status": p.status})
		if p.status != "operational" {
			s.degraded = append(s.degraded, p.name)
		}
	}
	for i, found := range seen {
		if !found {
			s.unmatched = append(s.unmatched, filter[i])
		}
	}
	return s
}

// partsOf are the components of a page, and the names of their groups by id. A
// group that has members is not one itself: it would count twice.
func partsOf(raw any) (parts []part, groups map[string]string) {
	groups = map[string]string{}
	members := map[string]bool{}
	var all []part
	for _, m := range objects(raw) {
		p := part{id: str1(m["id"]), name: str1(m["name"]), status: str1(m["status"]), group: str1(m["group_id"]), container: m["group"] == true}
		if p.status == "" {
			p.status = "unknown"
		}
		if p.container {
			groups[p.id] = p.name
		}
		members[p.group] = true
		all = append(all, p)
	}
	for _, p := range all {
		if !p.container || !members[p.id] {
			parts = append(parts, p)
		}
	}
	return parts, groups
}

// contains reports whether a name has a word in small letters in it.
func contains(name, word string) bool { return strings.Contains(strings.ToLower(name), word) }

// touched are the components that an incident names, with whether one of them
// matters. One that names none is taken by its title.
func (s *scope) touched(m map[string]any) (names []any, matters bool) {
	names, matters = []any{}, len(s.filter) == 0
	seen := map[string]bool{"": true}
	add := func(id, name string) {
		matters = matters || id != "" && s.ids[id] || s.matches(name)
		if !seen[name] && len(names) < maxItems {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, c := range objects(m["components"]) {
		add(str1(c["id"]), str1(c["name"]))
	}
	for _, u := range objects(m["incident_updates"]) {
		for _, c := range objects(u["affected_components"]) {
			add(str1(c["code"]), str1(c["name"]))
		}
	}
	if len(names) == 0 {
		matters = matters || s.matches(str1(m["name"]))
	}
	return names, matters
}

func (s *scope) matches(name string) bool {
	return slices.ContainsFunc(s.filter, func(w string) bool { return contains(name, w) })
}

// over are the words for what has ended.
var over = []string{"resolved", "postmortem", "completed"}

func (s *scope) incidents(raw any) (touching, others []any) {
	touching, others = []any{}, []any{}
	for _, m := range objects(raw) {
		if slices.Contains(over, str1(m["status"])) {
			continue
		}
		names, matters := s.touched(m)
		started := str1(m["started_at"])
		if started == "" {
			started = str1(m["created_at"])
		}
		i := map[string]any{"name": str1(m["name"]), "status": str1(m["status"]), "impact": str1(m["impact"]), "url": str1(m["shortlink"]), "started": started, "components": names}
		if matters {
			touching = append(touching, i)
		} else {
			others = append(others, i)
		}
	}
	return touching, others
}

func (s *scope) maintenances(raw any) []any {
	out := []any{}
	for _, m := range objects(raw) {
		names, matters := s.touched(m)
		if !matters || slices.Contains(over, str1(m["status"])) {
			continue
		}
		out = append(out, map[string]any{"name": str1(m["name"]), "status": str1(m["status"]), "url": str1(m["shortlink"]), "starts": str1(m["scheduled_for"]), "ends": str1(m["scheduled_until"]), "components": names})
	}
	return out
}

// all names the page's components, for a person who looks for the right word.
func (s *scope) all() string {
	if len(s.names) == 0 {
		return "none at all"
	}
	return cut(strings.Join(s.names, ", "))
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// objects are the mappings of a list, up to a bound.
func objects(v any) []map[string]any {
	list, _ := v.([]any)
	var out []map[string]any
	for _, x := range list[:min(len(list), maxItems)] {
		if m, ok := x.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// str1 is a text of the page; "" for all that is none.
func str1(v any) string {
	s, _ := v.(string)
	return cut(s)
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	if r := []rune(s); len(r) > maxText {
		return string(r[:maxText]) + "…"
	}
	return s
}
