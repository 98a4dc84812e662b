package permit

import (
	"slices"
	"strings"
	"testing"
)

// TestRuns: an entry of deny meets a command however its options stand, and a
// command of which not all is known as far as it can.
func TestRuns(t *testing.T) {
	for _, c := range []struct {
		entry, argv string
		part        bool
		want        Verdict
	}{
		{"kubectl delete", "kubectl delete pod/x", false, Yes}, {"kubectl delete", "kubectl -n prod delete pod/x", false, Yes}, {"kubectl delete", "kubectl get pods", false, No},
		{"kubectl delete", "/usr/bin/kubectl delete", false, Yes}, {"kubectl delete", "kubectl.exe delete", false, Yes}, {"/usr/bin/kubectl", "kubectl", false, No}, {"kubectl delete", "kubectlx delete", false, No},
		{"kubectl --context prod", "kubectl --context=prod get", false, Yes}, {"kubectl --context=prod", "kubectl --context=prod get", false, Yes}, {"kubectl --context prod", "kubectl prod --context", false, No},
		{"* *prod*", "helm upgrade -n eu-prod-1 x", false, Yes}, {"* *prod*", "helm upgrade", false, No}, {"*", "anything", false, Yes},
		{"kubectl delete", "sudo kubectl delete pod/x", false, Yes}, {"kubectl delete", "timeout 30 kubectl -n x delete pod/x", false, Yes}, {"kubectl delete", "sh -c cd\u00a0x;kubectl delete y", false, Yes}, {"kubectl delete", "env kubectl get", false, No},
		{"kubectl delete", "kubectl", true, Unknown}, {"kubectl delete", "kubectl delete", true, Yes}, {"kubectl delete", "helm", true, No}, {"kubectl delete", "", true, Unknown}, {"kubectl delete", "", false, No},
		{"kubectl delete", "env X=1", true, Unknown}, {"", "kubectl", false, No},
	} {
		if got := Runs(c.entry, strings.Fields(strings.ReplaceAll(c.argv, "cd x;", "'cd x;")), !c.part); got != c.want {
			t.Errorf("%q about %q: %v, want %v", c.entry, c.argv, got, c.want)
		}
	}
}

// rules is a policy that narrows programs of actions, hosts and reading, and
// leaves out the rest.
func rules() *Policy {
	return &Policy{Name: "p", File: "p.yaml",
		Most:    Set{Act: []string{"kubectl rollout"}, Hosts: []string{"*.example.com"}, Read: []string{"/var/log"}},
		Deny:    []Rule{{Run: []string{"kubectl delete"}, Reason: "ask first"}, {Hosts: []string{"bad.example.com"}}, {Read: []string{"/var/log/secret"}, Write: []string{"/etc"}}},
		Approve: []Rule{{Run: []string{"kubectl rollout"}}, {Hosts: []string{"*.prod.example.com"}}, {Methods: []string{"DELETE"}}, {Hosts: []string{"api.example.com"}, Methods: []string{"POST"}}},
	}
}

func TestUnder(t *testing.T) {
	inner := Set{Observe: []string{"kubectl"}, Act: []string{"kubectl", "helm"}, Hosts: []string{"api.example.com", "bad.example.com", "other.org"}, Env: []string{"PATH"}, Read: []string{"/"}, Write: []string{"/"}, Within: &Set{Observe: []string{"kubectl"}, Act: []string{"kubectl", "helm"}, Hosts: []string{"*.example.com", "other.org"}, Env: []string{"PATH"}, Read: []string{"/"}, Write: []string{"/"}}}
	s := inner.Under(rules())
	if len(s.All()) != 3 || s.ByPolicy() == nil || inner.ByPolicy() != nil {
		t.Fatal("the policy does not stand around all")
	}
	for _, c := range []struct {
		argv       string
		action, ok bool
		reason     string
	}{
		{"kubectl rollout restart", true, true, ""}, {"kubectl get", false, true, ""}, {"kubectl get", true, false, "the policy p (p.yaml) does not permit it"}, {"helm x", true, false, "`permissions.act`"},
		{"kubectl -n x delete y", false, false, "the policy p denies `kubectl -n x delete y` by its entry `kubectl delete` (p.yaml): ask first"},
	} {
		d := s.Command(strings.Fields(c.argv), c.action)
		if d.OK != c.ok || !strings.Contains(d.Reason, c.reason) || !c.ok && d.Policy == nil || strings.Contains(d.Reason, "the runbook that runs") {
			t.Errorf("%s: %+v", c.argv, d)
		}
		if got := s.Partly(strings.Fields(c.argv), false, c.action); (got != No) != c.ok {
			t.Errorf("%s, partly: %v", c.argv, got)
		}
	}
	for host, ok := range map[string]bool{"api.example.com": true, "bad.example.com": false, "BAD.example.com.": false, "other.org": false} {
		if d := s.Host(host, 443); d.OK != ok {
			t.Errorf("%s: %+v", host, d)
		}
		if d := s.Sending(host).Host(host, 443); d.OK != ok {
			t.Errorf("sending to %s: %+v", host, d)
		}
	}
	if !s.Names("api.example.com") && inner.Names("api.example.com") {
		t.Error("a policy that permits a group takes away that a file names its host")
	}
	for path, want := range map[string]Verdict{"/var/log/a": Yes, "/var/log/secret/a": No, "/etc/x": No} {
		if got := rules().Set().File(path, "/", false); got != want {
			t.Errorf("reading %s: %v", path, got)
		}
	}
	if rules().Set().File("/etc/x", "/", true) != No || rules().Set().File("/srv/x", "/", true) != Yes {
		t.Error("writing is not what deny says")
	}
	if !s.Variable("PATH").OK || s.Variable("LD_PRELOAD").OK {
		t.Error("a list that is left out narrows")
	}
	none := rules()
	none.Most.Env, none.Most.Observe = []string{}, []string{}
	if s := inner.Under(none); s.Variable("PATH").OK || s.Command([]string{"kubectl", "get"}, false).OK {
		t.Error("an empty list permits")
	}
}

func TestNeeds(t *testing.T) {
	p := rules()
	if yes, may := p.NeedsRun([]string{"kubectl", "rollout"}, true); !slices.Equal(yes, []int{0}) || may != nil {
		t.Error(yes, may)
	}
	if yes, may := p.NeedsRun([]string{"kubectl"}, false); yes != nil || !slices.Equal(may, []int{0}) {
		t.Error(yes, may)
	}
	for _, c := range []struct {
		host, method string
		action       bool
		want         []int
	}{
		{"a.prod.example.com", "GET", true, []int{1}}, {"a.prod.example.com", "GET", false, nil}, {"x.org", "delete", false, []int{2}}, {"x.org", "GET", true, nil},
		{"api.example.com", "POST", true, []int{3}}, {"api.example.com", "", true, nil}, {"a.prod.example.com", "DELETE", true, []int{1, 2}},
	} {
		if got := p.NeedsHost(c.host, 443, c.method, c.action); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if p.Wanted("x", []int{1, 2}, []int{2, 1}) != "" || !strings.Contains(p.Wanted("x", []int{1, 2}, []int{1}), "needs approval by the policy p") {
		t.Error("what was granted is not what was wanted")
	}
}
