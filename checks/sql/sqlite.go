package sql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"runbook/engine/types"
)

// sqlite puts a job to a SQLite file, which the guard must permit and which must
// be there. A check opens it read-only.
func sqlite(ctx context.Context, j *job) (int, error) {
	path, err := j.guard.LibraryFile(j.target.file, !j.check)
	if err != nil {
		return 0, err
	}
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return 0, faultf("connect", "there is no database file %s", j.target.file)
	}
	flags := sqlite3.OPEN_READWRITE
	if j.check {
		flags = sqlite3.OPEN_READONLY
	}
	conn, err := sqlite3.OpenFlags(path, flags|sqlite3.OPEN_NOFOLLOW)
	if err != nil {
		return 0, liteFault(ctx, "connect", err)
	}
	s := &liteSession{job: j, conn: conn}
	affected, err := s.run(ctx)
	conn.SetInterrupt(context.Background())
	if s.stmt != nil {
		err = errors.Join(err, s.closed(ctx, s.stmt.Close(), err))
	}
	err = errors.Join(err, s.closed(ctx, conn.Close(), err)) // rolls back what was not committed
	return affected, err
}

// liteSession is an open file with a job to do.
type liteSession struct {
	*job
	conn *sqlite3.Conn
	stmt *sqlite3.Stmt
}

// closed is the error of closing, where it is not the one that is known already.
func (s *liteSession) closed(ctx context.Context, err, known error) error {
	if err == nil || known != nil {
		return nil
	}
	return liteFault(ctx, "query", err)
}

func (s *liteSession) run(ctx context.Context) (int, error) {
	if err := s.prepare(ctx); err != nil {
		return 0, liteFault(ctx, "query", err)
	}
	if err := s.read(ctx); err != nil {
		return 0, liteFault(ctx, "query", err)
	}
	affected := 0
	if !s.stmt.ReadOnly() {
		affected = int(s.conn.Changes())
	}
	if s.check || !s.atomic || s.conn.GetAutocommit() {
		return affected, nil
	}
	if err := errors.Join(s.stmt.Reset(), s.conn.Exec("COMMIT")); err != nil {
		return 0, committing{liteFault(ctx, "query", err)}
	}
	return affected, nil
}

// prepare sets the bounds, opens the transaction and prepares the only statement.
func (s *liteSession) prepare(ctx context.Context) error {
	c := s.conn
	c.SetInterrupt(ctx)
	c.Limit(sqlite3.LIMIT_LENGTH, int(s.table.maxBytes)+slack)
	c.Limit(sqlite3.LIMIT_ATTACHED, 0)
	if err := c.BusyHandler(patience(ctx)); err != nil {
		return err
	}
	setup := "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON; BEGIN IMMEDIATE"
	switch {
	case s.check:
		setup = "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; BEGIN"
	case !s.atomic:
		setup = "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON"
	}
	if err := c.Exec(setup); err != nil {
		return err
	}
	if err := c.SetAuthorizer(authorizer(s.check)); err != nil {
		return err
	}
	stmt, tail, err := c.Prepare(s.job.query)
	if err != nil {
		return err
	}
	s.stmt = stmt
	if err := s.only(tail); err != nil {
		return err
	}
	if stmt == nil {
		return faultf("query", "there is no statement in `query`")
	}
	if s.check && !stmt.ReadOnly() {
		return faultf("query", "a check must not change anything, and this statement does (SQLITE_READONLY)")
	}
	if err := c.SetAuthorizer(nil); err != nil { // for COMMIT
		return err
	}
	return s.bind()
}

// only refuses a second statement; comments may follow the first.
func (s *liteSession) only(tail string) error {
	for strings.TrimSpace(tail) != "" {
		second, rest, err := s.conn.Prepare(tail)
		if err != nil || second != nil {
			if second != nil {
				second.Close()
			}
			return faultf("query", "there is more than one statement in `query`")
		}
		tail = rest
	}
	return nil
}

// patience waits for a lock as long as the step may take.
func patience(ctx context.Context) func(context.Context, int) bool {
	return func(context.Context, int) bool {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(10 * time.Millisecond):
			return true
		}
	}
}

// looks are the pragmas that only look.
var looks = []string{"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list", "foreign_key_check", "integrity_check", "quick_check",
	"collation_list", "compile_options", "database_list", "function_list", "application_id", "data_version", "encoding", "freelist_count", "page_count", "page_size", "schema_version", "user_version", "journal_mode"}

