package permit

import (
	"strings"
	"testing"
)

// TestBothMustPermit: a runbook that another one runs may do what both permit.
func TestBothMustPermit(t *testing.T) {
	outermost := Set{Observe: []string{"kubectl get", "aws"}, Hosts: []string{"*.example.com"}}
	outer := Set{Observe: []string{"kubectl", "aws"}, Hosts: []string{"*.example.com", "other.org"}, Within: &outermost}
	inner := Set{Observe: []string{"kubectl get pods", "kubectl delete", "helm"}, Act: []string{"aws s3"}, Hosts: []string{"api.example.com", "*.example.com", "other.org"}, Within: &outer}
	for argv, want := range map[string]bool{
		"kubectl get pods": true, "kubectl get nodes": false, "kubectl delete pod": false, "helm list": false, "aws s3 ls": true,
	} {
		d := inner.Command(strings.Fields(argv), true)
		if d.OK != want {
			t.Errorf("%s: %+v", argv, d)
		}
		if argv == "kubectl delete pod" && !strings.Contains(d.Reason, "the runbook that runs this one") {
			t.Errorf("%s: %s", argv, d.Reason)
		}
	}
	if inner.Command([]string{"aws", "s3"}, false).OK {
		t.Error("a check may do what only actions may")
	}
	for words, want := range map[string]Verdict{"kubectl": Unknown, "kubectl get pods": Yes, "kubectl delete": No, "": Unknown, "helm": No} {
		if got := inner.Partly(strings.Fields(words), false, true); got != want {
			t.Errorf("partly %q: %v", words, got)
		}
	}
	for host, want := range map[string]bool{"api.example.com": true, "other.org": false, "nobody.org": false} {
		if d := inner.Host(host, 443); d.OK != want {
			t.Errorf("%s: %+v", host, d)
		}
	}
	if inner.Names("api.example.com") {
		t.Error("a host is named where only one of the files names it")
	}
	if len(inner.All()) != 3 || inner.All()[2].Within != nil {
		t.Errorf("%d sets", len(inner.All()))
	}
}
