package real

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// kube is a cluster in which kubectl really changes what it answers later.
type kube struct {
	t    *testing.T
	hall *hall
	bin  string
}

// kubeRevision and kubeState are what the stand-in of kubectl keeps.
type kubeRevision struct {
	Number                             int
	Hash, Image, Fault, Memory, Secret string
	History                            []string
}

type kubeState struct {
	Deployment, Namespace          string
	Down, Argo, Paused, Unobserved bool
	Exceeded, Room                 bool
	Slow                           int
	Secrets                        []string
	Revisions                      []kubeRevision
}

func (k *kube) state() (s kubeState) {
	k.t.Helper()
	data, err := os.ReadFile(filepath.Join(k.bin, "state.json"))
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return s
}

func (k *kube) change(f func(*kubeState)) {
	k.t.Helper()
	s := k.state()
	f(&s)
	k.write(s)
}

func (k *kube) write(s kubeState) {
	k.t.Helper()
	data, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(filepath.Join(k.bin, "state.json"), data, 0o600)
	}
	if err != nil {
		k.t.Fatal(err)
	}
}

// image is what is rolled out.
func (k *kube) image() string {
	s := k.state()
	return s.Revisions[len(s.Revisions)-1].Image
}

// rolled is a situation of the deployment `web`, whose third revision is the
// newest.
type rolled struct {
	name   string
	fault  string
	set    func(*kubeState)
	args   []string
	resume []rolledNext
	health func(image string) int // what the health endpoint answers
	want   want
	image  string // what is rolled out at the end
	calls  string // what was changed, in order
	held   bool   // whether it is paused at the end
}

type rolledNext struct {
	meanwhile func(*kubeState)
	args      []string
}

func exceeded(s *kubeState) { s.Exceeded = true }

var back = []string{"--answer", "pick.revision=2", "--approve", "undo"}

