package plan

import (
	"fmt"
	"testing"
	"time"

	"runbook/engine/kind"
	"runbook/engine/lang"
	"runbook/engine/permit"
	"runbook/engine/secret"
)

// TestJoin: two demands are one question where one answer can be enough for both.
func TestJoin(t *testing.T) {
	for _, c := range []struct {
		a, b Demand
		want string // who, how many, how long, always, what is typed; "" is two questions
	}{
		{Demand{Count: 1, Own: true}, Demand{Count: 2, Policy: []string{"p"}, Entries: []int{1}, Always: true}, "[] 2 0s true "},
		{Demand{Count: 1, By: []string{"ada", "eve"}, Timeout: time.Hour}, Demand{Count: 2, Timeout: time.Minute}, "[ada eve] 2 1m0s false "},
		{Demand{Count: 1}, Demand{Count: 1, By: []string{"ada"}, Retype: "x", Timeout: time.Minute}, "[ada] 1 1m0s false x"},
		{Demand{Count: 1, Retype: "x", Timeout: time.Second}, Demand{Count: 1, Retype: "x"}, "[] 1 1s false x"},
		{Demand{Count: 1, By: []string{"ada"}}, Demand{Count: 2}, ""},
		{Demand{Count: 1, By: []string{"ada"}}, Demand{Count: 1, By: []string{"eve"}}, ""},
		{Demand{Count: 1, Retype: "x"}, Demand{Count: 1, Retype: "y"}, ""},
	} {
		for _, pair := range [][2]Demand{{c.a, c.b}, {c.b, c.a}} {
			d, ok := pair[0].Join(pair[1])
			got := fmt.Sprint(d.By, d.Count, d.Timeout, d.Always) + " " + d.Retype
			if ok != (c.want != "") || ok && (got != c.want || d.Own != (c.a.Own || c.b.Own) || len(d.Entries) != len(c.a.Entries)+len(c.b.Entries)) {
				t.Errorf("%+v: %v %s, want %s", pair, ok, got, c.want)
			}
			if ok && d.Key() == c.a.Key() && d.Key() == c.b.Key() {
				t.Errorf("%+v: the key does not change with what is wanted", pair)
			}
		}
	}
}

// TestDemands: what an action will do decides what a policy demands before it; what
// is not known counts as what may be.
func TestDemands(t *testing.T) {
	asks := &kind.Kind{Effects: func(u kind.Use) []kind.Effect {
		var out []kind.Effect
		for i := range u.Commands {
			out = append(out, kind.Effect{Command: &u.Commands[i]})
		}
		if _, asks := u.Options["url"]; asks {
			out = append(out, u.Asks()...)
		}
		if f, ok := u.Text("path"); ok {
			out = append(out, kind.Effect{File: f})
		}
		return out
	}}
	p := &Plan{Policy: &permit.Policy{Name: "p", File: "p.yaml", Approve: []permit.Rule{{Run: []string{"kubectl delete"}, Reason: "why"}, {Hosts: []string{"*.example.com"}}, {Methods: []string{"DELETE"}}}}}
	step := &Step{Role: Action, Kind: asks}
	token := secret.Text{Parts: []secret.Part{{Secret: "token"}}}
	for _, c := range []struct {
		options map[string]any
		want    string
	}{
		{map[string]any{"script": lang.Bound{Text: `kubectl -n "${__rb0}" "${__rb1}" x`, Values: []any{"web", "delete"}}}, "[0]"},
		{map[string]any{"script": lang.Bound{Text: `kubectl -n "${__rb0}" "${__rb1}" x`, Values: []any{"web", "get"}}}, "[]"},
		{map[string]any{"script": lang.Bound{Text: `kubectl "${__rb0}"`, Values: []any{token}}}, "[0]"},
		{map[string]any{"argv": []any{"kubectl", "delete"}}, "[0]"}, {map[string]any{"argv": []any{"kubectl", token}}, "[0]"}, {map[string]any{"argv": []any{"helm", token}}, "[]"},
		{map[string]any{"interpreter": []any{"bash"}, "script": lang.Bound{Text: "kubectl delete x"}}, "[0]"},
		{map[string]any{"url": "https://api.example.com/x"}, "[1]"}, {map[string]any{"url": "https://other.org", "method": "DELETE"}, "[2]"}, {map[string]any{"url": "https://other.org"}, "[]"},
		{map[string]any{"url": token}, "[1]"}, {map[string]any{"url": token, "method": "DELETE"}, "[1 2]"}, {map[string]any{"path": "/etc/x"}, "[]"},
	} {
		got := []int{}
		for _, d := range p.Demands(step, c.options) {
			got = append(got, d.Entries...)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%v: %v, want %s", c.options, got, c.want)
		}
	}
	if d := p.Demands(step, map[string]any{"argv": []any{"kubectl", "delete"}})[0]; d.Count != 1 || d.Policy[0] != "p (p.yaml: why)" {
		t.Errorf("%+v", d)
	}
	if d := p.Demands(&Step{Role: Check, Kind: asks}, map[string]any{"argv": []any{"kubectl", "delete"}}); d != nil {
		t.Error("a check is asked about")
	}
}
