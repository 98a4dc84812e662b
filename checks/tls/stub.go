package tls

import (
	"crypto/tls"
	"net"
	"strings"
	"time"

	"runbook/engine/kind"
	"runbook/engine/types"
)

// stub answers from a scenario.
var stub = &kind.Stub{
	On: "the host and the port, as host:port", Example: `"www.example.com:443"`,
	Line: func(o map[string]any) string {
		port := types.Format(o["port"])
		if port == "" {
			port = "443"
		}
		return net.JoinHostPort(strings.ToLower(types.Format(o["host"])), port)
	},
	Complete: complete,
}

// stillValid is how many days a certificate has left where a reply says nothing.
const stillValid = 90

// sentences say what is wrong with a certificate where a reply does not.
var sentences = map[string]string{
	"expired": "the certificate is out of its time", "not_yet_valid": "the certificate is not valid yet", "wrong_name": "the certificate is for another name",
	"self_signed": "the certificate is signed by itself", "unknown_authority": "the certificate is signed by nobody who is trusted here",
	"wrong_use": "the certificate is not made for servers", "other": "the certificate is not valid",
}

// complete makes a reply of a certificate that is valid, unless it says
// otherwise.
func complete(c kind.StubCall, r map[string]any) string {
	chain, _ := r["chain"].([]any)
	if len(chain) > 0 {
		own, _ := chain[0].(map[string]any)
		for _, name := range []string{"days_left", "names"} {
			if v, ok := own[name]; ok {
				kind.Default(r, name, v)
			}
		}
	}
	verdict(r)
	left := stillValid
	if r["problem"] == "expired" {
		left = -1
	}
	kind.Default(r, "days_left", left)
	name := types.Format(c.Options["name"])
	if name == "" {
		name = types.Format(c.Options["host"])
	}
	if r["problem"] == "wrong_name" {
		name = "other.example"
	}
	kind.Default(r, "names", []any{name})
	r["chain"] = certificates(c.Now, r, chain)
	kind.Default(r, "chain_days_left", least(r))
	_, hi := offered(c.Options["min_version"], c.Options["max_version"])
	kind.Default(r, "version", tls.VersionName(hi))
	suite := "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
	if r["version"] == "TLS 1.3" {
		suite = "TLS_AES_128_GCM_SHA256"
	}
	kind.Default(r, "cipher", suite)
	return ""
}

// verdict makes `valid`, `problem` and `detail` of those that are given.
func verdict(r map[string]any) {
	_, said := r["problem"]
	days, known := r["days_left"].(int)
	switch {
	case said:
	case known && days < 0:
		r["problem"] = "expired"
	case r["valid"] == false:
		r["problem"] = "other"
	default:
		r["problem"] = ""
	}
	word, _ := r["problem"].(string)
	kind.Default(r, "valid", word == "")
	kind.Default(r, "detail", sentences[word])
}

// certificates are the chain: what is given of it, or the server's own
// certificate alone, with what is left out.
func certificates(now time.Time, r map[string]any, given []any) []any {
	if len(given) == 0 {
		given = []any{map[string]any{}}
	}
	out := make([]any, len(given))
	for i, g := range given {
		cert := map[string]any{}
		fields, _ := g.(map[string]any)
		for k, v := range fields {
			cert[k] = v
		}
		if i == 0 {
			kind.Default(cert, "days_left", r["days_left"])
			kind.Default(cert, "names", r["names"])
		}
		described(now, r, cert)
		out[i] = cert
	}
	return out
}

func described(now time.Time, r, cert map[string]any) {
	const day = 24 * time.Hour
	now = now.UTC().Truncate(time.Second)
	if end, ok := cert["not_after"].(time.Time); ok {
		kind.Default(cert, "days_left", daysLeft(end, now))
	}
	kind.Default(cert, "days_left", stillValid)
	left, _ := cert["days_left"].(int)
	kind.Default(cert, "not_after", now.Add(time.Duration(left)*day+day/2))
	kind.Default(cert, "not_before", now.Add(-30*day))
	kind.Default(cert, "names", []any{})
	subject := "CN=Example CA"
	if list, ok := cert["names"].([]any); ok && len(list) > 0 {
		subject = "CN=" + types.Format(list[0])
	}
	kind.Default(cert, "subject", subject)
	issuer := "CN=Example CA"
	if r["problem"] == "self_signed" {
		issuer = types.Format(cert["subject"])
	}
	kind.Default(cert, "issuer", issuer)
	kind.Default(cert, "serial", "1")
}

func least(r map[string]any) any {
	least := r["days_left"]
	chain, _ := r["chain"].([]any)
	for _, c := range chain {
		cert, _ := c.(map[string]any)
		n, ok := cert["days_left"].(int)
		if now, known := least.(int); ok && (!known || n < now) {
			least = n
		}
	}
	return least
}
