package real

import (
	"crypto/tls"
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
)

var errFull = errors.New("the listener always has room")

// manual answers that are needed often.
var (
	couldNot   = []string{"--answer", "find_fault=could_not"}
	notByHand  = []string{"--answer", "repair=could_not"}
	notRight   = []string{"--answer", "put_right=could_not"}
	shopUnit   = []string{"--input", "unit=shop.service"}
	shopPods   = []string{"--input", "deployment=shop", "--input", "namespace=web"}
	onStandby  = []string{"--input", "standby=site-b"}
	wantsText  = []string{"--input", "expect_text=Shop"}
	isExpected = []string{"--input", "expected_addresses=127.0.0.1"}
)

func words(lists ...[]string) (out []string) {
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

var stuckRollout = map[string]string{"deployment.json": `{"metadata":{"annotations":{"deployment.kubernetes.io/revision":"42"}},"spec":{"replicas":3},"status":{"conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded"}]}}`}

var nameSituations = []webSituation{
	{name: "the name does not exist, as the zone says", dns: "NXDOMAIN", second: "NXDOMAIN", served: "good", pages: "well", args: notRight, outcome: "escalated",
		decisions: "diagnosis=nxdomain blame=zone", facts: map[string]string{"severity": "P1", "layer": "DNS"}, summary: []string{"registrar"}, told: []string{"P1", "NXDOMAIN"}},
	{name: "our name server alone has lost the name, and finds it again", dns: "NXDOMAIN 127.0.0.1", second: "127.0.0.1", served: "good", pages: "well", args: []string{"--answer", "put_right=done"}, outcome: "resolved",
		decisions: "diagnosis=nxdomain blame=resolver", facts: map[string]string{"severity": "P2"}, verdicts: "named=passed well=passed", told: []string{"RESOLVED"}},
	{name: "the name server fails", dns: "SERVFAIL", served: "good", pages: "well", args: notRight, outcome: "escalated", decisions: "diagnosis=servfail blame=open", told: []string{"SERVFAIL"}},
	{name: "the name server refuses", dns: "REFUSED", second: "127.0.0.1", served: "good", pages: "well", args: notRight, outcome: "escalated", decisions: "diagnosis=servfail blame=resolver", told: []string{"REFUSED"}},
	{name: "no name server answers", dns: "silent", served: "good", pages: "well", args: notRight, outcome: "escalated", decisions: "diagnosis=dns_silent blame=open", verdicts: "a=error aaaa=error"},
	{name: "the name has no address", dns: "none", second: "none", served: "good", pages: "well", args: notRight, outcome: "escalated", decisions: "diagnosis=no_address blame=zone"},
	{name: "the name leads elsewhere, though the page that answers is good", dns: "198.51.100.66,127.0.0.1", second: "127.0.0.1", served: "good", pages: "well", args: words(isExpected, notRight), outcome: "escalated",
		decisions: "diagnosis=wrong_address blame=resolver", verdicts: "page=passed", facts: map[string]string{"cause": "The name localhost leads to 198.51.100.66, which is none of ours"}},
	{name: "the zone itself leads elsewhere", dns: "198.51.100.66 127.0.0.1", second: "198.51.100.66", served: "good", pages: "well", args: words(isExpected, []string{"--answer", "put_right=done"}), outcome: "resolved",
		decisions: "diagnosis=wrong_address blame=zone", verdicts: "named=passed"},
	{name: "it was said to be repaired, and the name is still wrong", dns: "198.51.100.66", served: "good", pages: "well", args: words(isExpected, []string{"--answer", "put_right=done"}), outcome: "escalated",
		decisions: "blame=open", verdicts: "named=failed", summary: []string{"still says NOERROR 198.51.100.66"}},
}

var connectionSituations = []webSituation{
	{name: "the restart does not help", served: "good", pages: "500", programs: map[string]string{"systemctl": webPrograms["systemctl"] + "\nrm -f \"$dir/page\""}, args: words(shopUnit, couldNot, []string{"--approve", "restart_unit"}), outcome: "escalated",
		decisions: "diagnosis=server_error", calls: "systemctl restart shop.service", verdicts: "restart_unit=failed"},
	{name: "nothing listens, and the unit is restarted", door: "closed", served: "good", pages: "well", args: words(shopUnit, []string{"--approve", "restart_unit"}), outcome: "mitigated",
		decisions: "diagnosis=refused means=bring_back_unit unit_ails=unit_stopped", calls: "systemctl restart shop.service", verdicts: "port=error restart_unit=passed",
		facts: map[string]string{"severity": "P1", "layer": "TCP"}, told: []string{"IDENTIFIED", "oom-kill", "MITIGATED"}},
	{name: "nothing listens, and nobody wants a restart", door: "closed", served: "good", pages: "well", args: words(shopUnit, couldNot, []string{"--answer", "restart_unit=refuse"}), outcome: "escalated", decisions: "diagnosis=refused"},
	{name: "nothing listens, and the deployment is restarted", door: "closed", served: "good", pages: "well", args: words(shopPods, []string{"--approve", "restart"}), outcome: "mitigated",
		decisions: "diagnosis=refused means=bring_back_deployment ails=running", calls: "kubectl rollout restart deployment/shop --namespace=web"},
	{name: "kubectl is not there", door: "closed", served: "good", pages: "well", programs: map[string]string{"kubectl": ""}, args: shopPods, code: 4, says: []string{"kubectl"}},
	{name: "the cluster is not reachable", door: "closed", served: "good", pages: "well", programs: map[string]string{"kubectl": "echo refused >&2; exit 1"}, args: words(shopPods, couldNot), outcome: "escalated", decisions: "ails=unseen"},
	{name: "the machine says nothing, and the visitors are sent elsewhere in vain", door: "full", served: "good", pages: "well",
		args: words(onStandby, []string{"--approve", "failover", "--answer", "failover>undo=approve"}), code: 1, outcome: "failed", decisions: "diagnosis=no_answer",
		calls: "web-failover to site-b localhost, web-failover back localhost", told: []string{"did not help", "broke off"}, verdicts: "port=error fail_back=passed"},
	{name: "it hangs up, and the visitors are sent elsewhere", door: "drop", served: "good", pages: "well", args: words(onStandby, []string{"--approve", "failover"}), outcome: "mitigated", decisions: "diagnosis=hangs_up means=fail_over",
		calls: "web-failover to site-b localhost", verdicts: "failover=passed", facts: map[string]string{"layer": "TCP"}},
	{name: "it hangs up once it is asked", pages: "cut", args: couldNot, outcome: "escalated", decisions: "diagnosis=hangs_up"},
	{name: "it takes connections and shakes no hands", door: "mute", served: "good", pages: "well", args: couldNot, outcome: "escalated", decisions: "diagnosis=hangs", verdicts: "port=passed certificate=error"},
}

var tlsSituations = []webSituation{
	{name: "the port speaks no TLS", door: "plain", served: "good", pages: "well", args: notByHand, outcome: "escalated", decisions: "diagnosis=no_tls", facts: map[string]string{"layer": "TLS"}},
	{name: "it speaks old TLS alone", served: "good", oldest: tls.VersionTLS11, pages: "well", args: notByHand, outcome: "escalated", decisions: "diagnosis=old_versions", told: []string{"but TLS 1.1"}},
	{name: "the certificate has run out, was renewed by certbot, and is loaded", served: "expired", kept: "renewed", pages: "well",
		args: []string{"--input", "certificate_manager=certbot", "--input", "tls_unit=nginx.service", "--approve", "mended/reload"}, outcome: "resolved",
		decisions: "diagnosis=bad_certificate certificate_mended=mended state=not_loaded", calls: "systemctl reload nginx.service", facts: map[string]string{"layer": "TLS", "severity": "P1"}},
	{name: "the certificate has run out, and nobody can order one", served: "expired", pages: "well", args: []string{"--answer", "mended/order=could_not"}, outcome: "escalated",
		decisions: "diagnosis=bad_certificate certificate_mended=not_mended state=by_hand", summary: []string{"was valid until", "has run out"}},
	{name: "the certificate is for another name", served: "other", pages: "well", args: []string{"--answer", "mended/give_the_name=could_not"}, outcome: "escalated", decisions: "diagnosis=bad_certificate state=wrong_name"},
}

var pageSituations = []webSituation{
	{name: "all is well", served: "good", pages: "well", outcome: "no_action", decisions: "diagnosis=well margin=wide", facts: map[string]string{"severity": "P4", "layer": "none"}, summary: []string{"127.0.0.1", "good for 80 days", "answers 200"}},
	{name: "all is well by http", pages: "well", outcome: "no_action", decisions: "diagnosis=well margin=wide", verdicts: "certificate=skipped"},
	{name: "all is well, and the certificate runs out", served: "soon", pages: "well", outcome: "no_action", decisions: "margin=certificate_soon", facts: map[string]string{"severity": "P3"}},
	{name: "all is well, and another name server knows nothing", served: "good", second: "NXDOMAIN", pages: "well", outcome: "no_action", decisions: "margin=second_differs"},
	{name: "it was a moment", served: "good", pages: "502 502 well", outcome: "mitigated", decisions: "diagnosis=passing"},
	{name: "it sends round in a circle", served: "good", pages: "loop", args: notByHand, outcome: "escalated", decisions: "diagnosis=redirect_loop", verdicts: "page=error", told: []string{"more than 10 redirects"}},
	{name: "it sends to a parked domain", served: "good", pages: "away", args: notByHand, outcome: "escalated", decisions: "diagnosis=redirect_away", told: []string{"https://parking.example.net/"}},
	{name: "it is being maintained, as planned", served: "good", pages: "maintenance", args: []string{"--answer", "planned=planned"}, outcome: "no_action", decisions: "diagnosis=maintenance planned=planned", facts: map[string]string{"severity": "P4"}},
	{name: "the proxy does not reach the service, which is restarted", served: "good", pages: "502", args: words(shopUnit, []string{"--approve", "restart_unit"}), outcome: "mitigated", decisions: "diagnosis=gateway unit_ails=unit_stopped",
		calls: "systemctl restart shop.service", told: []string{"(nginx) answers 502"}},
	{name: "a rollout broke it, and is taken back", served: "good", pages: "500", programs: stuckRollout, args: words(shopPods, []string{"--approve", "roll_back"}), outcome: "resolved",
		decisions: "diagnosis=server_error ails=bad_rollout", calls: "kubectl rollout undo deployment/shop --namespace=web", told: []string{"revision 42"}},
	{name: "it was scaled to nothing, which no restart helps", served: "good", pages: "503", programs: map[string]string{"deployment.json": `{"spec":{"replicas":0},"status":{}}`}, args: words(shopPods, []string{"--answer", "scale_up=could_not"}), outcome: "escalated", decisions: "diagnosis=gateway ails=scaled_down"},
	{name: "it takes the request and says nothing", served: "good", pages: "mute", args: couldNot, outcome: "escalated", decisions: "diagnosis=hangs", facts: map[string]string{"layer": "application"}},
	{name: "we are over a limit", served: "good", pages: "429", args: notByHand, outcome: "escalated", decisions: "diagnosis=rejected rejection=limited"},
	{name: "we may not", served: "good", pages: "403", args: notByHand, outcome: "escalated", decisions: "rejection=forbidden"},
	{name: "401 is how it should be", served: "good", pages: "401", args: []string{"--input", "statuses=401"}, outcome: "no_action", decisions: "diagnosis=well"},
	{name: "the page is gone", served: "good", pages: "404 404 404 well", args: []string{"--answer", "repair=done"}, outcome: "resolved", decisions: "rejection=missing", verdicts: "well=passed"},
	{name: "another site answers", served: "good", pages: "nginx", args: words(wantsText, couldNot), outcome: "escalated", decisions: "diagnosis=wrong_content means=fail_over"},
	{name: "it is slow", served: "good", pages: "late", args: words([]string{"--input", "slow=300ms"}, couldNot), outcome: "escalated", decisions: "diagnosis=slow", verdicts: "page=failed"},
}

// TestWebDown runs the runbook of a web service through the real binary, against
// name servers, ports, certificates and pages on loopback.
func TestWebDown(t *testing.T) {
	t.Parallel()
	playWeb(t, "web-down", connectionSituations, nameSituations, tlsSituations, pageSituations) // those that wait longest first
}

// playWeb plays situations side by side, since much of them is waiting.
func playWeb(t *testing.T, runbook string, tables ...[]webSituation) {
	if runtime.GOOS == "windows" {
		t.Skip("the emulated programs are shell scripts")
	}
	within := t.TempDir()
	papers, room := issuePapers(t), make(chan struct{}, 12)
	type played struct {
		s    *webSituation
		done chan func(*testing.T)
	}
	var all []played
	var going sync.WaitGroup // those that -run passes over have begun all the same
	defer going.Wait()
	for _, table := range tables {
		for i := range table {
			table[i].runbook = runbook
			p := played{&table[i], make(chan func(*testing.T), 1)}
			all = append(all, p)
			going.Go(func() {
				room <- struct{}{}
				defer func() { <-room }()
				p.done <- playSite(within, papers, p.s)
			})
		}
	}
	for _, p := range all {
		t.Run(p.s.name, func(t *testing.T) { (<-p.done)(t) })
	}
}

// playSite plays one, and gives the test of what came of it.
func playSite(within string, p *papers, s *webSituation) func(*testing.T) {
	w, err := openSite(within, p, s)
	defer w.close()
	switch {
	case errors.Is(err, errFull):
		return func(t *testing.T) { t.Skip(err) }
	case err != nil:
		return func(t *testing.T) { t.Fatal(err) }
	}
	if _, err := exec.LookPath("openssl"); err != nil && strings.Contains(strings.Join(s.args, " "), "file=") {
		return func(t *testing.T) { t.Skip(err) }
	}
	r, err := w.run()
	return func(t *testing.T) {
		if err != nil {
			t.Fatal(err)
		}
		w.hold(t, r)
	}
}
