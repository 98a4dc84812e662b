package sql

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"runbook/engine/kind"
	"runbook/engine/source"
)

// checker is what can be said of a use before the run.
type checker struct {
	use    kind.Use
	report source.Report
}

func (c checker) add(at source.Span, summary, detail string) {
	c.report(source.Diagnostic{Code: "sql", Span: at, Summary: summary, Detail: detail})
}

func check(u kind.Use, report source.Report) {
	c := checker{u, report}
	c.target()
	c.query()
	if n, ok := u.Options["max_bytes"].Value.(int64); ok && (n < 1 || n > MaxBytes) {
		c.add(u.Options["max_bytes"].Span, "`max_bytes` is out of range", "Write a size from 1 to 64MiB.")
	}
	if l, ok := u.Options["transaction"]; ok && u.Check {
		c.add(l.Span, "a check always runs in a transaction, which is rolled back", "Remove `transaction`, or make it an `action`.")
	}
	if l, ok := u.Options["params"]; ok && l.Known && l.Value != nil {
		c.add(l.Span, "`params` is a list", "Write `params: [first, second]`.")
	}
	for path, l := range u.Options {
		if strings.HasPrefix(path, "params.") {
			c.add(l.Span, "`params` is a list, not a mapping", "Write the values in the order of the statement's parameters: `params: [first, second]`.")
			break
		}
	}
}

// ofServer are the options that belong to `host`.
var ofServer = []string{"port", "database", "user", "password"}

func (c checker) target() {
	driver, known := c.use.Text("driver")
	if !known {
		return
	}
	_, file := c.use.Options["file"]
	_, url := c.use.Options["url"]
	switch {
	case driver == driverSQLite && !file:
		c.add(c.use.Span, "a SQLite database is a file", "Write `file: PATH`.")
	case driver != driverSQLite && file:
		c.add(c.use.Options["file"].Span, "`file` is for `driver: sqlite`", "Write `host`, or `url`.")
	}
	if driver == driverSQLite || url {
		for _, key := range ofServer {
			if l, ok := c.use.Options[key]; ok {
				c.add(l.Span, fmt.Sprintf("`%s` belongs to `host`", key), "Remove it: nothing would use it here.")
			}
		}
	}
	for _, key := range []string{"mode", "ca", "cert", "key", "server_name"} {
		if l, ok := c.use.Options["tls."+key]; ok && driver == driverSQLite {
			c.add(l.Span, "`tls` is for servers, and SQLite has none", "Remove it.")
			break
		}
	}
	if s, ok := c.use.Text("url"); ok {
		if _, err := targetOf(map[string]any{"driver": driver, "url": s}); err != nil {
			c.add(c.use.Options["url"].Span, "the URL cannot be used: "+err.Error(), "Write one such as postgres://user@db.example.com/payments.")
		}
	}
	if driver != driverSQLite && !url {
		c.port()
	}
}

func (c checker) port() {
	if s, ok := c.use.Text("port"); ok {
		if n, err := strconv.ParseUint(s, 10, 16); err != nil || n == 0 {
			c.add(c.use.Options["port"].Span, "`port` is no port", "Write a number from 1 to 65535.")
		}
	}
}

// writes are the words with which a statement begins that changes something.
var writes = []string{"insert", "update", "delete", "merge", "replace", "truncate", "create", "alter", "drop", "grant", "revoke", "vacuum", "reindex", "load", "kill", "flush"}

// bounds are the words with which a statement begins that ends a transaction.
var bounds = []string{"begin", "commit", "rollback", "abort", "savepoint", "release", "end"}

var (
	comments = regexp.MustCompile(`(?s)^(?:\s+|--[^\n]*(?:\n|$)|/\*[^!].*?\*/)+`)
	word     = regexp.MustCompile(`^[A-Za-z]+`)
	plain    = regexp.MustCompile(`^[^'"$\x60\[/#-]*$`) // no quotes and no comments
	compound = regexp.MustCompile(`(?i)\bbegin\b`)
)

func (c checker) query() {
	l := c.use.Options["query"]
	q, _ := c.use.Text("query")
	first := strings.ToLower(word.FindString(bare(q)))
	switch {
	case strings.Contains(q, "{{"):
		c.add(l.Span, "`query` is no template", "Values come in through `params`, so that nothing in them can be taken for SQL: write `$1` or `?`, and `params: [\"{{ … }}\"]`.")
	case bare(q) == "":
		c.add(l.Span, "the statement is empty", "Write one, such as `select 1`.")
	case plain.MatchString(q) && !compound.MatchString(q) && several(q):
		c.add(l.Span, "there is more than one statement", "Write one; make a step of each.")
	case slices.Contains(bounds, first):
		c.add(l.Span, fmt.Sprintf("`%s` would break the transaction that the statement runs in", first), "The kind opens and ends it: a check's is rolled back, an action's committed.")
	case first == "copy":
		c.add(l.Span, "`copy` moves data besides the answer, which nothing here sends or takes", "Select the rows, or run `psql` in a `shell` step.")
	case c.use.Check && slices.Contains(writes, first):
		c.add(l.Span, fmt.Sprintf("a check must not change anything, and `%s` does", first), "Make it an `action`.")
	}
}

// bare is the statement without the comments before it.
func bare(q string) string { return strings.TrimSpace(comments.ReplaceAllString(q, "")) }

// several reports whether something follows a semicolon.
func several(q string) bool {
	_, rest, found := strings.Cut(q, ";")
	return found && strings.Trim(rest, "; \t\r\n") != ""
}

// effects: the host or the file, where it is known.
func effects(u kind.Use) []kind.Effect {
	driver, known := u.Text("driver")
	if !known {
		return nil
	}
	if driver == driverSQLite {
		path, _ := u.Text("file")
		return []kind.Effect{{File: path, Write: !u.Check, Span: u.Options["file"].Span}}
	}
	o := map[string]any{"driver": driver}
	at := u.Options["host"].Span
	if l, ok := u.Options["url"]; ok {
		at = l.Span
	}
	for _, key := range []string{"host", "port", "url"} {
		l, ok := u.Options[key]
		if ok && !l.Known {
			return []kind.Effect{{Span: at}}
		}
		if ok {
			o[key] = l.Value
		}
	}
	t, err := targetOf(o)
	if err != nil {
		return nil // said by check
	}
	return []kind.Effect{{Host: net.JoinHostPort(t.host, t.port), Span: at}}
}
