package coverage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/coverage"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/plan"
	"runbook/engine/source"
)

// TestUnion: what runs take together is what each of them takes, put together, in
// whatever order.
func TestUnion(t *testing.T) {
	for _, c := range cases {
		rb, runs := played(t, c.beside, head+strings.TrimPrefix(c.text, "\n"), append(c.worlds, world{name: "empty"}, world{name: "yes", answers: map[string]string{"one": "approve", "one>undo": "approve"}})...)
		for i := range runs {
			runs[i].Name = fmt.Sprintf("w%d", (i*7)%5)
		}
		var each []*coverage.Coverage
		for _, r := range runs {
			each = append(each, coverage.Of(rb.Plan, r))
		}
		all := written(t, coverage.Of(rb.Plan, runs...))
		if got := written(t, coverage.Union(each...)); got != all {
			t.Errorf("%s: the union is\n%s, and all together\n%s", c.name, got, all)
		}
		slices.Reverse(each)
		if got := written(t, coverage.Union(each...)); got != all {
			t.Errorf("%s: the order makes a difference", c.name)
		}
		if got := written(t, coverage.Union(coverage.Union(each...), coverage.Of(rb.Plan))); got != all {
			t.Errorf("%s: a union with nothing makes a difference", c.name)
		}
		if nothing := coverage.Of(rb.Plan).Figure(coverage.Total); nothing.Taken != 0 {
			t.Errorf("%s: without a run %d are taken", c.name, nothing.Taken)
		}
	}
}

// TestUnionOfRunbooks: a file that two runbooks run counts once, whichever of
// them came by.
func TestUnionOfRunbooks(t *testing.T) {
	inner := head + "inputs: {which: {default: a}}\nsteps:\n  - decide: d\n    branches: [{id: a, when: inputs.which == \"a\"}]\n    else: {id: b}\n"
	beside := files{"inner.yaml": strings.Replace(inner, "name: x", "name: inner", 1)}
	var list []*coverage.Coverage
	for _, which := range []string{"a", "b"} {
		rb, runs := played(t, beside, head+"steps:\n  - {run: r, runbook: inner.yaml, inputs: {which: "+which+"}}\n", world{name: which})
		list = append(list, coverage.Of(rb.Plan, runs...))
	}
	both := coverage.Union(list...)
	if got := both.Figure(coverage.Branches); got != (coverage.Figure{Class: coverage.Branches, Taken: 2, Of: 2}) {
		t.Errorf("the branches of both: %v", got)
	}
	if got := list[0].Figure(coverage.Branches); got.Taken != 1 {
		t.Errorf("the union changed what it is made of: %v", got)
	}
}

// TestAnotherVersion: a run of a file that was changed since says nothing of it.
func TestAnotherVersion(t *testing.T) {
	text := head + "steps: [{message: m, text: m}]\n"
	_, old := played(t, nil, text, world{name: "w"})
	rb, _ := played(t, nil, text+"# changed\n")
	if got := coverage.Of(rb.Plan, old...).Figure(coverage.Total); got.Taken != 0 {
		t.Errorf("%d taken", got.Taken)
	}
	if got := coverage.Of(rb.Plan, coverage.Run{Name: "no events"}).Figure(coverage.Total); got.Taken != 0 {
		t.Errorf("%d taken", got.Taken)
	}
}

func written(t *testing.T, c *coverage.Coverage) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.JSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMinimum(t *testing.T) {
	rb, runs := played(t, nil, head+"steps:\n  - decide: d\n    branches: [{id: a, when: run.user == \"tester\"}, {id: b, when: run.user == \"x\"}, {id: c, when: run.user == \"y\"}]\n    else: {id: e}\n", world{name: "w"})
	c := coverage.Of(rb.Plan, runs...)
	for gate, want := range map[string]string{
		"25":                      "",
		"25.1":                    "branches: 1 of 4 are taken, which is 25%; at least 25.1% have to be",
		"100%":                    "branches: 1 of 4 are taken, which is 25%; at least 100% have to be",
		"steps=100,branches = 20": "",
		"expect=100":              "", // there is nothing of that class
		"total=41,steps=1":        "total: 2 of 5 are taken, which is 40%; at least 41% have to be",
	} {
		m, err := coverage.ParseMinimum(gate)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.Below(m), "; "); got != want {
			t.Errorf("%s: %q, not %q", gate, got, want)
		}
	}
	for gate, want := range map[string]string{
		"": `"" is no percentage`, "x": `"x" is no percentage`, "101": "no percentage from 0 to 100", "NaN": "no percentage", "-1": "no percentage",
		"step=3": `"step" is no class of coverage (did you mean steps?): branches, steps,`, "10,": `"" is no percentage`,
	} {
		if _, err := coverage.ParseMinimum(gate); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", gate, err)
		}
	}
}

