// Package record turns a run's journal into a scenario: what the world answered,
// what people said, and what came of it. So an incident becomes a test.
//
// An HTTP request that was answered becomes a stub of that server, which still
// fits when the steps around it are written anew. What a script, a program, or
// any other kind came back with, and a request without an answer, becomes a
// result of its step: a journal knows what a step saw, and not what each of its
// programs printed.
//
// A journal holds no secret, and so does its recording: wherever a secret stood
// alone, a stand-in of the same name stands in the scenario.
package record

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"runbook/engine/journal"
	"runbook/engine/secret"
	"runbook/engine/source"
	"runbook/engine/syntax"
)

// Options are what a journal does not say.
type Options struct {
	Name    string // the scenario's name
	Title   string // what happened; the run's id and its date where it is empty
	Runbook string // the runbook's file, beside the scenario's
}

// File is a file of one scenario, as YAML. Its error is for a journal that is
// none.
func File(events []journal.Event, o Options) ([]byte, error) {
	sc, err := scenario(events, o)
	if err != nil {
		return nil, err
	}
	return syntax.Write(syntax.Pairs{{Key: "runbook", Value: o.Runbook}, {Key: "scenarios", Value: sc}})
}

// Into is a file of scenarios with one more, at its end. What stands there stays as
// it is, byte for byte.
func Into(f *source.File, events []journal.Event, o Options) ([]byte, error) {
	indent, err := end(f, o)
	if err != nil {
		return nil, err
	}
	sc, err := scenario(events, o)
	if err != nil {
		return nil, err
	}
	text, err := syntax.Write(sc)
	if err != nil {
		return nil, err
	}
	out := append([]byte(nil), f.Data...)
	if !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, '\n')
	}
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) > 0 {
			out = append(out, indent...)
		}
		out = append(out, line...)
	}
	return out, nil
}

// end is the indentation of a file's scenarios, when one more can be put at its
// end.
func end(f *source.File, o Options) (string, error) {
	root := syntax.Parse(f, func(source.Diagnostic) {})
	if root == nil || root.Kind != syntax.Mapping || len(root.Entries) == 0 {
		return "", fmt.Errorf("%s is no file of scenarios; name another file", f.Name)
	}
	last := root.Entries[len(root.Entries)-1]
	if last.Key.Value != "scenarios" || last.Value.Kind != syntax.Mapping || len(last.Value.Entries) == 0 {
		return "", fmt.Errorf("`scenarios` is not the last key of %s, and a scenario is added at the end; name another file, or put `scenarios` last", f.Name)
	}
	for _, e := range last.Value.Entries {
		if e.Key.Value == o.Name {
			return "", fmt.Errorf("%s has a scenario %s already; give another name", f.Name, o.Name)
		}
	}
	first := last.Value.Entries[0].Key.Span
	line := f.Data[:first.Start]
	indent := string(line[bytes.LastIndexByte(line, '\n')+1:])
	if strings.Trim(indent, " ") != "" || indent == "" {
		return "", fmt.Errorf("the scenarios of %s do not stand each on its own lines, so none can be added; name another file", f.Name)
	}
	return indent, nil
}

func scenario(events []journal.Event, o Options) (syntax.Pairs, error) {
	if len(events) == 0 || events[0].Type != journal.RunStarted {
		return nil, fmt.Errorf("a recording is made of a run from its beginning, and this journal has none")
	}
	r := &recording{state: journal.Fold(events), steps: map[string]*step{}, asked: map[string]time.Time{}}
	for _, e := range events {
		if err := r.take(e); err != nil {
			return nil, fmt.Errorf("event %d cannot be read: %w", e.Seq, err)
		}
	}
	return syntax.Pairs{{Key: o.Name, Value: r.scenario(o)}}, nil
}

// recording is what was read of a journal so far.
type recording struct {
	state   *journal.State
	steps   map[string]*step     // by key
	order   []*step              // in the order of their first attempts
	asked   map[string]time.Time // when, by the question's key
	answers []answer
	others  []journal.Event // where other runbooks began
}

// step is a step that made attempts.
type step struct {
	id, key  string
	kind     string
	attempts []attempt
}

// attempt is one of them.
type attempt struct {
	request map[string]any
	journal.AttemptFinishedData
}

// answer is what a person said to a question.
type answer struct {
	name  string // the step's id, with >undo for an undo
	given journal.ApprovalAnsweredData
	after time.Duration
}

