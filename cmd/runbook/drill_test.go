package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDrillReachesNoChannel: the host of a channel is a real server here, and a
// drill sends it nothing, whether or not its scenario answers for it.
func TestDrillReachesNoChannel(t *testing.T) {
	t.Parallel()
	server := newRoom(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("a drill reached %s %s", r.Method, r.URL.Path)
		w.WriteHeader(http.StatusOK)
	})
	hook := server.URL + hookPath
	for name, stubs := range map[string]string{
		"left out": "", "answered": "    http: [{on: POST " + server.URL + "/*, reply: {status: 200, body: ok}}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, tells, "HOOK="+hook)
			world := "runbook: tells.yaml\nscenarios:\n  one:\n    secrets: {hook: \"" + hook + "\"}\n" + stubs + "    expect: {outcome: resolved}\n"
			if err := os.WriteFile(filepath.Join(d.dir, "tells.scenarios.yaml"), []byte(world), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out := d.run("run", "tells.yaml", "--scenario", "one", "--non-interactive")
			if code != 0 || !strings.Contains(out, "[DRILL] It is fine") || !strings.Contains(out, "sent to room") {
				t.Errorf("code %d\n%s", code, out)
			}
			st := d.state()
			if m := st.Step("told").Message; m.Text != "It is fine" {
				t.Errorf("the journal has %q", m.Text)
			}
		})
	}
	if got := server.got(); len(got) > 0 {
		t.Errorf("it got %v", got)
	}
}