// TestJSON holds the documented form.
func TestJSON(t *testing.T) {
	rb, runs := played(t, nil, head+"title: A title\nsteps:\n  - decide: d\n    branches: [{id: a, when: \"true\"}]\n    else: {id: e}\n", world{name: "w"})
	want := `{
  "coverage": 1,
  "figures": [
    {"class": "branches", "taken": 1, "of": 2, "percent": 50},
    {"class": "steps", "taken": 1, "of": 1, "percent": 100},
    {"class": "total", "taken": 2, "of": 3, "percent": 66.66}
  ],
  "files": [{"file": "x.yaml", "runbook": "x", "title": "A title", "figures": [
    {"class": "branches", "taken": 1, "of": 2, "percent": 50},
    {"class": "steps", "taken": 1, "of": 1, "percent": 100},
    {"class": "total", "taken": 2, "of": 3, "percent": 66.66}
  ]}],
  "items": [
    {"class": "steps", "file": "x.yaml", "line": 5, "column": 13, "step": "d", "taken": ["w"]},
    {"class": "branches", "file": "x.yaml", "line": 6, "column": 21, "step": "d", "name": "a", "taken": ["w"]},
    {"class": "branches", "file": "x.yaml", "line": 7, "column": 16, "step": "d", "name": "e", "else": true, "taken": [],
      "missing": "no scenario takes the branch ` + "`e` (its `else`) of `d`" + `"}
  ]
}`
	var got, expected any
	if err := json.Unmarshal([]byte(written(t, coverage.Of(rb.Plan, runs...))), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, expected) {
		t.Errorf("got %v\nwant %v", got, expected)
	}
}

