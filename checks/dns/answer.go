package dns

import (
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"runbook/engine/types"
)

// maxChain bounds how many CNAMEs are followed within an answer.
const maxChain = 16

// describe takes an answer apart.
func describe(fields map[string]any, m *dns.Msg, name string) {
	fields["status"], fields["authoritative"] = status(m.Rcode), m.Authoritative
	kindOf := dns.TypeNone
	if len(m.Question) > 0 {
		kindOf = m.Question[0].Qtype
	}
	owner, shortest := name, uint32(1<<31-1)
	if kindOf != dns.TypeCNAME {
		owner, shortest = behind(m.Answer, name, shortest)
	}
	found := []any{}
	for _, rr := range m.Answer {
		h := rr.Header()
		if h.Rrtype != kindOf || h.Class != dns.ClassINET || dns.CanonicalName(h.Name) != owner {
			continue
		}
		if v := value(rr); v != nil {
			found = append(found, v)
			shortest = min(shortest, h.Ttl)
		}
	}
	if len(found) == 0 {
		return
	}
	slices.SortFunc(found, order)
	fields["answers"], fields["canonical"], fields["ttl"] = found, bare(owner), time.Duration(shortest)*time.Second
}

func status(code int) string {
	if word := dns.RcodeToString[code]; slices.Contains(statuses, word) {
		return word
	}
	return "OTHER"
}

// behind follows the CNAMEs of an answer, and gives the shortest time to live on
// the way.
func behind(rrs []dns.RR, name string, shortest uint32) (string, uint32) {
	for range maxChain {
		i := slices.IndexFunc(rrs, func(rr dns.RR) bool {
			_, is := rr.(*dns.CNAME)
			return is && dns.CanonicalName(rr.Header().Name) == name
		})
		if i < 0 {
			break
		}
		name, shortest = dns.CanonicalName(rrs[i].(*dns.CNAME).Target), min(shortest, rrs[i].Header().Ttl)
	}
	return name, shortest
}

// value is a record as a value of the language.
func value(rr dns.RR) any {
	switch r := rr.(type) {
	case *dns.A:
		return r.A.String()
	case *dns.AAAA:
		return r.AAAA.String()
	case *dns.CNAME:
		return bare(r.Target)
	case *dns.NS:
		return bare(r.Ns)
	case *dns.PTR:
		return bare(r.Ptr)
	case *dns.TXT:
		return plain(strings.Join(r.Txt, ""))
	case *dns.MX:
		return map[string]any{"preference": int(r.Preference), "host": bare(r.Mx)}
	case *dns.SRV:
		return map[string]any{"priority": int(r.Priority), "weight": int(r.Weight), "port": int(r.Port), "host": bare(r.Target)}
	case *dns.CAA:
		return map[string]any{"flag": int(r.Flag), "tag": plain(r.Tag), "value": plain(r.Value)}
	case *dns.SOA:
		return map[string]any{"server": bare(r.Ns), "mailbox": bare(r.Mbox), "serial": int(r.Serial), "refresh": int(r.Refresh), "retry": int(r.Retry), "expire": int(r.Expire), "minimum": int(r.Minttl)}
	}
	return nil
}

// bare is a name without the dot at its end; the root stays one.
func bare(name string) string {
	if name = dns.CanonicalName(name); name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// plain undoes the escapes with which a text is handed over: \" and \065.
func plain(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) && digit(s[i+1]) && digit(s[i+2]) && digit(s[i+3]) {
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + s[i+3] - '0')
			i += 3
			continue
		}
		i++
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "\ufffd")
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// order sorts answers, since servers turn theirs round: what is preferred comes
// first.
func order(a, b any) int {
	x, isMap := a.(map[string]any)
	y, both := b.(map[string]any)
	if !isMap || !both {
		return strings.Compare(types.Format(a), types.Format(b))
	}
	for _, key := range []string{"preference", "priority"} {
		p, _ := x[key].(int)
		q, _ := y[key].(int)
		if p != q {
			return p - q
		}
	}
	return strings.Compare(types.Format(x), types.Format(y))
}
