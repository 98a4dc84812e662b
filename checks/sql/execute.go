package sql

import (
	"context"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

// closing is how long the end of a statement that was broken off may take: to
// tell the server, and to hear that it has stopped.
const closing = 2 * time.Second

// job is one statement to put to a database.
type job struct {
	guard  *guard.Guard
	target *target
	query  string
	params []any
	check  bool
	atomic bool // in a transaction
	table  *table
}

// engines put a job to each kind of database, and give how many rows it changed.
var engines = map[string]func(context.Context, *job) (int, error){
	driverPostgres: postgres, driverMySQL: mySQL, driverSQLite: sqlite,
}

type executor struct{}

// Execute puts the statement to the database.
func (executor) Execute(ctx context.Context, r exec.Request) exec.Result {
	start := r.Time()
	t := newTable(r.Options)
	affected, err := run(ctx, r, t)
	fields := map[string]any{"rows": []any{}, "columns": []any{}, "value": nil, "found": 0, "affected": 0, "truncated": false}
	if err == nil {
		fields = t.fields(affected)
	}
	return exec.Result{Fields: fields, Error: failure(ctx, err, password(r.Options)), Duration: r.Since(start)}
}

func run(ctx context.Context, r exec.Request, t *table) (int, error) {
	target, err := targetOf(r.Options)
	if err != nil {
		return 0, &fault{"connect", err}
	}
	engine := engines[target.driver]
	if engine == nil {
		return 0, faultf("connect", "there is no driver %q", target.driver)
	}
	params, err := paramsOf(r.Options["params"])
	if err != nil {
		return 0, err
	}
	query := types.Format(r.Options["query"])
	if bare(query) == "" {
		return 0, faultf("query", "there is no statement in `query`")
	}
	atomic := true
	if b, ok := r.Options["transaction"].(bool); ok && !r.Check {
		atomic = b
	}
	return engine(ctx, &job{guard: r.Guard, target: target, query: query, params: params, check: r.Check, atomic: atomic, table: t})
}

func paramsOf(v any) ([]any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	}
	return nil, faultf("query", "`params` is not a list")
}

// password is what no message may say, whatever a library quotes.
func password(o map[string]any) string {
	t, err := targetOf(o)
	if err != nil {
		return types.Format(o["password"])
	}
	return t.password
}