// TestHTML: the page needs nothing besides itself, says what was not taken with a
// sign, names the scenarios at the branches, and nothing of a file becomes markup.
func TestHTML(t *testing.T) {
	text := head + `title: <b>bold</b>
steps:
  - decide: d
    title: "<script>alert(1)</script>"
    branches: [{id: a, when: "true", then: fix}]
    else: {id: e}
procedures:
  fix: {steps: [{message: m, text: m}]}
`
	rb, runs := played(t, nil, text, world{name: "works <i>"})
	var b bytes.Buffer
	if err := coverage.Of(rb.Plan, runs...).HTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{
		`<span class="chip">works &lt;i&gt;</span>`, `<li class="part"><span class="line"><span class="sign">◐</span><span class="role">decide</span>`, "&lt;script&gt;alert(1)&lt;/script&gt;", "prefers-color-scheme: dark",
		"no scenario takes the branch <code>e</code> (its <code>else</code>) of <code>d</code>", `<li class="missed"><span class="line"><span class="sign">✗</span><span class="role">else</span> <strong>e</strong>`,
		`→ <a href="#x_2eyaml_2dfix">fix</a>`, `id="x_2eyaml_2dfix"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, not := range []string{"<script", "<b>", "<i>", "http://", "https://", "@import", "url("} {
		if strings.Contains(page, not) {
			t.Errorf("the page holds %s", not)
		}
	}
	if err := wellFormed(page); err != nil {
		t.Error(err)
	}
}

// wellFormed holds that every element is closed where it has to be.
func wellFormed(page string) error {
	d := xml.NewDecoder(strings.NewReader(strings.Replace(page, "<!doctype html>", "", 1)))
	d.AutoClose, d.Entity, d.Strict = []string{"meta"}, xml.HTMLEntity, false
	depth := 0
	for {
		tok, err := d.Token()
		switch tok.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
		if err == io.EOF && depth == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("depth %d: %w", depth, err)
		}
	}
}

// TestLibrary: of every runbook of the library each step and each branch is one
// item, at its place. What an alias of YAML repeats is written once.
func TestLibrary(t *testing.T) {
	names, err := filepath.Glob("../../runbooks/*.yaml")
	if err != nil || len(names) < 2 {
		t.Fatal("no runbooks: ", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f := source.NewFile(name, data)
		if engine.IsScenarios(name) {
			continue
		}
		rb, _ := engine.Load(f, engine.WithFiles(engine.OnDisk(f)))
		if rb == nil {
			t.Fatalf("%s is not sound", name)
		}
		steps, branches, texts := map[source.Span]bool{}, map[source.Span]bool{}, map[string]*source.File{}
		for _, p := range rb.Plan.Plans() {
			texts[p.File.Name] = p.File
			p.Walk(func(s *plan.Step) {
				steps[s.Span] = true
				for _, b := range s.Branches {
					branches[b.Span] = true
				}
			})
		}
		c := coverage.Of(rb.Plan)
		if got := c.Figure(coverage.Steps).Of; got != len(steps) {
			t.Errorf("%s: %d steps, not %d", name, got, len(steps))
		}
		if got := c.Figure(coverage.Branches).Of; got != len(branches) {
			t.Errorf("%s: %d branches, not %d", name, got, len(branches))
		}
		for _, i := range c.Missing() {
			unnamed := i.Step == "verify" || i.Step == "check_after"
			if line := texts[i.File].Line(i.Line); i.Class == coverage.Steps && !unnamed && !strings.Contains(line, i.Step) {
				t.Errorf("%s: the step %s does not stand there: %s", i.Place(), i.Step, line)
			}
		}
	}
}

// TestDrill: what a real drill of the library takes.
func TestDrill(t *testing.T) {
	data, err := os.ReadFile("../../runbooks/payments.yaml")
	if err != nil {
		t.Fatal(err)
	}
	scenarios, err := os.ReadFile("../../runbooks/payments.scenarios.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rb, _ := engine.Load(source.NewFile("payments.yaml", data))
	file, _ := rb.Scenarios(source.NewFile("payments.scenarios.yaml", scenarios))
	sc := file.Find("token-revoked")
	r := coverage.Run{Name: sc.Name}
	_, err = rb.Run(context.Background(), engine.RunOptions{Scenario: sc, Session: engine.Session{
		Watch: []func(journal.Event){func(e journal.Event) { r.Events = append(r.Events, e) }},
		Ask: func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
			if q.Kind == "manual" {
				return interp.Answer{Choice: "done", By: "t"}, map[string]string{"value": "new-token-0002"}, nil
			}
			return interp.Answer{Choice: "approve", By: "t"}, nil, nil
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := coverage.Of(rb.Plan, r)
	var b bytes.Buffer
	if err := c.Text(&b, 4); err != nil {
		t.Fatal(err)
	}
	var short bytes.Buffer
	if err := c.Text(&short, 3); err != nil || strings.Contains(short.String(), ":76:") || !strings.HasSuffix(short.String(), ":72: no scenario refuses `store`\n  … and 1 more\n") {
		t.Errorf("three lines: %s", short.String())
	}
	want := `coverage 68% (15 of 22): branches 33% (1 of 3), steps 75% (9 of 12), procedures 100% (1 of 1), expect 100% (2 of 2), approvals 50% (1 of 2), poll 50% (1 of 2)
  payments.yaml:51: no scenario takes the branch ~rate_limited~ of ~diagnosis~ (and 2 more inside it)
  payments.yaml:60: no scenario takes the branch ~unknown~ (its ~else~) of ~diagnosis~ (and 1 more inside it)
  payments.yaml:72: no scenario refuses ~store~
  payments.yaml:76: in no scenario does the poll of ~verify~ give up
`
	if want = strings.ReplaceAll(want, "~", "`"); b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
