package guard

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"syscall"
)

// Reason says in words of the trade why there was no answer, and what to look
// at.
func Reason(he *HTTPError) string {
	var ue *url.Error
	err := he.Err
	if errors.As(err, &ue) {
		err = ue.Err // the URL stands in the request already
	}
	switch {
	case he.Kind == "timeout":
		return "no complete answer in time"
	case he.Kind == "canceled":
		return "the run was cancelled"
	case he.Kind == "tls":
		return tlsReason(err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server hung up"
	}
	return err.Error()
}

func tlsReason(err error) string {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate is out of its time: " + invalid.Error()
	case errors.As(err, &name):
		return "the server's certificate is for another name: " + name.Error()
	case errors.As(err, &authority):
		return "the server's certificate is signed by nobody who is trusted here"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak TLS on this port"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server hung up in the TLS handshake"
	}
	return err.Error()
}
