//go:build unix

package real

import (
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// guarded is a run about a target of the real Prometheus, with an Alertmanager
// and programs of its own.
type guarded struct {
	*watch
	job    string
	alerts *alertmanager
	hall   *hall
	bin    string
	env    []string
}

// args are those of a run about an address.
func (g *guarded) args(address string, more ...string) []string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		panic(err) // a mistake in the test
	}
	_, alive, _ := net.SplitHostPort(strings.TrimPrefix(g.alerts.url, "http://"))
	return append([]string{"run", "target-gone", "--input", "prometheus_url=" + g.url, "--input", "alertmanager_url=" + g.alerts.url, "--input", "job=" + g.job, "--input", "host=" + host, "--input", "port=" + port, "--input", "alive_port=" + alive}, more...)
}

func (g *guarded) run(t *testing.T, address string, more ...string) *result {
	t.Helper()
	g.alerts.take()
	return g.hall.run(t, nil, g.env, g.args(address, more...)...)
}

// silent is an address from which nothing comes back.
func (g *guarded) silent(t *testing.T) string {
	t.Helper()
	address := silentPort(t)
	g.name(t, address, g.labels(nil))
	t.Cleanup(func() { g.name(t, address, nil) })
	g.is(t, address, "down", "deadline exceeded")
	return address
}

func (g *guarded) resume(t *testing.T, before *result, more ...string) *result {
	t.Helper()
	if before.code != 5 {
		t.Fatalf("exit code %d: the run does not wait\n%s", before.code, before.err)
	}
	return g.hall.run(t, before, g.env, append([]string{"resume", "last"}, more...)...)
}

// systemctlProgram restarts: whoever watches the file sees it.
const systemctlProgram = `#!/bin/sh
dir=${0%/*}
echo "$*" >>"$dir/calls"
case "$*" in
'show prometheus-node-exporter.service --host=oncall@127.0.0.1 --property=ActiveState,SubState,Result,NRestarts,ExecMainStatus --no-pager')
	printf 'ActiveState=failed\nSubState=failed\nResult=oom-kill\n' ;;
'restart prometheus-node-exporter.service --host=oncall@127.0.0.1 --no-ask-password')
	if [ -f "$dir/masked" ]; then echo 'Failed to restart prometheus-node-exporter.service: Unit is masked.' >&2; exit 1; fi
	: >"$dir/restarted" ;;
*) echo "Unknown command: $*" >&2; exit 1 ;;
esac
`

