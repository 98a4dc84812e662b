package real

import (
	"slices"
	"testing"
)

var (
	byCertbot = []string{"--input", "manager=certbot"}
	byManager = []string{"--input", "manager=cert-manager", "--input", "namespace=web"}
	byNginx   = []string{"--input", "unit=nginx.service"}
	byProxy   = []string{"--input", "deployment=proxy"}
	mended    = []string{"--answer", "mend=done"}
	inFile    = []string{"--input", "file=@DIR/file.pem"}
)

// notLoading is a systemctl that says yes and does nothing.
var notLoading = map[string]string{"systemctl": "exit 0"}

// failedRenewal is what cert-manager shows of a renewal that failed, until cmctl
// begins another.
func failedRenewal(kind, reason string) map[string]string {
	return map[string]string{
		"orders.json": `{"items":[{"kind":"Challenge","spec":{"type":"` + kind + `"},"status":{"state":"pending","reason":"` + reason + `"}}]}`,
	}
}

var servedSituations = []webSituation{
	{name: "a good day", served: "good", outcome: "no_action", decisions: "urgency=time_left state=not_due watched=kept", facts: map[string]string{"severity": "P4"}, summary: []string{"CN=Issuer of the test", "80 more days"}},
	{name: "certbot watches it", served: "good", args: byCertbot, outcome: "no_action", decisions: "state=not_due watched=kept", verdicts: "kept=passed"},
	{name: "certbot does not know it", served: "good", kept: "none", args: byCertbot, outcome: "no_action", decisions: "watched=unwatched", facts: map[string]string{"severity": "P3"}},
	{name: "a short life is not overdue", served: "short", outcome: "no_action", decisions: "state=not_due"},
	{name: "nothing listens", door: "closed", served: "good", outcome: "escalated", decisions: "state=unseen", summary: []string{"runbook run web-down"}},
	{name: "it is of tomorrow", served: "tomorrow", outcome: "escalated", decisions: "urgency=broken state=not_yet_valid", told: []string{"clock is wrong"}},
	{name: "it is for another name", served: "other", args: []string{"--answer", "give_the_name=could_not"}, outcome: "escalated", decisions: "state=wrong_name", facts: map[string]string{"cause": "localhost is served with a certificate for shop.example.com"}},
	{name: "the ingress shows its placeholder", served: "placeholder", args: []string{"--answer", "point_at_it=could_not"}, outcome: "escalated", decisions: "state=placeholder lacking=none"},
	{name: "the chain is incomplete", served: "bare", args: []string{"--answer", "whole_chain=could_not"}, outcome: "escalated", decisions: "urgency=broken state=incomplete_chain", told: []string{"Issuer of the test"}},
	{name: "it was said to be mended, and is not", served: "bare", args: []string{"--answer", "whole_chain=done"}, outcome: "escalated", decisions: "state=incomplete_chain", verdicts: "good=failed"},
	{name: "the chain has run out", served: "old-chain", args: []string{"--answer", "new_chain=could_not"}, outcome: "escalated", decisions: "state=chain_expired", told: []string{"Issuer that ran out"}},
	{name: "it is signed by itself", served: "self", outcome: "escalated", decisions: "state=untrusted", told: []string{"signed by itself"}},
	{name: "it is signed by a stranger", served: "stranger", outcome: "escalated", decisions: "state=untrusted", told: []string{"Issuer of a stranger"}},
	{name: "it has run out, and nobody can order one", served: "expired", args: []string{"--answer", "order=could_not"}, outcome: "escalated", decisions: "urgency=broken state=by_hand", facts: map[string]string{"severity": "P1"}},
}

var renewedSituations = []webSituation{
	{name: "certbot has renewed it, and nginx is reloaded", served: "soon", kept: "renewed", args: words(byCertbot, byNginx, []string{"--approve", "reload"}), outcome: "resolved",
		decisions: "urgency=soon state=not_loaded loader=unit everywhere=all", calls: "systemctl reload nginx.service", facts: map[string]string{"severity": "P2"}, told: []string{"still serves the one before", "RESOLVED"}},
	{name: "nginx says yes, and serves the old one", served: "soon", kept: "renewed", programs: notLoading, args: words(byCertbot, byNginx, []string{"--approve", "reload"}), outcome: "escalated",
		decisions: "state=not_loaded", calls: "systemctl reload nginx.service", verdicts: "reload=failed", summary: []string{"does not serve it"}},
	{name: "one of three servers is left with the old one", served: "soon", kept: "renewed", programs: map[string]string{"systemctl": `echo renewed renewed soon >"$dir/served"`}, args: words(byCertbot, byNginx, []string{"--approve", "reload"}), outcome: "escalated",
		decisions: "state=not_loaded everywhere=mixed", calls: "systemctl reload nginx.service", verdicts: "reload=passed", summary: []string{"and some do not"}},
	{name: "nobody wants a reload", served: "soon", kept: "renewed", args: words(byCertbot, byNginx, []string{"--answer", "reload=refuse"}), outcome: "escalated", decisions: "state=not_loaded"},
	{name: "cert-manager has renewed it, and the proxy starts anew", served: "expired", kept: "renewed", args: words(byManager, byProxy, []string{"--approve", "restart"}), outcome: "resolved",
		decisions: "urgency=broken state=not_loaded loader=deployment everywhere=all", calls: "kubectl rollout restart deployment/proxy --namespace=web", verdicts: "issued=passed"},
	{name: "the new one lies in its file, as openssl sees it", served: "due", kept: "renewed", args: words(inFile, byNginx, []string{"--approve", "reload"}), outcome: "resolved",
		decisions: "urgency=time_left state=not_loaded loader=unit", calls: "systemctl reload nginx.service", verdicts: "stored=passed"},
	{name: "what lies in the file is for another name", served: "due", kept: "other", args: words(inFile, []string{"--answer", "order=could_not"}), outcome: "escalated", decisions: "state=by_hand"},
	{name: "nothing lies in the file", served: "due", args: []string{"--input", "file=@DIR/gone.pem", "--answer", "order=could_not"}, outcome: "escalated", decisions: "state=by_hand", verdicts: "stored=failed"},
	{name: "what lies in the file has run out", served: "due", kept: "expired", args: words(inFile, []string{"--answer", "order=could_not"}), outcome: "escalated", decisions: "state=by_hand", verdicts: "stored=failed"},
}

