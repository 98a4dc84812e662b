// Package file is the kind that looks at a file: whether it is there, how old it
// is, and, where it is asked to, what stands in it. It never changes one.
package file

import (
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// DefaultSize is how much is read where `max_size` says nothing.
const DefaultSize = 1 << 20

var options = &spec.Shape{Form: spec.Object, Name: "file", Fields: []spec.Field{
	{Key: "path", Doc: "The file or folder to look at; `permissions.files.read` must permit it. A relative one starts at the current folder.", Shape: &spec.Shape{Form: spec.Template, Loose: true}, Required: true, Example: "/var/backups/db.dump"},
	{Key: "read", Doc: "Whether to read what stands in it, for `content` and `json`. It is written into the journal.", Shape: &spec.Shape{Form: spec.Bool}, Default: "false"},
	{Key: "max_size", Doc: "How much is read; of a longer file the beginning, with `truncated` true and `json` nil.", Shape: &spec.Shape{Form: spec.Size}, Default: "1MiB"},
}}

func late(name string, t *types.Type, doc string) types.Field {
	return types.Field{Name: name, Type: t, Doc: doc, Late: true}
}

func of(k types.Kind) *types.Type { return &types.Type{Kind: k} }

// sorts are the words of `type`; "" is nothing there.
var sorts = []string{"", "file", "folder", "pipe", "socket", "device", "other"}

var results = &types.Type{Kind: types.Object, Fields: []types.Field{
	late("exists", of(types.Bool), "Whether something is there. Links are followed; one that leads nowhere is nothing."),
	late("type", &types.Type{Kind: types.String, Enum: sorts}, "What is there; empty where nothing is."),
	late("size", of(types.Int), "How many bytes a file has; 0 for all else."),
	late("modified", &types.Type{Kind: types.Time, Nil: true}, "When it was changed last; nil where nothing is there."),
	late("age", &types.Type{Kind: types.Duration, Nil: true}, "How long ago that was; nil where nothing is there."),
	late("mode", of(types.String), "Its permission bits in octal, such as 0644."),
	late("content", of(types.String), "What stands in it, with `read`; empty where it is not text."),
	late("json", nil, "That as JSON; nil where it is not JSON."),
	late("binary", of(types.Bool), "Whether what was read is not text."),
	late("truncated", of(types.Bool), "Whether more stands in it than `max_size`."),
}}

// New declares the kind.
func New() exec.Kind {
	return exec.Kind{Kind: kind.Kind{
		Name: "file", Doc: "Looks at a file or folder, and reads a file where it is asked to. A file that is not there is a finding, not an error.",
		Options: options, Result: results,
		Errors: []string{"denied", "access"},
		Expect: "exists", Status: "exists",
		States: []kind.State{
			{Name: "there", Ranges: map[string]kind.Range{"size": {Max: 1 << 50}}},
			{Name: "not there", Ranges: map[string]kind.Range{"size": {}}},
			{Name: "could not look", Ranges: map[string]kind.Range{"size": {}}, Error: true},
		},
		Check: check, Effects: effects, Stub: stub,
	}, Executor: executor{}}
}

// check is what can be said of a use before the run.
func check(u kind.Use, report source.Report) {
	add := func(at source.Span, summary, detail string) {
		report(source.Diagnostic{Code: "file", Span: at, Summary: summary, Detail: detail})
	}
	if !u.Check {
		add(u.Span, "`file` only looks, and an action is to change something", "Make it a `check`. To write a file, use `shell` and permit it under `permissions.files.write`.")
	}
	if s, ok := u.Text("path"); ok && s == "" {
		add(u.Options["path"].Span, "the path is empty", "Write one such as /var/backups/db.dump.")
	}
	if l, ok := u.Options["max_size"]; ok && u.Options["read"].Value != true {
		add(l.Span, "`max_size` has no meaning where nothing is read", "Say `read: true`, or remove it.")
	}
}

// effects: the file, where it is known.
func effects(u kind.Use) []kind.Effect {
	s, _ := u.Text("path")
	return []kind.Effect{{File: s, Span: u.Options["path"].Span}}
}