var rolloutSituations = []rolled{
	{name: "it is done", want: want{outcome: "no_action", decisions: "contact=there diagnosis=complete", facts: map[string]string{"severity": "P4"}, summary: []string{"Revision 3 of web"}, messages: map[string][]string{"incident_update": nil}}},
	{name: "it is done and well", health: func(string) int { return 200 }, want: want{outcome: "no_action", decisions: "diagnosis=complete", summary: []string{"its health endpoint is well"}}},
	{name: "it is done, and not well", health: func(image string) int { return map[bool]int{true: 503, false: 200}[image == "web:3"] }, args: back, image: "web:2", calls: "rollout undo",
		want: want{outcome: "mitigated", decisions: "diagnosis=not_well way_back=open", facts: map[string]string{"severity": "P1", "cause": "The rollout is done, but the health endpoint answers 503"}, silent: []string{"hold"}}},
	{name: "it is not well after the rollback either", health: func(string) int { return 503 }, args: back, image: "web:2", calls: "rollout undo", want: want{outcome: "escalated", decisions: "diagnosis=not_well", summary: []string{"answers 503", "outside of the version"}}},
	{name: "the image is not there", fault: "image", set: exceeded, args: back, image: "web:2", calls: "rollout undo",
		want: want{outcome: "mitigated", decisions: "diagnosis=image way_back=open", facts: map[string]string{"severity": "P2", "held": "false"}, summary: []string{"rolled back to what was revision 2", "web:3 cannot be had (ImagePullBackOff)"},
			asks:   map[string][]string{"pick": {"2: web:2, made 2026-03-01T02:00:00Z, 2 pods are ready", "roll out web:1", "is 2."}, "undo": {"web in production of the cluster production-eu back from revision 3 (web:3)", "to revision 2 (web:2)"}},
			silent: []string{"hold"}, messages: map[string][]string{"incident_update": {"P2 ROLLOUT", "Revision: 3 (web:3); 1 of 3 pods are new, 2 are available"}, "incident_over": {"OVER"}}}},
	{name: "it crashes, and still goes on", fault: "crash", args: append([]string{"--approve", "hold"}, back...), image: "web:2", calls: "rollout pause, rollout resume, rollout undo",
		want: want{outcome: "mitigated", decisions: "diagnosis=crash", facts: map[string]string{"cause": "The new pods crash: web ends with 3 (Error), restarted 4 times"}, asks: map[string][]string{"hold": {"still", "1 of 3 pods are new"}}}},
	{name: "it crashes, and nobody wants to pause it", fault: "crash", args: append([]string{"--answer", "hold=refuse"}, back...), image: "web:2", calls: "rollout undo", want: want{outcome: "mitigated", decisions: "diagnosis=crash"}},
	{name: "it is paused, and nobody can say to which revision", fault: "crash", args: []string{"--approve", "hold", "--answer", "pick=could_not"}, image: "web:3", calls: "rollout pause", held: true,
		want: want{outcome: "escalated", decisions: "diagnosis=crash", facts: map[string]string{"held": "true"}, summary: []string{"is paused", "kubectl rollout resume deployment/web"}}},
	{name: "it runs out of memory, and the rollback is refused", fault: "memory", set: exceeded, args: []string{"--answer", "pick.revision=1", "--answer", "undo=refuse"}, image: "web:3", want: want{outcome: "escalated", decisions: "diagnosis=memory", summary: []string{"OOMKilled", "not to be rolled back"}}},
	{name: "it is not ready", fault: "unready", set: exceeded, args: []string{"--answer", "pick.revision=1", "--approve", "undo"}, image: "web:1", calls: "rollout undo", want: want{outcome: "mitigated", decisions: "diagnosis=not_ready", summary: []string{"statuscode: 500"}}},
	{name: "it does not say why", fault: "silent", set: exceeded, args: back, image: "web:2", calls: "rollout undo", want: want{outcome: "mitigated", decisions: "diagnosis=not_explained"}},
	{name: "there is nothing before it", fault: "image", set: func(s *kubeState) { s.Exceeded, s.Revisions = true, s.Revisions[2:] }, image: "web:3",
		want: want{outcome: "escalated", decisions: "diagnosis=image way_back=nowhere", summary: []string{"no earlier revision"}, silent: []string{"hold", "pick", "undo"}}},
	{name: "it is a rollback already", fault: "crash", set: func(s *kubeState) { s.Revisions[2].History = []string{"1"} }, image: "web:3",
		want: want{outcome: "escalated", decisions: "diagnosis=crash way_back=is_rollback", facts: map[string]string{"severity": "P1"}, summary: []string{"a rollback already"}, silent: []string{"hold", "pick", "undo"}}},
	{name: "Argo CD manages it", fault: "image", set: func(s *kubeState) { s.Exceeded, s.Argo = true, true }, args: back, image: "web:2", calls: "rollout undo",
		want: want{outcome: "mitigated", decisions: "diagnosis=image", summary: []string{"where Argo CD reads it"}, asks: map[string][]string{"undo": {"Argo CD manages it, and rolls it forward again"}}}},
	{name: "the earlier revision fails too, and it goes forward again", fault: "image", set: func(s *kubeState) { s.Exceeded, s.Revisions[1].Fault = true, "crash" }, args: append([]string{"--answer", "undo>undo=approve"}, back...),
		image: "web:3", calls: "rollout undo, rollout undo", want: want{code: 1, outcome: "failed", decisions: "diagnosis=image", messages: map[string][]string{"undo_failed": {"revision 2 did not come up either"}, "broke_off": {"broke off (failed)"}}}},
	{name: "somebody rolls out another while a person reads", fault: "image", set: exceeded, image: "web:4", resume: []rolledNext{{func(s *kubeState) {
		s.Revisions = append(s.Revisions, kubeRevision{Number: 4, Hash: "ddd", Image: "web:4"})
	}, []string{"--answer", "pick.revision=2"}}}, want: want{outcome: "escalated", decisions: "diagnosis=image", summary: []string{"rolled out revision 4 meanwhile"}, silent: []string{"undo"}}},
	{name: "somebody rolls out another while the question stands", fault: "image", set: exceeded, args: []string{"--answer", "pick.revision=2"}, image: "web:4", resume: []rolledNext{{func(s *kubeState) {
		s.Revisions = append(s.Revisions, kubeRevision{Number: 4, Hash: "ddd", Image: "web:4"})
	}, []string{"--approve", "undo", "--answer", "undo>undo=refuse"}}}, want: want{code: 1, outcome: "failed", decisions: "diagnosis=image"}},
	{name: "a Secret is missing that the new revision alone reads", fault: "config", set: func(s *kubeState) { s.Revisions[2].Secret = "web-keys" }, args: []string{"--answer", "way=make"}, image: "web:3",
		resume: []rolledNext{{func(s *kubeState) { s.Secrets = []string{"web-keys"} }, []string{"--answer", "make_it=done"}}},
		want: want{outcome: "resolved", decisions: "diagnosis=configuration reference=rollback way=make", facts: map[string]string{"cause": `What the pods are to read is not there: secret "web-keys" not found`},
			asks: map[string][]string{"way": {"web-keys"}, "make_it": {"It is called web-keys, in the namespace production"}}, silent: []string{"pick"}}},
	{name: "a Secret is missing, and it is rolled back", fault: "mount", set: func(s *kubeState) { s.Exceeded, s.Revisions[2].Secret = true, "web-keys" }, args: append([]string{"--answer", "way=back"}, back...), image: "web:2", calls: "rollout undo",
		want: want{outcome: "mitigated", decisions: "diagnosis=configuration reference=rollback way=back"}},
	{name: "a Secret is missing that all revisions read", fault: "config", set: func(s *kubeState) {
		s.Exceeded = true
		for i := range s.Revisions {
			s.Revisions[i].Secret = "web-keys"
		}
	}, args: []string{"--answer", "make_it=could_not"}, image: "web:3", want: want{outcome: "escalated", decisions: "diagnosis=configuration reference=named_before", facts: map[string]string{"severity": "P1"}, summary: []string{"A rollback does not help"}, silent: []string{"way", "pick", "undo"}}},
	{name: "a Secret is missing in a rollback", fault: "config", set: func(s *kubeState) { s.Revisions[2].Secret, s.Revisions[2].History = "web-keys", []string{"1"} }, args: []string{"--answer", "make_it=could_not"}, image: "web:3",
		want: want{outcome: "escalated", decisions: "diagnosis=configuration reference=unclear", silent: []string{"way"}}},
	{name: "the quota is used up", fault: "refused", set: exceeded, image: "web:3", resume: []rolledNext{{func(s *kubeState) { s.Room = true }, []string{"--answer", "allow=done"}}},
		want: want{outcome: "resolved", decisions: "diagnosis=refused", asks: map[string][]string{"allow": {"exceeded quota: team"}}}},
	{name: "the cluster is full", fault: "unplaced", set: exceeded, image: "web:3", resume: []rolledNext{{func(s *kubeState) { s.Room = true }, []string{"--answer", "room=done"}}},
		want: want{outcome: "resolved", decisions: "diagnosis=unplaced demand=same", asks: map[string][]string{"room": {"5 Insufficient memory", "a rollback does not make room"}}, silent: []string{"pick"}}},
	{name: "the new version asks for too much", fault: "unplaced", set: func(s *kubeState) { s.Exceeded, s.Revisions[2].Memory = true, "64Gi" }, args: back, image: "web:2", calls: "rollout undo", want: want{outcome: "mitigated", decisions: "diagnosis=unplaced demand=more"}},
	{name: "somebody paused it", set: func(s *kubeState) { s.Paused = true }, args: []string{"--approve", "go_on"}, image: "web:3", calls: "rollout resume", want: want{outcome: "resolved", decisions: "diagnosis=paused", facts: map[string]string{"severity": "P3"}}},
	{name: "somebody paused it, and it stays so", set: func(s *kubeState) { s.Paused = true }, args: []string{"--answer", "go_on=refuse"}, image: "web:3", held: true, want: want{outcome: "escalated", decisions: "diagnosis=paused"}},
	{name: "the controllers are behind", set: func(s *kubeState) { s.Unobserved = true }, image: "web:3", want: want{outcome: "escalated", decisions: "diagnosis=unobserved", summary: []string{"A rollback would wait"}}},
	{name: "it is under way, and comes through", set: func(s *kubeState) { s.Slow = 3 }, image: "web:3", want: want{outcome: "resolved", decisions: "diagnosis=under_way"}},
	{name: "it is under way for long", set: func(s *kubeState) { s.Slow = 99 }, args: []string{"--answer", "patience=refuse"}, image: "web:3", want: want{outcome: "escalated", decisions: "diagnosis=under_way"}},
	{name: "there is no such deployment", args: []string{"--input", "namespace=staging"}, image: "web:3", want: want{outcome: "escalated", decisions: "contact=not_found", summary: []string{"staging", "production-eu"}}},
	{name: "the cluster does not answer", set: func(s *kubeState) { s.Down = true }, want: want{outcome: "escalated", decisions: "contact=no_answer", summary: []string{"was refused"}}},
}