var failedSituations = []webSituation{
	{name: "certbot's TXT record is not seen; it is renewed and loaded", served: "due", args: words(byCertbot, byNginx, mended, []string{"--approve", "renew", "--approve", "reload"}), outcome: "resolved",
		programs:  map[string]string{"letsencrypt.log": "  Detail: DNS problem: NXDOMAIN looking up TXT for _acme-challenge.localhost\n"},
		decisions: "state=renewal_failed why=dns way=renew_certbot after=not_by_itself loader=unit everywhere=all", calls: "certbot renew --non-interactive --cert-name localhost, systemctl reload nginx.service"},
	{name: "certbot has a hook that loads it", served: "due", args: words(byCertbot, byNginx, mended, []string{"--approve", "renew"}), outcome: "resolved",
		programs:  map[string]string{"certbot": `case "$1" in certificates) cat "$dir/$kept.certbot" ;; renew) echo renewed >"$dir/kept"; echo renewed >"$dir/served" ;; esac`},
		decisions: "why=not_tried after=loads_itself everywhere=all", calls: "certbot renew --non-interactive --cert-name localhost"},
	{name: "the authority allows no more attempts", served: "due", args: byCertbot, outcome: "escalated", programs: map[string]string{"letsencrypt.log": "urn:ietf:params:acme:error:rateLimited :: too many failed authorizations (5)\n"},
		decisions: "why=rate_limited", summary: []string{"too many failed authorizations"}},
	{name: "certbot fails again", served: "due", args: words(byCertbot, mended, []string{"--approve", "renew"}), outcome: "escalated", calls: "certbot renew --non-interactive --cert-name localhost",
		programs: map[string]string{"certbot": `case "$1" in certificates) cat "$dir/$kept.certbot" ;; *) echo "All renewals failed." >&2; exit 1 ;; esac`}, verdicts: "renew=failed"},
	{name: "certbot finds nothing due, and changes nothing", served: "due", args: words(byCertbot, mended, []string{"--approve", "renew"}), outcome: "escalated", calls: "certbot renew --non-interactive --cert-name localhost",
		programs: map[string]string{"certbot": `case "$1" in certificates) cat "$dir/$kept.certbot" ;; esac`}, verdicts: "renew=failed"},
	{name: "certbot shows nothing to whoever is not root", served: "due", args: byCertbot, outcome: "escalated", programs: map[string]string{"certbot": "echo '[Errno 13] Permission denied' >&2; exit 1"}, decisions: "state=unasked", summary: []string{"Permission denied", "root"}},
	{name: "certbot is not there", served: "due", args: byCertbot, programs: map[string]string{"certbot": ""}, code: 4, says: []string{"certbot"}},
	{name: "cert-manager's file is not seen; it is renewed, and the proxy starts anew", served: "due", args: words(byManager, byProxy, mended, []string{"--approve", "renew", "--approve", "restart"}), outcome: "resolved",
		programs: failedRenewal("HTTP-01", "failed to perform self check"), decisions: "state=renewal_failed why=http way=renew_cert_manager after=not_by_itself loader=deployment",
		calls: "cmctl renew localhost-tls --namespace=web, kubectl rollout restart deployment/proxy --namespace=web"},
	{name: "cmctl is not there", served: "due", args: words(byManager, mended), outcome: "escalated", programs: map[string]string{"cmctl": ""}, decisions: "why=not_tried", summary: []string{"cmctl renew localhost-tls --namespace=web"}, verdicts: "tool=failed"},
	{name: "cert-manager has no such certificate", served: "due", kept: "none", args: words(byManager, mended), outcome: "escalated", decisions: "why=unmanaged", verdicts: "by_name=failed"},
	{name: "another attempt is not wanted", served: "due", args: words(byManager, mended, []string{"--answer", "renew=refuse"}), outcome: "escalated", programs: failedRenewal("DNS-01", "not yet propagated"), decisions: "why=dns"},
}

// TestCertificate runs the runbook of a certificate through the real binary,
// against servers whose certificates are swapped by the programs that it runs.
func TestCertificate(t *testing.T) {
	t.Parallel()
	tables := slices.Concat(failedSituations, renewedSituations, servedSituations)
	for i := range tables {
		tables[i].pages = "well"
	}
	playWeb(t, "certificate", tables)
}
