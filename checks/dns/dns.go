// Package dns is the kind that asks a name server, and tells apart what it can
// answer: these addresses, no such name, nothing of this type, I failed.
package dns

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"

	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/types"
)

func text() *spec.Shape { return &spec.Shape{Form: spec.Template, Loose: true} }

var questions = []string{"A", "AAAA", "CNAME", "MX", "NS", "TXT", "SRV", "PTR", "CAA", "SOA"}

var options = &spec.Shape{Form: spec.Object, Name: "dns", Fields: []spec.Field{
	{Key: "name", Doc: "The name to ask for, whole: no search list is used. For PTR an address will do.", Shape: text(), Required: true, Example: "www.example.com"},
	{Key: "type", Doc: "What to ask for.", Shape: &spec.Shape{Form: spec.String, Enum: questions}, Default: "A"},
	{Key: "resolver", Doc: "The name server to ask, as host or host:port; it must be permitted.", Shape: text(), Default: "the system's", Example: "ns1.example.com:53"},
	{Key: "timeout", Doc: "How long to wait for an answer; within it each server is asked twice.", Shape: &spec.Shape{Form: spec.Duration}, Default: "5s"},
}}

func late(name string, t *types.Type, doc string) types.Field {
	return types.Field{Name: name, Type: t, Doc: doc, Late: true}
}

var str = &types.Type{Kind: types.String}

// statuses are the words of `status`; "" is no answer.
var statuses = []string{"", "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "OTHER"}

var results = &types.Type{Kind: types.Object, Fields: []types.Field{
	late("status", &types.Type{Kind: types.String, Enum: statuses}, "What the server says of the question: NOERROR also where the name has nothing of this type; empty where there was no answer."),
	late("answers", &types.Type{Kind: types.List}, "The answers, sorted: addresses, names in small letters without a dot at the end, texts; for MX `{preference, host}`, for SRV `{priority, weight, port, host}`, for CAA `{flag, tag, value}`, for SOA `{server, mailbox, serial, refresh, retry, expire, minimum}`."),
	late("canonical", str, "The name that the answers are of, behind CNAMEs; empty where there are none."),
	late("ttl", &types.Type{Kind: types.Duration}, "The shortest time for which one of the answers may be kept."),
	late("authoritative", &types.Type{Kind: types.Bool}, "Whether the server answers for the zone itself, and not from memory."),
	late("server", str, "The name server that answered, as host:port."),
}}

// New declares the kind.
func New() exec.Kind {
	return exec.Kind{Kind: kind.Kind{
		Name: "dns", Doc: "Asks a name server. A name that does not exist is a finding, not an error.",
		Options: options, Result: results,
		Errors: []string{"dns", "connect", "denied"},
		Expect: `status == "NOERROR" and len(answers) > 0`, Status: "status",
		States: []kind.State{{Name: "answered"}, {Name: "no answer", Error: true}},
		Check:  check, Effects: effects, Stub: stub,
	}, Executor: executor{}}
}

// check is what can be said of a use before the run.
func check(u kind.Use, report source.Report) {
	add := func(at source.Span, summary, detail string) {
		report(source.Diagnostic{Code: "dns", Span: at, Summary: summary, Detail: detail})
	}
	if s, ok := u.Text("name"); ok {
		kindOf, _ := u.Text("type")
		if _, err := question(s, kindOf); err != nil {
			add(u.Options["name"].Span, "the name cannot be asked for: "+err.Error(), "Write one such as www.example.com.")
		}
	}
	if s, ok := u.Text("resolver"); ok {
		if _, _, err := server(s); err != nil {
			add(u.Options["resolver"].Span, err.Error(), "Write one such as ns1.example.com:53 or 192.0.2.1.")
		}
	}
}

// effects: the resolver, where one is given. The name itself is only told to a
// resolver, and needs no permission.
func effects(u kind.Use) []kind.Effect {
	l, given := u.Options["resolver"]
	if !given {
		return nil
	}
	if s, ok := u.Text("resolver"); ok {
		if host, port, err := server(s); err == nil {
			return []kind.Effect{{Host: net.JoinHostPort(host, strconv.Itoa(port)), Span: l.Span}}
		}
	}
	return []kind.Effect{{Span: l.Span}}
}

// server reads a resolver: a host or an address, with a port or without.
func server(s string) (host string, port int, err error) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.String(), 53, nil
	}
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		host, p = s, "53"
	}
	port, err = kind.ParsePort(p)
	if err != nil || host == "" || strings.ContainsAny(host, "/: ") && !isAddress(host) {
		return "", 0, errors.New("the resolver is not written as host:port")
	}
	return host, port, nil
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// question is the name as it is asked for.
func question(name, kindOf string) (string, error) {
	if isAddress(name) {
		if kindOf != "PTR" {
			return "", errors.New("it is an address; only PTR asks for one")
		}
		return dns.ReverseAddr(name)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		ascii, err := idna.New(idna.MapForLookup(), idna.StrictDomainName(false)).ToASCII(name)
		if err != nil {
			return "", err
		}
		name = ascii
	}
	if _, ok := dns.IsDomainName(name); !ok || name == "" || strings.ContainsAny(name, " /:@\\\"\t\r\n\x00") {
		return "", errors.New("it is no domain name")
	}
	return dns.CanonicalName(name), nil
}
