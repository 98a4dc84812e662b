package sql

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"runbook/engine/types"
)

// slack is what a message may hold besides one row.
const slack = 1 << 20

// postgres puts a job to PostgreSQL. The statement and its parameters go apart,
// as text whose types the server infers, so that it alone decides what they mean;
// it refuses a second statement.
func postgres(ctx context.Context, j *job) (int, error) {
	cfg, err := pgConfig(j)
	if err != nil {
		return 0, err
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return 0, opening{err}
	}
	defer func() { // the server rolls back what was not committed
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), closing)
		defer stop()
		conn.Close(end)
		select {
		case <-conn.CleanupDone():
		case <-end.Done():
		}
	}()
	params := make([][]byte, len(j.params))
	for i, p := range j.params {
		params[i] = pgParam(p)
	}
	if j.atomic {
		if err := conn.Exec(ctx, pgBegin(ctx, j.check)).Close(); err != nil {
			return 0, err
		}
	}
	affected, err := pgQuery(ctx, conn, j, params)
	switch {
	case err != nil:
		return 0, err
	case j.check:
		return affected, conn.Exec(ctx, "ROLLBACK").Close()
	case j.atomic:
		return affected, pgCommit(ctx, conn)
	}
	return affected, nil
}

// pgConfig is the whole of what is asked for: what the environment or files of
// the user say to other programs has no part in it.
func pgConfig(j *job) (*pgconn.Config, error) {
	t := j.target
	cfg, err := pgconn.ParseConfig("host=localhost port=5432 user=nobody password=none dbname=none sslmode=disable")
	if err != nil {
		return nil, faultf("connect", "a PG variable of the environment cannot be used: %s", innermost(err))
	}
	port, err := strconv.ParseUint(t.port, 10, 16)
	if err != nil {
		return nil, faultf("connect", "%q is no port", t.port)
	}
	cfg.Host, cfg.Port, cfg.Database, cfg.User, cfg.Password = t.host, uint16(port), t.database, t.user, t.password
	if cfg.Database == "" {
		cfg.Database = t.user
	}
	cfg.RuntimeParams = map[string]string{"application_name": "runbook", "client_encoding": "UTF8"}
	cfg.Fallbacks, cfg.ValidateConnect, cfg.AfterConnect, cfg.AfterNetConnect, cfg.OAuthTokenProvider = nil, nil, nil, nil, nil
	cfg.KerberosSpn, cfg.KerberosSrvName, cfg.SSLNegotiation, cfg.SSLCertMode, cfg.RequireAuth, cfg.ConnectTimeout = "", "", "", "", "", 0
	cfg.MaxProtocolMessageBodyLen = int(j.table.maxBytes) + slack
	cfg.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	cfg.DialFunc = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return j.guard.DialHost(ctx, network, t.address()) // for a cancel request too
	}
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: closing}
	}
	cfg.TLSConfig, err = tlsOf(j)
	return cfg, err
}

// tlsOf is the configuration of the connection's TLS; nil is none.
func tlsOf(j *job) (*tls.Config, error) {
	t := j.target
	if t.mode == modeNone {
		return nil, nil
	}
	cfg, err := j.guard.ClientTLS(t.tls)
	if err != nil {
		return nil, err
	}
	if cfg.ServerName == "" {
		cfg.ServerName = t.host
	}
	cfg.InsecureSkipVerify = t.mode == modeEncrypt
	return cfg, nil
}

// pgBegin opens the transaction, and says how values are to be written. A read
// comes at once: behind it a transaction that is read-only stays so. The
// server's own time limit is for a cancel that does not reach it.
func pgBegin(ctx context.Context, check bool) string {
	s := "BEGIN"
	if check {
		s = "BEGIN READ ONLY"
	}
	s += "; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 3"
	if end, ok := ctx.Deadline(); ok {
		s += fmt.Sprintf("; SET LOCAL statement_timeout = %d", (max(time.Until(end), 0) + closing).Milliseconds())
	}
	return s + "; SELECT 1"
}

