package emulator

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"runbook/engine/guard"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/scenario"
	"runbook/engine/types"
)

// Kinds are the kinds as they are in a world: what the scenario says of a step
// comes before all else; a kind that has a form of stub of its own is answered by
// those; the others go out through the guard's doors as ever. Nothing is answered
// that is not permitted.
func Kinds(w *scenario.World, kinds []exec.Kind) []exec.Kind {
	out := make([]exec.Kind, len(kinds))
	for i, k := range kinds {
		k.Executor = &stubbed{world: w, kind: k}
		out[i] = k
	}
	return out
}

type stubbed struct {
	world *scenario.World
	kind  exec.Kind
}

// Execute answers from the world.
func (s *stubbed) Execute(ctx context.Context, r exec.Request) exec.Result {
	ctx = scenario.During(ctx, r.Step, r.Key)
	effects, stub := s.kind.Effects, s.kind.Stub
	reply, given, why := s.world.Result(&s.kind.Kind, r.Step, r.Key)
	if !given && stub == nil && why == "" {
		return s.kind.Executor.Execute(ctx, r)
	}
	if effects != nil {
		if err := permitted(ctx, r, effects(kind.Used(r.Options, r.Check))); err != nil {
			return s.nothing(&exec.Error{Kind: "denied", Message: err.Error()}, 0)
		}
	}
	call := s.call(r)
	if given {
		s.world.Record(call)
	} else if why == "" {
		reply, given, why = s.world.KindCall(call, r.Options)
	}
	if !given {
		return s.nothing(&exec.Error{Kind: s.missing(), Message: "drill: " + why}, 0)
	}
	return s.answer(ctx, r, reply)
}

// call is what the call is for those who ask what was called.
func (s *stubbed) call(r exec.Request) scenario.Call {
	c := scenario.Call{Kind: s.kind.Name, Step: r.Step, Key: r.Key}
	url, goesOverHTTP := r.Options["url"].(string)
	switch {
	case s.kind.Stub != nil:
		c.Line = s.kind.Stub.Line(r.Options)
	case goesOverHTTP:
		method, _ := r.Options["method"].(string)
		if method == "" {
			method = "GET"
		}
		url, _, _ = strings.Cut(url, "?")
		c.Kind, c.Line = "http", method+" "+url
	default:
		c.Argv = wordsOf(r.Options["argv"])
		c.Line = strings.Join(c.Argv, " ")
	}
	return c
}

func wordsOf(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = types.Format(w)
	}
	return out
}

// missing is the word of the error for a call that nothing answers.
func (s *stubbed) missing() string {
	for _, want := range []string{"connect", "access"} {
		for _, word := range s.kind.Errors {
			if word == want {
				return word
			}
		}
	}
	return "canceled"
}

// answer makes the whole result of a reply.
func (s *stubbed) answer(ctx context.Context, r exec.Request, reply scenario.KindReply) exec.Result {
	if late := reply.Fault != nil && reply.Fault.Kind == "timeout" && reply.Delay == 0; s.kind.Stub != nil && s.kind.Stub.Patience != nil {
		if limit := s.kind.Stub.Patience(r.Options); late || reply.Delay > limit {
			if guard.Wait(ctx, limit) != nil {
				return s.nothing(ended(ctx), 0)
			}
			fault := scenario.Failed("timeout")
			return s.nothing(&exec.Error{Kind: fault.Kind, Message: fault.Message}, limit)
		}
	}
	if guard.Wait(ctx, reply.Delay) != nil {
		return s.nothing(ended(ctx), reply.Delay)
	}
	fault := reply.Fault
	if fault == nil && s.kind.Stub != nil {
		c := kind.StubCall{Options: r.Options, Check: r.Check, Now: r.Time()}
		if word := s.kind.Stub.Complete(c, reply.Fields); word != "" {
			fault = scenario.Failed(word)
		}
	}
	if fault == nil {
		return exec.Result{Fields: s.kind.Some(reply.Fields), Duration: reply.Delay}
	}
	if fault.Kind == "timeout" && reply.Delay == 0 { // as a server that never answers
		_ = guard.Wait(ctx, guard.Forever) // how it ended is what the context says
		return s.nothing(ended(ctx), 0)
	}
	out := s.nothing(&exec.Error{Kind: fault.Kind, Message: fault.Message}, reply.Delay)
	for name, v := range reply.Fields {
		out.Fields[name] = v
	}
	return out
}

func (s *stubbed) nothing(err *exec.Error, took time.Duration) exec.Result {
	return exec.Result{Fields: s.kind.Nothing(), Error: err, Duration: took}
}

func ended(ctx context.Context) *exec.Error {
	fault := scenario.Failed("canceled")
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		fault = scenario.Failed("timeout")
	}
	return &exec.Error{Kind: fault.Kind, Message: fault.Message}
}

// permitted holds what a call needs against the permissions, as the guard's own
// doors do.
func permitted(ctx context.Context, r exec.Request, effects []kind.Effect) error {
	for _, e := range effects {
		switch {
		case e.Command != nil:
			if err := r.Guard.CheckProgram(ctx, e.Command.Words, !r.Check); err != nil {
				return err
			}
		case e.Host != "":
			if err := permittedHost(ctx, r, e.Host); err != nil {
				return err
			}
		case e.File != "":
			if err := r.Guard.PermitFile(e.File, e.Write); err != nil {
				return err
			}
		case e.Variable != "":
			if err := r.Guard.CheckVariable(e.Variable); err != nil {
				return err
			}
		}
	}
	return nil
}

func permittedHost(ctx context.Context, r exec.Request, address string) error {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		host, service = address, ""
	}
	port, _ := strconv.Atoi(service) // 0 is any
	method, _ := r.Options["method"].(string)
	if _, requests := r.Options["url"]; requests && method == "" {
		method = "GET"
	}
	return r.Guard.CheckHost(ctx, address, host, port, method)
}
