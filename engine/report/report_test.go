package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"runbook/engine/journal"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what was drawn with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -update writes it anew. Got:\n%s", name, got)
	}
}

// fixture is a journal that the real program wrote.
func fixture(t testing.TB, name string) []journal.Event {
	t.Helper()
	l, err := journal.ReadFile(filepath.Join("testdata", name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Verify(); err != nil || l.Torn {
		t.Fatalf("%s is not as it was written: %v", name, err)
	}
	return l.Events
}

func lines(events []journal.Event, o LineOptions) string {
	var b strings.Builder
	l := NewLines(&b, o)
	for _, e := range events {
		l.Event(e)
	}
	return b.String()
}

func rehearse(events []journal.Event, o RehearsalOptions) string {
	var b strings.Builder
	r := NewRehearsal(&b, o)
	for _, e := range events {
		r.Event(e)
	}
	r.Close()
	r.Close()
	return b.String()
}

func drawn(t testing.TB, f func(io.Writer, *journal.State) error, events []journal.Event) string {
	t.Helper()
	var b strings.Builder
	if err := f(&b, journal.Fold(events)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"payments", "orders", "resumed"} {
		events := fixture(t, name)
		golden(t, name+".lines", lines(events, LineOptions{}))
		golden(t, name+".verbose", lines(events, LineOptions{Verbose: true}))
		golden(t, name+".md", drawn(t, Markdown, events))
		golden(t, name+".postmortem.md", drawn(t, Postmortem, events))
		golden(t, name+".html", drawn(t, HTML, events))
		golden(t, name+".xml", drawn(t, JUnit, events))
	}
	golden(t, "orders.colour", lines(fixture(t, "orders"), LineOptions{Color: true}))
	for _, name := range []string{"orders", "watch"} {
		golden(t, name+".rehearsal", rehearse(fixture(t, name+".rehearsal"), RehearsalOptions{}))
	}
}

// A run that broke off, or waits, is drawn too.
func TestUnfinished(t *testing.T) {
	all := fixture(t, "resumed")
	for i := range all {
		events := all[:i]
		for name, f := range map[string]func(io.Writer, *journal.State) error{"md": Markdown, "pm": Postmortem, "html": HTML, "junit": JUnit} {
			if text := drawn(t, f, events); text == "" {
				t.Errorf("%s of %d events is empty", name, i)
			}
		}
	}
	paused := 0
	for i, e := range all {
		if e.Type == journal.RunPaused {
			paused = i + 1
		}
	}
	if paused == 0 {
		t.Fatal("the fixture does not pause")
	}
	golden(t, "paused.postmortem.md", drawn(t, Postmortem, all[:paused]))
	golden(t, "paused.xml", drawn(t, JUnit, all[:paused]))
	var b strings.Builder
	l := NewLines(&b, LineOptions{})
	for _, e := range all[:paused] {
		l.Past(e)
	}
	if b.Len() > 0 {
		t.Errorf("the past was drawn: %s", b.String())
	}
	for _, e := range all[paused:] {
		l.Event(e)
	}
	first, _, _ := strings.Cut(b.String(), "\n")
	if !strings.Contains(first, "DRILL") || !strings.Contains(b.String(), "What is broken?") || !strings.HasSuffix(b.String(), "(scenario token-revoked)\n") {
		t.Errorf("what was known before the resume is missing:\n%s", b.String())
	}
}

func TestShown(t *testing.T) {
	type options struct {
		URL     string            `json:"url"`
		Method  string            `json:"method"`
		Headers map[string]string `json:"headers"`
		JSON    any               `json:"json"`
		Query   map[string]string `json:"query,omitempty"`
	}
	for name, c := range map[string]struct {
		v    any
		want string
	}{
		"get":      {map[string]any{"url": "https://a.example/x"}, "GET https://a.example/x"},
		"post":     {options{"https://a.example", "POST", map[string]string{"B": "2", "A": "1"}, map[string]any{"n": json.Number("12345678901234567890")}, map[string]string{"q": "x y"}}, "POST https://a.example\nA: 1\nB: 2\nquery:\n  q: x y\n\n{\n  \"n\": 12345678901234567890\n}"},
		"body":     {map[string]any{"url": "u", "body": "a\nb"}, "GET u\n\na\nb"},
		"script":   {map[string]any{"script": "a\nb\n", "stdin": "***", "env": map[string]any{"X": 1}}, "a\nb\nenv:\n  X: 1\nstdin: ***"},
		"argv":     {map[string]any{"argv": []any{"kubectl", "get", "a b", "it's", "$(x)", ""}}, `kubectl get 'a b' 'it'\''s' '$(x)' ''`},
		"mapping":  {map[string]any{"a": 1, "b": map[string]any{"c": []any{"x", map[string]any{"y": true}}}, "d": nil, "e": "1\n2"}, "a: 1\nb:\n  c:\n    - x\n    - y: true\nd: none\ne:\n  1\n  2"},
		"operands": {[]any{map[string]any{"expr": "steps.a.status", "value": 401}, map[string]any{"expr": "b", "not_read": true}, map[string]any{"expr": "c", "value": "x"}, map[string]any{"expr": "d", "value": nil}, map[string]any{"expr": "e", "error": "no"}, map[string]any{"expr": "any(l)", "value": true, "item": 3}}, "steps.a.status = 401\nc = \"x\"\nd = null\ne: no\nany(l) = true (decided by 3)"},
		"secret":   {map[string]any{"token": map[string]any{"$masked": "api_token"}}, "token: ‹secret api_token›"},
		"text":     {"just text", "just text"},
		"control":  {map[string]any{"script": "echo \x1b[2J\u202e\x00\r\u200b"}, "echo ⟨U+001B⟩[2J⟨U+202E⟩⟨U+0000⟩⟨U+000D⟩⟨U+200B⟩"},
		"forged":   {map[string]any{"url": "u\nDELETE v", "headers": map[string]any{"a\nb": "c"}}, "GET u ⏎ DELETE v\na ⏎ b: c"},
		"not JSON": {func() {}, ""},
	} {
		got := Shown(c.v)
		if name == "not JSON" {
			continue // whatever it is, it must not panic
		}
		if got != c.want {
			t.Errorf("%s:\n%s\nnot:\n%s", name, got, c.want)
		}
	}
}

// hostile is what a stranger would put wherever they can.
const hostile = "\x1b]0;gone\x07\x1b[2J\u202eevil\u2066 \x7f\u009b31m\r\n| a | b |\n```\n~~~\n<script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) ![y](z) `|` \\| **b** <!-- ]]> &lt; # h\n# heading\n1. one\n- list\n\xff\xfe\x00 表 👩‍👩‍👧 é"

// hostileEvents puts a text everywhere an event has room for one.
func hostileEvents(text string) []journal.Event {
	var out []journal.Event
	add := func(typ journal.Type, step, key string, data any) {
		raw, err := json.Marshal(data)
		if err != nil {
			panic(err)
		}
		out = append(out, journal.Event{Seq: int64(len(out) + 1), Time: time.Date(2026, 1, 2, 3, 4, len(out), 0, time.UTC), Run: text, Type: typ, Step: step, Key: key, Data: raw})
	}
	values := map[string]any{text: text, "list": []any{text}, "severity": text}
	links := []journal.Link{{Title: text, URL: "https://e.example/" + text}, {Title: text, URL: "javascript:" + text}}
	because := []any{map[string]any{"expr": text, "value": text}, map[string]any{"expr": text, "error": text}}
	add(journal.RunStarted, "", "", journal.RunStartedData{Runbook: journal.Runbook{Name: text, Title: text, Version: text, Path: text}, Mode: "drill", Scenario: text, User: text, Host: text, Inputs: values, Facts: values, Links: links})
	add(journal.StepStarted, text, "g", journal.StepStartedData{Role: "group", Title: text, Links: links})
	for _, role := range []string{"check", "action", "manual", "decide", "message", text} {
		key := "g/" + role + text
		add(journal.StepStarted, text, key, journal.StepStartedData{Role: role, Kind: text, Title: text})
		add(journal.ApprovalRequested, text, key+"#confirm", journal.ApprovalRequestedData{Kind: "confirm", Title: text, Text: text, Shown: values, Fields: []journal.AnswerField{{Name: text, Type: text, Description: text}}})
		add(journal.ApprovalAnswered, text, key+"#confirm", journal.ApprovalAnsweredData{Kind: "confirm", Choice: text, By: text, How: text, Note: text, Values: values})
		add(journal.AttemptStarted, text, key+"#a1", journal.AttemptStartedData{Request: map[string]any{"url": text, "headers": values, "json": values}})
		add(journal.AttemptFinished, text, key+"#a1", journal.AttemptFinishedData{Error: &journal.Error{Kind: text, Message: text}})
		add(journal.WaitStarted, text, key+"#a1.retry", journal.WaitStartedData{For: "retry", Length: 1})
		add(journal.DecisionMade, text, key, journal.DecisionMadeData{Branch: text, Title: text, Because: because, Choices: []string{text}, By: text, Uncertain: true})
		add(journal.ProcedureStarted, text, key+">p#procedure", journal.ProcedureStartedData{Name: text, Title: text, Escalation: text})
		add(journal.FactSet, text, key+"#fact", journal.FactSetData{Name: text, Value: text, Was: text})
		add(journal.SecretReplaced, text, key+"#secret", journal.SecretReplacedData{Name: text, By: text})
		add(journal.MessageRendered, text, key, journal.MessageRenderedData{Title: text, To: []string{text}, Text: text})
		add(journal.StepFinished, text, key, journal.StepFinishedData{Role: role, Verdict: []string{"failed", "error"}[len(out)%2], Reason: text, Error: &journal.Error{Kind: text, Message: text}, Results: map[string]any{"stderr": text, "body": text}, Outputs: values, Evidence: values, Expect: []journal.Expectation{{Expr: text}}})
		add(journal.UndoOwed, text, key+">undo", journal.UndoData{Title: text, Action: key, When: "always"})
		add(journal.UndoSettled, text, key+">undo", journal.UndoData{Title: text, Action: key, How: "failed"})
	}
	add(journal.StepFinished, text, "s", journal.StepFinishedData{Role: text, Verdict: "skipped", Reason: text})
	add(journal.RunPaused, "", "", journal.RunPausedData{Waiting: []string{text, "g"}})
	add(journal.RunResumed, "", "", journal.RunResumedData{User: text})
	add(journal.RunFinished, "", "", journal.RunFinishedData{Outcome: "failed", Summary: text, Error: text, Failed: text, Facts: values})
	add(journal.RunRehearsed, "", "", journal.RunRehearsedData{Runbook: journal.Runbook{Name: text, Version: text, Path: text}, Inputs: values, Permissions: map[string][]string{text: {text}, "act": {text}}})
	add(journal.StepRehearsed, text, "g/"+text, journal.StepRehearsedData{Role: text, Kind: text, Title: text, Place: journal.Place{File: text, Line: 1}, If: text, Retry: text, Poll: text, Request: values, Expect: []string{text}, Confirm: text, Instructions: text, Collect: []journal.AnswerField{{Name: text, Type: text, Description: text}}, To: []string{text}, Text: text, Ask: text, Outcome: text, Summary: text, Procedure: text, Observed: &journal.StepFinishedData{Verdict: text, Reason: text, Outputs: values}})
	add(journal.BranchRehearsed, text, "g>"+text, journal.BranchRehearsedData{Branch: text, Title: text, When: text, Taken: true})
	return out
}

// drives finds what could drive a terminal.
func drives(s string) string {
	if !utf8.ValidString(s) {
		return "it is no UTF-8"
	}
	for i, r := range s {
		if unsafe(r) && r != utf8.RuneError {
			return fmt.Sprintf("%U at %q", r, s[max(0, i-20):i+len(string(r))])
		}
	}
	return ""
}

func TestForeignTextDrivesNothing(t *testing.T) {
	events := hostileEvents(hostile)
	for name, text := range map[string]string{
		"lines": lines(events, LineOptions{}), "verbose": lines(events, LineOptions{Verbose: true}),
		"rehearsal": rehearse(events, RehearsalOptions{}), "markdown": drawn(t, Markdown, events),
		"postmortem": drawn(t, Postmortem, events), "html": drawn(t, HTML, events), "junit": drawn(t, JUnit, events),
	} {
		if d := drives(text); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if !strings.Contains(text, "表") {
			t.Errorf("%s: what is harmless was lost", name)
		}
	}
	// In colour, the only sequences are our own.
	for _, text := range []string{lines(events, LineOptions{Color: true, Verbose: true}), rehearse(events, RehearsalOptions{Color: true})} {
		if d := drives(bare(text)); d != "" {
			t.Errorf("in colour: %s", d)
		}
	}
	if strings.Contains(lines(events, LineOptions{}), "\r") {
		t.Error("a carriage return came through")
	}
}

// columnsOf counts a table row's cells as GitHub does: a pipe that no backslash
// stands before ends one.
func columnsOf(row string) int {
	return strings.Count(strings.ReplaceAll(row, "\\|", ""), "|")
}

func TestMarkdownTablesHold(t *testing.T) {
	for name, f := range map[string]func(io.Writer, *journal.State) error{"report": Markdown, "postmortem": Postmortem} {
		fence, want := "", 0
		for n, row := range strings.Split(drawn(t, f, hostileEvents(hostile)), "\n") {
			if fence != "" {
				if row == fence {
					fence = ""
				}
				continue
			}
			if strings.HasPrefix(row, "```") {
				fence = strings.TrimSuffix(row, "text")
				continue
			}
			if !strings.HasPrefix(row, "|") {
				want = 0
				if strings.Contains(strings.ReplaceAll(codeless(row), "\\<", ""), "<") && !strings.Contains(row, "](<") {
					t.Errorf("%s:%d: HTML came through: %s", name, n+1, row)
				}
				continue
			}
			if want == 0 {
				want = columnsOf(row)
			}
			if got := columnsOf(row); got != want {
				t.Errorf("%s:%d: %d cells, not %d: %s", name, n+1, got, want, row)
			}
			if strings.Contains(strings.ReplaceAll(codeless(row), "\\<", ""), "<") {
				t.Errorf("%s:%d: HTML came through: %s", name, n+1, row)
			}
		}
		if fence != "" {
			t.Errorf("%s: a block was left open", name)
		}
	}
}

// codeless is a line without its code spans.
func codeless(s string) string {
	for {
		i := strings.IndexByte(s, '`')
		for i > 0 && s[i-1] == '\\' {
			j := strings.IndexByte(s[i+1:], '`')
			if j < 0 {
				return s
			}
			i += 1 + j
		}
		if i < 0 {
			return s
		}
		n := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
		end := strings.Index(s[i+n:], s[i:i+n])
		if end < 0 {
			return s
		}
		s = s[:i] + s[i+n+end+n:]
	}
}

func TestHTMLHoldsNoForeignMarkup(t *testing.T) {
	text := drawn(t, HTML, hostileEvents(hostile))
	for _, bad := range []string{"<script", "<img", "<!--", "javascript:alert(1)\"", "href=\"javascript"} {
		if strings.Contains(text, bad) {
			t.Errorf("%s came through", bad)
		}
	}
	for _, outside := range []string{"<link", "<iframe", "src=\"", "url(", "@import"} {
		if strings.Contains(text, outside) {
			t.Errorf("the page needs something from outside: %s", outside)
		}
	}
}

func TestJUnitIsXML(t *testing.T) {
	for name, events := range map[string][]journal.Event{"hostile": hostileEvents(hostile + "\ufffe\uffff"), "orders": fixture(t, "orders")} {
		text := drawn(t, JUnit, events)
		var s suite
		if err := xml.Unmarshal([]byte(text), &s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		failures, errs, skips := 0, 0, 0
		for _, c := range s.Cases {
			switch {
			case c.Failure != nil:
				failures++
			case c.Error != nil:
				errs++
			case c.Skipped != nil:
				skips++
			}
		}
		if s.Tests != len(s.Cases) || s.Failures != failures || s.Errors != errs || s.Skipped != skips || failures+errs == 0 {
			t.Errorf("%s: the counts are wrong: %+v", name, s)
		}
	}
	// What failed the run was no check: something is red even so.
	raw, _ := json.Marshal(journal.RunFinishedData{Outcome: "failed", Failed: "diagnosis", Error: "no branch fits"})
	text := drawn(t, JUnit, []journal.Event{{Type: journal.RunFinished, Data: raw}})
	if !strings.Contains(text, `failures="1"`) || !strings.Contains(text, "diagnosis: no branch fits") {
		t.Errorf("a run failed, and nothing says so:\n%s", text)
	}
}

func TestWaitsAreOneLine(t *testing.T) {
	var events []journal.Event
	add := func(typ journal.Type, key string, data any) {
		raw, _ := json.Marshal(data)
		events = append(events, journal.Event{Type: typ, Step: "up", Key: key, Data: raw})
	}
	add(journal.StepStarted, "up", journal.StepStartedData{Role: "check"})
	for i := range 30 {
		add(journal.AttemptStarted, fmt.Sprintf("up#p%d.a1", i), journal.AttemptStartedData{})
		add(journal.WaitStarted, fmt.Sprintf("up#p%d.poll", i), journal.WaitStartedData{For: "poll", Length: 10})
		add(journal.WaitFinished, fmt.Sprintf("up#p%d.poll", i), journal.WaitFinishedData{For: "poll"})
	}
	add(journal.StepFinished, "up", journal.StepFinishedData{Role: "check", Verdict: "passed", Attempts: 30, Duration: 300})
	want := "  … up  not yet; looks again every 10s\n  ✓ up  5m (30 attempts)\n"
	if got := lines(events, LineOptions{}); got != want {
		t.Errorf("got:\n%s", got)
	}
}

func TestManySteps(t *testing.T) {
	var events []journal.Event
	add := func(typ journal.Type, key string, data any) {
		raw, _ := json.Marshal(data)
		events = append(events, journal.Event{Type: typ, Step: "s", Key: key, Data: raw})
	}
	long := strings.Repeat("long ", 20000)
	for i := range 10000 {
		add(journal.StepStarted, fmt.Sprintf("hosts[%d]/s", i), journal.StepStartedData{Role: "check", Title: "t"})
	}
	for i := range 10000 {
		add(journal.StepFinished, fmt.Sprintf("hosts[%d]/s", i), journal.StepFinishedData{Role: "check", Verdict: "passed"})
	}
	add(journal.StepFinished, "last", journal.StepFinishedData{Role: "check", Verdict: "failed", Reason: long})
	begin := time.Now()
	text := lines(events, LineOptions{})
	if n := strings.Count(text, "\n"); n != 10002 || !strings.Contains(text, "✓ hosts[9999]/s  t") {
		t.Errorf("%d lines", n)
	}
	if len(text) > 1<<20 {
		t.Errorf("a long reason is drawn whole: %d bytes", len(text))
	}
	for _, f := range []func(io.Writer, *journal.State) error{Markdown, Postmortem, HTML, JUnit} {
		drawn(t, f, events)
	}
	var b bytes.Buffer
	clock := begin
	l := newLive(&b, LiveOptions{}, func() time.Time { clock = clock.Add(time.Millisecond); return clock })
	for _, e := range events {
		l.Event(e)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("10,000 steps took %s", took)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", -1: "0s", 1: "<1ms", 1500 * time.Microsecond: "2ms", 1240 * time.Millisecond: "1.2s", 59900 * time.Millisecond: "1m",
		10 * time.Second: "10s", 90 * time.Second: "1m30s", 5 * time.Minute: "5m", time.Hour: "1h", 90 * time.Minute: "1h30m", 3599500 * time.Millisecond: "1h",
		100 * time.Hour: "100h", 110 * time.Second: "1m50s", 20 * time.Minute: "20m", 10 * time.Hour: "10h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %s, not %s", d, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	for s, want := range map[string]string{"abc": "abc", "abcdef": "abcd…", "表表表": "表表…", "a表表": "a表表", "👩‍👩‍👧": "👩‍👩‍…", "ééééé": "ééééé", "": ""} {
		if got := fit(s, 5); got != want || columns(got) > 5 {
			t.Errorf("%q: %q, which takes %d", s, got, columns(got))
		}
	}
	for _, n := range []int{0, 1, -3} {
		if got := fit("abc", n); columns(got) > max(n, 0) {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// TestFactThatStays: a fact that is set to what it was says nothing of before.
func TestFactThatStays(t *testing.T) {
	data := func(value, was any) json.RawMessage {
		text, err := json.Marshal(journal.FactSetData{Name: "bad", Value: value, Was: was})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	got := lines([]journal.Event{
		{Type: journal.FactSet, Key: "a", Data: data(0, 0)}, {Type: journal.FactSet, Key: "a", Data: data(1, 0)},
	}, LineOptions{})
	if !strings.Contains(got, "bad = 0\n") || !strings.Contains(got, "bad = 1  (was 0)\n") {
		t.Errorf("got\n%s", got)
	}
}
