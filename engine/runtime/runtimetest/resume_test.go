package runtimetest

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind/exec"
	"runbook/engine/permit"
	"runbook/engine/runtime/local"
)

// TestResumeAfterEveryEvent takes the journal of each runbook of the corpus, cuts
// it behind each event as a crash would, and goes on: the story comes out the
// same, and no attempt that had ended is made again.
func TestResumeAfterEveryEvent(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			whole := load(t, file).local(t)
			want := story(t, whole)
			for k := 1; k < len(whole); k++ {
				b := load(t, file)
				var events []journal.Event
				synctest.Test(t, func(t *testing.T) { events = b.resume(t, whole[:k]) })
				got := story(t, withoutDoubt(events))
				if !sameStory(got, want, !strings.Contains(string(b.plan.File.Data), "parallel:") && !strings.Contains(string(b.plan.File.Data), "max: ")) {
					t.Errorf("cut behind event %d (%s %s): got\n%swant\n%s", k, whole[k-1].Type, whole[k-1].Key, got, want)
				}
			}
		})
	}
}

// resume goes on with a run whose journal breaks off behind past. The probe
// answers as one that was asked before.
func (b *book) resume(t *testing.T, past []journal.Event) []journal.Event {
	t.Helper()
	past = justNow(past)
	over := b.prime(t, past)
	more, _ := b.goOn(t, past, local.Options{Ask: func(ctx context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		if q.Kind == "in_doubt" {
			return interp.Answer{Choice: "again", By: "tester"}, nil, nil
		}
		return b.ask(ctx, q)
	}}, 0)
	events := append(slices.Clone(past), more...)
	for _, e := range events[len(past):] {
		if over[e.Key] && (e.Type == journal.AttemptStarted || e.Type == journal.AttemptFinished) {
			t.Errorf("the attempt %s had ended and is made again", e.Key)
		}
	}
	return events
}

// TestUndoOfEveryRun goes through each runbook of the corpus whose run is over as an
// undo does: the journal says of everything what became of it, and nothing of the
// run's own is done again.
func TestUndoOfEveryRun(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			whole := load(t, file).local(t)
			if whole[len(whole)-1].Type != journal.RunFinished {
				t.Skip("it is not over")
			}
			b := load(t, file)
			synctest.Test(t, func(t *testing.T) { b.undo(t, whole) })
		})
	}
}

// undo goes through a run that is over as an undo does, where nobody answers.
func (b *book) undo(t *testing.T, whole []journal.Event) {
	t.Helper()
	over := b.prime(t, whole)
	events, _ := b.goOn(t, whole, local.Options{Ask: nobody}, 1)
	for _, e := range events {
		if over[e.Key] && e.Type == journal.AttemptStarted {
			t.Errorf("the attempt %s is made again", e.Key)
		}
	}
}

// nobody answers.
func nobody(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
	return interp.Answer{}, nil, local.ErrNobody
}

// goOn goes on with a run from its past, and gives what comes of it and what it waits
// for then. Undo is how often what it owes is offered, where it is over.
func (b *book) goOn(t *testing.T, past []journal.Event, o local.Options, undo int) (events []journal.Event, open []interp.Question) {
	t.Helper()
	s, m := b.secrets()
	w, err := journal.Create("", "r1", journal.Options{Memory: true, Mask: m, Watch: []func(journal.Event){func(e journal.Event) { events = append(events, e) }}})
	if err != nil {
		t.Fatal(err)
	}
	o.Journal, o.Past, o.Kinds, o.Channels, o.Guard, o.Narrow, o.Secrets, o.Masker = w, past, []exec.Kind{b.probe.kind()}, mailKinds(), guard.New(permit.Set{}, guard.Options{}), narrow, s, m
	run := b.options(s)
	run.Undo = undo
	_, open, err = local.Run(context.Background(), b.plan, o, run)
	if err != nil && err != interp.ErrPaused {
		t.Error(err)
	}
	return events, open
}

// changed reports whether a fact is set in some events.
func changed(events []journal.Event, name string) bool {
	return slices.ContainsFunc(events, func(e journal.Event) bool {
		d, err := journal.Decode[journal.FactSetData](e)
		return e.Type == journal.FactSet && err == nil && d.Name == name
	})
}

// justNow moves a journal in time, so that it broke off a moment ago: polls and
// waits go on while no process is there.
func justNow(past []journal.Event) []journal.Event {
	out := slices.Clone(past)
	ago := time.Since(past[len(past)-1].Time)
	for i := range out {
		out[i].Time = out[i].Time.Add(ago)
	}
	return out
}

// prime lets the probe have given the answers that a journal holds, and gives the
// keys of the attempts that had ended.
func (b *book) prime(t *testing.T, past []journal.Event) map[string]bool {
	t.Helper()
	asked, over := map[string]string{}, map[string]bool{}
	for _, e := range past {
		switch e.Type {
		case journal.AttemptStarted:
			d, err := journal.Decode[journal.AttemptStartedData](e)
			if err != nil {
				t.Error(err)
			}
			says, _ := d.Request["says"].([]any)
			as, _ := d.Request["as"]
			asked[e.Key] = probeID(as, says)
		case journal.AttemptFinished:
			b.probe.calls[asked[e.Key]]++
			over[e.Key] = true
		}
	}
	return over
}

