package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/source"
	"runbook/engine/types"
)

// KindCall is the reply to a call of a kind, by its line and its options. False: no
// stub answers it; why says what comes nearest.
func (w *World) KindCall(c Call, options map[string]any) (reply KindReply, ok bool, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.record(c)
	flat, nearest, call := kind.Used(options, false).Options, "", c.Kind+" "+c.Line
	var have []string
	at := map[string]string{}
	for _, s := range w.Scenario.Kinds {
		if s.Kind != c.Kind {
			continue
		}
		have, at[s.On] = append(have, s.On), cmp.Or(at[s.On], standing(s.Span))
		if !glob(s.On, c.Line) {
			continue
		}
		problem := s.problem(flat)
		if problem == "" {
			n, left := w.next(s, len(s.Replies), s.Times)
			if !left {
				return reply, false, w.ranOut(call, s.Times, s.Span)
			}
			reply = s.Replies[n]
			reply.Fields, _ = copied(reply.Fields).(map[string]any)
			return reply, true, ""
		}
		if nearest == "" {
			nearest = fmt.Sprintf("; the nearest, %s%s, does not fit: %s", s.On, standing(s.Span), problem)
		}
	}
	if near := source.Suggest(c.Line, have); nearest == "" && near != "" {
		nearest = "; the nearest is for " + near + at[near]
	}
	return reply, false, w.miss("no stub answers " + call + nearest)
}

func (s *KindStub) problem(options map[string]kind.Leaf) string {
	for _, name := range sorted(s.With) {
		l, given := options[name]
		if got := types.Format(l.Value); !given || !glob(s.With[name], got) {
			if !given {
				return "the option `" + name + "` is not given"
			}
			return "the option `" + name + "` is another"
		}
	}
	return ""
}

// Result is what an attempt of a step comes back with, where the scenario says so
// for the step. False: it says nothing; or, where why does, nothing any more.
func (w *World) Result(k *kind.Kind, step, key string) (reply KindReply, ok bool, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.Scenario.Results {
		byKey := glob(r.On, key) || glob(r.On, journal.StepKey(key))
		if !byKey && (r.On != step || w.hasResult(key)) {
			continue
		}
		n, left := w.next(r, len(r.replies), r.Times)
		if !left {
			return reply, false, w.ranOut("the attempt "+key, r.Times, r.Span)
		}
		reply = readReply(r.replies[n], k, func(source.Diagnostic) {})
		alike(k, reply.Fields)
		return reply, true, ""
	}
	return reply, false, ""
}

// hasResult reports whether a result is for a very attempt or its step, by the key: one
// for a step's id is for the others of that id.
func (w *World) hasResult(key string) bool {
	of := journal.StepKey(key)
	return slices.ContainsFunc(w.Scenario.Results, func(r *ResultStub) bool { return r.On == key || r.On == of })
}

// alike gives a body whose JSON alone is given as text as well: kinds give both.
func alike(k *kind.Kind, fields map[string]any) {
	v, given := fields["json"]
	for _, name := range []string{"body", "stdout", "content"} {
		if _, there := fields[name]; given && v != nil && !there && k.Result.Field(name) != nil {
			fields[name] = strings.TrimSpace(types.Format(v))
		}
	}
}

// copied is a value of its own, which who is given it may change.
func copied(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = copied(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = copied(x)
		}
		return out
	}
	return v
}
