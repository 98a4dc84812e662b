//go:build unix

package engine_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/source"
)

const stamps = `apiVersion: runbook/v1
name: stamps
permissions: {act: [touch]}
steps:
  - {action: first, confirm: "Stamp it?", shell: touch one}
  - {action: second, shell: touch two}
`

func policyOf(t *testing.T, text string) *engine.Policy {
	t.Helper()
	p, found := engine.ReadPolicy(source.NewFile("p.yaml", []byte("apiVersion: runbook/v1\npolicy: p\n"+text)))
	if p == nil {
		t.Fatal(found)
	}
	return p
}

func under(t *testing.T, p *engine.Policy) *engine.Runbook {
	t.Helper()
	rb, found := engine.Load(source.NewFile("stamps.yaml", []byte(stamps)), engine.WithPolicy(p))
	if rb == nil {
		t.Fatal(found)
	}
	return rb
}

// asking answers every question, each time as another person, and notes what was asked.
func asking(asked *[]string, doubt string) func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
	return func(_ context.Context, q interp.Question) (interp.Answer, map[string]string, error) {
		*asked = append(*asked, q.Step+" "+q.Kind+" "+strings.Join(q.Policy, ", "))
		a := interp.Answer{Choice: "approve", By: string(rune('a' + len(*asked)))}
		if q.Kind == "in_doubt" {
			a.Choice = doubt
		}
		return a, nil, nil
	}
}

// TestResumeUnderPolicy: wherever a run breaks off, it goes on under the policy of
// now: what was begun is not asked about again, what was not begun is, an action in
// doubt is repeated only by what was granted, and no policy is no way on.
func TestResumeUnderPolicy(t *testing.T) {
	t.Chdir(t.TempDir())
	one, two := policyOf(t, "approve: [{run: touch}]\n"), policyOf(t, "approve: [{run: touch, count: 2}]\n")
	var asked []string
	store := &journal.Store{Dir: "state"}
	s := engine.Session{Store: store, User: "tester", Ask: asking(&asked, "again")}
	began, err := under(t, one).Run(context.Background(), engine.RunOptions{Session: s})
	if err != nil || began.Code != engine.ExitOK || strings.Join(asked, "; ") != "first confirm p (p.yaml:3); second confirm p (p.yaml:3)" {
		t.Fatal(began, err, asked)
	}
	path := filepath.Join(store.Path(began.Run), journal.FileName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	resumed := func(k int, p *engine.Policy) (*engine.Outcome, error) {
		asked = nil
		if err := os.WriteFile(path, bytes.Join(lines[:k], nil), 0o600); err != nil {
			t.Fatal(err)
		}
		return under(t, p).Resume(context.Background(), began.Run, engine.RunOptions{Session: s})
	}
	at := func(typ journal.Type, step string) int {
		for i, l := range lines {
			if bytes.Contains(l, []byte(`"type":"`+string(typ)+`"`)) && bytes.Contains(l, []byte(`"step":"`+step+`"`)) {
				return i + 1
			}
		}
		t.Fatalf("no %s of %s in %s", typ, step, whole)
		return 0
	}
	again := func(step string) string { return step + " in_doubt ; " }
	both := "second confirm p (p.yaml:3); second confirm p (p.yaml:3)"
	for _, c := range []struct {
		k      int
		policy *engine.Policy
		asked  string
		code   engine.ExitCode
	}{
		{at(journal.StepFinished, "first"), one, "second confirm p (p.yaml:3)", engine.ExitOK},
		{at(journal.StepFinished, "first"), two, both, engine.ExitOK},
		{at(journal.ApprovalAnswered, "second"), one, "", engine.ExitOK},
		{at(journal.ApprovalAnswered, "second"), two, both, engine.ExitOK},
		{at(journal.AttemptStarted, "first"), one, again("first") + "second confirm p (p.yaml:3)", engine.ExitOK},
		{at(journal.AttemptStarted, "first"), two, "first in_doubt ", engine.ExitDenied},
		{at(journal.AttemptStarted, "second"), one, "second in_doubt ", engine.ExitOK},
		{at(journal.AttemptFinished, "second"), two, "", engine.ExitOK},
	} {
		out, err := resumed(c.k, c.policy)
		if err != nil || out.Code != c.code || strings.Join(asked, "; ") != c.asked {
			t.Errorf("behind line %d, count %d: %+v %v, asked %q, want %q", c.k, c.policy.Approve[0].Demand.Count, out, err, asked, c.asked)
		}
	}
	for k := 1; k < len(lines)-1; k++ {
		var none *engine.PolicyError
		if _, err := resumed(k, nil); !errors.As(err, &none) || !strings.Contains(err.Error(), "RUNBOOK_POLICY") || len(asked) > 0 {
			t.Fatalf("behind line %d it goes on without a policy: %v", k, err)
		}
		for _, p := range []*engine.Policy{one, two} {
			if out, err := resumed(k, p); err != nil || out.Code != engine.ExitOK && out.Code != engine.ExitDenied {
				t.Errorf("behind line %d: %+v %v", k, out, err)
			}
		}
	}
}

// TestPolicyFromThen: a run that began without a policy goes on under one for what is
// to come, and from then on never without.
func TestPolicyFromThen(t *testing.T) {
	t.Chdir(t.TempDir())
	var asked []string
	s := engine.Session{Store: &journal.Store{Dir: "state"}, User: "tester"}
	began, err := under(t, nil).Run(context.Background(), engine.RunOptions{Session: s})
	if err != nil || began.Code != engine.ExitPaused {
		t.Fatal(began, err)
	}
	deny := policyOf(t, "approve: [{run: touch}]\ndeny: [{run: touch two}]\n")
	s.Ask = func(context.Context, interp.Question) (interp.Answer, map[string]string, error) {
		return interp.Answer{}, nil, engine.ErrNobody
	}
	if out, err := under(t, deny).Resume(context.Background(), began.Run, engine.RunOptions{Session: s}); err != nil || out.Code != engine.ExitPaused {
		t.Fatal(out, err)
	}
	s.Ask = asking(&asked, "")
	var none *engine.PolicyError
	if _, err := under(t, nil).Resume(context.Background(), began.Run, engine.RunOptions{Session: s}); !errors.As(err, &none) {
		t.Fatal(err)
	}
	out, err := under(t, deny).Resume(context.Background(), began.Run, engine.RunOptions{Session: s})
	if err != nil || out.Code != engine.ExitDenied {
		t.Fatal(out, err)
	}
	if _, err := os.Stat("two"); err == nil {
		t.Error("it was done")
	}
	if got := out.State.Policy; got == nil || got.Name != "p" || got.Digest != deny.Digest {
		t.Errorf("%+v", got)
	}
}