// withoutDoubt leaves out what only a crash brings into a journal: questions
// about actions that were under way, checks of them, and their second beginning.
func withoutDoubt(events []journal.Event) []journal.Event {
	var out []journal.Event
	begun := map[string]bool{}
	for _, e := range events {
		if e.Type == journal.AttemptStarted {
			if begun[e.Key] {
				continue
			}
			begun[e.Key] = true
		}
		var about struct{ Kind string }
		_ = json.Unmarshal(e.Data, &about) // events without a kind stay
		if about.Kind != "in_doubt" && !strings.Contains(e.Key, ".doubt/") {
			out = append(out, e)
		}
	}
	return out
}

// sameStory compares stories; where steps run side by side, a crash may change
// the order in which they end.
func sameStory(got, want string, ordered bool) bool {
	if ordered {
		return got == want
	}
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// probeID is what the probe tells its answers apart by. Secrets stand masked in
// it, as in a journal.
func probeID(as any, says []any) string {
	return strings.NewReplacer(sessionKey, "‹***›", "new-secret-7", "‹***›", "other-secret-2", "‹***›", "outer-secret-3", "‹***›").Replace(fmt.Sprint(as, says))
}

// TestCancelBehindEveryEvent goes on with each run of the corpus, cut behind each
// event, as somebody does who only wants its end: nothing begins that is not an undo or
// a `finally` step, or was under way, and the run closes. It waits only for somebody
// who settles an undo, or an action that was under way; those are settled in each way.
func TestCancelBehindEveryEvent(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.yaml")
	var asked atomic.Int64
	t.Cleanup(func() {
		if asked.Load() < 10 {
			t.Errorf("only %d actions of the steps that were under way were asked about", asked.Load())
		}
	})
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			whole := load(t, file).local(t)
			for k := 1; k < len(whole); k++ {
				for _, say := range []string{"", "done", "again", "failed"} {
					b, doubts := load(t, file), []string{}
					synctest.Test(t, func(t *testing.T) { doubts = b.cancel(t, whole[:k], say) })
					if len(doubts) == 0 {
						break
					}
					if !strings.Contains(doubts[0], ">undo") && !strings.HasPrefix(doubts[0], "finally") {
						asked.Add(1)
					}
				}
			}
		})
	}
}

// cancel ends a run whose journal breaks off behind past. Say is what somebody says of
// an action that was under way; "" is nothing. It gives the keys of such questions.
func (b *book) cancel(t *testing.T, past []journal.Event, say string) (doubts []string) {
	t.Helper()
	past = justNow(past)
	over := b.prime(t, past)
	behind, underWay, last := map[string]bool{}, map[string]bool{}, past[len(past)-1]
	for _, s := range b.plan.Finally {
		behind[s.ID] = true
	}
	for _, e := range past {
		if e.Type == journal.AttemptStarted && !over[e.Key] {
			underWay[e.Key] = true
		}
	}
	events, open := b.goOn(t, past, local.Options{Cancelled: true, Ask: func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		if q.Kind != "in_doubt" || say == "" {
			return interp.Answer{}, nil, local.ErrNobody
		}
		doubts = append(doubts, string(q.Key))
		return interp.Answer{Choice: say, By: "tester"}, nil, nil
	}}, 0)
	for _, q := range open {
		attempt, _, _ := strings.Cut(string(q.Key), ".doubt")
		if q.Kind == "in_doubt" {
			doubts = append(doubts, string(q.Key))
		}
		if q.Kind != "undo" && (q.Kind != "in_doubt" || say != "" || !underWay[attempt]) {
			t.Errorf("cut behind event %d (%s %s): it waits for %s %s", last.Seq, last.Type, last.Key, q.Kind, q.Key)
		}
	}
	closed := false
	for _, e := range events {
		first, _, _ := strings.Cut(e.Key, "/")
		if e.Type == journal.AttemptStarted && !underWay[e.Key] && !strings.Contains(e.Key, ">undo") && first != "finally" && !behind[first] {
			t.Errorf("cut behind event %d (%s %s), %s: %s began", last.Seq, last.Type, last.Key, say, e.Key)
		}
		closed = closed || e.Type == journal.RunFinished
	}
	was, is := journal.Fold(past), journal.Fold(append(slices.Clone(past), events...))
	for name, v := range was.Facts {
		if is.Finished != nil && !changed(events, name) && !reflect.DeepEqual(is.Finished.Facts[name], v) {
			t.Errorf("cut behind event %d (%s %s): the fact %s is %v at the end, and was %v", last.Seq, last.Type, last.Key, name, is.Finished.Facts[name], v)
		}
	}
	undoing := func(list []journal.Event) bool {
		return slices.ContainsFunc(list, func(e journal.Event) bool { return e.Type != journal.UndoOwed && strings.Contains(e.Key, ">undo") })
	}
	if is.Finished != nil && is.Finished.Outcome == "cancelled" && !undoing(past) {
		if len(was.Owed()) > 0 && !undoing(events) {
			t.Errorf("cut behind event %d (%s %s): no undo is offered", last.Seq, last.Type, last.Key)
		}
		for _, o := range was.Owed() { // what was done last is offered first; nobody takes that, so the others stay owed
			if !slices.ContainsFunc(is.Owed(), func(x journal.Owed) bool { return x.Key == o.Key }) && !undoing(events) {
				t.Errorf("cut behind event %d (%s %s): the undo %s is owed no more", last.Seq, last.Type, last.Key, o.Key)
			}
		}
	}
	if !closed && len(open) == 0 {
		t.Errorf("cut behind event %d (%s %s), %s: it is not over", last.Seq, last.Type, last.Key, say)
	}
	return doubts
}
