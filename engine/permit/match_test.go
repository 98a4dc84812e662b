package permit

import (
	"strings"
	"testing"
)

var set = Set{
	Observe: []string{"kubectl get", "kubectl -n * get"},
	Act:     []string{"kubectl delete pod/*", "aws secretsmanager", "/usr/bin/true"},
	Hosts:   []string{"api.example.com", "*.example.org", "h.net:8443", "https://url.example.net/x", "", "::1"},
}

func TestCommand(t *testing.T) {
	for _, c := range []struct {
		argv    string
		action  bool
		ok      bool
		suggest string
		reason  string
	}{
		{"kubectl get pods", false, true, "", ""}, {"kubectl -n prod get pods", false, true, "", ""}, {"kubectl get", true, true, "", ""},
		{"kubectl delete pod/web-1", true, true, "", ""}, {"kubectl delete pod/web-1", false, false, "", "actions only"},
		{"kubectl delete deploy/web", true, false, "kubectl delete", ""}, {"kubectl --context x get pods", false, false, "kubectl --context * get", "not passed over"},
		{"kubectl", false, false, "kubectl", "no entry"}, {"rm -rf /", true, false, "rm", "permissions.act"}, {"aws secretsmanager put-secret-value --x y", true, true, "", ""},
		{"true", true, false, "true", ""}, {"/usr/bin/true x", true, true, "", ""}, {"kubectlx get", false, false, "", ""}, {"docker ps", false, false, "docker ps", "observe"},
	} {
		d := set.Command(strings.Fields(c.argv), c.action)
		if d.OK != c.ok || c.suggest != "" && d.Suggest != c.suggest || !strings.Contains(d.Reason, c.reason) {
			t.Errorf("%s: %+v", c.argv, d)
		}
		if !d.OK && c.suggest != "" {
			with := set
			with.Observe, with.Act = append(with.Observe, d.Suggest), append(with.Act, d.Suggest)
			if !with.Command(strings.Fields(c.argv), c.action).OK {
				t.Errorf("%s: the suggested entry %q does not permit it", c.argv, d.Suggest)
			}
		}
	}
	for _, argv := range [][]string{{"", "evil"}, {"two words", "x"}, {"a*"}, {"a;b", "get"}, {"a\u00a0b"}} {
		if d := set.Command(argv, true); d.OK || d.Suggest != "" || d.Reason == "" {
			t.Errorf("%q: %+v", argv, d)
		}
	}
	if set.Command(nil, true).OK || (Set{}).Command([]string{"ls"}, true).OK {
		t.Error("what is not listed was permitted")
	}
}

func TestPartly(t *testing.T) {
	for _, c := range []struct {
		words string
		whole bool
		want  Verdict
	}{{"kubectl", false, Unknown}, {"kubectl", true, No}, {"kubectl get", false, Yes}, {"kubectl -n", false, Unknown}, {"rm", false, No}, {"", false, Unknown}, {"kubectl apply", false, No}} {
		if got := set.Partly(strings.Fields(c.words), c.whole, false); got != c.want {
			t.Errorf("%q: %v", c.words, got)
		}
	}
}

func TestHost(t *testing.T) {
	for _, c := range []struct {
		host string
		port int
		ok   bool
	}{{"api.example.com", 443, true}, {"API.example.com.", 80, true}, {"x.api.example.com", 443, false}, {"a.example.org", 1, true}, {"a.b.example.org", 1, true}, {"example.org", 1, false},
		{"evilexample.org", 1, false}, {"h.net", 8443, true}, {"h.net", 443, false}, {"url.example.net", 443, true}, {"", 443, false}, {"::1", 80, true}, {"[::1]", 80, true},
		{"2001:db8::1%x.example.org", 443, false}, {"fe80::1%.example.org", 443, false}, {"2001:db8::1.example.org", 443, true}} {
		if d := set.Host(c.host, c.port); d.OK != c.ok {
			t.Errorf("%s:%d: %+v", c.host, c.port, d)
		}
	}
	if !set.Names("api.example.com") || set.Names("a.example.org") {
		t.Error("Names is wrong")
	}
}

func TestEntries(t *testing.T) {
	for in, ok := range map[string]bool{"kubectl get": true, "": false, "* get": false, "sh -c 'x'": false, "a|b": false} {
		if (CheckEntry(in) == "") != ok {
			t.Errorf("%q: %s", in, CheckEntry(in))
		}
	}
	for in, want := range map[string]bool{"bash": true, "/usr/bin/env": true, "kubectl get": false, "docker ps": false, "docker": true} {
		if RunsOthers(in) != want {
			t.Errorf("%q: %v", in, !want)
		}
	}
}

// TestBegins: an entry that is taken apart on the way says what its words say.
func TestBegins(t *testing.T) {
	for _, entry := range append(set.entries(true), "", " ", "a", " a  b ", "a *", "* b", "a b c") {
		for _, argv := range []string{"", "a", "a b", "a b c", "x b", "kubectl", "kubectl get", "kubectl get pods", "kubectl -n x get", "kubectl delete pod/a", "kubectlx get"} {
			if words := strings.Fields(argv); begins(entry, words) != matches(Split(entry), words) {
				t.Errorf("%q, %q", entry, argv)
			}
		}
	}
}