func (r *recording) take(e journal.Event) error {
	switch e.Type {
	case journal.AttemptStarted:
		d, err := journal.Decode[journal.AttemptStartedData](e)
		if err != nil {
			return err
		}
		r.begin(e, d)
	case journal.AttemptFinished:
		d, err := journal.Decode[journal.AttemptFinishedData](e)
		if err != nil {
			return err
		}
		r.finish(e, d)
	case journal.RunbookStarted:
		r.others = append(r.others, e)
	case journal.ApprovalRequested:
		r.asked[e.Key] = e.Time
	case journal.ApprovalAnswered:
		d, err := journal.Decode[journal.ApprovalAnsweredData](e)
		if err != nil {
			return err
		}
		r.answer(e, d)
	case journal.WaitFinished:
		d, err := journal.Decode[journal.WaitFinishedData](e)
		if err == nil && d.For == "person" {
			r.answer(e, journal.ApprovalAnsweredData{Choice: "done", By: "nobody"})
			r.answers[len(r.answers)-1].after += tooLate
		}
		return err
	}
	return nil
}

// tooLate is by how much something comes too late that the run did not wait for.
const tooLate = time.Hour

func (r *recording) answer(e journal.Event, d journal.ApprovalAnsweredData) {
	if d.Kind == "in_doubt" {
		return // a recording does not break off
	}
	name := r.within(e.Key) + e.Step
	if d.Kind == "undo" {
		name += ">undo"
	}
	r.answers = append(r.answers, answer{name, d, e.Time.Sub(r.asked[e.Key])})
}

// within are the steps that run the runbook which a key stands in, each with a
// slash behind: what a question's name begins with there.
func (r *recording) within(key string) string {
	out := ""
	for _, o := range r.others {
		if strings.HasPrefix(key, o.Key+"/") {
			out += o.Step + "/"
		}
	}
	return out
}

func (r *recording) begin(e journal.Event, d journal.AttemptStartedData) {
	if d.Role == "message" {
		return // no stub is for one: where none is for its host it counts as sent
	}
	key := journal.StepKey(e.Key)
	s := r.steps[key]
	if s == nil {
		s = &step{id: e.Step, key: key, kind: d.Kind}
		r.steps[key] = s
		r.order = append(r.order, s)
	}
	s.attempts = append(s.attempts, attempt{request: d.Request, AttemptFinishedData: journal.AttemptFinishedData{Ended: unfinished}})
}

// unfinished marks an attempt of which the journal has no end: the process that
// made it broke off.
const unfinished = "unfinished"

func (r *recording) finish(e journal.Event, d journal.AttemptFinishedData) {
	s := r.steps[journal.StepKey(e.Key)]
	if s == nil {
		return
	}
	s.attempts[len(s.attempts)-1].AttemptFinishedData = d
}

func (r *recording) scenario(o Options) syntax.Pairs {
	title := o.Title
	if title == "" {
		title = fmt.Sprintf("Recorded from %s of %s", r.state.Run, r.state.Began.UTC().Format("2 January 2006"))
	}
	out := syntax.Pairs{{Key: "title", Value: title}, {Key: "start", Value: r.state.Began.UTC().Format(time.RFC3339Nano)}}
	add := func(key string, v any) {
		if list, isList := v.([]any); isList && len(list) == 0 {
			return
		}
		if m, isMap := v.(map[string]any); isMap && len(m) == 0 {
			return
		}
		out = append(out, syntax.Pair{Key: key, Value: v})
	}
	http, results := r.calls()
	add("inputs", standIns(r.state.Started.Inputs))
	add("secrets", r.stands())
	add("http", http)
	add("results", results)
	add("answers", r.people())
	add("expect", r.expect())
	return out
}

// standIns puts the stand-ins of secrets where they stood.
func standIns(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if name, masked := v[secret.MaskedKey].(string); masked && len(v) == 1 {
			return standIn(name)
		}
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = standIns(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = standIns(x)
		}
		return out
	}
	return v
}

// standIn is a secret's value in a recording. None is a part of another's.
func standIn(name string) string {
	return "recorded-" + strings.ReplaceAll(declared(name), "/", "-") + "-0001"
}

// declared is the name that a file gives its secret: those of another file are
// journalled as FILE:NAME.
func declared(name string) string { return name[strings.LastIndex(name, ":")+1:] }

// stands are the declared secrets with their stand-ins.
func (r *recording) stands() map[string]any {
	out := map[string]any{}
	for _, name := range r.state.Started.Secrets {
		out[declared(name)] = standIn(name)
	}
	return out
}
