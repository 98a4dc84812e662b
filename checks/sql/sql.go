// Package sql is the kind that puts one statement to a database: PostgreSQL,
// MySQL or SQLite. A check runs it in a read-only transaction that is always
// rolled back; values reach it as parameters only.
package sql

import (
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// The bounds of what comes back.
const (
	DefaultRows  = 1000
	MaxRows      = 100_000
	DefaultBytes = 1 << 20
	MaxBytes     = 64 << 20
)

func text() *spec.Shape { return &spec.Shape{Form: spec.Template, Loose: true} }

var tlsShape = &spec.Shape{Form: spec.Object, Fields: []spec.Field{
	{Key: "mode", Doc: "`verify`: encrypted, and the server's certificate must be right. `encrypt`: encrypted, with whomever. `none`: not encrypted.", Shape: &spec.Shape{Form: spec.String, Enum: []string{modeVerify, modeEncrypt, modeNone}}, Default: modeVerify},
	{Key: "ca", Doc: "A file of PEM certificates to trust besides the system's.", Shape: text()},
	{Key: "cert", Doc: "A file with the client certificate in PEM.", Shape: text()},
	{Key: "key", Doc: "A file with the client certificate's key in PEM.", Shape: text()},
	{Key: "server_name", Doc: "The name that the server's certificate must have, where it is not the host's.", Shape: text()},
}}

var options = &spec.Shape{Form: spec.Object, Name: "sql", One: []string{"host", "url", "file"}, Fields: []spec.Field{
	{Key: "driver", Doc: "What the database is.", Shape: &spec.Shape{Form: spec.String, Enum: []string{driverPostgres, driverMySQL, driverSQLite}}, Required: true, Example: driverPostgres},
	{Key: "host", Doc: "The server's host, which `permissions.hosts` must list. For `postgres` and `mysql`.", Shape: text(), Example: "db.example.com"},
	{Key: "port", Doc: "The server's port.", Shape: text(), Default: "5432 for `postgres`, 3306 for `mysql`"},
	{Key: "database", Doc: "The database's name.", Shape: text(), Example: "payments"},
	{Key: "user", Doc: "The user. A check's should be one that can only read.", Shape: text(), Example: "oncall"},
	{Key: "password", Doc: "The password; a secret.", Shape: text(), Example: `"{{ .secrets.db_password }}"`},
	{Key: "url", Doc: "All of the server at once, where a secret holds it so: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require`, or `mysql://…?tls=skip-verify`. Excludes `host` and what belongs to it.", Shape: text(), Example: `"{{ .secrets.database_url }}"`},
	{Key: "tls", Doc: "How the connection is protected.", Shape: tlsShape},
	{Key: "file", Doc: "The database's file, for `sqlite`. It must be there; `permissions.files.read` must list it, for an action `permissions.files.write`.", Shape: text(), Example: "/var/lib/app/app.db"},
	{Key: "query", Doc: "One statement. It is not a template: values come in through `params`, where nothing can be taken for SQL. A check's may only read.", Shape: &spec.Shape{Form: spec.String}, Required: true, Example: "select count(*) from jobs where state = $1"},
	{Key: "params", Doc: "The list of the statement's parameters, in order: `$1`, `$2` for `postgres`, `?` for the others. A leaf that is one {{ }} keeps its type. A list is an array for `postgres`, otherwise JSON, as a mapping is.", Shape: &spec.Shape{Form: spec.Tree}, Example: `["{{ .inputs.state }}"]`},
	{Key: "max_rows", Doc: "How many rows are kept; where there are more, `truncated` is true.", Shape: &spec.Shape{Form: spec.Int, Min: 1, Max: MaxRows}, Default: "1000"},
	{Key: "max_bytes", Doc: "How much the rows may hold together, 64MiB at most; where they hold more, `truncated` is true. A single row that is larger is an error.", Shape: &spec.Shape{Form: spec.Size}, Default: "1MiB"},
	{Key: "transaction", Doc: "Whether an action's statement runs in a transaction, which is committed once all of its answer has come. `false` is for what refuses one: VACUUM, CREATE INDEX CONCURRENTLY.", Shape: &spec.Shape{Form: spec.Bool}, Default: "true"},
}}

func late(name string, t *types.Type, doc string) types.Field {
	return types.Field{Name: name, Type: t, Doc: doc, Late: true}
}

var results = &types.Type{Kind: types.Object, Fields: []types.Field{
	late("rows", &types.Type{Kind: types.List}, "The rows, each a mapping from column to value. NULL is nil; times are RFC 3339 in UTC; exact decimals are strings; binary is base64; JSON is taken apart."),
	late("columns", &types.Type{Kind: types.List, Elem: &types.Type{Kind: types.String}}, "The columns' names, in order; a second `a` is called `a_2`."),
	late("value", &types.Type{Nil: true}, "The value, where there is one row of one column; else nil."),
	late("found", &types.Type{Kind: types.Int}, "How many rows were kept: the least that there are, where `truncated`."),
	late("affected", &types.Type{Kind: types.Int}, "How many rows the statement changed."),
	late("truncated", &types.Type{Kind: types.Bool}, "Whether rows were left out, at `max_rows` or `max_bytes`."),
}}

// New declares the kind.
func New() exec.Kind {
	return exec.Kind{Kind: kind.Kind{
		Name: "sql", Doc: "Puts one statement to PostgreSQL, MySQL or SQLite. A check's transaction is read-only and rolled back; an action's is committed.",
		Options: options, Result: results,
		Errors:   []string{"dns", "connect", "tls", "auth", "protocol", "query", "denied"},
		Patience: kind.Patience,
		States: []kind.State{
			{Name: "answered", Ranges: map[string]kind.Range{"found": {Min: 0, Max: MaxRows}}},
			{Name: "no answer", Ranges: map[string]kind.Range{"found": {}}, Error: true},
		},
		Check: check, Effects: effects, Stub: stub,
	}, Executor: executor{}}
}