// TestRolloutFailed runs the runbook through the real binary, with a kubectl that
// keeps state: a rollback changes what it answers.
func TestRolloutFailed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("programs are found by other names there")
	}
	built := filepath.Join(t.TempDir(), "kubectl")
	if out, err := exec.Command("go", "build", "-o", built, "./testdata/kubectl").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, s := range rolloutSituations {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := &kube{t: t, hall: newHall(t), bin: t.TempDir()}
			if err := os.Link(built, filepath.Join(k.bin, "kubectl")); err != nil {
				t.Fatal(err)
			}
			s.play(t, k)
		})
	}
	t.Run("kubectl is not installed", func(t *testing.T) {
		h := newHall(t)
		r := h.run(t, nil, []string{"PATH=" + t.TempDir()}, "run", "rollout-failed", "--input", "deployment=web")
		if r.code != 4 || !strings.Contains(r.err, "kubectl") {
			t.Errorf("exit code %d: %s", r.code, r.err)
		}
	})
}

func (s *rolled) play(t *testing.T, k *kube) {
	st := kubeState{Deployment: "web", Namespace: "production", Revisions: []kubeRevision{
		{Number: 1, Hash: "aaa", Image: "web:1", Memory: "1Gi"}, {Number: 2, Hash: "bbb", Image: "web:2", Memory: "1Gi"}, {Number: 3, Hash: "ccc", Image: "web:3", Memory: "1Gi", Fault: s.fault}}}
	if s.set != nil {
		s.set(&st)
	}
	k.write(st)
	args := []string{"run", "rollout-failed", "--input", "deployment=web"}
	if s.health != nil {
		health := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(s.health(k.image()))
			fmt.Fprint(w, "{}")
		}))
		t.Cleanup(health.Close)
		args = append(args, "--input", "health_url="+health.URL+"/health")
	}
	env := []string{"PATH=" + k.bin}
	r := k.hall.run(t, nil, env, append(args, s.args...)...)
	for _, next := range s.resume {
		if r.code != 5 {
			t.Fatalf("exit code %d: the run does not wait\n%s", r.code, r.err)
		}
		k.change(next.meanwhile)
		r = k.hall.run(t, r, env, append([]string{"resume", "last"}, next.args...)...)
	}
	s.want.hold(t, k.hall, r)
	if s.image != "" && k.image() != s.image {
		t.Errorf("%s is rolled out, not %s", k.image(), s.image)
	}
	if k.state().Paused != s.held {
		t.Errorf("paused: %v", !s.held)
	}
	data, err := os.ReadFile(filepath.Join(k.bin, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	var changed []string
	for line := range strings.Lines(string(data)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "rollout" && words[1] != "history" {
			changed = append(changed, "rollout "+words[1])
		}
	}
	if got := strings.Join(changed, ", "); got != s.calls {
		t.Errorf("what was changed: %q, not %q", got, s.calls)
	}
}
