//go:build unix

package engine

import (
	"fmt"
	"strings"
	"testing"
)

// looks are steps of other kinds that try to open what is not permitted, and the
// entry that would permit it. {D} is the yard of the scripts.
var looks = []struct {
	name, step, entry string
	inert             bool // there is nothing to be seen
}{
	{name: "a file", step: `check: try, required: true, file: {path: "{D}/hidden/secret", read: true}`, entry: "files.read {D}/hidden/secret"},
	{name: "that a file is there", step: `check: try, required: true, file: {path: "{D}/hidden/tool"}, facts: {saw: SEEN}`, entry: "files.read {D}/hidden/tool"},
	{name: "a folder", step: `check: try, required: true, file: {path: "{D}/hidden"}, facts: {saw: SEEN}`, entry: "files.read {D}/hidden"},
	{name: "behind a link", step: `check: try, required: true, file: {path: "{D}/in/link", read: true}`, entry: "files.read {D}/hidden/secret"},
	{name: "behind an absolute link", step: `check: try, required: true, file: {path: "{D}/in/abs", read: true}`, entry: "files.read {D}/hidden/secret"},
	{name: "behind two links", step: `check: try, required: true, file: {path: "{D}/in/twice", read: true}`, entry: "files.read {D}/hidden/secret"},
	{name: "in a linked folder", step: `check: try, required: true, file: {path: "{D}/in/folder/secret", read: true}`, entry: "files.read {D}/hidden/secret"},
	{name: "by dots", step: `check: try, required: true, file: {path: "{D}/in/../hidden/secret", read: true}`, entry: "files.read {D}/in/../hidden/secret"},
	{name: "by dots behind a link", step: `check: try, required: true, file: {path: "{D}/in/folder/../hidden/secret", read: true}`, entry: "files.read {D}/hidden/secret"},
	{name: "by a relative path", step: `check: try, required: true, file: {path: "../hidden/secret", read: true}`, entry: "files.read {D}/in/../hidden/secret"},
	{name: "where it may only write", step: `check: try, required: true, file: {path: "{D}/out/link", read: true}`, entry: "files.read {D}/out/link"},
	{name: "a stream of the program", step: `check: try, required: true, file: {path: /dev/stdin}`, entry: "files.read /dev/stdin", inert: true},
	{name: "a database", step: `check: try, required: true, sql: {driver: sqlite, file: "{D}/hidden/secret", query: select 1}`, entry: "files.read {D}/hidden/secret", inert: true},
	{name: "a database behind a link", step: `check: try, required: true, sql: {driver: sqlite, file: "{D}/in/link", query: select 1}`, entry: "files.read {D}/hidden/secret", inert: true},
	{name: "a database to be changed", step: `action: try, sql: {driver: sqlite, file: "{D}/in/data", query: delete from x}`, entry: "files.write {D}/in/data", inert: true},
	{name: "a database behind a link, to be changed", step: `action: try, sql: {driver: sqlite, file: "{D}/out/link", query: delete from x}`, entry: "files.write {D}/hidden/secret", inert: true},
}

// TestEscapesOfFiles: no kind opens a file that is not permitted, and sees it once
// what the denial names is there.
func TestEscapesOfFiles(t *testing.T) {
	for i, e := range looks {
		t.Run(fmt.Sprintf("%02d %s", i, e.name), func(t *testing.T) {
			yard := newYard(t)
			in := func(s string) string { return strings.ReplaceAll(s, "{D}", yard.dir) }
			a := attempt{step: "{" + in(e.step) + "}", set: yard.set(), doors: yard.doors()}
			got := a.run(t)
			denied(t, got)
			if yard.took(got) {
				t.Fatalf("it took effect: %s", got.journal)
			}
			var entry string
			if a.set, entry = permits(t, a.set, got.message); entry != in(e.entry) {
				t.Errorf("the entry `%s` is named, not `%s`", entry, in(e.entry))
			}
			for range 3 {
				if got = a.run(t); got.kind != "denied" {
					break
				}
				a.set, _ = permits(t, a.set, got.message)
			}
			if got.kind == "denied" || !e.inert && !yard.took(got) {
				t.Errorf("with all that was named, it came to %d %s: %s", got.code, got.message, got.journal)
			}
		})
	}
}
