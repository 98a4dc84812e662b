package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/engine/journal"
)

var allTypes = []journal.Type{
	journal.RunStarted, journal.RunPaused, journal.RunResumed, journal.RunFinished, journal.StepStarted, journal.StepFinished,
	journal.AttemptStarted, journal.AttemptFinished, journal.ProcessStarted, journal.WaitStarted, journal.WaitFinished, journal.DecisionMade,
	journal.FactSet, journal.SecretReplaced, journal.MessageRendered, journal.MessageSent, journal.MessageUnsent, journal.ApprovalRequested, journal.ApprovalAnswered, journal.UndoOwed,
	journal.UndoSettled, journal.ProcedureStarted, journal.RunRehearsed, journal.StepRehearsed, journal.BranchRehearsed, "later.type",
}

// read makes events of anything: a line that is one stays it, any other line is
// a type, a key and data.
func read(data string) []journal.Event {
	var out []journal.Event
	for _, line := range strings.Split(data, "\n") {
		var e journal.Event
		if json.Unmarshal([]byte(line), &e) != nil || e.Type == "" {
			if line == "" {
				continue
			}
			key, rest, _ := strings.Cut(line[1:], " ")
			e = journal.Event{Type: allTypes[int(line[0])%len(allTypes)], Step: key, Key: key, Data: json.RawMessage(rest)}
		}
		out = append(out, e)
	}
	return out
}

// FuzzEvents: whatever events come, and in whatever order, drawing them neither
// panics nor lets anything through that drives a terminal.
func FuzzEvents(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.jsonl")
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if len(line) < 1000 { // small ones are mutated best
				f.Add(line, 40, 10)
			}
		}
	}
	for i := range allTypes {
		f.Add(string(rune('a'+i))+"a/b>c#d {\"role\":\"message\",\"verdict\":\"failed\",\"name\":\"x\",\"because\":[{\"expr\":1},2,null],\"shown\":{\"url\":\"\"},\"for\":\"poll\",\"length\":1e300}\n"+string(rune('a'+i))+" null", 3, 3)
	}
	f.Fuzz(func(t *testing.T, data string, width, height int) {
		events := read(data)
		if len(data) > 1<<16 || len(events) > 200 {
			return
		}
		for name, text := range map[string]string{
			"lines": lines(events, LineOptions{}), "verbose": bare(lines(events, LineOptions{Verbose: true, Color: true})),
			"rehearsal": rehearse(events, RehearsalOptions{}), "markdown": drawn(t, Markdown, events),
			"postmortem": drawn(t, Postmortem, events), "html": drawn(t, HTML, events),
		} {
			if d := drives(text); d != "" {
				t.Errorf("%s: %s", name, d)
			}
		}
		dec := xml.NewDecoder(strings.NewReader(drawn(t, JUnit, events)))
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("JUnit: %v", err)
			}
		}
		width, height = min(max(width, -1), 500), min(max(height, -1), 200)
		c := &clock{}
		l := newLive(io.Discard, LiveOptions{Size: func() (int, int) { return width, height }}, c.now)
		for _, e := range events {
			c.t = c.t.Add(time.Second)
			l.Event(e)
			for _, line := range l.shown {
				if width > 0 && columns(line) > width {
					t.Errorf("%q is wider than %d", line, width)
				}
			}
			if len(l.shown) > 0 && height > 0 && len(l.shown) >= height {
				t.Errorf("%d lines are higher than %d", len(l.shown), height)
			}
		}
		l.Close()
	})
}