func (g *guarded) programs(t *testing.T) {
	t.Helper()
	for name, content := range map[string]string{"systemctl": systemctlProgram, "ssh": "#!/bin/sh\nexit 255\n"} {
		if err := os.WriteFile(filepath.Join(g.bin, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTargetGone runs the runbook through the real binary, against a real
// Prometheus whose targets die, come back, and vanish from discovery.
func TestTargetGone(t *testing.T) {
	t.Parallel()
	w := startWatch(t)
	play := func(t *testing.T, run func(*testing.T, *guarded)) {
		g := &guarded{watch: w, job: strings.ReplaceAll(t.Name(), "/", "."), alerts: openAlertmanager(t), hall: newHall(t), bin: t.TempDir()}
		g.job = strings.NewReplacer(",", "").Replace(g.job)
		g.hall.secrets = append(g.hall.secrets, "alertmanager-secret-0007")
		g.env = []string{"PATH=" + g.bin, "ALERTMANAGER_TOKEN=alertmanager-secret-0007"}
		g.programs(t)
		run(t, g)
	}
	t.Run("side by side", func(t *testing.T) {
		for _, s := range []struct {
			name string
			run  func(*testing.T, *guarded)
		}{
			{"up, and no alert", targetUp},
			{"the alert is old", targetStale},
			{"the exporter is dead, and restarted", targetRestarted},
			{"the exporter is dead, and cannot be restarted", targetMasked},
			{"the exporter is dead, and repaired by hand", targetByHand},
			{"scrapes that fail", targetFails},
			{"the host is dead", targetHostDead},
			{"the name is gone", targetNameGone},
			{"it was removed on purpose", targetRemoved},
			{"it was removed by mistake", targetMistake},
			{"relabelling drops it", targetRelabelled},
			{"it comes and goes", targetFlaps},
			{"Prometheus is unwell", targetPrometheus},
		} {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				play(t, s.run)
			})
		}
	})
	t.Run("the configuration was not taken", func(t *testing.T) { play(t, targetConfig) }) // the others would see it
}

// labels are those of a target of this run's job.
func (g *guarded) labels(more map[string]string) map[string]string {
	out := map[string]string{"job": g.job}
	maps.Copy(out, more)
	return out
}

// found starts an exporter that Prometheus finds, and sees so.
func (g *guarded) found(t *testing.T, answer http.HandlerFunc, labels map[string]string, health, failure string) *exporter {
	t.Helper()
	e := g.named(t, answer, labels)
	g.is(t, e.address, health, failure)
	return e
}

// named starts an exporter that service discovery names.
func (g *guarded) named(t *testing.T, answer http.HandlerFunc, labels map[string]string) *exporter {
	t.Helper()
	e := startExporter(t, answer, labels["__scheme__"] == "https")
	g.name(t, e.address, g.labels(labels))
	t.Cleanup(func() { g.name(t, e.address, nil) })
	return e
}

func targetUp(t *testing.T, g *guarded) {
	e := g.found(t, displays("a 1\n"), nil, "up", "")
	r := g.run(t, e.address)
	want{outcome: "no_action", decisions: "contact=believed diagnosis=up_now alert=nothing", facts: map[string]string{"severity": "P4"}, messages: map[string][]string{"incident_update": nil}}.hold(t, g.hall, r)
}

func targetStale(t *testing.T, g *guarded) {
	e := g.found(t, displays("a 1\n"), nil, "up", "")
	g.alerts.take()
	g.alerts.hold(false, map[string]any{"labels": map[string]any{"alertname": "InstanceDown", "instance": e.address}, "status": map[string]any{"state": "active", "silencedBy": []any{}}})
	r := g.hall.run(t, nil, g.env, g.args(e.address)...)
	want{outcome: "no_action", decisions: "diagnosis=up_now alert=stale", summary: []string{"Alertmanager still holds it"}}.hold(t, g.hall, r)
}

// dead is an exporter that was up, and whose alert fires.
func (g *guarded) dead(t *testing.T) *exporter {
	t.Helper()
	e := g.found(t, displays("a 1\n"), nil, "up", "")
	e.die()
	g.is(t, e.address, "down", "connection refused")
	return e
}

func targetRestarted(t *testing.T, g *guarded) {
	e := g.dead(t)
	done := make(chan bool)
	go func() {
		defer close(done)
		for range 600 {
			if _, err := os.Stat(filepath.Join(g.bin, "restarted")); err == nil {
				e.live(t, false)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	r := g.run(t, e.address, "--input", "by_systemd=true", "--input", "ssh_user=oncall", "--approve", "restart_unit")
	<-done
	want{outcome: "resolved", decisions: "diagnosis=exporter_dead", summary: []string{"prometheus-node-exporter.service was restarted on 127.0.0.1"},
		asks:     map[string][]string{"restart_unit": {"as oncall", "Result=oom-kill"}},
		messages: map[string][]string{"incident_update": {"P3 TARGET", "connection refused"}, "incident_over": {"watched again"}}}.hold(t, g.hall, r)
	if made := g.alerts.take(); len(made) > 0 {
		t.Errorf("a silence was made: %v", made)
	}
	e.die()
	g.is(t, e.address, "down", "connection refused")
	r = g.run(t, e.address, "--input", "by_systemd=true", "--input", "ssh_user=oncall", "--answer", "restart_unit=refuse")
	want{outcome: "escalated", decisions: "diagnosis=exporter_dead", summary: []string{"not to be restarted"}, silent: []string{"repair"}}.hold(t, g.hall, r)
}

func targetMasked(t *testing.T, g *guarded) {
	e := g.dead(t)
	if err := os.WriteFile(filepath.Join(g.bin, "masked"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := g.run(t, e.address, "--input", "by_systemd=true", "--input", "ssh_user=oncall", "--approve", "restart_unit", "--answer", "mute=refuse", "--answer", "repair=could_not")
	want{outcome: "escalated", decisions: "diagnosis=exporter_dead", asks: map[string][]string{"repair": {"Unit is masked", "journalctl"}}}.hold(t, g.hall, r)
	if made := g.alerts.take(); len(made) > 0 {
		t.Errorf("a silence was made though it was refused: %v", made)
	}
}

func targetByHand(t *testing.T, g *guarded) {
	e := g.dead(t)
	began := time.Now()
	r := g.run(t, e.address, "--input", "silence_for=30m", "--approve", "mute")
	e.live(t, false)
	g.is(t, e.address, "up", "")
	r = g.resume(t, r, "--answer", "repair=done", "--answer", "mute>undo=approve")
	want{outcome: "resolved", decisions: "diagnosis=exporter_dead", asks: map[string][]string{"mute": {"Silence InstanceDown for " + e.address, "(30m0s)"}}}.hold(t, g.hall, r)
	made := g.alerts.take()
	if len(made) != 1 || g.alerts.active(made[0]) {
		t.Fatalf("the silence was not made once and taken back: %v", made)
	}
	ends, err := time.Parse(time.RFC3339Nano, made[0]["endsAt"].(string))
	if d := ends.Sub(began); err != nil || d < 29*time.Minute || d > 31*time.Minute {
		t.Errorf("the silence ends after %v, %v", d, err)
	}
	matchers := string(encoded(made[0]["matchers"]))
	if !strings.Contains(matchers, e.address) || !strings.Contains(matchers, "InstanceDown") || made[0]["createdBy"] != "night" {
		t.Errorf("the silence is %v", made[0])
	}
	g.alerts.hold(true) // Alertmanager does not take one: the repair goes on without
	e.die()
	g.is(t, e.address, "down", "connection refused")
	r = g.hall.run(t, nil, g.env, g.args(e.address, "--approve", "mute", "--answer", "repair=could_not")...)
	want{outcome: "escalated", decisions: "diagnosis=exporter_dead", summary: []string{"It is not repaired."}}.hold(t, g.hall, r)
}

func targetFails(t *testing.T, g *guarded) {
	refuse := []string{"--answer", "mute=refuse", "--answer", "repair=could_not"}
	cases := []struct {
		branch, failure string
		answer          http.HandlerFunc
		labels          map[string]string
		advice          string
	}{
		{"denied", "401", refusesWith(401), nil, "a restart does not help"},
		{"denied", "403", refusesWith(403), nil, "credentials"},
		{"wrong_path", "404", refusesWith(404), nil, "metrics_path"},
		{"exporter_ill", "500", refusesWith(500), nil, "journalctl"},
		{"bad_content", "", displays("<html>login</html>\n"), nil, "promtool check metrics"},
		{"tls_fails", "x509", displays("a 1\n"), map[string]string{"__scheme__": "https"}, "Do not switch the verification off"},
		{"other", "418", refusesWith(418), nil, "the exporter's log"},
	}
	exporters := make([]*exporter, len(cases))
	for i, c := range cases { // all at once: Prometheus takes some seconds to find new ones
		exporters[i] = g.named(t, c.answer, c.labels)
	}
	hangs := g.named(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil)
	for i, c := range cases {
		e := exporters[i]
		g.is(t, e.address, "down", c.failure)
		r := g.run(t, e.address, refuse...)
		want{outcome: "escalated", decisions: "contact=believed diagnosis=" + c.branch, asks: map[string][]string{"repair": {c.advice}}}.hold(t, g.hall, r)
	}
	g.is(t, hangs.address, "down", "deadline exceeded")
	r := g.run(t, hangs.address, refuse...)
	want{outcome: "escalated", decisions: "diagnosis=no_answer silent=hangs", summary: []string{"it hangs"}}.hold(t, g.hall, r)
}

func targetHostDead(t *testing.T, g *guarded) {
	address := g.silent(t)
	_, port, _ := strings.Cut(address, ":")
	args := g.args(address, "--answer", "mute=refuse", "--answer", "repair=could_not")
	for i := range args {
		if strings.HasPrefix(args[i], "alive_port=") {
			args[i] = "alive_port=" + port
		}
	}
	r := g.hall.run(t, nil, g.env, args...)
	want{outcome: "escalated", decisions: "diagnosis=no_answer silent=host_dead", facts: map[string]string{"severity": "P1"}, asks: map[string][]string{"repair": {"No exporter is restarted on a host that is dead"}}}.hold(t, g.hall, r)
	r = g.run(t, address, "--answer", "mute=refuse", "--answer", "repair=could_not")
	want{outcome: "escalated", decisions: "diagnosis=no_answer silent=filtered"}.hold(t, g.hall, r)
}

func targetNameGone(t *testing.T, g *guarded) {
	g.name(t, "gone.invalid:9100", g.labels(nil))
	t.Cleanup(func() { g.name(t, "gone.invalid:9100", nil) })
	g.is(t, "gone.invalid:9100", "down", "lookup")
	r := g.run(t, "gone.invalid:9100", "--answer", "mute=refuse", "--answer", "repair=could_not")
	want{outcome: "escalated", decisions: "diagnosis=name_gone whose_dns=everywhere"}.hold(t, g.hall, r)
}

func targetRemoved(t *testing.T, g *guarded) {
	e := g.found(t, displays("a 1\n"), nil, "up", "")
	g.name(t, e.address, nil)
	g.is(t, e.address, "absent", "")
	r := g.run(t, e.address, "--answer", "purpose=on_purpose", "--approve", "mute", "--answer", "mute>undo=refuse")
	want{outcome: "mitigated", decisions: "diagnosis=removed extent=whole_job purpose=on_purpose", facts: map[string]string{"severity": "P4"}, summary: []string{"silenced for 2h"},
		asks: map[string][]string{"purpose": {"its port answers, so it runs"}}}.hold(t, g.hall, r)
	if made := g.alerts.take(); len(made) != 1 || !g.alerts.active(made[0]) {
		t.Errorf("the silence does not hold: %v", made)
	}
}

func targetMistake(t *testing.T, g *guarded) {
	g.found(t, displays("a 1\n"), nil, "up", "") // another of the job
	e := g.found(t, displays("a 1\n"), nil, "up", "")
	g.name(t, e.address, nil)
	g.is(t, e.address, "absent", "")
	r := g.run(t, e.address, "--answer", "purpose=by_mistake", "--answer", "mute=refuse")
	g.name(t, e.address, g.labels(nil))
	want{outcome: "resolved", decisions: "diagnosis=removed extent=alone purpose=by_mistake"}.hold(t, g.hall, g.resume(t, r, "--answer", "repair=done"))
}

func targetRelabelled(t *testing.T, g *guarded) {
	e := g.found(t, displays("a 1\n"), map[string]string{"drop": "yes"}, "dropped", "")
	r := g.run(t, e.address, "--answer", "mute=refuse", "--answer", "repair=could_not")
	want{outcome: "escalated", decisions: "diagnosis=relabelled"}.hold(t, g.hall, r)
}

func targetConfig(t *testing.T, g *guarded) {
	g.reload(t, watchConfig+"nonsense: yes\n")
	t.Cleanup(func() { g.reload(t, watchConfig) })
	reloaded := func() bool {
		resp, err := http.Get(g.url + "/api/v1/status/runtimeinfo")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body := make([]byte, 4096)
		n, _ := resp.Body.Read(body)
		return strings.Contains(string(body[:n]), `"reloadConfigSuccess":false`)
	}
	g.until(t, "the configuration is refused", reloaded)
	r := g.run(t, "127.0.0.1:9", "--answer", "mute=refuse", "--answer", "repair=could_not")
	want{outcome: "escalated", decisions: "diagnosis=config_refused", facts: map[string]string{"severity": "P2"}, asks: map[string][]string{"repair": {"promtool check config"}}}.hold(t, g.hall, r)
}

func targetFlaps(t *testing.T, g *guarded) {
	e := g.found(t, displays("a 1\n"), nil, "up", "")
	for range 2 {
		e.die()
		g.is(t, e.address, "down", "")
		e.live(t, false)
		g.is(t, e.address, "up", "")
	}
	r := g.run(t, e.address)
	want{outcome: "escalated", decisions: "diagnosis=up_now alert=flapping", facts: map[string]string{"severity": "P3"}, summary: []string{"4 changes in 15 minutes"}}.hold(t, g.hall, r)
}

func targetPrometheus(t *testing.T, g *guarded) {
	ask := func(url string) *result {
		args := g.args("127.0.0.1:9")
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "="+g.url, "="+url)
		}
		return g.hall.run(t, nil, g.env, args...)
	}
	want{outcome: "escalated", decisions: "contact=prometheus_down", facts: map[string]string{"severity": "P1"}, messages: map[string][]string{"incident_update": {"Nothing is watched"}}}.hold(t, g.hall, ask("http://127.0.0.1:1"))
	for _, c := range []struct {
		branch string
		answer http.HandlerFunc
	}{
		{"refuses_us", refusesWith(401)},
		{"no_prometheus", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<html>")) }},
		{"prometheus_starts", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/-/ready" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			w.Write([]byte(`{"status":"success","data":{"activeTargets":[],"droppedTargets":[],"resultType":"vector","result":[]}}`))
		}},
	} {
		s := httptest.NewServer(c.answer)
		t.Cleanup(s.Close)
		want{outcome: "escalated", decisions: "contact=" + c.branch, silent: []string{"repair", "mute"}}.hold(t, g.hall, ask(s.URL))
	}
}
