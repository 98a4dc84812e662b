package record

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"runbook/engine/journal"
	"runbook/engine/secret"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// calls are what the world answered: stubs of servers, and results of steps.
func (r *recording) calls() (http, results []any) {
	var stubs []*stub
	for _, s := range r.order {
		if s.kind != "http" || !slices.ContainsFunc(s.attempts, isAnswered) || slices.ContainsFunc(s.attempts, isOdd) {
			results = append(results, r.results(s))
			continue
		}
		for _, a := range s.attempts {
			stubs = r.add(stubs, s.key, a)
		}
	}
	// The stub that demands more goes first: a request that has no query fits one
	// that demands none.
	slices.SortStableFunc(stubs, func(a, b *stub) int { return len(b.query) - len(a.query) })
	for _, s := range stubs {
		http = append(http, s.pairs())
	}
	return http, results
}

func isAnswered(a attempt) bool {
	status, _ := types.Exact(a.Fields["status"]).(int)
	return status > 0
}

// isOdd attempts can't be told by a stub of a server: one that failed, was cut
// off or redirected, or that a stub could not be found for.
func isOdd(a attempt) bool {
	cut, _ := a.Fields["truncated"].(bool)
	_, _, ok := target(a.request)
	return a.Error != nil || a.Ended != "" || cut || !ok || !isAnswered(a) || !wentThere(a)
}

// wentThere reports whether it was the request's own URL that answered.
func wentThere(a attempt) bool {
	on, _, _ := target(a.request)
	_, to, _ := strings.Cut(on, " ")
	u, err := url.Parse(text(a.Fields["url"]))
	return err == nil && (strings.Contains(to, "*") || to == plain(u))
}

// stub is a server's answers to one request, in their order.
type stub struct {
	on      string
	query   map[string]any
	replies []any
}

func (r *recording) add(stubs []*stub, key string, a attempt) []*stub {
	on, query, _ := target(a.request)
	i := slices.IndexFunc(stubs, func(s *stub) bool { return s.on == on && types.Equal(s.query, query) })
	if i < 0 {
		i, stubs = len(stubs), append(stubs, &stub{on: on, query: query})
	}
	stubs[i].replies = append(stubs[i].replies, r.reply(key, a))
	return stubs
}

func (s *stub) pairs() syntax.Pairs {
	out := syntax.Pairs{{Key: "on", Value: s.on}}
	if len(s.query) > 0 {
		out = append(out, syntax.Pair{Key: "query", Value: s.query})
	}
	return append(out, syntax.Pair{Key: "reply", Value: oneOrMore(s.replies)})
}

// target is where a request went: the method and the URL, and its query. Where a
// secret stood in them, anything fits.
func target(request map[string]any) (on string, query map[string]any, ok bool) {
	method := text(request["method"])
	if method == "" {
		method = "GET"
	}
	u, err := url.Parse(text(request["url"]))
	if err != nil || u.Host == "" || u.User != nil {
		return "", nil, false
	}
	query = map[string]any{}
	for k, v := range u.Query() {
		query[k] = anything(v[0])
	}
	more, _ := request["query"].(map[string]any)
	for k, v := range more {
		query[k] = anything(text(v))
	}
	return method + " " + anything(plain(u)), query, true
}

