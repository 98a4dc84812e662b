package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"runbook/engine/types"
)

// mySQL puts a job to MySQL or MariaDB. Several statements in one are not asked
// for when connecting, so the server refuses them.
func mySQL(ctx context.Context, j *job) (int, error) {
	cfg, meter, err := myConfig(j)
	if err != nil {
		return 0, err
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return 0, faultf("connect", "the connection cannot be set up: %s", innermost(err))
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, opening{err}
	}
	defer conn.Close()
	s := &mySession{job: j, conn: conn, db: db, meter: meter}
	affected, err := s.run(ctx)
	if ctx.Err() != nil || j.table.truncated && j.check {
		s.kill(ctx) // a closed connection alone would not stop it
	}
	return affected, err
}

func myConfig(j *job) (*mysql.Config, *meter, error) {
	t, cfg, m := j.target, mysql.NewConfig(), &meter{allow: j.table.maxBytes + slack}
	m.refill()
	cfg.User, cfg.Passwd, cfg.DBName, cfg.Net, cfg.Addr = t.user, t.password, t.database, "tcp", t.address()
	cfg.Logger = log.New(io.Discard, "", 0)
	cfg.DialFunc = func(ctx context.Context, network, _ string) (net.Conn, error) {
		c, err := j.guard.DialHost(ctx, network, t.address())
		if err != nil {
			return nil, err
		}
		return &metered{Conn: c, meter: m}, nil
	}
	var err error
	cfg.TLS, err = tlsOf(j)
	return cfg, m, err
}

// meter bounds what may be read for one row, which the driver takes into memory
// whole.
type meter struct {
	allow int64
	left  atomic.Int64
}

func (m *meter) refill() { m.left.Store(m.allow) }

var errBudget = errors.New("more was sent than one row may hold")

type metered struct {
	net.Conn
	meter *meter
}

// Read reads within the budget.
func (c *metered) Read(p []byte) (int, error) {
	if c.meter.left.Load() <= 0 {
		return 0, errBudget
	}
	n, err := c.Conn.Read(p)
	c.meter.left.Add(-int64(n))
	return n, err
}

// mySession is one connection with a job to do.
type mySession struct {
	*job
	conn  *sql.Conn
	db    *sql.DB
	meter *meter
	id    int64 // the server's name for the connection
}

func (s *mySession) run(ctx context.Context) (int, error) {
	if err := s.conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&s.id); err != nil {
		return 0, err
	}
	for _, stmt := range myBegin(s.job) {
		if _, err := s.conn.ExecContext(ctx, stmt); err != nil {
			return 0, err
		}
	}
	if err := s.query(ctx); err != nil || s.check && s.table.truncated {
		return 0, s.spent(err)
	}
	affected := 0
	if err := s.conn.QueryRowContext(ctx, "SELECT ROW_COUNT()").Scan(&affected); err != nil {
		return 0, err
	}
	if affected < 0 { // what gives rows says nothing else of them
		affected = 0
	}
	switch {
	case s.check:
		_, err := s.conn.ExecContext(ctx, "ROLLBACK")
		return affected, err
	case s.atomic:
		if _, err := s.conn.ExecContext(ctx, "COMMIT"); err != nil {
			return 0, committing{err}
		}
	}
	return affected, nil
}

// spent names the errors that come without a name: a row that was too large, and
// parameters that do not fit.
func (s *mySession) spent(err error) error {
	switch {
	case err == nil:
		return nil
	case s.meter.left.Load() <= 0:
		return errTooLarge
	case strings.HasPrefix(err.Error(), "sql: expected "): // database/sql has no name for it
		return faultf("query", "the statement's parameters and `params` do not fit: %s", strings.TrimPrefix(err.Error(), "sql: "))
	}
	return err
}

// myBegin is what comes before the statement. The session is read-only besides
// the transaction: a procedure can end the one, and begins the next in the other.
func myBegin(j *job) []string {
	out := []string{"SET time_zone = '+00:00'"}
	switch {
	case j.check:
		out = append(out, "SET SESSION TRANSACTION READ ONLY", "START TRANSACTION READ ONLY")
	case j.atomic:
		out = append(out, "START TRANSACTION")
	}
	return out
}

// query reads the answer; a check's no further than it is kept.
func (s *mySession) query(ctx context.Context) error {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	params := make([]any, len(s.params))
	for i, p := range s.params {
		params[i] = myParam(p)
	}
	s.meter.refill()
	rows, err := s.conn.QueryContext(within, s.job.query, params...)
	if err != nil {
		return err
	}
	columns, err := rows.ColumnTypes()
	if err != nil {
		rows.Close()
		return err
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name()
	}
	s.table.head(names)
	for s.meter.refill(); rows.Next(); s.meter.refill() {
		more, err := myRow(s.table, columns, rows)
		if err != nil || !more && s.check {
			cancel() // the driver drops the connection instead of reading on
			rows.Close()
			return err
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// kill ends the statement at the server.
func (s *mySession) kill(ctx context.Context) {
	if s.id == 0 {
		return
	}
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer stop()
	s.meter.refill()
	// Where this fails the connection is closed all the same, and the server
	// ends the statement when it next writes to it.
	_, _ = s.db.ExecContext(end, fmt.Sprintf("KILL CONNECTION %d", s.id))
}

func myRow(t *table, columns []*sql.ColumnType, rows *sql.Rows) (bool, error) {
	raw, to := make([]any, len(columns)), make([]any, len(columns))
	for i := range raw {
		to[i] = &raw[i]
	}
	if err := rows.Scan(to...); err != nil {
		return false, err
	}
	values, size := make([]any, len(raw)), int64(0)
	for i, v := range raw {
		if b, ok := v.([]byte); ok {
			size += int64(len(b))
		} else {
			size += 8
		}
		values[i] = myValue(columns[i].DatabaseTypeName(), v)
	}
	return t.add(values, size)
}

func myValue(typ string, v any) any {
	switch v := v.(type) {
	case int64:
		return int(v)
	case uint64:
		return integer(strconv.FormatUint(v, 10))
	case float32:
		f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		return decimal(f)
	case float64:
		return decimal(v)
	case []byte:
		return myBytes(typ, v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return v
}

func myBytes(typ string, b []byte) any {
	switch {
	case typ == "JSON":
		return decoded(b)
	case typ == "DATETIME", typ == "TIMESTAMP":
		return moment(string(b), "2006-01-02 15:04:05.999999999")
	case typ == "FLOAT", typ == "DOUBLE":
		if f, err := strconv.ParseFloat(string(b), 64); err == nil {
			return decimal(f)
		}
	case strings.HasSuffix(typ, "INT"), typ == "YEAR":
		return integer(string(b))
	case typ == "BIT", typ == "GEOMETRY", strings.HasSuffix(typ, "BLOB"), strings.HasSuffix(typ, "BINARY"):
		return binary(b)
	}
	return clean(b)
}

// myParam is a value as the driver takes it.
func myParam(v any) any {
	switch v := v.(type) {
	case nil, bool, int, float64, string:
		return v
	case json.Number:
		return string(v)
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04:05.999999")
	}
	return types.Format(v)
}
