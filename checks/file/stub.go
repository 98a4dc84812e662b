package file

import (
	"encoding/json"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/types"
)

// stub answers from a scenario.
var stub = &kind.Stub{On: "the path, as the step gives it", Example: "/var/lock/deploy",
	Line:     func(o map[string]any) string { return types.Format(o["path"]) },
	Complete: complete,
}

// complete makes a reply of a file that is there, unless it says otherwise.
func complete(c kind.StubCall, r map[string]any) string {
	kind.Default(r, "exists", true)
	if r["exists"] == false {
		return ""
	}
	kind.Default(r, "type", "file")
	mode := "0644"
	if r["type"] == "folder" {
		mode = "0755"
	}
	kind.Default(r, "mode", mode)
	content(c, r)
	if at, ok := r["modified"].(time.Time); ok {
		r["modified"] = at.UTC()
		kind.Default(r, "age", c.Now.Sub(at))
	}
	kind.Default(r, "age", time.Duration(0))
	if age, ok := r["age"].(time.Duration); ok {
		kind.Default(r, "modified", c.Now.UTC().Add(-age))
	}
	return ""
}

// content gives what stands in the file as the kind does: where it is asked to,
// and no more than it is asked for.
func content(c kind.StubCall, r map[string]any) {
	text, given := r["content"].(string)
	if v, ok := r["json"]; ok && !given {
		if b, err := json.Marshal(types.Encode(v)); err == nil {
			text = string(b)
		}
	}
	if r["type"] == "file" {
		kind.Default(r, "size", len(text))
	}
	limit := int64(DefaultSize)
	if n, ok := c.Options["max_size"].(int64); ok {
		limit = n
	}
	if c.Options["read"] != true {
		delete(r, "content")
		delete(r, "json")
		return
	}
	f := guard.File{Content: []byte(text)}
	if int64(len(text)) > limit {
		f.Content, f.Cut = f.Content[:limit], true
	}
	read := map[string]any{"content": "", "json": nil, "binary": false, "truncated": f.Cut}
	inside(read, f)
	if f.Cut {
		delete(r, "json")
	}
	for name, v := range read {
		if name == "content" {
			r[name] = v
			continue
		}
		kind.Default(r, name, v)
	}
}
