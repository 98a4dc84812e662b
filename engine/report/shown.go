package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Shown is what will be done, for a person to approve: an HTTP request as method,
// URL, headers and body, a script as its lines, a list of what a decision read as
// `expr = value`, anything else as `key: value`. The text drives no terminal; what
// cannot be seen in it is written as its number.
func Shown(v any) string {
	return visible(strings.TrimRight(shown(plain(v)), "\n"))
}

// plain brings a value to maps, lists, strings, numbers and bools, by way of
// JSON.
func plain(v any) any {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v) // not a value of JSON: shown as Go shows it
	}
	dec := json.NewDecoder(&b)
	dec.UseNumber()
	var out any
	if err := dec.Decode(&out); err != nil {
		return fmt.Sprint(v)
	}
	return out
}

func shown(v any) string {
	switch v := v.(type) {
	case map[string]any:
		switch {
		case isText(v["url"]):
			return shownRequest(v)
		case isText(v["script"]):
			return shownScript(v)
		case isList(v["argv"]):
			return shownProgram(v)
		}
		return pairs(v)
	case []any:
		return shownList(v)
	}
	return value(v)
}

func isText(v any) bool { _, ok := v.(string); return ok }
func isList(v any) bool { _, ok := v.([]any); return ok }

func shownRequest(m map[string]any) string {
	method := "GET"
	if s, ok := m["method"].(string); ok && s != "" {
		method = strings.ToUpper(s)
	}
	text := strings.ReplaceAll(method+" "+value(m["url"]), "\n", " ⏎ ") + "\n"
	if h, ok := m["headers"].(map[string]any); ok {
		text += pairs(h)
	}
	text += pairs(without(m, "method", "url", "headers", "body", "json"))
	if j, ok := m["json"]; ok {
		text += "\n" + pretty(j) + "\n"
	}
	if b, ok := m["body"]; ok && b != nil && b != "" {
		text += "\n" + value(b) + "\n"
	}
	return text
}

func shownScript(m map[string]any) string {
	return strings.TrimRight(value(m["script"]), "\n") + "\n" + pairs(without(m, "script"))
}

func shownProgram(m map[string]any) string {
	list, _ := m["argv"].([]any)
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = word(value(w))
	}
	return strings.Join(words, " ") + "\n" + pairs(without(m, "argv"))
}

// word quotes an argument where its end could not be seen otherwise.
func word(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n\"'\\$`|&;<>()*?[]{}#~!") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func without(m map[string]any, keys ...string) map[string]any {
	m = maps.Clone(m)
	for _, k := range keys {
		delete(m, k)
	}
	return m
}

func shownList(list []any) string {
	if reads := operands(list); len(reads) > 0 {
		return strings.Join(reads, "\n")
	}
	text := ""
	for _, x := range list {
		text += "- " + strings.TrimPrefix(indent(shown(x), "  "), "  ") + "\n"
	}
	return text
}

// operands are what a decision read, as `expr = value`; what it did not reach is
// left out.
func operands(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, x := range list {
		m, ok := x.(map[string]any)
		if !ok || !isText(m["expr"]) || m["not_read"] == true {
			continue
		}
		text := value(m["expr"])
		switch v, ok := m["value"]; {
		case isText(m["error"]):
			text += ": " + value(m["error"])
		case ok:
			text += " = " + quoted(v)
		}
		if item, ok := m["item"]; ok {
			text += " (decided by " + quoted(item) + ")"
		}
		out = append(out, text)
	}
	return out
}

// pairs writes `key: value` lines in order of the keys; what does not fit on a
// line is written below its key.
func pairs(m map[string]any) string {
	text := ""
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v, k := m[k], oneLine(k)
		switch x := v.(type) {
		case map[string]any:
			if len(x) > 0 && mask(x) == "" {
				text += k + ":\n" + indent(pairs(x), "  ") + "\n"
				continue
			}
		case []any:
			if len(x) > 0 {
				text += k + ":\n" + indent(shownList(x), "  ") + "\n"
				continue
			}
		}
		s := value(v)
		if strings.Contains(strings.TrimRight(s, "\n"), "\n") {
			text += k + ":\n" + indent(s, "  ") + "\n"
			continue
		}
		text += k + ": " + strings.TrimRight(s, "\n") + "\n"
	}
	return text
}

// value is a value as text: a string as it is, a secret as its name, anything else as
// JSON.
func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		return v
	case json.Number:
		return v.String()
	case map[string]any:
		if m := mask(v); m != "" {
			return m
		}
	}
	return compact(v)
}

// quoted is a value in which a string can be told from a number and from nothing
// at all.
func quoted(v any) string {
	if m, ok := v.(map[string]any); ok && mask(m) != "" {
		return mask(m)
	}
	return shorten(compact(v), 200)
}

// mask is how a secret is shown, "" for anything that is none.
func mask(m map[string]any) string {
	name, ok := m["$masked"].(string)
	if !ok || len(m) != 1 {
		return ""
	}
	return "‹secret " + name + "›"
}

func compact(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimRight(b.String(), "\n")
}

func pretty(v any) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(compact(v)), "", "  "); err != nil {
		return compact(v)
	}
	return b.String()
}
