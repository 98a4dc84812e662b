package local_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/secret"
)

const doubtful = `
steps:
  - action: a
    say: {text: acts}
    outputs: {len: len(value)}
    check_after: {say: {text: looks}, expect: WANT}
    undo: {when: always, auto: true, steps: [{action: back, say: {text: back}}]}
  - {message: m, text: '{{ .steps.a.ran }} {{ .steps.a.verdict }} {{ .steps.a.value | default "unknown" }} {{ .steps.a.len | default 0 }} {{ .steps.a.error.kind }}'}
`

// TestCheckAfter: the check decides whether an action that was under way is done
// again, and a person only where it cannot.
func TestCheckAfter(t *testing.T) {
	for _, c := range []struct {
		want  string // what the check expects
		say   string // what a person says, where one is asked
		heard string
		told  string
		asked bool
	}{
		{`value == "looks"`, "", "looks back", "true passed unknown 0 ", false},
		{`value == "x"`, "", "looks acts back", "true passed acts 4 ", false},
		{`int(value) == 1`, "done", "looks back", "true passed unknown 0 ", true},
		{`int(value) == 1`, "again", "looks acts back", "true passed acts 4 ", true},
		{`int(value) == 1`, "failed", "looks", "", true},
	} {
		text := strings.Replace(doubtful, "WANT", c.want, 1)
		first := (&part{text: text}).run(t)
		broke := until(t, first.events, journal.AttemptStarted, "a#a1", 1)
		asked := false
		second := (&part{text: text, past: broke, ask: func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
			asked = asked || q.Kind == "in_doubt" && strings.Contains(q.Text, "could not tell")
			return interp.Answer{Choice: c.say, By: "ada"}, nil, nil
		}}).run(t)
		if got := strings.Join(second.say.heard, " "); got != c.heard || asked != c.asked {
			t.Errorf("%s, %s: heard %q, asked %v", c.want, c.say, got, asked)
		}
		if got := told(t, second.events); got != c.told {
			t.Errorf("%s, %s: told %q, want %q", c.want, c.say, got, c.told)
		}
		// Wherever the second process breaks off, the third comes to the same, and
		// does nothing that was done.
		for k := len(broke); k < len(second.events); k++ {
			past := second.events[:k]
			third := (&part{text: text, past: past, ask: func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
				say := c.say
				if say == "" {
					say = "again"
				}
				return interp.Answer{Choice: say, By: "ada"}, nil, nil
			}}).run(t)
			if last := past[k-1]; last.Type == journal.AttemptStarted && last.Key != "a#a1.doubt/check_after#a1" {
				continue // in doubt once more
			}
			if got := told(t, third.events); got != c.told {
				t.Errorf("%s, %s: behind %s %s: told %q, want %q", c.want, c.say, past[k-1].Type, past[k-1].Key, got, c.told)
			}
		}
	}
}

func told(t *testing.T, events []journal.Event) string {
	t.Helper()
	for _, e := range events {
		if e.Type == journal.MessageRendered {
			d, err := journal.Decode[journal.MessageRenderedData](e)
			if err != nil {
				t.Fatal(err)
			}
			return d.Text
		}
	}
	return ""
}

// TestSettledSaysHow: the journal says how an action that counts as done came to
// that, and holds no results of it.
func TestSettledSaysHow(t *testing.T) {
	const text = "steps: [{action: a, say: {text: done}}]"
	first := (&part{text: text}).run(t)
	second := (&part{text: text, past: until(t, first.events, journal.AttemptStarted, "a#a1", 1), ask: answer("done")}).run(t)
	if second.out.Outcome != "completed" || len(second.say.heard) > 0 {
		t.Fatalf("got %v, heard %v", second.out, second.say.heard)
	}
	d, err := journal.Decode[journal.StepFinishedData](until(t, second.events, journal.StepFinished, "a", 1)[len(second.events)-2])
	if err != nil || d.Settled != "person" || d.Results != nil || d.Verdict != "passed" {
		t.Errorf("got %+v %v", d, err)
	}
}

// TestNothingIsRepeatedWhileItRuns: while a process of an action lives, the run
// waits whatever anybody says, and also where it may be done twice.
func TestNothingIsRepeatedWhileItRuns(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	setGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	p := journal.ProcessStartedData{PID: cmd.Process.Pid, Group: cmd.Process.Pid, Argv: []string{"sleep", "60"}, Started: time.Now()}
	for _, text := range []string{"steps: [{action: a, say: {text: done}, check_after: {say: {text: looks}}}]", "steps: [{action: a, idempotent: true, say: {text: done}}]"} {
		first := (&part{text: text}).run(t)
		past := append(until(t, first.events, journal.AttemptStarted, "a#a1", 1), event(t, journal.ProcessStarted, "a#a1", p))
		got := (&part{text: text, past: past, ask: answer("done")}).run(t)
		if !errors.Is(got.err, interp.ErrPaused) || len(got.open) != 1 || !strings.Contains(got.open[0].Text, "(sleep 60) that it started still runs") || len(got.say.heard) > 0 {
			t.Errorf("got %v, open %v, heard %v", got.err, got.open, got.say.heard)
		}
	}
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()
	const text = "steps: [{action: a, idempotent: true, say: {text: done}}]"
	first := (&part{text: text}).run(t)
	past := append(until(t, first.events, journal.AttemptStarted, "a#a1", 1), event(t, journal.ProcessStarted, "a#a1", p))
	if got := (&part{text: text, past: past}).run(t); got.out.Outcome != "completed" || len(got.say.heard) != 1 {
		t.Errorf("got %v %v, heard %v", got.out, got.err, got.say.heard)
	}
}

// event is one as a journal holds it.
func event(t *testing.T, typ journal.Type, key string, data any) journal.Event {
	t.Helper()
	var out journal.Event
	w, err := journal.Create("", "r1", journal.Options{Memory: true, Mask: secret.NewMasker()})
	if err == nil {
		out, err = w.Append(typ, "a", key, data, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAClockThatWasSetBack: a question that was put at a time that is still to come has
// no more time than it had.
func TestAClockThatWasSetBack(t *testing.T) {
	const text = "steps: [{action: a, confirm: {ask: 'Sure?', timeout: 50ms}, say: {text: acts}}]"
	wait := func(ctx context.Context, _ interp.Question) (interp.Answer, map[string]string, error) {
		<-ctx.Done()
		return interp.Answer{}, nil, ctx.Err()
	}
	first := (&part{text: text, ask: wait}).run(t)
	past := until(t, first.events, journal.ApprovalRequested, "a#confirm", 1)
	for i := range past {
		past[i].Time = past[i].Time.Add(48 * time.Hour)
	}
	second := (&part{text: text, past: past, ask: wait}).run(t) // or it waits for two days
	if second.out.Outcome != "failed" || len(second.say.heard) > 0 {
		t.Errorf("got %v, heard %v", second.out, second.say.heard)
	}
}