// pgCommit ends an action's transaction. A server that rolled back instead says
// so in its answer only.
func pgCommit(ctx context.Context, conn *pgconn.PgConn) error {
	results, err := conn.Exec(ctx, "COMMIT").ReadAll()
	if err != nil {
		return committing{err}
	}
	if len(results) != 1 || results[0].CommandTag.String() != "COMMIT" {
		return faultf("query", "the server rolled the transaction back")
	}
	return nil
}

// pgQuery reads the answer. What a check does not keep it does not wait for: the
// statement is cancelled. An action's is read to its end.
func pgQuery(ctx context.Context, conn *pgconn.PgConn, j *job, params [][]byte) (int, error) {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	r := conn.ExecParams(within, j.query, params, nil, nil, nil)
	fields := r.FieldDescriptions()
	started := false
	for r.NextRow() {
		if !started {
			fields, started = r.FieldDescriptions(), true
			j.table.head(pgNames(fields))
		}
		more, err := pgRow(j.table, fields, r.Values())
		if err != nil || !more && j.check {
			cancel()
			r.Close()
			return 0, err
		}
	}
	if !started {
		j.table.head(pgNames(r.FieldDescriptions()))
	}
	tag, err := r.Close()
	if err != nil {
		return 0, err
	}
	if tag.Insert() || tag.Update() || tag.Delete() || strings.HasPrefix(tag.String(), "MERGE ") {
		return int(tag.RowsAffected()), nil
	}
	return 0, nil
}

func pgNames(fields []pgconn.FieldDescription) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

func pgRow(t *table, fields []pgconn.FieldDescription, raw [][]byte) (bool, error) {
	values, size := make([]any, len(raw)), int64(0)
	for i, b := range raw {
		size += int64(len(b))
		if size <= t.maxBytes {
			values[i] = pgValue(fields[i].DataTypeOID, b)
		}
	}
	return t.add(values, size)
}

// The types that have a form of their own here; all others stay as the server
// writes them.
const (
	oidBool, oidBytea, oidInt8, oidInt2, oidInt4, oidOID = 16, 17, 20, 21, 23, 26
	oidJSON, oidFloat4, oidFloat8, oidJSONB              = 114, 700, 701, 3802
	oidTimestamp, oidTimestampTZ                         = 1114, 1184
)

func pgValue(oid uint32, b []byte) any {
	if b == nil {
		return nil
	}
	s := string(b)
	switch oid {
	case oidBool:
		return s == "t"
	case oidInt2, oidInt4, oidInt8, oidOID:
		return integer(s)
	case oidFloat4, oidFloat8:
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return decimal(f)
		}
	case oidBytea:
		if raw, err := hex.DecodeString(strings.TrimPrefix(s, `\x`)); err == nil {
			return binary(raw)
		}
		return binary(b)
	case oidJSON, oidJSONB:
		return decoded(b)
	case oidTimestamp:
		return moment(s, "2006-01-02 15:04:05.999999999")
	case oidTimestampTZ:
		return moment(s, "2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999-07:00:00")
	}
	return clean(b)
}

// pgParam writes a parameter as text; nil is NULL.
func pgParam(v any) []byte {
	switch v := v.(type) {
	case nil:
		return nil
	case bool:
		return strconv.AppendBool(nil, v)
	case float64:
		return strconv.AppendFloat(nil, v, 'g', -1, 64)
	case json.Number:
		return []byte(v)
	case []any:
		return []byte(pgArray(v))
	}
	return []byte(types.Format(v))
}

// pgArray writes a list as the literal of an array.
func pgArray(l []any) string {
	out := make([]string, len(l))
	for i, v := range l {
		switch v := v.(type) {
		case nil:
			out[i] = "NULL"
		case []any:
			out[i] = pgArray(v)
		default:
			out[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(pgParam(v))) + `"`
		}
	}
	return "{" + strings.Join(out, ",") + "}"
}
