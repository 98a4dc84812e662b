// Command kubectl stands in for the real one: a cluster with one deployment, kept
// in state.json beside the program. What changes the deployment changes what is
// answered afterwards; what kubectl refuses, in its own words, is refused.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// revision is a replica set: what it runs, what is wrong with it, and the numbers
// that it had before.
type revision struct {
	Number  int
	Hash    string
	Image   string
	Fault   string // "", image, crash, memory, config, mount, refused, unplaced, unready, silent
	Memory  string
	Secret  string // the Secret that it reads
	History []string
}

type cluster struct {
	Deployment, Namespace string
	Down, Argo            bool
	Paused, Unobserved    bool
	Exceeded              bool
	Slow                  int // how many looks until a good revision is rolled out
	Secrets               []string
	Room                  bool // the quota and the nodes have room for all
	Revisions             []revision
}

type object = map[string]any

func main() {
	program, err := os.Executable()
	must(err)
	dir := filepath.Dir(program)
	calls, err := os.OpenFile(filepath.Join(dir, "calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(err)
	fmt.Fprintln(calls, strings.Join(os.Args[1:], " "))
	must(calls.Close())
	data, err := os.ReadFile(filepath.Join(dir, "state.json"))
	must(err)
	var c cluster
	must(json.Unmarshal(data, &c))
	c.answer(os.Args[1:])
	data, err = json.Marshal(c)
	must(err)
	must(os.WriteFile(filepath.Join(dir, "state.json"), data, 0o600))
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// answer is one command.
func (c *cluster) answer(args []string) {
	var words []string
	options := map[string]string{}
	for _, a := range args {
		if name, value, ok := strings.Cut(strings.TrimPrefix(a, "--"), "="); ok && strings.HasPrefix(a, "--") {
			options[name] = value
		} else {
			words = append(words, a)
		}
	}
	command := strings.Join(words, " ")
	if command == "config current-context" {
		fmt.Println("production-eu")
		return
	}
	if c.Down {
		fail("The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?")
	}
	name := strings.TrimPrefix(words[len(words)-1], "deployment/")
	if strings.Contains(command, "deployment") && (name != c.Deployment || options["namespace"] != c.Namespace) {
		fail("Error from server (NotFound): deployments.apps %q not found", name)
	}
	switch strings.Join(words[:2], " ") {
	case "get deployment":
		c.get(options["output"])
	case "get replicasets":
		c.list(c.replicaSets())
	case "get pods":
		c.list(c.pods(options["selector"]))
	case "get events":
		c.list(c.events())
	case "rollout history":
		fmt.Printf("deployment.apps/%s\nREVISION  CHANGE-CAUSE\n", c.Deployment)
		for _, r := range c.Revisions {
			fmt.Printf("%d         roll out %s\n", r.Number, r.Image)
		}
	case "rollout pause":
		if c.Paused {
			fail("error: deployments.apps %q is already paused", c.Deployment)
		}
		c.Paused = true
	case "rollout resume":
		if !c.Paused {
			fail("error: deployments.apps %q is not paused", c.Deployment)
		}
		c.Paused = false
	case "rollout undo":
		c.undo(options["to-revision"])
	default:
		fail("error: unknown command %q", command)
	}
}

// undo makes an old replica set the newest: its number is one that was not used.
func (c *cluster) undo(to string) {
	if c.Paused {
		fail("error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
	}
	n, err := strconv.Atoi(to)
	i := slices.IndexFunc(c.Revisions, func(r revision) bool { return r.Number == n })
	if err != nil || i < 0 {
		fail("error: unable to find specified revision %s in history", to)
	}
	r := c.Revisions[i]
	if i == len(c.Revisions)-1 {
		fmt.Printf("deployment.apps/%s skipped rollback (current template already matches revision %d)\n", c.Deployment, n)
		return
	}
	r.History = append(r.History, to)
	r.Number = c.now().Number + 1
	c.Revisions = append(slices.Delete(c.Revisions, i, i+1), r)
	c.Exceeded = r.Fault != ""
	fmt.Printf("deployment.apps/%s rolled back\n", c.Deployment)
}

func (c *cluster) now() *revision { return &c.Revisions[len(c.Revisions)-1] }

// fault is what is wrong with a revision now.
func (c *cluster) fault(r *revision) string {
	switch {
	case (r.Fault == "config" || r.Fault == "mount") && slices.Contains(c.Secrets, r.Secret), (r.Fault == "refused" || r.Fault == "unplaced") && c.Room:
		return ""
	}
	return r.Fault
}

func (c *cluster) get(output string) {
	r := c.now()
	switch output {
	case "jsonpath={.spec.paused}":
		if c.Paused {
			fmt.Print("true")
		}
		return
	case `jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision} {.spec.paused}`:
		fmt.Print(r.Number, " ")
		if c.Paused {
			fmt.Print("true")
		}
		return
	}
	updated, available := 3, 3
	if f := c.fault(r); f != "" {
		updated, available = 1, 2
	}
	if c.Slow > 0 {
		c.Slow--
		updated, available = 2, 3
	}
	if c.fault(r) == "" && c.Slow == 0 && !c.Paused {
		c.Exceeded = false
	}
	conditions := []any{object{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}}
	if c.Exceeded {
		conditions = append(conditions, object{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "ReplicaSet \"" + c.Deployment + "-" + r.Hash + "\" has timed out progressing."})
	}
	if c.fault(r) == "refused" {
		conditions = append(conditions, object{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": `pods "web-ccc-1" is forbidden: exceeded quota: team, requested: cpu=2, used: cpu=9, limited: cpu=10`})
	}
	seen := 7
	if c.Unobserved {
		seen = 6
	}
	annotations := object{"deployment.kubernetes.io/revision": strconv.Itoa(r.Number)}
	if c.Argo {
		annotations["argocd.argoproj.io/tracking-id"] = "web:apps/Deployment:production/web"
	}
	c.print(object{
		"kind":     "Deployment",
		"metadata": object{"name": c.Deployment, "uid": "uid-of-web", "generation": 7, "annotations": annotations, "labels": object{"app": "web"}},
		"spec":     object{"replicas": 3, "paused": c.Paused, "selector": object{"matchLabels": object{"app": "web", "part": "front"}}, "template": object{"spec": c.podSpec(r)}},
		"status":   object{"observedGeneration": seen, "replicas": 3, "updatedReplicas": updated, "availableReplicas": available, "readyReplicas": available, "conditions": conditions},
	})
}

func (c *cluster) podSpec(r *revision) object {
	container := object{"name": "web", "image": r.Image, "resources": object{"requests": object{"memory": r.Memory}}}
	if r.Secret != "" {
		container["envFrom"] = []any{object{"secretRef": object{"name": r.Secret}}}
	}
	return object{"containers": []any{container}}
}

func (c *cluster) replicaSets() (out []any) {
	for i := range c.Revisions {
		r := &c.Revisions[i]
		annotations := object{"deployment.kubernetes.io/revision": strconv.Itoa(r.Number)}
		if len(r.History) > 0 {
			annotations["deployment.kubernetes.io/revision-history"] = strings.Join(r.History, ",")
		}
		ready := 0
		if i == len(c.Revisions)-2 {
			ready = 2
		}
		out = append(out, object{
			"metadata": object{"name": c.Deployment + "-" + r.Hash, "creationTimestamp": "2026-03-01T02:00:00Z", "annotations": annotations,
				"labels": object{"app": "web", "part": "front", "pod-template-hash": r.Hash}, "ownerReferences": []any{object{"kind": "Deployment", "uid": "uid-of-web"}}},
			"spec": object{"template": object{"spec": c.podSpec(r)}}, "status": object{"readyReplicas": ready},
		})
	}
	// Another deployment with the same labels.
	return append(out, object{"metadata": object{"name": "other-1", "annotations": object{"deployment.kubernetes.io/revision": "99"}, "labels": object{"pod-template-hash": "zzz"}, "ownerReferences": []any{object{"uid": "uid-of-other"}}}})
}

func (c *cluster) pods(selector string) []any {
	r := c.now()
	if selector != "app=web,part=front,pod-template-hash="+r.Hash {
		fail("error: no such selector here: %s", selector)
	}
	waiting := func(reason, message string) object {
		return object{"name": "web", "image": r.Image, "ready": false, "restartCount": 4, "state": object{"waiting": object{"reason": reason, "message": message}}}
	}
	status := object{"name": "web", "image": r.Image, "ready": true, "restartCount": 0, "state": object{"running": object{}}}
	conditions := []any{object{"type": "PodScheduled", "status": "True"}}
	switch c.fault(r) {
	case "image":
		status = waiting("ImagePullBackOff", `Back-off pulling image "`+r.Image+`"`)
	case "crash":
		status = waiting("CrashLoopBackOff", "back-off 40s restarting failed container")
		status["lastState"] = object{"terminated": object{"exitCode": 3, "reason": "Error"}}
	case "memory":
		status = waiting("CrashLoopBackOff", "back-off 40s restarting failed container")
		status["lastState"] = object{"terminated": object{"exitCode": 137, "reason": "OOMKilled"}}
	case "config":
		status = waiting("CreateContainerConfigError", `secret "`+r.Secret+`" not found`)
	case "mount":
		status = waiting("ContainerCreating", "")
	case "unready", "silent":
		status["ready"] = c.fault(r) == "silent"
	case "refused":
		return nil
	case "unplaced":
		return []any{object{"metadata": object{"name": "web-" + r.Hash + "-1"}, "status": object{"phase": "Pending",
			"conditions": []any{object{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/5 nodes are available: 5 Insufficient memory."}}}}}
	}
	return []any{object{"metadata": object{"name": "web-" + r.Hash + "-1"}, "status": object{"phase": "Running", "conditions": conditions, "containerStatuses": []any{status}}}}
}

func (c *cluster) events() []any {
	r := c.now()
	event := func(name, reason, message string) object {
		return object{"involvedObject": object{"name": name}, "reason": reason, "message": message, "type": "Warning"}
	}
	out := []any{event("other-zzz-1", "FailedMount", `MountVolume.SetUp failed for volume "v" : configmap "of-another" not found`)}
	pod := c.Deployment + "-" + r.Hash + "-1"
	switch c.fault(r) {
	case "mount":
		out = append(out, event(pod, "FailedMount", `MountVolume.SetUp failed for volume "keys" : secret "`+r.Secret+`" not found`))
	case "unready":
		out = append(out, event(pod, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500"))
	}
	return out
}

func (c *cluster) list(items []any) {
	if items == nil {
		items = []any{}
	}
	c.print(object{"kind": "List", "items": items})
}

func (c *cluster) print(o object) {
	data, err := json.Marshal(o)
	must(err)
	fmt.Println(string(data))
}
