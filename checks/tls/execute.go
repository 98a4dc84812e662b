package tls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

type executor struct{}

// Execute shakes hands, and says what was seen.
func (executor) Execute(ctx context.Context, r exec.Request) exec.Result {
	start := r.Time()
	fields := map[string]any{"valid": false, "problem": "", "detail": "", "days_left": nil, "chain_days_left": nil, "names": []any{}, "chain": []any{}, "version": "", "cipher": ""}
	err := look(ctx, r, fields)
	return exec.Result{Fields: fields, Error: failure(ctx, r, err), Duration: r.Since(start)}
}

func look(ctx context.Context, r exec.Request, fields map[string]any) error {
	o, port := r.Options, 443
	if p, ok := o["port"]; ok {
		n, err := kind.ParsePort(types.Format(p))
		if err != nil {
			return &guard.HTTPError{Kind: "protocol", Err: err}
		}
		port = n
	}
	probe := guard.Probe{TLS: guard.TLS{CA: types.Format(o["ca"]), Cert: types.Format(o["cert"]), Key: types.Format(o["key"]), ServerName: types.Format(o["name"])}}
	probe.MinVersion, probe.MaxVersion = offered(o["min_version"], o["max_version"])
	peer, err := r.Guard.Peer(ctx, types.Format(o["host"]), port, probe)
	if err != nil {
		return err
	}
	describe(fields, peer)
	return nil
}

func failure(ctx context.Context, r exec.Request, err error) *exec.Error {
	if err == nil {
		return nil
	}
	he := guard.Classify(ctx, err)
	message := guard.Reason(he)
	if strings.Contains(message, "protocol version not supported") || strings.Contains(message, "unsupported version") {
		lo, hi := offered(r.Options["min_version"], r.Options["max_version"])
		message = fmt.Sprintf("the server speaks no version from %s to %s, which were offered", tls.VersionName(lo), tls.VersionName(hi))
	}
	return &exec.Error{Kind: he.Kind, Message: message}
}

// describe takes what was seen apart.
func describe(fields map[string]any, p *guard.Peer) {
	certs := p.State.PeerCertificates
	fields["version"], fields["cipher"] = tls.VersionName(p.State.Version), tls.CipherSuiteName(p.State.CipherSuite)
	chain, least := make([]any, len(certs)), math.MaxInt
	for i, c := range certs {
		left := daysLeft(c.NotAfter, p.At)
		least = min(least, left)
		chain[i] = map[string]any{
			"subject": clean(c.Subject.String()), "issuer": clean(c.Issuer.String()), "names": names(c), "not_before": c.NotBefore.UTC(), "not_after": c.NotAfter.UTC(), "days_left": left, "serial": c.SerialNumber.Text(16),
		}
	}
	fields["chain"] = chain
	if len(certs) > 0 {
		fields["days_left"], fields["chain_days_left"], fields["names"] = daysLeft(certs[0].NotAfter, p.At), least, names(certs[0])
	}
	fields["valid"] = p.Invalid == nil
	if p.Invalid != nil {
		word, detail := problem(p)
		fields["problem"], fields["detail"] = word, clean(detail)
	}
}

// daysLeft are whole days; the last one has begun at 0, and below that it is
// over. Subtracting in seconds, since a duration holds 292 years only.
func daysLeft(end, now time.Time) int {
	seconds := float64(end.Unix()-now.Unix()) - float64(now.Nanosecond())/1e9
	return int(math.Floor(seconds / (24 * 60 * 60)))
}

// clean makes text of what a server wrote into its certificate.
func clean(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

func names(c *x509.Certificate) []any {
	out := []any{}
	for _, n := range c.DNSNames {
		out = append(out, clean(n))
	}
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	return out
}

// problem says in a word and in a sentence why a certificate is not valid. Its
// own time and name come before the question of who signed it, as these can be
// told for certain.
func problem(p *guard.Peer) (word, detail string) {
	if len(p.State.PeerCertificates) == 0 {
		return "other", p.Invalid.Error()
	}
	leaf := p.State.PeerCertificates[0]
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	if word, detail := outOfTime(leaf, p.At, "the certificate"); word != "" {
		return word, detail
	}
	switch {
	case errors.As(p.Invalid, &name):
		return "wrong_name", "the certificate is for another name: " + name.Error()
	case errors.As(p.Invalid, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return "wrong_use", "the certificate is not made for servers"
	}
	for _, c := range p.State.PeerCertificates[1:] {
		if word, detail := outOfTime(c, p.At, "the certificate of `"+c.Subject.String()+"` in the chain"); word != "" {
			return word, detail
		}
	}
	if errors.As(p.Invalid, &authority) {
		if leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil {
			return "self_signed", "the certificate is signed by itself"
		}
		return "unknown_authority", "the certificate is signed by `" + leaf.Issuer.String() + "`, which leads to nobody who is trusted here"
	}
	return "other", p.Invalid.Error()
}

func outOfTime(c *x509.Certificate, now time.Time, what string) (word, detail string) {
	switch {
	case now.After(c.NotAfter):
		return "expired", what + " was valid until " + c.NotAfter.UTC().Format(time.RFC3339)
	case now.Before(c.NotBefore):
		return "not_yet_valid", what + " is valid only from " + c.NotBefore.UTC().Format(time.RFC3339) + " on; if that is past, this machine's clock is wrong"
	}
	return "", ""
}
