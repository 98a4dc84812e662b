// Package kindtest is the suite that every kind passes: its declaration is
// whole, and what it does at run time agrees with it.
package kindtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/spec"
	"runbook/engine/types"
)

// Case is one use of a kind. Error is the error.kind expected, or "".
type Case struct {
	Name    string
	Options map[string]any
	Check   bool
	Error   string
	// Verify looks at the results; it may be nil.
	Verify func(t *testing.T, fields map[string]any)
	// Timeout bounds the call; 0 is 10 seconds.
	Timeout time.Duration
	Now     func() time.Time // the clock; nil is the real one
}

// Declaration checks that a kind's declaration is whole.
func Declaration(t *testing.T, k exec.Kind) {
	t.Helper()
	if k.Name == "" || k.Doc == "" || k.Executor == nil || k.Options == nil || k.Result == nil || len(k.States) == 0 {
		t.Fatalf("%q is not whole", k.Name)
	}
	documented(t, k.Name, k.Options)
	for _, f := range k.Result.Fields {
		if f.Doc == "" || !f.Late {
			t.Errorf("result %s needs a doc, and exists only once the step ran", f.Name)
		}
	}
	if k.Status != "" && k.Result.Field(k.Status) == nil {
		t.Errorf("the status %s is no result", k.Status)
	}
	stub(t, k)
	for _, s := range k.States {
		for name := range s.Ranges {
			if f := k.Result.Field(name); f == nil || f.Type.Kind != types.Int {
				t.Errorf("state %s speaks of %s, which is no integer result", s.Name, name)
			}
		}
	}
}

// stub checks that a reply which says nothing is completed to results of the
// declared types, and that all is well then.
func stub(t *testing.T, k exec.Kind) {
	t.Helper()
	s := k.Stub
	if s == nil {
		return
	}
	if s.On == "" || s.Example == "" || s.Line == nil || s.Complete == nil {
		t.Fatalf("the stub of %s is not whole", k.Name)
	}
	reply := map[string]any{}
	word := s.Complete(kind.StubCall{Options: map[string]any{}, Check: true, Now: time.Now()}, reply)
	if word != "" {
		t.Errorf("a stub of %s that says nothing is the error %s", k.Name, word)
	}
	typed(t, k.Result, k.Some(reply))
	if first := s.Line(map[string]any{}); s.Line(map[string]any{}) != first {
		t.Errorf("the line of a call of %s is another each time", k.Name)
	}
}

func documented(t *testing.T, path string, s *spec.Shape) {
	t.Helper()
	for _, a := range s.Alts {
		documented(t, path, a)
	}
	if s.Elem != nil {
		documented(t, path+"[]", s.Elem)
	}
	for _, f := range s.Fields {
		if f.Doc == "" || f.Shape == nil {
			t.Errorf("%s.%s has no doc or no shape", path, f.Key)
			continue
		}
		documented(t, path+"."+f.Key, f.Shape)
	}
}

// Run runs cases and holds what comes back against the declaration.
func Run(t *testing.T, k exec.Kind, g *guard.Guard, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			limit := c.Timeout
			if limit == 0 {
				limit = 10 * time.Second
			}
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			r := k.Executor.Execute(ctx, exec.Request{Options: c.Options, Check: c.Check, Guard: g, Now: c.Now})
			got := ""
			if r.Error != nil {
				got = r.Error.Kind
				if r.Error.Message == "" || !slices.Contains(append([]string{"timeout", "canceled"}, k.Errors...), got) {
					t.Errorf("error %+v has no message, or a kind that is not declared", r.Error)
				}
			}
			if got != c.Error {
				t.Errorf("error.kind is %q (%v), want %q", got, r.Error, c.Error)
			}
			typed(t, k.Result, r.Fields)
			if c.Verify != nil {
				c.Verify(t, r.Fields)
			}
		})
	}
}

// typed checks that the results are those declared, with their types.
func typed(t *testing.T, want *types.Type, fields map[string]any) {
	t.Helper()
	for name := range fields {
		if want.Field(name) == nil {
			t.Errorf("result %s is not declared", name)
		}
	}
	for _, f := range want.Fields {
		v, ok := fields[f.Name]
		if !ok {
			t.Errorf("result %s is missing", f.Name)
			continue
		}
		if f.Type == nil || f.Type.Headers || v == nil && f.Type.Nil {
			continue
		}
		d := types.Decl{Name: f.Name, Type: f.Type}
		if _, err := d.Check(v); err != nil {
			t.Errorf("result %s: %v", f.Name, err)
		}
	}
}

// Cancelled checks that a call ends soon when its context does.
func Cancelled(t *testing.T, k exec.Kind, g *guard.Guard, options map[string]any) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan exec.Result, 1)
	go func() { done <- k.Executor.Execute(ctx, exec.Request{Options: options, Guard: g}) }()
	time.Sleep(50 * time.Millisecond)
	cancel()
	select {
	case r := <-done:
		if r.Error == nil || r.Error.Kind != "canceled" {
			t.Errorf("a cancelled call gave %+v", r.Error)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a cancelled call does not return")
	}
}
