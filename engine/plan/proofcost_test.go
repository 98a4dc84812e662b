package plan

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"runbook/checks"
	"runbook/engine/kind"
	"runbook/engine/plan/prove"
	"runbook/engine/source"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// twelve is a decision of twelve branches over what two requests gave.
const twelve = `apiVersion: runbook/v1
name: twelve
permissions: {hosts: [example.com]}
steps:
  - check: api
    http: {url: "https://example.com"}
    outputs: {category: 'json?.category ?? ""'}
  - check: web
    http: {url: "https://example.com/web"}
  - decide: diagnosis
    branches:
      - {id: dns, when: 'steps.api.error.kind == "dns"'}
      - {id: timeout, when: 'steps.api.error.kind == "timeout"'}
      - {id: both_down, when: 'steps.api.status == 0 and steps.web.status == 0'}
      - {id: down, when: steps.api.status == 0}
      - {id: revoked, when: 'steps.api.status == 401 and steps.api.category == "INVALID_AUTHENTICATION"'}
      - {id: auth, when: 'steps.api.status in [401, 403]'}
      - {id: limited, when: steps.api.status == 429}
      - {id: gone, when: steps.api.status == 404}
      - {id: client, when: 'steps.api.status >= 400 and steps.api.status < 500'}
      - {id: unavailable, when: 'steps.api.status in [502, 503, 504] and steps.web.status >= 500'}
      - {id: server, when: steps.api.status >= 500}
      - {id: fine, when: 'steps.api.verdict == "passed" and steps.web.status == 200'}
`

// proven compiles a file and gives the compiler, so that its proof can be made
// again.
func proven(tb testing.TB, data []byte) (*compiler, source.Diagnostics) {
	tb.Helper()
	var kinds []kind.Kind
	for _, k := range checks.All() {
		kinds = append(kinds, k.Kind)
	}
	var found source.Diagnostics
	o := Options{Kinds: kinds}
	c := &compiler{opts: o, file: source.NewFile("x.yaml", data), lang: o.Language(), about: map[*types.Type]about{}}
	c.report = func(d source.Diagnostic) { found = append(found, d) }
	root := syntax.Parse(c.file, c.report)
	syntax.Check(root, c.lang.Runbook, c.lang.Resolve, c.report)
	c.compile(root)
	return c, found
}

func payments(tb testing.TB) []byte {
	tb.Helper()
	data, err := os.ReadFile("../../runbooks/payments.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// TestProofIsCheap: what a decision of twelve branches costs is far from the
// limit.
func TestProofIsCheap(t *testing.T) {
	c, found := proven(t, []byte(twelve))
	for _, p := range c.proofs {
		if p.when != nil || p.own != nil {
			continue
		}
		d := prove.Decision{Space: c.space(p.flow)}
		for _, b := range p.step.Branches {
			d.Whens = append(d.Whens, b.When.Formula())
		}
		_, cost := prove.Decide(d)
		t.Logf("%d evaluations", cost)
		if cost == 0 || cost > prove.Limit/10 {
			t.Errorf("%d evaluations", cost)
		}
	}
	if len(found) != 0 {
		t.Errorf("found %v", found)
	}
}

func BenchmarkProofOfTwelve(b *testing.B) {
	c, _ := proven(b, []byte(twelve))
	for b.Loop() {
		c.spent = 0
		c.prove()
	}
}

// BenchmarkCompile gives the share that the proof has of a compilation.
func BenchmarkCompile(b *testing.B) {
	for name, data := range map[string][]byte{"payments": payments(b), "twelve": []byte(twelve), "missing": []byte(strings.Replace(twelve, ` and steps.api.category == "INVALID_AUTHENTICATION"`, "", 1))} {
		b.Run(name, func(b *testing.B) {
			var proof time.Duration
			for b.Loop() {
				c, _ := proven(b, data)
				c.spent = 0
				start := time.Now()
				c.prove()
				proof += time.Since(start)
			}
			// c.prove ran twice, once inside: the compilation is the rest.
			b.ReportMetric(100*float64(proof)/float64(b.Elapsed()-proof), "%proof")
			b.ReportMetric(float64(proof.Microseconds())/float64(b.N), "µs-proof/op")
		})
	}
}

// Unproven compiles a file and gives the plan although the proof found errors in
// it, so that a test can run it. Nil is a file with other errors.
func Unproven(data []byte, kinds []kind.Kind) (*Plan, source.Diagnostics) {
	var proofs, others source.Diagnostics
	o := Options{Kinds: kinds}
	c := &compiler{opts: o, file: source.NewFile("x.yaml", data), lang: o.Language(), about: map[*types.Type]about{}}
	c.report = func(d source.Diagnostic) {
		switch d.Code {
		case "branch-hidden", "branch-impossible", "case-missing", "always-true", "always-false":
			proofs = append(proofs, d)
		default:
			c.failed = c.failed || d.Severity == source.Error
			others = append(others, d)
		}
	}
	root := syntax.Parse(c.file, c.report)
	syntax.Check(root, c.lang.Runbook, c.lang.Resolve, c.report)
	p := c.compile(root)
	if others.Failed() {
		return nil, others
	}
	return p, proofs
}

// TestProofOfManyDecisions: a file full of decisions without `else`, each of which
// can only be reached through all before it, is proven in reasonable time.
func TestProofOfManyDecisions(t *testing.T) {
	var b strings.Builder
	b.WriteString("apiVersion: runbook/v1\nname: many\npermissions: {hosts: [example.com]}\nsteps:\n")
	const n = 300
	for i := range n {
		fmt.Fprintf(&b, "  - check: c%d\n    http: {url: \"https://example.com\"}\n", i)
		fmt.Fprintf(&b, "  - decide: d%d\n    branches:\n      - {id: a, when: steps.c%d.status == 0}\n      - {id: b, when: 'steps.c%d.status >= 100 and steps.c%d.status != 404'}\n", i, i, i, max(i-1, 0))
	}
	c, found := proven(t, []byte(b.String()))
	if found.Failed() {
		t.Fatal(found)
	}
	c.spent = 0
	start := time.Now()
	c.prove()
	took := time.Since(start)
	t.Logf("%d findings in %s", len(found)/2, took)
	if took > 20*time.Second || len(found) == 0 {
		t.Errorf("%d findings in %s", len(found), took)
	}
}