// authorizer says which parts of a statement may be: no other file, and no end of
// the transaction; in a check nothing but reading.
func authorizer(check bool) func(sqlite3.AuthorizerActionCode, string, string, string, string) sqlite3.AuthorizerReturnCode {
	reads := []sqlite3.AuthorizerActionCode{sqlite3.AUTH_SELECT, sqlite3.AUTH_READ, sqlite3.AUTH_FUNCTION, sqlite3.AUTH_RECURSIVE}
	return func(action sqlite3.AuthorizerActionCode, first, second, _, _ string) sqlite3.AuthorizerReturnCode {
		switch {
		case action == sqlite3.AUTH_ATTACH && first != "", action == sqlite3.AUTH_TRANSACTION, action == sqlite3.AUTH_SAVEPOINT:
			return sqlite3.AUTH_DENY
		case check && action == sqlite3.AUTH_PRAGMA:
			value := second != "" && !strings.HasSuffix(first, "_info") && !strings.HasSuffix(first, "_xinfo") && !strings.HasSuffix(first, "_list") && !strings.HasSuffix(first, "_check")
			if value || !slices.Contains(looks, strings.ToLower(first)) {
				return sqlite3.AUTH_DENY
			}
		case check && !slices.Contains(reads, action):
			return sqlite3.AUTH_DENY
		}
		return sqlite3.AUTH_OK
	}
}

func (s *liteSession) bind() error {
	if n := s.stmt.BindCount(); n != len(s.params) {
		return faultf("query", "the statement has %d parameters, and `params` %d", n, len(s.params))
	}
	for i, v := range s.params {
		if err := liteBind(s.stmt, i+1, v); err != nil {
			return err
		}
	}
	return nil
}

func liteBind(stmt *sqlite3.Stmt, at int, v any) error {
	switch v := v.(type) {
	case nil:
		return stmt.BindNull(at)
	case bool:
		return stmt.BindBool(at, v)
	case int:
		return stmt.BindInt(at, v)
	case float64:
		return stmt.BindFloat(at, v)
	case json.Number:
		return stmt.BindText(at, string(v))
	}
	return stmt.BindText(at, types.Format(v))
}

// read steps through the rows; a check's no further than they are kept.
func (s *liteSession) read(ctx context.Context) error {
	n := s.stmt.ColumnCount()
	names, declared := make([]string, n), make([]string, n)
	for i := range n {
		names[i], declared[i] = s.stmt.ColumnName(i), strings.ToUpper(s.stmt.ColumnDeclType(i))
	}
	s.table.head(names)
	for s.stmt.Step() {
		values, size := make([]any, n), int64(0)
		for i := range n {
			v, bytes := liteValue(s.stmt, i, declared[i])
			values[i], size = v, size+bytes
		}
		more, err := s.table.add(values, size)
		if err != nil || !more && s.check {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return s.stmt.Err()
}

func liteValue(stmt *sqlite3.Stmt, i int, declared string) (any, int64) {
	switch stmt.ColumnType(i) {
	case sqlite3.INTEGER:
		if strings.HasPrefix(declared, "BOOL") {
			return stmt.ColumnBool(i), 1
		}
		return stmt.ColumnInt(i), 8
	case sqlite3.FLOAT:
		return decimal(stmt.ColumnFloat(i)), 8
	case sqlite3.TEXT:
		b := stmt.ColumnRawText(i)
		if declared == "JSON" {
			return decoded(b), int64(len(b))
		}
		return clean(b), int64(len(b))
	case sqlite3.BLOB:
		b := stmt.ColumnRawBlob(i)
		return binary(b), int64(len(b))
	}
	return nil, 0
}

// liteFault names what SQLite says.
func liteFault(ctx context.Context, kind string, err error) error {
	var known *fault
	if errors.As(err, &known) || ctx.Err() != nil {
		return err
	}
	switch {
	case errors.Is(err, sqlite3.TOOBIG):
		return errTooLarge
	case errors.Is(err, sqlite3.CANTOPEN), errors.Is(err, sqlite3.NOTADB), errors.Is(err, sqlite3.CORRUPT):
		kind = "connect"
	case errors.Is(err, sqlite3.AUTH):
		return faultf(kind, "the statement does what none may here: attach a file, end the transaction, or change something in a check (SQLITE_AUTH)")
	}
	return &fault{kind, fmt.Errorf("%w%s", err, liteCode(err))}
}

var liteCodes = map[sqlite3.ErrorCode]string{sqlite3.ERROR: "ERROR", sqlite3.BUSY: "BUSY", sqlite3.LOCKED: "LOCKED", sqlite3.READONLY: "READONLY", sqlite3.CONSTRAINT: "CONSTRAINT",
	sqlite3.MISMATCH: "MISMATCH", sqlite3.IOERR: "IOERR", sqlite3.CORRUPT: "CORRUPT", sqlite3.NOTADB: "NOTADB", sqlite3.CANTOPEN: "CANTOPEN", sqlite3.FULL: "FULL"}

func liteCode(err error) string {
	for code, name := range liteCodes {
		if errors.Is(err, code) {
			return " (SQLITE_" + name + ")"
		}
	}
	return ""
}
