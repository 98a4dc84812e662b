package sql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"runbook/engine/guard"
	"runbook/engine/kind/exec"
)

// fault is a failure whose kind is known where it is made.
type fault struct {
	kind string
	err  error
}

func faultf(kind, format string, args ...any) *fault {
	return &fault{kind, fmt.Errorf(format, args...)}
}

// Error is the cause's.
func (f *fault) Error() string { return f.err.Error() }

// Unwrap gives the cause.
func (f *fault) Unwrap() error { return f.err }

// opening marks a failure from before there was a connection.
type opening struct{ error }

// Unwrap gives the cause.
func (o opening) Unwrap() error { return o.error }

// failure tells what kept the statement from being answered. What it says never
// holds the password.
func failure(ctx context.Context, err error, password string) *exec.Error {
	if err == nil {
		return nil
	}
	e := classify(ctx, err)
	if len(password) >= 3 {
		e.Message = strings.ReplaceAll(e.Message, password, "‹***›")
	}
	e.Message = strings.ToValidUTF8(e.Message, "\ufffd")
	return e
}

func classify(ctx context.Context, err error) *exec.Error {
	var denied *guard.Denied
	var known *fault
	switch {
	case errors.As(err, &denied):
		return &exec.Error{Kind: "denied", Message: denied.Error()}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &exec.Error{Kind: "timeout", Message: "no complete answer in time; the statement was broken off" + doubt(err)}
	case ctx.Err() != nil:
		return &exec.Error{Kind: "canceled", Message: "the run was cancelled; the statement was broken off" + doubt(err)}
	case errors.As(err, &known):
		return &exec.Error{Kind: known.kind, Message: known.Error()}
	}
	if e := said(err); e != nil {
		return e
	}
	return network(err)
}

// committing marks a failure of COMMIT itself.
type committing struct{ error }

// Unwrap gives the cause.
func (c committing) Unwrap() error { return c.error }

// doubt is what must be said where a COMMIT was not answered.
func doubt(err error) string {
	var c committing
	if errors.As(err, &c) {
		return "; whether it was committed is not known"
	}
	return ""
}

// said is what the database itself said, with its SQLSTATE.
func said(err error) *exec.Error {
	var open opening
	early := errors.As(err, &open)
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		kind := "query"
		switch {
		case early && strings.HasPrefix(pg.Code, "28"):
			kind = "auth"
		case early && pg.Code != "3D000", strings.HasPrefix(pg.Code, "57P"), strings.HasPrefix(pg.Code, "08"):
			kind = "connect"
		}
		return &exec.Error{Kind: kind, Message: fmt.Sprintf("%s: %s (SQLSTATE %s)", pg.Severity, pg.Message, pg.Code)}
	}
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		kind := "query"
		switch {
		case early && slices.Contains(refused, my.Number):
			kind = "auth"
		case early && my.Number != 1049:
			kind = "connect"
		}
		return &exec.Error{Kind: kind, Message: fmt.Sprintf("error %d: %s (SQLSTATE %s)", my.Number, my.Message, my.SQLState[:])}
	}
	return nil
}

// refused are MySQL's words for a user who may not come in.
var refused = []uint16{1044, 1045, 1251, 1275, 1698, 1820, 1862, 3118, 4151}

// network is what happened on the way to the database.
func network(err error) *exec.Error {
	var dns *net.DNSError
	var op *net.OpError
	var large *pgproto3.ExceededMaxBodyLenErr
	var open opening
	switch {
	case !errors.As(err, &open) && (errors.As(err, &large) || errors.Is(err, errBudget)):
		return &exec.Error{Kind: "query", Message: errTooLarge.Error()}
	case errors.As(err, &dns):
		return &exec.Error{Kind: "dns", Message: dns.Error()}
	case errors.Is(err, mysql.ErrNoTLS), strings.Contains(err.Error(), "server refused TLS connection"):
		return &exec.Error{Kind: "tls", Message: "the server does not speak TLS; `tls: {mode: none}` would go without"}
	case isTLS(err):
		return &exec.Error{Kind: "tls", Message: explainTLS(err)}
	case errors.As(err, &op) && op.Op == "dial":
		return &exec.Error{Kind: "connect", Message: op.Error()}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, mysql.ErrInvalidConn), errors.As(err, &op):
		return &exec.Error{Kind: "connect", Message: "the server hung up" + doubt(err)}
	case errors.Is(err, mysql.ErrCleartextPassword), errors.Is(err, mysql.ErrOldPassword), errors.Is(err, mysql.ErrUnknownPlugin):
		return &exec.Error{Kind: "auth", Message: "the server wants a way of authentication that is not safe here: " + err.Error()}
	}
	return &exec.Error{Kind: "protocol", Message: "the server's answer cannot be understood: " + innermost(err).Error() + doubt(err)}
}

// innermost is the cause, without what libraries say around it.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

func isTLS(err error) bool {
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var step *guard.HTTPError
	return errors.As(err, &alert) || errors.As(err, &record) || errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &step) && step.Kind == "tls"
}

func explainTLS(err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case errors.As(err, &authority):
		return "the server's certificate is signed by nobody who is trusted here; `tls: {ca: FILE}` would trust its CA"
	case errors.As(err, &host):
		return "the server's certificate is for another name: " + host.Error()
	}
	return innermost(err).Error()
}