// plain is a URL as a stub has it.
func plain(u *url.URL) string {
	if u.Path == "" {
		return u.Scheme + "://" + u.Host + "/"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

func anything(s string) string { return strings.ReplaceAll(s, secret.Mask, "*") }

// text is a leaf as text; a masked one fits anything.
func text(v any) string {
	if _, masked := v.(map[string]any); masked {
		return "*"
	}
	return types.Format(v)
}

// passing headers belong to the connection, and to the moment.
var passing = []string{"content-length", "transfer-encoding", "connection", "keep-alive", "date"}

// cookie is one that an answer sets, of several in a line: its name, and its value.
// Whoever has that may be in somebody's session, and a recording is kept by many.
var cookie = regexp.MustCompile(`((?:^|, )[^=;, ]+=)[^;,]*`)

// reply is a server's answer.
func (r *recording) reply(key string, a attempt) syntax.Pairs {
	out := syntax.Pairs{{Key: "status", Value: a.Fields["status"]}}
	headers, _ := standIns(a.Fields["headers"]).(map[string]any)
	body, isText := r.kept(key, a.Fields["body"]).(string)
	tree := r.kept(key, a.Fields["json"])
	asTree := isText && tree != nil && isJSON(headers["content-type"]) && same(body, tree)
	kept := map[string]any{}
	for k, v := range headers {
		if !slices.Contains(passing, k) && (!asTree || k != "content-type" || v != treeType) {
			kept[k] = v
		}
		if k == "set-cookie" {
			kept[k] = cookie.ReplaceAllString(text(v), "${1}recorded")
		}
	}
	if len(kept) > 0 {
		out = append(out, syntax.Pair{Key: "headers", Value: kept})
	}
	switch {
	case asTree:
		out = append(out, syntax.Pair{Key: "json", Value: tree})
	case body != "":
		out = append(out, syntax.Pair{Key: "body", Value: body})
	}
	return append(out, took(a.Duration)...)
}

// treeType is the content type of a stub's `json` where it names none.
const treeType = "application/json;charset=utf-8"

func isJSON(contentType any) bool { return strings.Contains(text(contentType), "json") }

// same reports whether a tree is written as the body was. One that is not stands
// as text: what a step reads of the body must be the same.
func same(body string, tree any) bool {
	data, err := json.Marshal(tree)
	return err == nil && string(data) == body
}

// took is how long an answer took, to the millisecond.
func took(d journal.Seconds) syntax.Pairs {
	if ms := d.Duration().Truncate(time.Millisecond); ms > 0 {
		return syntax.Pairs{{Key: "delay", Value: ms.String()}}
	}
	return nil
}

// results are what the attempts of a step came back with.
func (r *recording) results(s *step) syntax.Pairs {
	var replies []any
	for _, a := range s.attempts {
		if a.Ended != unfinished {
			replies = append(replies, r.result(s.key, a))
		}
	}
	if len(replies) == 0 {
		replies = append(replies, r.settled(s))
	}
	return syntax.Pairs{{Key: "on", Value: s.key}, {Key: "reply", Value: oneOrMore(replies)}}
}

// settled is what a step came back with that was in doubt, and that a person or a
// check said was done.
func (r *recording) settled(s *step) syntax.Pairs {
	out := syntax.Pairs{}
	if st := r.state.Step(s.key); st != nil && st.Done != nil {
		out = r.native(s.key, st.Done.Results)
	}
	return out
}

func (r *recording) result(key string, a attempt) syntax.Pairs {
	fields := a.Fields
	if a.Error != nil {
		fields = maps.Clone(fields)
		maps.DeleteFunc(fields, func(_ string, v any) bool { return isZero(v) })
	}
	out := r.native(key, fields)
	if a.Error != nil {
		out = append(out, syntax.Pair{Key: "error", Value: syntax.Pairs{{Key: "kind", Value: a.Error.Kind}, {Key: "message", Value: a.Error.Message}}})
	}
	d := a.Duration
	if a.Ended != "" {
		d += journal.SecondsOf(tooLate) // its scope ended before it
	}
	return append(out, took(d)...)
}

// isZero values are what a kind gives anyway where it could not do its work.
func isZero(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return v == false || types.Equal(types.Exact(v), 0)
}

// native are results in the order of their names, without those that are nothing.
func (r *recording) native(key string, fields map[string]any) syntax.Pairs {
	out := syntax.Pairs{}
	for _, name := range sortedKeys(fields) {
		v := fields[name]
		if v == nil || v == "" || name == "timing" || name == "truncated" && v == false {
			continue
		}
		out = append(out, syntax.Pair{Key: name, Value: r.kept(key, v)})
	}
	return out
}

func oneOrMore(l []any) any {
	if len(l) == 1 {
		return l[0]
	}
	return l
}
